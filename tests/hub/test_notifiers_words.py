"""What people read: in both languages, by severity and reason, with nothing in it that misleads a channel."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from hub.directory import Places
from hub.model import Device, Notice
from hub.notifiers import phrases
from hub.notifiers.plain import chat, markup, one_line
from hub.notifiers.webhook import Webhook
from hub.notifiers.words import Words, parse_rate
from hub.steps import steps

LANGUAGES: tuple[phrases.Language, ...] = ("zh", "en")
SAID: dict[str, Any] = {
    "id": "a1", "rule": "fire-smoke", "severity": "critical", "state": "firing", "device": "zigbee:0x01",
    "place": "3幢2单元502 厨房", "place_en": "Building 3, flat 502, kitchen", "quantity": "fire.smoke", "value": 1.0, "unit": "1",
    "threshold": None, "raised_at": "2026-03-05T18:30:00.000Z", "acknowledged_by": None, "stale": False,
    "summary": {"en": "Smoke in Building 3, flat 502, kitchen", "zh": "3幢2单元502 厨房 有烟雾"},
}  # fmt: skip
NOTICE = Notice(
    id="a1:first:email:li", alert="a1", revision=1, notifier="email", why="first", created_at=0, severity="critical", body=SAID,
    person="li",
)  # fmt: skip
WORDS = Words("云栖社区", ZoneInfo("Asia/Shanghai"), lambda notice: f"https://hub.example.org/a/{notice.alert}")


def test_a_fire_is_told_with_place_time_steps_and_what_this_is_not() -> None:
    text = WORDS.say(NOTICE)
    assert text.title == "紧急：3幢2单元502 厨房 有烟雾"
    assert "2026-03-06 02:30:00" in text.long, "half past six in the evening in Greenwich is half past two in Hangzhou"
    assert "119" in text.long
    assert "不能代替" in text.long
    assert "https://hub.example.org/a/a1" in text.long
    english = WORDS.say(replace(NOTICE, language="en"))
    assert english.title == "Critical: Smoke in Building 3, flat 502, kitchen"
    assert "supplements the fire panel and does not replace it" in english.long
    assert not any("一" <= sign <= "鿿" for sign in english.long.replace("云栖社区", "")), "English is English throughout"


@pytest.mark.parametrize(("quantity", "first"), [("fire.smoke", "119"), ("fire.heat", "119"), ("fire.co", "立即全部离开")])
def test_messages_and_the_page_give_the_same_steps_in_the_same_order(quantity: str, first: str) -> None:
    """In a fire 119 comes first, then people; a hot door stays shut, nobody takes the lift."""
    shown = steps(quantity)
    for language in LANGUAGES:
        said = WORDS.say(replace(NOTICE, language=language, body=SAID | {"quantity": quantity})).long
        places = [said.index(f"{number}. {step[language]}") for number, step in enumerate(shown, 1)]
        assert places == sorted(places)
    assert first in shown[0]["zh"]


def test_what_to_do_in_a_fire_holds_what_saves_lives() -> None:
    first, people, look, _ = steps("fire.smoke")
    assert "119, at once" in first["en"] and "立即拨打 119" in first["zh"]
    assert "nobody takes the lift" in people["en"] and "不乘电梯" in people["zh"]
    assert "do not open" in look["en"] and "不要开门" in look["zh"]
    assert "while it is safe" in look["en"] and "确认安全" in look["zh"]


@pytest.mark.parametrize(
    ("why", "zh", "en"),
    [
        ("repeat", "再次提醒", "Reminder"),
        ("escalated", "无人确认", "Nobody has answered"),
        ("acknowledged", "已有人处理", "Taken care of"),
        ("resolved", "已解除", "Resolved"),
    ],
)
def test_the_title_says_why_it_is_sent(why: str, zh: str, en: str) -> None:
    assert WORDS.say(replace(NOTICE, why=why)).title.startswith(zh)
    assert WORDS.say(replace(NOTICE, why=why, language="en")).title.startswith(en)


def test_who_acknowledged_is_called_by_name() -> None:
    words = Words("云栖社区", ZoneInfo("Asia/Shanghai"), people={"li": "李管家"})
    taken = replace(NOTICE, why="acknowledged", body=SAID | {"acknowledged_by": "li"})
    assert "处理人：李管家" in words.say(taken).long
    typed = replace(NOTICE, why="acknowledged", body=SAID | {"acknowledged_by": "老王"})
    assert "处理人：老王" in words.say(typed).long, "a name typed on the page stands as it is"
    pressed = replace(NOTICE, why="acknowledged", body=SAID | {"acknowledged_by": "link:楼长群"})
    assert "处理人：楼长群 里的某人" in words.say(pressed).long, "by a link that a whole group was sent"
    assert "By: somebody in 楼长群" in words.say(replace(pressed, language="en")).long


def test_a_device_is_called_by_its_name() -> None:
    device = Device("zigbee:0x01", name="厨房烟感")
    words = Words("云栖社区", ZoneInfo("Asia/Shanghai"), called=Places((), [device]).name)
    assert "设备：厨房烟感 (zigbee:0x01)" in words.say(NOTICE).long
    assert words.say(NOTICE, {"any": "{device}"}).long == "厨房烟感 (zigbee:0x01)"
    nameless = replace(NOTICE, body=SAID | {"device": "zigbee:0x02"})
    assert "设备：zigbee:0x02\n" in words.say(nameless).long


def test_only_what_can_be_acknowledged_carries_a_link() -> None:
    linked = [why for why in phrases.WHY if WORDS.say(replace(NOTICE, why=why)).link]
    assert linked == ["first", "joined", "repeat", "escalated", "reopened", "assigned"]


def test_a_drill_is_marked_in_every_text() -> None:
    for language, mark in (("zh", "【演练】"), ("en", "[DRILL]")):
        text = WORDS.say(replace(NOTICE, drill=True, language=language))
        assert text.title.startswith(mark) and text.short.startswith(mark) and text.fields["text"].startswith(mark)
    own = WORDS.say(replace(NOTICE, drill=True), {"any": "{place} 着火"})
    assert own.short == "【演练】3幢2单元502 厨房 着火", "a text of one's own cannot hide it"


@pytest.mark.parametrize(("by", "zh", "en"), [("", "演练结束，无人应答", "over, nobody answered"), ("li", "演练结束", "is over")])
def test_a_drill_ends_without_having_been_resolved_and_asks_only_who_can_answer(by: str, zh: str, en: str) -> None:
    over = replace(NOTICE, drill=True, why="resolved", body=SAID | {"acknowledged_by": by or None, "state": "resolved"})
    assert WORDS.say(over).title.startswith(f"【演练】{zh} ·")
    assert en in WORDS.say(replace(over, language="en")).title and "Resolved" not in WORDS.say(replace(over, language="en")).title
    for why in phrases.WHY:
        text = WORDS.say(replace(NOTICE, drill=True, why=why))
        assert ("请确认" in text.long) == bool(text.link), why


def test_what_was_measured_comes_with_unit_and_limit() -> None:
    hot = SAID | {"quantity": "air.temperature", "value": 41.234, "unit": "Cel", "threshold": 35.0}
    text = WORDS.say(replace(NOTICE, body=hot, severity="warning"))
    assert "41.23 °C (限值 35 °C)" in text.long
    assert "119" not in text.long


def test_own_texts_are_chosen_by_severity_and_reason() -> None:
    own: dict[str, Any] = {"critical.first": {"zh": "{place}着火", "en": "Fire: {place}"}, "critical": "{summary}", "any": "-"}
    assert WORDS.say(NOTICE, own).long == "3幢2单元502 厨房着火"
    assert WORDS.say(replace(NOTICE, language="en"), own).long == "Fire: Building 3, flat 502, kitchen"
    assert WORDS.say(replace(NOTICE, why="resolved"), own).long == "3幢2单元502 厨房 有烟雾"
    assert WORDS.say(replace(NOTICE, severity="info"), own).long == "-"


@pytest.mark.parametrize(
    ("templates", "wrong"),
    [
        ({"any": "{plaec}"}, 'unknown placeholder "{plaec}"; did you mean "place"?'),
        ({"any": "{place.__class__}"}, 'unknown placeholder "{place.__class__}"'),
        ({"any": "{place!r:>99}"}, "takes nothing after its name"),
        ({"any": "{place"}, "braces"),
        ({"critcal": "{place}"}, '"critcal" is no severity and no reason; did you mean "critical"?'),
    ],
)
def test_a_wrong_template_is_refused_with_the_nearest_word(templates: dict[str, str], wrong: str) -> None:
    with pytest.raises(ValidationError, match="templates") as refused:
        Webhook.Settings(url="http://127.0.0.1/", templates=templates)
    assert wrong in str(refused.value)


def test_names_that_mislead_are_harmless_in_each_channel() -> None:
    name = 'Küche\r\nBcc: all@example.org\u202egnp.exe <img src=x onerror=alert(1)>\x00 =cmd() <at user_id="all">'
    text = WORDS.say(replace(NOTICE, body=SAID | {"summary": {"zh": name}}))
    assert "\n" not in text.title and "\r" not in text.title and "\u202e" not in text.title and "\x00" not in text.title
    assert "<" not in markup(text.title).replace("<br>", "")
    assert "<at" not in chat(text.title) and "@" not in chat(text.title)
    assert "Küche" in text.title and "=cmd()" in text.title, "what is harmless stays"
    assert one_line("a" * 300) == "a" * 199 + "…"


@pytest.mark.parametrize(("given", "meant"), [("20/min", (20, 60.0)), ("5/s", (5, 1.0)), ("100 / h", (100, 3600.0))])
def test_rates(given: str, meant: tuple[int, float]) -> None:
    assert parse_rate(given) == meant


@pytest.mark.parametrize("given", ["20", "0/min", "20/day", "-1/s", "many/min"])
def test_a_wrong_rate_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        parse_rate(given)


def test_a_message_of_several_alerts_names_the_worst_and_counts_all() -> None:
    named = [{"place": {"en": f"flat {n}", "zh": f"{n}室"}, "severity": "critical"} for n in range(10)]
    body = SAID | {"incident": {"members": 43}, "joined": {"count": 42, "named": named, "more": 32}}
    text = WORDS.say(replace(NOTICE, why="joined", body=body))
    assert "0室、1室、2室" in text.long
    assert "等42处" in text.long
    english = WORDS.say(replace(NOTICE, why="joined", body=body, language="en")).long
    assert "flat 0; flat 1; " in english
    assert "flat 9; 42 in all" in english
