"""What stands around the Bicep files agrees with them: parameters, azure.yaml, host.json."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from tests.infra.template import INFRA, ROOT, decorator, dotted, template

PLACEHOLDER = re.compile(r"^\$\{(?P<name>[A-Z_]+)(=(?P<default>[^}]*))?\}$")


def parameters_file() -> dict[str, str]:
    """Give each parameter's value as the file has it."""
    content = json.loads((INFRA / "main.parameters.json").read_text())
    return {name: entry["value"] for name, entry in content["parameters"].items()}


def azure_yaml() -> dict[str, Any]:
    """Read azure.yaml: mappings of plain scalars, two spaces a level, and nothing else."""
    root: dict[str, Any] = {}
    levels = [root]
    for line in (ROOT / "azure.yaml").read_text().splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = re.fullmatch(r"((?:  )*)([A-Za-z]+):(?: (\S+))?", line)
        assert found, f"this test does not understand {line!r}"
        depth = len(found[1]) // 2
        del levels[depth + 1 :]
        levels[depth][found[2]] = found[3] or {}
        if not found[3]:
            levels.append(levels[depth][found[2]])
    return root


def host_json() -> dict[str, Any]:
    """Read host.json."""
    content: dict[str, Any] = json.loads((ROOT / "host.json").read_text())
    return content


def seconds(text: str) -> float:
    """Read a TimeSpan of the form hh:mm:ss[.f]."""
    hours, minutes, rest = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=float(rest)).total_seconds()


def test_every_parameter_of_the_file_is_declared() -> None:
    """The parameters file sets what main.bicep has, and all that has no default."""
    declared = template("main").parameters
    needed = {name for name, parameter in declared.items() if parameter["default"] is None}
    assert needed <= set(parameters_file()) <= set(declared)


@pytest.mark.parametrize("name", sorted(parameters_file()))
def test_a_parameter_of_the_file_has_the_default_of_its_declaration(name: str) -> None:
    """Whoever sets nothing gets the same with `azd` as without."""
    declared = template("main").parameters[name]
    placeholder = PLACEHOLDER.match(parameters_file()[name])
    assert placeholder, "a value comes from azd's environment"
    default = declared["default"]
    assert placeholder["default"] == (None if default is None else str(default))
    allowed = decorator(declared, "allowed")
    assert allowed is None or default in allowed
    # azd turns text into a number or a truth value, and into nothing else.
    assert declared["type"] in {"string", "int", "bool"}


def test_the_module_gets_every_parameter_under_its_own_name() -> None:
    """main.bicep passes on what app.bicep asks for, of the same type, and drops nothing."""
    main, app = template("main"), template("app")
    passed = main.modules["app"]["config"]["params"]
    assert passed == {name: name for name in app.parameters}
    assert set(main.parameters) == set(app.parameters) - {"tags"}
    for name, parameter in main.parameters.items():
        assert parameter["type"] == app.parameters[name]["type"], name
        assert decorator(parameter, "description"), f"{name} is explained"


def test_every_output_of_the_module_exists() -> None:
    """What main.bicep gives out of app.bicep is an output there."""
    main, app = template("main"), template("app")
    taken = {str(dotted(output["value"])) for output in main.outputs.values()}
    found = {text.removeprefix("app.outputs.") for text in taken if text.startswith("app.outputs.")}
    assert found == set(app.outputs)


def test_azure_yaml_names_what_is_there() -> None:
    """One Python function app out of this folder, onto the resource with its tag."""
    content = azure_yaml()
    assert set(content) == {"name", "infra", "services"}
    infra = content["infra"]
    assert infra["provider"] == "bicep"
    assert (ROOT / infra["path"] / f"{infra['module']}.bicep").is_file()
    assert (ROOT / infra["path"] / f"{infra['module']}.parameters.json").is_file()
    [(service, settings)] = content["services"].items()
    assert settings == {
        "project": ".",
        "language": "python",
        "host": "function",
        "remoteBuild": "true",
    }
    assert f"'azd-service-name': '{service}'" in (INFRA / "app.bicep").read_text()


def test_host_json_is_within_the_hosts_bounds() -> None:
    """A value out of bounds would stop the host at its start, after the deployment."""
    content = host_json()
    assert content["version"] == "2.0"
    assert 60 <= seconds(content["functionTimeout"]) <= 1800
    queues = content["extensions"]["queues"]
    assert 1 <= queues["batchSize"] <= 32
    assert queues["newBatchThreshold"] >= 0
    assert queues["maxDequeueCount"] >= 5
    assert 0.1 <= seconds(queues["maxPollingInterval"]) <= 60
    assert seconds(queues["visibilityTimeout"]) >= 0


def test_host_json_leaves_the_message_encoding_alone() -> None:
    """The engine writes base64, the default; another encoding would hold for the whole app."""
    assert "messageEncoding" not in host_json()["extensions"]["queues"]


def test_host_json_brings_the_queue_extension() -> None:
    """Without the bundle the host knows no queue trigger."""
    bundle = host_json()["extensionBundle"]
    assert bundle["id"] == "Microsoft.Azure.Functions.ExtensionBundle"
    assert re.fullmatch(r"\[4\.\*, 5\.0\.0\)", bundle["version"])
