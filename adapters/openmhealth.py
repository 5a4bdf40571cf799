"""Open mHealth data points: what health apps and their bridges pass on. See ``OpenMHealth``."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, field_validator

from adapters.decoding import Moment, TopicTemplate, an_object, iso_ms, number, parse_object, shown, text
from hub.model import Lane, Message, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

Units = Mapping[str, tuple[float, float]]  # value * factor + offset is in the quantity's own unit

_TEMPERATURE: Units = {"C": (1, 0), "F": (5 / 9, -160 / 9), "K": (1, -273.15)}
_MASS: Units = {
    "kg": (1, 0), "g": (1e-3, 0), "mg": (1e-6, 0), "ug": (1e-9, 0), "ng": (1e-12, 0), "pg": (1e-15, 0), "fg": (1e-18, 0),
    "lb": (0.45359237, 0), "oz": (0.028349523125, 0), "gr": (6.479891e-5, 0), "Metric Ton": (1000, 0), "Ton": (907.18474, 0),
}  # fmt: skip
_GLUCOSE: Units = {"mmol/L": (1, 0), "mg/dL": (10 / 180.156, 0)}  # glucose: 180.156 g/mol
_PRESSURE: Units = {"mmHg": (1, 0)}

# Schema: its fields with their quantity and units. From which major version on a time frame is required (1: always), and
# from which on it is IEEE 1752's, which has no part of a day.
_SCHEMAS: dict[str, tuple[tuple[tuple[str, str, Units], ...], int, int]] = {
    "heart-rate": ((("heart_rate", "health.heart_rate", {"beats/min": (1, 0)}),), 2, 99),
    "respiratory-rate": ((("respiratory_rate", "health.respiratory_rate", {"breaths/min": (1, 0)}),), 2, 99),
    "oxygen-saturation": ((("oxygen_saturation", "health.spo2", {"%": (1, 0)}),), 2, 99),
    "body-temperature": ((("body_temperature", "health.temperature", _TEMPERATURE),), 3, 4),
    "body-weight": ((("body_weight", "health.weight", _MASS),), 2, 3),
    "blood-glucose": ((("blood_glucose", "health.glucose", _GLUCOSE),), 3, 4),
    "blood-pressure": (
        (
            ("systolic_blood_pressure", "health.blood_pressure.systolic", _PRESSURE),
            ("diastolic_blood_pressure", "health.blood_pressure.diastolic", _PRESSURE),
        ),
        3,
        4,
    ),
    "step-count": ((("step_count", "health.steps", {"steps": (1, 0)}),), 1, 99),
}
_WORDS = {
    "descriptive_statistic": {
        "average", "maximum", "minimum", "standard deviation", "variance", "sum", "median", "count", "quartile deviation",
        "80th percentile", "lower quartile", "upper quartile", "1st quintile", "2nd quintile", "3rd quintile", "4th quintile",
    },
    "temporal_relationship_to_meal": {
        "fasting", "not fasting", "before meal", "after meal", "before breakfast", "after breakfast", "before lunch",
        "after lunch", "before dinner", "after dinner", "2 hours postprandial",
    },
    "temporal_relationship_to_sleep": {"before sleeping", "during sleep", "on waking"},
    "blood_specimen_type": {"whole blood", "plasma", "serum"},
    "specimen_source": {
        "interstitial fluid", "capillary blood", "plasma", "serum", "whole blood", "breath", "lacrimal fluid", "saliva", "sweat",
        "tears", "urine",
    },
    "part_of_day": {"morning", "afternoon", "evening", "night"},
    "modality": {"sensed", "self-reported"},
}  # fmt: skip
_DURATION_MS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "wk": 604_800_000}


class OpenMHealth:
    """Open mHealth data points (https://www.openmhealth.org; header and body; OMH and IEEE 1752.1 headers).

    Topic: ``topic`` (omh/{person}); one JSON object: {"header": {…}, "body": {…}}. Device: omh:<person of the topic>;
    header.user_id, where there is one, must be the same (else ID_MISMATCH).
    Header: id (or uuid), creation_date_time (or source_creation_date_time), schema_id {namespace, name, version}.
    Schemas, of every version: heart-rate beats/min -> health.heart_rate · respiratory-rate breaths/min ·
    oxygen-saturation % -> health.spo2 · body-temperature C, F, K · body-weight kg, g, lb, oz … · blood-glucose mg/dL, mmol/L ·
    blood-pressure mmHg -> systolic, diastolic · step-count -> health.steps, the steps of its interval (no counter: intervals
    overlap and repeat). Data points of other schemas are taken, and nothing is read from them (positions: on purpose).
    descriptive_statistic: the value is that of a period; its name (minimum, average …) is the channel, so that a day's
    minimum is never taken for a measurement.

    Time: effective_time_frame.date_time, or the end of its time_interval (start and end, or one of them and a duration). A
    date with a part of the day is no moment, and a version 1 body may have none: then creation_date_time (network). RFC 3339;
    without a zone the site's (tz_assumed).
    Availability: three times the learned interval.
    Refused, as the schemas do: no measure or header field MISSING_FIELD; a unit that the schema does not list WRONG_UNIT; a
    statistic or relationship that it does not list UNKNOWN_VALUE; no time frame where the version requires one MISSING_FIELD;
    a text for a number WRONG_TYPE; for step-count a date_time WRONG_SHAPE.

    Sources: openmhealth/schemas: schema/omh/*-N.N.json (units, enumerations, required, time-frame, time-interval, header).
    """

    kind = "openmhealth"

    class Settings(AdapterSettings):
        topic: str = Field("omh/{person}", description="where data points are published; {person} names the device")

        @field_validator("topic")
        @classmethod
        def _fits(cls, topic: str) -> str:
            if TopicTemplate(topic).names != ("person",):
                raise ValueError(f'topic "{topic}" must hold {{person}}, and no other placeholder')
            return topic

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self.lane = settings.lane
        self._zone = site.zone
        self._template = TopicTemplate(settings.topic)
        self.topics = (self._template.filter,)

    def decode(self, message: Message) -> Sequence[Decoded]:
        names = self._template.match(message.topic)
        if names is None:
            raise Malformed(Reason.BAD_TOPIC, "not the topic of Open mHealth data points")
        device = f"omh:{names['person']}"
        try:
            return self._data_point(parse_object(message.payload), device, names["person"])
        except Malformed as refusal:
            refusal.device = device
            raise

    def snapshot(self) -> None:
        return None

    def restore(self, state: Any) -> None:
        """Nothing is remembered between messages."""

    def _data_point(self, point: dict[str, Any], device: str, person: str) -> Sequence[Decoded]:
        header = _member(point, "header", "the data point")
        body = _member(point, "body", "the data point")
        text(_either(header, "id", "uuid"), "header.id")
        created = iso_ms(_either(header, "creation_date_time", "source_creation_date_time"), self._zone, "creation_date_time")
        schema = _member(header, "schema_id", "header")
        name, version = text(schema.get("name"), "schema_id.name"), text(schema.get("version"), "schema_id.version")
        if "acquisition_provenance" in header:
            _word(an_object(header["acquisition_provenance"], "acquisition_provenance"), "modality")
        if "user_id" in header and text(header["user_id"], "user_id") != person:
            raise Malformed(Reason.ID_MISMATCH, f"the topic says {shown(person)}, user_id {shown(header['user_id'])}")
        if name not in _SCHEMAS:
            return ()
        return self._body(body, name, version, device, created)

    def _body(self, body: dict[str, Any], name: str, version: str, device: str, created: Moment) -> Sequence[Decoded]:
        fields, framed_from, ieee_from = _SCHEMAS[name]
        major = version.partition(".")[0]
        if not (major.isascii() and major.isdecimal() and len(major) <= 4):
            raise Malformed(Reason.UNKNOWN_VALUE, f"schema_id.version is {shown(version)}, expected a number like 2.0")
        for word in ("temporal_relationship_to_meal", "temporal_relationship_to_sleep", "blood_specimen_type", "specimen_source"):
            _word(body, word)
        if "supplemental_oxygen_flow_rate" in body:
            _value(body["supplemental_oxygen_flow_rate"], "supplemental_oxygen_flow_rate", {"L/min": (1, 0), "LPM": (1, 0)})
        values = [(quantity, self._measure(body, field, units, name)) for field, quantity, units in fields]
        channel = _word(body, "descriptive_statistic")
        time, flags = self._frame(body, name, int(major) >= framed_from, int(major) < ieee_from)
        if time is None:
            flags |= created[1]
        return [Reading(device, quantity, value, time, channel, 0, flags, created[0]) for quantity, value in values]

    def _measure(self, body: dict[str, Any], field: str, units: Units, name: str) -> float:
        if field not in body:
            raise Malformed(Reason.MISSING_FIELD, f"{name} without {field}")
        if name == "step-count" and type(body[field]) is not dict:  # a plain number until version 3
            return number(body[field], field)
        return _value(body[field], field, units)

    def _frame(self, body: dict[str, Any], name: str, required: bool, parts_of_day: bool) -> Moment:
        """The moment measured, or the end of the period."""
        if "effective_time_frame" not in body:
            if required:
                raise Malformed(Reason.MISSING_FIELD, f"{name} of this version without effective_time_frame")
            return None, 0
        frame = an_object(body["effective_time_frame"], "effective_time_frame")
        if ("date_time" in frame) == ("time_interval" in frame):
            raise Malformed(Reason.WRONG_SHAPE, "effective_time_frame has date_time or time_interval, one of them")
        if "date_time" in frame:
            if name == "step-count":
                raise Malformed(Reason.WRONG_SHAPE, "steps are counted over a time_interval, not at a date_time")
            return iso_ms(text(frame["date_time"], "date_time"), self._zone, "date_time")
        interval = an_object(frame["time_interval"], "time_interval")
        if "end_date_time" in interval and ("start_date_time" in interval or "duration" in interval):
            for other in ("start_date_time",) if "start_date_time" in interval else ():
                iso_ms(text(interval[other], other), self._zone, other)
            return iso_ms(text(interval["end_date_time"], "end_date_time"), self._zone, "end_date_time")
        if "start_date_time" in interval and "duration" in interval:
            start, flags = iso_ms(text(interval["start_date_time"], "start_date_time"), self._zone, "start_date_time")
            length = _value(interval["duration"], "duration", {unit: (ms, 0) for unit, ms in _DURATION_MS.items()})
            return (None if start is None else round(start + length)), flags
        if parts_of_day and "date" in interval and _word(interval, "part_of_day"):
            text(interval["date"], "date")
            return None, 0
        raise Malformed(Reason.MISSING_FIELD, "time_interval needs two of start_date_time, end_date_time and duration")


def _member(owner: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    if name not in owner:
        raise Malformed(Reason.MISSING_FIELD, f"{where} without {name}")
    return an_object(owner[name], name)


def _either(header: dict[str, Any], first: str, second: str) -> Any:
    value = header.get(first, header.get(second))
    if value is None:
        raise Malformed(Reason.MISSING_FIELD, f"header without {first}")
    return value


def _word(owner: dict[str, Any], name: str) -> str:
    """The word of an enumeration, or "" where there is none."""
    if name not in owner:
        return ""
    word = text(owner[name], name)
    if word not in _WORDS[name]:
        raise Malformed(Reason.UNKNOWN_VALUE, f"{name} is {shown(word)}, which the schema does not list")
    return word


def _value(given: Any, name: str, units: Units) -> float:
    """A unit-value, converted."""
    measured = an_object(given, name)
    for part in ("value", "unit"):
        if part not in measured:
            raise Malformed(Reason.MISSING_FIELD, f"{name} without {part}")
    unit = text(measured["unit"], f"{name}.unit")
    if unit not in units:
        raise Malformed(Reason.WRONG_UNIT, f"{name} is in {shown(unit)}, expected {', '.join(units)}")
    factor, offset = units[unit]
    return number(number(measured["value"], f"{name}.value") * factor + offset, f"{name}.value")
