"""The report as one HTML file that can be mailed: no script, nothing from elsewhere, everything a vendor said escaped."""

from collections.abc import Sequence
from html import escape

from hub.vendor.faults import FAULTS, Finding, score
from hub.vendor.watch import Line, Watch

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem } .score { font-size: 3rem; font-weight: 600 }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0;
  border-bottom: 1px solid #ddd; overflow-wrap: anywhere } td:first-child { white-space: nowrap }
.refused { color: #a40000 } .unread { color: #7a5a00 } .faint { color: #666 } code { font-size: .85rem }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #e6e6e6 } td, th { border-color: #3a3a3a }
  .refused { color: #ff8a80 } .unread { color: #e0c060 } .faint { color: #999 } }
"""


def html(watch: Watch, lines: Sequence[Line], topic: str, when: str, minutes: float) -> str:
    """``lines``: what is shown of the messages, oldest first; ``when``: words for the time of the watch."""
    findings = watch.findings()
    made = score(findings)
    refused = sum(watch.refusals.values())
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>Gengfu: {escape(topic)}</title><style>{STYLE}</style></head><body>",
            "<h1>Gengfu 更夫 · vendor check · <span lang=zh>厂商接入检查</span></h1>",
            f"<p><code>{escape(topic)}</code> · {escape(when)} · {minutes:.1f} min</p>",
            f'<p><span class="score">{made.points}</span> / 100</p><p class="faint">{escape(made.made_up)}</p>',
            f"<p>{watch.messages:,} messages, {watch.readings:,} readings, {len(watch.devices):,} devices, {refused:,} refused, "
            f"{watch.unconfirmed:,} with QoS 0 · "
            f'<span lang="zh">报文 {watch.messages:,}，读数 {watch.readings:,}，设备 {len(watch.devices):,}，'
            f"拒收 {refused:,}，QoS 0 {watch.unconfirmed:,}</span></p>",
            '<h2>What would go wrong later · <span lang="zh">日后会出的问题</span></h2>',
            _findings(findings),
            '<h2>Line by line · <span lang="zh">逐条</span></h2>',
            _lines(lines, watch.messages),
            "</body></html>\n",
        )
    )


def _findings(findings: Sequence[Finding]) -> str:
    if not findings:
        return '<p>Nothing was found. <span lang="zh">未发现问题。</span></p>'
    rows = []
    for finding in findings:
        fault = FAULTS[finding.fault]
        rows.append(
            f"<tr><td>{escape(finding.fault)}</td><td><b>{escape(finding.subject)}</b>: {escape(fault.en)}"
            f'<br><span lang="zh">{escape(fault.zh)}</span>'
            f'<br><span class="faint">{escape(finding.detail)} ({finding.count:,}×)</span></td>'
            f'<td>{escape(fault.remedy_en)}<br><span lang="zh">{escape(fault.remedy_zh)}</span></td></tr>'
        )
    head = "<tr><th>fault 问题</th><th>where and what 何处何事</th><th>what to do 怎么办</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _lines(lines: Sequence[Line], messages: int) -> str:
    rows = "".join(
        f'<tr class="{line.how}"><td>{line.how}</td><td><code>{escape(line.topic)}</code><br>{escape(line.text)}</td></tr>'
        for line in lines
    )
    return f'<p class="faint">The first {len(lines):,} lines of {messages:,} messages.</p><table>{rows}</table>'
