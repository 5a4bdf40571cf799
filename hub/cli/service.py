"""``gengfu demo``, ``run`` and ``check``."""

import os
from pathlib import Path

import typer

from hub.cli.shown import Sorry, count, green, out
from hub.config import DEMO, Config, ConfigErrors, load
from hub.config.notes import notes

DEFAULT_FILE = "gengfu.toml"
DEMO_FILE = Path("data", DEMO)
"""What the demo in this folder has written: whoever asks beside it asks about its community."""

CONFIG = typer.Option(
    None, "--config", metavar="FILE", help=f"the configuration; {DEFAULT_FILE} in this folder, if there is one, else all defaults"
)


def configured(path: Path | None) -> Config:
    """The checked configuration. Raises ConfigErrors."""
    if path is None:
        path = next((file for file in (Path(DEFAULT_FILE), DEMO_FILE) if file.exists()), None)
    return load(path)


def register(app: typer.Typer) -> None:
    app.command()(demo)
    app.command()(run)
    app.command()(check)


def demo(
    config: Path | None = typer.Option(None, "--config", metavar="FILE", help="another configuration than all defaults"),
) -> int:
    """Shows a simulated community, live.

    Starts a broker, the hub, the community and the page, and goes on until Ctrl-C. What it keeps is in the folder data;
    started again, it knows what it knew.

    \b
    Example:
      gengfu demo
    """
    if config is None and Path(DEFAULT_FILE).exists():
        raise Sorry(
            f"there is a {DEFAULT_FILE} here, and the demo must not mix its simulated community into your data: start "
            "it in another folder"
        )
    return _start("demo", load(config))


def run(config: Path | None = CONFIG) -> int:
    """Keeps watch, until it is told to stop.

    \b
    Example:
      gengfu run --config /etc/gengfu/gengfu.toml
    """
    return _start("run", configured(config))


def check(config: Path | None = CONFIG) -> None:
    """Tells what is wrong with a configuration.

    All of it at once, each mistake with its line and what would be right; then the exit code is 1. The stories that rules
    carry as [[rule.test]] are played: one that the engine does not follow is told with the line where it did something else.

    \b
    Example:
      gengfu check --config gengfu.toml
    """
    found = configured(config)
    broker = f"broker {found.mqtt.host}:{found.mqtt.port}" if found.mqtt else "a broker of its own"
    parts = [
        count(len(found.adapters), "format"),
        count(len(found.rules), "rule"),
        count(len(found.devices), "device"),
        count(len(found.spaces), "place"),
        count(len(found.people), "person", "people"),
        count(len(found.notifiers), "notifier"),
    ]
    if found.tests:
        parts.append(count(_play(found), "story of a rule", "stories of rules"))
    name = str(found.path or f"no {DEFAULT_FILE}, all defaults")
    for note in (*notes(found), *_of_the_page(found)):
        out(note)
    out(green(f"{name}: {found.name} ({found.community}), {found.zone}, {broker}, {', '.join(parts)}."))


def _of_the_page(found: Config) -> list[str]:
    """Which of the file's rules do not count, because somebody edited them on the page."""
    from hub.rulebook.book import Book
    from hub.rulebook.stored import stored

    book = Book(found, stored(found.directory))
    told = [
        f"rule {one.rule}: version {one.number} of the page counts instead of this file's, by {one.by} ({one.why})"
        for one in book.edited()
        if book.base(one.rule) is not None
    ]
    return told + [f"rule {id}: the newest version of the page does not count: {why}" for id, why in book.unusable.items()]


def _play(found: Config) -> int:
    """Plays the rules' stories; how many. Raises ConfigErrors with all that went another way."""
    from hub.rehearsal import Site, WrongStory, rehearse

    rules = {rule.settings.id: rule for rule in found.rules}
    site = Site(found.spaces, found.devices, found.vocabulary, found.calendar)
    wrong = []
    for test in found.tests:
        try:
            rehearse(rules[test.rule], test.story, site, test.quantity, test.device, test.begins, test.tick)
        except WrongStory as story:
            wrong.append(test.problem(str(story)))
    if wrong:
        raise ConfigErrors(wrong)
    return len(found.tests)


def _start(how: str, config: Config) -> int:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # numpy's threads would only stand in the way
    if how == "demo":
        from hub.demo import demo as serve
    else:
        from hub.process import main as serve  # the whole hub: not for a --help
    return serve(config)
