"""What to do: the steps for each kind of alert, in the order in which a person takes them; English, Chinese.

The one source for the page, for messages and for the page behind their link: nobody may read two orders for one fire.
"""

from typing import Literal

KINDS = (
    ("fire.smoke", "fire"),
    ("fire.heat", "fire"),
    ("fire.co", "co"),
    ("fire.gas", "gas"),
    ("fire.water", "pressure"),
    ("fire.fault", "fault"),
    ("fire", "fire"),
    ("safety", "help"),
    ("health", "health"),
    ("water.leak", "leak"),
    ("device.battery", "battery"),
    ("device.fault", "fault"),
    ("device.online", "silent"),
    ("power", "power"),
    ("current", "power"),
    ("voltage", "power"),
    ("parking", "parking"),
)
"""Beginnings of quantities, the first that fits."""
STEPS = {
    "fire": (
        (
            "Call whoever is there. Smoke, flames or no answer: call the fire service, 119, at once.",
            "致电现场住户。见烟、见火或无人接听：立即拨打 119。",
        ),
        (
            "Warn people and get them out by the stairs, nobody takes the lift. Press the manual call point.",
            "通知周围的人，沿楼梯疏散，不乘电梯。按下手动报警按钮。",
        ),
        (
            "Look only in twos and while it is safe. Smoke or heat at the door: do not open. "
            "Extinguisher only on a small fire, with the way out free.",
            "确认安全才前往查看，两人同行。门口有烟或烫手：不要开门。火小、退路畅通时才用灭火器。",
        ),
        (
            "False alarm: air the room, silence the detector, resolve it with the reason.",
            "确认误报：通风、消音，写明原因后解除。",
        ),
    ),
    "co": (
        (
            "Carbon monoxide cannot be smelt. Call the flat: everybody out at once, leave the door open.",
            "一氧化碳无色无味。致电住户：立即全部离开，门敞开。",
        ),
        ("Dizzy or unconscious people: call 120, then 119.", "有人头晕或昏迷：先拨 120，再拨 119。"),
        ("Do not enter without ventilation. Boiler and gas off from outside.", "未通风不得进入，从外面关闭热水器和燃气。"),
    ),
    "gas": (
        ("No switch, no flame, no telephone inside. Everybody out.", "室内不开关电器、不动火、不打电话，人员全部撤出。"),
        (
            "Close the valve at the meter from outside; call the gas company and 119.",
            "从外面关闭表前阀；通知燃气公司并拨打 119。",
        ),
        ("Air the staircase; keep people away until it is measured clear.", "楼道通风；检测合格前不让人靠近。"),
    ),
    "help": (
        ("Call the person. No clear answer: go there now, take the key.", "致电本人。没有明确答复：带钥匙立刻前往。"),
        ("Hurt, confused or not breathing: call 120 and stay on the line.", "受伤、意识不清或无呼吸：拨打 120，保持通话。"),
        ("Inform the family. Resolve here and say how it ended.", "通知家属，在此写明结果后解除。"),
    ),
    "health": (
        ("Call the person and ask how they feel.", "致电本人，询问感觉。"),
        ("Chest pain, shortness of breath, confusion: call 120.", "胸痛、气短、意识不清：拨打 120。"),
        ("They are well: check how the device is worn.", "一切正常：检查佩戴是否得当。"),
    ),
    "leak": (
        ("Close the stop valve of the flat.", "关闭该户进水阀。"),
        ("Water near electricity: switch the flat off at the meter first.", "水靠近电器：先在电表处断电。"),
        ("Look at the flat below.", "查看楼下住户。"),
    ),
    "pressure": (
        ("Go to the pump room: is the pump running, is a valve closed?", "前往泵房：泵是否运转，阀门是否被关？"),
        (
            "Without pressure hydrants and sprinklers do not work: tell the duty officer.",
            "没有水压，消火栓和喷淋都不能用：报告值班负责人。",
        ),
        ("Leave the pump in automatic.", "离开前确认泵处于自动状态。"),
    ),
    "silent": (
        (
            "Has the power or the network failed there? Look whether its neighbours report.",
            "那里是否停电断网？看相邻设备是否上报。",
        ),
        ("Replace the battery or restart the device.", "更换电池或重启设备。"),
        ("Until it reports again nobody watches that place: look in there.", "恢复之前该处无人看守：请人工巡视。"),
    ),
    "battery": (("Replace the battery within the week.", "一周内更换电池。"),),
    "power": (
        ("Call the flat: is something drawing more than it should?", "致电住户：是否有电器用电过大？"),
        ("Smell or heat at the box: switch off, send the electrician.", "电箱有异味或发热：断电，请电工到场。"),
    ),
    "parking": (("Send cars to the other entrance and put up the sign.", "引导车辆走其他入口并放置提示牌。"),),
    "fault": (
        (
            "The detector says itself that it is faulty: it may not warn. Look in there until it is replaced.",
            "探测器自报故障，可能不会报警。更换前请人工巡视。",
        ),
        ("Clean or replace it, then test it.", "清洁或更换后做一次测试。"),
    ),
    "other": (
        ("Look at the chart: is the value plausible?", "看曲线：数值是否可信？"),
        ("Send somebody who knows the installation.", "派熟悉设备的人前往。"),
    ),
}


def kind(quantity: str, silent: bool) -> str:
    if not quantity or silent:
        return "silent"
    return next((name for start, name in KINDS if quantity == start or quantity.startswith(f"{start}.")), "other")


def steps(quantity: str, silent: bool = False) -> list[dict[str, str]]:
    """In order. ``silent``: the alert is that nothing is heard, and no value was."""
    return [{"en": en, "zh": zh} for en, zh in STEPS[kind(quantity, silent)]]


def numbered(quantity: str, silent: bool, language: Literal["en", "zh"]) -> str:
    """The same as one text, a line each."""
    return "\n".join(f"{number}. {step[language]}" for number, step in enumerate(steps(quantity, silent), 1))
