"""What people read: a notice as title, short and long text, in their language and in the words of a stranger's first visit.

Where it is, what was measured and since when; what to do about a fire. A site's own texts take the place of the short and
the long one: ``templates`` by ``severity.why``, by either alone, or for everything as ``any``.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from string import Formatter
from typing import Any, Literal

from msgspec import Struct
from pydantic import Field, field_validator

from hub import ports
from hub.model import SEVERITIES, Notice
from hub.notifiers import phrases
from hub.notifiers.phrases import Language
from hub.notifiers.plain import one_line
from hub.quantities import nearest_word
from hub.said import named
from hub.steps import numbered
from rules.words import figure

PLACEHOLDERS = (
    "title", "place", "summary", "value", "since", "ended", "severity", "why", "by", "reason", "device", "rule", "site",
    "link", "steps", "person", "phone", "email", "id", "alert", "text",
)  # fmt: skip
WHYS = (*phrases.WHY, "drill", "digest")
CALLS = ("first", "joined", "repeat", "escalated", "reopened", "assigned")
"""Reasons that call for somebody; the others only tell."""
LISTED = 30
"""Lines of a digest; how many more there are is said."""

Template = str | dict[Literal["en", "zh"], str]


class Text(Struct, frozen=True):
    """``title`` and ``short`` are one line each; ``long`` goes below the title and has many."""

    title: str
    short: str
    long: str
    link: str
    facts: tuple[tuple[str, str], ...]  # label and value, as the long text lists them
    notes: tuple[str, ...]  # what stands below the facts: steps, warnings
    fields: Mapping[str, str]  # for templates; every value is one line but "steps" and "text"
    own: bool = False  # a template of the site's own: ``long`` is all there is to show


class Spoken(ports.Settings):
    """What every notifier that speaks to people can be told."""

    at_least: Literal["info", "warning", "critical"] = Field("info", description="the least severity that is sent")
    templates: dict[str, Template] = Field(
        {},
        description='your own texts, by "critical.first", "critical", "first" or "any"; one text, or { zh = …, en = … }, with '
        + ", ".join(f"{{{name}}}" for name in PLACEHOLDERS[:10]),
    )
    rate: str = Field("", description='how many at most: "20/min", "100/h", "5/s"; left out: what the service allows')
    timeout: float = Field(10.0, gt=0, le=60, description="seconds to wait for the receiver")

    @field_validator("templates")
    @classmethod
    def _known(cls, given: dict[str, Template]) -> dict[str, Template]:
        keys = ["any", *SEVERITIES, *WHYS, *(f"{severity}.{why}" for severity in SEVERITIES for why in WHYS)]
        for key, template in given.items():
            if key not in keys:
                raise ValueError(f'"{key}" is no severity and no reason{_meant(key, keys)}')
            for text in (template,) if isinstance(template, str) else template.values():
                check_template(text)
        return given

    @field_validator("rate")
    @classmethod
    def _per(cls, given: str) -> str:
        if given:
            parse_rate(given)
        return given


def _meant(word: str, known: Any) -> str:
    close = nearest_word(word, known)
    return f'; did you mean "{close}"?' if close else f"; there are {', '.join(known)}"


def check_template(text: str, known: tuple[str, ...] = PLACEHOLDERS) -> str:
    """The template itself. Raises ValueError for a placeholder that is not ``known``, or a brace that is not closed."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{error}: write {{{{ and }}}} for braces that are meant as such") from None
    for _, name, how, conversion in parts:
        if name is None:
            continue
        if name not in known:
            raise ValueError(f'unknown placeholder "{{{name}}}"{_meant(name, known)}')
        if how or conversion:
            raise ValueError(f'"{{{name}}}" takes nothing after its name')
    return text


def filled(template: str, fields: Mapping[str, str], escape: Callable[[str], str] = str) -> str:
    """A checked template with its placeholders replaced."""
    return "".join(
        before + (escape(fields.get(name, "")) if name is not None else "") for before, name, _, _ in Formatter().parse(template)
    )


def parse_rate(given: str) -> tuple[int, float]:
    """How many in how many seconds. Raises ValueError."""
    count, slash, unit = given.replace(" ", "").partition("/")
    seconds = {"s": 1.0, "min": 60.0, "h": 3600.0}.get(unit)
    if not slash or seconds is None or not count.isdigit() or not 1 <= int(count) <= 100_000:
        raise ValueError(f'"{given}" is no rate: write it like "20/min", "100/h" or "5/s"')
    return int(count), seconds


