"""The small frozen records that pass through the house. No I/O here.

Times are integers, milliseconds since 1970-01-01 UTC, unless a name says otherwise. ``Now.monotonic`` is in seconds and is
what every wait is measured with: a jump of the wall clock moves no timer.
"""

from enum import IntFlag, StrEnum
from typing import Any, Literal, Protocol

from msgspec import Struct

Lane = Literal["fire", "rest"]
Severity = Literal["info", "warning", "critical"]
AlertState = Literal["pending", "firing", "resolved"]

DRILL_DEVICE = "drill:hub"
"""The device that sends drill alarms. Its alerts are never real ones."""

LANES: tuple[Lane, ...] = ("fire", "rest")
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


class Now(Struct, frozen=True):
    """A moment, passed as an argument: ``wall`` ms since 1970 UTC, ``monotonic`` seconds of a clock that never jumps."""

    wall: int
    monotonic: float


class Quality(IntFlag):
    """What is known to be odd about a stored reading. The numbers are stored: add at the end, never reorder."""

    LATE = 1
    DUPLICATE = 2
    REPLAYED = 4
    STALE_RETAINED = 8
    CLOCK_SKEW = 16
    MISSING_TIME = 32
    TZ_ASSUMED = 64
    SEQUENCE_GAP = 128
    COUNTER_RESET = 256
    OUT_OF_RANGE = 512
    STUCK = 1024
    UNIT_ASSUMED = 2048
    DECODE_PARTIAL = 4096
    DEVICE_FAULT = 8192
    TEST_MODE = 16384
    QOS0 = 32768


def quality_names(quality: int) -> list[str]:
    """The flags' names as the outside knows them: ``late``, ``clock_skew`` …"""
    return [flag.name.lower() for flag in Quality if quality & flag and flag.name]


class Reason(StrEnum):
    """Why a message was refused. Vendors read these words."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    BAD_ENCODING = "bad_encoding"  # not UTF-8, a byte order mark, a lone surrogate, NUL in a text
    BAD_JSON = "bad_json"  # truncated, trailing bytes, NaN, Infinity
    TOO_DEEP = "too_deep"
    WRONG_SHAPE = "wrong_shape"  # null, 42 or an array where the format has an object
    BAD_NUMBER = "bad_number"  # outside what the format or a double can hold
    WRONG_TYPE = "wrong_type"  # true or "21.5" where the format has a number
    MISSING_FIELD = "missing_field"
    UNKNOWN_VALUE = "unknown_value"  # a state or unit the format does not have
    WRONG_UNIT = "wrong_unit"
    ID_MISMATCH = "id_mismatch"
    CONFLICT = "conflict"  # same identity, other content
    BAD_TOPIC = "bad_topic"
    TOO_OLD = "too_old"  # older than what is kept
    BAD_FRAME = "bad_frame"  # binary: length, checksum, layout
    CODEC_FAILED = "codec_failed"  # a vendor's own program for its bytes: raised, took too long or too much memory
    ADAPTER_FAILED = "adapter_failed"  # our fault: the adapter raised
    STORE_REFUSED = "store_refused"  # the server that keeps the readings will not have it


class Message(Struct, frozen=True, gc=False):
    """What arrived over MQTT. ``received_at`` ms; ``monotonic`` s. ``packet_id`` is 0 for QoS 0; it means something only
    within the ``connection`` (a counter) that brought it."""

    topic: str
    payload: bytes
    received_at: int
    monotonic: float = 0.0
    lane: Lane = "rest"
    qos: int = 1
    retained: bool = False
    redelivered: bool = False
    packet_id: int = 0
    connection: int = 0


class Reading(Struct, frozen=True, gc=False):
    """One value of one quantity. From an adapter, ``time`` is what the device said (or None) and ``network_time`` what its
    gateway or network server said; after intake ``time`` is always set and ``quality`` tells how it was found.

    States and events are numbers: 0, 1, or a small code. Identity: device, quantity, channel, time, seq."""

    device: str
    quantity: str
    value: float
    time: int | None = None
    channel: str = ""
    seq: int = 0
    quality: int = 0
    network_time: int | None = None


class DeviceInfo(Struct, frozen=True):
    """What a format tells about a device itself. None: nothing said about that."""

    device: str
    name: str | None = None
    vendor: str | None = None
    model: str | None = None
    firmware: str | None = None
    online: bool | None = None
    interval: float | None = None  # seconds between readings, where the format declares it; inf: only when something happens
    quantities: tuple[str, ...] = ()  # what it can measure, where the format declares it


class Publish(Struct, frozen=True):
    """Something to send over MQTT, QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False


