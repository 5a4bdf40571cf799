"""What strangers send, to every adapter: each case of "bad input: bytes" has its stated outcome, and nothing but Malformed
ever leaves an adapter.

The cases are made from a good message of the adapter's own captures, so a new adapter is tested the day it has captures.
"""

import gzip
import json
import math
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub import plugins
from hub.model import Message, Reading, Reason
from hub.ports import Adapter, Decoded, Malformed
from tests.support.captures import FOLDER, captures

KINDS = [kind for kind in sorted(plugins.find("adapters")) if (FOLDER / f"{kind}.jsonl").is_file()]  # test_captures misses it
JSON_STARTS = ("{", "[{")
JSON_KINDS = [kind for kind in KINDS if any(one.line.get("payload", "").startswith(JSON_STARTS) for one in captures(kind))]
OTHER_KINDS = [kind for kind in KINDS if kind not in JSON_KINDS]  # telegrams, frames, bare values
NUMBER = re.compile(r'("[^"\\]+"):(-?\d+(?:\.\d+)?)(?=[,}])')

LITTLE = 0.3
"""CPU seconds: a hundred times what a refusal takes, and far below what 100,000 levels would."""


class Good(NamedTuple):
    """A message that is understood, and the place in it of a number that ends in a reading's value."""

    adapter: Adapter
    message: Message
    text: str
    number: re.Match[str]

    def with_number(self, token: str) -> bytes:
        return f"{self.text[: self.number.start(2)]}{token}{self.text[self.number.end(2) :]}".encode()

    def with_member(self, member: bytes) -> bytes:
        """One more member, which no format knows, in the object or the first of an array's."""
        start = self.text.index("{") + 1
        return self.text[:start].encode() + b'"zz":' + member + b"," + self.text[start:].encode()

    def decode(self, payload: bytes) -> list[Decoded]:
        return list(self.adapter.decode(replace(self.message, payload=payload)))


def values(decoded: list[Decoded]) -> list[float]:
    return [found.value for found in decoded if isinstance(found, Reading)]


def good(kind: str) -> Good:
    """The kind's first capture that has such a number."""
    for capture in captures(kind):
        text = capture.message.payload.decode("utf-8", "replace")
        try:
            before = values(list(capture.adapter.decode(capture.message)))
        except Malformed:
            continue
        for number in NUMBER.finditer(text) if text.startswith(JSON_STARTS) and before else ():
            found = Good(capture.adapter, capture.message, text, number)
            try:
                after = values(found.decode(found.with_number(str(float(number[2]) + 0.5))))
            except Malformed:
                continue
            if len(after) == len(before) and after != before:
                return found
    raise AssertionError(f"no message in {kind}.jsonl has a number that ends in a value")


