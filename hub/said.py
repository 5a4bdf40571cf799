"""What the hub says to people, in English and Chinese: a sentence of ``hub.sentences`` with what it is about filled in."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from hub.sentences import SENTENCES

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
_BETWEEN: Mapping[Language, str] = {"en": "; ", "zh": "；"}


class Said(Struct, frozen=True):
    """``code`` names the sentence for programs; "" where it is what somebody else said, word for word. As text it is English."""

    code: str
    en: str
    zh: str

    def __str__(self) -> str:
        return self.en

    def speak(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


def sentence(code: str, /, **about: Any) -> Said:
    """``about`` may hold other sentences, and lists of them. Raises KeyError for a sentence or a word that is not there."""
    en, zh = SENTENCES[code]
    return Said(code, en.format_map(_spoken(about, "en")), zh.format_map(_spoken(about, "zh")))


def quoted(text: str) -> Said:
    """What somebody else said, in the one language he said it in."""
    return Said("", text, text)


_pack = msgspec.json.Encoder().encode
_said = msgspec.json.Decoder(Said).decode


def packed(said: Said) -> str:
    """As one text, for a record; ``unpacked`` reads it, and what was written in one language only."""
    return _pack(said).decode()


def unpacked(text: str) -> Said:
    try:
        return _said(text)
    except msgspec.DecodeError:
        return quoted(text)


def said_by(error: BaseException) -> Said:
    """The sentence an error was raised with."""
    first = error.args[0] if error.args else ""
    return first if isinstance(first, Said) else quoted(str(error))


LINK = "link"
"""Who acknowledged by a link that was sent to no person in particular: this, or this, a colon and the channel."""


def named(by: str, people: Mapping[str, str]) -> Said:
    """Who did something: a person by id, or as he called himself, or somebody of a channel. ``people``: names by id."""
    kind, colon, channel = by.partition(":")
    if kind == LINK and by not in people:
        return sentence("somebody_in", channel=channel) if colon else sentence("somebody_told")
    return quoted(people.get(by, by))


def wanted(accept: str) -> Language:
    """The language of an Accept-Language (RFC 9110, 12.5.4): the one of ours that is wanted most; English where neither is."""
    weighed: list[tuple[float, Language]] = []
    for one in accept.split(","):
        tag, _, more = one.partition(";")
        language = next((known for known in LANGUAGES if tag.strip().lower().partition("-")[0] == known), None)
        try:
            weight = float(more.partition("=")[2] or 1)
        except ValueError:
            weight = 0.0
        if language is not None and weight > 0:
            weighed.append((weight, language))
    return max(weighed, key=lambda found: found[0])[1] if weighed else "en"


def _spoken(about: Mapping[str, Any], language: Language) -> dict[str, Any]:
    return {name: _in(value, language) for name, value in about.items()}


def _in(value: Any, language: Language) -> Any:
    if isinstance(value, Said):
        return value.speak(language)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _BETWEEN[language].join(str(_in(one, language)) for one in value)
    return value
