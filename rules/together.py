"""Several conditions together, in one place."""

import json
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import AliasChoices, Field, ValidationError, ValidationInfo, model_validator

from hub import plugins
from hub.model import Reading, Space
from hub.ports import Duration, ReadingRule, RuleSettings
from hub.quantities import Quantity, nearest_word
from rules.condition import Node, Wrong, read
from rules.contract import complete

WHOLE = frozenset({"id", "severity", "hold_for", "clear_for", "name", "enabled", "test_mode", "during", "test"})
"""What only the whole rule can say."""
Each = Literal["community", "building", "entrance", "floor", "flat", "room", "area", "device"]


class Together:
    """Breached while several conditions hold in one place: heat and smoke on one floor, gas flowing while nobody is at home.

    A condition is written like a rule of its kind, without id and severity; ``all``, ``any`` and ``not`` join them, also inside
    one another. ``each`` says what is taken together: all devices of a floor, a flat …, or each device for itself; a device
    that lies in no such place is not watched. What the rule says about its scope (``device``, ``space`` …) holds for every
    condition that does not say it itself.

    A condition holds in a place when it holds for one device there; ``not`` holds when it holds for none, and all are heard.
    Whatever is missing, silent, in fault, older than ``within`` or unchanged for longer than ``frozen`` cannot tell: it neither
    raises nor ends anything. So ``within`` must be longer than the devices' own intervals. Readings count by their own time and
    in any order; those that come late do not rewrite what has been judged.

    The alert belongs to the place. It shows the newest reading that made the conditions true, and keeps all of them as its
    evidence.

    ```toml
    [[rule]]
    id = "fire-confirmed"
    kind = "together"
    each = "floor"
    within = "2min"
    severity = "critical"
    name = { en = "Fire, seen twice", zh = "火情确认" }
    all = [
      { kind = "state", quantity = "fire.smoke" },
      { kind = "above", quantity = "air.temperature", threshold = 57 },
    ]
    ```
    """

    kind: ClassVar[str] = "together"
    threshold: float | None = None

    class Settings(RuleSettings):
        quantity: str = Field("", description="left out: each condition names its own", max_length=0)
        each: Each = Field(description="what is taken together: the devices of one such place, or each device alone")
        all: tuple[dict[str, Any], ...] = Field((), description="conditions that must all hold")
        any: tuple[dict[str, Any], ...] = Field((), description="conditions of which one must hold")
        not_: dict[str, Any] = Field(
            {},
            description="a condition that must not hold",
            validation_alias=AliasChoices("not", "not_"),
            serialization_alias="not",
        )
        within: Duration | None = Field(None, gt=0, description="a reading older than this tells nothing; left out: until silent")
        frozen: Duration | None = Field(
            None, gt=0, description="a measured value unchanged for so long tells nothing; left out: it does"
        )

        @model_validator(mode="after")
        def _can_be_read(self, info: ValidationInfo) -> Self:
            _parsed(self, info.context)
            return self

    def __init__(self, settings: Settings) -> None:
        self.settings: RuleSettings = settings
        self.each = settings.each
        self.within = float("inf") if settings.within is None else settings.within
        self.frozen = float("inf") if settings.frozen is None else settings.frozen
        self.node, self.leaves = _parsed(settings, None)
        self.names = [leaf.kind + _plain(leaf) for leaf in self.leaves]

    def subject(self, device: str, path: Sequence[Space]) -> tuple[str, str, str] | None:
        """(space, "", "") of the place this device belongs to, or of the device itself; None: it lies in no such place."""
        if self.each == "device":
            return (device, "", "")
        found = next((space.id for space in reversed(path) if space.kind == self.each), None)
        if found is None and self.each == "community":
            found = path[0].id if path else ""
        return None if found is None else (found, "", "")

    def memory(self) -> None:
        return None

    def judge(self, reading: Reading, firing: bool, memory: Any) -> bool | None:
        return None  # one reading alone tells nothing

    def words(self, quantity: Quantity) -> dict[str, str]:
        return {"en": "Several conditions together", "zh": "多个条件同时成立"}


def _plain(leaf: ReadingRule) -> str:
    return json.dumps(leaf.settings.model_dump(mode="json", exclude={"id"}, exclude_unset=True), sort_keys=True)


def _parsed(settings: "Together.Settings", context: Any) -> tuple[Node, list[ReadingRule]]:
    tables: list[dict[str, Any]] = []
    node = read({"all": settings.all, "any": settings.any, "not": settings.not_}, tables)
    scope = {name: getattr(settings, name) for name in settings.model_fields_set & _scopes()}
    return node, [_leaf(f"{settings.id}.{number}", table, scope, context) for number, table in enumerate(tables, 1)]


def _scopes() -> set[str]:
    return set(RuleSettings.model_fields) - WHOLE - {"quantity"}


def _leaf(id: str, table: dict[str, Any], scope: dict[str, Any], context: Any) -> ReadingRule:
    where, kind = table["where"], table["kind"]
    kinds = {name: plugin for name, plugin in plugins.find("rules").items() if name != Together.kind}
    if kind not in kinds:
        close = nearest_word(str(kind), kinds)
        raise Wrong(f'{where}: unknown kind "{kind}"' + (f'; did you mean "{close}"?' if close else ""))
    plugin = kinds[kind]
    if hasattr(plugin, "wait"):
        raise Wrong(f'{where}: "{kind}" looks at the clock, not at readings: make it a rule of its own')
    given = {name: value for name, value in table.items() if name not in ("where", "kind")}
    if whole := sorted(WHOLE & given.keys()):
        raise Wrong(f'{where}: "{whole[0]}" is said of the whole rule, not of one condition')
    try:
        text = json.dumps({"id": id, **scope, **given}, default=str)
        leaf: ReadingRule = plugin(plugin.Settings.model_validate_json(text, strict=bool(context) or None, context=context))
    except ValidationError as error:
        raise Wrong(f"{where}: {_first(error, plugin.Settings.model_fields)}") from None
    complete(leaf)
    return leaf


def _first(error: ValidationError, known: dict[str, Any]) -> str:
    # a misspelt key is both unknown and missing: the first says more
    detail = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        close = nearest_word(key, known)
        return f'unknown key "{key}"' + (f'; did you mean "{close}"?' if close else "")
    if detail["type"] == "missing":
        return f'"{key}" is missing' + (f": {known[key].description}" if key in known else "")
    said = detail["msg"].removeprefix("Value error, ")
    return f"{key}: {said}" if key else said
