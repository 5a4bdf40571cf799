"""The cutting of a broker's bytes into packets, against the tables of the MQTT standards and against broken streams."""

from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import packets
from hub.model import Message, Reason
from hub.packets import Answer, Connack, Disconnect, Pingresp, ProtocolError, Puback, Suback
from hub.wire import KEPT, Other, Reader, Refused


def read(data: bytes, *cuts: int, reader: Reader | None = None, version: int = 4) -> tuple[list[Message], list[Other]]:
    reader = reader or Reader(version=version)
    messages: list[Message] = []
    others: list[Other] = []
    edges = [0, *sorted(cuts), len(data)]
    for begin, end in pairwise(edges):
        reader.feed(data[begin:end], 1000, 1.5, messages, others)
    return messages, others


# --- what the standard's own examples and tables say ------------------------------------------------------------------


def test_a_publish_as_3_1_1_draws_it() -> None:
    """MQTT 3.1.1, 3.3.2: topic "a/b", packet identifier 10: the variable header is 00 03 61 2F 62 00 0A."""
    head = bytes.fromhex("0003612f62000a")
    [message], others = read(b"\x32" + bytes((len(head) + 2,)) + head + b"hi")
    assert message == Message("a/b", b"hi", 1000, 1.5, "rest", 1, False, False, 10, 0)
    assert others == []


def test_flags_and_qos_0() -> None:
    messages, _ = read(b"\x3b\x06\x00\x01a\x00\x01x" + b"\x31\x04\x00\x01ay")
    assert [(m.payload, m.qos, m.retained, m.redelivered, m.packet_id) for m in messages] == [
        (b"x", 1, True, True, 1),
        (b"y", 0, True, False, 0),
    ]


@pytest.mark.parametrize("length", [127, 128, 16_383, 16_384, 2_097_151, 2_097_152])
def test_lengths_at_the_edges_of_table_2_4(length: int) -> None:
    digits = {
        127: "7f", 128: "8001", 16_383: "ff7f", 16_384: "808001", 2_097_151: "ffff7f", 2_097_152: "80808001",
    }[length]  # fmt: skip
    data = b"\x30" + bytes.fromhex(digits) + b"\x00\x01a" + b"." * (length - 3)
    reader = Reader(limit=3_000_000)
    messages, _ = read(data + b"\x30\x03\x00\x01b", 1, 2, 3, 4, reader=reader)
    assert [(m.topic, len(m.payload)) for m in messages] == [("a", length - 3), ("b", 0)]


@pytest.mark.parametrize(
    ("data", "expected", "version"),
    [
        ("20020000", Connack(False, 0), 4),
        ("20020100", Connack(True, 0), 4),
        ("20020005", Connack(False, 5), 4),
        ("20020001", Connack(False, 1), 5),  # a broker that speaks 3.1.1 only answers MQTT 5 like this
        ("4002000a", Puback(10), 4),
        ("4003000a10", Puback(10, 0x10), 5),
        ("4004000a9700", Puback(10, 0x97), 5),
        ("9005000a000180", Suback(10, (0, 1, 0x80)), 4),
        ("9005000a000187", Suback(10, (1, 0x87)), 5),
        ("d000", Pingresp(), 4),
        ("e000", Disconnect(0), 5),
        ("e0018e", Disconnect(0x8E), 5),
        ("e0068e041f000161", Disconnect(0x8E, "a"), 5),
    ],
)
def test_answers(data: str, expected: Answer, version: int) -> None:
    assert read(bytes.fromhex(data), version=version)[1] == [expected]


def test_connack_properties_of_mqtt_5() -> None:
    """3.2.2.3: Receive Maximum 0x21, Server Keep Alive 0x13, Maximum Packet Size 0x27, Reason String 0x1F, User Property
    0x26; the last is passed over."""
    properties = bytes.fromhex("21000a 130005 2700001000 1f00026f6b 26000161000162 2a01")
    data = bytes((0x20, 3 + len(properties), 0, 0, len(properties))) + properties
    assert read(data, version=5)[1] == [Connack(False, 0, 10, 5, 4096, "ok")]


def test_publish_properties_of_mqtt_5_are_passed_over() -> None:
    properties = b"\x01\x01" + b"\x26\x00\x01a\x00\x01b" * 30  # 212 bytes: a length of two digits
    body = b"\x00\x01a\x00\x07" + b"\xd4\x01" + properties + b"payload"
    assert len(properties) == 212
    [message], _ = read(b"\x32" + b"\xe2\x01" + body, version=5)
    assert len(body) == 226
    assert (message.topic, message.payload, message.packet_id) == ("a", b"payload", 7)


