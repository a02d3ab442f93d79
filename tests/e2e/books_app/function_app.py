"""An app of books: each entity keeps the lines that were written in it, in the order of writing.

So a book itself tells who was first, who was between whom, and what was written twice. A line is
`[who, what]`.
"""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import durable.functions as df

app = df.DFApp()
Orchestration = Generator[Any, Any, Any]
Context = df.DurableOrchestrationContext
# How long a section takes beside what it does to its books.
PAUSE = timedelta(milliseconds=50)


@app.entity_trigger(context_name="context")
def book(context: df.DurableEntityContext) -> None:
    """Keep lines. What is copied goes into the book of copies too; to spoil a book fails."""
    lines, line = context.get_state(list), context.get_input()
    copies = df.EntityId("book", "copies")
    match context.operation_name:
        case "write":
            context.set_state([*lines, line])
            context.set_result({"line": line, "place": len(lines)})
        case "copy":
            context.signal_entity(copies, "write", line)
            context.set_state([*lines, line])
        case _:
            context.signal_entity(copies, "write", ["spoiled", line])
            context.set_state(["spoiled", line])
            raise ValueError(f"not by {line}")


@app.orchestration_trigger(context_name="context")
def writes(context: Context) -> Orchestration:
    """Write numbered lines: by signals and calls, and between them what fails; tell the replies."""
    order = context.get_input()
    who, shared = order["who"], df.EntityId("book", "shared")
    replies = []
    for number in range(0, 2 * order["rounds"], 2):
        context.signal_entity(shared, "spoil", who)
        context.signal_entity(shared, "copy", [who, number])
        replies.append((yield context.call_entity(shared, "write", [who, number + 1])))
        try:
            yield context.call_entity(shared, "spoil", who)
        except df.TaskFailedError as error:
            replies.append(str(error))
    return replies


@app.orchestration_trigger(context_name="context")
def locks(context: Context) -> Orchestration:
    """Signal two books, lock them, write as one comes in, and as one goes out; or leave before."""
    order = context.get_input()
    who, way = order["who"], order["way"]
    books = [df.EntityId("book", key) for key in order["books"]]
    for one in books:
        context.signal_entity(one, "write", [who, "comes"])
    with (yield context.lock(books)):
        yield context.task_all([context.call_entity(one, "write", [who, "in"]) for one in books])
        yield context.create_timer(context.current_utc_datetime + PAUSE)
        match way:
            case "fails":
                raise ValueError("enough")
            case "breaks a rule":
                yield context.call_entity(df.EntityId("book", "copies"), "write", ["broken", who])
            case "begins anew":
                context.continue_as_new({**order, "who": f"{who} again", "way": "goes"})
                return None
            case "waits":
                yield context.wait_for_external_event("go")
            case "waits for nothing":
                call = context.call_entity(books[0], "write", [who, "unheard"])
                yield context.task_any([call, context.call_activity("same", who)])
                return who
        yield context.task_all([context.call_entity(one, "write", [who, "out"]) for one in books])
    return who


@app.orchestration_trigger(context_name="context")
def postpones(context: Context) -> Orchestration:
    """Signal each book for so many seconds later; the line is when it is due."""
    now, order = context.current_utc_datetime, context.get_input()
    due = now + timedelta(seconds=order["after_s"])
    for key in order["books"]:
        book_id = df.EntityId("book", key)
        context.signal_entity(book_id, "write", due.isoformat(), scheduled_time=due)
    yield context.create_timer(now)


@app.activity_trigger(input_name="it")
def same(it: str) -> str:
    """Give back what comes."""
    return it
