"""The port on Azure Storage: tables, queues and blobs of one task hub, through Azure's SDKs.

Who may live here: what turns a call of the port into one request, and an answer into an outcome.
Only this folder imports the storage SDKs, azure-core and azure-identity; enter by `hub.open_store`.
It does not know what the columns, bodies and texts mean, and it repeats no write: whoever needs to
know what became of one reads.
"""
