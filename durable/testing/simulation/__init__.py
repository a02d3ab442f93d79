"""SIMULATION: experiments, one at a time or as many as a budget allows, and what they come to.

Here the other packages of this room meet: a program runs in a world under the oracles. The door
for an app's own tests is `rehearsal.rehearse`; the command line is
`python -m durable.testing.simulation`.
"""
