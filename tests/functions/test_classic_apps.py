"""A project of folders with a function.json each, behind `df.DFApp.from_function_json()`."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

import durable.functions as df

START = """
import azure.functions as func
import durable.functions as df
from ..shared.names import ORCHESTRATOR

async def main(req: func.HttpRequest, starter: str) -> func.HttpResponse:
    client = df.DurableOrchestrationClient(starter)
    instance_id = await client.start_new(ORCHESTRATOR, None, req.route_params["who"])
    return client.create_check_status_response(req, instance_id)
"""
ORCHESTRATOR = """
import durable.functions as df

def orchestrate(context):
    return (yield context.call_activity("Hello", context.get_input()))

main = df.Orchestrator.create(orchestrate)
"""
HELLO = """
from shared.names import GREETING

def greet(name: str) -> str:
    return f"{GREETING} {name}"
"""
TOLD = """
import azure.functions as func

def main(name: str, context: func.Context) -> str:
    return context.function_directory
"""
COUNTER = """
import durable.functions as df

def count(context):
    value = context.get_state(lambda: 0) + context.get_input()
    context.set_state(value)
    context.set_result(value)

main = df.Entity.create(count)
"""
CALLING = """
import durable.functions as df

def orchestrate(context):
    return (yield context.call_entity(df.EntityId("Counter", "a"), "add", 3))

main = df.Orchestrator.create(orchestrate)
"""
COPY = """
import azure.functions as func

def main(msg: func.QueueMessage, picture: func.Out[str]) -> str:
    return ""
"""

Project = Callable[..., Path]


def binding(kind: str, name: str, direction: str = "in", **members: Any) -> dict[str, Any]:
    """Write one binding."""
    return {"type": kind, "name": name, "direction": direction, **members}


@pytest.fixture(autouse=True)
def nothing_imported() -> Iterator[None]:
    """Forget every project afterwards: the next one has functions of the same names."""
    path = list(sys.path)
    yield
    sys.path[:] = path
    for name in list(sys.modules):
        if name.partition(".")[0] in {"__app__", "shared", "function_app"}:
            del sys.modules[name]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Write folders: name → (script, bindings, further members of function.json)."""

    def write(**functions: tuple[str, list[dict[str, Any]], dict[str, Any]]) -> Path:
        for name, (script, bindings, members) in functions.items():
            folder = tmp_path / name
            folder.mkdir()
            (folder / "__init__.py").write_text(script, encoding="utf-8")
            text = json.dumps({"bindings": bindings, **members}, indent=2)
            (folder / "function.json").write_text(text, encoding="utf-8")
        shared = tmp_path / "shared"
        shared.mkdir()
        (shared / "__init__.py").touch()
        (shared / "names.py").write_text("ORCHESTRATOR = 'Greeting'\nGREETING = 'Hello'\n")
        return tmp_path

    return write


def greeting(project: Project) -> Path:
    """Write a project with a start, an orchestrator, an activity and a queue function."""
    return project(
        Start=(
            START,
            [
                binding("httpTrigger", "req", authLevel="anonymous", route="go/{who}"),
                binding("http", "$return", "out"),
                binding("orchestrationClient", "starter"),
            ],
            {"scriptFile": "__init__.py"},
        ),
        Greeting=(ORCHESTRATOR, [binding("orchestrationTrigger", "context")], {}),
        Hello=(HELLO, [binding("activityTrigger", "name")], {"entryPoint": "greet"}),
        Copy=(
            COPY,
            [
                binding("queueTrigger", "msg", queueName="q", connection="C", dataType="string"),
                binding("blob", "picture", "out", path="a/{id}", connection="C"),
                binding("queue", "$return", "out", queueName="r", connection="C"),
            ],
            {"retry": {"strategy": "fixedDelay", "maxRetryCount": 4, "delayInterval": "00:00:10"}},
        ),
        Asleep=("raise RuntimeError", [binding("timerTrigger", "t")], {"disabled": True}),
    )


async def test_a_classic_activity_is_told_of_its_invocation(project: Project, host_of: Any) -> None:
    """`def main(name, context: func.Context)`: its `function_directory` is the folder."""
    root = project(
        Greeting=(ORCHESTRATOR, [binding("orchestrationTrigger", "context")], {}),
        Hello=(TOLD, [binding("activityTrigger", "name")], {}),
    )
    host = host_of(df.DFApp.from_function_json(root))
    client = await host.app._compose().client()
    instance_id = await client.start_new("Greeting")
    await host.run()
    assert (await client.get_status(instance_id)).output == str(root / "Hello")


async def test_a_classic_entity_is_called_signaled_and_read(project: Project, host_of: Any) -> None:
    """By the folder's name, or the one that `entityName` gives."""
    called = binding("entityTrigger", "context", entityName="Tally")
    root = project(
        Counter=(COUNTER, [binding("entityTrigger", "context")], {}),
        Other=(COUNTER, [called], {}),
        Calling=(CALLING, [binding("orchestrationTrigger", "context")], {}),
    )
    host = host_of(df.DFApp.from_function_json(root))
    client = await host.app._compose().client()
    await client.signal_entity(df.EntityId("Counter", "a"), "add", 2)
    await host.run()
    instance_id = await client.start_new("Calling")
    await host.run()
    assert (await client.get_status(instance_id)).output == 5
    assert not (await client.read_entity_state(df.EntityId("Tally", "a"))).entity_exists


