"""Old histories against today's code: in a unit test, or as a gate before a deployment.

Who may live here: reading and saving histories, replaying them, and reports that a person reads.
What it does not know: how an orchestration is run (`durable.testing.running`). Nothing here writes
to a hub.
"""
