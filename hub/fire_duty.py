"""Duty checks (查岗) of GB/T 26875.3-2011: is somebody at the fire alarm device, and how soon does he answer?

The centre sends command 1 with data of type 91; the device confirms, sounds, and when its button is pressed sends an operation
with bit 5. The question is repeated until it is confirmed, three times at most (6.5).
"""

import asyncio
from collections.abc import Callable

from adapters.gb26875_frame import CONFIRM, CONTROL, DENY, DUTY_ANSWERED, DUTY_CHECK, OPERATION, SEND, Frame
from hub.said import Said, sentence

TRIES, CONFIRM_WITHIN = 3, 10.0


class DutyFailed(Exception):
    """A duty check that was not answered; the sentence says why."""

    def __init__(self, why: Said) -> None:
        super().__init__(why)


class Duty:
    """One question on its way."""

    def __init__(self, question: Frame, begun: float) -> None:
        self.question = question
        self.begun = begun
        loop = asyncio.get_running_loop()
        self.heard: asyncio.Future[int] = loop.create_future()  # CONFIRM or DENY
        self.answered: asyncio.Future[float] = loop.create_future()  # when, on the monotonic clock


class DutyChecks:
    """``send`` carries a question to its device, if that is connected. One question a device at a time."""

    def __init__(self, send: Callable[[Frame], None], monotonic: Callable[[], float], confirm_within: float) -> None:
        self._send = send
        self._monotonic = monotonic
        self._confirm_within = confirm_within
        self._open: dict[bytes, Duty] = {}
        self._serial = 0

    def begin(self, centre: bytes, device: bytes, time: bytes, within: float) -> Duty:
        """A new question; raises DutyFailed if one is open. The data byte is reserved; makers read it as the minutes allowed."""
        if device in self._open:
            raise DutyFailed(sentence("duty_asked", name=device.hex()))
        self._serial = self._serial % 0xFFFF + 1
        minutes = min(max(round(within / 60), 1), 255)
        question = Frame(self._serial, CONTROL, centre, device, bytes([DUTY_CHECK, 1, minutes]), time)
        duty = self._open[device] = Duty(question, self._monotonic())
        return duty

    def hear(self, frame: Frame) -> None:
        """Looks whether a packet from a device answers its question."""
        duty = self._open.get(frame.source)
        if duty is None:
            return
        if frame.command in (CONFIRM, DENY):
            if frame.serial == duty.question.serial and not duty.heard.done():
                duty.heard.set_result(frame.command)
        elif frame.command == SEND and _answers(frame.data) and not duty.answered.done():
            duty.answered.set_result(self._monotonic())

    async def answer(self, duty: Duty, within: float) -> float:
        """The seconds until somebody answered. Raises DutyFailed."""
        name = duty.question.target.hex()
        try:
            await self._ask(duty, name)
            async with asyncio.timeout(within - (self._monotonic() - duty.begun)):
                return await duty.answered - duty.begun
        except TimeoutError:
            raise DutyFailed(sentence("duty_unanswered", name=name, seconds=within)) from None
        finally:
            del self._open[duty.question.target]

    async def _ask(self, duty: Duty, name: str) -> None:
        waits = (duty.heard, duty.answered)
        for _ in range(TRIES):
            self._send(duty.question)
            done, _ = await asyncio.wait(waits, timeout=self._confirm_within, return_when=asyncio.FIRST_COMPLETED)
            if duty.heard in done and duty.heard.result() == DENY:
                raise DutyFailed(sentence("duty_denied", name=name))
            if done:
                return
        raise DutyFailed(sentence("duty_unconfirmed", name=name))


def _answers(data: bytes) -> bool:
    """Whether one of the operations is the answer; each is two bytes, with or without six of time."""
    count = data[1] if len(data) >= 4 and data[0] == OPERATION else 0
    step = (len(data) - 2) // count if count else 0
    return step > 0 and any(done & DUTY_ANSWERED for done in data[2::step])
