"""TIC, the customer's interface of French meters: its labels in our words. Not an adapter itself.

Registers are Wh. A historic meter has one for each tariff and no total: each is a channel of its own, named by its label.
A Linky in standard mode has totals: EAST taken from the grid, EAIT given to it. Power is apparent (VA): PAPP, SINSTS.

Sources: Enedis-NOI-CPT_02E (historic), Enedis-NOI-CPT_54E (Linky, standard mode).
"""

from typing import NamedTuple

_TARIFFS = ("BASE", "HCHC", "HCHP", "EJPHN", "EJPHPM", "BBRHCJB", "BBRHPJB", "BBRHCJW", "BBRHPJW", "BBRHCJR", "BBRHPJR")


class Label(NamedTuple):
    """``per`` of theirs are one of our unit."""

    quantity: str
    per: float
    channel: str = ""


LABELS: dict[str, Label] = {
    **{label: Label("energy.active.import.total", 1000.0, label) for label in _TARIFFS},
    "EAST": Label("energy.active.import.total", 1000.0),
    "EAIT": Label("energy.active.export.total", 1000.0),
    "PAPP": Label("power.apparent", 1.0),
    "SINSTS": Label("power.apparent", 1.0),
    **{f"URMS{phase}": Label(f"voltage.l{phase}", 1.0) for phase in (1, 2, 3)},
    **{f"IRMS{phase}": Label(f"current.l{phase}", 1.0) for phase in (1, 2, 3)},
}
