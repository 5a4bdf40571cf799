"""A made-up community for looking at the page: places, devices, alerts and refused messages. The values are invented."""

import hashlib
import math
import random

from msgspec.structs import replace

from hub.model import Alert, DeadLetter, Device, Reading, Severity, Space

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
FLATS = ("101", "102", "201", "202", "301", "302", "401", "502", "601", "602")
ROOMS = {"kitchen": "厨房", "hall": "客厅", "meter": "电表箱"}
NASTY = '<img src=x onerror="window.pwned=1">\u202egnp.exe\n=cmd()'


def places(buildings: int) -> list[Space]:
    spaces = [Space("yunqi", "云栖社区", "community", "", "", "Yunqi")]
    for number in range(1, buildings + 1):
        building = f"{number}"
        spaces.append(Space(building, f"{number}幢", "building", "yunqi", "", f"Building {number}"))
        for entrance in (1, 2):
            spaces.append(Space(f"{building}-{entrance}", f"{entrance}单元", "entrance", building, "", f"entrance {entrance}"))
            for flat in FLATS:
                home = f"{building}-{entrance}-{flat}"
                spaces.append(Space(home, flat, "flat", f"{building}-{entrance}", "", f"flat {flat}"))
                spaces += [Space(f"{home}-{en}", zh, "room", home, "", en) for en, zh in ROOMS.items()]
    spaces.append(Space("garage", "地下车库", "building", "yunqi", "", "Garage"))
    spaces.append(Space("pumps", "消防泵房", "building", "yunqi", "", "Pump room"))
    return spaces


def place_words(spaces: dict[str, Space], space: str) -> dict[str, str]:
    """ "3幢 2单元 502 厨房" and "Building 3, entrance 2, flat 502, kitchen"; the community itself is left out."""
    path: list[Space] = []
    while space in spaces and spaces[space].parent:
        path.insert(0, spaces[space])
        space = spaces[space].parent
    if not path:
        return {}
    return {"zh": " ".join(one.name for one in path), "en": ", ".join(one.name_en or one.name for one in path)}


def devices(spaces: list[Space], now: int, seed: random.Random) -> list[Device]:
    made = []
    for space in spaces:
        if space.kind != "room":
            continue
        digits = hashlib.sha256(space.id.encode()).hexdigest()
        if space.id.endswith("kitchen"):
            made.append(_device(f"zigbee:0x00158d00{digits[:8]}", "烟感", space.id, "HEIMAN", "HS1SA", now, 300))
        elif space.id.endswith("meter"):
            made.append(_device(f"tasmota:{digits[:6]}", "电表", space.id, "Tasmota", "SDM120", now, 10))
        elif seed.random() < 0.15:
            made.append(_device(f"ble:{digits[:12]}", "手环", space.id, "Xiaomi", "Mi Band", now, 60))
    for bay in range(1, 121):
        made.append(_device(f"lora:a84041{bay:010x}", f"A{bay:03d}", "garage", "Bosch", "TPS110", now, 3600))
    made.append(_device("shelly:pump-1", "消防水压", "pumps", "Shelly", "Plus Uni", now, 30))
    made.append(Device("zigbee:0xdeadbeef00000001", NASTY, vendor="?", first_seen=now - HOUR, last_seen=now - 4000))
    return made


def _device(id: str, name: str, space: str, vendor: str, model: str, now: int, interval: float) -> Device:
    return Device(id, name, space, vendor, model, True, 1.0, True, now - 90 * DAY, now - round(interval * 300), interval)


def quantities(device: Device) -> list[str]:
    return {
        "HS1SA": ["fire.smoke", "fire.fault", "device.battery", "device.linkquality"],
        "SDM120": ["power.active", "energy.active.import.total", "voltage.l1", "current.l1"],
        "Mi Band": ["health.heart_rate", "health.steps.total", "device.battery"],
        "TPS110": ["parking.occupied", "device.rssi", "device.battery.voltage"],
        "Plus Uni": ["fire.water.pressure"],
    }.get(device.model, ["air.temperature", "air.humidity"])


