"""What never returned and was stopped by the watchdog stays off until a person says otherwise: ``disabled.json``.

The file lists adapters, rules and notifiers by name, each with when and why; without its line one runs again at the next start.
Nothing is lost meanwhile: messages of a disabled adapter are kept as refused ones, notices of a disabled notifier stay queued,
alerts of a disabled rule stay open.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

from hub.files import sync_file, sync_folder
from hub.model import Lane, Message, Notice, Reason
from hub.ports import Adapter, Decoded, Malformed, Notifier, NotSent, Rule
from hub.said import sentence

NAME = "disabled.json"
STACK = "stalled.txt"
"""Where the stack goes of a hub that was stopped without Python's help (see ``hub.watchdog``)."""

Entries = dict[str, dict[str, str]]

log = logging.getLogger("gengfu.disabled")


def load(directory: Path) -> Entries:
    """Name -> ``since`` and ``why``. A file that cannot be read disables nothing: better a restart too many."""
    try:
        found = json.loads((directory / NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): dict(about) for name, about in found.items() if isinstance(about, dict)} if isinstance(found, dict) else {}


def add(directory: Path, name: str, since: str, why: str) -> None:
    """Written so that a crash leaves the old list or the new."""
    entries = load(directory) | {name: {"since": since, "why": why}}
    draft = directory / f"{NAME}.tmp"
    draft.write_text(json.dumps(entries, ensure_ascii=False, indent=2) + "\n", "utf-8")
    sync_file(draft)
    draft.replace(directory / NAME)
    sync_folder(directory)


def from_stack(directory: Path, files: Mapping[str, Sequence[str]], since: str) -> tuple[Sequence[str], str]:
    """Reads and removes the stack a stopped hub has left: the names to disable now, and the stack; ``files`` tells which
    names a source file stands for. All that share the file are meant: the stack does not tell them apart."""
    path = directory / STACK
    try:
        stack = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return (), ""
    names: Sequence[str] = ()
    for file in re.findall(r'File "([^"]+)", line', stack):
        if names := files.get(os.path.realpath(file), ()):
            break
    for name in names:
        add(directory, name, since, f"it did not return; its stack:\n{stack}")
    path.unlink()
    return names, stack


class Plugged:
    """The configured adapters, rules and notifiers by name, and without those that are disabled."""

    def __init__(self, adapters: Sequence[Adapter], rules: Sequence[Rule], notifiers: Mapping[str, Notifier]) -> None:
        self._adapters = [(f"adapter {adapter.kind} on {', '.join(adapter.topics[:1])}", adapter) for adapter in adapters]
        self._rules = [(f"rule {rule.settings.id}", rule) for rule in rules]
        self._notifiers = [(f"notifier {id}", id, notifier) for id, notifier in notifiers.items()]
        objects: list[tuple[str, object]] = [*self._adapters, *self._rules]
        objects += [(name, notifier) for name, _, notifier in self._notifiers]
        self.names = {id(one): name for name, one in objects}
        self._files: dict[str, list[str]] = {}
        for name, one in objects:
            file = getattr(sys.modules.get(type(one).__module__), "__file__", None)
            if file:
                self._files.setdefault(os.path.realpath(file), []).append(name)
        self.off: dict[str, str] = {}

    def look(self, directory: Path, since: str) -> None:
        """Reads what is disabled here, ``since`` now for what the last run was stopped for, and says so loudly."""
        _, stack = from_stack(directory, self._files, since)
        if stack:
            log.critical("the last run was ended because it hung; it was here:\n%s", stack)
        known = {name for name, _ in [*self._adapters, *self._rules]} | {name for name, _, _ in self._notifiers}
        self.off = {name: about.get("since", "") for name, about in load(directory).items() if name in known}
        for name, when in self.off.items():
            log.critical("%s is disabled since %s: it did not return; to try it again, delete it from %s", name, when, NAME)

    def adapters(self) -> list[Adapter]:
        stopped = [(StoppedAdapter(one, self.off[name]) if name in self.off else one) for name, one in self._adapters]
        return cast(list[Adapter], stopped)  # its kind is the other's, so it is not a class variable

    def rules(self) -> list[Rule]:
        return [one for name, one in self._rules if name not in self.off]

    def rules_off(self) -> dict[str, str]:
        """By id, in the words the page shows."""
        off = [(one.settings.id, self.off[name]) for name, one in self._rules if name in self.off]
        return {id: f"it did not return; disabled since {since}" for id, since in off}

    def notifiers(self) -> dict[str, Notifier]:
        found: dict[str, Notifier] = {id: one for name, id, one in self._notifiers if name not in self.off}
        found.update((id, StoppedNotifier(self.off[name])) for name, id, _ in self._notifiers if name in self.off)
        return found


class StoppedAdapter:
    """Stands in for a disabled one: refuses its messages, which keeps them, and keeps what it remembered."""

    def __init__(self, adapter: Adapter, since: str) -> None:
        self.kind = adapter.kind
        self.topics: tuple[str, ...] = adapter.topics
        self.lane: Lane = adapter.lane
        self._since = since
        self._state: Any = None

    def decode(self, message: Message) -> Sequence[Decoded]:
        raise Malformed(
            Reason.ADAPTER_FAILED, f"the adapter {self.kind} is disabled since {self._since}: it did not return; see {NAME}"
        )

    def snapshot(self) -> Any:
        return self._state

    def restore(self, state: Any) -> None:
        self._state = state


class StoppedNotifier:
    kind: ClassVar[str] = "stopped"

    def __init__(self, since: str) -> None:
        self._since = since

    async def send(self, notice: Notice) -> None:
        raise NotSent(sentence("notifier_disabled", since=self._since, file=NAME), retry_after=300)

    async def close(self) -> None:
        pass
