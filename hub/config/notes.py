"""What is not wrong in a configuration, but may not be what was meant: `gengfu check` tells it."""

from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatchcase

from hub.config import telling
from hub.config.records import Config
from hub.directory import Places
from hub.ports import Rule
from rules.index import Index
from rules.limits import wanted

_NAMED = 5


def notes(config: Config) -> Iterator[str]:
    """One sentence each."""
    places = Places(config.spaces, config.devices)
    for rule in config.rules:
        if rule.settings.enabled:
            yield from _profiles(rule, config, places)
    notifiers = {entry.id for entry in config.notifiers}
    yield from telling.notes(config.telling, config.people, notifiers, datetime.now(config.zone).date())


def _profiles(rule: Rule, config: Config, places: Places) -> Iterator[str]:
    limits = wanted(rule.settings)
    if not limits:
        return
    quantity = next((each.name for each in config.vocabulary if fnmatchcase(each.name, rule.settings.quantity)), "")
    index: Index[Rule] = Index([rule])  # type: ignore[type-var]
    meant = [
        device
        for device in config.devices
        if index.matching(device.id, quantity, [space.id for space in places.path(device.id)], None, device)
    ]
    for name, limit in limits.items():
        without = [device.id for device in meant if limit.profile not in device.profile]
        if not meant:
            yield (
                f'rule {rule.settings.id}: its {name} is the "{limit.profile}" of a device\'s profile, and no [[device]] of this '
                f"file is one it is about: it cannot tell anything until one has profile = {{ {limit.profile} = … }}"
            )
        if not without:
            continue
        shown = ", ".join(without[:_NAMED]) + (" …" if len(without) > _NAMED else "")
        yield (
            f'rule {rule.settings.id}: its {name} is the "{limit.profile}" of a device\'s profile, and {len(without)} of the '
            f"{len(meant)} devices it is about have none: it cannot tell anything about {shown}"
        )
