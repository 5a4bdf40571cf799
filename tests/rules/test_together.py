"""Several conditions in one place, beside their stories: three-valued logic, identity, evidence, restarts, what is refused."""

from itertools import permutations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.config import ConfigErrors, load
from hub.model import Alert, Evidence, Reading
from hub.quantities import UnknownWord
from rules import build
from rules.condition import Known, Node, Wrong, read
from tests.support.scenarios import START, VOCABULARY, Player

SPACES = [
    {"id": "3", "name": "3幢", "kind": "building", "name_en": "Building 3"},
    {"id": "3-5f", "name": "5层", "kind": "floor", "parent": "3", "name_en": "floor 5"},
]
DEVICES = [{"id": id, "space": "3-5f", "accepted": True} for id in ("zigbee:smoke", "zigbee:smoke2", "zigbee:heat")]
FILE = {"space": SPACES, "device": DEVICES}
FIRE = {
    "id": "fire-confirmed",
    "kind": "together",
    "each": "floor",
    "severity": "critical",
    "all": [
        {"kind": "state", "quantity": "fire.smoke"},
        {"kind": "above", "quantity": "air.temperature", "threshold": 57},
    ],
}


def player(**rule: Any) -> Player:
    return Player({"rule": FIRE | rule}, FILE)


def feed(hub: Player, given: Reading) -> list[Alert]:
    changed = list(hub.engine.step(given, hub.wall, hub.now))
    hub.commit(changed)
    return changed


def smoke(second: float, on: bool = True, device: str = "zigbee:smoke") -> Reading:
    return Reading(device, "fire.smoke", float(on), START + round(second * 1000))


def heat(second: float, value: float = 60.0) -> Reading:
    return Reading("zigbee:heat", "air.temperature", value, START + round(second * 1000))


# --- the logic --------------------------------------------------------------------------------------------------------

LEAF = [Node("leaf", leaf=0), Node("leaf", leaf=1)]
T, F, U = True, False, None


def test_kleenes_tables() -> None:
    """S. C. Kleene, Introduction to Metamathematics (1952), §64: strong three-valued and, or, not."""
    both = {(T, T): T, (T, F): F, (T, U): U, (F, F): F, (F, U): F, (U, U): U}
    either = {(T, T): T, (T, F): T, (T, U): T, (F, F): F, (F, U): U, (U, U): U}
    for a, b in product((T, F, U), repeat=2):
        known = [Known(a, 1), Known(b, 1)]
        pair = (a, b) if (a, b) in both else (b, a)
        assert Node("all", tuple(LEAF)).judge(known).verdict is both[pair]
        assert Node("any", tuple(LEAF)).judge(known).verdict is either[pair]
    for a, negated in ((T, F), (F, T), (U, U)):
        assert Node("not", (LEAF[0],)).judge([Known(a, 1)]).verdict is negated


def test_it_is_so_since_the_last_of_all_and_the_first_of_any() -> None:
    assert Node("all", tuple(LEAF)).judge([Known(T, 5), Known(T, 9)]) == Known(True, 9)
    assert Node("any", tuple(LEAF)).judge([Known(T, 5), Known(T, 9)]) == Known(True, 5)
    assert Node("any", tuple(LEAF)).judge([Known(F, 5), Known(T, 9)]) == Known(True, 9)
    assert Node("all", tuple(LEAF)).judge([Known(F, 5), Known(T, 9)]) == Known(False, 5)


def test_several_joins_in_one_table_must_all_hold() -> None:
    leaves: list[dict[str, Any]] = []
    node = read({"all": [{"kind": "a"}], "any": [{"kind": "b"}, {"kind": "c"}], "not": {"kind": "d"}}, leaves)
    assert [leaf["kind"] for leaf in leaves] == ["a", "b", "c", "d"]
    assert node.join == "all" and [part.join for part in node.parts] == ["all", "any", "not"]


# --- identity, place, evidence ----------------------------------------------------------------------------------------


