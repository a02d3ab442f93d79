"""The names of `azure.durable_functions.decorators`, 1.7.

No code: names of the room above under 1.7's.
"""
