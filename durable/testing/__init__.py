"""THE WORLD: seeded simulation of hosts on the memory store, with faults at every storage call.

Here lives what proves the engine and what users may test their orchestrations with: a virtual
clock, hosts that die, storage that lies about outcomes. Nothing here runs in production, and
production code has no hook for it: the gaps between port calls are the crash points.
"""
