"""A report as a PDF, as one would hand it to an owners' committee: what it is about, the totals, charts, tables that say how
complete they are, how the figures came about and what is missing. One report is always the same bytes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub.reports import charts, missing
from hub.reports.book import least_known, line_name, party_name
from hub.reports.meters import COUNTERS
from hub.reports.paper import Paper
from hub.reports.priced import bounded, cost_mark, cost_words, exact, tier_words, together
from hub.reports.words import (
    FULL,
    HOW,
    Language,
    amount,
    clock,
    day_name,
    group_name,
    in_reading_order,
    main_lacks,
    number,
    period_name,
    plain,
    quantity_name,
    share,
    unit_name,
    validity,
    word,
)

ROWS = 800
"""Rows that are printed; the spreadsheets have all."""


def as_pdf(report: Mapping[str, Any], language: Language) -> bytes:
    """Of a full report. Raises fonts.NoFont."""
    made = datetime.fromisoformat(report.get("closed_at") or report["to"]).astimezone(ZoneInfo(report["time_zone"]))
    title = f"{plain(report['site'])} · {word('title', language)}"
    period = period_name(report["from"], report["to"], language)
    paper = Paper(language, f"{title} · {period} · {word('revision', language)} {report['revision']}", made)
    paper.set_title(f"{title} {period}")
    state = word("preliminary", language)
    if report.get("closed_at"):
        state = word("closed", language).format(day=day_name(made, language))
    lines = [f"{word('period', language)}: {clock(report['from'])} – {clock(report['to'])} ({report['time_zone']})"]
    lines.append(f"{word('revision', language)}: {report['revision']} · {state}")
    if report.get("facts", {}).get("examples"):
        lines.append(word("has_examples", language))
    paper.cover(period, title, lines)
    page = _Page(paper, report, language)
    page.glance()
    page.days()
    page.consumption()
    page.split()
    page.compare()
    page.demand()
    page.lines()
    page.nights()
    page.missing()
    page.sources()
    paper.heading(word("how", language))
    paper.words(HOW[language])
    return bytes(paper.output())


class _Page:
    def __init__(self, paper: Paper, report: Mapping[str, Any], language: Language) -> None:
        self.paper, self.report, self.language = paper, report, language
        self.currency = next((row["currency"] for row in report["rows"] if row.get("currency")), "")

    def w(self, key: str) -> str:
        return word(key, self.language)

    # --- the first page -----------------------------------------------------------------------------------------------

    def glance(self) -> None:
        tiles = [tile for tile in self._tiles() if tile]
        self.paper.tiles(tiles[:16])

    def _tiles(self) -> Sequence[tuple[str, str, str] | None]:
        balance, demand = self.report.get("balance"), self.report.get("demand", {})
        flows = balance["flows"] if balance else {}
        found: list[tuple[str, str, str] | None] = []
        cost = together(self.report["totals"])
        if cost:
            found.append((self.w("cost"), cost_words(cost, self.language), cost_mark(cost, self.language)))
        for total in self.report["totals"]:
            if not (balance and total["quantity"].startswith("energy.")):
                name = quantity_name(total["quantity"], self.language)
                figure = f"{number(total['value'])} {unit_name(total['unit'])}"
                found.append((name, figure, self._mark(total["completeness"])))
        if balance:
            used = flows["used"]
            if balance.get("impossible"):
                found.insert(0, (self.w("used"), self.w("unknown"), self.w("role_missing")))
            elif used["meters"]:
                found.insert(0, (self.w("used"), f"{number(used['value'])} kWh", self._mark(used["completeness"])))
            for name in ("grid", "solar", "fed_in"):
                if flows[name]["meters"]:
                    remark = self._mark(flows[name]["completeness"])
                    found.append((self.w(name), f"{number(flows[name]['value'])} kWh", remark))
            solar = bool(flows["solar"]["meters"])
            for name in ("autarky", "self_consumption"):
                found.append((self.w(name), share(balance[name]), "") if solar else None)
            found.append((self.w("zero_carbon"), share(balance["zero_carbon"]), "") if balance["zero_carbon"] else None)
            if balance["battery"]:
                found.append((self.w("efficiency"), share(balance["battery"]["efficiency"]), ""))
            if balance["heat_pumps"]:
                pumps = balance["heat_pumps"]
                remark = f"{self._lack(pumps['electricity'])}{self.w('heat_factor')} {number(pumps['factor'], 2)}"
                found.append((self.w("heat_pumps"), f"{number(pumps['electricity']['value'])} kWh", remark))
            if balance["charged_cars"]["meters"]:
                found.append(
                    (self.w("cars"), f"{number(balance['charged_cars']['value'])} kWh", self._lack(balance["charged_cars"]))
                )
            if balance["co2"]["rows"]:
                years = ", ".join(sorted({str(row["year"]) for row in balance["co2"]["rows"]}))
                found.append((self.w("co2"), f"{number(balance['co2']['kg'], 0)} kg", self._lack(balance["co2"]) + years))
        if demand.get("peak") is not None:
            at = clock(demand["peak_at"])
            found.append((self.w("peak"), f"{number(demand['peak'], 2)} kW", at))
        return found

    def _mark(self, completeness: float) -> str:
        """How much of it is known."""
        circle = "●" if completeness >= FULL else "◐" if completeness > 0 else "○"
        return f"{circle} {self.w('completeness')} {share(completeness)}"

    def _lack(self, one: Mapping[str, Any]) -> str:
        """The same, in few words, where not all is known."""
        return "" if one["completeness"] >= FULL else f"{self._known(one['completeness'])} "

    def days(self) -> None:
        series = self.report.get("balance", {}).get("series")
        if not series or len(series["start"]) < 2:
            return
        by_month = all(start[8:10] == "01" for start in series["start"][1:])
        self.paper.heading(self.w("by_month" if by_month else "by_day"), room=70)
        flows = self.report["balance"]["flows"]
        marks = [(charts.GRID, self.w("grid"))]
        if flows["solar"]["meters"]:
            marks.append((charts.SOLAR, self.w("own_solar")))
        if flows["fed_in"]["meters"]:
            marks.append((charts.FED_IN, self.w("fed_in")))
        if any(known < FULL for known in series["completeness"]):
            marks.append((charts.PALE, self.w("partly")))
        self.paper.legend(marks, "kWh")
        self.paper.chart(charts.days_chart(series, 180, 52), 52)

    # --- tables -------------------------------------------------------------------------------------------------------

    def consumption(self) -> None:
        self.paper.heading(self.w("consumption"))
        spans = self.report.get("every") != "total"
        for quantity in COUNTERS:
            rows = in_reading_order([row for row in self.report["rows"] if row["quantity"] == quantity], self.language)
            if rows:
                self._rows(quantity, rows, spans)

    def _rows(self, quantity: str, rows: Sequence[Mapping[str, Any]], spans: bool) -> None:
        currency = next((row["currency"] for row in rows if row.get("currency")), "")
        unit = unit_name(rows[0]["unit"])
        places = 3 if unit == "m³" else 2  # a litre
        head = [quantity_name(quantity, self.language), f"{unit}", *(self.w(key) for key in ("low", "high"))]
        head += [self.w("completeness"), self.w("estimated"), *([self.w("cost")] if currency else [])]
        ranges = any(row["cost"] is not None and not exact(row) for row in rows)
        widths: list[float] = [50, 24, 20, 20, 18, 19, *([46 if ranges else 24] if currency else [])]
        if spans:
            head.insert(1, self.w("from"))
            widths.insert(1, 27)
        table = []
        for row in rows[:ROWS]:
            bounds = [row["low"], row["high"]]
            if row["value"] is not None and row["low"] == row["value"] == row["high"]:
                bounds = []
            cells = [group_name(row, self.language)]
            cells += [clock(row["start"])] if spans else []
            cells += [number(row["value"], places)]
            cells += [number(bound, places) for bound in bounds] or ["", ""]
            cells += [self._known(row["completeness"]), share(row["estimated"])]
            table.append(cells + ([cost_words(row, self.language, currency)] if currency else []))
        if main_lacks(rows):
            table.append(self._known_rows(rows, spans, currency))
        table.append(self._total(quantity, spans, currency))
        self.paper.grid(widths, head, table, last=True, left=2 if spans else 1)

    def _total(self, quantity: str, spans: bool, currency: str) -> list[str]:
        total = next(total for total in self.report["totals"] if total["quantity"] == quantity)
        cells = [self.w("total"), *([""] if spans else []), number(total["value"], 2, self.w("unknown")), "", ""]
        cells += [self._known(total["completeness"]), share(total["estimated"])]
        return cells + ([cost_words(total, self.language, currency)] if currency else [])

    def _known_rows(self, rows: Sequence[Mapping[str, Any]], spans: bool, currency: str) -> list[str]:
        """As the workbook's formula adds them."""
        counted = [row for row in rows if row["part"] != "whole"]
        value, cost = ([row[key] for row in counted if row[key] is not None] for key in ("value", "cost"))
        cells = [self.w("known_rows"), *([""] if spans else []), number(sum(value) if value else None, 2), "", "", "", ""]
        return cells + ([amount(round(sum(cost), 2) if cost else None, currency)] if currency else [])

    def _known(self, completeness: float) -> str:
        return f"{share(completeness)} {'●' if completeness >= FULL else '◐' if completeness > 0 else '○'}"

    def split(self) -> None:
        for entry in self.report.get("split", []):
            self.paper.heading(f"{self.w('split')} · {quantity_name(entry['quantity'], self.language)}")
            if "problem" in entry:
                self.paper.words([entry.get(f"problem_{self.language}", entry["problem"])])
            rows = []
            for row in entry["rows"]:
                cells = [number(row["used"], 2), share(row["share"], 2), self._shared(row)]
                rows.append([party_name(row, self.language), *cells])
            rows.append([self.w("total"), number(entry["whole"], 2), share(1, 2), self._shared(entry)])
            head = [self.w("party"), self.w("value"), self.w("share"), self.w("amount")]
            self.paper.grid([80, 35, 30, 35], head, rows, last=True)

    def _shared(self, row: Mapping[str, Any]) -> str:
        low, high = row.get("amount_low", row["amount"]), row.get("amount_high", row["amount"])
        return bounded(row["amount"], low, high, self.currency, self.language)

    def compare(self) -> None:
        rows = self.report.get("compare", {}).get("rows", [])
        if all(row["previous"] is None and row["last_year"] is None for row in rows):
            return
        self.paper.heading(self.w("compare"))
        head = [self.w("quantity"), self.w("value"), self.w("previous"), self.w("change"), self.w("last_year"), self.w("change")]
        table = []
        for row in rows:
            cells = [quantity_name(row["quantity"], self.language), self._part(row, "value")]
            for key in ("previous", "last_year"):
                known = min(row["value_completeness"], row[f"{key}_completeness"])
                cells += [self._part(row, key), _change(row["value"], row[key]) if known >= FULL else "–"]
            table.append(cells)
        self.paper.grid([46, 28, 28, 20, 28, 20], head, table)
        end, (start, until) = self.report["compare"]["value"][1], self.report["compare"]["previous"]
        self.paper.words([self.w("compared").format(end=clock(end), start=clock(start), until=clock(until))])

    def _part(self, row: Mapping[str, Any], key: str) -> str:
        known = row[key] is None or row[f"{key}_completeness"] >= FULL
        return number(row[key], 2) if known else f"{number(row[key], 2)} ◐"

    def demand(self) -> None:
        found = self.report.get("demand", {})
        if found.get("peak") is None:
            return
        self.paper.heading(self.w("demands"), room=80)
        head = [self.w("group"), self.w("peak"), "", *(self.w(key) for key in ("base", "mean", "load_factor", "completeness"))]
        rows = [
            [
                self.w("total") if row is found else group_name(row, self.language),
                f"{number(row['peak'], 2)} kW",
                clock(row["peak_at"] or "–"),
                f"{number(row['base'], 2)} kW",
                f"{number(row['mean'], 2)} kW",
                share(row["load_factor"]),
                self._known(row["completeness"]),
            ]
            for row in [*self.report.get("demands", []), found]
        ]
        self.paper.grid([38, 36, 30, 21, 21, 20, 20], head, rows, last=len(rows) > 1)
        self.paper.heading(self.w("profile"), room=62)
        marks = [(charts.LINE, self.w("workday")), (charts.SOLAR, self.w("weekend"))]
        self.paper.legend(marks, "kW")
        self.paper.chart(charts.profile_chart(found["profile"], 180, 44), 44)

    def lines(self) -> None:
        lines = [
            (total["quantity"], least_known(line, total))
            for total in self.report["totals"]
            for line in total.get("lines", [])
            if line["amount"] or line["name"] != "tiers" or total["tiers_known"] < FULL
        ]
        if not lines:
            return
        self.paper.heading(self.w("lines"))
        rows = [
            [
                f"{quantity_name(quantity, self.language)} · {line_name(line['name'], self.language)}",
                number(line["used"], 2),
                "" if line["price"] is None else f"{line['price']:g}",
                amount(round(line["amount"], 2), self.currency),
            ]
            for quantity, line in lines
        ]
        total = together(self.report["totals"])
        rows.append([self.w("total"), "", "", cost_words(total, self.language) if total else "–"])
        head = [self.w("line"), self.w("value"), self.w("price"), self.w("amount")]
        self.paper.grid([80, 35, 30, 35], head, rows, last=True)

    def nights(self) -> None:
        if not self.report.get("nights"):
            return
        self.paper.heading(self.w("nights"))
        rows = [
            [
                plain(night["name"] or night["device"]),
                quantity_name(night["quantity"], self.language),
                self.w("leak" if night["leak"] else "no_leak"),
                f"{number(night['minimum'] * 1000, 1)} L/h",
                str(night["nights"]),
            ]
            for night in sorted(self.report["nights"], key=lambda night: -night["minimum"])
        ]
        head = [self.w("group"), self.w("quantity"), "", self.w("low"), self.w("night_count")]
        self.paper.grid([55, 30, 60, 20, 15], head, rows, left=3)

    # --- words --------------------------------------------------------------------------------------------------------

    def missing(self) -> None:
        self.paper.heading(self.w("missing"))
        gaps = self.report.get("gaps", [])
        if not gaps:
            self.paper.words([self.w("nothing_missing")])
        else:
            head = [self.w(key) for key in ("whose", "quantity", "from", "to", "completeness")]
            printed, others = missing.lines(gaps, self.language)
            table = [[line.who, line.what, line.start, line.end, self._known(line.known)] for line in printed]
            self.paper.grid([72, 26, 28, 28, 21], head, table, left=4)
            if others:
                devices = len({gap["device"] for gap in others})
                self.paper.words([self.w("not_printed").format(count=len(others), meters=devices)])
        for quantity, said in tier_words(self.report, self.language):
            self.paper.words([f"{quantity_name(quantity, self.language)}: {said}"])

    def sources(self) -> None:
        said = []
        for tariff in self.report.get("tariffs", []):
            mark = f" [{self.w('example')}]" if tariff["example"] else ""
            name = tariff["name"].get(self.language) or tariff["id"]
            said.append(f"{name}{mark}: {validity(tariff, self.language)}. {tariff['source']}")
        for row in self.report.get("balance", {}).get("co2", {}).get("rows", []):
            mark = f" [{self.w('example')}]" if row["example"] else ""
            what = quantity_name(row["quantity"], self.language)
            said.append(f"CO2 · {what}{mark}: {row['kg_per_unit']:g} kg, {row['year']}. {row['source']}")
        if said:
            self.paper.heading(self.w("sources"))
            self.paper.words(said, 8)


def _change(value: float | None, before: float | None) -> str:
    return "–" if value is None or not before else f"{(value - before) / before:+.1%}"
