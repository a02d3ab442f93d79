"""THE WORLD: a task hub on the memory store, hosts that serve it, and everything that can go wrong.

Here live virtual time, the gate in front of every storage call with its faults, hosts, and the
journal of what the store accepted. One thread, no wall clock, chance from a seed alone: the same
seed and faults give the same run. It judges nothing: that is what the oracles are for.
"""
