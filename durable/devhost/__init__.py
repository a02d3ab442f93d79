"""THE LOCAL DOOR: runs a function app's plain triggers on this machine, without `func`.

What belongs here: reading an app as the Azure Functions host reads it (settings, host.json,
indexing), its HTTP and queue listeners, and starting the storage emulator. It behaves as the real
host does, down to the constants; `docs/devhost.md` lists every difference.
What this room does not know: orchestrations. It imports no other room of `durable`.
"""
