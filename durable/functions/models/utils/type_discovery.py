"""What looked for result types: there, and not served."""

from durable.functions.unserved import INTERNAL, unserved

activity_output_type = unserved("activity_output_type", INTERNAL)
sub_orchestrator_output_type = unserved("sub_orchestrator_output_type", INTERNAL)
