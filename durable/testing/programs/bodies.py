"""The orchestrations of the programs written by hand. Each name says what it is about."""

from durable.testing.programs.syntax import (
    Activity,
    AllOf,
    AnyOf,
    Await,
    Block,
    CallActivity,
    Cancel,
    Clock,
    Constant,
    If,
    Let,
    Made,
    Make,
    Repeat,
    Return,
    Row,
    SetStatus,
    SetTimer,
    Sum,
    Try,
    Value,
    Variable,
    WaitForEvent,
)

LARGE_CHARS = 40_000
HOUR_S = 3600
NEVER = WaitForEvent("never")

ACTIVITIES = (
    Activity("echo", Variable("input")),
    Activity("increment", Sum((Variable("input"), Constant(1)))),
    Activity("even", Variable("input"), fails_if=Variable("input"), error="odd"),
)


def echo(value: Value) -> CallActivity:
    """Call the activity that gives its input back."""
    return CallActivity("echo", Constant(value))


def increment(name: str) -> Await:
    """Add one to a variable, in an activity."""
    return Await(name, CallActivity("increment", Variable(name)))


def fan(width: int) -> Block:
    """Call so many activities at once."""
    calls = tuple(CallActivity("increment", Constant(number)) for number in range(width))
    return (
        Await("all", AllOf(calls)),
        Return(Row((Variable("all"), Sum((Variable("all"),))))),
    )


SEQUENCE: Block = (Repeat(5, (increment("input"),)), Return(Variable("input")))
SHORT: Block = (Repeat(2, (increment("input"),)), Return(Variable("input")))

BURSTS: Block = (
    Repeat(
        3,
        (
            Await("number", WaitForEvent("number")),
            Await(
                "fan",
                AllOf(
                    tuple(
                        CallActivity("echo", Row((Variable("number"), Constant(index))))
                        for index in range(5)
                    )
                ),
            ),
            Let("total", Sum((Variable("total"), Variable("fan")))),
        ),
    ),
    Return(Variable("total")),
)

RACE: Block = (
    Await("_", SetTimer(15)),
    Make("timer", SetTimer(HOUR_S)),
    Await("first", AnyOf((Made("timer"), WaitForEvent("go")))),
    Cancel("timer"),
    SetStatus(Constant("decided")),
    Await("done", CallActivity("echo", Variable("first"))),
    Return(Variable("done")),
)


def _after_each_event(collected: Row | Sum) -> Block:
    return (
        Let("seen", Constant(())),
        Repeat(
            3,
            (
                Await("number", WaitForEvent("number")),
                Await("number", CallActivity("echo", Variable("number"))),
                Let("seen", collected),
            ),
        ),
        Return(Variable("seen")),
    )


EVENTS = _after_each_event(Sum((Variable("seen"), Variable("number"))))
EVENTS_IN_ORDER = _after_each_event(Row((Variable("seen"), Variable("number"))))

CAUGHT: Block = (
    Try(
        (Await("value", CallActivity("even", Constant(3))), Return(Constant("not reached"))),
        "error",
        (Await("handled", CallActivity("echo", Variable("error"))),),
    ),
    Return(Row((Variable("error"), Variable("handled"), Variable("value")))),
)

UNCAUGHT: Block = (
    increment("input"),
    SetStatus(Constant("about to fail")),
    Await("value", CallActivity("even", Variable("input"))),
    Return(Variable("value")),
)

SIBLINGS: Block = (
    Try(
        (Await("all", AllOf((echo(1), CallActivity("even", Constant(1)), SetTimer(5), echo(2)))),),
        "error",
        (Return(Variable("error")),),
    ),
)

SHARED: Block = (
    Make("one", echo(1)),
    Make("two", echo(2)),
    Await("both", AllOf((Made("two"), Made("one"), Made("two")))),
    Make("race", AnyOf((Made("never made before"), Made("one")))),
    Await("nested", AllOf((Made("race"), AnyOf((NEVER, Made("two")))))),
    Await("again", Made("one")),
    Return(Row((Variable("both"), Variable("nested"), Variable("again")))),
)

LOSER: Block = (
    Make("one", echo(1)),
    Make("two", echo(2)),
    Await("first", AnyOf((Made("one"), Made("two")))),
    Await("both", AllOf((Made("one"), Made("two"), echo(3)))),
    Return(Row((Variable("first"), Variable("both")))),
)