class Words:
    """The words of one site: its name, its clock, and ``link``, which makes the acknowledge link of a notice ("" for none).
    ``people``: names by id, for who has acknowledged. ``called``: a device's name by its id."""

    def __init__(
        self,
        site: str,
        zone: tzinfo,
        link: Callable[[Notice], str] = lambda _: "",
        people: Mapping[str, str] | None = None,
        called: Callable[[str], str] = str,
    ) -> None:
        self._site = site
        self._zone = zone
        self._link = link
        self._people = people or {}
        self._called = called

    def say(self, notice: Notice, templates: Mapping[str, Template] | None = None) -> Text:
        if notice.why == "digest":
            return self._digest(notice)
        language = notice.language
        link = self._link(notice) if notice.why in CALLS else ""
        title = self._title(notice)
        facts = self._facts(notice)
        notes = self._notes(notice)
        lines = [f"{label}{_colon(language)}{value}" for label, value in facts]
        if link:
            lines.append(f"{phrases.LINK[language]}{_colon(language)}{link}")
        lines += [*notes, one_line(self._site)]
        fields = self._fields(notice, title, link, facts)
        short = " ".join(part for part in (title, fields["value"], link) if part)
        long = "\n".join(lines)
        own = _chosen(templates or {}, notice)
        if own:
            said = filled(own, fields)
            mark = phrases.DRILL[language] if notice.drill else ""
            short = one_line(mark + said, 1_000)
            long = mark + said
        return Text(title, short, long, link, facts, notes, fields | {"text": short}, bool(own))

    def _title(self, notice: Notice) -> str:
        body, language = notice.body, notice.language
        why = _why(notice).get(language, "")
        severity = phrases.SEVERITY[notice.severity][language]
        head = f"{why} · {severity}" if why else severity
        what = summary(body, language)
        if count := _members(body.get("incident") or {}):
            what += phrases.OF_MANY[language].format(count=count)
        where = place(body, language)
        rest = what if where in what else f"{where}{_colon(language)}{what}"
        return (phrases.DRILL[language] if notice.drill else "") + f"{head}{_colon(language)}{one_line(rest)}"

    def _facts(self, notice: Notice) -> tuple[tuple[str, str], ...]:
        body, language = notice.body, notice.language
        incident = body.get("incident") or {}
        facts = [
            (phrases.PLACE, place(body, language)),
            (phrases.WHAT, summary(body, language)),
            (phrases.MEASURED, measured(body, language)),
            (phrases.SINCE, self._moment(body.get("raised_at") or body.get("at"))),
            (phrases.BY, self._who(body, language)),
            (phrases.ENDED, self._moment(body.get("resolved_at"))),
            (phrases.REASON, str(body.get("reason") or "")),
            (phrases.MEMBERS, _members(incident)),
            (phrases.JOINED, _joined(body.get("joined") or {}, language)),
            (phrases.CAUSE, _in(incident.get("cause"), language)),
            (phrases.DEVICE, self._device(body)),
        ]
        return tuple((label[language], one_line(value)) for label, value in facts if value)

    def _who(self, body: Mapping[str, Any], language: Language) -> str:
        return named(str(body.get("acknowledged_by") or ""), self._people).speak(language)

    def _device(self, body: Mapping[str, Any]) -> str:
        """ "Boiler room pump (acme:7)"; the id alone where it has no name."""
        id = str(body.get("device") or "")
        name = self._called(id)
        return id if name == id else f"{name} ({id})"

    @staticmethod
    def _notes(notice: Notice) -> tuple[str, ...]:
        body, language = notice.body, notice.language
        notes = [phrases.DRILL_LONG[language]] if notice.drill else []
        if notice.drill and notice.why in CALLS:
            notes.append(phrases.DRILL_ASKS[language])
        if body.get("stale"):
            notes.append(phrases.STALE[language])
        if str(body.get("quantity") or "").startswith("fire."):
            if notice.why in CALLS and notice.severity == "critical":
                notes.append(_steps(body, language))
            notes.append(phrases.PANEL[language])
        return tuple(notes)

    def _fields(self, notice: Notice, title: str, link: str, facts: tuple[tuple[str, str], ...]) -> dict[str, str]:
        body, language = notice.body, notice.language
        raw = {
            "title": title,
            "place": place(body, language),
            "summary": summary(body, language),
            "value": measured(body, language),
            "since": self._moment(body.get("raised_at") or body.get("at")),
            "ended": self._moment(body.get("resolved_at")),
            "severity": phrases.SEVERITY[notice.severity][language],
            "why": _why(notice).get(language, ""),
            "by": self._who(body, language),
            "reason": str(body.get("reason") or ""),
            "device": self._device(body),
            "rule": str(body.get("rule") or ""),
            "site": self._site,
            "link": link,
            "person": notice.person,
            "phone": notice.to.get("phone", ""),
            "email": notice.to.get("email", ""),
            "id": notice.id,
            "alert": notice.alert,
        }
        steps = {"steps": _steps(body, language)} if str(body.get("quantity") or "").startswith("fire.") else {}
        return {name: one_line(value, 500) for name, value in raw.items()} | steps

    def _digest(self, notice: Notice) -> Text:
        language = notice.language
        told: list[dict[str, Any]] = notice.body["notices"]
        title = phrases.DIGEST[language].format(count=len(told))
        lines = [self._title(_inner(notice, each)) for each in told[:LISTED]]
        if len(told) > LISTED:
            lines.append(phrases.MORE[language].format(count=len(told) - LISTED))
        long = "\n".join([*lines, one_line(self._site)])
        short = one_line(" ".join([title, *lines]), 500)
        fields = dict.fromkeys(PLACEHOLDERS, "") | {"title": title, "text": short, "summary": short, "site": one_line(self._site)}
        fields |= {"phone": notice.to.get("phone", ""), "email": notice.to.get("email", ""), "id": notice.id}
        return Text(f"{title} {lines[0]}", short, long, "", tuple(("", line) for line in lines), (), fields)

    def _moment(self, given: Any) -> str:
        if not isinstance(given, str) or not given:
            return ""
        try:
            return datetime.fromisoformat(given).astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S")
        except ValueError:
            return given


