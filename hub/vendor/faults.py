"""What can be wrong with a vendor's messages: each fault's name, its weight in the score, and its words."""

from collections.abc import Iterable
from typing import NamedTuple


class Fault(NamedTuple):
    """``weight``: what one such fault, on however many devices, takes from 100."""

    weight: int
    en: str
    zh: str
    remedy_en: str
    remedy_zh: str


FAULTS: dict[str, Fault] = {
    "refused": Fault(15, "messages are refused", "报文被拒收", "send what the format says", "按格式发送"),
    "unread": Fault(
        10,
        "no format takes the topic",
        "没有格式认领该主题",
        'map it with [[adapter]] kind = "json"',
        '用 [[adapter]] kind = "json" 映射',
    ),
    "id_mismatch": Fault(
        15,
        "the payload names another device than the topic",
        "报文内编号与主题不符",
        "one id, the same in both",
        "两处用同一编号",
    ),
    "too_large": Fault(10, "messages are too large", "报文过大", "send less at once", "拆成小报文"),
    "topic": Fault(
        10,
        "the topic has spaces or empty levels",
        "主题含空格或空层级",
        "letters, digits, - and _ between single slashes; nats-server refuses the rest",
        "只用字母、数字、- 与 _，单斜杠分隔；nats-server 拒收其余",
    ),
    "unit": Fault(
        15,
        "the unit is assumed or cannot be right",
        "单位是推测的或不合理",
        "send the unit, and check the factor of 1000 between Wh and kWh",
        "发送单位，并检查 Wh 与 kWh 的千倍之差",
    ),
    "clock_ahead": Fault(10, "the clock is ahead", "时钟超前", "set the clock by NTP, and send UTC", "用 NTP 校时，发送 UTC"),
    "clock_behind": Fault(
        5,
        "the clock is behind, or data comes late",
        "时钟落后或数据迟到",
        "set the clock by NTP, and send at once",
        "用 NTP 校时，及时发送",
    ),
    "epoch": Fault(
        10,
        "the time is impossible: 1970, or seconds and milliseconds mixed up",
        "时间不可能：1970 年，或秒与毫秒混淆",
        "send no time until the clock is set; check the unit",
        "校时前不发时间；检查单位",
    ),
    "no_time": Fault(5, "there is no time", "没有时间", "send the time of measurement", "发送测量时间"),
    "counter_falls": Fault(
        15,
        "a counter falls",
        "累计值下降",
        "keep the register over restarts, and never send 0 for unknown",
        "重启后保留累计值，未知时不发 0",
    ),
    "duplicate": Fault(5, "a reading is sent twice", "读数重复发送", "one message a reading", "每个读数只发一次"),
    "retained": Fault(
        10, "measurements are retained", "测量值被保留（retain）", "retain only the state of the connection", "只保留在线状态"
    ),
    "no_availability": Fault(
        5,
        "nobody says when the device is gone",
        "离线无人知晓",
        "a retained last will: online, offline",
        "设置保留的遗嘱：online、offline",
    ),
    "irregular": Fault(5, "the interval is irregular", "上报间隔不稳", "send at a fixed interval", "按固定间隔上报"),
    "out_of_range": Fault(
        10, "values are out of range", "数值超出范围", "check scale, sign and sentinel values", "检查比例、符号与哨兵值"
    ),
    "out_of_order": Fault(5, "readings come out of order", "读数次序颠倒", "send the oldest first", "先发旧的"),
    "sequence_gap": Fault(
        10,
        "sequence numbers are missing",
        "序号缺失",
        "send with QoS 1, and keep what is not confirmed",
        "用 QoS 1，未确认的留着重发",
    ),
    "stuck": Fault(5, "every value stays the same", "数值始终不变", "check that the sensor is read", "检查是否真在读传感器"),
    "qos0": Fault(15, "alarms are sent with QoS 0", "告警用 QoS 0 发送", "send alarms with QoS 1", "告警用 QoS 1"),
}
"""In the order they are shown in."""


class Finding:
    """One fault of one device (or topic): how often, and the first time in words."""

    __slots__ = ("count", "detail", "fault", "subject")

    def __init__(self, fault: str, subject: str, detail: str) -> None:
        self.fault = fault
        self.subject = subject
        self.detail = detail
        self.count = 1


class Score(NamedTuple):
    """``points`` 0 to 100; ``parts``: what was taken off for which fault."""

    points: int
    parts: tuple[tuple[str, int], ...]

    @property
    def made_up(self) -> str:
        """How, in one line: ``100 - 15 unit - 5 stuck = 80``."""
        floor = " → 0" if sum(weight for _, weight in self.parts) > 100 else f" = {self.points}"
        return "100" + "".join(f" - {weight} {name}" for name, weight in self.parts) + floor


def score(findings: Iterable[Finding]) -> Score:
    """100 less the weight of every kind of fault that was found, and never below 0."""
    kinds = {finding.fault for finding in findings}
    parts = tuple((kind, fault.weight) for kind, fault in FAULTS.items() if kind in kinds)
    return Score(max(0, 100 - sum(weight for _, weight in parts)), parts)
