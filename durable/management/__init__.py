"""THE HTTP API AS VALUES: a `Request` goes in, a `Response` comes out (the extension's tree).

Who may live here: routes, the checks at the door, payloads, and what each route asks of the client.
It knows the client; it knows no web framework, no Functions host, no worker and no replay.
Enter by `api.ManagementApi`.
"""
