"""``gengfu backup`` and ``gengfu restore``."""

from pathlib import Path

import typer

from hub.cli.service import CONFIG, configured
from hub.cli.shown import Sorry, faint, green, out


def register(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)


def backup(
    to: Path = typer.Argument(metavar="TO", help="a new folder, or a new file that ends in .tar"),
    config: Path | None = CONFIG,
) -> None:
    """Copies all that is kept; the hub goes on.

    What was confirmed before it began is in it.

    \b
    Example:
      gengfu backup /mnt/usb/gengfu-2026-10-01.tar
    """
    from hub.stores import backup as copies

    hub = configured(config)
    try:
        copies.backup(hub.directory, to, _say)
    except copies.BackupFailed as error:
        raise Sorry(str(error)) from error
    out(green(f"Backed up to {to}."))


def restore(
    source: Path = typer.Argument(metavar="FROM", help="what gengfu backup made"),
    config: Path | None = CONFIG,
) -> None:
    """Puts a backup where no data is.

    It never overwrites anything. The hub must not be running.

    \b
    Example:
      gengfu restore /mnt/usb/gengfu-2026-10-01.tar
    """
    from hub.stores import backup as copies

    hub = configured(config)
    try:
        copies.restore(source, hub.directory, _say)
    except copies.BackupFailed as error:
        raise Sorry(str(error)) from error
    out(green(f"Restored into {hub.directory}."))


def _say(line: str) -> None:
    out(faint(f"  {line}"))
