"""What no table can know alone: that an id is used once, and that what one names another has."""

from hub.config.reader import Reader
from hub.config.words import nearest

BUILT_IN_NOTIFIERS = ("page", "mqtt")
"""They need no [[notifier]] of their own."""


def unique(reader: Reader, names: tuple[str, ...]) -> None:
    for name in names:
        first: dict[str, int] = {}
        for index, item in reader.items(name):
            id = item.get("id")
            if not isinstance(id, str):
                continue
            if id in first:
                line = reader.document.lines.get((name, first[id]))
                reader.wrong((name, index, "id"), f"{name} {id}", f'"{id}" is given twice, first on line {line}: keep one')
            first.setdefault(id, index)


def places(reader: Reader) -> None:
    parents = {str(item["id"]): item.get("parent", "") for _, item in reader.items("space") if "id" in item}
    for index, item in reader.items("space"):
        parent, key = item.get("parent", ""), reader.called("space", index)
        if not isinstance(parent, str) or not parent:
            continue
        if parent not in parents:
            message = f'its parent "{parent}" is no [[space]]{nearest(parent, parents)}'
            reader.wrong(("space", index, "parent"), key, message)
        elif item.get("id") in _above(parent, parents):
            message = f'it lies inside itself: "{parent}" leads back to "{item["id"]}"'
            reader.wrong(("space", index, "parent"), key, message)
    for index, item in reader.items("device"):
        space = item.get("space", "")
        if isinstance(space, str) and space and space not in parents:
            hint = nearest(space, parents) or "; write one with that id"
            message = f'its space "{space}" is no [[space]]{hint}'
            reader.wrong(("device", index, "space"), reader.called("device", index), message)


def people(reader: Reader) -> None:
    known = [*BUILT_IN_NOTIFIERS, *(item["id"] for _, item in reader.items("notifier") if isinstance(item.get("id"), str))]
    for index, item in reader.items("person"):
        tell = item.get("tell")
        for position, name in enumerate(tell if isinstance(tell, list) else []):
            if isinstance(name, str) and name not in known:
                hint = nearest(name, known) or f"; there are {', '.join(known)}"
                message = f'"{name}" is no [[notifier]]{hint}'
                reader.wrong(("person", index, "tell", position), f"{reader.called('person', index)}, tell", message)


def _above(space: str, parents: dict[str, object]) -> set[str]:
    """The space and all it lies in."""
    above: set[str] = set()
    here: object = space
    while isinstance(here, str) and here and here not in above:
        above.add(here)
        here = parents.get(here)
    return above
