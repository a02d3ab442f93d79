"""THE LOCAL DOOR: runs a function app's plain triggers on this machine, without `func`.

What belongs here: reading an app as the Azure Functions host reads it (settings, host.json,
indexing), its listeners, the worker process that runs its functions, and starting the storage
emulator. It behaves as the real host does, down to the constants; `docs/devhost.md` lists every
difference. Only the `worker_*` modules that run inside the worker may load the app's library.
What this room does not know: orchestrations. It imports no other room of `durable`.
"""
