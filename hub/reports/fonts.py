"""A font of the system that has Chinese letters, for printed reports."""

import subprocess
from functools import cache
from pathlib import Path

from msgspec import Struct


class NoFont(Exception):
    """No font with Chinese letters is installed."""

    def __init__(self) -> None:
        super().__init__("there is no font with Chinese letters on this machine: install one, such as Debian's fonts-noto-cjk")


class Font(Struct, frozen=True):
    """``number``: its place in a collection (.ttc)."""

    path: Path
    number: int = 0


_KNOWN = (
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-{}.ttc", 2),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-{}.ttc", 2),
    ("/usr/share/fonts/google-noto-cjk/NotoSansCJK-{}.ttc", 2),
)
_SAMPLE = "云能源电价业主度"


@cache
def chinese(bold: bool = False) -> Font:
    """The regular or the bold one. Raises NoFont."""
    for pattern, number in _KNOWN:
        path = Path(pattern.format("Bold" if bold else "Regular"))
        if path.is_file():
            return Font(path, number)
    for font in _asked("sans:bold:lang=zh-cn" if bold else "sans:lang=zh-cn"):
        if all(ord(char) in letters(font) for char in _SAMPLE):
            return font
    if bold:
        return chinese()
    raise NoFont


@cache
def letters(font: Font) -> frozenset[int]:
    """The characters it has."""
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    with TTFont(font.path, fontNumber=font.number, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


def _asked(wanted: str) -> list[Font]:
    """fontconfig's answer, where there is one; only formats that can be embedded."""
    try:
        said = subprocess.run(
            ["fc-match", "-f", "%{file}|%{index}", wanted], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    path, _, index = said.partition("|")
    if Path(path).suffix.lower() not in (".ttf", ".otf", ".ttc", ".otc") or not Path(path).is_file():
        return []
    return [Font(Path(path), int(index or 0) & 0xFFFF)]
