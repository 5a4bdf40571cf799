"""How the hub is: its figures for /metrics, and what keeps it from serving for /readyz."""

from collections.abc import Callable, Sequence

from hub.metrics import Exposition, Sample
from hub.model import DRILL_DEVICE
from hub.pace import BUDGET_MS
from hub.parts import Parts
from hub.stores.influxdb import InfluxStore

STORED = {
    "unsealed_readings": ("gauge", "readings in the journals, not sealed yet"),
    "sealed_files": ("gauge", "files of sealed readings"),
    "damaged_files": ("gauge", "of these, files whose checksum was wrong"),
    "damaged_batches": ("gauge", "batches of a journal whose checksum was wrong"),
    "dead_letters": ("gauge", "refused messages that are kept"),
    "dead_letters_dropped": ("counter", "refused messages no longer kept, because there were too many"),
}


def not_ready(hub: Parts) -> Sequence[str]:
    """One plain sentence for each thing that is missing."""
    missing = [f"{lane} lane: {session.fault}" for lane, session in hub.sessions.items() if not session.connected]
    unheard = [lane for lane, session in hub.sessions.items() if session.connected and not session.subscriptions.settled]
    missing += [f"{lane} lane: the broker has not answered yet what is subscribed." for lane in unheard]
    if hub.committer.full:
        missing.append("The disk is full, and so is what was reserved for alerts: make room.")
    missing += [f"{lane} lane: the disk is full, its readings wait: make room." for lane, work in hub.lanes.items() if work.full]
    return missing


def not_watching(hub: Parts) -> Sequence[str]:
    """As ``not_ready``, and what the drill has found: a hub that hears no alarm must not say that it lives."""
    return [*not_ready(hub), *([hub.drills.trouble] if hub.drills.trouble else [])]


def notifiers(counts: dict[str, int]) -> list[Sample]:
    return [({"notifier": id}, count) for id, count in counts.items()]


def quantiles(ms: Callable[[float], float | None]) -> list[Sample]:
    """In seconds, of a function of the quantile; what it does not know yet is left out."""
    return [({"quantile": f"{share:g}"}, found / 1000) for share in BUDGET_MS if (found := ms(share)) is not None]


