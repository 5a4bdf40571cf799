"""GB/T 26875.3-2011: fire alarm reporting of Chinese buildings. See ``Gb26875``."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from pydantic import Field, field_validator

from adapters.binary import frame_bytes
from adapters.clocks import local_ms
from adapters.decoding import Moment, TopicTemplate
from adapters.gb26875_frame import (
    ANSWER,
    CONTROL,
    DUTY_ANSWERED,
    DUTY_CHECK,
    FRAME,
    HEAD,
    LONGEST_DATA,
    OPERATION,
    REQUEST,
    SEND,
    Frame,
    frame_size,
    read_frame,
)
from hub.model import DeviceInfo, Lane, Message, Quality, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

LONGEST = 16 * (FRAME + LONGEST_DATA) * 2  # a few packets as hexadecimal text

# --- tables ---------------------------------------------------------------------------------------------------------------

# What "fire" (bit 1) means by the kind of component (table 5); of all others it is fire.alarm.
_FIRE = {
    **dict.fromkeys((10, 11, 12, 13, 74), "fire.gas"),
    **dict.fromkeys(range(30, 38), "fire.heat"),
    **dict.fromkeys(range(40, 45), "fire.smoke"),
}
_COMPONENTS = {
    1: "火灾报警控制器", 10: "可燃气体探测器", 11: "点型可燃气体探测器", 12: "独立式可燃气体探测器", 13: "线型可燃气体探测器",
    16: "电气火灾监控报警器", 17: "剩余电流式电气火灾监控探测器", 18: "测温式电气火灾监控探测器", 21: "探测回路",
    22: "火灾显示盘", 23: "手动火灾报警按钮", 24: "消火栓按钮", 25: "火灾探测器", 30: "感温火灾探测器",
    31: "点型感温火灾探测器", 32: "点型感温火灾探测器(S型)", 33: "点型感温火灾探测器(R型)", 34: "线型感温火灾探测器",
    35: "线型感温火灾探测器(S型)", 36: "线型感温火灾探测器(R型)", 37: "光纤感温火灾探测器", 40: "感烟火灾探测器",
    41: "点型离子感烟火灾探测器", 42: "点型光电感烟火灾探测器", 43: "线型光束感烟火灾探测器", 44: "吸气式感烟火灾探测器",
    50: "复合式火灾探测器", 51: "复合式感烟感温火灾探测器", 52: "复合式感光感温火灾探测器", 53: "复合式感光感烟火灾探测器",
    61: "紫外火焰探测器", 62: "红外火焰探测器", 69: "感光火灾探测器", 74: "气体探测器", 78: "图像摄像方式火灾探测器",
    79: "感声火灾探测器", 81: "气体灭火控制器", 82: "消防电气控制装置", 83: "消防控制室图形显示装置", 84: "模块",
    85: "输入模块", 86: "输出模块", 87: "输入/输出模块", 88: "中继模块", 91: "消防水泵", 92: "消防水箱", 95: "喷淋泵",
    96: "水流指示器", 97: "信号阀", 98: "报警阀", 99: "压力开关", 101: "阀驱动装置", 102: "防火门", 103: "防火阀",
    104: "通风空调", 105: "泡沫液泵", 106: "管网电磁阀", 111: "防烟排烟风机", 113: "排烟防火阀", 114: "常闭送风口",
    115: "排烟口", 116: "电控挡烟垂壁", 117: "防火卷帘控制器", 118: "防火门监控器", 121: "警报装置",
}  # fmt: skip
_SYSTEMS = {
    1: "火灾报警系统", 10: "消防联动控制器", 11: "消火栓系统", 12: "自动喷水灭火系统", 13: "气体灭火系统",
    14: "水喷雾灭火系统(泵启动)", 15: "水喷雾灭火系统(压力容器启动)", 16: "泡沫灭火系统", 17: "干粉灭火系统",
    18: "防烟排烟系统", 19: "防火门及卷帘系统", 20: "消防电梯", 21: "消防应急广播", 22: "消防应急照明和疏散指示系统",
    23: "消防电源", 24: "消防电话",
}  # fmt: skip

# Bits of a system's (8.2.1.1), a component's (8.2.1.2) and the transmitter's own state (8.2.1.8): quantity and channel.
_Bits = tuple[tuple[int, str, str], ...]
_SHARED: _Bits = (
    (2, "fire.fault", ""),
    (3, "fire.shielded", ""),
    (4, "fire.supervised", ""),
    (5, "fire.started", ""),
    (6, "fire.feedback", ""),
    (7, "fire.delayed", ""),
)
_SYSTEM_BITS: _Bits = (*_SHARED, (8, "fire.fault", "mains"), (9, "fire.fault", "battery"), (10, "fire.fault", "bus"))
_COMPONENT_BITS: _Bits = (*_SHARED, (8, "fire.fault", "power"))
_TRANSMITTER_BITS: _Bits = (
    (2, "fire.fault", ""),
    (3, "fire.fault", "mains"),
    (4, "fire.fault", "battery"),
    (5, "fire.fault", "uplink"),
    (6, "fire.fault", "line"),
)

# Measured values (table 6): quantity and how many counts are one of its unit.
_ANALOG = {
    2: ("fire.water.level", 100),
    3: ("air.temperature", 10),
    4: ("fire.water.pressure", 0.01),  # 0.1 MPa
    5: ("fire.water.pressure", 10),
    6: ("fire.gas.level", 10),
    8: ("voltage", 10),
    9: ("current", 10),
}
_EARTH_LEAKAGE, _CABLE_TEMPERATURE = 17, 18


class Gb26875:
    """GB/T 26875.3-2011, what a user information transmission device (用户信息传输装置) says of a building's fire alarm
    system. This is the 2011 edition; a new one is on its way, and will have an adapter of its own.

    Topics: ``topic`` (gb26875/{source} unless changed); the payload is one or more packets, binary or as hexadecimal text.
    Devices connect over TCP too ([fire_tcp] in the configuration): their packets arrive here as gb26875/<peer>.
    Packet (6.6), numbers low byte first: 40 40 · serial 2 · version 2 · time 6 · source 6 · target 6 · length of the
    application data 2 (at most 1024) · command 1 · application data · checksum 1 (sum of serial … data) · 23 23.
    Commands (table 2): 1 control, 2 send, 3 confirm, 4 request, 5 answer, 6 deny; 128-255 are the maker's. Data of 2 and 5
    is read; a 2 without data is a heartbeat (every 20-30 s by custom; the standard has none).
    Application data (7): type 1 · number of objects 1 · each object and the six bytes of its time. Some devices leave the
    times out; the length tells.

    Devices: gb26875:<source> is the transmission device, -<system type>.<system address> a system behind it,
    -<type>.<address>-<component address> a part of that; addresses in hexadecimal as sent. A source of zeros (not set)
    gives way to {source} of the topic. With {address} in ``topic`` the two must agree, else ID_MISMATCH.

    Types: 1 a system's state · 2 a component's state and its description (GB 18030: its name) · 3 measured values ·
    4 and 24 what people did at the panel or the transmission device · 5 and 25 software version · 7 and 26 descriptions ·
    21 the transmission device's state · 28 its time · 91 duty check (查岗), sent by the centre. Other types are taken, and
    nothing is read from them (6 and 8 say nothing that is kept; 128-254 are the maker's).
    State bits: 1 fire: fire.smoke, fire.heat, fire.gas by the component's type, else fire.alarm · 2 fire.fault ·
    3 fire.shielded · 4 fire.supervised · 5 fire.started · 6 fire.feedback · 7 fire.delayed · power, battery, bus and line:
    fire.fault with that channel. Several may be set at once; each is a reading of its own, as 0 too.
    Measured (signed 16 bits): height 0.01 m fire.water.level · temperature 0.1 °C · pressure 0.1 MPa or 0.1 kPa
    fire.water.pressure · gas 0.1 %LEL fire.gas.level · voltage 0.1 V · current 0.1 A (of an earth leakage detector:
    channel leakage; of a cable temperature detector: device.temperature). Counts, durations, flows are left out.
    Operations: manual alarm -> fire.alarm, channel manual, 1; all clear or reset -> 0. Duty check sent ->
    fire.duty.waiting 1, answered -> 0, both by the time of arrival. Silencing, self-test and the rest are left out.
    A heartbeat and type 28 prove the connection: fire.fault, channel uplink, 0.

    Test: bit 0 clear means test (8.2.1.1). Makers' own examples report fires with it clear, so a state that says more than
    that is taken as real; alone it is fire.test. ``trust_test_bit``: then the readings are flagged test_mode.
    Time: local, no zone, whole seconds: the site's zone (tz_assumed). The packet's own time is the network's. Zeros: none.
    An impossible one: clock_skew. Within a second packets are told apart by their serial number, as milliseconds (serial
    mod 1000): a repeated packet has the same, and a fire in the second of another report is not lost.
    Availability: a component speaks when something happens, so its interval is declared as endless; the transmission
    device by three times its own interval.
    Refused: wrong start, length, end or checksum, a reserved command: BAD_FRAME, UNKNOWN_VALUE.

    Sources: GB/T 26875.3-2011 as numbered; GB/T 26875.1-2011 5.2 (duty check); ActorLancer/GB-T-26875.3.2011-rs
    GB26875文档.md (heartbeat, makers' examples); public firmware that sends type 21 without a time.
    """

    kind = "gb26875"

    class Settings(AdapterSettings):
        lane: Literal["fire", "rest"] = Field("fire", description="which session carries its topics")
        topic: str = Field("gb26875/{source}", description="where packets are published; {source}, {address} and + as levels")
        trust_test_bit: bool = Field(
            False, description="bit 0 clear means test, also beside a fire: only for panels that are known to do so"
        )

        @field_validator("topic")
        @classmethod
        def _fits(cls, topic: str) -> str:
            if extra := set(TopicTemplate(topic).names) - {"source", "address"}:
                raise ValueError(f'topic "{topic}": there is no {{{min(extra)}}}; use {{source}}, {{address}} or +')
            return topic

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self.lane = settings.lane
        self._zone = site.zone
        self._trust = settings.trust_test_bit
        self._template = TopicTemplate(settings.topic)
        self._tcp = TopicTemplate("gb26875/{source}")
        self.topics = tuple(dict.fromkeys((self._template.filter, self._tcp.filter)))

    def decode(self, message: Message) -> Sequence[Decoded]:
        names = self._template.match(message.topic) or self._tcp.match(message.topic)
        if names is None:
            raise Malformed(Reason.BAD_TOPIC, "not the topic of fire alarm packets")
        return [item for packet in _packets(message.payload) for item in self._frame(read_frame(packet), message, names)]

    def snapshot(self) -> None:
        return None

    def restore(self, state: Any) -> None:
        """Nothing is remembered between messages."""

    def _frame(self, frame: Frame, message: Message, names: dict[str, str]) -> Sequence[Decoded]:
        down = frame.command in (CONTROL, REQUEST)
        address = (frame.target if down else frame.source).hex()
        if "address" in names and names["address"].lower() != address:
            raise Malformed(Reason.ID_MISMATCH, f"the topic says {names['address']}, the packet {address}", f"gb26875:{address}")
        if not address.strip("0"):
            address = names.get("source", address)
        found = _Found(f"gb26875:{address}", frame, self._zone, message.received_at, self._trust)
        try:
            if frame.command in (SEND, ANSWER) or (down and frame.data[:1] == bytes([DUTY_CHECK])):
                found.read(frame.data)
        except Malformed as refusal:
            refusal.device = found.device
            raise
        return found.items


def _packets(payload: bytes) -> Iterator[bytes]:
    """The payload's packets, as they are or out of hexadecimal text."""
    payload = frame_bytes(payload, LONGEST)
    while payload:
        size = frame_size(payload) if len(payload) >= HEAD else len(payload)
        yield payload[:size]
        payload = payload[size:]


class _Found:
    """What one packet says."""

    def __init__(self, device: str, frame: Frame, zone: Any, received_at: int, trust: bool) -> None:
        self.device = device
        self.items: list[Decoded] = []
        self._zone = zone
        self._received_at = received_at
        self._trust = trust
        self._command = frame.command
        self._offset = frame.serial % 1000
        self._sent, self._sent_flags = self._moment(frame.time)

    def read(self, data: bytes) -> None:
        if not data:
            self._alive()
            return
        if len(data) < 2:
            raise Malformed(Reason.BAD_FRAME, "one byte of application data; it begins with a type and a number of objects")
        kind, count = data[0], data[1]
        if kind in _READERS:
            size, reader = _READERS[kind]
            for body, moment in self._objects(kind, count, size, data[2:]):
                reader(self, body, moment)
        elif kind == 26:
            if len(data) < 3 or len(data) < 3 + data[2]:
                raise Malformed(Reason.BAD_FRAME, f"type 26 has {len(data)} bytes, too few for its own length")
            self.items.append(DeviceInfo(self.device, name=_text(data[3 : 3 + data[2]]) or None))

    def _objects(self, kind: int, count: int, size: int, data: bytes) -> Iterator[tuple[bytes, Moment]]:
        """Each object and its time; a time of its own or none."""
        timed = len(data) == count * (size + 6)
        if not timed and len(data) != count * size:
            expected = f"{count * (size + 6)}, or {count * size} without times"
            raise Malformed(Reason.BAD_FRAME, f"type {kind}: {len(data)} bytes for {count} objects, expected {expected}")
        step = size + 6 if timed else size
        for start in range(0, len(data), step):
            body = data[start : start + size]
            yield body, self._moment(data[start + size : start + step]) if timed else (None, 0)

    def _moment(self, label: bytes) -> Moment:
        if not label.strip(b"\x00") or not label.strip(b"\xff"):
            return None, 0
        second, minute, hour, day, month, year = label
        ms, flags = local_ms(2000 + year, month, day, hour, minute, second, self._zone, self._received_at)
        return (None if ms is None else ms + self._offset), flags

    def _add(self, device: str, quantity: str, value: float, moment: Moment, channel: str = "", quality: int = 0) -> None:
        time, flags = moment
        if time is None:
            flags |= self._sent_flags
        reading = Reading(device, quantity, value, time, channel, 0, flags | quality, self._sent)
        self.items.append(reading)

    def _alive(self, body: bytes = b"", moment: Moment = (None, 0)) -> None:
        self._add(self.device, "fire.fault", 0.0, (None, 0), "uplink")

    def _bits(self, device: str, state: int, fire: str, bits: _Bits, moment: Moment) -> None:
        quality = 0
        if state & 1 or self._trust:
            self._add(device, "fire.test", float(not state & 1), moment)
            quality = 0 if state & 1 else Quality.TEST_MODE.value
        elif state == 0:
            self._add(device, "fire.test", 1.0, moment)
        self._add(device, fire, float(state >> 1 & 1), moment, "", quality)
        for bit, quantity, channel in bits:
            self._add(device, quantity, float(state >> bit & 1), moment, channel, quality)

    def _part(self, body: bytes, name: str = "") -> str:
        """The component's device id; says who it is."""
        device = f"{self.device}-{body[0]}.{body[1]}-{body[3:7].hex()}"
        self.items.append(DeviceInfo(device, name or None, model=_COMPONENTS.get(body[2]), interval=math.inf))
        return device

    def _system(self, body: bytes, firmware: str | None = None) -> str:
        device = f"{self.device}-{body[0]}.{body[1]}"
        self.items.append(DeviceInfo(device, model=_SYSTEMS.get(body[0]), firmware=firmware, interval=math.inf))
        return device

    # --- one method for each type of data -------------------------------------------------------------------------------

    def system_state(self, body: bytes, moment: Moment) -> None:
        self._bits(self._system(body), int.from_bytes(body[2:4], "little"), "fire.alarm", _SYSTEM_BITS, moment)

    def component_state(self, body: bytes, moment: Moment) -> None:
        device = self._part(body, _text(body[9:40]))
        state = int.from_bytes(body[7:9], "little")
        self._bits(device, state, _FIRE.get(body[2], "fire.alarm"), _COMPONENT_BITS, moment)

    def measured(self, body: bytes, moment: Moment) -> None:
        device = self._part(body)
        if body[7] not in _ANALOG:
            return
        quantity, per = _ANALOG[body[7]]
        if quantity == "air.temperature" and body[2] == _CABLE_TEMPERATURE:
            quantity = "device.temperature"
        channel = "leakage" if quantity == "current" and body[2] == _EARTH_LEAKAGE else ""
        value = int.from_bytes(body[8:10], "little", signed=True)
        self._add(device, quantity, value / per, moment, channel)

    def system_operation(self, body: bytes, moment: Moment) -> None:
        self._manual(self._system(body), body[2], moment)

    def operation(self, body: bytes, moment: Moment) -> None:
        self._manual(self.device, body[0], moment)
        if body[0] & DUTY_ANSWERED and self._command == SEND:  # an ANSWER reads out old records
            self._duty(0.0)

    def _manual(self, device: str, done: int, moment: Moment) -> None:
        """Bit 0 reset, 2 manual alarm, 3 all clear."""
        if done & 0b1101:
            self._add(device, "fire.alarm", float(done >> 2 & 1), moment, "manual")

    def system_version(self, body: bytes, moment: Moment) -> None:
        self._system(body, f"{body[2]}.{body[3]}")

    def component_text(self, body: bytes, moment: Moment) -> None:
        self._part(body, _text(body[7:38]))

    def transmitter_state(self, body: bytes, moment: Moment) -> None:
        self._bits(self.device, body[0], "fire.alarm", _TRANSMITTER_BITS, moment)

    def transmitter_version(self, body: bytes, moment: Moment) -> None:
        self.items.append(DeviceInfo(self.device, firmware=f"{body[0]}.{body[1]}"))

    def duty_check(self, body: bytes, moment: Moment) -> None:
        self._duty(1.0)

    def _duty(self, value: float) -> None:
        """As heard here: between question and answer there must be no other clock."""
        self.items.append(Reading(self.device, "fire.duty.waiting", value))


# Type of data (8.3): bytes of one object without its time, and who reads it.
_READERS: dict[int, tuple[int, Callable[[_Found, bytes, Moment], None]]] = {
    1: (4, _Found.system_state),
    2: (40, _Found.component_state),
    3: (10, _Found.measured),
    4: (4, _Found.system_operation),
    5: (4, _Found.system_version),
    7: (38, _Found.component_text),
    21: (1, _Found.transmitter_state),
    OPERATION: (2, _Found.operation),
    25: (2, _Found.transmitter_version),
    28: (6, _Found._alive),
    DUTY_CHECK: (1, _Found.duty_check),
}


def _text(raw: bytes) -> str:
    """GB 18030, filled up with zeros or blanks; a character cut at the end is left out."""
    text = raw.partition(b"\x00")[0].decode("gb18030", "ignore").strip()
    return text if text.isprintable() else ""