def test_the_alert_belongs_to_the_place_and_keeps_its_evidence() -> None:
    hub = player(name={"en": "Fire", "zh": "火情确认"})
    feed(hub, smoke(0, False, "zigbee:smoke2"))
    feed(hub, smoke(1))
    (alert,) = feed(hub, heat(2, 63.5))
    assert (alert.space, alert.device, alert.quantity, alert.value, alert.unit) == (
        "3-5f", "zigbee:heat", "air.temperature", 63.5, "Cel",
    )  # fmt: skip
    assert alert.threshold == 57 and alert.at == START + 2000
    assert alert.summary == {"en": "Fire in Building 3, floor 5", "zh": "3幢5层 火情确认"}
    assert alert.evidence == (
        Evidence("zigbee:heat", "air.temperature", "", 63.5, START + 2000),
        Evidence("zigbee:smoke", "fire.smoke", "", 1.0, START + 1000),
    )


def test_without_a_name_it_says_what_its_conditions_say() -> None:
    hub = player()
    feed(hub, smoke(1))
    (alert,) = feed(hub, heat(2))
    assert alert.summary == {
        "en": "Smoke and Temperature above 57 °C in Building 3, floor 5",
        "zh": "3幢5层 烟雾，且温度高于 57 °C",
    }


def test_in_whatever_order_they_arrive_it_is_the_same_alert() -> None:
    stream = [smoke(5), heat(9), smoke(7, device="zigbee:smoke2"), heat(9.5, 65)]
    told = set()
    for order in permutations(stream):
        in_order = order.index(stream[1]) < order.index(stream[3])  # each device's own messages
        hub = player()
        hub.go_to(60_000)
        for one in order:
            feed(hub, one)
        assert [alert.state for alert in hub.disk.values()] == ["firing"]
        if in_order:
            told.add(tuple((alert.id, alert.at, alert.state) for alert in hub.disk.values()))
    assert len(told) == 1, told
    ((only,),) = told
    assert only[1:] == (START + 9000, "firing")


MOMENTS = st.lists(st.tuples(st.sampled_from(["smoke", "heat"]), st.booleans()), min_size=1, max_size=24)


@given(MOMENTS, st.data())
@settings(deadline=None, max_examples=60)
def test_killed_and_redelivered_it_tells_the_same_alerts(moments: list[tuple[str, bool]], data: Any) -> None:
    """At each kill the last readings come again. With the state of the last heartbeat, or with what the store has of each
    series: then a half that was known before the kill is known after it."""
    stream = [
        smoke(second, on) if what == "smoke" else heat(second, 60.0 if on else 20.0) for second, (what, on) in enumerate(moments)
    ]
    calm, hub = player(), player()
    for second, one in enumerate(stream):
        calm.go_to(second * 1000)
        feed(calm, one)
        hub.go_to(second * 1000)
        feed(hub, one)
        if data.draw(st.integers(0, 3)) == 0:
            hub.beat()
            hub.restart(0, forgetting=False)
            for again in stream[max(0, second - data.draw(st.integers(0, 5))) : second + 1]:
                feed(hub, again)
    assert {id: alert.state for id, alert in hub.disk.items()} == {id: alert.state for id, alert in calm.disk.items()}


@given(MOMENTS)
@settings(deadline=None, max_examples=60)
def test_it_is_open_exactly_when_both_halves_hold(moments: list[tuple[str, bool]]) -> None:
    hub, now = player(), {"smoke": False, "heat": False}
    for second, (what, on) in enumerate(moments):
        hub.go_to(second * 1000)
        feed(hub, smoke(second, on) if what == "smoke" else heat(second, 60.0 if on else 20.0))
        now[what] = on
        seen = {"smoke", "heat"} <= {what for what, _ in moments[: second + 1]}
        if seen or not on:
            assert bool(hub.engine.open_alerts()) == all(now.values())


def test_what_the_store_knows_is_known_after_a_start() -> None:
    """A rule that is new, or a half that was heard after the last heartbeat: the newest stored readings tell."""
    hub = player()
    hub.go_to(10_000)
    hub.engine.restore(None, [], None, hub.now)
    hub.engine.expect([(smoke(1), START + 1000), (heat(2), START + 2000)], hub.now)
    told: list[Alert] = []
    for _ in range(20):
        hub._pass(250)
        told += hub.engine.tick(hub.now)
    assert [(alert.state, alert.at) for alert in told] == [("firing", START + 2000)]


