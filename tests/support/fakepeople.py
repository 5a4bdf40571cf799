"""The part of ``tests.support.fakeview`` about people: incidents made from the alerts that are open, and what was said."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec.structs import replace

from hub.model import SEVERITIES, Alert, Device, Space
from hub.records_people import Frozen, Note
from hub.said import sentence
from hub.telling.incidents import Incident, key, rank, worst
from hub.telling.silences import Silence
from hub.web.people_view import AlertPeople, Duty, DutyPiece, IncidentStory, Next, Rung, SilenceWords, ToldOf
from hub.web.view import Change, Conflict, NotFound, Page, Refused, Told

HOUR = 3_600_000


def wall() -> int:
    return time.time_ns() // 1_000_000


def mentions(text: str, search: str) -> bool:
    """Every word of the search is in it."""
    return all(word in text.lower() for word in search.lower().split())


def made_told(at: int) -> list[Told]:
    """Two people told of an alert raised at ``at``: one has it and has looked, the other's chat service does not answer."""
    took, seen = at + 160, at + 42_000
    late = sentence("answered", name="https://chat.example.org", status=503)
    return [
        Told("webhook:desk", "first", at + 4, took, "李管家", 1, None, "seen", at + 5, accepted_at=took, seen_at=seen),
        Told(
            "im:night",
            "first",
            at + 4,
            None,
            "王工",
            3,
            late,
            "queued",
            at + 60_000,
        ),
    ]


