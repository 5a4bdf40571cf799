"""Text on its way out: names come from devices and people, and each channel has its own ways to be misled by them.

What is kept is never changed; only what leaves is.
"""

import html
import unicodedata

_CHAT = str.maketrans({"<": "＜", ">": "＞", "@": "＠", "[": "［", "]": "］", "`": "ˋ"})
"""What chat services read as a mention, a tag or a link, by its full-width twin: ``<at user_id="all">`` must ring nobody."""


def one_line(text: str, longest: int = 200) -> str:
    """One visible line: line breaks and tabs are blanks; control, override and invisible format characters are left out."""
    kept = (" " if sign.isspace() else sign for sign in text if sign.isspace() or unicodedata.category(sign)[0] != "C")
    line = " ".join("".join(kept).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def chat(text: str) -> str:
    """For services that read markup in what they are given."""
    return text.translate(_CHAT)


def markup(text: str) -> str:
    """For HTML; line breaks stay line breaks."""
    return html.escape(text, quote=True).replace("\n", "<br>\n")