def test_an_open_alert_is_not_raised_again_by_the_store_after_a_restart() -> None:
    hub = player()
    feed(hub, smoke(1))
    feed(hub, heat(2))
    hub.restart(1000, forgetting=True)
    hub.engine.expect([(smoke(1), START), (heat(2), START)], hub.now)
    hub.go_to(hub.elapsed + 10_000)
    feed(hub, heat(30))
    assert [alert.state for alert in hub.disk.values()] == ["firing"]


def test_memory_is_given_back_when_strangers_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rules.subjects.STRANGERS", 3)
    hub = player(each="device")
    for number in range(50):
        feed(hub, Reading(f"zigbee:x{number}", "fire.smoke", 0.0, START + number))
    assert len(list(hub.engine._subjects.groups)) <= 5


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"all": []}, "say which conditions"),
        ({"all": [{"quantity": "fire.smoke"}]}, '"quantity" needs a "kind" beside it'),
        ({"all": [{"kind": "stat", "quantity": "fire.smoke"}]}, 'all 1: unknown kind "stat"; did you mean "state"?'),
        ({"all": [{"kind": "above", "quantity": "air.temperature"}]}, 'all 1: "threshold" is missing'),
        ({"all": [{"kind": "silent", "quantity": "fire.*"}]}, "looks at the clock"),
        ({"all": [{"kind": "state", "quantity": "fire.smoke", "severity": "info"}]}, '"severity" is said of the whole rule'),
        ({"all": [{"any": [{"kind": "state", "quantity": "fire.smoke", "iz": 1}]}]}, 'all 1, any 1: unknown key "iz"'),
    ],
)
def test_what_cannot_be_read_says_where(change: dict[str, Any], says: str) -> None:
    table = {key: value for key, value in (FIRE | change).items() if key != "kind"}
    with pytest.raises(ValueError, match=" ") as caught:
        build("together", table, VOCABULARY)
    assert says in str(caught.value)


def test_a_condition_on_an_unknown_quantity_is_refused() -> None:
    table = {key: value for key, value in FIRE.items() if key != "kind"}
    with pytest.raises(UnknownWord, match=r'"fire\.smoek"; did you mean "fire\.smoke"'):
        build("together", table | {"all": [{"kind": "state", "quantity": "fire.smoek"}]}, VOCABULARY)


def test_a_tree_without_end_is_refused() -> None:
    deep: dict[str, Any] = {"kind": "state"}
    for _ in range(20):
        deep = {"not": deep}
    with pytest.raises(Wrong, match="nested"):
        read(deep, [])


def test_the_configuration_takes_it_and_refuses_it_by_line(tmp_path: Any) -> None:
    text = """
[[rule]]
id = "fire-confirmed"
kind = "together"
each = "floor"
within = "2min"
not = { kind = "state", quantity = "fire.fault" }
all = [
  { kind = "state", quantity = "fire.smoke" },
  { kind = "above", quantity = "air.temperature", threshold = 57, space = "3-*" },
]
"""
    path = tmp_path / "gengfu.toml"
    path.write_text(text)
    rule = next(rule for rule in load(path).rules if rule.settings.id == "fire-confirmed")
    assert [(leaf.settings.quantity, leaf.settings.space) for leaf in rule.leaves] == [  # type: ignore[union-attr]
        ("fire.smoke", "*"), ("air.temperature", "3-*"), ("fire.fault", "*"),
    ]  # fmt: skip
    path.write_text(text.replace("fire.smoke", "fire.smoek").replace("threshold", "treshold"))
    with pytest.raises(ConfigErrors) as caught:
        load(path)
    (problem,) = caught.value.problems
    assert problem.line == 2 and 'unknown key "treshold"; did you mean "threshold"?' in problem.message
    path.write_text(text.replace("fire.smoke", "fire.smoek"))
    with pytest.raises(ConfigErrors, match=r'unknown quantity "fire\.smoek"; did you mean "fire\.smoke"'):
        load(path)
