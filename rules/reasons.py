"""Why a rule did not fire, or could not: each reason with its code, in English and Chinese."""

from typing import Any

from rules.words import span

Reason = dict[str, Any]
"""``code``, ``en``, ``zh``."""

_WORDS = {
    # about a reading
    "breached": ("Its condition holds.", "条件成立。"),
    "clear": ("Its condition does not hold.", "条件不成立。"),
    "cannot_tell": ("It cannot tell yet: there is not enough to judge by.", "数据不足，尚无法判断。"),
    "not_seen": ("Nothing has been heard for it to judge.", "尚无数据可供判断。"),
    "late": ("The reading was older than what had been judged already.", "读数晚于已判断的数据到达。"),
    "test_mode": ("The device was in test mode.", "设备处于测试模式。"),
    "second_hand": ("The message was retained or redelivered: nobody knows from when.", "消息为保留或重发，时间不明。"),
    "device_fault": ("The device reports a fault: that it sees nothing proves nothing.", "设备报告故障，其“正常”不可信。"),
    "stuck": ("The value is frozen: it proves nothing.", "数值停滞不变，不可信。"),
    # what holds it back
    "holding": ("It must hold for {hold}; it has held for {held}.", "需持续 {hold}，目前已持续 {held}。"),
    "clearing": ("It ends after {hold} without a breach; so far {held}.", "需恢复正常满 {hold} 才解除，目前 {held}。"),
    "out_of_hours": ("It is outside of the hours in which the rule counts.", "不在规则生效的时段内。"),
    "excused": ("A person closed it; it is told again in {left} if it goes on.", "已有人关闭；若仍持续，{left}后再次提醒。"),
    "silent": ("The device has fallen silent.", "设备失联。"),
    "offline": ("The device is offline, says its gateway.", "网关称设备离线。"),
    "stale": ("What it said last is too old.", "最后的数据已过期。"),
    "frozen": ("Its value has not moved for too long.", "数值长时间未变化。"),
    "missing": ("No device there measures {what}.", "该处没有测量{what}的设备。"),
    "missing_word": ("{what}: nothing definite has been heard.", "{what}：尚无确定数据。"),
    "no_profile": ("The device's profile lacks the limit the rule needs.", "设备档案缺少规则所需的限值。"),
    "others": ("The other conditions do not hold or cannot tell.", "其他条件不成立或无法判断。"),
    # about the rule as a whole
    "disabled": ("The rule is switched off.", "规则已停用。"),
    "stopped": ("The rule was stopped: {what}", "规则已被停止：{what}"),
    "out_of_scope": ("The rule does not cover this device.", "规则不适用于该设备。"),
    "silenced": ("Nobody would be told: {what}", "不会通知任何人：{what}"),
    "firing": ("It is firing.", "正在报警。"),
    "pending": ("It is pending.", "待确认。"),
    "waiting": ("It may be silent for {hold}; heard {held} ago.", "允许静默 {hold}，上次收到在 {held}前。"),
    "never_heard": ("Nothing has ever been heard from the device.", "从未收到该设备的数据。"),
}

CODES = tuple(_WORDS)


def reason(code: str, what: str = "", zh: str = "", **durations: float) -> Reason:
    """``durations`` in seconds."""
    en_text, zh_text = _WORDS[code]
    spans = {name: span(max(0, round(seconds)) * 1000 or 0) if seconds >= 1 else "0 s" for name, seconds in durations.items()}
    return {"code": code, "en": en_text.format(what=what, **spans), "zh": zh_text.format(what=zh or what, **spans)}