def value(device: str, quantity: str, time: int) -> float:
    """What it would have measured then: smooth over the day, with noise that is always the same for the same time."""
    mark = int.from_bytes(hashlib.md5(f"{device}{quantity}".encode()).digest()[:4], "big")
    noise = ((time // 1000 * 2654435761 + mark) % 1000) / 1000
    hour = (time / HOUR + 8) % 24
    evening = math.exp(-((hour - 19.5) ** 2) / 6) + 0.6 * math.exp(-((hour - 7.5) ** 2) / 3)
    match quantity:
        case "power.active":
            kettle = 1800 if (time // (3 * MINUTE) + mark) % 41 == 0 else 0
            return round(120 + 900 * evening * (0.6 + mark % 7 / 10) + 60 * noise + kettle, 1)
        case "energy.active.import.total":
            return round(1000 + time / HOUR % 100_000 * 0.4, 2)
        case "voltage.l1":
            return round(228 + 6 * math.sin(hour / 3) + 2 * noise, 1)
        case "current.l1":
            return round(0.5 + 4 * evening + noise * 0.2, 2)
        case "health.heart_rate":
            return round(64 + 20 * evening + 10 * noise)
        case "fire.water.pressure":
            return round(640 + 20 * math.sin(hour) + 5 * noise - (260 if time % DAY > 15.5 * HOUR else 0), 1)
        case "parking.occupied":
            return float((time // (47 * MINUTE) + mark) % 3 > 0)
        case "device.battery":
            return float(20 + mark % 80)
        case "air.temperature":
            return round(21 + 3 * math.sin(hour / 4) + noise, 1)
        case "device.rssi":
            return float(-90 - mark % 20)
        case "device.battery.voltage":
            return 3.58
        case "health.steps.total":
            return float(round(hour * 400))
        case _:
            return 0.0 if quantity.startswith("fire.") else float(40 + mark % 50)


def latest(device: Device, time: int) -> list[Reading]:
    return [Reading(device.id, name, value(device.id, name, time), time) for name in quantities(device)]


def _alert(
    id: str, rule: str, severity: Severity, device: str, quantity: str, zh: str, en: str, raised: int, **more: object
) -> Alert:
    values: dict[str, object] = {"at": raised, "received_at": raised + 3, "pending_since": raised, "last_at": raised}
    return Alert(
        id=id,
        rule=rule,
        severity=severity,
        state="firing",
        device=device,
        quantity=quantity,
        raised_at=raised,
        summary={"en": en, "zh": zh},
        **{**values, **more},  # type: ignore[arg-type]
    )


def _find(all_devices: list[Device], space: str) -> str:
    return next((one.id for one in all_devices if one.space == space), all_devices[0].id)


def alerts(all_devices: list[Device], now: int) -> list[Alert]:
    kitchen = _find(all_devices, "3-2-502-kitchen")
    return [
        _alert(
            "smoke-3-2-502",
            "fire-smoke",
            "critical",
            kitchen,
            "fire.smoke",
            "烟雾报警",
            "Smoke detected",
            now - 3 * MINUTE,
            value=1.0,
            unit="1",
            last_value=1.0,
            space="3-2-502-kitchen",
        ),
        _alert(
            "pressure",
            "fire-water-low",
            "warning",
            "shelly:pump-1",
            "fire.water.pressure",
            "消防水压过低",
            "Fire water pressure is low",
            now - 52 * MINUTE,
            value=388.2,
            unit="kPa",
            threshold=400.0,
            last_value=379.5,
            space="pumps",
        ),
        _alert(
            "silent-5",
            "silent",
            "warning",
            _find(all_devices, "5-1-201-meter"),
            "",
            "电表失联",
            "The meter has fallen silent",
            now - 6 * HOUR,
            silent=True,
            space="5-1-201-meter",
            acknowledged_by="王工",
            acknowledged_at=now - 5 * HOUR,
            comment="明早去看",
        ),
        _alert(
            "battery-2",
            "battery-low",
            "info",
            _find(all_devices, "2-1-401-kitchen"),
            "device.battery",
            "电池电量低",
            "Battery is low",
            now - 26 * HOUR,
            value=9.0,
            unit="%",
            threshold=10.0,
            last_value=8.0,
            space="2-1-401-kitchen",
        ),
    ]


def past_alerts(all_devices: list[Device], now: int) -> list[Alert]:
    made = []
    for days in range(1, 60):
        raised = now - days * DAY + days * 37 * MINUTE
        device = all_devices[days * 13 % len(all_devices)]
        made.append(
            _alert(
                f"past-{days}",
                "power-high",
                "warning",
                device.id,
                "power.active",
                "功率过高",
                "Power is high",
                raised,
                value=5200.0 + days,
                unit="W",
                threshold=5000.0,
                space=device.space,
                acknowledged_by="李管家",
                acknowledged_at=raised + 2 * MINUTE,
                resolved_at=raised + 20 * MINUTE,
                resolved_by="evidence",
            )
        )
    return [_resolved(one) for one in made]


def _resolved(alert: Alert) -> Alert:
    return replace(alert, state="resolved")


def dead_letters(now: int) -> list[DeadLetter]:
    bodies = [
        (
            "zigbee2mqtt/厨房烟感",
            b'{"smoke": tru',
            "bad_json",
            "The JSON ends in the middle of a word, at byte 13.",
            "zigbee2mqtt",
        ),
        (
            "tele/tasmota_7A31/SENSOR",
            b'{"ENERGY":{"Power":"21.5"}}',
            "wrong_type",
            'Power is the text "21.5", not a number.',
            "tasmota",
        ),
        (
            "application/1/device/a840/event/up",
            bytes(range(0, 240, 3)),
            "bad_frame",
            "The frame has 80 bytes; the format has 12.",
            "lorawan",
        ),
        (
            "yunqi/x/\u202eevil<script>alert(1)</script>",
            b"\xff\xfe<script>alert(1)</script>\x00",
            "bad_encoding",
            "Not UTF-8 at byte 0.",
            "",
        ),
    ]
    return [
        DeadLetter(
            now - at * 7 * MINUTE - 5000,
            topic,
            body,
            len(body),
            hashlib.sha256(body).hexdigest(),
            reason,
            detail,
            adapter,
            "zigbee:0xdeadbeef00000001" if at % 4 == 0 else "",
            id=200 - at,
        )
        for at, (topic, body, reason, detail, adapter) in enumerate(bodies * 20)
    ]
