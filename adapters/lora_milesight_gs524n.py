"""Milesight GS524N: smoke detector. Six bytes on any port:

    0  version (bits 7-4), protocol (3-0)      1  kind of sensor (bits 7-4: 1 smoke), event (3-0)
    2  battery, %      3  smoke, a density of the maker's own scale (fire.smoke.level)
    4  temperature, degrees Celsius, signed    5  not described
    event  1 alarm   2 silenced: the alarm goes on, only its sound is off: smoke   4 battery low   5 fault
           7 normal: no smoke, no fault   0xa taken off   0xb put on its base   0xe, 0xf test, battery normal, low
Only "normal" ends smoke and fault; a test is a test, never smoke. Other events are unknown_value.

Sources: Milesight's own decoder, Milesight-IoT/SensorDecoders, gs-series/gs524n, and the example in its README (221e64001c40:
100 %, 28 degrees, a test). That a silenced detector still smells smoke is our reading of "silent", the safe one.
"""

from adapters.lora_frame import BadFrame, Frame, UnknownCode, Value

_EVENTS: dict[int, tuple[tuple[str, float], ...]] = {
    0x1: (("fire.smoke", 1.0),),
    0x2: (("fire.smoke", 1.0),),
    0x4: (("device.battery.low", 1.0),),
    0x5: (("fire.fault", 1.0),),
    0x7: (("fire.smoke", 0.0), ("fire.fault", 0.0), ("fire.test", 0.0), ("device.battery.low", 0.0)),
    0xA: (("device.tamper", 1.0),),
    0xB: (("device.tamper", 0.0),),
    0xE: (("fire.test", 1.0), ("device.battery.low", 0.0)),
    0xF: (("fire.test", 1.0), ("device.battery.low", 1.0)),
}
_TESTS = frozenset({0xE, 0xF})


def decode(port: int, data: bytes) -> Frame:
    if len(data) != 6:
        raise BadFrame(f"{len(data)} bytes, expected 6")
    if data[1] >> 4 != 1:
        raise UnknownCode(f"kind of sensor {data[1] >> 4}, expected 1 (smoke)")
    event = data[1] & 15
    if event not in _EVENTS:
        raise UnknownCode(f"event {event}, expected {', '.join(map(str, _EVENTS))}")
    celsius = int.from_bytes(data[4:5], signed=True)
    measured = Value("device.battery", data[2]), Value("fire.smoke.level", data[3]), Value("air.temperature", celsius)
    told = tuple(Value(quantity, value) for quantity, value in _EVENTS[event])
    return Frame((*(value._replace(value=float(value.value)) for value in measured), *told), testing=event in _TESTS)
