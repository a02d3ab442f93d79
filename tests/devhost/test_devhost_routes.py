"""Which route a request takes, as ASP.NET's templates decide it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.devhost.routes import (
    Found,
    Route,
    RouteError,
    RouteTable,
    compile_template,
)


def table(*templates: str, methods: frozenset[str] | None = None) -> RouteTable[str]:
    """A table of routes that lead to their own text."""
    return RouteTable(Route(compile_template(text), methods, text) for text in templates)


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("api/hello", "/api/hello", {}),
        ("api/hello", "/API/Hello/", {}),
        ("api/i/{id}", "/api/i/MiXed", {"id": "MiXed"}),
        ("api/i/{id}", "/api/i/a%20b%25%C3%A9", {"id": "a b%é"}),
        ("api/i/{id}", "/api/i/a%2Fb", {"id": "a%2Fb"}),
        ("api/i/{id?}", "/api/i", {}),
        ("api/i/{id?}", "/api/i/x", {"id": "x"}),
        ("api/n/{n:int}", "/api/n/-12", {"n": "-12"}),
        ("api/n/{n:int?}", "/api/n", {}),
        (
            "api/g/{g:guid}",
            "/api/g/6F9619FF-8B86-D011-B42D-00CF4FC964FF",
            {"g": "6F9619FF-8B86-D011-B42D-00CF4FC964FF"},
        ),
        ("api/{*rest}", "/api/a/b%20c/d", {"rest": "a/b c/d"}),
        ("api/{*rest}", "/api", {}),
        ("{*rest}", "/", {}),
        ("v{major:int}.{minor}", "/v1.20", {"major": "1", "minor": "20"}),
        ("api/{class}/{class_}", "/api/x/y", {"class": "x", "class_": "y"}),
    ],
)
def test_a_path_that_fits_gives_the_decoded_parameters(
    template: str, path: str, values: dict[str, str]
) -> None:
    """Literals ignore case, values keep theirs and are decoded, an encoded slash stays encoded."""
    assert table(template).find("GET", path) == Found(template, values)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("api/hello", "/api/hello/x"),
        ("api/hello", "/hello"),
        ("api/i/{id}", "/api/i"),
        ("api/i/{id}", "/api/i/a/b"),
        ("api/i/{id}", "/api/i//"),
        ("api/n/{n:int}", "/api/n/1x"),
        ("api/b/{b:bool}", "/api/b/yes"),
        ("api/a/{a:alpha}", "/api/a/a1"),
        ("api.x", "/apiyx"),
    ],
)
def test_a_path_that_does_not_fit_is_not_found(template: str, path: str) -> None:
    """A missing, extra or ill-typed segment is no match."""
    assert table(template).find("GET", path) is None


def test_the_first_route_that_fits_is_taken_however_literal_another_is() -> None:
    """The real host tries functions by name; a catch-all that comes first takes everything."""
    routes = table("api/{n:int}", "api/{name}", "api/fixed", "api/{*rest}")
    taken = [routes.find("GET", f"/api/{end}") for end in ("7", "fixed", "a/b")]
    assert [f.target for f in taken if f is not None] == [
        "api/{n:int}",
        "api/{name}",
        "api/{*rest}",
    ]


def test_a_method_is_one_condition_of_a_route() -> None:
    """With another method a route does not fit, and the next one is tried."""
    routes = RouteTable(
        [
            Route(compile_template("a/{x}"), frozenset({"GET"}), 1),
            Route(compile_template("a/{y}"), frozenset({"POST"}), 2),
        ]
    )
    assert routes.find("DELETE", "/a/1") is None
    assert routes.find("post", "/a/1") == Found(2, {"y": "1"})


@pytest.mark.parametrize(
    ("constraint", "fitting", "other"),
    [
        ("int", "-2147483648", "2147483648"),
        ("long", "9223372036854775807", "9223372036854775808"),
        ("alpha", "aZ", "a1"),
        ("bool", "TRUE", "yes"),
        ("guid", "6F9619FF-8B86-D011-B42D-00CF4FC964FF", "6F9619FF-8B86-D011-B42D"),
        ("guid", "6F9619FF8B86D011B42D00CF4FC964FF", "6F9619FF8B86D011B42D00CF4FC964F"),
        ("decimal", "-1.5", "1e5"),
        ("double", "1e5", "one"),
        ("float", ".5", "."),
        ("datetime", "2026-11-22T10:00:00", "2026-13-01"),
        ("datetime", "12-31-2026", "31-12-2026"),
        ("length(3)", "abc", "ab"),
        ("length(2,3)", "ab", "abcd"),
        ("minlength(2)", "ab", "a"),
        ("maxlength(2)", "ab", "abc"),
        ("min(18)", "18", "17"),
        ("max(18)", "18", "19"),
        ("range(1,5)", "5", "6"),
        ("regex(^a:\\d{{2}}$)", "A:12", "a:1"),
        ("int:min(1)", "1", "0"),
        ("alpha:minlength(2)", "ab", "a"),
        ("required", "x", ""),
    ],
)
def test_a_constraint_decides_whether_a_route_fits(
    constraint: str, fitting: str, other: str
) -> None:
    """Each of ASP.NET's constraints, and several on one parameter."""
    routes = table(f"a/{{x:{constraint}}}")
    assert routes.find("GET", f"/a/{fitting}") == Found(f"a/{{x:{constraint}}}", {"x": fitting})
    assert routes.find("GET", f"/a/{other}") is None


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("a/{x=1}", "/a", {"x": "1"}),
        ("a/{x=1}", "/a/2", {"x": "2"}),
        ("a/{x:int=1}/{y?}", "/a", {"x": "1"}),
        ("a/{x?}/{y?}", "/a/1", {"x": "1"}),
        ("a/{x?}/{y?}", "/a/1/2", {"x": "1", "y": "2"}),
        ("a/{x=1}/b", "/a/3/b", {"x": "3"}),
        ("a/{{x}}", "/a/{x}", {}),
        ("a/{**rest}", "/a/b/c", {"rest": "b/c"}),
        ("a/{*rest:minlength(2)}", "/a/bc", {"rest": "bc"}),
    ],
)
def test_absent_segments_take_their_default_or_nothing(
    template: str, path: str, values: dict[str, str]
) -> None:
    """Defaults, several optional segments, and braces that are meant."""
    assert table(template).find("GET", path) == Found(template, values)


@pytest.mark.parametrize(
    "template",
    [
        "{*rest}/x",
        "a/{x?}/b",
        "a/{x}{y}",
        "a/{x}/{X}",
        "a/{",
        "a/{x:regex(()}",
        "{x:nope}",
        "{x:length(a)}",
        "{x:min(1,2)}",
        "{x:int(3)}",
        "a/x}",
        "{x y}",
        "{*rest?}",
        "a{x?}",
    ],
)
def test_a_template_that_cannot_be_compiled_is_refused_with_its_text(template: str) -> None:
    """No route is silently read as something else."""
    with pytest.raises(RouteError, match="route '"):
        compile_template(template)


@given(st.text(min_size=1).filter(lambda text: text not in (".", "..")))
def test_any_percent_encoded_value_arrives_as_it_was_sent(value: str) -> None:
    """Encoding every byte and matching is the identity, slashes aside."""
    try:
        encoded = "".join(f"%{byte:02X}" for byte in value.encode())
    except UnicodeEncodeError:
        return
    found = table("i/{id}").find("GET", f"/i/{encoded}")
    assert found == Found("i/{id}", {"id": value.replace("/", "%2F")})
