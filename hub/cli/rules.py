"""``gengfu rules``: which rules are in force and who says so; those of the page as TOML, to be moved into the file."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hub.cli.service import CONFIG, configured
from hub.cli.shown import Sorry, faint, out, table
from hub.config import Config

if TYPE_CHECKING:
    from hub.rulebook.book import Book

_SAYS = {"default": "Gengfu's own", "file": "gengfu.toml", "page": "the page"}


group = typer.Typer(no_args_is_help=False, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="rules")


@group.callback(invoke_without_command=True)
def listed(context: typer.Context, config: Path | None = CONFIG) -> None:
    """Lists the rules in force.

    A rule edited on the page stands in the place of the one with its id in gengfu.toml, until it is taken back there.

    \b
    Example:
      gengfu rules export fire-smoke
    """
    if context.invoked_subcommand is not None:
        return
    found = configured(config)
    book = _book(found)
    rows = []
    for rule in book.rules:
        id = rule.settings.id
        newest = book.history.get(id)
        about = f"version {newest[-1].number}, {newest[-1].by}: {newest[-1].why}" if newest and book.origin(id) == "page" else ""
        rows.append([id, rule.kind, rule.settings.severity, _SAYS[book.origin(id)], about])
    for line in table(["rule", "kind", "severity", "said by", ""], rows):
        out(line)
    for id, why in book.unusable.items():
        out(f"rule {id}: the newest version of the page does not count: {why}")


@group.command()
def export(
    rule: str = typer.Argument(
        "", metavar="[RULE]", help="one rule, wherever it stands; left out: all that were edited on the page"
    ),
    config: Path | None = CONFIG,
) -> None:
    """Prints rules as TOML.

    What was edited on the page can so be moved into gengfu.toml; then take it back on the page, and the file counts again.

    \b
    Example:
      gengfu rules export > edited.toml
    """
    found = configured(config)
    book = _book(found)
    if rule:
        if not (text := book.text(rule)):
            raise Sorry(f'there is no rule "{rule}"; gengfu rules lists them')
        out(text.rstrip())
        return
    edited = book.edited()
    for version in edited:
        when = datetime.fromtimestamp(version.at / 1000, found.zone)
        out(f"# version {version.number} of {when:%Y-%m-%d %H:%M}, {version.by}: {' '.join(version.why.split())}")
        out(version.toml.rstrip() + "\n")
    if not edited:
        out(faint("# no rule was edited on the page"))


def _book(config: Config) -> "Book":
    from hub.rulebook.book import Book  # much of the hub: not for a --help
    from hub.rulebook.stored import stored

    return Book(config, stored(config.directory))
