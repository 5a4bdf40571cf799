"""What lies in deploy/ is checked against the code and against itself: files, ports, commands, keys."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from hub.cli import entry
from hub.config import load, sections
from hub.config.days import CalendarSection
from hub.config.drill import DrillSection
from hub.ports import RuleSettings
from tests.support import machine

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def parses(words: list[str]) -> None:
    """A ``gengfu`` command line that the command line takes."""
    command: Any = typer.main.get_command(entry.app)
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    command.make_context("gengfu", list(words))


# --- gengfu.toml ------------------------------------------------------------------------------------------------------


def test_the_annotated_file_loads_and_shows_every_key() -> None:
    text = (DEPLOY / "gengfu.toml").read_text("utf-8")
    assert load(DEPLOY / "gengfu.toml").community == "yunqi"
    models: dict[str, type[BaseModel]] = {**sections.TABLES, "drill": DrillSection}
    models |= {"calendar": CalendarSection, "quantity": sections.QuantitySection, "space": sections.SpaceSection}
    models |= {"device": sections.DeviceSection, "person": sections.PersonSection, "rule": RuleSettings}
    text = re.sub(r"(?s)\[store\].*?\n\n", "", text)  # a plugin's own
    data = tomllib.loads(re.sub(r"^# (\w+ = \".*)$", r"\1", text, flags=re.M))  # those that are only shown count too
    for table, model in models.items():
        value = data[table]
        shown = {key for item in (value if isinstance(value, list) else [value]) for key in item}
        hidden = {"password"} if table == "mqtt" else {"enabled", "test_mode"} if table == "rule" else set()
        assert shown >= model.model_fields.keys() - hidden, table
    assert data["data"]["keep"].keys() == sections.KeepFor.model_fields.keys()


# --- compose.yaml and Dockerfile --------------------------------------------------------------------------------------


def yaml(text: str) -> Any:
    """The little YAML that compose.yaml is written in: nested maps, lists of scalars, [flow lists]. Anything else fails."""
    lines = [(len(line) - len(line.lstrip()), line.strip()) for line in text.splitlines()]
    lines = [(indent, line) for indent, line in lines if line and not line.startswith("#")]

    def block(indent: int) -> Any:
        if lines and lines[0][1].startswith("- "):
            items = []
            while lines and lines[0][0] == indent and lines[0][1].startswith("- "):
                items.append(lines.pop(0)[1][2:])
            return items
        table: dict[str, Any] = {}
        while lines and lines[0][0] == indent:
            _, line = lines.pop(0)
            match = re.fullmatch(r"([\w.-]+):(?: (.+))?", line)
            assert match, line
            assert match[1] not in table, line
            if match[2]:
                table[match[1]] = json.loads(match[2]) if match[2].startswith("[") else match[2]
            else:
                table[match[1]] = block(lines[0][0]) if lines and lines[0][0] > indent else None
        assert not lines or lines[0][0] < indent, lines[0]
        return table

    return block(0)


COMPOSE = yaml((DEPLOY / "compose.yaml").read_text("utf-8"))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")


def instruction(name: str) -> list[str]:
    return re.findall(rf"^{name} (.+)$", DOCKERFILE, re.M)


def test_compose_names_files_and_volumes_that_exist() -> None:
    assert set(COMPOSE) == {"services", "volumes"}
    for service in COMPOSE["services"].values():
        assert ("image" in service) != ("build" in service)
        assert service["network_mode"] == "host", "loopback only, until there is a login"
        for volume in service["volumes"]:
            source, target, *_ = volume.split(":")
            assert (DEPLOY / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"], volume
            assert target.startswith("/")
        assert set(service.get("depends_on", [])) <= set(COMPOSE["services"])
    build = COMPOSE["services"]["gengfu"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).samefile(DEPLOY / "Dockerfile")


def test_compose_and_configuration_agree() -> None:
    config = load(DEPLOY / "gengfu.toml")
    assert config.mqtt is not None
    gengfu = COMPOSE["services"]["gengfu"]
    mounted = {volume.split(":")[0]: volume.split(":")[1] for volume in gengfu["volumes"]}
    [command] = instruction("CMD")
    assert json.loads(command)[-1] == mounted["./gengfu.toml"]
    assert mounted["data"] == str(Path(mounted["./gengfu.toml"]).parent / config.directory.name)
    assert instruction("VOLUME") == [mounted["data"]]
    check = gengfu["healthcheck"]["test"][-1]
    compile(check, "healthcheck", "exec")
    assert f"http://{config.web.host}:{config.web.port}/healthz" in check

    broker = (DEPLOY / "mosquitto.conf").read_text("utf-8")
    assert re.search(rf"^listener {config.mqtt.port}\b", broker, re.M)
    volumes = {volume.split(":")[1] for volume in COMPOSE["services"]["mosquitto"]["volumes"]}
    kept = re.search(r"^persistence_location (\S+)", broker, re.M)
    assert kept
    assert kept[1].rstrip("/") in volumes
    start = COMPOSE["services"]["mosquitto"]["command"][-1]
    assert f"chown mosquitto: {kept[1].rstrip('/')} " in start
    assert start.split()[-1] in volumes, "the configuration it is started with is the one that is mounted"


def test_docker_compose_takes_it() -> None:
    if not (compose := machine.compose()):
        pytest.skip("NOT RUN: docker compose is missing (apt-get install docker-compose): whether it takes compose.yaml")
    command = [*compose, "-f", str(DEPLOY / "compose.yaml"), "config", "--quiet"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr


def test_the_image_holds_what_the_application_is_made_of() -> None:
    sources = [source for line in instruction("COPY") for source in line.split()[:-1]]
    assert all((ROOT / source).exists() for source in sources)
    packages = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(sources) == {*packages, "requirements.lock", "pyproject.toml", PYPROJECT["project"]["readme"]}
    allowed = re.findall(r"^!(.+)$", (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8"), re.M)
    assert set(allowed) == set(sources)
    [base] = instruction("FROM")
    assert tuple(map(int, re.findall(r"\d+", base))) >= (3, 11)
    [program] = map(json.loads, instruction("ENTRYPOINT"))
    assert program[0] in PYPROJECT["project"]["scripts"]
    [command] = map(json.loads, instruction("CMD"))
    parses(command)


def test_the_wheel_of_the_image_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    """Not only the Python: the page, the default rules, the simulators' data."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert built.returncode == 0, built.stderr
    [wheel] = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    files = [path for package in ("hub", "adapters", "rules", "simulators") for path in (ROOT / package).rglob("*")]
    here = {str(path.relative_to(ROOT)) for path in files if path.is_file() and "__pycache__" not in path.parts}
    assert here - held == set()