def test_what_we_say_is_as_the_standard_draws_it() -> None:
    """3.1.1: 3.1.2 (protocol name, level 4), 3.8 (topic filters with a requested QoS), 3.4, 3.12, 3.14."""
    connect = packets.connect("id", keepalive=10, username="u", password="p")
    assert connect == bytes.fromhex("1014 0004 4d515454 04 c0 000a 0002 6964 0001 75 0001 70")
    assert packets.connect("", clean=True, keepalive=0)[9] == 0x02
    connect5 = packets.connect("id", version=5, receive_maximum=100, session_expiry=3600)
    assert connect5 == bytes.fromhex("1017 0004 4d515454 05 00 0014 08 210064 1100000e10 0002 6964")
    assert packets.subscribe(10, ["a/b", "c"]) == bytes.fromhex("820c 000a 0003 612f62 01 0001 63 01")
    assert packets.subscribe(10, ["a"], version=5) == bytes.fromhex("8207 000a 00 0001 61 01")
    assert packets.publish("a/b", b"hi", 10) == bytes.fromhex("3209 0003 612f62 000a 6869")
    assert packets.publish("a", b"", 10, again=True, retain=True) == bytes.fromhex("3b05 0001 61 000a")
    assert packets.publish("a", b"x", 0, qos=0, version=5) == bytes.fromhex("3005 0001 61 00 78")
    assert packets.confirm([1, 0xABCD]) == bytes.fromhex("40020001 4002abcd")
    assert bytes.fromhex("c000 e000") == packets.PINGREQ + packets.DISCONNECT


def test_a_text_that_mqtt_cannot_carry_is_a_plain_error() -> None:
    with pytest.raises(ValueError, match="65536 bytes"):
        packets.publish("x" * 65536, b"", 1)


# --- what is too large, or named badly, is skipped and said -----------------------------------------------------------


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("chunk", [1000, 32_768, 10_000_000])
def test_an_oversized_publish_is_skipped_while_it_streams(version: int, chunk: int) -> None:
    payload = bytes(range(256)) * 12_000  # 3,072,000 bytes
    data = (
        packets.publish("before", b"1", 1, version=version)
        + packets.publish("big", payload, 2, version=version, retain=True)
        + packets.publish("after", b"3", 3, version=version)
    )
    reader = Reader(version=version, lane="fire", connection=4)
    messages, others = read(data, *range(chunk, len(data), chunk), reader=reader)
    assert [m.topic for m in messages] == ["before", "after"]
    begun = Message("big", payload[:65536], 1000, 1.5, "fire", 1, True, False, 2, 4)
    detail = "3072000 bytes; at most 1048576 are taken"
    assert others == [Refused(begun, Reason.TOO_LARGE, detail, 3_072_000, sha256(payload).hexdigest())]
    assert reader.unconfirmed == {1, 2, 3}


def test_an_oversized_publish_is_never_held_whole() -> None:
    reader = Reader()
    data = packets.publish("big", bytes(8 << 20), 2)
    for begin in range(0, len(data) - 32_768, 32_768):
        reader.feed(data[begin : begin + 32_768], 0, 0, [], [])
        assert len(reader._rest) + len(reader._skip.head if reader._skip else b"") <= KEPT + 32_768


def test_oversized_properties_are_skipped_too() -> None:
    properties = (b"\x26\x00\x01a\xff\xff" + b"b" * 65535) * 20
    body = b"\x00\x03big\x00\x07" + packets._length(len(properties)) + properties + b"payload"
    data = b"\x32" + packets._length(len(body)) + body + packets.publish("after", b"", 8, version=5)
    messages, [refused] = read(data, *range(30_000, len(data), 30_000), reader=Reader(version=5))
    assert isinstance(refused, Refused)
    assert (refused.message.topic, refused.message.payload, refused.size) == ("big", b"payload", 7)
    assert [m.topic for m in messages] == ["after"]


