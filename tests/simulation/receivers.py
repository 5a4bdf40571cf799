"""Those who are told, and the ways in which telling them goes wrong."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import ClassVar

from hub.model import Notice
from hub.ports import NotSent
from hub.said import quoted


class Receiver:
    """A notifier with the receiver behind it. ``heard`` is called when the receiver has it, whatever it answers.

    Moods: good; refuses; hangs until its own timeout; raises what nobody expects; late: takes it at once, answers after up to
    half a minute; answers_wrongly: takes it, and says that it has not.
    """

    kind: ClassVar[str] = "simulated"
    concurrency = 2

    def __init__(self, id: str, random: Random, heard: Callable[[str, Notice], None]) -> None:
        self.id = id
        self.mood = "good"
        self._random = random
        self._heard = heard

    async def send(self, notice: Notice) -> None:
        mood = self.mood
        await asyncio.sleep(self._random.uniform(0.001, 0.05))
        match mood:
            case "refuses":
                raise NotSent(quoted("503"), retry_after=self._random.choice((None, 5.0)))
            case "hangs":
                await asyncio.sleep(30)
                raise NotSent(quoted("no answer within 30 s"))
            case "raises":
                raise ZeroDivisionError("a fault of our own")
        self._heard(self.id, notice)
        if mood == "late":
            await asyncio.sleep(self._random.uniform(1, 30))
        elif mood == "answers_wrongly":
            raise NotSent(quoted("the answer was cut off"))

    async def close(self) -> None: ...