class DeadLetter(Struct, frozen=True):
    """A refused message, kept: the first 64 KiB, with the size and SHA-256 of the whole."""

    at: int
    topic: str
    payload: bytes
    size: int
    sha256: str
    reason: str
    detail: str
    adapter: str = ""
    device: str = ""
    lane: Lane = "rest"
    id: int = 0


class Numbered(Protocol):
    """Where the number of a series in each lane's journal is kept; None while it is not known."""

    fire_number: int | None
    rest_number: int | None


class Batch:
    """What gathers in one lane until it is committed as one: readings with their arrival, and dead letters.

    ``digests`` are 64-bit marks of messages that carried no device time, by which a redelivered one is recognised. ``slots``:
    for each reading, where its series' number in the journal is kept, so that it is looked up once; none at all is as well."""

    __slots__ = ("dead_letters", "digests", "readings", "received_at", "slots")

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.received_at: list[int] = []
        self.slots: list[Numbered] = []
        self.dead_letters: list[DeadLetter] = []
        self.digests: list[int] = []

    def __len__(self) -> int:
        return len(self.readings)

    def empty(self) -> bool:
        return not (self.readings or self.dead_letters or self.digests)


class Space(Struct, frozen=True):
    """A place: community, building, entrance, floor, flat, room. ``code`` is the official house code (房屋编码) if known."""

    id: str
    name: str
    kind: str = "room"
    parent: str = ""
    code: str = ""
    name_en: str = ""


class Device(Struct, frozen=True):
    """A device the hub has heard of. ``accepted`` ones count in reports; ``factor`` is a meter's 倍率."""

    id: str
    name: str = ""
    space: str = ""
    vendor: str = ""
    model: str = ""
    accepted: bool = False
    factor: float = 1.0
    online: bool | None = None
    first_seen: int | None = None
    last_seen: int | None = None
    interval: float | None = None
    tags: tuple[str, ...] = ()
    profile: dict[str, float] = {}  # its own figures, such as rated_power, that rules may take their limits from


class Person(Struct, frozen=True):
    """Somebody who is told. ``spaces``: the buildings they look after (管家); ``email`` and ``phone``: where they are reached."""

    id: str
    name: str
    tell: tuple[str, ...] = ()
    language: Literal["en", "zh"] = "zh"
    email: str = ""
    phone: str = ""
    spaces: tuple[str, ...] = ()


class Evidence(Struct, frozen=True):
    """One reading that an alert rests on. ``verdict``: what its condition made of it; ``at`` is the device's time, ms."""

    device: str
    quantity: str
    channel: str
    value: float
    at: int
    verdict: bool = True


class Alert(Struct, frozen=True, kw_only=True):
    """One episode of one rule on one subject. ``id`` comes from the rule, the subject and the reading that opened it, and
    never changes; ``revision`` grows by one with every change."""

    id: str
    rule: str
    severity: Severity
    state: AlertState
    device: str
    quantity: str = ""
    channel: str = ""
    space: str = ""
    value: float | None = None  # what opened it; None for silence
    unit: str = ""
    threshold: float | None = None
    at: int = 0  # device time of the reading that opened it, or when silence began
    received_at: int = 0
    pending_since: int = 0
    raised_at: int | None = None
    last_value: float | None = None
    last_at: int = 0  # device time of the newest reading it was judged by
    silent: bool = False  # its device has fallen silent while it was open
    stale: bool = False  # raised from a retained or late message: verify
    acknowledged_by: str = ""
    acknowledged_at: int | None = None
    comment: str = ""
    resolved_at: int | None = None
    resolved_by: str = ""  # a person, or "evidence"
    reason: str = ""
    event: bool = False  # closed by a person only
    quality: int = 0
    revision: int = 1
    reopens: str = ""  # the closed alert that a person says is not over; only a person closes this one
    summary: dict[str, str] = {}  # "en" and "zh"
    place: dict[str, str] = {}
    evidence: tuple[Evidence, ...] = ()  # the readings it was opened by, where they were several; frozen at that moment


class Notice(Struct, frozen=True, kw_only=True):
    """One telling of one alert to one receiver. ``why``: first, joined (more of an incident), repeat, escalated, acknowledged,
    resolved, reopened, flapping, calm, assigned; ``body["incident"]`` is what the alert belongs to, and counts its members."""

    id: str
    alert: str
    revision: int
    notifier: str
    why: str
    created_at: int
    severity: Severity
    body: dict[str, Any]
    person: str = ""
    attempts: int = 0
    language: Literal["en", "zh"] = "zh"  # what the receiver reads
    to: dict[str, str] = {}  # the person's own addresses: "email", "phone"
    drill: bool = False  # a drill: marked as one in every channel


class Series(Struct, frozen=True, order=True):
    device: str
    quantity: str
    channel: str = ""
