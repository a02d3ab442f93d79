"""Which route a request takes, as ASP.NET's templates decide it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.devhost.routes import (
    Found,
    MethodRefused,
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


def test_the_most_literal_route_wins_whatever_the_order() -> None:
    """Literal before constrained before free parameter before the rest of the path."""
    routes = table("api/{*rest}", "api/{name}", "api/{n:int}", "api/fixed")
    taken = [routes.find("GET", f"/api/{end}") for end in ("fixed", "7", "other", "a/b")]
    assert [f.target for f in taken if isinstance(f, Found)] == [
        "api/fixed",
        "api/{n:int}",
        "api/{name}",
        "api/{*rest}",
    ]


def test_a_known_path_with_a_foreign_method_names_the_methods_of_all_its_routes() -> None:
    """405 is told from 404, with what would have been allowed."""
    routes = RouteTable(
        [
            Route(compile_template("a/{x}"), frozenset({"GET"}), 1),
            Route(compile_template("a/{y}"), frozenset({"POST"}), 2),
        ]
    )
    assert routes.find("DELETE", "/a/1") == MethodRefused(frozenset({"GET", "POST"}))
    assert routes.find("post", "/a/1") == Found(2, {"y": "1"})


@pytest.mark.parametrize(
    "template",
    [
        "{*rest}/x",
        "a/{x?}/b",
        "a/{x}{y}",
        "a/{x}/{X}",
        "a/{",
        "a/{x:regex(a)}",
        "{x:nope}",
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
