"""The tables of gengfu.toml that belong to the hub itself: their keys, types and defaults.

What a plugin lets people configure stands with the plugin. What one table alone cannot know is checked in ``checks``.
"""

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

from hub.config.words import nearest
from hub.ports import Duration, Settings
from hub.quantities import duration_ms, known_units
from hub.reports.setup import DeviceDuty, EnergySection

DAY_MS = 86_400_000


def _community(given: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", given):
        raise ValueError(f'"{given}" appears in topics and ids: write it with a-z, 0-9 and -, like "yunqi"')
    return given


def _zone(given: str) -> str:
    try:
        ZoneInfo(given)
    except (KeyError, ValueError, OSError):
        hint = nearest(given, available_timezones()) or '; write it like "Asia/Shanghai"'
        raise ValueError(f'there is no time zone "{given}"{hint}') from None
    return given


def _keep(given: object) -> object:
    if given == "forever":
        return None
    if not isinstance(given, str):
        raise ValueError('write how long like "90d" or "10y", or "forever"')
    milliseconds = duration_ms(given)
    if milliseconds < DAY_MS:
        raise ValueError(f'"{given}" is too short: readings are forgotten by the day, so at least "1d"')
    return milliseconds


def split_listen(given: str) -> tuple[str, int]:
    """Host and port of "127.0.0.1:8080". Raises ValueError."""
    wanted = 'write it like "127.0.0.1:8080"'
    try:
        parts = urlsplit(f"//{given}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f'"{given}" is no address with a port between 0 and 65535: {wanted}') from None
    if not host or port is None or parts.path or parts.query or parts.username is not None:
        raise ValueError(f'"{given}" is no address with a port: {wanted}')
    return host, port


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(given: str) -> str:
    host, port = split_listen(given)
    if not is_loopback(host):
        raise ValueError(
            f'"{host}" can be reached from outside this machine, and there is no login yet; listen on "127.0.0.1:{port}"'
        )
    return given


def _broker_url(given: str) -> str:
    wanted = 'write it like "mqtt://127.0.0.1:1883", or mqtts:// with TLS'
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError:
        raise ValueError(f'"{given}" has no port between 1 and 65535: {wanted}') from None
    if parts.scheme not in ("mqtt", "mqtts"):
        raise ValueError(f'"{given}" is no address of a broker: {wanted}')
    if not parts.hostname or port == 0 or parts.path.strip("/") or parts.query:
        raise ValueError(f'"{given}" is no address of a broker: {wanted}')
    if parts.username is not None:
        raise ValueError("the user does not belong into the address: use username and password_file")
    return given


def _unit(given: str) -> str:
    if given not in known_units():
        hint = nearest(given, known_units()) or "; it is a UCUM code, such as W, kW.h, m3 or Cel"
        raise ValueError(f'unknown unit "{given}"{hint}')
    return given


def _quantity_name(given: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", given):
        raise ValueError(f'"{given}" is no name for a quantity: write domain.thing in small letters, like "bench.level"')
    return given


def _plain_id(given: str) -> str:
    if not re.fullmatch(r"[^\s/+#\x00-\x1f]{1,120}", given):
        raise ValueError(f'"{given}" is no id: one word without blanks, /, + and #, like "3-2-502-kitchen"')
    return given


def _device_id(given: str) -> str:
    if not re.fullmatch(r"[a-z0-9_-]+:[^\s+#\x00-\x1f]{1,200}", given):
        raise ValueError(f'"{given}" is no device id: it is scheme:stable-id, like "zigbee:0x00158d0001a2b3c4"')
    return given


Id = Annotated[str, AfterValidator(_plain_id)]
Keep = Annotated[int | None, BeforeValidator(_keep)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Site(Settings):
    community: Annotated[str, AfterValidator(_community)] = Field("demo", description="appears in topics and ids")
    name: Name = Field("示范社区", description="what people call the community")
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        "Asia/Shanghai", description="IANA time zone: days, tariffs and schedules follow it"
    )


class KeepFor(Settings):
    energy: Keep = Field(duration_ms("10y"), description="meters, switches, voltages")
    parking: Keep = Field(duration_ms("1y"), description="bays and chargers")
    fire: Keep = Field(duration_ms("5y"), description="smoke, heat, gas, fire water")
    health: Keep = Field(duration_ms("90d"), description="wearables and care")
    device: Keep = Field(duration_ms("1y"), description="batteries, signals, room climate and everything else")


class Data(Settings):
    directory: Name = Field("data", description="where everything is kept; relative to this file")
    keep: KeepFor = Field(KeepFor.model_validate({}), description='how long, by domain: "90d", "10y" or "forever"')


class MqttSection(Settings):
    url: Annotated[str, AfterValidator(_broker_url)] = Field(description="mqtt://host:1883, or mqtts:// with TLS")
    version: Literal["3.1.1", "5"] = Field("3.1.1", description="of MQTT")
    username: str | None = Field(None, description="where the broker asks for one")
    password: str | None = Field(None, description="better in a file: password_file")
    password_file: str | None = Field(None, description="a file with nothing but the password; relative to this file")
    ca_file: str | None = Field(None, description="the certificates (PEM) that sign the broker's, where the system's do not")
    client_id: str | None = Field(
        None,
        description="begins the names of the hub's sessions; gengfu-{community} if left out",
        pattern=r"^[A-Za-z0-9_-]{1,40}$",
    )


def _network(given: str) -> str:
    try:
        return str(ipaddress.ip_network(given))
    except ValueError as error:
        raise ValueError(f'"{given}" is no network: {error}; write it like "10.1.0.0/16" or "10.1.2.3"') from None


def _any_listen(given: str) -> str:
    split_listen(given)
    return given


class FireTcpSection(Settings):
    listen: Annotated[str, AfterValidator(_any_listen)] = Field(description="address and port for fire alarm devices")
    allow: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        (), description="networks they may connect from; needed where listen can be reached from outside this machine"
    )


def _http_url(given: str) -> str:
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f'"{given}" is no address of a web server: write it like "https://hc-ping.com/your-uuid"')
    return given


def _public(given: str) -> str:
    parts = urlsplit(given)
    if given and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query):
        raise ValueError(f'"{given}" is no address people could open: write it like "https://hub.example.org"')
    return given


