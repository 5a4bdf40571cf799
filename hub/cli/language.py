"""The language a command speaks: the one that is asked for, or the terminal's."""

import os
from collections.abc import Mapping
from typing import Any, Literal

import typer

from hub.said import Language

Asked = Literal["zh", "en"]
LANGUAGE: Any = typer.Option(None, "--language", help="what it speaks; left out: what the terminal does (LANG)")


def chosen(asked: Asked | None, environment: Mapping[str, str] = os.environ) -> Language:
    """POSIX (8.2) has LC_ALL before LC_MESSAGES before LANG; one that is empty says nothing."""
    locale = next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return asked or ("zh" if locale.lower().startswith("zh") else "en")
