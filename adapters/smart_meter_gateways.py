"""Small boxes on smart meters that send JSON: Austria, France, Italy, CIM. See ``SmartMeterGateways``."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import Field, field_validator

from adapters.decoding import Moment, TopicTemplate, an_object, epoch_ms, iso_ms, number, number_or_text, parse, shown, text
from adapters.obis import readings
from adapters.tic import LABELS
from hub.model import Lane, Message, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

_OBIS = re.compile(r"1-\d{1,3}:(\d{1,3}\.\d{1,3}\.\d{1,3})(?:\*255)?")
_SINAPSI = re.compile(r"1-0:(1\.7\.0|2\.7\.0|1\.8\.0|2\.8\.0)\.255_3,0_2")
_REGISTERS, _REACTIVE = re.compile(r"\d+\.8\.\d+"), ("3", "4")
_ACTIVE = ("1", "2", "16", "21", "22", "36", "41", "42", "56", "61", "62", "76")
_CIM = {
    "0": ("1.8.0", "kWh"),
    "1": ("2.8.0", "kWh"),
    "2": ("1.7.0", "kW"),
    "3": ("2.7.0", "kW"),
}
_MOST = 500


class SmartMeterGateways:
    """Adapters on a smart meter's customer interface that publish JSON. One of four forms, told by what is in it:

    Österreichs Energie, Smart-Meter-Adapter (Austria; all meters sold there):
      {"1-0:1.8.0": {"value": 83622, "time": 1698218800}, "api_version": "v1", "name": "90296857", "sma_time": 83854.3}
      Values are in the unit without kilo: Wh, W, varh, var, V, A. time: seconds since 1970, of each value. sma_time is the box's
      own uptime. name, else 0-0:96.1.0, is the meter's number.
    teleinfo2mqtt (France; Micro Teleinfo and other TIC dongles), teleinfo/<meter>:
      {"ADCO": {"raw": "031428…", "value": 31428…}, "BASE": {"raw": "006367621", "value": 6367621}, "PAPP": …}
      By label (tic.py): registers Wh, PAPP and SINSTS VA, URMS V, IRMS A. Time: DATE.timestamp.date, UTC; historic mode has none.
      ADCO or ADSC (their raw form: leading zeros count) is the meter.
    Sinapsi Alfa (Italy): [{"du": "DU12…", "pod": "IT001E…", "data": [{"ts": "1757506202", "1-0:1.7.0.255_3,0_2": "59"}]}]
      1.7.0 and 2.7.0 W, 1.8.0 and 2.8.0 Wh, as texts. 16.7.0 is a counter of its own here, and left out. pod is the meter.
    CIM (EDDIE's AIIDA): {"registeredResource.mRID": {"value": …}, "dateAndOrTime.dateTime": "…Z", "Quantity":
      [{"quantity": 1.75, "type": "2"}]}, newer registeredResourceMRID, dateAndOrTimeDateTime, quantities. Type 0 import kWh,
      1 export kWh, 2 import kW, 3 export kW; others are left out.

    Topics: ``topics``; {meter} names a meter whose message does not. Device: smartmeter:<number>.
    What OBIS codes mean: obis.py; import and export of one message make one power.active. Availability: none, silence;
    teleinfo2mqtt's …/status is not read. A message that is none of the four is refused (wrong_shape).

    Sources: eddie-energy/eddie, aiida/docs/1-running/data-sources (at, fr, it, cim) and the units of its adapters;
    fmartinou.github.io/teleinfo2mqtt; oesterreichsenergie.at, Konzept Kundenschnittstelle.
    """

    kind = "smart_meter_gateways"

    class Settings(AdapterSettings):
        topics: tuple[str, ...] = Field(
            ("smartmeter/{meter}", "teleinfo/{meter}"), description="where they publish; {meter} names one that does not say"
        )

        @field_validator("topics")
        @classmethod
        def _are_templates(cls, topics: tuple[str, ...]) -> tuple[str, ...]:
            for topic in topics:
                if set(TopicTemplate(topic).names) - {"meter"}:
                    raise ValueError(f'topic "{topic}" has no placeholder but {{meter}}')
            return topics

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self._templates = [TopicTemplate(topic) for topic in settings.topics]
        self.topics = tuple(template.filter for template in self._templates)
        self.lane = settings.lane
        self._zone = site.zone

    def decode(self, message: Message) -> Sequence[Decoded]:
        names = next((found for one in self._templates if (found := one.match(message.topic)) is not None), {})
        fallback = names.get("meter") or message.topic.rpartition("/")[2]
        body = parse(message.payload)
        if type(body) is list:
            return self._sinapsi(body, fallback)
        if type(body) is not dict:
            raise Malformed(Reason.WRONG_SHAPE, f"expected a JSON object, got {shown(body)}")
        read: Callable[[dict[str, Any], str], list[Decoded]] | None = None
        if "ADCO" in body or "ADSC" in body:
            read = self._teleinfo
        elif "Quantity" in body or "quantities" in body:
            read = self._cim
        elif "api_version" in body or any(_OBIS.fullmatch(key) for key in body):
            read = self._austrian
        if read is None:
            raise Malformed(Reason.WRONG_SHAPE, "none of the four forms: no OBIS code, ADCO, ADSC or Quantity")
        return read(body, fallback)

    def snapshot(self) -> None:
        return None

    def restore(self, state: Any) -> None:
        """Nothing is remembered between messages."""

    def _austrian(self, body: dict[str, Any], fallback: str) -> list[Decoded]:
        own = body.get("name") or an_object(body.get("0-0:96.1.0") or {}, "0-0:96.1.0").get("value")
        device = _device(own, fallback)
        at_once: dict[Moment, dict[str, tuple[float, str]]] = {}
        with _Named(device):
            for key, told in body.items():
                code = _OBIS.fullmatch(key)
                value = an_object(told, key).get("value") if code else None
                if code and value is not None:
                    moment = epoch_ms(told.get("time"), "s", f"{key}.time")
                    at_once.setdefault(moment, {})[code[1]] = (number(value, key), _unit(code[1]))
            return [
                Reading(device, one.quantity, one.value, time, one.channel, 0, flags)
                for (time, flags), values in at_once.items()
                for one in readings(values)
            ]

    def _teleinfo(self, body: dict[str, Any], fallback: str) -> list[Decoded]:
        def field(label: str, inner: str) -> Any:
            return an_object(body[label], label).get(inner) if body.get(label) is not None else None

        device = _device(field("ADCO", "raw") or field("ADSC", "raw"), fallback)
        with _Named(device):
            stamp = field("DATE", "timestamp")
            date = an_object(stamp, "DATE.timestamp").get("date") if stamp is not None else None
            time, flags = iso_ms(date, self._zone, "DATE.timestamp.date")
            found: list[Decoded] = []
            for label, meant in LABELS.items():
                value = field(label, "value")
                if value is not None:
                    canonical = number(value, label) / meant.per
                    found.append(Reading(device, meant.quantity, canonical, time, meant.channel, 0, flags))
            return found

    def _cim(self, body: dict[str, Any], fallback: str) -> list[Decoded]:
        resource = body.get("registeredResource.mRID", body.get("registeredResourceMRID"))
        device = _device(an_object(resource or {}, "registeredResource.mRID").get("value"), fallback)
        with _Named(device):
            time, flags = iso_ms(body.get("dateAndOrTime.dateTime", body.get("dateAndOrTimeDateTime")), self._zone, "dateTime")
            values: dict[str, tuple[float, str]] = {}
            for one in _list(body.get("Quantity", body.get("quantities")), "Quantity"):
                meant = _CIM.get(str(one.get("type")))
                if meant and one.get("quantity") is not None:
                    values[meant[0]] = (number(one["quantity"], "quantity"), meant[1])
            return [Reading(device, one.quantity, one.value, time, one.channel, 0, flags) for one in readings(values)]

    def _sinapsi(self, body: list[Any], fallback: str) -> list[Decoded]:
        found: list[Decoded] = []
        for box in _list(body, "the array"):
            if "data" not in box:
                raise Malformed(Reason.WRONG_SHAPE, "an array is Sinapsi's, whose elements have pod and data")
            device = _device(box.get("pod"), fallback)
            with _Named(device):
                for sample in _list(box["data"], "data"):
                    stamp = sample.get("ts")
                    time, flags = epoch_ms(None if stamp is None else number_or_text(stamp, "ts"), "s", "ts")
                    values = {
                        code[1]: (number_or_text(value, key), _unit(code[1]))
                        for key, value in sample.items()
                        if value is not None and (code := _SINAPSI.fullmatch(key))
                    }
                    found += [Reading(device, one.quantity, one.value, time, one.channel, 0, flags) for one in readings(values)]
        return found


class _Named:
    """A refusal from within says whose message it was."""

    def __init__(self, device: str) -> None:
        self._device = device

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Malformed):
            error.device = error.device or self._device


def _device(own: Any, fallback: str) -> str:
    return f"smartmeter:{text(own, 'the number of the meter', 64) if own else fallback}"


def _unit(code: str) -> str:
    """The unit of values that come without kilo."""
    reactive = code.split(".")[0] in _REACTIVE
    if _REGISTERS.fullmatch(code):
        return "varh" if reactive else "Wh"
    if code.endswith(".7.0") and code.split(".")[0] in _ACTIVE:
        return "W"
    return "var" if reactive else ""


def _list(value: Any, what: str) -> list[dict[str, Any]]:
    if type(value) is not list or len(value) > _MOST:
        raise Malformed(Reason.WRONG_SHAPE, f"{what} is {shown(value)}, expected an array of at most {_MOST}")
    return [value for value in value if an_object(value, what) is not None]