def deep(levels: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * levels + b"1" + closing * levels


KEYS = b"{" + b",".join(b'"k%d":1' % n for n in range(10_000)) + b"}"
Case = tuple[Callable[[Good], bytes], set[Reason]]
REFUSED: dict[str, Case] = {
    "empty": (lambda good: b"", {Reason.EMPTY}),
    "null": (lambda good: b"null", {Reason.WRONG_SHAPE}),
    "bare 42": (lambda good: b"42", {Reason.WRONG_SHAPE}),
    "bare text": (lambda good: b'"on"', {Reason.WRONG_SHAPE}),
    "top-level array": (lambda good: b"[" + good.text.encode() + b"]", {Reason.WRONG_SHAPE}),
    "truncated": (lambda good: good.text.encode()[:-1], {Reason.BAD_JSON}),
    "cut in half": (lambda good: good.text.encode()[: len(good.text) // 2], {Reason.BAD_JSON}),
    "trailing bytes": (lambda good: good.text.encode() + b"\x01", {Reason.BAD_JSON}),
    "two objects": (lambda good: good.text.encode() * 2, {Reason.BAD_JSON}),
    "invalid UTF-8": (lambda good: good.with_member(b'"\xff"'), {Reason.BAD_ENCODING}),
    "unknown encoding (GB18030)": (lambda good: good.with_member('"厨房"'.encode("gb18030")), {Reason.BAD_ENCODING}),
    "byte order mark": (lambda good: b"\xef\xbb\xbf" + good.text.encode(), {Reason.BAD_ENCODING}),
    "UTF-16": (lambda good: good.text.encode("utf-16"), {Reason.BAD_ENCODING}),
    "UTF-16 without mark": (lambda good: good.text.encode("utf-16-be"), {Reason.BAD_ENCODING}),
    "lone surrogate": (lambda good: good.with_member(rb'"\ud800"'), {Reason.BAD_ENCODING}),
    "low surrogate first": (lambda good: good.with_member(rb'"\udc00\ud800"'), {Reason.BAD_ENCODING}),
    "U+0000 in a text": (lambda good: good.with_member(rb'"a\u0000b"'), {Reason.BAD_ENCODING}),
    "U+0000 in a key": (lambda good: good.with_member(rb'{"a\u0000":1}'), {Reason.BAD_ENCODING}),
    "NaN": (lambda good: good.with_number("NaN"), {Reason.BAD_JSON}),
    "-Infinity": (lambda good: good.with_number("-Infinity"), {Reason.BAD_JSON}),
    "1e999": (lambda good: good.with_number("1e999"), {Reason.BAD_NUMBER}),
    "2^64": (lambda good: good.with_number(str(2**64)), {Reason.BAD_NUMBER}),
    "5,000 digits": (lambda good: good.with_number("9" * 5000), {Reason.BAD_NUMBER}),
    "true for a number": (lambda good: good.with_number("true"), {Reason.WRONG_TYPE}),
    "an object for a number": (lambda good: good.with_number("{}"), {Reason.WRONG_TYPE}),
    "an array for a number": (lambda good: good.with_number("[[]]"), {Reason.WRONG_TYPE}),
    "100 levels": (lambda good: good.with_member(deep(100)), {Reason.TOO_DEEP}),
    "100,000 levels": (lambda good: good.with_member(deep(100_000)), {Reason.TOO_DEEP}),
    "100,000 levels, open": (lambda good: b"[" * 100_000, {Reason.TOO_DEEP, Reason.BAD_JSON}),
    "100,000 levels of objects": (lambda good: deep(100_000, b'{"a":', b"}"), {Reason.TOO_LARGE, Reason.TOO_DEEP}),
    "levels behind brackets in texts": (lambda good: good.with_member(deep(100, b'{"}":', b"}")), {Reason.TOO_DEEP}),
    "a text of quotes that never closes": (lambda good: b"[" * 9 + b'"' + rb"\"" * 120_000, {Reason.BAD_JSON, Reason.TOO_DEEP}),
    "10,000 keys": (lambda good: good.with_member(KEYS), {Reason.TOO_LARGE}),
    "a 1 MB text": (lambda good: good.with_member(b'"' + b"x" * 1_000_000 + b'"'), {Reason.TOO_LARGE}),
    "a 4 MB array": (lambda good: b"[" + b"1," * 2_000_000 + b"1]", {Reason.TOO_LARGE}),
    "gzip": (lambda good: gzip.compress(good.text.encode()), {Reason.BAD_ENCODING}),
    "gzip bomb": (lambda good: gzip.compress(bytes(100_000_000), 1), {Reason.BAD_ENCODING, Reason.TOO_LARGE}),
}


@pytest.fixture(scope="module", params=JSON_KINDS)
def sample(request: pytest.FixtureRequest) -> Good:
    return good(request.param)


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_its_reason_and_at_no_cost(sample: Good, case: str) -> None:
    make, reasons = REFUSED[case]
    payload = make(sample)
    before = sample.decode(sample.message.payload)
    costs = []
    for _ in range(2):  # the collector may walk over the whole suite's objects in one of them
        begun = time.thread_time()
        with pytest.raises(Malformed) as refusal:
            sample.decode(payload)
        costs.append(time.thread_time() - begun)
    cost = min(costs)
    assert refusal.value.reason in reasons, refusal.value.detail
    assert refusal.value.detail and len(refusal.value.detail) < 400
    assert cost < LITTLE, f"{cost:.3f} s of CPU for a refusal"
    assert values(sample.decode(sample.message.payload)) == values(before), "good traffic is not what it was"


OF_NO_FORMAT: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "null": lambda: b"null",
    "an array": lambda: b"[[]]",
    "UTF-16": lambda: "21.5".encode("utf-16"),
    "byte order mark": lambda: b"\xef\xbb\xbf21.5",
    "100,000 levels": lambda: deep(100_000),
    "a 1 MB text": lambda: b"x" * 1_000_000,
    "a 1 MB number": lambda: b"9" * 1_000_000,
    "a 4 MB array": lambda: b"[" + b"1," * 2_000_000 + b"1]",
    "gzip": lambda: gzip.compress(b"21.5"),
    "gzip bomb": lambda: gzip.compress(bytes(100_000_000), 1),
}


@pytest.mark.parametrize("case", OF_NO_FORMAT)
@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_refused_by_formats_that_are_not_json(kind: str, case: str) -> None:
    """Their own ways to be broken (lengths, checksums, words) stand in their captures."""
    payload = OF_NO_FORMAT[case]()
    capture = next(one for one in captures(kind) if any("quantity" in entry for entry in one.line.get("expected", [])))
    before = values(list(capture.adapter.decode(capture.message)))
    begun = time.process_time()
    with pytest.raises(Malformed) as refusal:
        capture.adapter.decode(replace(capture.message, payload=payload))
    assert time.process_time() - begun < LITTLE
    assert refusal.value.detail and len(refusal.value.detail) < 400
    assert before and values(list(capture.adapter.decode(capture.message))) == before, "good traffic is not what it was"


def test_the_smallest_double_is_kept(sample: Good) -> None:
    assert all(math.isfinite(value) for value in values(sample.decode(sample.with_number("5e-324"))))


def test_minus_zero_is_zero(sample: Good) -> None:
    found = values(sample.decode(sample.with_number("-0.0")))
    assert found == values(sample.decode(sample.with_number("0.0")))
    assert all(math.copysign(1, value) == 1 for value in found if value == 0)


def test_of_duplicate_keys_the_last_wins(sample: Good) -> None:
    key, start = sample.number[1], sample.number.start(1)
    twice = f"{sample.text[:start]}{key}:1.5,{sample.text[start:]}"
    assert values(sample.decode(twice.encode())) == values(sample.decode(sample.message.payload))


def test_a_member_nobody_knows_changes_nothing(sample: Good) -> None:
    assert values(sample.decode(sample.with_member(b"true"))) == values(sample.decode(sample.message.payload))


# --- whatever comes -----------------------------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
ANY_JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
WHATEVER = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def holds(adapter: Adapter, message: Message) -> None:
    """Malformed, or readings that can be stored."""
    try:
        decoded = adapter.decode(message)
    except Malformed as refusal:
        assert isinstance(refusal.reason, Reason)
        assert refusal.detail
        return
    for found in decoded:
        if isinstance(found, Reading):
            assert type(found.value) is float and math.isfinite(found.value), found
            assert found.device and found.quantity and type(found.channel) is str, found
            assert found.time is None or (type(found.time) is int and 0 <= found.time < 253_402_300_800_000), found
            assert type(found.seq) is int and 0 <= found.seq < 2**63 and isinstance(found.quality, int), found


def spots(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value: the container and the key or index."""
    inner = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    return [spot for key, inside in inner for spot in [(value, key), *spots(inside)]]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_but_malformed_leaves_an_adapter(kind: str) -> None:
    samples = [(capture.adapter, capture.message) for capture in captures(kind)]

    @WHATEVER
    @given(st.sampled_from(samples), st.binary(max_size=80), st.integers(0, 400), st.integers(0, 8))
    def bytes_are_changed(sample: tuple[Adapter, Message], noise: bytes, at: int, cut: int) -> None:
        adapter, message = sample
        payload = message.payload
        holds(adapter, replace(message, payload=payload[:at] + noise + payload[at + cut :]))
        holds(adapter, replace(message, payload=noise))

    @WHATEVER
    @given(st.sampled_from(samples), st.data(), ANY_JSON)
    def fields_are_changed(sample: tuple[Adapter, Message], data: st.DataObject, other: Any) -> None:
        adapter, message = sample
        try:
            body = json.loads(message.payload)
        except ValueError:
            return
        if places := spots(body):
            container, key = data.draw(st.sampled_from(places))
            container[key] = other
            holds(adapter, replace(message, payload=json.dumps(body).encode()))

    @WHATEVER
    @given(st.sampled_from(samples), st.text(min_size=1, max_size=20), st.integers(0, 6))
    def topics_are_changed(sample: tuple[Adapter, Message], level: str, at: int) -> None:
        adapter, message = sample
        levels = message.topic.split("/")
        levels[min(at, len(levels) - 1)] = level
        holds(adapter, replace(message, topic="/".join(levels)))

    bytes_are_changed()
    fields_are_changed()
    topics_are_changed()