# --- the systemd unit -------------------------------------------------------------------------------------------------

UNIT = (DEPLOY / "gengfu.service").read_text("utf-8")


def test_the_unit_runs_a_command_that_exists() -> None:
    [command] = re.findall(r"^ExecStart=(.+)$", UNIT, re.M)
    program, *words = command.split()
    assert program == "/opt/gengfu/.venv/bin/gengfu"
    parses(words)
    [state] = re.findall(r"^StateDirectory=(.+)$", UNIT, re.M)
    assert f'directory = "/var/lib/{state}"' in UNIT
    for named in re.findall(r"\bdeploy/[\w.]+", UNIT):
        assert (ROOT / named).is_file(), named


@pytest.mark.skipif(
    not shutil.which("systemd-analyze"),
    reason="NOT RUN: systemd-analyze is missing (apt-get install systemd): whether it takes the unit",
)
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """With the program where it is here. Unknown keys are only warned about: silence is what counts."""
    unit = tmp_path / "gengfu.service"
    unit.write_text(UNIT.replace("/opt/gengfu/.venv/bin/gengfu", str(Path(sys.executable).with_name("gengfu"))))
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    said = [line for line in verified.stderr.splitlines() if "gengfu.service" in line]
    assert (verified.returncode, said) == (0, []), verified.stderr
    scored = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", str(unit)], capture_output=True, text=True, timeout=60
    )
    exposure = re.search(r"Overall exposure level for gengfu.service: ([\d.]+)", scored.stdout)
    if exposure:  # older ones cannot judge a unit that is not loaded
        assert float(exposure[1]) < 3
