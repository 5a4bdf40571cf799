"""The command line: every command helps with an example that parses, every failure is one sentence and exit code 1."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import hub.cli.entry as entry
from hub.config import load
from hub.demo import write_site
from hub.model import Batch, Reading
from hub.stores.parquet import ParquetStore
from tests.support.asking import TABLE, Ask, ask, records, sentence

__all__ = ["ask"]

ROOT = Path(__file__).resolve().parents[2]


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


ALL = dict(commands(typer.main.get_command(entry.app)))
PROMISED = [
    "demo",
    "run",
    "check",
    "report energy",
    "replay",
    "import",
    "vendor check",
    "capture",
    "backup",
    "restore",
    "kinds",
    "drill",
    "report close",
    "report list",
    "report show",
    "report reconcile",
    "rules export",
]


# --- help -------------------------------------------------------------------------------------------------------------


def test_the_promised_commands_are_there_and_no_other() -> None:
    assert {" ".join(path) for path in ALL} == {*PROMISED, "report", "rules", "vendor"}


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_has_an_example_that_parses(path: tuple[str, ...], ask: Ask) -> None:
    code, said, _ = ask(*path, "--help")
    assert code == 0
    examples = re.findall(r"^ +(gengfu .*)$", said.split("Example:")[1].split("\n\n")[0], re.M)
    assert examples, said
    for example in examples:
        _, *words = shlex.split(example.split(" > ")[0])
        command, rest = typer.main.get_command(entry.app), words
        while hasattr(command, "commands"):
            command, rest = command.commands[rest[0]], rest[1:]
        command.make_context("gengfu", list(rest))  # raises what does not parse


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_option_says_what_it_does(path: tuple[str, ...]) -> None:
    for parameter in ALL[path].params:
        assert parameter.help, parameter.name


def test_the_list_of_commands_is_not_cut_off(ask: Ask) -> None:
    code, said, _ = ask()
    assert code == 0
    assert "..." not in said.split("Commands:")[1]


def test_version(ask: Ask) -> None:
    assert ask("--version") == (0, "gengfu 0.1.0\n", "")


# --- failures ---------------------------------------------------------------------------------------------------------

WRONG = 'site = 1\n[web]\nlisten = "0.0.0.0:1"\n'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rum"], "did you mean 'run'"),
        (["run", "--nope"], "no such option: --nope; see gengfu run --help"),
        (["run", "--config"], "requires an argument"),
        (["run", "--config", "absent.toml"], "there is no file absent.toml"),
        (["demo", "--config", "absent.toml"], "there is no file absent.toml"),
        (["check", "--config", "."], "is a folder"),
        (["report", "energy", "--today"], "start the hub first"),
        (["report", "energy", "--format", "xml"], "'xml' is not one of"),
        (["report", "energy", "--month", "2026-13"], "is not a month"),  # before anything is looked for
        (["report", "energy", "--today", "--by", "colour"], "not a way to group"),
        (["report", "energy", "--today", "--every", "moon"], "not an interval"),
        (["import"], "missing argument"),
        (["import", "absent.csv"], "absent.csv: No such file"),
        (["backup", "copy"], "nothing to back up"),
        (["restore", "copy"], "copy does not exist"),
        (["kinds", "tasmotta"], 'did you mean "tasmota"?'),
        (["kinds", "qqqq"], "gengfu kinds lists them"),
    ],
)
def test_failures(ask: Ask, arguments: list[str], said: str) -> None:
    assert said in sentence(ask(*arguments))


@pytest.mark.parametrize(
    "arguments", [["run"], ["check"], ["report", "energy", "--today"], ["import", "x"], ["backup", "x"], ["restore", "x"]]
)
def test_a_wrong_configuration_stops_every_command_before_it_does_anything(
    ask: Ask, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "gengfu.toml").write_text(WRONG)
    (tmp_path / "x").write_text("space\na\n")
    code, out, err = ask(*arguments)
    assert (code, out) == (1, "")
    assert [line.split(":")[0] for line in err.splitlines()] == ["gengfu.toml line 1, site", "gengfu.toml line 3, web, listen"]
    assert not (tmp_path / "data").exists()


def test_the_demo_keeps_out_of_a_real_hub_s_folder(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "gengfu.toml").write_text("")
    assert "another folder" in sentence(ask("demo"))


def test_a_bug_is_said_in_one_sentence_and_kept_in_full(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Path | None) -> None:
        raise ZeroDivisionError("one by none")

    monkeypatch.setattr("hub.cli.service.configured", broken)
    said = sentence(ask("check"))
    assert "this is a bug (ZeroDivisionError: one by none)" in said
    log = Path(said.split("written in ")[1]).read_text("utf-8")
    assert "Traceback" in log
    assert "in broken" in log


def test_ctrl_c_is_130(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(_: Path | None) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hub.cli.service.configured", pressed)
    assert ask("check") == (130, "", "")


def test_a_reader_that_has_seen_enough() -> None:
    """``gengfu kinds quantities | head -1``"""
    shell = f"{shlex.quote(sys.executable)} -m hub kinds quantities | head -1"
    answer = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (answer.stdout, answer.stderr) == ("energy\n", "")


# --- check and kinds --------------------------------------------------------------------------------------------------


def test_check(ask: Ask, tmp_path: Path) -> None:
    code, out, _ = ask("check")
    assert code == 0
    assert out.startswith("no gengfu.toml, all defaults: ")
    assert out.count("\n") == 1
    (tmp_path / "gengfu.toml").write_bytes((ROOT / "deploy" / "gengfu.toml").read_bytes())
    code, out, _ = ask("check")
    assert code == 0
    assert "云栖社区 (yunqi), Asia/Shanghai, broker 127.0.0.1:1883, 3 formats" in out
    assert "2 devices, 2 places" in out


def test_kinds_prints_every_plugin_s_manual_page(ask: Ask) -> None:
    _, listed, _ = ask("kinds")
    kinds = re.findall(r"^  (\S+) ", listed, re.M)
    assert {"json", "tasmota", "above", "silent", "webhook", "parquet"} <= set(kinds)
    for kind in kinds:
        code, page, _ = ask("kinds", kind)
        assert code == 0
        assert page.startswith(kind)
    _, page, _ = ask("kinds", "above")
    assert re.search(r"^threshold +number or table +needed +\w", page, re.M)
    assert re.search(r"^hold_for +duration +0s +\w", page, re.M)
    assert re.search(r"^severity +info \| warning \| critical +\"warning\" +\w", page, re.M)
    _, page, _ = ask("kinds", "state")
    assert re.search(r"^is +number .*\nis_not +number", page, re.M)  # as they are written in TOML
    _, page, _ = ask("kinds", "together")
    assert re.search(r"^any +list of tables .*\nnot +table +–", page, re.M)
    _, page, _ = ask("kinds", "quantities")
    assert re.search(r"^  fire.smoke +1 +state +smoke +烟雾$", page, re.M)


# --- backup, restore, report ------------------------------------------------------------------------------------------


def test_backup_and_restore(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    assert ask("import", "t.csv")[0] == 0
    assert ask("backup", "copy.tar")[0] == 0
    assert "not empty" in sentence(ask("restore", "copy.tar"))
    (tmp_path / "gengfu.toml").write_text('[data]\ndirectory = "other"\n')
    code, out, _ = ask("restore", "copy.tar")
    assert (code, out.splitlines()[-1]) == (0, f"Restored into {tmp_path / 'other'}.")
    assert records(tmp_path / "other") == records(tmp_path / "data")


def test_report(ask: Ask, tmp_path: Path) -> None:
    """A meter behind 20:1 transformers that counts from 100 to 101.5 between 08:00 and 10:00 at the site: 30 kWh."""
    (tmp_path / "t.csv").write_text(TABLE)
    assert ask("import", "t.csv")[0] == 0
    assert "has the hub been started" in sentence(ask("report", "energy", "--today"))

    eight = 1_792_800_000_000  # 2026-10-24T00:00Z, 08:00 in Shanghai
    batch = Batch()
    for hour, register in enumerate((100.0, 101.0, 101.5)):
        at = eight + hour * 3_600_000
        batch.readings.append(Reading("tasmota:meter-7", "energy.active.import.total", register, at))
        batch.received_at.append(at)
    config = load(None)
    store = ParquetStore(tmp_path / "data", config.vocabulary, config.retention)
    store.append("rest", batch)
    try:  # beside a hub that writes
        code, out, err = ask("report", "energy", "--month", "2026-10", "--every", "month", "--format", "json")
        assert (code, err) == (0, "")
        report = json.loads(out)
        assert (report["site"], report["time_zone"]) == ("示范社区", "Asia/Shanghai")
        assert (report["from"], report["to"]) == ("2026-10-01T00:00:00+08:00", "2026-11-01T00:00:00+08:00")
        [row] = report["rows"]
        assert (row["group"], row["quantity"], row["unit"]) == ("tasmota:meter-7", "energy.active.import.total", "kW.h")
        assert row["value"] == pytest.approx(30.0)
        code, out, _ = ask("report", "energy", "--from", "2026-10-24", "--to", "2026-10-25", "--by", "space")
        assert code == 0
        assert "30.000" in out
        write_site(tmp_path / "data")
        code, out, _ = ask("report", "energy", "--month", "2026-10", "--every", "month", "--format", "json")
        assert (code, json.loads(out)["site"]) == (0, "云栖社区"), "beside the demo it is the demo's, as on its page"
        assert json.loads(out)["rows"] == report["rows"]
    finally:
        store.close()
    assert "say which period" in sentence(ask("report", "energy"))
    assert "is not a month" in sentence(ask("report", "energy", "--month", "2026-13"))
    assert "not a way to group" in sentence(ask("report", "energy", "--today", "--by", "colour"))


def test_python_m_hub_and_gengfu_are_the_same() -> None:
    said = [
        subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, env={**os.environ, "NO_COLOR": "1"})
        for command in ([sys.executable, "-m", "hub", "--version"], [str(Path(sys.executable).with_name("gengfu")), "--version"])
    ]
    assert said[0].stdout == said[1].stdout == "gengfu 0.1.0\n"
    assert load(None).community == "demo"
