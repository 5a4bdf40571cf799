"""[[rule.test]]: the stories a rule carries, which ``gengfu check`` plays."""

from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct
from pydantic import Field, field_validator

from hub.config.problems import Problem
from hub.config.reader import Reader
from hub.ports import Duration, Settings


class RuleTestSection(Settings):
    name: str = Field("", description="what it shows")
    story: str = Field(description="one moment a line: 10s reads 510 => pending", min_length=1)
    quantity: str | None = Field(None, description="what is read where a line does not say; left out: what the rule is about")
    device: str | None = Field(None, description="who reads it where a line does not say; left out: one in the rule's scope")
    begins: str | None = Field(None, description="the site's time at which it begins, like 2026-10-01T08:00")
    tick: Duration = Field(250, ge=250, description="how often the clock is looked at; longer for a story of many days")

    @field_validator("begins")
    @classmethod
    def _is_a_moment(cls, given: str | None) -> str | None:
        try:
            datetime.fromisoformat(given or "2026-10-01T08:00")
        except ValueError:
            raise ValueError(f'"{given}" is no moment: write it like "2026-10-01T08:00"') from None
        return given


class RuleTest(Struct, frozen=True):
    """``begins``: ms, or None for any moment. ``at``: where it stands in the file, for what is said about it."""

    rule: str
    name: str
    story: str
    quantity: str | None
    device: str | None
    begins: int | None
    tick: int
    at: Problem

    def problem(self, message: str) -> Problem:
        return Problem(self.at.line, self.at.key, message, self.at.file)


def rule_tests(reader: Reader, zone: ZoneInfo) -> tuple[RuleTest, ...]:
    found: list[RuleTest] = []
    for index, item in reader.items("rule"):
        tests, key = item.get("test"), reader.called("rule", index)
        if tests is None:
            continue
        if not isinstance(tests, list) or not all(isinstance(one, dict) for one in tests):
            reader.wrong(("rule", index, "test"), key, "there may be several: write each as [[rule.test]] in two brackets")
            continue
        for number, one in enumerate(tests):
            at = ("rule", index, "test", number)
            name = str(one.get("name") or number + 1)
            section = reader.check(one, RuleTestSection, at, f"{key}, test {name}")
            if section is None or not isinstance(item.get("id"), str):
                continue
            begins = None
            if section.begins:
                moment = datetime.fromisoformat(section.begins)
                placed = moment if moment.tzinfo else moment.replace(tzinfo=zone)
                begins = round(placed.timestamp() * 1000)
            place = reader.document.problem(at, f'rule {item["id"]}, test "{name}"', "")
            found.append(RuleTest(item["id"], name, section.story, section.quantity, section.device, begins, section.tick, place))
    return tuple(found)
