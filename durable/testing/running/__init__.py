"""Orchestrators without a hub: no storage, no host, no waiting; a test is an ordinary function.

Who may live here: what drives `replay.decide` by itself, episode by episode, in virtual time, with
fakes in place of activities and children.
What it does not know: queues, tables, commits and faults (`durable.testing.world` has those), and
azure.functions.
"""
