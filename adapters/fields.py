"""One reading of a declarative mapping: where its value stands, in which unit, what its words mean. Not an adapter itself."""

import math
from collections.abc import Callable
from typing import Any

from pydantic import Field, model_validator

from adapters.decoding import number, number_or_text, shown
from adapters.paths import compile_path
from hub.model import Reason
from hub.ports import Malformed, Settings
from hub.quantities import Quantity, conversion

PLAIN = float(1 << 53)
"""Numbers within this, either way, are exact in a double and need no more than ``factor`` and ``offset``."""


class ReadingField(Settings):
    quantity: str = Field(description="a word of the vocabulary, or of [[quantity]]")
    path: str = Field(description="JMESPath of the value; @ is the whole message or element")
    unit: str | None = Field(None, description="the unit it comes in, converted to the quantity's own; left out: already in it")
    scale: float = Field(1, description="the value is multiplied by this first", allow_inf_nan=False)
    channel: str = Field("", description="tells several of one quantity apart; may hold placeholders")
    values: dict[str, float] = Field({}, description='what words mean: { "on" = 1, "off" = 0 }')
    required: bool = Field(False, description="a message without it is refused")

    @model_validator(mode="after")
    def _words_have_no_unit(self) -> "ReadingField":
        if self.values and (self.unit or self.scale != 1):
            raise ValueError("values are in the quantity's own unit: leave out unit and scale")
        return self


class PreparedField:
    """A field's lookup and conversion, prepared once for every message. Raises ValueError for a unit that does not fit.

    ``key``: where ``lookup`` is a look into an object with one key, else None. ``factor`` and ``offset``: what ``convert``
    does to a number within ``PLAIN``; ``factor`` is None where it does something else."""

    __slots__ = ("channel", "convert", "factor", "key", "lookup", "offset", "path", "quantity", "required")

    def __init__(self, field: ReadingField, quantity: Quantity, text_numbers: bool = False) -> None:
        self.path = field.path
        self.quantity = quantity.name
        self.channel = field.channel
        self.required = field.required
        self.lookup = compile_path(field.path)
        self.key = field.path if field.path.isascii() and field.path.isidentifier() else None
        factor, offset = conversion(quantity.unit if field.unit is None else field.unit, quantity.unit)
        self.factor: float | None = None
        self.offset = offset + 0.0
        if field.values:
            self.convert = _words(field.path, field.values)
        else:
            switch = quantity.shape in ("state", "event")
            if math.isfinite(PLAIN * field.scale * factor) and math.isfinite(offset):
                self.factor = field.scale * factor
            self.convert = _numbers(field.path, field.scale * factor, offset, switch, text_numbers)


def _words(path: str, values: dict[str, float]) -> Callable[[Any], float]:
    meaning = {word: value + 0.0 for word, value in values.items()}

    def convert(value: Any) -> float:
        word = str(value).lower() if isinstance(value, bool) else f"{value:g}" if type(value) is float else str(value)
        try:
            return meaning[word]
        except KeyError:
            raise Malformed(Reason.UNKNOWN_VALUE, f"{path} is {shown(value)}, expected one of {', '.join(meaning)}") from None

    return convert


def _numbers(path: str, factor: float, offset: float, switch: bool, text_numbers: bool) -> Callable[[Any], float]:
    plain = number_or_text if text_numbers else number
    same = factor == 1 and offset == 0

    def convert(value: Any) -> float:
        if switch and type(value) is bool:
            return float(value)
        if same:
            return plain(value, path)
        canonical = plain(value, path) * factor + offset
        if not math.isfinite(canonical):
            raise Malformed(Reason.BAD_NUMBER, f"{path} is {shown(value)}, which no double can hold in its unit")
        return canonical + 0.0

    return convert
