"""A report's charts as SVG, drawn by matplotlib without a screen. Their words stand on the page, in the page's own font: here
are only numbers, so no chart needs Chinese letters."""

import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

GRID, SOLAR, FED_IN, LINE, INK, PALE = "#3f6b8f", "#e0a030", "#b9c8a0", "#1f5f4a", "#444444", "#e4e4e4"
"""Colours: told apart by their brightness too."""


def days_chart(series: Mapping[str, Any], wide: float, high: float) -> bytes:
    """Each day's (or month's) energy: what came from the grid, what the sun gave and was used, and, below the line, what was
    fed in. A day that is not wholly known has a grey mark behind its bar. Sizes in mm."""
    figure, axes = _figure(wide, high)
    grid, solar, fed_in = (_numbers(series[name]) for name in ("grid", "solar", "fed_in"))
    own = [max(s - f, 0.0) for s, f in zip(solar, fed_in, strict=True)]
    places = range(len(grid))
    unknown = [place for place, known in enumerate(series["completeness"]) if known < 0.9995]
    top = max([g + o for g, o in zip(grid, own, strict=True)], default=0.0) or 1.0
    axes.bar(unknown, [top] * len(unknown), 0.96, color=PALE)
    axes.bar(places, grid, 0.72, color=GRID)
    axes.bar(places, own, 0.72, bottom=grid, color=SOLAR)
    axes.bar(places, [-value for value in fed_in], 0.72, color=FED_IN)
    axes.axhline(0, color=INK, linewidth=0.6)
    starts = [datetime.fromisoformat(start) for start in series["start"]]
    step = max(1, len(starts) // 16)
    by_month = len(starts) > 1 and (starts[1] - starts[0]).days >= 28
    labels = [f"{start:%Y-%m}" if by_month else f"{start.day}" for start in starts]
    axes.set_xticks(list(places)[::step], labels[::step])
    axes.set_xlim(-0.6, len(starts) - 0.4)
    return _svg(figure)


def profile_chart(profile: Mapping[str, Sequence[float | None]], wide: float, high: float) -> bytes:
    """The mean power of each quarter hour of the day, workdays dark, weekends light."""
    figure, axes = _figure(wide, high)
    hours = [slot / 4 for slot in range(97)]
    for name, colour, width in (("weekend", SOLAR, 1.2), ("workday", LINE, 1.6)):
        values = [float("nan") if value is None else value for value in profile[name]]
        if any(value == value for value in values):
            axes.step(hours, [*values, values[-1]], where="post", color=colour, linewidth=width)
    axes.set_xticks(range(0, 25, 3))
    axes.set_xlim(0, 24)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    return _svg(figure)


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [value or 0.0 for value in values]


def _figure(wide: float, high: float) -> tuple[Any, Any]:
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # imported where a chart is drawn: it takes 60 MB
    from matplotlib.figure import Figure

    figure = Figure(figsize=(wide / 25.4, high / 25.4), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(labelsize=7, colors=INK, length=2)
    axes.grid(axis="y", color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    return figure, axes


def _svg(figure: Any) -> bytes:
    """The same bytes for the same figure: no date, names from a fixed salt, letters as paths."""
    from matplotlib import rc_context

    out = io.BytesIO()
    with rc_context({"svg.hashsalt": "gengfu", "svg.fonttype": "path"}):
        figure.savefig(out, format="svg", metadata={"Date": None}, transparent=True)
    return re.sub(rb"<metadata>.*?</metadata>", b"", out.getvalue(), flags=re.S)
