"""The rooms: what each says of itself, how they hang together, and what the doors show.

The layers are import-linter's contracts (pyproject.toml). Here is what those cannot say, and the
rule about cycles once more, counted by ourselves.
"""

import ast
import subprocess
import sys
from collections import defaultdict

from tests.architecture.source_tree import ROOT, imports_of, product, report
from tests.compatibility.tree import PACKAGES, TREE

# Names that say nothing, so that everything ends up there.
EMPTY_NAMES = {"common", "core", "helper", "helpers", "manager", "misc", "util", "utils"}

# The public names of each door. A new one is put here on purpose, and into the changelog.
SURFACE: dict[str, set[str]] = {
    "durable": set(),
    "durable.testing": {
        "NEVER",
        "Call",
        "ChildCall",
        "EntityCall",
        "EntitySignal",
        "Event",
        "LockRequest",
        "NotCompletedError",
        "NotDeterministicError",
        "OrchestrationResult",
        "OrchestrationTest",
        "ReplayError",
        "ReplayReport",
        "ReplaySummary",
        "Replayer",
        "RestlessError",
        "RuntimeStatus",
        "SavedHistory",
        "SentEvent",
        "Timer",
        "UnexpectedCallError",
        "UnreadableHistoryError",
        "fetch_history",
        "from_events",
        "in_turn",
        "orchestrator_generator_wrapper",
        "read_history",
        "run_orchestrator",
        "save_history",
        "taking",
    },
    "durable.functions": {
        "ActivityContext",
        "BindingRefusedError",
        "Blueprint",
        "CleanEntityStorageResult",
        "Converter",
        "DFApp",
        "DurableEntityContext",
        "DurableError",
        "DurableFunctionsCompatibilityWarning",
        "DurableOrchestrationClient",
        "DurableOrchestrationContext",
        "DurableOrchestrationStatus",
        "Entity",
        "EntityFunctionNotFoundError",
        "EntityId",
        "EntityInUseError",
        "EntityMetadata",
        "EntityQuery",
        "EntityStateResponse",
        "FailureDetails",
        "InstanceEndedError",
        "InstanceExistsError",
        "InstanceNotEndedError",
        "InstanceNotFoundError",
        "InstanceNotRewindableError",
        "InvalidInstanceIdError",
        "InvalidPayloadError",
        "JsonConverter",
        "LockHolder",
        "LockNotHeldError",
        "LockingRulesViolationError",
        "ManagedIdentityTokenSource",
        "NotServedError",
        "OrchestrationRuntimeStatus",
        "Orchestrator",
        "OrchestratorNotFoundError",
        "PurgeHistoryResult",
        "ReplaceableStates",
        "RetryOptions",
        "StorageFault",
        "SyncDurableOrchestrationClient",
        "TaskFailedError",
        "current_activity",
        "durable_error",
    },
}
# The modules of azure-functions-durable 1.7 have its names, which are not ours to choose.
OF_1_7 = {f"durable.functions.{module}": set(names) for module, names in TREE.items() if module}
SURFACE |= {name: OF_1_7[name] for name in OF_1_7 if name.rpartition(".")[2] in PACKAGES}


def module_graph() -> dict[str, set[str]]:
    """Tell which modules of ours each module imports: lazily, for types, or plainly."""
    known = {file.module for file in product()}
    graph: dict[str, set[str]] = defaultdict(set)
    for file in product():
        for _, name in imports_of(file):
            # `from package import x` names a module x, or something inside the package.
            target = name if name in known else name.rpartition(".")[0]
            if target in known and target != file.module:
                graph[file.module].add(target)
    return graph


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    """Walk the graph from a module; gives all that it leads to."""
    seen: set[str] = set()
    open_ends = list(graph[start])
    while open_ends:
        module = open_ends.pop()
        if module not in seen:
            seen.add(module)
            open_ends.extend(graph.get(module, ()))
    return seen


def test_no_import_cycle_lazy_and_type_only_imports_included() -> None:
    """No module leads back to itself, whatever kind of import is followed."""
    graph = module_graph()
    offenders = [module for module in sorted(graph) if module in reachable(graph, module)]
    assert not offenders, report(offenders)


def test_no_import_is_hidden_in_a_function_or_in_type_checking() -> None:
    """Imports stand at the top of a file, where a reader and a linter look for them."""
    offenders = []
    for file in product():
        for node in ast.walk(file.tree):
            is_hiding = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
                isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
            )
            offenders += [
                f"{file.path}:{inner.lineno}"
                for inner in (ast.walk(node) if is_hiding else ())
                if isinstance(inner, ast.Import | ast.ImportFrom)
            ]
    assert not offenders, report(sorted(set(offenders)))


def test_every_package_states_its_entry_rule() -> None:
    """Each package's docstring says in at least two lines what belongs there and what does not."""
    offenders = [
        file.path
        for file in product()
        if file.is_package
        and len([line for line in (ast.get_docstring(file.tree) or "").splitlines() if line]) < 2
    ]
    assert not offenders, report(offenders)


def test_every_folder_with_code_is_a_package() -> None:
    """No folder of the product holds modules without an `__init__` that states its rule."""
    packages = {file.path.rpartition("/")[0] for file in product() if file.is_package}
    offenders = [file.path for file in product() if file.path.rpartition("/")[0] not in packages]
    assert not offenders, report(offenders)


def test_no_file_is_named_after_nothing() -> None:
    """No module or folder is called helpers, utils, common, manager or the like."""
    offenders = [
        file.path
        for file in product()
        if file.module not in OF_1_7
        if any(word in EMPTY_NAMES for part in file.module.split(".") for word in part.split("_"))
    ]
    assert not offenders, report(offenders)


def test_the_public_surface_is_what_is_listed_here() -> None:
    """A package's `__init__` that exports names is listed above with exactly these names."""
    offenders = []
    for file in product():
        exported = next(
            (
                ast.literal_eval(node.value)
                for node in file.tree.body
                if isinstance(node, ast.Assign)
                and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
            ),
            (),
        )
        if file.is_package and set(exported) != SURFACE.get(file.module, set()):
            offenders.append(f"{file.path} exports {sorted(exported)}")
    assert not offenders, report(offenders)


def test_the_root_loads_nothing_of_azure() -> None:
    """`import durable` in a fresh process brings in neither azure.functions nor any SDK."""
    ask = "import sys, durable; print(*(n for n in sys.modules if n.split('.')[0] == 'azure'))"
    answer = subprocess.run(
        [sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True
    )
    # A namespace package's .pth file may make an empty `azure` before anybody asks.
    assert set(answer.stdout.split()) <= {"azure"}, answer.stdout
