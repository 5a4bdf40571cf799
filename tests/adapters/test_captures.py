"""Every message in tests/captures/{kind}.jsonl gives what its line says; the format of a line: tests/support/captures.py."""

import pytest

from hub import plugins
from tests.support.captures import FOLDER, captures, differences

KINDS = sorted(plugins.find("adapters"))
FILES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_its_captures(kind: str) -> None:
    assert kind in FILES, f'adapter "{kind}" has no tests/captures/{kind}.jsonl'
    lines = [capture.line for capture in captures(kind)]
    values = [entry for line in lines for entry in line.get("expected", []) if "quantity" in entry]
    assert len(values) >= 10, f"{kind}.jsonl states {len(values)} values; work out at least 10 by hand"
    for line in lines:
        assert ("expected" in line) != ("refused" in line), line
        assert line.get("source"), f"no source: {line}"


@pytest.mark.parametrize("kind", FILES)
def test_captures_mean_what_they_say(kind: str) -> None:
    assert kind in KINDS, f"{kind}.jsonl belongs to no adapter"
    for capture in captures(kind):
        wrong = differences(capture)
        assert not wrong, "\n".join([capture.where, *wrong])
