"""ORACLES: who says whether what happened was right.

Here live the view of a hub that follows the journal, the invariants that hold after every storage
call, the refinement of accepted commits, and what must hold at rest. Each finding is a `Violation`
that names its oracle. Nothing here makes anything happen.
"""
