"""Which formats of the public payloads take part, and how each is driven: one entry a format. A new one is a line here, and a
function that gives its cases (``tests/support/payload_case.py`` says what a case is) in a file of its domain.
"""

from tests.support import payload_care as care
from tests.support import payload_home as home
from tests.support import payload_lora as lora
from tests.support import payload_meters as meters
from tests.support.payload_case import Format

FORMATS: dict[str, Format] = {
    "bthome-v2": Format(meters.bthome, floor=20),
    "chirpstack-v4": Format(lora.chirpstack, floor=275),
    "dsmr-p1": Format(meters.dsmr, floor=85),
    "fhir-observation": Format(care.fhir, floor=4),
    "gb26875-3": Format(care.gb26875, floor=15),
    "ha-mqtt-discovery": Format(meters.homeassistant, floor=14),
    "lorawan-codec-vectors": Format(lora.codecs, floor=100),
    "lorawan-milesight-readme": Format(lora.codecs, floor=50),
    "lorawan-placepod": Format(lora.codecs, floor=5),
    "meokon-giot": Format(care.meokon, floor=9),
    "obis-dlms-han": Format(meters.dsmr, floor=40),
    "obis-sml": Format(meters.sml, floor=75),
    "openmhealth": Format(care.openmhealth, floor=65),
    "owntracks": Format(care.owntracks, floor=2),
    "senml": Format(meters.senml, floor=50),
    "shelly-gen1": Format(meters.shelly_gen1, floor=40),
    "shelly-gen2": Format(home.shelly, floor=70),
    "smart-meter-adapters-mqtt": Format(meters.gateways, floor=7),
    "tasmota": Format(home.tasmota, floor=115),
    "theengs-ble": Format(home.theengs, floor=700),
    "tts-v3": Format(lora.things_stack, floor=300),
    "wearable-tracker-frames": Format(care.watches, floor=170),
    "wmbusmeters-json": Format(meters.wmbusmeters, floor=360),
    "zigbee2mqtt": Format(home.zigbee2mqtt, floor=60),
}
