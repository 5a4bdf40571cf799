"""Every sentence in which the hub refuses something or says what went wrong, beside its code: English, Chinese.

What stands in braces is filled in by ``hub.said.sentence``; both languages say the same with it.
"""

from collections.abc import Mapping

_ALERTS = {
    "no_alert": ("there is no alert {id}", "没有警报 {id}"),
    "alert_closed": ("the alert {id} has been closed already", "警报 {id} 已经解除"),
    "alert_closed_by": ("the alert {id} was resolved by {by}", "警报 {id} 已由 {by} 解除"),
    "alert_over": ("the alert {id} was resolved by evidence", "警报 {id} 已自行恢复正常"),
    "alert_open": ("the alert {id} is open", "警报 {id} 尚未解除"),
    "alert_again": ("it is open again already, as {id}", "它已重新打开，编号 {id}"),
    "somebody_in": ("somebody in {channel}", "{channel} 里的某人"),
    "somebody_told": ("somebody who was told", "某位收到通知的人"),
    "needs_reason": (
        "closing a critical alert needs a reason: what was found, what was done",
        "解除紧急警报须写明原因：发现了什么，做了什么",
    ),
    "no_incident": ("there is no incident {id}", "没有事件 {id}"),
    "no_open_incident": ("there is no open incident {id}", "没有未解除的事件 {id}"),
    "no_person": ('there is no person "{name}"; there are {names}', "没有“{name}”这个人；现有 {names}"),
    "nobody": ("none", "无"),
    "say_comment": ("say what you want to say", "请填写要说的话"),
    "say_done": ("say what was done", "请填写做了什么"),
    "say_reopen": ("say why it is not over", "请填写为什么还没有结束"),
}
_SILENCES = {
    "say_why": ("say why", "请填写原因"),
    "say_until": ("say until when: either until or minutes", "请填写到何时为止：until 或 minutes，二者择一"),
    "silence_ends_before": (
        "it ends before it begins: say until when in the future",
        "结束早于开始：请填写一个将来的结束时间",
    ),
    "silence_long": (
        "a silence ends after {days} days at the latest: say it again then",
        "静默最长 {days} 天：到期后请重新设置",
    ),
    "one_device": ("{kind} is for one device: say which", "{kind}只针对一台设备：请指明是哪一台"),
    "maintenance": ("maintenance", "检修"),
    "test": ("test", "测试"),
    "silences_everything": (
        "that would silence everything: say which rule, device, space, quantity or severity",
        "这样会静默全部警报：请指明规则、设备、位置、量或级别",
    ),
    "silences_many": ("there are {most} silences already: end some first", "已有 {most} 条静默：请先结束一些"),
    "second_is_first": (
        "{by} asked for this silence: the second person must be somebody else",
        "这条静默正是 {by} 申请的：第二人必须是别人",
    ),
    "second_agreed": ("{by} has agreed already", "{by} 已经同意"),
    "no_silence": ("there is no silence {id} in force or to come", "没有生效中或即将生效的静默 {id}"),
}
_ROTA = {
    "no_team": ('there is no team "{name}"; there are {names}', "没有“{name}”这个班组；现有 {names}"),
    "no_date": ('"{day}" is no day: write it like "2026-10-01"', "“{day}”不是日期：请写成 2026-10-01 这样"),
    "day_over": ("{day} is over", "{day} 已经过去"),
}
_DEVICES = {
    "no_device": ("there is no device {id}", "没有设备 {id}"),
    "no_place": ('there is no place "{id}"', "没有位置“{id}”"),
    "unknown_places": ("these lie in places nobody has told: {ids}", "以下各项所在的位置尚未登记：{ids}"),
    "no_fire_tcp": (
        "no fire alarm devices are connected: there is no [fire_tcp] in the configuration",
        "没有接入火灾报警设备：配置中没有 [fire_tcp]",
    ),
    "no_import": ("this cannot be imported: {why}", "无法导入：{why}"),
    "duty_asked": ("the device {name} has been asked already", "已在对设备 {name} 查岗"),
    "duty_away": ("no fire alarm device {name} is connected", "火灾报警设备 {name} 未连接"),
    "duty_unanswered": (
        "nobody answered at the device {name} within {seconds:g} s",
        "设备 {name} 处 {seconds:g} 秒内无人应答查岗",
    ),
    "duty_denied": ("the device {name} denied the duty check", "设备 {name} 否认查岗命令"),
    "duty_unconfirmed": ("the device {name} did not confirm the duty check", "设备 {name} 未确认查岗命令"),
    "no_refusal": ("there is no refused message {id}", "没有拒收消息 {id}"),
    "never_sent": ('the device "{device}" has sent no {quantity}', "设备“{device}”没有发来过 {quantity}"),
    "which_channel": (
        "the device sends {quantity} on several channels; say which: channel={channels}",
        "该设备有多个通道发送 {quantity}；请指明通道：channel={channels}",
    ),
}
_PERIODS = {
    "cursor": (
        '"{cursor}" is not a cursor; use the "next_cursor" of the page before',
        "“{cursor}”不是有效的翻页标记；请用上一页的 next_cursor",
    ),
    "ends_before": ("the period ends before it starts; `from` must be earlier than `to`", "时段的结束早于开始；from 须早于 to"),
    "no_width": (
        'every: "{given}" is no duration; write it like "5min" or "1h"',
        "every：“{given}”不是时长；请写成 5min 或 1h 这样",
    ),
    "many_spans": (
        "that is more than {most} spans; choose a longer `every` or a shorter period",
        "超过 {most} 段；请加大 every 或缩短时段",
    ),
    "no_moment": ("that is no moment of ours", "这个时刻超出范围"),
    "not_yet": ("nobody knows yet what the rules will make of that time", "该时刻尚未到来，规则还无从判断"),
    "no_event": ('there is no such kind of event as "{given}"; choose from {kinds}', "没有“{given}”这类事件；可选 {kinds}"),
}
_RULES = {
    "no_rule": ('there is no rule "{id}"', "没有规则“{id}”"),
    "rule_faults": ("{faults}", "规则有误：{faults}"),
    "rule_of_drills": (
        'the rule "{id}" belongs to fire drills; say in gengfu.toml what it is to be',
        "规则“{id}”属于消防演练；请在 gengfu.toml 中改动它",
    ),
    "rules_many": (
        "{most} rules were edited on the page already; move them into gengfu.toml (gengfu rules export)",
        "已有 {most} 条规则在页面上改过；请先移入 gengfu.toml（gengfu rules export）",
    ),
    "rule_unedited": ('of the rule "{id}" nothing was edited on the page', "规则“{id}”没有在页面上改过"),
    "rule_newer": (
        "the rule was saved meanwhile, as version {number}: look at that one first",
        "规则在此期间已另存为第 {number} 版：请先看那一版",
    ),
    "rule_newer_by": (
        "the rule was saved by {by} meanwhile, as version {number}: look at that one first",
        "规则在此期间已由 {by} 另存为第 {number} 版：请先看那一版",
    ),
}
_REPORTS = {
    "period_none": ("say which period: {how}", "请指明时段：{how}"),
    "period_one": ("say one period only: {how}", "只能指明一个时段：{how}"),
    "period_how": ("today, or a month such as 2026-10, or from and to", "今天，或月份（如 2026-10），或起止日期"),
    "period_month": ('"{month}" is not a month; write it like 2026-10', "“{month}”不是月份；请写成 2026-10 这样"),
    "period_no_start": (
        'the period has an end but no start; say "from" as well, like 2026-10-01',
        "时段有结束而没有开始；请同时指明开始日期，如 2026-10-01",
    ),
    "period_backwards": (
        "the period ends ({end}) before it starts ({start})",
        "时段的结束（{end}）早于开始（{start}）",
    ),
    "now": ("now", "现在"),
    "period_day": (
        '"{word}" is not a day or a moment; write it like 2026-10-01 or 2026-10-01T08:00',
        "“{word}”不是日期或时刻；请写成 2026-10-01 或 2026-10-01T08:00 这样",
    ),
    "report_every": ('"{every}" is not an interval; use {known}', "“{every}”不是可用的间隔；可选 {known}"),
    "report_by": ('"{by}" is not a way to group; use {known}', "“{by}”不是可用的分组；可选 {known}"),
    "report_wrong": ("{why}", "报表无法生成：{why}"),
    "no_closed_report": ('no closed report is called "{id}"', "没有名为“{id}”的已结报表"),
    "no_report_file": ("{id} has no {name}", "{id} 没有文件 {name}"),
    "no_mailer": (
        'reports are to be sent by mail, but there is no [[notifier]] with kind = "email"',
        '报表要用邮件发送，但没有 kind = "email" 的 [[notifier]]',
    ),
}
_STORE = {
    "questions_many": (
        "{most} questions wait for the store already; try again in a minute",
        "已有 {most} 个查询在排队；请一分钟后再试",
    ),
    "store_hangs": (
        "the store did not answer within {seconds:g} s; its process was started anew",
        "存储在 {seconds:g} 秒内没有应答；查询进程已重新启动",
    ),
    "store_died": ("the process that answers from the store died twice; see the log", "查询进程两次意外结束；请看日志"),
    "store_away": ("{why}", "存储不可用：{why}"),
}
_HTTP = {
    "pages_many": ("{most} pages are open already; close one", "已打开 {most} 个页面；请先关闭一个"),
    "mistake": ("the hub made a mistake; its log says which", "中枢出错了；详情见其日志"),
    "nothing_here": ("there is nothing at {path}; /docs lists what there is", "{path} 处没有内容；/docs 列出了全部接口"),
    "no_method": ("{method} is not possible at {path}", "{path} 不支持 {method}"),
    "not_understood": ("the request cannot be understood: {faults}", "请求无法理解：{faults}"),
    "field": ("{field}: {fault}", "{field}：{fault}"),
    "field_missing": ("it is missing", "缺少此项"),
    "field_unknown": ("nothing is called so; /docs lists what there is", "没有这个名称；/docs 列出了全部名称"),
    "field_empty": ("it is empty", "不能为空"),
    "field_long": ("it is longer than {max_length} characters", "超过 {max_length} 个字符"),
    "field_least": ("it is at least {ge}", "至少为 {ge}"),
    "field_most": ("it is at most {le}", "至多为 {le}"),
    "field_one_of": ("it is one of {expected}", "须为以下之一：{expected}"),
    "field_number": ("it is no whole number", "不是整数"),
    "field_moment": ("it is no moment; write it like 2026-10-01T08:00", "不是时刻；请写成 2026-10-01T08:00 这样"),
    "field_pattern": ("it is not written as it should be", "格式不对"),
    "field_json": ("it is no JSON, from character {at} on", "从第 {at} 个字符起不是 JSON"),
    "field_wrong": ("{why}", "不合要求（{why}）"),
    "long_button": ("this is more than a button sends", "内容超出了按钮所能发送的"),
    "other_name": (
        "this hub does not go by that name; open it by its own address",
        "本中枢没有这个名称；请用它自己的地址打开",
    ),
    "own_page": ("only the hub's own page may change something", "只有中枢自己的页面可以改动"),
    "send_json": ("send JSON, with Content-Type: application/json", "请发送 JSON，并注明 Content-Type: application/json"),
    "say_length": ("say how long the request is, with Content-Length", "请用 Content-Length 注明请求长度"),
    "long_request": ("the request is longer than {limit} bytes; send it in parts", "请求超过 {limit} 字节；请分几次发送"),
}
_DRILLS = {
    "no_drill": ("there is no drill {id}", "没有演练 {id}"),
    "drills_many": ("{most} drills wait already; let them end", "已有 {most} 次演练在排队；请等它们结束"),
    "broker_silent": ("no broker answers at {where}", "{where} 处没有 MQTT 代理应答"),
    "broker_refuses": ("the broker refuses the drill device: {why}", "MQTT 代理拒绝演练装置：{why}"),
    "broker_deaf": (
        "the broker did not confirm the drill device's subscription within {seconds:g} s",
        "MQTT 代理在 {seconds:g} 秒内没有确认演练装置的订阅",
    ),
    "broker_forbids": (
        "the broker does not let the drill device hear {topic}",
        "MQTT 代理不允许演练装置收听 {topic}",
    ),
    "alarm_unconfirmed": (
        "the broker did not confirm the drill alarm within {seconds:g} s",
        "MQTT 代理在 {seconds:g} 秒内没有确认演练报警",
    ),
    "lane_away": ("{lane} lane: {why}", "{lane} 会话：{why}"),
    "hub_deaf": ("the hub heard nothing of the alarm within {seconds:g} s", "中枢在 {seconds:g} 秒内没有收到报警"),
    "adapter_refused": (
        "the adapter drill refused the alarm: it is disabled, or failed; see the refused messages",
        "解析器 drill 拒收了报警：它已停用或出错；见“拒收的消息”",
    ),
    "rule_switched_off": ("the rule {rule} is switched off in the configuration", "规则 {rule} 已在配置中关闭"),
    "rule_stopped": ("the rule {rule} is switched off: {why}", "规则 {rule} 已停用：{why}"),
    "rule_quiet": ("the rule {rule} raised nothing within {seconds:g} s", "规则 {rule} 在 {seconds:g} 秒内没有报警"),
    "disk_full": (
        "the disk is full, and so is what was reserved for alerts: make room",
        "磁盘已满，为警报预留的空间也已用尽：请腾出空间",
    ),
    "disk_stuck": ("the records cannot be written: the disk does not answer", "无法写入记录：磁盘没有应答"),
    "not_on_disk": ("the alert was not on disk within {seconds:g} s", "警报在 {seconds:g} 秒内没有存盘"),
    "not_announced": ("the broker did not confirm the alert within {seconds:g} s", "MQTT 代理在 {seconds:g} 秒内没有确认警报"),
    "not_heard": (
        "the published alert did not come back within {seconds:g} s",
        "发布的警报在 {seconds:g} 秒内没有回到演练装置",
    ),
    "nobody_to_tell": (
        "there is nobody to tell: no person and no notifier is configured",
        "没有可通知的对象：没有配置人员，也没有配置通知渠道",
    ),
    "channel_failed": ("{channel}: {why}", "{channel}：{why}"),
    "no_answer": ("no answer", "没有应答"),
    "all_failed": ("{each}", "{each}"),
    "nobody_acknowledged": ("nobody has acknowledged within {seconds:g} s", "{seconds:g} 秒内无人应答"),
}
_DELIVERIES = {
    "answered": ("{name} answered {status}", "{name} 应答 {status}"),
    "answered_nothing": ("{name} did not answer within {seconds:g} s", "{name} 在 {seconds:g} 秒内没有应答"),
    "unreached": ("no answer from {name}: {why}", "{name} 没有应答：{why}"),
    "not_taken": ("{name} did not take it", "{name} 没有接收"),
    "not_taken_because": ("{name} did not take it: {why}", "{name} 没有接收：{why}"),
    "the_broker": ("the broker", "MQTT 代理"),
    "the_gateway": ("the gateway", "网关"),
    "refused_with": ("{name} refused it with {field} {code}: {why}", "{name} 以 {field} {code} 拒绝：{why}"),
    "no_json": ("{name} answered something that is no JSON", "{name} 的应答不是 JSON"),
    "gateway_no_json": (
        "the gateway's answer is no JSON, so it cannot be known whether it took the message",
        "网关的应答不是 JSON，无法得知它是否接收了消息",
    ),
    "login_refused": ("{name} does not accept the user or the password ({code})", "{name} 不接受用户名或密码（{code}）"),
    "recipient_refused": ("{name} refuses the recipient: {why}", "{name} 拒绝收件人：{why}"),
    "no_address": ("{person} has no {what}: write it with the person", "{person} 没有登记 {what}：请写在该人员下"),
    "nobody_in_particular": ("nobody in particular", "（未指定人员）"),
    "no_telephone": (
        '{person} has no telephone number: write phone = "…" for them',
        '{person} 没有电话号码：请为其写上 phone = "…"',
    ),
    "no_email": ('{person} has no e-mail address: write email = "…" for them', '{person} 没有电子邮箱：请为其写上 email = "…"'),
    "nobody_to_reach": (
        'nobody to reach: say whom in "{key}", or let a person name this notifier in "tell"',
        "没有可通知的人：请在“{key}”中写明，或让某人的 tell 列出此渠道",
    ),
    "notifier_failed": ("the notifier failed: {why}", "通知渠道出错：{why}"),
    "notifier_disabled": (
        "the notifier is disabled since {since}: it did not return; see {file}",
        "通知渠道自 {since} 起停用：它没有返回；见 {file}",
    ),
    "no_notifier": ('there is no notifier "{id}" any more', "通知渠道“{id}”已不存在"),
    "in_a_digest": ("one of {count} in a digest", "汇总消息中 {count} 条之一"),
    "overtaken": ("not sent: the one before it was taken only now", "未发送：它前面的一条刚刚才送达"),
    "overdue": ("not taken by its receiver within {seconds:g} s", "对方在 {seconds:g} 秒内没有接收"),
}

SENTENCES: Mapping[str, tuple[str, str]] = {
    **_ALERTS, **_SILENCES, **_ROTA, **_DEVICES, **_PERIODS, **_RULES, **_REPORTS, **_STORE, **_HTTP, **_DRILLS, **_DELIVERIES,
}  # fmt: skip
