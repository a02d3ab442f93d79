"""The names of `azure.durable_functions.models.utils`, 1.7. Its own room says "Internal Only".

Only `entity_utils` and `df_serialization` do something; the others can be imported, no more.
"""