@pytest.mark.parametrize(
    ("topic", "shown"),
    [
        (b"fire/\xff", "fire/\\xff"),
        (b"", ""),
        (b"a\0b", "a\0b"),
        (b"a/+", "a/+"),
        (b"#", "#"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
    ],
)
def test_a_topic_that_mqtt_does_not_allow_is_refused_and_the_stream_goes_on(topic: bytes, shown: str) -> None:
    body = len(topic).to_bytes(2, "big") + topic + b"\x00\x09hello"
    data = b"\x3a" + bytes((len(body),)) + body + packets.publish("after", b"", 10)
    [message], [refused] = read(data)
    assert isinstance(refused, Refused)
    assert refused.reason == Reason.BAD_TOPIC
    assert (refused.message.topic, refused.message.payload, refused.message.packet_id) == (shown, b"hello", 9)
    assert refused.message.redelivered
    assert message.topic == "after"


def test_a_repetition_of_what_is_still_unconfirmed_is_dropped() -> None:
    reader = Reader()
    again = packets.publish("a", b"x", 7, again=True)
    messages, _ = read(packets.publish("a", b"x", 7) + again, reader=reader)
    assert len(messages) == 1
    assert reader.repeated == 1
    reader.unconfirmed.discard(7)
    messages, _ = read(again, reader=reader)
    assert [m.redelivered for m in messages] == [True]


# --- broken streams ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "version"),
    [
        ("0000", 4),  # type 0
        ("100c00044d5154540402000a0000", 4),  # CONNECT, from a server
        ("2002020000", 4),  # reserved connack flags
        ("200100", 4),
        ("20020000", 5),  # success without properties
        ("21020000", 4),  # reserved bits of the first byte
        ("400100", 4),
        ("9002000a", 4),  # SUBACK without a code
        ("d00100", 4),
        ("e000", 4),  # 3.1.1 has no DISCONNECT from the server
        ("f000", 5),  # AUTH was not asked for
        ("320100", 4),
        ("3003000961", 4),  # topic longer than the packet
        ("32040001610a", 4),  # ends within its packet id
        ("3205000161000078", 4),  # packet id 0
        ("3405000161000178", 4),  # QoS 2
        ("3605000161000178", 4),  # QoS 3
        ("300400016105", 5),  # properties longer than the packet
        ("3003000161", 5),  # no properties at all
        ("30ffffffff7f", 4),  # a length of five bytes
        ("30ffffffff", 4),
        ("20060000037f0000", 5),  # unknown property
    ],
)
def test_what_mqtt_does_not_allow(data: str, version: int) -> None:
    with pytest.raises(ProtocolError):
        read(bytes.fromhex(data), version=version)


def test_what_came_before_the_violation_is_kept() -> None:
    messages: list[Message] = []
    with pytest.raises(ProtocolError):
        Reader().feed(packets.publish("a", b"x", 1) + b"\x00\x00", 0, 0, messages, [])
    assert [m.topic for m in messages] == ["a"]


TOPICS = st.text(st.characters(exclude_characters="\0+#", exclude_categories=["Cs"]), min_size=1, max_size=40)
PUBLISHES = st.tuples(TOPICS, st.binary(max_size=400), st.integers(0, 65535), st.booleans())
LIMIT = 200


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from([4, 5]), st.lists(PUBLISHES | st.binary(min_size=2, max_size=2), max_size=12))
def test_any_cut_of_a_stream_gives_the_same_packets(data: st.DataObject, version: int, parts: list[object]) -> None:
    stream = b""
    expected: list[tuple[str, bytes, int, bool]] = []
    too_large: list[tuple[str, str, int]] = []
    confirmed: list[int] = []
    for part in parts:
        if isinstance(part, bytes):
            stream += b"\x40\x02" + part
            confirmed.append(int.from_bytes(part, "big"))
            continue
        assert isinstance(part, tuple)
        topic, payload, packet_id, retain = part
        stream += packets.publish(topic, payload, packet_id, version=version, qos=int(packet_id > 0), retain=retain)
        if 2 + len(topic.encode()) + (2 if packet_id else 0) + (version == 5) + len(payload) > LIMIT:
            too_large.append((topic, sha256(payload).hexdigest(), packet_id))
        else:
            expected.append((topic, payload, packet_id, retain))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=30))
    for chosen in (cuts, range(1, len(stream)), ()):
        messages, others = read(stream, *chosen, reader=Reader(version=version, limit=LIMIT))
        assert [(m.topic, m.payload, m.packet_id, m.retained) for m in messages] == expected
        assert [(r.message.topic, r.sha256, r.message.packet_id) for r in others if isinstance(r, Refused)] == too_large
        assert [o.packet_id for o in others if isinstance(o, Puback)] == confirmed


BEGINNINGS = st.sampled_from([b"", b"\x30", b"\x32", b"\x3a", b"\x20", b"\x40", b"\x90", b"\xe0"])


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.tuples(BEGINNINGS, st.binary(max_size=300)), max_size=6), st.sampled_from([4, 5]), st.integers(1, 50))
def test_no_bytes_raise_anything_but_the_typed_error(parts: list[tuple[bytes, bytes]], version: int, step: int) -> None:
    data = b"".join(head + (packets._length(len(body)) if head else b"") + body for head, body in parts)
    seen: list[object] = []
    for cuts in (range(step, len(data), step), range(0)):
        reader, messages, others = Reader(version=version, limit=100), [], []  # type: ignore[var-annotated]
        ended = ""
        try:
            for begin, end in pairwise([0, *cuts, len(data)]):
                reader.feed(data[begin:end], 0, 0, messages, others)
        except ProtocolError as error:
            ended = str(error)
        seen.append((messages, others, bool(ended)))
    assert seen[0] == seen[1]
