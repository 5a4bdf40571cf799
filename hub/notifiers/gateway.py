"""SMS and voice through whatever gateway a site has: the request is a template."""

import base64
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import quote

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError
from pydantic import Field, JsonValue, field_validator, model_validator

from hub.model import Notice
from hub.notifiers.http import Poster
from hub.notifiers.plain import one_line
from hub.notifiers.webhook import http_url
from hub.notifiers.words import PLACEHOLDERS, Spoken, Words, check_template, filled
from hub.ports import NotSent
from hub.said import sentence

KNOWN = (*PLACEHOLDERS, "secret", "basic")


class GatewaySettings(Spoken):
    """The request that reaches the gateway. Everywhere in it placeholders may stand: {phone}, {text}, {id}, {secret} …"""

    url: str = Field(description="where to, http:// or https://; placeholders are escaped")
    method: Literal["POST", "GET", "PUT"] = Field("POST", description="of the request")
    headers: dict[str, str] = Field({}, description='such as { Authorization = "Bearer {secret}" }')
    form: dict[str, str] = Field({}, description="a body as forms send it; or json")
    json_: dict[str, JsonValue] = Field({}, alias="json", description="a body as JSON; or form")
    secret_file: str | None = Field(None, description="a file with what {secret} stands for; relative to this file")
    username: str = Field("", description='with the secret makes {basic}: Authorization = "Basic {basic}"')
    success: str = Field("", description="JMESPath over the JSON answer that must hold besides 2xx: \"Code == 'OK'\"")
    phones: tuple[str, ...] = Field((), description="who gets what is told to no person in particular")

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        return check_template(http_url(url), KNOWN)

    @field_validator("headers", "form")
    @classmethod
    def _templates(cls, given: dict[str, str]) -> dict[str, str]:
        for text in given.values():
            check_template(text, KNOWN)
        return given

    @field_validator("json_")
    @classmethod
    def _inner_templates(cls, given: dict[str, JsonValue]) -> dict[str, JsonValue]:
        replaced(given, lambda text: check_template(text, KNOWN))
        return given

    @field_validator("success")
    @classmethod
    def _compiles(cls, given: str) -> str:
        try:
            if given:
                jmespath.compile(given)
        except JMESPathError as error:
            raise ValueError(f"this is no JMESPath: {one_line(str(error))}") from None
        return given

    @model_validator(mode="after")
    def _one_body(self) -> "GatewaySettings":
        if self.form and self.json_:
            raise ValueError("there is a form and a json: keep one of the two")
        return self


def replaced(value: Any, how: Any) -> Any:
    """The value with every text in it replaced."""
    if isinstance(value, str):
        return how(value)
    if isinstance(value, dict):
        return {key: replaced(inner, how) for key, inner in value.items()}
    if isinstance(value, list):
        return [replaced(inner, how) for inner in value]
    return value


class Gateway:
    """What SMS and voice share; ``spoken`` texts carry no link and no signs."""

    concurrency = 2
    spoken = False

    def __init__(self, settings: GatewaySettings, words: Words) -> None:
        self.settings = settings
        self._words = words
        self._secret = Path(settings.secret_file).read_text("utf-8").strip() if settings.secret_file else ""
        self._poster = Poster(settings.url.partition("?")[0], settings.timeout)
        self._success = jmespath.compile(settings.success) if settings.success else None

    async def send(self, notice: Notice) -> None:
        phone = notice.to.get("phone", "")
        if notice.person and not phone:
            raise NotSent(sentence("no_telephone", person=notice.person), final=True)
        phones = [phone] if notice.person else self.settings.phones
        if not phones:
            raise NotSent(sentence("nobody_to_reach", key="phones"), final=True)
        text = self._words.say(notice, self.settings.templates)
        for each in phones:
            fields = dict(text.fields)
            fields |= {"phone": _digits(each), "secret": self._secret}
            fields["basic"] = base64.b64encode(f"{self.settings.username}:{self._secret}".encode()).decode()
            if self.spoken and not text.own:
                fields["text"] = "。".join(part for part in (text.title.replace("·", "，"), fields["value"]) if part)
            await self._one(fields)

    async def _one(self, fields: dict[str, str]) -> None:
        settings = self.settings
        how: dict[str, Any] = {"headers": {name: filled(text, fields) for name, text in settings.headers.items()}}
        if settings.form:
            how["data"] = {name: filled(text, fields) for name, text in settings.form.items()}
        elif settings.json_:
            how["json"] = replaced(settings.json_, lambda text: filled(text, fields))
        answer = await self._poster.post(settings.method, filled(settings.url, fields, lambda text: quote(text, safe="")), **how)
        if self._success is None:
            return
        try:
            found = msgspec.json.decode(answer)
        except msgspec.DecodeError as error:
            raise NotSent(sentence("gateway_no_json")) from error
        if not self._success.search(found):
            why = one_line(answer.decode("utf-8", "replace"))
            raise NotSent(sentence("not_taken_because", name=sentence("the_gateway"), why=why))

    async def close(self) -> None:
        await self._poster.close()


def _digits(phone: str) -> str:
    """+ and digits alone, as gateways want them."""
    return "".join(sign for sign in phone if sign.isdigit() or sign == "+")


class Sms(Gateway):
    """Text messages through a gateway of yours: the request is written here, the person's ``phone`` and the text put in.

        [[notifier]]
        id = "sms"
        kind = "sms"
        url = "https://sms.example.org/v1/messages"
        headers = { Authorization = "Bearer {secret}" }
        secret_file = "sms-key"
        json = { to = "{phone}", text = "{text}", reference = "{id}" }
        success = "status == 'queued'"

    ``form`` instead of ``json`` for gateways that want forms. ``{id}`` is the notice's id: a gateway that keeps it can tell a
    repeated request from a second message. A 2xx whose answer fulfils ``success`` means accepted.
    """

    kind: ClassVar[str] = "sms"

    class Settings(GatewaySettings):
        pass


class Voice(Gateway):
    """Calls through a gateway of yours that reads a text aloud; configured as kind ``sms`` is.

        [[notifier]]
        id = "voice"
        kind = "voice"
        url = "https://voice.example.org/calls"
        form = { callee = "{phone}", tts = "{text}" }
        at_least = "critical"

    The text is short and has no link. A call that was taken is accepted, not acknowledged: that a person must do.
    """

    kind: ClassVar[str] = "voice"
    spoken = True

    class Settings(GatewaySettings):
        pass
