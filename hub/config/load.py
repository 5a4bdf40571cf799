"""gengfu.toml -> Config. Goes on after a mistake, so that every mistake is reported at once."""

from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from hub.config import checks, days, document, drill, energy, plugged, sections, telling
from hub.config.problems import ConfigErrors
from hub.config.reader import Reader
from hub.config.records import Config, FireTcp, Heartbeat, Mqtt, Web
from hub.config.rule_tests import rule_tests
from hub.model import Device, Person, Space
from hub.ports import Retention
from hub.quantities import DOMAINS, Domain, Quantity, Vocabulary
from hub.reports.setup import DUTY

TABLES = ("site", "data", "mqtt", "calendar", "web", "fire_tcp", "heartbeat", "drill", "store", "energy", "telling")
LISTS = ("quantity", "space", "device", "person", "notifier", "adapter", "rule", *energy.LISTS, *telling.LISTS)


def load(path: Path | None) -> Config:
    """The checked configuration; None: all defaults. Raises ConfigErrors with everything that is wrong."""
    source = document.Document("gengfu.toml", {}, {}) if path is None else document.read(path)
    reader = Reader(source)
    reader.top(TABLES, LISTS)
    base = path.resolve().parent if path else Path.cwd()

    site = reader.table("site", sections.Site)
    data = reader.table("data", sections.Data)
    web = reader.table("web", sections.WebSection)
    vocabulary = _vocabulary(reader)
    spaces = reader.each("space", sections.SpaceSection)
    devices = reader.each("device", sections.DeviceSection)
    people = reader.each("person", sections.PersonSection)
    notifiers = plugged.notifiers(reader, base)
    context = plugged.context(site, vocabulary)
    store_kind, store_settings = plugged.store(reader, base)
    adapters = plugged.adapters(reader, context)
    rules = plugged.rules(reader, vocabulary)
    tests = rule_tests(reader, context.zone)
    calendar = days.calendar(reader, context.zone)
    plan = telling.read(reader, calendar)
    fire_tcp = _fire_tcp(reader)
    about_energy = energy.read(reader, vocabulary, base)
    about_drill = drill.read(reader, base)
    beat = reader.table("heartbeat", sections.HeartbeatSection) if "heartbeat" in reader.data else None
    mqtt = _mqtt(reader, base, site.community if site else "demo")

    checks.unique(reader, ("space", "device", "person", "notifier", "rule"))
    checks.places(reader)
    checks.people(reader)
    checks.inhibits(reader, {rule.settings.id for rule in rules})

    if reader.problems or site is None or data is None or web is None:
        raise ConfigErrors(reader.problems)
    return Config(
        path=path,
        community=site.community,
        name=site.name,
        zone=ZoneInfo(site.time_zone),
        directory=base / data.directory,
        retention=Retention(**data.keep.model_dump()),
        mqtt=mqtt,
        web=Web(*sections.split_listen(web.listen), web.public_url.rstrip("/")),
        store_kind=store_kind,
        store_settings=store_settings,
        vocabulary=vocabulary,
        spaces=tuple(Space(**space.model_dump()) for space in spaces),
        devices=tuple(_device(device) for device in devices),
        people=tuple(Person(**person.model_dump()) for person in people),
        notifiers=notifiers,
        adapters=adapters,
        rules=rules,
        calendar=calendar,
        tests=tests,
        fire_tcp=fire_tcp,
        energy=energy.with_calendar(about_energy, calendar),
        telling=plan,
        drill=about_drill,
        heartbeat=Heartbeat(beat.url, beat.every / 1000) if beat else None,
    )


def _device(section: sections.DeviceSection) -> Device:
    interval = None if section.interval is None else section.interval / 1000
    said = section.model_dump(exclude={*DUTY, "interval"})
    if section.role == "main" and "main" not in section.tags:
        said["tags"] = (*section.tags, "main")  # the page goes by it
    return Device(accepted=True, interval=interval, **said)


def _mqtt(reader: Reader, base: Path, community: str) -> Mqtt | None:
    if "mqtt" not in reader.data:
        return None
    section = reader.table("mqtt", sections.MqttSection)
    if section is None:
        return None
    password, ca_file = section.password, None
    if section.password_file is not None:
        if password is not None:
            reader.wrong(("mqtt", "password_file"), "mqtt", "there is a password too: keep one of the two")
        try:
            password = (base / section.password_file).read_text("utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            reader.wrong(("mqtt", "password_file"), "mqtt", f'the file "{section.password_file}" cannot be read: {reason}')
    if password is not None and section.username is None:
        reader.wrong(("mqtt",), "mqtt", "there is a password but no username")
    parts = urlsplit(section.url)
    tls = parts.scheme == "mqtts"
    if section.ca_file is not None:
        ca_file = base / section.ca_file
        if not tls:
            reader.wrong(("mqtt", "ca_file"), "mqtt", "ca_file is for TLS: write mqtts:// in url, or leave it out")
        elif not ca_file.is_file():
            reader.wrong(("mqtt", "ca_file"), "mqtt", f'there is no file "{section.ca_file}"')
    return Mqtt(
        url=section.url,
        host=parts.hostname or "",
        port=parts.port or (8883 if tls else 1883),
        tls=tls,
        client_id=section.client_id or f"gengfu-{community}",
        version=section.version,
        username=section.username,
        password=password,
        ca_file=ca_file,
    )


def _fire_tcp(reader: Reader) -> FireTcp | None:
    section = reader.table("fire_tcp", sections.FireTcpSection) if "fire_tcp" in reader.data else None
    if section is None:
        return None
    host, port = sections.split_listen(section.listen)
    if not sections.is_loopback(host) and not section.allow:
        message = f'"{host}" can be reached from outside this machine: say in allow from which networks, like ["10.1.0.0/16"]'
        reader.wrong(("fire_tcp", "listen"), "fire_tcp, listen", message)
    if "adapter" in reader.data and all(item.get("kind") != "gb26875" for _, item in reader.items("adapter")):
        message = 'nothing reads what comes in: add an [[adapter]] with kind = "gb26875"'
        reader.wrong(("fire_tcp",), "fire_tcp", message)
    return FireTcp(host, port, section.allow)


def _vocabulary(reader: Reader) -> Vocabulary:
    built_in = Vocabulary()
    additions: list[Quantity] = []
    for index, section in reader.numbered("quantity", sections.QuantitySection):
        key = f"quantity {section.name}"
        if section.name in built_in:
            message = f'"{section.name}" is in the vocabulary already: leave it out, or choose another name'
            reader.wrong(("quantity", index, "name"), key, message)
        elif any(section.name == other.name for other in additions):
            reader.wrong(("quantity", index, "name"), key, f'"{section.name}" is given twice: keep one')
        if section.low > section.high:
            reader.wrong(("quantity", index, "low"), key, f"low ({section.low:g}) is above high ({section.high:g})")
        first = section.name.split(".")[0]
        named: Domain = next((domain for domain in DOMAINS if domain == first), "device")
        additions.append(
            Quantity(
                section.name,
                section.unit,
                section.shape,
                section.low,
                section.high,
                section.domain or named,
                section.en or section.name,
                section.zh or section.en or section.name,
            )
        )
    return Vocabulary(additions)
