"""[drill]: the fire drill that goes on by itself, and the drill device's own credentials."""

from pathlib import Path

from pydantic import Field

from hub.config.reader import Reader
from hub.config.records import Drill
from hub.ports import Duration, Settings


class DrillSection(Settings):
    every: Duration = Field(60_000, description="how often a small drill takes the whole way to the hub's own ear", ge=10_000)
    wait: Duration = Field(600_000, description="how long a large drill waits for an acknowledgement", ge=1000)
    username: str | None = Field(None, description="the drill device's own, where the broker asks; else that of [mqtt]")
    password_file: str | None = Field(None, description="a file with nothing but its password; relative to this file")


def read(reader: Reader, base: Path) -> Drill:
    """Without the table no small drills go on by themselves; large ones can always be asked for."""
    section = reader.table("drill", DrillSection)
    if section is None:
        return Drill()
    password = ""
    if (section.username is None) != (section.password_file is None):
        reader.wrong(("drill",), "drill", "username and password_file belong together")
    if section.password_file is not None:
        try:
            password = (base / section.password_file).read_text("utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            reader.wrong(("drill", "password_file"), "drill", f'the file "{section.password_file}" cannot be read: {reason}')
    every = section.every / 1000 if "drill" in reader.data else None
    return Drill(every, section.wait / 1000, section.username or "", password)
