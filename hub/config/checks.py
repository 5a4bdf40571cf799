"""What no table can know alone: that an id is used once, and that what one names another has."""

from collections.abc import Collection

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


def inhibits(reader: Reader, rules: Collection[str]) -> None:
    """What [[inhibit]] names is there, and neither side is everything: that would keep every alert of a place quiet."""
    known = {*rules, *(item["id"] for _, item in reader.items("rule") if isinstance(item.get("id"), str))}  # also wrong ones
    for index, item in reader.items("inhibit"):
        key = f"inhibit {index + 1}"
        for side in ("cause", "explains"):
            given = item.get(side)
            if not isinstance(given, dict):
                continue
            if not given:
                reader.wrong(("inhibit", index, side), key, f"{side} = {{}} is every alert: say which rule, device or quantity")
            rule = given.get("rule", "*")
            if isinstance(rule, str) and rule not in known and not set(rule) & set("*?["):
                hint = nearest(rule, known) or "; the page and GET /api/v1/rules list them"
                reader.wrong(("inhibit", index, side), key, f'{side}: there is no rule "{rule}"{hint}')
        explained = item.get("explains")
        if isinstance(explained, dict) and explained.get("severity") == "critical":
            reader.wrong(("inhibit", index, "explains"), key, "critical alerts are always told: nothing explains them away")


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
