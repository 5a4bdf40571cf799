"""What gengfu.toml says of energy: [energy], [[tariff]], [[emission]], [[report_mail]], and what a [[device]] is for.

Tariffs and factors may stand in files of their own, so that one file serves many sites.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

from msgspec.structs import replace

from hub.calendar import Calendar
from hub.config import document, registers
from hub.config.problems import ConfigErrors
from hub.config.reader import Reader
from hub.config.words import nearest
from hub.quantities import Vocabulary
from hub.reports.installed import Register
from hub.reports.setup import DUTY, Duty, Emission, Energy, EnergySection, ReportMail
from hub.reports.tariffs import Tariff, wrong_tiers

LISTS = ("tariff", "emission", "report_mail")


def read(reader: Reader, vocabulary: Vocabulary, base: Path) -> Energy:
    section = reader.table("energy", EnergySection)
    tariffs, emissions = _tables(reader, vocabulary)
    for place, name in enumerate(section.files if section else ()):
        try:
            more = Reader(document.read(base / name))
        except ConfigErrors as error:
            reader.wrong(("energy", "files", place), "energy, files", "; ".join(problem.message for problem in error.problems))
            continue
        more.top((), ("tariff", "emission"))
        further = _tables(more, vocabulary)
        tariffs += further[0]
        emissions += further[1]
        reader.problems += more.problems
    currencies = sorted({tariff.currency for tariff in tariffs})
    if len(currencies) > 1:
        message = f"all tariffs of a site have one currency, so that costs can be added; there are {', '.join(currencies)}"
        reader.wrong(("tariff",) if "tariff" in reader.data else ("energy", "files"), "tariff", message)
    mails = reader.each("report_mail", ReportMail)
    _duties_are_sound(reader)
    registers.are_sound(reader)
    _mails_have_addresses(reader)
    return Energy(
        duties=_duties(reader),
        tariffs=tuple(tariffs),
        emissions=tuple(emissions),
        mails=tuple(mails),
        rest=section.rest if section else "own",
    )


def with_calendar(said: Energy, calendar: Calendar) -> Energy:
    """A tariff without holidays of its own follows the site's."""
    days = {"holidays": tuple(sorted(calendar.holidays)), "make_up_days": tuple(sorted(calendar.working))}
    tariffs = [t if t.holidays or t.make_up_days else t.model_copy(update=days) for t in said.tariffs]
    return replace(said, tariffs=tuple(tariffs))


def _tables(reader: Reader, vocabulary: Vocabulary) -> tuple[list[Tariff], list[Emission]]:
    tariffs = list(reader.numbered("tariff", Tariff))
    emissions = list(reader.numbered("emission", Emission))
    for name, sections in (("tariff", tariffs), ("emission", emissions)):
        for index, section in sections:
            quantity = vocabulary.get(section.quantity)
            if quantity is None or quantity.shape != "counter":
                counters = [one.name for one in vocabulary if one.shape == "counter"]
                what = "unknown quantity" if quantity is None else "not counted by any register:"
                message = f'{what} "{section.quantity}"{nearest(section.quantity, counters)}'
                reader.wrong((name, index, "quantity"), reader.called(name, index), message)
    for index, tariff in tariffs:
        key = reader.called("tariff", index)
        if wrong := wrong_tiers(tariff):
            reader.wrong(("tariff", index, "tiers"), f"{key}, tiers", wrong)
        if tariff.valid_to and tariff.valid_to <= tariff.valid_from:
            reader.wrong(("tariff", index, "valid_to"), key, "it ends before it begins: valid_to is the day after its last")
        if tariff.demand_price and not tariff.quantity.startswith("energy."):
            reader.wrong(("tariff", index, "demand_price"), key, "only electricity has a demand in kW")
    _overlaps(reader, tariffs)
    return [tariff for _, tariff in tariffs], [emission for _, emission in emissions]


def _overlaps(reader: Reader, tariffs: Sequence[tuple[int, Tariff]]) -> None:
    for (_, one), (index, other) in combinations(tariffs, 2):
        if one.id != other.id or (one.valid_to and one.valid_to <= other.valid_from):
            continue
        if other.valid_to and other.valid_to <= one.valid_from:
            continue
        message = f'two versions of "{one.id}" hold on {max(one.valid_from, other.valid_from)}: give the older one a valid_to'
        reader.wrong(("tariff", index, "id"), reader.called("tariff", index), message)


def _duties(reader: Reader) -> dict[str, Duty]:
    found: dict[str, Duty] = {}
    zone = registers.zone(reader)
    for _, item in reader.items("device"):
        said = {key: item[key] for key in DUTY if isinstance(item.get(key), str)}
        tags = item.get("tags")
        if "role" not in said and isinstance(tags, list) and "main" in tags:
            said["role"] = "main"
        register = registers.register(item, zone)
        if (said or register != Register()) and isinstance(item.get("id"), str):
            found[item["id"]] = Duty(**said, register=register)
    return found


def _duties_are_sound(reader: Reader) -> None:
    spaces = [str(item["id"]) for _, item in reader.items("space") if "id" in item]
    for index, item in reader.items("device"):
        measures = item.get("measures")
        if not isinstance(measures, str) or not measures:
            continue
        key, at = reader.called("device", index), ("device", index, "measures")
        if measures not in spaces:
            hint = nearest(measures, spaces) or "; write one with that id"
            reader.wrong(at, key, f'it measures "{measures}", which is no [[space]]{hint}')
        elif item.get("role") != "main":
            reader.wrong(at, key, 'only a main meter measures a whole space: write role = "main", or leave measures out')


def _mails_have_addresses(reader: Reader) -> None:
    people = {str(item["id"]): item for _, item in reader.items("person") if "id" in item}
    for index, item in reader.items("report_mail"):
        for position, name in enumerate(_texts(item.get("to"))):
            at = ("report_mail", index, "to", position)
            if name not in people:
                reader.wrong(at, "report_mail, to", f'"{name}" is no [[person]]{nearest(name, people)}')
            elif not people[name].get("email"):
                reader.wrong(at, "report_mail, to", f'"{name}" has no e-mail address: write email = "…" at that [[person]]')


def _texts(given: object) -> Iterable[str]:
    return [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