KEPT_EVENT: Block = (
    Await("first", AnyOf((SetTimer(5), WaitForEvent("go")))),
    Await("second", AnyOf((SetTimer(HOUR_S), WaitForEvent("go")))),
    Return(Row((Variable("first"), Variable("second")))),
)

STATUS: Block = (
    SetStatus(Constant("begun")),
    increment("input"),
    SetStatus(Row((Constant("at"), Variable("input")))),
    increment("input"),
    If(Variable("input"), (SetStatus(Constant(None)),)),
    Return(Variable("input")),
)

GO: Block = (
    SetStatus(Variable("input")),
    Await("go", WaitForEvent("go")),
    Await("done", CallActivity("echo", Row((Variable("input"), Variable("go"))))),
    Return(Variable("done")),
)

TWICE: Block = (
    increment("input"),
    Await("both", AllOf((WaitForEvent("go"), CallActivity("increment", Variable("input"))))),
    Return(Variable("both")),
)

OUTSTANDING: Block = (
    SetStatus(Constant("waiting")),
    Await("all", AllOf((echo(1), echo(2), echo(3), SetTimer(30), NEVER))),
    Return(Variable("all")),
)

FIRST_OF_THREE: Block = (
    Await("_", AnyOf((echo(1), echo(2), echo(3)))),
    Return(Constant("the first has come")),
)

CLOCK: Block = (
    Let("first", Clock()),
    Await("_", SetTimer(10)),
    Let("second", Clock()),
    Await("_", AllOf((SetTimer(20), echo(1)))),
    Return(Row((Variable("first"), Variable("second"), Clock()))),
)

NESTED: Block = (
    Await(
        "all",
        AllOf(
            (
                AnyOf((NEVER, echo(1))),
                AllOf((AnyOf((SetTimer(1), NEVER)), CallActivity("increment", Constant(1)))),
                # A race takes no notice of a failure but as a winner.
                AnyOf((AllOf((NEVER, CallActivity("even", Constant(5)))),)),
            )
        ),
    ),
    Return(Variable("all")),
)

TIMERS: Block = (
    Await("all", AllOf((SetTimer(10), SetTimer(10), AllOf((SetTimer(10), SetTimer(9))), echo(1)))),
    Return(Variable("all")),
)

CANCELLED: Block = (
    Make("timer", SetTimer(HOUR_S)),
    Await("_", AnyOf((echo(1), Made("timer")))),
    Cancel("timer"),
    Await("done", echo("done")),
    Return(Variable("done")),
)

LARGE: Block = (
    Await("copy", CallActivity("echo", Variable("input"))),
    Await("more", CallActivity("echo", Constant("y" * LARGE_CHARS))),
    Return(Row((Variable("copy"), Variable("more"), Sum((Variable("copy"),))))),
)

CANCELLED_AND_WAITED_FOR: Block = (
    Make("timer", SetTimer(20)),
    Await("first", AnyOf((Made("timer"), echo(1)))),
    Cancel("timer"),
    Await("second", AnyOf((Made("timer"), SetTimer(60)))),
    Return(Row((Variable("first"), Variable("second")))),
)

DEAF: Block = (
    SetStatus(Constant("begun")),
    Try(
        (Await("all", AllOf((echo(1), SetTimer(30), NEVER))),),
        "error",
        (SetStatus(Constant("an end is no error")), Await("more", echo(2))),
    ),
    Return(Variable("all")),
)

FAR_TIMERS: Block = (
    Await("both", AllOf((SetTimer(2 * HOUR_S), SetTimer(2 * HOUR_S)))),
    Return(Constant("both")),
)

LARGE_BURSTS: Block = (
    Repeat(
        2,
        (
            Await("text", WaitForEvent("text")),
            Await("both", AllOf((CallActivity("echo", Variable("text")), echo(1)))),
            Let("total", Sum((Variable("total"), Variable("both")))),
        ),
    ),
    Return(Variable("total")),
)

TIES: Block = (
    Make("one", echo(1)),
    Make("first", AllOf((Made("one"),))),
    Make("second", AllOf((Made("one"), AnyOf((Made("one"), NEVER))))),
    Await("winner", AnyOf((Made("second"), Made("first"), Made("one")))),
    Return(Variable("winner")),
)
