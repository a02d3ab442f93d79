"""THE CALLER'S SIDE: start, query, raise events, terminate, over the port.

It meets the engine in the store alone: it knows messages and records, no worker and no replay.
The door is `durable_client.DurableClient`; it needs no function app around it.
"""
