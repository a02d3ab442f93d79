"""THE WORDS: frozen values that every other room speaks in, and their one form on the wire.

Here live ids, history events, actions, messages, the instance record, statuses, failures, errors
and the codec. Nothing here waits, reads a clock, draws a random number or touches the network, and
nothing here imports another room.
"""
