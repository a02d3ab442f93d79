"""The orchestrations that the clients of the client machine start.

They end by an event, by a failure, by a terminate, or never; one continues as new, one has two
children.
"""

from durable.testing.programs import bodies
from durable.testing.programs.syntax import (
    AllOf,
    Await,
    CallActivity,
    CallOrchestration,
    ContinueAsNew,
    Orchestration,
    Program,
    Return,
    SetTimer,
    Variable,
    WaitForEvent,
)

FAILS = "fails if its input is even"
GO = "waits for go"
ENDLESS = "ends when it is terminated"
FAR_S = 900
V = Variable("v")

ORCHESTRATIONS = (
    Orchestration(FAILS, bodies.UNCAUGHT),
    Orchestration(GO, bodies.GO),
    Orchestration("collects three numbers", bodies.EVENTS_IN_ORDER),
    Orchestration(
        "an execution for each number",
        (
            Await("v", WaitForEvent("number")),
            Await("v", CallActivity("echo", V)),
            ContinueAsNew(V),
        ),
    ),
    # One child that clients may call by its name, and start, and one that they may not.
    Orchestration(
        "waits for two children",
        (
            Await(
                "v",
                AllOf(
                    (
                        CallOrchestration(FAILS, Variable("input"), "c"),
                        CallOrchestration(GO, Variable("input")),
                    )
                ),
            ),
            Return(V),
        ),
    ),
    Orchestration(
        ENDLESS,
        (
            Await("v", AllOf((bodies.echo(1), bodies.echo(2), SetTimer(FAR_S), bodies.NEVER))),
            Return(V),
        ),
    ),
)
PROGRAM = Program("client machine", ORCHESTRATIONS, bodies.ACTIVITIES)
