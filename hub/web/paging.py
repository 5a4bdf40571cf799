"""Part of a list."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True):
    """Part of a list. ``next_cursor`` is opaque; None on the last page. ``total`` counts all that match, where that is cheap."""

    items: Sequence[T]
    next_cursor: str | None = None
    total: int | None = None
