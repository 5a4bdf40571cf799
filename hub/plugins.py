"""Finds a package's plugins by their ``kind``: every class defined in one of its modules that has one."""

import importlib
import inspect
import pkgutil
from functools import cache
from types import ModuleType
from typing import Any


class PluginError(Exception):
    """A plugin file that breaks the rules of the house; the text says which and why."""


@cache
def find(package_name: str) -> dict[str, type[Any]]:
    """The plugins of ``package_name``, by kind."""
    package: ModuleType = importlib.import_module(package_name)
    found: dict[str, type[Any]] = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package_name}.{info.name}")
        for plugin in vars(module).values():
            if not inspect.isclass(plugin) or plugin.__module__ != module.__name__:
                continue
            kind = vars(plugin).get("kind")
            if not isinstance(kind, str):
                continue
            if kind in found:
                raise PluginError(f'two plugins are of kind "{kind}": {found[kind].__module__} and {module.__name__}')
            if not plugin.__doc__:
                raise PluginError(f"{module.__name__}.{plugin.__name__} has no docstring, its manual page")
            found[kind] = plugin
    return found
