"""An adapter is one new file and one data file; its manual page and its memory are complete."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import adapters
from hub import plugins
from hub.model import Message
from tests.support import captures as support

KINDS = sorted(plugins.find("adapters"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_manual_page_is_there(kind: str) -> None:
    plugin = plugins.find("adapters")[kind]
    assert len(plugin.__doc__ or "") > 300, "the docstring is the manual page: topics, fields, units, time, pitfalls, sources"
    for name, field in plugin.Settings.model_fields.items():
        assert field.description, f"{kind}: {name} has no description"
    assert plugin.Settings.model_config["extra"] == "forbid"


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_remembers_survives_a_restart(kind: str) -> None:
    """Half of the captures, a restart through JSON, and the other half means the same."""
    every = list(support.captures(kind))
    for adapter in {id(capture.adapter): capture.adapter for capture in every}.values():
        own = [capture for capture in every if capture.adapter is adapter]
        for capture in own[: len(own) // 2]:
            support.differences(capture)
        state = json.loads(json.dumps(adapter.snapshot()))
        again = own[0].fresh()
        if state is not None:
            again.restore(state)
        for capture in own[len(own) // 2 :]:
            assert support.differences(capture._replace(adapter=again)) == [], capture.where


ACME = '''"""Acme's thermometer, for this test."""

from adapters.decoding import number, parse_object
from hub.model import Reading
from hub.ports import AdapterSettings


class Acme:
    """Acme thermometers: acme/<id> carries {"c": degrees Celsius}."""

    kind = "acme"

    class Settings(AdapterSettings):
        pass

    def __init__(self, settings, site):
        self.topics = ("acme/+",)
        self.lane = settings.lane

    def decode(self, message):
        value = number(parse_object(message.payload)["c"], "c")
        return (Reading("acme:" + message.topic.split("/")[1], "air.temperature", value),)

    def snapshot(self):
        return None

    def restore(self, state):
        pass
'''
CAPTURE = {
    "topic": "acme/7",
    "payload": '{"c":21.5}',
    "expected": [{"device": "acme:7", "quantity": "air.temperature", "value": 21.5}],
    "source": "this test",
}


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """One new file and one data file, in a folder of their own that adapters and captures also look into."""
    (tmp_path / "acme_thermometer.py").write_text(ACME)
    (tmp_path / "acme.jsonl").write_text(json.dumps(CAPTURE) + "\n")
    monkeypatch.setattr(adapters, "__path__", [*adapters.__path__, str(tmp_path)])
    monkeypatch.setattr(support, "FOLDER", tmp_path)
    plugins.find.cache_clear()
    yield tmp_path
    plugins.find.cache_clear()
    sys.modules.pop("adapters.acme_thermometer", None)


def test_a_new_adapter_is_one_file_and_one_data_file(acme: Path) -> None:
    assert set(plugins.find("adapters")) == {*KINDS, "acme"}
    (capture,) = support.captures("acme")
    assert support.differences(capture) == []
    wrong = capture._replace(message=Message("acme/7", b'{"c":22}', 0))
    assert support.differences(wrong), "a wrong value must show"


def test_two_adapters_of_one_kind_are_an_error(acme: Path) -> None:
    (acme / "acme_again.py").write_text(ACME)
    with pytest.raises(plugins.PluginError, match="two plugins"):
        plugins.find("adapters")
    sys.modules.pop("adapters.acme_again", None)
