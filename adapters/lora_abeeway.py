"""Abeeway trackers (micro tracker, compact tracker, smart badge): firmware AT2 on port 18 (17 unless moved), AT3 on port 19.

AT2, every message but "frame pending" (type 0) and SMS (13) begins with four bytes:
    0  type: 3 position, 4 status, 5 heartbeat, 7 activity or configuration, 9 shutdown, 10 event, 11 scan, 12 proximity,
       14 extended position, 15 debug
    1  bits 7-5 mode, 4 SOS (user action), 3 application state, 2 moving, 1 periodic position, 0 on demand
    2  battery, 1-100 %; 0 charging, 255 unknown. Firmware before 2.0 sends a voltage here: more than 100 is left out
    3  temperature inside, -44 degrees + 129 degrees / 255 a step
    An event (10) has its kind in byte 5: 1 motion began, 2 ended, 7 SOS began, 8 SOS ended …
AT3, every message begins with four bytes:
    0  bit 7 several frames, bit 6 SOS, bits 5-3 type (1 notification, 2 position, 3 query, 4 response, 5 telemetry)
    1  bits 6-0 battery, 1-100 %; 0 charging, 127 unknown
    2-3  seconds, cyclic (not used)
    A notification has class (bits 7-4) and kind (3-0) in byte 4:
      0/0 status, 0/4 heartbeat: byte 5 temperature inside, signed, degrees Celsius
      0/1 low battery; 0/3 tamper: byte 5 bit 0: 1 case open; 1/0 SOS on, 1/1 SOS off; 3/0 motion began, 3/1 ended

SOS: while it lasts every message carries the flag; ``safety.sos`` is 1, and 0 only with "SOS ended". A person who calls for
help is never taken back by a message that merely lacks the flag. Motion events give ``motion``; positions no quantity of ours.

Sources: Abeeway's own decoders, TheThingsNetwork/lorawan-devices, vendor/abeeway: asset-tracker-2.js and asset-tracker-3.js
(0a00f9860000 on port 18: geolocation began; 09007f4230 on port 19: charging, motion began).
"""

from adapters.lora_frame import Frame, UnknownCode, Value, big

_AT2_TYPES = frozenset({3, 4, 5, 7, 9, 10, 11, 12, 14, 15})
_AT2_OTHER = frozenset({0, 13})
_AT2_EVENTS = {1: ("motion", 1.0), 2: ("motion", 0.0), 7: ("safety.sos", 1.0), 8: ("safety.sos", 0.0)}
_AT2_LAST_EVENT = 10
_AT3_PORT = 19
_AT3_EVENTS = {
    0x01: ("device.battery.low", 1.0),
    0x10: ("safety.sos", 1.0),
    0x11: ("safety.sos", 0.0),
    0x30: ("motion", 1.0),
    0x31: ("motion", 0.0),
}


def decode(port: int, data: bytes) -> Frame:
    if port == _AT3_PORT:
        return _at3(data)
    return _at2(data) if port in (17, 18) else Frame(partial=True)


def _at2(data: bytes) -> Frame:
    kind = big(data, 0, 1)
    if kind not in _AT2_TYPES:
        return Frame(partial=kind not in _AT2_OTHER)
    celsius = round(big(data, 3, 1) * 129 / 255 - 44, 1)
    found = {"device.temperature": celsius}
    if 1 <= data[2] <= 100:
        found["device.battery"] = float(data[2])
    if data[1] >> 4 & 1:
        found["safety.sos"] = 1.0
    if kind == 10:
        event = big(data, 5, 1)
        if event > _AT2_LAST_EVENT:
            raise UnknownCode(f"event {event}, expected 0 to {_AT2_LAST_EVENT}")
        found |= [_AT2_EVENTS[event]] if event in _AT2_EVENTS else []
    return Frame(tuple(Value(quantity, value) for quantity, value in found.items()))


def _at3(data: bytes) -> Frame:
    kind = big(data, 0, 1) >> 3 & 7
    found = {}
    battery = big(data, 1, 1) & 0x7F
    big(data, 2, 2)  # must be there
    if 1 <= battery <= 100:
        found["device.battery"] = float(battery)
    if data[0] >> 6 & 1:
        found["safety.sos"] = 1.0
    if kind == 1:
        event = big(data, 4, 1)
        if event in _AT3_EVENTS:
            found |= [_AT3_EVENTS[event]]
        elif event in (0x00, 0x04):
            found["device.temperature"] = float(big(data, 5, 1, signed=True))
        elif event == 0x03:
            found["device.tamper"] = float(big(data, 5, 1) & 1)
    return Frame(tuple(Value(quantity, value) for quantity, value in found.items()), partial=not 1 <= kind <= 5)
