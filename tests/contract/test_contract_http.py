"""Contract of the HTTP trigger and the admin API."""

import json

import pytest

from tests.contract.grounds import Grounds

ROUTING = "functions host: HTTP trigger, WebScriptHostHttpRoutesManager.cs of azure-functions-host"
TEMPLATES = "functions host: HTTP trigger, ASP.NET Core route templates"
WORKER = "functions host: HTTP trigger, RpcHttp messages to the Python worker"


@pytest.mark.point(f"{WORKER}: method, query, route values, headers, body")
def test_a_request_reaches_its_function_whole(grounds: Grounds) -> None:
    """Bytes stay bytes, header names come in lower case, route values are decoded."""
    body = bytes(range(256))
    answer = grounds.call("/api/echo/A%20b/7?x=1", method="PUT", body=body, X_Mixed_Case="Value")
    seen = answer.json
    assert (seen["method"], seen["params"]) == ("PUT", {"x": "1"})
    assert seen["route"] == {"name": "A b", "number": "7"}
    assert bytes.fromhex(seen["body"]) == body
    assert seen["headers"]["x-mixed-case"] == "Value"


@pytest.mark.point(f"{WORKER}: status, headers and body of HttpResponse")
def test_an_answer_goes_out_whole(grounds: Grounds) -> None:
    """Status, own headers and content type are the function's."""
    answer = grounds.call("/api/echo/x")
    assert answer.status == 202
    assert answer.headers["X-Contract"] == "yes"
    assert answer.headers["Location"] == "http://elsewhere/"
    assert answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.point(f"{WORKER}: an empty value of the query is dropped")
def test_empty_query_values_do_not_reach_the_function(grounds: Grounds) -> None:
    """The others do."""
    assert grounds.call("/api/echo/x?empty=&full=1").json["params"] == {"full": "1"}


@pytest.mark.point(f"{WORKER}: repeated query values are joined")
def test_repeated_query_values_are_joined_by_commas(grounds: Grounds) -> None:
    """In their order."""
    assert grounds.call("/api/echo/x?a=1&a=2").json["params"] == {"a": "1,2"}


@pytest.mark.point("functions host: HTTP trigger, host.json extensions.http.routePrefix is api")
def test_routes_lie_under_the_prefix(grounds: Grounds) -> None:
    """Without it there is nothing."""
    assert grounds.call("/api/only-post", method="POST", body=b"").status == 200
    assert grounds.call("/only-post", method="POST", body=b"").status == 404


@pytest.mark.point(f"{TEMPLATES}: literals match without regard to case")
def test_paths_are_matched_without_regard_to_case(grounds: Grounds) -> None:
    """Values keep theirs."""
    assert grounds.call("/API/Echo/MiXed").json["route"] == {"name": "MiXed"}


@pytest.mark.point(f"{TEMPLATES}: an optional parameter may be absent")
def test_an_optional_parameter_may_be_absent(grounds: Grounds) -> None:
    """Then it is not among the route values."""
    assert grounds.call("/api/echo/x").json["route"] == {"name": "x"}


@pytest.mark.point(f"{TEMPLATES}: a constraint that fails is 404")
def test_a_value_that_breaks_its_constraint_is_not_found(grounds: Grounds) -> None:
    """`{number:int?}` takes no word."""
    assert grounds.call("/api/echo/x/seven").status == 404


@pytest.mark.parametrize(
    ("path", "rest"), [("/api/rest/a/b%20c", "a/b c"), ("/api/rest", "nothing")]
)
@pytest.mark.point(f"{TEMPLATES}: a catch-all takes the rest of the path")
def test_a_catch_all_takes_the_rest_of_the_path(grounds: Grounds, path: str, rest: str) -> None:
    """The rest may be empty."""
    assert grounds.call(path).body.decode() == rest


@pytest.mark.point(f"{ROUTING}: methods are a route constraint")
def test_another_method_on_a_known_path_is_not_found(grounds: Grounds) -> None:
    """404, not 405 (azure-functions-host issue 10098)."""
    assert grounds.call("/api/only-post").status == 404


@pytest.mark.point(f"{ROUTING}: routes are tried by function name (FunctionMetadataManager.cs)")
def test_of_two_routes_that_fit_the_first_function_by_name_answers(grounds: Grounds) -> None:
    """A literal path does not come before a catch-all."""
    assert grounds.call("/api/order/literal").body == b"first by name"


@pytest.mark.point("functions host: HTTP trigger, an unhandled exception is 500 without a body")
def test_a_function_that_raises_is_500_with_an_empty_body(grounds: Grounds) -> None:
    """Nothing of the exception gets out."""
    answer = grounds.call("/api/raise")
    assert (answer.status, answer.body) == (500, b"")


@pytest.mark.point("functions host: HTTP trigger, HttpBinding.CreateResult: a str with a body")
def test_a_str_that_is_a_json_object_with_a_body_is_taken_for_a_response(
    grounds: Grounds,
) -> None:
    """Its status and body are used; return HttpResponse to send such a text."""
    answer = grounds.call("/api/object")
    assert (answer.status, answer.body) == (203, b"inside")


@pytest.mark.point("functions host: admin API, HostController.GetHostStatus")
def test_the_admin_api_tells_that_the_host_is_running(grounds: Grounds) -> None:
    """A deployed host asks for the master key."""
    assert grounds.call("/admin/host/status").json["state"] == "Running"


@pytest.mark.point("functions host: admin API, FunctionsController.List and Get")
def test_the_admin_api_lists_functions_with_their_bindings(grounds: Grounds) -> None:
    """By name, without regard to case."""
    listed = {each["name"]: each for each in grounds.call("/admin/functions").json}
    assert {"queue_plain", "timer_often", "echo"} <= set(listed)
    one = grounds.call("/admin/functions/ECHO").json
    kinds = {binding["type"] for binding in one["config"]["bindings"]}
    assert (one["name"], kinds) == ("echo", {"httpTrigger", "http"})


@pytest.mark.point("functions host: admin API, FunctionsController.Invoke")
def test_a_queue_function_can_be_run_by_hand(grounds: Grounds) -> None:
    """202, and the input is the body of the message."""
    case = grounds.case()
    answer = grounds.call(
        "/admin/functions/queue_text",
        method="POST",
        body=json.dumps({"input": case}).encode(),
        Content_Type="application/json",
    )
    assert answer.status == 202
    assert grounds.reports(case)[0]["type"] == "str"


@pytest.mark.point("functions host: admin API, FunctionsController.Invoke of nothing")
def test_running_an_unknown_function_by_hand_is_not_found(grounds: Grounds) -> None:
    """404, and a body that is no object is 400."""
    path, kind = "/admin/functions/nobody", "application/json"
    assert grounds.call(path, method="POST", body=b"{}", Content_Type=kind).status == 404
    path = "/admin/functions/queue_text"
    assert grounds.call(path, method="POST", body=b"null", Content_Type=kind).status == 400