async def test_a_classic_project_runs_with_one_more_file(project: Project, host_of: Any) -> None:
    """Relative and shared imports, entry points and the client made from `starter` all work."""
    host = host_of(df.DFApp.from_function_json(greeting(project)))
    response = await host.functions["Start"](
        req=_request({"who": "Ada"}),
    )
    instance_id = json.loads(response.get_body())["id"]
    await host.run()
    status = await (await host.app._compose().client()).get_status(instance_id)
    assert (response.status_code, status.output) == (202, "Hello Ada")


def test_the_host_sees_the_bindings_word_for_word(project: Project) -> None:
    """Route, level, connections and retries are the function.json's; no durable binding is left."""
    app = df.DFApp.from_function_json(greeting(project))
    functions = {each.get_function_name(): each for each in app.get_functions()}
    assert {"Start", "Copy"} == {name for name in functions if not str(name).startswith("durable_")}
    start, copy = (
        [json.loads(text) for text in functions[name].get_raw_bindings()]
        for name in ("Start", "Copy")
    )
    assert start == [
        binding("httpTrigger", "req", authLevel="anonymous", route="go/{who}"),
        binding("http", "$return", "out"),
    ]
    assert copy[1] == binding("blob", "picture", "out", path="a/{id}", connection="C")
    assert copy[0]["dataType"] == "string"
    assert functions["Start"].is_http_function()
    assert functions["Copy"].get_settings_dict("retry_policy") == {
        "setting_name": "retry_policy",
        "strategy": "fixed_delay",
        "max_retry_count": "4",
        "delay_interval": "00:00:10",
    }


def test_the_one_more_file_needs_no_path(project: Project) -> None:
    """Where no root is given it is the folder of the file that asks."""
    root = greeting(project)
    file = root / "function_app.py"
    file.write_text("import durable.functions as df\napp = df.DFApp.from_function_json()\n")
    scope: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), scope)
    assert "Start" in [each.get_function_name() for each in scope["app"].get_functions()]


ENTITY = [binding("entityTrigger", "context")]
PAINTED = [*ENTITY, binding("blob", "picture", path="a/b")]
TWO = [binding("queueTrigger", "a"), binding("timerTrigger", "b")]
FURTHER = [binding("activityTrigger", "name"), binding("blob", "picture", path="a/b")]
CLIENT = [binding("httpTrigger", "req"), binding("durableClient", "client")]
RETRIED = [binding("activityTrigger", "name")]


@pytest.mark.parametrize(
    ("script", "bindings", "members", "said"),
    [
        ("def main(context): yield", ENTITY, {}, r"function 'Fn': .*'Fn' is a generator"),
        ("def main(context, picture): ...", PAINTED, {}, r":9: .*entities.*'picture' of type"),
        ("def main(a, b): ...", TWO, {}, r":2: function 'Fn': it has 2 triggers"),
        ("def main(name, picture): ...", FURTHER, {}, r":9: .*'picture' of type 'blob'"),
        ("def main(req): ...", CLIENT, {}, r":10: .*no parameter 'client'"),
        ("def main(name): ...", RETRIED, {"retry": {}}, r":9: .*call_activity_with_retry"),
        ("def other(name): ...", RETRIED, {}, r"no function 'main'"),
        ("def main(name): yield", RETRIED, {}, r"'Fn': Activity 'Fn' is a generator"),
        ("def main(a, b): ...", RETRIED, {}, r"'Fn' takes \(a, b\)"),
        ("import nowhere", RETRIED, {}, r"ModuleNotFoundError: No module named 'nowhere'"),
        ("", RETRIED, {"scriptFile": "run.py"}, r":9: .*no script run.py"),
        ("", RETRIED, {"scriptFile": "../../x.py"}, r":9: .*no script x.py"),
        ("def main(t): ...", [{"type": "timerTrigger"}], {}, r":2: .*'bindings' must be a list"),
    ],
)
def test_every_error_names_the_folder_and_the_line_to_change(
    project: Project,
    script: str,
    bindings: list[dict[str, Any]],
    members: dict[str, Any],
    said: str,
) -> None:
    """The app does not start, and its log says where to look."""
    root = project(Fn=(script, bindings, members))
    with pytest.raises(df.BindingRefusedError) as refused:
        df.DFApp.from_function_json(root)
    assert re.search(r"Fn.function\.json:\d+: function 'Fn': ", str(refused.value))
    assert re.search(said, str(refused.value))


def test_a_function_json_that_is_not_json_is_named(tmp_path: Path) -> None:
    """So is a folder without any."""
    with pytest.raises(df.BindingRefusedError, match=r"has no folder with a function\.json"):
        df.DFApp.from_function_json(tmp_path)
    (tmp_path / "Fn").mkdir()
    (tmp_path / "Fn" / "function.json").write_text("{")
    with pytest.raises(df.BindingRefusedError, match="'Fn': it is not valid JSON"):
        df.DFApp.from_function_json(tmp_path)


def _request(route_params: dict[str, str]) -> Any:
    return func.HttpRequest(
        "POST", "http://localhost:7071/api/go/x", body=b"", route_params=route_params
    )
