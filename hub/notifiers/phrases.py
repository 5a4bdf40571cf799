"""The fixed phrases of what people are told, in Chinese and English."""

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "zh"]
Phrase = Mapping[Language, str]

SEVERITY: Mapping[str, Phrase] = {
    "critical": {"zh": "紧急", "en": "Critical"},
    "warning": {"zh": "警告", "en": "Warning"},
    "info": {"zh": "提示", "en": "Notice"},
}
WHY: Mapping[str, Phrase] = {
    "first": {"zh": "", "en": ""},
    "joined": {"zh": "同一事件又有报警", "en": "More of the same incident"},
    "repeat": {"zh": "再次提醒", "en": "Reminder"},
    "escalated": {"zh": "无人确认，转到您", "en": "Nobody has answered, now you"},
    "reopened": {"zh": "再次发生", "en": "It is back"},
    "assigned": {"zh": "指派给您", "en": "Assigned to you"},
    "flapping": {"zh": "反复变化，稳定前不再通知", "en": "Comes and goes, no more notices until it is steady"},
    "calm": {"zh": "已稳定", "en": "Steady again"},
    "acknowledged": {"zh": "已有人处理", "en": "Taken care of"},
    "resolved": {"zh": "已解除", "en": "Resolved"},
}
DRILL: Phrase = {"zh": "【演练】", "en": "[DRILL] "}
DRILL_LONG: Phrase = {"zh": "这是一次演练，没有真实的报警。", "en": "This is a drill, nothing has happened."}
DRILL_ASKS: Phrase = {
    "zh": "请确认，以便我们知道消息已送达。",
    "en": "Please acknowledge it, so that we know it reached you.",
}
DRILL_OVER: Phrase = {"zh": "演练结束", "en": "The drill is over"}
DRILL_UNANSWERED: Phrase = {"zh": "演练结束，无人应答", "en": "The drill is over, nobody answered"}
PLACE: Phrase = {"zh": "地点", "en": "Where"}
WHAT: Phrase = {"zh": "情况", "en": "What"}
MEASURED: Phrase = {"zh": "测量值", "en": "Measured"}
LIMIT: Phrase = {"zh": "限值", "en": "limit"}
SINCE: Phrase = {"zh": "开始时间", "en": "Since"}
BY: Phrase = {"zh": "处理人", "en": "By"}
ENDED: Phrase = {"zh": "解除时间", "en": "Ended"}
REASON: Phrase = {"zh": "原因", "en": "Reason"}
MEMBERS: Phrase = {"zh": "同一事件中的报警数", "en": "Alerts in this incident"}
OF_MANY: Phrase = {"zh": "（同一事件共{count}条报警）", "en": " (one of {count} in this incident)"}
JOINED: Phrase = {"zh": "本次包括", "en": "This message speaks of"}
OTHERS: Phrase = {"zh": "等{count}处", "en": "; {count} in all"}
CAUSE: Phrase = {"zh": "起因", "en": "Cause"}
DEVICE: Phrase = {"zh": "设备", "en": "Device"}
STALE: Phrase = {
    "zh": "此消息来自较早的数据，请核实。",
    "en": "This comes from older data: verify it.",
}
PANEL: Phrase = {
    "zh": "本消息是对火灾报警控制器的补充，不能代替它。",
    "en": "This message supplements the fire panel and does not replace it.",
}
LINK: Phrase = {"zh": "确认（我来处理）", "en": "Acknowledge (I take care of it)"}
DIGEST: Phrase = {"zh": "另有{count}条：", "en": "{count} more:"}
MORE: Phrase = {"zh": "……以及另外{count}条，请看页面。", "en": "… and {count} others, see the page."}
