"""The language in which somebody wants to be answered: what the page says it speaks, or the browser."""

from typing import Annotated

from fastapi import Depends, Request

from hub.said import Language, wanted


def asked(request: Request) -> Language:
    return wanted(request.headers.get("accept-language", ""))


Wanted = Annotated[Language, Depends(asked)]
