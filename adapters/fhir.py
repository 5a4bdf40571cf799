"""FHIR R4 Observations: vital signs from care systems and medical devices. See ``Fhir``."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field, field_validator

from adapters.decoding import Moment, TopicTemplate, an_object, iso_ms, number, parse_object, shown, text
from hub.model import Lane, Message, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

_LOINC, _UCUM = "http://loinc.org", "http://unitsofmeasure.org"
_DEPTH = 16

_RATE = {"/min": (1.0, 0.0), "{beats}/min": (1.0, 0.0), "{breaths}/min": (1.0, 0.0)}
_TEMPERATURE = {"Cel": (1.0, 0.0), "[degF]": (5 / 9, -160 / 9), "K": (1.0, -273.15)}
_MASS = {"kg": (1.0, 0.0), "g": (1e-3, 0.0), "[lb_av]": (0.45359237, 0.0), "[oz_av]": (0.028349523125, 0.0)}
_GLUCOSE = {"mmol/L": (1.0, 0.0), "mg/dL": (10 / 180.156, 0.0)}  # glucose: 180.156 g/mol
_PRESSURE = {"mm[Hg]": (1.0, 0.0), "kPa": (1 / 0.133322, 0.0)}  # UCUM: m[Hg] is 133.322 kPa
_SPO2 = ("health.spo2", {"%": (1.0, 0.0)})
_WEIGHT, _SUGAR = ("health.weight", _MASS), ("health.glucose", _GLUCOSE)
_SYSTOLIC, _DIASTOLIC = ("health.blood_pressure.systolic", _PRESSURE), ("health.blood_pressure.diastolic", _PRESSURE)
# LOINC -> quantity and its UCUM units.
_CODES: dict[str, tuple[str, dict[str, tuple[float, float]]]] = {
    "8867-4": ("health.heart_rate", _RATE),
    "9279-1": ("health.respiratory_rate", _RATE),
    "2708-6": _SPO2,
    "59408-5": _SPO2,
    "8310-5": ("health.temperature", _TEMPERATURE),
    "8480-6": _SYSTOLIC,
    "8462-4": _DIASTOLIC,
    "29463-7": _WEIGHT,
    "3141-9": _WEIGHT,
    "15074-8": _SUGAR,
    "2339-0": _SUGAR,
    "41653-7": _SUGAR,
    "55423-8": ("health.steps", {"1": (1.0, 0.0), "{steps}": (1.0, 0.0), "{#}": (1.0, 0.0)}),
}
_TAKEN = ("final", "amended", "corrected", "preliminary")
_NOT_TAKEN = ("registered", "cancelled", "entered-in-error", "unknown")


class Fhir:
    """HL7 FHIR R4 Observations (hl7.org/fhir/R4/observation.html), as the vital signs profiles write them.

    Topic: ``topic`` (fhir/#); one Observation as JSON, or a Bundle of them. Other resources are taken, and nothing is read.
    Device: fhir:<device.reference>, else fhir:<subject.reference>, such as fhir:Patient/7; one of them is needed.
    LOINC codes: 8867-4 heart rate · 9279-1 breathing rate · 2708-6, 59408-5 oxygen saturation · 8310-5 body temperature ·
    85354-9 blood pressure, its components 8480-6 systolic and 8462-4 diastolic · 29463-7, 3141-9 weight · 15074-8, 2339-0,
    41653-7 glucose · 55423-8 steps -> health.steps, of the period. Other codes are taken, and nothing is read from them.
    Value: valueQuantity with a UCUM code (/min, %, Cel, [degF], K, mm[Hg], kPa, kg, g, [lb_av], [oz_av], mmol/L, mg/dL);
    valueInteger for steps. A comparator (">") or a dataAbsentReason: no value.
    Status: final, amended, corrected, preliminary are taken; registered, cancelled, entered-in-error, unknown are not.

    Time: effectiveDateTime or effectiveInstant, the end of effectivePeriod; a day without a time is its midnight at the site
    (tz_assumed), a year or month alone is none. ``issued`` is the network's time.
    Availability: three times the learned interval.
    Refused: no status, code or subject MISSING_FIELD; another status UNKNOWN_VALUE; a unit that does not measure this
    WRONG_UNIT; a text for a number WRONG_TYPE.

    Sources: FHIR R4 Observation, Quantity, observation-vitalsigns profiles; LOINC; UCUM.
    """

    kind = "fhir"

    class Settings(AdapterSettings):
        topic: str = Field("fhir/#", description="where resources are published; + and # as levels")

        @field_validator("topic")
        @classmethod
        def _fits(cls, topic: str) -> str:
            if TopicTemplate(topic).names:
                raise ValueError(f'topic "{topic}" has no placeholders: the resource says whose it is')
            return topic

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self.lane = settings.lane
        self._zone = site.zone
        self._template = TopicTemplate(settings.topic)
        self.topics = (self._template.filter,)

    def decode(self, message: Message) -> Sequence[Decoded]:
        if self._template.match(message.topic) is None:
            raise Malformed(Reason.BAD_TOPIC, "not the topic of FHIR resources")
        resource = parse_object(message.payload, _DEPTH)
        kind = text(resource.get("resourceType"), "resourceType")
        if kind == "Bundle":
            return [reading for one in _entries(resource) for reading in self._observation(one)]
        return list(self._observation(resource)) if kind == "Observation" else ()

    def snapshot(self) -> None:
        return None

    def restore(self, state: Any) -> None:
        """Nothing is remembered between messages."""

    def _observation(self, resource: dict[str, Any]) -> Iterator[Reading]:
        for required in ("status", "code"):
            if required not in resource:
                raise Malformed(Reason.MISSING_FIELD, f"Observation without {required}")
        status = text(resource["status"], "status")
        if status not in _TAKEN + _NOT_TAKEN:
            raise Malformed(Reason.UNKNOWN_VALUE, f"status is {shown(status)}, expected one of {', '.join(_TAKEN + _NOT_TAKEN)}")
        parts = [resource, *_objects(resource.get("component"), "component")]
        if status in _NOT_TAKEN or not any(_code(part) for part in parts):
            return
        device = f"fhir:{_whose(resource)}"
        time, flags = self._when(resource)
        issued, _ = iso_ms(resource.get("issued"), self._zone, "issued")
        try:
            for part in parts:
                if (code := _code(part)) and (value := _value(part, code)) is not None:
                    yield Reading(device, _CODES[code][0], value, time, quality=flags, network_time=issued)
        except Malformed as refusal:
            refusal.device = device
            raise

    def _when(self, resource: dict[str, Any]) -> Moment:
        given = resource.get("effectiveDateTime", resource.get("effectiveInstant"))
        if "effectivePeriod" in resource:
            given = an_object(resource["effectivePeriod"], "effectivePeriod").get("end")
        if isinstance(given, str) and len(given) < len("2026-03-05"):
            return None, 0
        return iso_ms(given, self._zone, "effective")


def _entries(bundle: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for entry in _objects(bundle.get("entry"), "entry"):
        one = an_object(entry.get("resource", {}), "resource")
        if one.get("resourceType") == "Observation":
            yield one


def _objects(given: Any, what: str) -> list[dict[str, Any]]:
    if given is None:
        return []
    if type(given) is not list:
        raise Malformed(Reason.WRONG_SHAPE, f"{what} is {shown(given)}, expected an array")
    return [an_object(one, what) for one in given]


def _code(part: dict[str, Any]) -> str:
    """The first LOINC code that is read here, or ""."""
    for coding in _objects(an_object(part.get("code", {}), "code").get("coding"), "coding"):
        code = coding.get("code")
        if coding.get("system") == _LOINC and isinstance(code, str) and code in _CODES:
            return code
    return ""


def _whose(resource: dict[str, Any]) -> str:
    for member in ("device", "subject"):
        if member in resource and "reference" in (owner := an_object(resource[member], member)):
            return text(owner["reference"], f"{member}.reference")
    raise Malformed(Reason.MISSING_FIELD, "neither device nor subject has a reference")


def _value(part: dict[str, Any], code: str) -> float | None:
    quantity, units = _CODES[code]
    if "valueInteger" in part and quantity == "health.steps":
        return number(part["valueInteger"], "valueInteger")
    if "dataAbsentReason" in part or "valueQuantity" not in part:
        return None
    measured = an_object(part["valueQuantity"], "valueQuantity")
    if measured.get("comparator") is not None or "value" not in measured:
        return None
    unit = measured.get("code") if measured.get("system") == _UCUM else measured.get("unit")
    if not isinstance(unit, str) or unit not in units:
        raise Malformed(Reason.WRONG_UNIT, f"{quantity} ({code}) is in {shown(unit)}, expected {', '.join(units)}")
    factor, offset = units[unit]
    return number(number(measured["value"], "valueQuantity.value") * factor + offset, "valueQuantity.value")