def metrics(hub: Parts) -> str:
    out = Exposition()
    pipeline, delivery = hub.pipeline, hub.delivery
    out.add("messages_total", "counter", "messages taken from the broker", pipeline.counts["messages"])
    out.add(
        "refused_total",
        "counter",
        "messages refused, by adapter and reason",
        [({"adapter": kind, "reason": reason}, count) for (kind, reason), count in pipeline.refusals.items()],
    )
    out.add("unrouted_total", "counter", "messages no adapter is configured for", pipeline.counts["unrouted"])
    out.add("copies_total", "counter", "second copies of messages that both sessions carry", pipeline.twins.skipped)
    out.add("duplicates_total", "counter", "readings that repeated one already taken", pipeline.intake.duplicates)
    lanes = hub.lanes.items()
    out.add("readings_committed_total", "counter", "readings on disk", [({"lane": k}, v.committed) for k, v in lanes])
    out.add("confirmed_total", "counter", "messages confirmed to the broker", [({"lane": k}, v.confirmed) for k, v in lanes])
    out.add("lane_waiting", "gauge", "messages waiting to be committed", [({"lane": k}, v.waiting) for k, v in lanes])
    out.add(
        "lane_backlog", "gauge", "readings in memory, not on their way to the disk", [({"lane": k}, v.backlog) for k, v in lanes]
    )
    out.add("shed_total", "counter", "QoS 0 messages dropped unread in an overload", [({"lane": k}, v.shed) for k, v in lanes])
    out.add("disk_full", "gauge", "1 while the lane's readings wait for room", [({"lane": k}, float(v.full)) for k, v in lanes])
    out.add("disk_free_bytes", "gauge", "room left, besides the reserve for alerts", hub.reserve.free())
    out.add("reserve_bytes", "gauge", "room reserved for alerts", hub.reserve.size if hub.reserve.held else 0)
    sessions = hub.sessions.items()
    out.add("mqtt_connected", "gauge", "1 while connected", [({"lane": k}, float(v.connected)) for k, v in sessions])
    out.add("mqtt_reconnects_total", "counter", "connections after the first", [({"lane": k}, v.reconnects) for k, v in sessions])
    if (tcp := hub.fire_tcp) is not None:
        out.add("fire_tcp_connections", "gauge", "fire alarm devices connected over TCP", tcp.connections)
        ends = [("turned_away", tcp.refused), ("cut_off", tcp.cut_off)]
        out.add("fire_tcp_refused_total", "counter", "their connections refused", [({"how": how}, n) for how, n in ends])
        answers = [("confirmed", tcp.confirmed), ("denied", tcp.denied)]
        out.add("fire_tcp_answers_total", "counter", "their packets answered", [({"how": how}, n) for how, n in answers])
    out.add(
        "mqtt_sessions_forgotten_total",
        "counter",
        "reconnects at which the broker knew nothing of us: what it had confirmed meanwhile may be lost",
        [({"lane": k}, v.forgotten) for k, v in sessions],
    )
    for state in ("pending", "firing", "resolved"):
        out.add(f"alerts_{state}_total", "counter", f"changes of alerts to {state}", pipeline.counts[f"alerts_{state}"])
    real = sum(alert.device != DRILL_DEVICE for alert in pipeline.open.values())
    out.add("alerts_open", "gauge", "alerts that are pending or firing", real)
    pace = pipeline.pace
    out.add("alert_seconds", "gauge", "bytes at the hub to alert committed and handed out, of the last 1000", quantiles(pace.ms))
    out.add("alert_own_seconds", "gauge", "the hub's own share of alert_seconds: without the disk", quantiles(pace.own_ms))
    out.add("alert_budget_seconds", "gauge", "what alert_seconds may be on a quiet machine", quantiles(BUDGET_MS.get))
    waits = [(id, sorted(spent)) for id, spent in delivery.waits.items() if spent]
    told = [({"notifier": id, "quantile": q}, w[int(len(w) * float(q))]) for id, w in waits for q in ("0.5", "0.99")]
    out.add("notice_seconds", "gauge", "alert committed to notice taken by its receiver, of the last 1000", told)
    queues = [({"notifier": id}, float(delivery.depth(id))) for id in delivery.delivered]
    out.add("outbox_depth", "gauge", "notices waiting, by notifier", queues)
    out.add("outbox_overflow_total", "counter", "notices left in the records for later", delivery.overflowed)
    out.add("notices_sent_total", "counter", "notices taken", notifiers(delivery.delivered))
    out.add(
        "notices_failed_total", "counter", "attempts that failed", [({"notifier": k}, v) for k, v in delivery.failures.items()]
    )
    outlets = delivery.outlets.items()
    gathered = notifiers({id: outlet.digests for id, outlet in outlets})
    out.add("digests_total", "counter", "messages that gather what did not fit a rate", gathered)
    out.add("pauses_total", "counter", "times a receiver asked to wait", notifiers({k: v.paused for k, v in outlets}))
    out.add("critical_untold_total", "counter", "critical calls that failed or were overdue", delivery.lost)
    ends = [("opened", hub.link_desk.opened), ("used", hub.link_desk.used), ("refused", hub.link_desk.refused)]
    out.add("links_total", "counter", "links in messages, by what became of them", [({"how": how}, n) for how, n in ends])
    ends = [("passed", hub.drills.passed), ("failed", hub.drills.failed)]
    out.add("drills_total", "counter", "fire drills, by how they ended", [({"how": how}, n) for how, n in ends])
    out.add("drill_passed_timestamp_seconds", "gauge", "when a drill last passed", (hub.drills.passed_at or 0) / 1000)
    telling, evidence = pipeline.telling, hub.evidence
    out.add("incidents_open", "gauge", "incidents with a member that fires or flaps", len(list(telling.groups)))
    out.add("silences", "gauge", "silences in force or to come", len(telling.silences))
    out.add("telling_failed_total", "counter", "decisions about who is told that raised; everybody was", pipeline.told.failed)
    out.add("evidence_waiting", "gauge", "alerts whose evidence is to be frozen", evidence.waiting)
    out.add("evidence_dropped_total", "counter", "alerts whose evidence waits for the next start", evidence.dropped)
    out.add("records_waiting", "gauge", "changes that gather for the next transaction", hub.committer.waiting)
    out.add(
        "unlearned_total",
        "counter",
        "topics of fire beyond those that both sessions carry",
        pipeline.counts["unlearned"],
    )
    publishers = [({"lane": lane}, float(session.publisher.waiting)) for lane, session in sessions]
    out.add("publishes_waiting", "gauge", "messages of the hub that the broker has not confirmed", publishers)
    rejected = [({"lane": lane}, session.publisher.rejected) for lane, session in sessions]
    out.add("publishes_rejected_total", "counter", "messages of the hub that the broker would not have", rejected)
    out.add("series", "gauge", "series whose newest reading is remembered", pipeline.intake.series)
    out.add("series_forgotten_total", "counter", "series given up because there were too many", pipeline.intake.forgotten)
    for name, (kind, words) in STORED.items():
        if (count := hub.upkeep.counts.get(name)) is not None:
            out.add(f"{name}_total" if kind == "counter" else name, kind, f"{words}; some seconds old", count)
    out.add("questions_waiting", "gauge", "questions to the store that wait for an answer", hub.queries.waiting)
    out.add("questions_refused_total", "counter", "questions to the store refused because too many wait", hub.queries.refused)
    out.add("questions_replaced_total", "counter", "times the process that answers was replaced", hub.queries.replaced)
    if hub.heartbeat is not None:
        out.add("heartbeats_total", "counter", "heartbeats the checker outside has answered", hub.heartbeat.sent)
        out.add("heartbeats_failed_total", "counter", "heartbeats it has not answered", hub.heartbeat.failed)
        out.add("heartbeats_held_total", "counter", "heartbeats not sent because something was missing", hub.heartbeat.held)
    out.add("report_mails_total", "counter", "reports sent by e-mail", hub.bookkeeper.mailed)
    out.add("report_mails_failed_total", "counter", "attempts at it that failed; each is made again", hub.bookkeeper.failed)
    out.add("refusals_untold_total", "counter", "refusals not told to the vendor over MQTT", hub.outside.untold)
    out.add("seal_failures_total", "counter", "rounds of the store's upkeep that failed; nothing is lost", hub.upkeep.failures)
    if isinstance(hub.store, InfluxStore):
        sending = hub.store.forwarder
        out.add("store_reachable", "gauge", "1 while the store's server takes readings", float(sending.reachable))
        out.add("store_waiting", "gauge", "readings on disk that the store's server has not taken yet", sending.waiting)
        out.add("store_sent_total", "counter", "readings sent to it, repeated ones too", sending.sent)
        out.add("store_refused_total", "counter", "readings it refused, now dead letters", sending.refused)
        out.add("store_failures_total", "counter", "attempts that failed", sending.failures)
        out.add("store_replays_total", "counter", "times it had lost what it had taken, and got it again", sending.replays)
    out.add("pages_open", "gauge", "pages that listen to the stream", hub.feed.clients)
    out.add("pages_waiting", "gauge", "events that wait for the slowest of them, of 500 at most", hub.feed.waiting)
    out.add("pages_thinned_total", "counter", "readings not shown because a newer one came first", hub.feed.thinned)
    out.add("pages_overflowed_total", "counter", "readings that did not fit a second's batch", hub.feed.overflowed)
    out.add("pages_dropped_total", "counter", "pages dropped because they were too slow", hub.feed.dropped)
    out.add("loop_stalls_total", "counter", "times the event loop stood still for 100 ms", hub.watchdog.stalls)
    out.add("loop_stall_longest_seconds", "gauge", "the longest time the event loop stood still", hub.watchdog.longest)
    off = [({"what": name}, 1.0) for name in hub.plugged.off]
    out.add("disabled", "gauge", "1 for what never returned and is off until it is deleted from disabled.json", off)
    out.add("rules_failed", "gauge", "rules that raised and stand", len(hub.engine.failed))
    return out.text()