def _inner(digest: Notice, told: dict[str, Any]) -> Notice:
    return Notice(
        id="", alert="", revision=0, notifier="", why=told["why"], created_at=0, severity=told["severity"], body=told["body"],
        language=digest.language, drill=told["drill"],
    )  # fmt: skip


def _chosen(templates: Mapping[str, Template], notice: Notice) -> str:
    why = "drill" if notice.drill and "drill" in templates else notice.why
    for key in (f"{notice.severity}.{why}", why, notice.severity, "any"):
        if key in templates:
            template = templates[key]
            return template if isinstance(template, str) else template.get(notice.language) or next(iter(template.values()), "")
    return ""


def _colon(language: Language) -> str:
    return "：" if language == "zh" else ": "


def _in(given: Any, language: Language) -> str:
    if isinstance(given, dict):
        return str(given.get(language) or next(iter(given.values()), ""))
    return str(given or "")


def _why(notice: Notice) -> Mapping[Language, str]:
    """A drill is not resolved: it is over, answered or not."""
    if notice.drill and notice.why == "resolved":
        return phrases.DRILL_OVER if notice.body.get("acknowledged_by") else phrases.DRILL_UNANSWERED
    return phrases.WHY.get(notice.why, {})


def _steps(body: Mapping[str, Any], language: Language) -> str:
    return numbered(str(body.get("quantity") or ""), bool(body.get("silent")) and body.get("value") is None, language)


def _members(incident: Mapping[str, Any]) -> str:
    members = incident.get("members")
    count = len(members) if isinstance(members, list) else members
    return str(count) if isinstance(count, int) and count > 1 else ""


def _joined(joined: Mapping[str, Any], language: Language) -> str:
    """The alerts of an incident that one message speaks of: where the worst of them are, and how many there are."""
    count = joined.get("count", 0)
    if count < 2:
        return ""
    places = [_in(one.get("place"), language) for one in joined.get("named", ())]
    said = ("、" if language == "zh" else "; ").join(dict.fromkeys(one for one in places if one))
    return said + (phrases.OTHERS[language].format(count=count) if joined.get("more") else "")


def place(body: Mapping[str, Any], language: Language) -> str:
    """Where, in words a stranger can follow; one line."""
    zh, en = body.get("place") or "", body.get("place_en") or ""
    return one_line(str((zh or en) if language == "zh" else (en or zh)) or str(body.get("device") or ""))


def summary(body: Mapping[str, Any], language: Language) -> str:
    """What is wrong; the rule's id where nobody has said it. One line."""
    return one_line(_in(body.get("summary"), language) or str(body.get("rule") or body.get("alert") or ""), 300)


def measured(body: Mapping[str, Any], language: Language) -> str:
    """The value with its unit and the limit it is past, "" where nothing was measured."""
    value, threshold = body.get("value"), body.get("threshold")
    if not isinstance(value, int | float):
        return ""
    unit = str(body.get("unit") or "")
    if unit in ("", "1") and threshold is None:
        return ""  # a state: the summary says it
    said = figure(value, unit)
    return f"{said} ({phrases.LIMIT[language]} {figure(threshold, unit)})" if isinstance(threshold, int | float) else said
