"""Limits that a device's own profile sets."""

from math import nan
from typing import TypeVar

from pydantic import ValidationError

from hub.model import Device
from hub.ports import FromProfile, Limit, Rule, RuleSettings
from rules.words import figure

R = TypeVar("R", bound=Rule)


def number(limit: Limit | None) -> float | None:
    """The limit where it is the same for all devices."""
    return None if isinstance(limit, FromProfile) else limit


def wanted(settings: RuleSettings) -> dict[str, FromProfile]:
    """The settings that come from the profile, by name."""
    return {name: value for name, value in settings if isinstance(value, FromProfile)}


def fitted(rule: R, device: Device | None) -> R | None:
    """The rule with this device's own limits; itself where it has none from a profile. None where it cannot tell, because the
    profile lacks an entry or has one that makes no sense (a level to clear beyond the threshold)."""
    limits = wanted(rule.settings)
    if not limits:
        return rule
    profile = device.profile if device is not None else {}
    own = {name: profile[limit.profile] * limit.times for name, limit in limits.items() if limit.profile in profile}
    if len(own) < len(limits):
        return None
    kind = type(rule)
    said = {name: getattr(rule.settings, name) for name in rule.settings.model_fields_set}
    try:
        made: R = kind(kind.Settings.model_validate({**said, **own}))  # type: ignore[attr-defined, call-arg]
    except ValidationError:
        return None
    if hasattr(rule, "calendar"):
        vars(made)["calendar"] = rule.calendar
    return made


def value(limit: Limit) -> float:
    """The same to compute with; a rule with a limit from a profile is never judged itself."""
    return nan if isinstance(limit, FromProfile) else limit


def said(limit: Limit, unit: str) -> dict[str, str]:
    """The limit in words: "30 °C", "1.1 × rated_power"."""
    if isinstance(limit, FromProfile):
        text = limit.profile if limit.times == 1 else f"{limit.times:g} × {limit.profile}"
        return {"en": f"its {text}", "zh": f"设备档案 {text}"}
    text = figure(limit, unit)
    return {"en": text, "zh": text}


def in_order(threshold: Limit, clear: Limit | None, *, below: bool) -> None:
    """Raises ValueError for a level to clear on the wrong side."""
    if clear is None or isinstance(threshold, FromProfile) or isinstance(clear, FromProfile):
        return
    if clear < threshold if below else clear > threshold:
        where = "below" if below else "above"
        raise ValueError(f"clear ({clear:g}) must not be {where} the threshold ({threshold:g})")
