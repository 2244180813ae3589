"""POST /v1/audio/music: a description in."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from antiphon import Compose, Mode
from antiphon.gateway.errors import ApiError
from antiphon.gateway.sound import check_format

MAX_SECONDS = 600


class MusicRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body. `seconds` None: what the prompt says, or 30. `loop`: the end leads into the beginning. `seed` None:
    a new piece each time."""

    prompt: str
    seconds: Annotated[float, msgspec.Meta(gt=0, le=MAX_SECONDS)] | None = None
    loop: bool = False
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    response_format: str = "mp3"
    mode: Literal["stream", "verified"] = "stream"

    def order(self) -> Compose:
        """The order. Raises `ApiError` for what nobody can make."""
        if not self.prompt.strip():
            raise ApiError(400, "empty_input", "There is no prompt. Describe the music.", param="prompt")
        check_format(self.response_format)
        return Compose(prompt=self.prompt, seconds=self.seconds, loop=self.loop, seed=self.seed, mode=Mode(self.mode))
