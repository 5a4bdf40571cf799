"""JMESPath (https://jmespath.org) for adapters: compiled once, and plain look-ups where a path is plain. Not an adapter."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError

from hub.model import Reason
from hub.ports import Malformed

Lookup = Callable[[Any], Any]

_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)


def compile_path(path: str) -> Lookup:
    """A JMESPath as a function of the value it searches; what is not there is None. Raises ValueError for a bad path."""
    if not _SIMPLE.fullmatch(path):
        return _searched(path)
    first, *rest = path.split(".")

    def direct(value: Any) -> Any:
        return value.get(first) if type(value) is dict else None

    def walk(value: Any) -> Any:
        value = direct(value)
        for key in rest:
            if type(value) is not dict:
                return None
            value = value.get(key)
        return value

    return walk if rest else direct


def _searched(path: str) -> Lookup:
    try:
        search = jmespath.compile(path).search
        with suppress(JMESPathTypeError):  # an unknown function shows only in use; that {} is of the wrong type is no fault
            search({})
    except (JMESPathError, ValueError) as error:
        raise ValueError(f'"{path}" is not a JMESPath: {str(error).splitlines()[0]}') from None

    def lookup(value: Any) -> Any:
        try:
            return search(value)
        except (JMESPathError, ValueError, ArithmeticError, TypeError) as error:
            raise Malformed(Reason.WRONG_TYPE, f"{path}: {str(error).splitlines()[0]}") from None

    return lookup
