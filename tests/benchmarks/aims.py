"""What is aimed at, beside what was measured in the same run: the table at the end of ``make bench``."""

from collections.abc import Iterator
from typing import Any, NamedTuple

STORING = ("plain", "nodered+influx")
RATES = ("1000", "5000", "10000")


class Line(NamedTuple):
    """``met`` None: not measured in this run."""

    what: str
    aim: str
    found: str
    met: bool | None


def lines(told: dict[str, Any]) -> Iterator[Line]:
    """``told``: what ``bench.out.json`` holds."""
    by = {(one["subject"], one["qos"]): one for one in told.get("results", ())}
    hub, echo = by.get(("hub", 0)), by.get(("echo", 0))
    if hub:
        rate = hub["sustained"]["messages_per_s"]
        yield Line("sustained, QoS 0, msg/s", ">= 25,000", f"{rate:,}", rate >= 25_000)
    if ("hub", 1) in by and ("echo", 1) in by:
        share = by["hub", 1]["flat"]["messages_per_s"] / by["echo", 1]["flat"]["messages_per_s"]
        yield Line("QoS 1 confirmed after commit, of the C client", ">= 0.70", f"{share:.2f}", share >= 0.7)
    if batches := told.get("batches"):
        rate = batches["readings_per_s"]
        yield Line("batched, readings/s", ">= 120,000", f"{rate:,.0f}", rate >= 120_000)
    if hub and echo:
        yield from _alerts(hub, echo, [by[name, 0] for name in STORING if (name, 0) in by], told["surroundings"])
    if ("hub", 1) in by:
        spent = max(one["flat"]["cpu_s_per_100k"] for one in by.values() if one["subject"] == "hub")
        yield Line("CPU-s per 100,000 messages, flat", "<= 2.5", f"{spent:.2f}", spent <= 2.5)
    for what, costs in told.get("growth", {}).items():
        values = list(costs.values())
        grown = values[-1] / values[0]
        span = f"{int(next(iter(costs))):,} to {int(list(costs)[-1]):,} {what}"
        yield Line(f"CPU of a message, {span}", "<= 1.30", f"{grown:.2f}", grown <= 1.3)
    if sealing := told.get("sealing"):
        size, spent = sealing["bytes_per_reading"], sealing["cpu_s_per_million"]
        yield Line("bytes a reading at rest, mixed data", "<= 3.5", f"{size:.2f}", size <= 3.5)
        yield Line("sealing and a day's file, CPU-s per million", "<= 1", f"{spent:.2f}", spent <= 1)
    for one in told.get("killed", ()):
        if one["subject"] == "hub":
            lost = one["messages_lost"] + one["alerts_lost"]
            yield Line("kill -9: messages and alerts lost", "0", str(lost), lost == 0)
    if memory := told.get("memory"):
        most, grown = memory["peak_mb"], memory["growth_mb"]
        yield Line("memory after an hour, MB (make soak)", "<= 300, flat", f"{most:.0f}, {grown:+.0f}", most <= 300)


def _alerts(hub: dict[str, Any], echo: dict[str, Any], peers: list[dict[str, Any]], around: dict[str, Any]) -> Iterator[Line]:
    for rate in RATES:
        if rate not in hub["paced"] or rate not in echo["paced"]:
            yield Line(f"alerts at {int(rate):,}/s", "", "not measured", None)
            continue
        p50, p99 = hub["paced"][rate]["alert_p50_ms"], hub["paced"][rate]["alert_p99_ms"]
        yield Line(f"alert p50 at {int(rate):,}/s, ms", "<= 2", f"{p50:.2f}", p50 <= 2)
        limit = 3 * echo["paced"][rate]["alert_p99_ms"] + 2 * around["fdatasync_p99_ms"]
        yield Line(f"alert p99 at {int(rate):,}/s, ms: 3 x echo + 2 x fdatasync", f"<= {limit:.2f}", f"{p99:.2f}", p99 <= limit)
        kept = [(one["paced"][rate]["alert_p99_ms"], one["subject"]) for one in peers if rate in one["paced"]]
        if kept:
            best, who = min(kept)
            yield Line(f"  and under every storing peer ({who})", f"< {best:.2f}", f"{p99:.2f}", p99 < best)


def table(told: dict[str, Any]) -> str:
    words = {True: "met", False: "NOT MET", None: "-"}
    found = list(lines(told))
    wide = max((len(line.what) for line in found), default=0)
    return "\n".join(f"{line.what:{wide}}  {line.aim:>14}  {line.found:>12}  {words[line.met]}" for line in found)
