"""Every command of ``gengfu``, and what becomes of a failure: one plain sentence and exit code 1, never a traceback."""

import datetime
import os
import sys
import tempfile
import traceback
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path

import typer
from typer.exceptions import TyperException

from hub.cli import backup, drill, importing, kinds, replay, report, rules, service, vendor
from hub.cli.shown import Sorry, err, out, red
from hub.config import ConfigErrors
from hub.plugins import PluginError

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


def _version(wanted: bool) -> None:
    if wanted:
        out(f"gengfu {version('gengfu')}")
        raise typer.Exit


@app.callback()
def gengfu(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="say the version, and nothing else"),
) -> None:
    """Gengfu (更夫), the night watch: devices speak MQTT, the hub keeps what they say and wakes the right person.

    \b
    Example:
      gengfu demo
    """


for module in (service, report, replay, rules, importing, vendor, backup, kinds, drill):
    module.register(app)


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # in a log file or a pipe too, each sentence stands when it is said
    try:
        code = app(
            args=(sys.argv[1:] if arguments is None else arguments) or ["--help"], prog_name="gengfu", standalone_mode=False
        )
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except ConfigErrors as errors:
        for problem in errors.problems:
            err(red(str(problem)))
    except TyperException as error:
        _usage(error)
    except (Sorry, PluginError) as error:
        err(red(f"gengfu: {error}"))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever read our output has seen enough
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        err(red(f"gengfu: {place}{error.strerror or error}"))
    except typer.Abort:
        return 130
    except Exception as error:  # noqa: BLE001  a bug of ours: kept in full, said in short
        err(red(f"gengfu: this is a bug ({type(error).__name__}: {error}); what happened is written in {_kept()}"))
    return 1


def _usage(error: TyperException) -> None:
    said = error.format_message()
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "gengfu"
    if said.startswith("Usage:"):  # a group called without a command: its help is what is wanted
        err(said)
        return
    sentence = " ".join(said.split()).replace("Value error, ", "").replace(". Did you mean", ", did you mean").rstrip(".?")
    err(red(f"gengfu: {sentence[:1].lower()}{sentence[1:]}; see {command} --help"))


def _kept() -> Path:
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S")
    path = Path(tempfile.gettempdir()) / f"gengfu-{stamp}-{os.getpid()}.log"
    path.write_text(f"gengfu {version('gengfu')}: {sys.argv}\n{traceback.format_exc()}", "utf-8")
    return path
