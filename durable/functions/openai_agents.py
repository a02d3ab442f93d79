"""`openai_agents` of azure-functions-durable 1.7: there, and not served."""

from durable.functions.unserved import PREVIEW, unserved

DurableAIAgentContext = unserved("DurableAIAgentContext", PREVIEW)
