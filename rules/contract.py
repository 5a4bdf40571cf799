"""Whether a kind of rule has all that the engine asks of it, found out when a rule is made and not when one breaches."""

import inspect
import re
import tomllib
from typing import Any

from hub.ports import ReadingRule, Rule, SilenceRule


def complete(rule: Rule) -> None:
    """Raises ValueError with what its class lacks of ``ReadingRule``, or where it has ``wait`` of ``SilenceRule``."""
    contract = SilenceRule if hasattr(rule, "wait") else ReadingRule
    lacking = [name for name in _asked(contract) if not hasattr(rule, name)]
    if lacking:
        own = type(rule)
        raise ValueError(
            f'the kind "{own.kind}" cannot be used: {own.__module__}.{own.__name__} has no {" and no ".join(lacking)}; '
            f"what the engine asks of a rule is in hub/ports.py, {contract.__name__}"
        )


def sampled(plugin: Any) -> None:
    """Makes the rule of the sample on a kind's manual page. Raises ValueError where there is none or it cannot be made."""
    found = re.findall(r"```toml\n(.*?)```", inspect.getdoc(plugin) or "", re.DOTALL)
    if not found:
        raise ValueError(f'the kind "{plugin.kind}" has no sample: its docstring, its manual page, needs one [[rule]] in ```toml')
    table = tomllib.loads(found[0])["rule"][0]
    complete(plugin(plugin.Settings.model_validate({name: value for name, value in table.items() if name != "kind"})))


def _asked(contract: Any) -> list[str]:
    methods = [name for name, one in vars(contract).items() if inspect.isfunction(one) and not name.startswith("_")]
    return [*contract.__annotations__, *methods]
