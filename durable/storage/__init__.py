"""THE FLOOR: the port, what stands on it (`partition`, `payloads`), and the stores.

A store keeps columns, bodies and texts. It knows no orchestration, no event kind and no rule of
the protocol but the store's own half of rule C (which is in `partition`, over any store).
"""