class FakePeople:
    """What is declared here is the whole view's."""

    alerts_by_id: dict[str, Alert]
    spaces_by_id: dict[str, Space]
    devices_by_id: dict[str, Device]
    stories: dict[str, list[Change]]
    mode: str

    def put(self, alert: Alert) -> Alert:
        raise NotImplementedError

    def smoke(self, device: str, at: int, id: str) -> Alert:
        raise NotImplementedError

    @property
    def _said(self) -> dict[str, list[Note]]:
        kept: dict[str, list[Note]] = self.__dict__.setdefault("notes", {})
        return kept

    @property
    def _silences(self) -> dict[str, Silence]:
        kept: dict[str, Silence] = self.__dict__.setdefault("kept_silences", {})
        return kept

    @property
    def _swaps(self) -> list[dict[str, str]]:
        kept: list[dict[str, str]] = self.__dict__.setdefault("kept_swaps", [])
        return kept

    # --- incidents

    def burn(self, building: str, count: int, id: str = "storm") -> list[Alert]:
        """So many of the building's detectors see smoke; the first kitchens more than once where there are fewer."""
        kitchens = [one for one in self.devices_by_id.values() if one.space.startswith(f"{building}-") and one.model == "HS1SA"]
        return [self.put(self.smoke(kitchens[n % len(kitchens)].id, wall(), f"{id}-{n}")) for n in range(count)]

    def _groups(self) -> dict[tuple[str, str], list[Alert]]:
        groups: dict[tuple[str, str], list[Alert]] = {}
        for alert in self.alerts_by_id.values():
            if alert.raised_at is not None:
                groups.setdefault(key(alert, self._path(alert.space)), []).append(alert)
        return groups

    def _path(self, space: str) -> list[Space]:
        path: list[Space] = []
        while space in self.spaces_by_id:
            path.append(self.spaces_by_id[space])
            space = path[-1].parent
        return path

    def _incident(self, group: tuple[str, str], alerts: Sequence[Alert]) -> Incident:
        lead = worst(alerts)
        firing = [one for one in alerts if one.state == "firing"]
        space = self.spaces_by_id.get(group[1])
        place = {"en": space.name_en or space.name, "zh": space.name} if space else lead.place
        return Incident(
            id=f"i{lead.id}", cause=group[0], space=group[1], opened_at=min(one.raised_at or 0 for one in alerts), place=place,
            lead=lead.id, summary=lead.summary, state="firing" if firing else "resolved", severity=lead.severity,
            members=len(alerts), firing=len(firing), critical=sum(one.severity == "critical" for one in alerts),
            unacknowledged=sum(not one.acknowledged_by for one in firing), changed_at=wall(),
            resolved_at=None if firing else max(one.resolved_at or 0 for one in alerts), told_rank=rank(lead.severity),
            told_at=lead.raised_at or 0,
        )  # fmt: skip

    async def incidents(
        self, *, state: Literal["firing", "resolved"] | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Incident]:
        found = [self._incident(group, alerts) for group, alerts in self._groups().items()]
        found = [one for one in found if state in (None, one.state)]
        found.sort(key=lambda one: (-SEVERITIES.index(one.severity), not one.unacknowledged, one.opened_at))
        start = int(cursor or 0)
        return Page(found[start : start + limit], str(start + limit) if start + limit < len(found) else None, len(found))

    def _found(self, id: str) -> tuple[Incident, list[Alert]]:
        for group, alerts in self._groups().items():
            if (incident := self._incident(group, alerts)).id == id:
                return incident, alerts
        raise NotFound(sentence("no_incident", id=id))

    async def incident(self, id: str) -> IncidentStory:
        incident, alerts = self._found(id)
        at = incident.told_at
        told = [ToldOf(incident.lead, one) for one in made_told(at)]
        ladder = [
            Rung(at, ["keeper"], ["李管家"], True),
            Rung(at + 120_000, ["duty"], ["王工"], wall() > at + 120_000),
            Rung(at + 300_000, ["everybody"], ["李管家", "王工"], wall() > at + 300_000),
        ]
        coming = next((rung for rung in ladder if not rung.done), None)
        following = Next(coming.at, coming.people, False) if coming else Next(wall() + 200_000, ["李管家", "王工"], True)
        more = max(0, len(alerts) - 200)
        if not incident.unacknowledged:
            return IncidentStory(incident, alerts[:200], more, told, {})
        return IncidentStory(incident, alerts[:200], more, told, {}, ladder, following)

    async def acknowledge_incident(self, id: str, by: str, comment: str) -> int:
        waiting = [one for one in self._found(id)[1] if one.state == "firing" and not one.acknowledged_by]
        for alert in waiting:
            self.put(replace(alert, acknowledged_by=by, acknowledged_at=wall(), comment=comment, revision=alert.revision + 1))
        return len(waiting)

    # --- one alert

    def _alert(self, id: str) -> Alert:
        if id not in self.alerts_by_id:
            raise NotFound(sentence("no_alert", id=id))
        return self.alerts_by_id[id]

    async def alert_people(self, id: str) -> AlertPeople:
        alert = self._alert(id)
        notes = self._said.get(id, [])
        assigned = next((one.whom for one in reversed(notes) if one.what == "assigned"), "")
        incident = next((self._incident(group, found).id for group, found in self._groups().items() if alert in found), "")
        state = alert.threshold is None
        last = alert.value or 0.0
        points = [(alert.at - n * 10_000, last * (1 + n / 90) if not state else last * (not n), 0) for n in range(30, -1, -1)]
        return AlertPeople(incident, assigned, "", notes, [Frozen(alert.device, alert.quantity, alert.channel, points)])

    async def _note(self, note: Note) -> AlertPeople:
        self._alert(note.alert)
        self._said.setdefault(note.alert, []).append(note)
        whom = {"li": "李管家", "wang": "王工"}.get(note.whom, note.whom) if note.what == "assigned" else ""
        self.stories[note.alert].append(Change(note.at, note.what, note.by, " · ".join(filter(None, (whom, note.text)))))
        return await self.alert_people(note.alert)

    async def comment(self, id: str, by: str, text: str) -> AlertPeople:
        return await self._note(Note(id, wall(), by, "comment", text))

    async def done(self, id: str, by: str, text: str) -> AlertPeople:
        return await self._note(Note(id, wall(), by, "done", text))

    async def assign(self, id: str, by: str, whom: str, text: str) -> AlertPeople:
        if whom not in ("", "li", "wang"):
            raise Refused(sentence("no_person", name=whom, names="li, wang"))
        return await self._note(Note(id, wall(), by, "assigned", text, whom))

    async def reopen(self, id: str, by: str, reason: str) -> Alert:
        alert = self._alert(id)
        if alert.state != "resolved":
            raise Refused(sentence("alert_open", id=id))
        await self._note(Note(id, wall(), by, "reopened", reason, f"{id}-again"))
        return self.put(replace(alert, id=f"{id}-again", state="firing", resolved_at=None, raised_at=wall(), reopens=id))

    # --- silences and duty

    async def silences(self, over: bool = False) -> Sequence[Silence]:
        return [one for one in self._silences.values() if over or not one.over(wall())]

    async def silence(self, words: SilenceWords) -> Silence:
        since = words.since or wall()
        made = Silence(
            id=f"s{len(self._silences)}", matcher=words.matcher, since=since, until=words.until or since + words.lasts,
            by=words.by, why=words.why, kind=words.kind,
        )  # fmt: skip
        self._silences[made.id] = made
        return made

    async def second_silence(self, id: str, by: str) -> Silence:
        if id not in self._silences:
            raise NotFound(sentence("no_silence", id=id))
        if self._silences[id].second:
            raise Conflict(sentence("second_agreed", by="somebody"))
        if by == self._silences[id].by:
            raise Refused(sentence("second_is_first", by=by))
        self._silences[id] = replace(self._silences[id], second=by, second_at=wall())
        return self._silences[id]

    async def end_silence(self, id: str, by: str) -> Silence:
        if id not in self._silences:
            raise NotFound(sentence("no_silence", id=id))
        self._silences[id] = replace(self._silences[id], ended_by=by, ended_at=wall())
        return self._silences[id]

    async def duty(self, days: int) -> Duty:
        if self.mode == "empty":
            return Duty({}, {}, [], {}, [])
        start = wall() // (24 * HOUR) * 24 * HOUR - 8 * HOUR
        plan = []
        for day in range(days):
            begin = start + day * 24 * HOUR
            plan.append(DutyPiece(begin, begin + 8 * HOUR, [], []))
            plan.append(DutyPiece(begin + 8 * HOUR, begin + 20 * HOUR, ["wang"], ["王工"]))
            plan.append(DutyPiece(begin + 20 * HOUR, begin + 24 * HOUR, ["li"], ["李管家"]))
        people: list[Mapping[str, Any]] = [
            {"id": "li", "name": "李管家", "spaces": ["3"], "tell": ["webhook:desk"], "language": "zh"},
            {"id": "wang", "name": "王工", "spaces": [], "tell": ["webhook:desk"], "language": "zh"},
        ]
        steps = [{"after_s": 0.0, "tell": ["keeper"]}, {"after_s": 120.0, "tell": ["duty"]}]
        ladder = {"steps": steps, "repeat_s": 300.0, "accepted_within_s": 60.0}
        return Duty({"duty": ["wang"]}, {"duty": plan}, self._swaps, {"critical": ladder}, people)

    async def swap(self, day: str, person: str, instead_of: str, team: str, by: str) -> Duty:
        self._swaps.append({"day": day, "person": person, "instead_of": instead_of, "team": team, "by": by})
        return await self.duty(7)
