"""THE MIND: pure and synchronous. (history, new events, user code, now) → decision.

Here lives what runs an orchestrator over its history: tasks, the context, the executor, the check
for determinism. The door is `episode.decide`. Nothing here waits, reads a clock or knows a store;
whatever user code does wrong comes back as a value.
"""