class WebSection(Settings):
    listen: Annotated[str, AfterValidator(_listen)] = Field("127.0.0.1:8080", description="address and port of the page")
    public_url: Annotated[str, AfterValidator(_public)] = Field(
        "", description='how people reach the hub from their phones, for links in messages: "https://hub.example.org"'
    )


class HeartbeatSection(Settings):
    url: Annotated[str, AfterValidator(_http_url)] = Field(description="asked with GET as long as the hub keeps watch")
    every: Duration = Field(60_000, description="how often", ge=1000)


class QuantitySection(Settings):
    name: Annotated[str, AfterValidator(_quantity_name)] = Field(description="domain.thing[.qualifier]")
    unit: Annotated[str, AfterValidator(_unit)] = Field("1", description="the unit it is kept in")
    shape: Literal["gauge", "counter", "state", "event"] = Field("gauge", description="how it is to be read")
    low: float = Field(-1e15, description="the smallest plausible value")
    high: float = Field(1e15, description="the largest plausible value")
    domain: Literal["energy", "parking", "fire", "health", "device"] | None = Field(
        None, description="with what it is kept; the first word of its name, or device"
    )
    en: str = Field("", description="its English name")
    zh: str = Field("", description="its Chinese name")


class SpaceSection(Settings):
    id: Id = Field(description="one word, never reused")
    name: Name = Field(description="what people call it")
    kind: Literal["community", "building", "entrance", "floor", "flat", "room", "area"] = Field("room", description="what it is")
    parent: Id | Literal[""] = Field("", description="the id of the space it lies in")
    code: str = Field("", description="the official house code (房屋编码)")
    name_en: str = Field("", description="its English name")


class DeviceSection(DeviceDuty):
    id: Annotated[str, AfterValidator(_device_id)] = Field(description="scheme:stable-id, as the page lists it")
    name: str = Field("", description="what people call it")
    space: Id | Literal[""] = Field("", description="the id of the space it is in")
    factor: float = Field(
        1.0, description="what its readings are multiplied by: a meter's current-transformer ratio (倍率)", gt=0
    )
    tags: tuple[str, ...] = Field((), description="words to find it by")
    interval: Duration | None = Field(None, gt=0, description="how often it reports; then it is missed before it was ever heard")
    profile: dict[str, float] = Field({}, description="its own figures, such as rated_power, that rules may take limits from")


class PersonSection(Settings):
    id: Id = Field(description="one word")
    name: Name = Field(description="what people call them")
    tell: tuple[str, ...] = Field((), description="the ids of the notifiers that reach them")
    language: Literal["en", "zh"] = Field("zh", description="the language they are told in")
    email: str = Field("", description="where e-mail reaches them")
    phone: str = Field("", description="where text messages and calls reach them")
    spaces: tuple[Id, ...] = Field((), description="the ids of the buildings they look after (管家)")


TABLES: dict[str, type[Settings]] = {
    "site": Site,
    "data": Data,
    "mqtt": MqttSection,
    "web": WebSection,
    "heartbeat": HeartbeatSection,
    "fire_tcp": FireTcpSection,
    "energy": EnergySection,
}
