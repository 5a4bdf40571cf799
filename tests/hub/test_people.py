"""What people do on the way of an alert, over HTTP on a whole hub: who said what is kept, and survives a restart."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.brokers import start_mosquitto
from tests.support.hubs import until
from tests.support.site import Sink, Site, site, wall

PEOPLE = """
[[space]]
id = "3"
name = "3幢"
kind = "building"
[[device]]
id = "alarm:hall"
space = "3"
[[device]]
id = "bench:tank"
space = "3"
[[person]]
id = "li"
name = "李管家"
tell = ["webhook:desk"]
spaces = ["3"]
[[person]]
id = "wang"
name = "王工"
tell = ["webhook:desk"]
[[duty]]
person = "wang"
during = { days = "mon-fri", hours = "08:00-20:00" }
"""


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, sink: Sink) -> Iterator[Site]:
    path = tmp_path_factory.mktemp("people")
    with start_mosquitto(path, max_inflight=200) as broker, site(path, broker, sink.config + PEOPLE) as made:
        yield made


def smoke(made: Site, device: str = "hall", on: bool = True) -> str:
    made.client(f"{device}-{wall()}").say(f"alarm/{device}", {"ts": wall(), "smoke": on})
    state = "firing" if on else "resolved"
    found = until(lambda: [one for one in made.alerts(state=state) if one["device"] == f"alarm:{device}"], f"{device} {state}")
    return str(found[0]["id"])


def said(made: Site, path: str, body: dict[str, Any], expected: int = 200) -> Any:
    status, answer = made.hub.post(f"/api/v1/{path}", body)
    assert status == expected, answer
    return answer


def delete(made: Site, path: str, body: dict[str, Any]) -> Any:

    data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{made.hub.url}/api/v1/{path}", data, headers, method="DELETE")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def told(sink: Sink, alert: str) -> list[tuple[str, str]]:
    return sorted((notice["why"], notice["told"]) for _, notice in sink.got if notice["id"] == alert)


def test_comments_assignment_what_was_done_and_reopening_are_kept(made: Site, sink: Sink) -> None:
    alert = smoke(made)
    until(lambda: ("first", "li") in told(sink, alert), "li is told")
    said(made, f"alerts/{alert}/comments", {"by": "li", "text": "neighbours smell it too"})
    said(made, f"alerts/{alert}/comments", {"by": "wang", "text": "on my way"})
    people = said(made, f"alerts/{alert}/assign", {"by": "li", "to": "王工"})
    assert people["assigned"] == "wang"
    until(lambda: ("assigned", "wang") in told(sink, alert), "wang hears that it is his")
    assert said(made, f"alerts/{alert}/assign", {"by": "li", "to": "nobody"}, 422)["detail"].startswith(
        'there is no person "nobody"'
    )
    smoke(made, on=False)
    people = said(made, f"alerts/{alert}/done", {"by": "wang", "text": "aired the flat, reset the detector"})
    kept = [(one["what"], one["by"], one["text"] or one["whom"]) for one in people["notes"]]
    assert kept == [
        ("comment", "li", "neighbours smell it too"), ("comment", "wang", "on my way"), ("assigned", "li", "wang"),
        ("done", "wang", "aired the flat, reset the detector"),
    ]  # fmt: skip

    timeline = [(one["what"], one["text"]) for one in made.hub.get(f"/api/v1/alerts/{alert}")["changes"]]
    assert [what for what, _ in timeline] == ["firing", "comment", "comment", "assigned", "resolved", "done"]
    assert timeline[3] == ("assigned", "王工")

    again = said(made, f"alerts/{alert}/reopen", {"by": "wang", "reason": "it smoulders in the wall"}, 201)
    assert (again["reopens"], again["state"], again["event"]) == (alert, "firing", True)
    assert made.hub.get(f"/api/v1/alerts/{alert}")["alert"]["state"] == "resolved", "the closed one stays closed"
    until(lambda: ("reopened", "li") in told(sink, again["id"]), "it is told as reopened")
    assert said(made, f"alerts/{alert}/reopen", {"by": "li", "reason": "again"}, 409)
    made.hub.kill()
    made.hub.start()
    assert made.hub.get(f"/api/v1/alerts/{again['id']}")["alert"]["state"] == "firing"
    assert [one["what"] for one in made.hub.get(f"/api/v1/alerts/{alert}/people")["notes"]][-1] == "reopened"
    smoke(made, on=False)
    assert made.hub.get(f"/api/v1/alerts/{again['id']}")["alert"]["state"] == "firing", "only a person closes it"
    assert said(made, f"alerts/{again['id']}/resolve", {"by": "wang", "reason": ""}, 422)
    said(made, f"alerts/{again['id']}/resolve", {"by": "wang", "reason": "fire brigade was here"})


def test_a_fire_silence_needs_a_second_person_and_ends(made: Site, sink: Sink) -> None:
    wrong = {"by": "li", "why": "welding", "minutes": 60}
    assert "say which" in said(made, "silences", wrong, 422)["detail"]
    assert "one device" in said(made, "silences", wrong | {"kind": "maintenance", "space": "3"}, 422)["detail"]
    past = {"by": "li", "why": "welding", "space": "3", "until": "2020-01-01T00:00:00Z"}
    assert "in the future" in said(made, "silences", past, 422)["detail"]
    level = said(made, "silences", wrong | {"quantity": "air.co2"}, 201)
    assert level["waits_for_second"] and level["told_anyway"]["zh"] == "在第二人确认之前，紧急警报仍照常通知；其余已静默。"
    assert made.hub.get("/api/v1/silences")["items"] == [level]
    delete(made, f"silences/{level['id']}", {"by": "li"})
    silence = said(made, "silences", wrong | {"device": "alarm:shaft"}, 201)
    assert silence["waits_for_second"]
    assert silence["told_anyway"]["en"].startswith("Fire, calls for help and critical alerts are told until a second person")
    first = smoke(made, "shaft")
    until(lambda: ("first", "li") in told(sink, first), "one person alone silences no fire")
    smoke(made, "shaft", on=False)
    assert "somebody else" in said(made, f"silences/{silence['id']}/second", {"by": "李管家"}, 422)["detail"], "the same by name"
    assert not said(made, f"silences/{silence['id']}/second", {"by": "wang"})["waits_for_second"]
    made.hub.stop()
    made.hub.start()
    second = smoke(made, "shaft")
    assert second != first
    assert until(lambda: made.hub.get(f"/api/v1/alerts/{second}/people")["held"], "it is held back") == "silence"
    [frozen] = until(lambda: made.hub.get(f"/api/v1/alerts/{second}/people")["evidence"], "its evidence is frozen")
    assert [value for _, value, _ in frozen["points"]] == [1, 0, 1], "burnt, quiet, burnt: all within ten minutes"
    assert told(sink, second) == []
    ended = delete(made, f"silences/{silence['id']}", {"by": "wang"})
    assert ended["ended_by"] == "wang"
    until(lambda: ("first", "li") in told(sink, second), "when the silence ends what still fires is told")
    assert made.hub.get("/api/v1/silences")["items"] == []
    assert [one["by"] for one in made.hub.get("/api/v1/silences?over=true")["items"]] == ["li", "li"]
    smoke(made, "shaft", on=False)


def test_the_rota_with_its_holes_and_a_swap(made: Site) -> None:
    rota = made.hub.get("/api/v1/rota?days=7")
    pieces = rota["days"]["duty"]
    assert {tuple(piece["people"]) for piece in pieces} == {(), ("wang",)}
    assert sum(bool(piece["people"]) for piece in pieces) == 5, "five working days"
    assert rota["ladders"]["critical"]["steps"][0]["tell"] == ["keeper"]
    day = next(piece for piece in pieces if piece["people"])["start"][:10]
    swapped = said(made, "rota/swaps", {"by": "li", "day": day, "person": "li", "instead_of": "wang"}, 201)
    assert next(piece for piece in swapped["days"]["duty"] if piece["people"])["people"] == ["li"]
    assert said(made, "rota/swaps", {"by": "li", "day": "2020-01-01", "person": "li", "instead_of": "wang"}, 422)
    made.hub.stop()
    made.hub.start()
    assert made.hub.get("/api/v1/rota")["swaps"][0]["by"] == "li"


def test_acknowledging_an_incident_acknowledges_its_members(made: Site) -> None:
    ids = {smoke(made, "hall")}
    [incident] = [one for one in made.hub.get("/api/v1/incidents?state=firing")["items"] if one["space"] == "3"]
    assert (incident["kind"], incident["place"], incident["unacknowledged"]) == ("fire", {"en": "3幢", "zh": "3幢"}, 1)
    assert said(made, f"incidents/{incident['id']}/acknowledge", {"by": "li"}) == {"acknowledged": 1}
    assert {one["id"] for one in made.alerts(state="open") if one["acknowledged_by"] == "li"} == ids
    story = made.hub.get(f"/api/v1/incidents/{incident['id']}")
    assert ([one["id"] for one in story["members"]], story["ladder"]) == (list(ids), [])
    smoke(made, "hall", on=False)
    until(lambda: made.hub.get(f"/api/v1/incidents/{incident['id']}")["incident"]["state"] == "resolved", "it is over")
    assert said(made, f"incidents/{incident['id']}/acknowledge", {"by": "li"}, 404)
