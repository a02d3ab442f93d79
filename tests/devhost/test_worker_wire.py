"""The pipe between host and worker: what goes in comes out, however it is cut."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from durable.devhost.datum import Datum, HttpRequest, HttpResponse
from durable.devhost.worker_wire import FrameReader, encode_frame, from_wire, to_wire

TEXTS = st.dictionaries(st.text(), st.text(), max_size=3)
REQUESTS = st.builds(
    HttpRequest,
    method=st.text(),
    url=st.text(),
    headers=TEXTS,
    query=TEXTS,
    params=TEXTS,
    body=st.binary(),
)
RESPONSES = st.builds(
    HttpResponse,
    status=st.integers(100, 599),
    headers=TEXTS,
    set_cookies=st.lists(st.text(), max_size=3).map(tuple),
    body=st.binary(),
)
DATA = st.one_of(
    st.builds(Datum, st.text(), st.sampled_from(["string", "json"])),
    st.builds(Datum, st.binary(), st.just("bytes")),
    st.builds(Datum, st.integers(), st.just("int")),
    st.builds(Datum, st.floats(allow_nan=False), st.just("double")),
    st.builds(Datum, REQUESTS | RESPONSES, st.just("http")),
)
FRAMES = st.lists(st.dictionaries(st.text(), st.integers() | st.text(), max_size=3), max_size=5)


@given(DATA)
def test_every_value_crosses_the_pipe_unchanged(datum: Datum) -> None:
    """Text with any character, bytes, numbers, requests and responses survive JSON."""
    assert from_wire(json.loads(json.dumps(to_wire(datum)))) == datum


@given(FRAMES, st.integers(1, 40))
def test_frames_come_out_whole_and_in_order_however_the_pipe_cuts_them(
    frames: list[dict[str, Any]], size: int
) -> None:
    """A frame in many pieces, or many frames in one piece, make no difference."""
    content = b"".join(encode_frame(frame) for frame in frames)
    received: list[dict[str, Any]] = []
    reader = FrameReader(received.append)
    for start in range(0, len(content), size):
        reader.data_received(content[start : start + size])
    assert received == frames
