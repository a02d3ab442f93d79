"""THE HANDS: admit, load, decide, commit, dispatch; and running activities.

Here lives what turns a message into a committed episode and its sends. It knows the port, not the
stores; it knows no host. Its only clock, chance and waiting are in `environment`. The door is
`worker`.
"""
