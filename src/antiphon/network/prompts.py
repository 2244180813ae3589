"""Synthetic prompts: validators' own requests, so that every node is scored even when no client calls.

The embedded source is a grammar whose sentences are numbered by a counter: it never runs dry and cannot repeat within
its period. An OpenAI-compatible chat API may supply prompts instead; on any failure the grammar takes over at once.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import OrderedDict
from collections.abc import Sequence
from http import HTTPStatus
from typing import Protocol

import aiohttp

from antiphon.errors import AntiphonError, UnavailableError
from antiphon.protocol import Secret

log = logging.getLogger("antiphon.nodes")

MAX_PROMPT_CHARS = 256
"""BittAudio's limit for a prompt."""
API_TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 64 * 1024
REMEMBERED_PROMPTS = 100_000

_TIMES = (
    "This morning", "Late last night", "On Tuesday afternoon", "Shortly before noon", "After the long winter",
    "At the end of the month", "While the kettle boiled", "During the second week", "Just after sunset",
    "Before the first train", "In the middle of the storm", "A few years ago", "Once the rain had stopped",
    "Early in the spring", "When the lights came back", "On the last day of school", "Around four o'clock",
    "As the market opened", "Long after midnight", "By the time we arrived", "Between two meetings",
    "On a quiet Sunday", "Half an hour later",
)  # fmt: skip
_WHO = (
    "the old carpenter", "my younger sister", "a retired pilot", "the night nurse", "our new neighbour",
    "a team of students", "the village baker", "an honest mechanic", "the lighthouse keeper", "a travelling musician",
    "the chief engineer", "a patient teacher", "the museum guide", "two curious children", "the ferry captain",
    "a young botanist", "the radio operator", "an amateur astronomer", "the head gardener", "a careful librarian",
    "the bicycle courier", "a local reporter", "the orchestra's drummer", "a marine biologist", "the watchmaker",
    "a wedding photographer", "the mountain guide", "an apprentice cook", "the harbour pilot",
)  # fmt: skip
_DID = (
    "repaired", "carefully measured", "described", "finally found", "borrowed", "painted", "quietly returned",
    "photographed", "catalogued", "rebuilt", "explained", "sold", "inspected", "traced the history of",
    "wrote a letter about", "forgot", "polished", "drew a map of", "asked about", "gave away", "weighed",
    "restored", "compared", "listened to", "carried home", "hid", "dreamed about", "studied", "improved",
    "took apart", "delivered",
)  # fmt: skip
_WHAT = (
    "a broken wooden clock", "the second edition of the atlas", "thirty copper pipes", "an unusual silver coin",
    "the garden's oldest pear tree", "a box of yellow postcards", "the bridge across the canal", "a small brass bell",
    "the missing chapter", "a bright green kite", "four jars of plum jam", "the town's weather records",
    "an abandoned railway station", "a telescope with a cracked lens", "the shape of the coastline",
    "a song without any words", "the price of winter coal", "an empty fishing boat", "the laboratory's spare key",
    "a field full of poppies", "the blueprint of the theatre", "a collection of smooth stones",
    "the sound of distant thunder", "a recipe for rye bread", "the mayor's unfinished speech",
    "a pair of leather boots",
    "the colour of the evening sky", "an antique violin", "the number of empty seats", "a narrow mountain path",
    "the engine of a small truck", "a handful of sunflower seeds", "the rules of an ancient game",
    "a cracked porcelain vase", "the longest ladder in the barn", "a friendly grey cat", "the library's reading room",
)  # fmt: skip
_WHY = (
    "because nobody else would", "and told the whole street about it", "before the council could object",
    "without saying a word", "for less than ten dollars", "in front of a large crowd", "and was back by supper",
    "to win an old bet", "with surprising patience", "although the instructions were lost", "just for the fun of it",
    "while everyone else was asleep", "and kept the receipt", "as a gift for a friend", "using only a pocket knife",
    "until the batteries ran out", "despite the heavy snow", "and nobody noticed", "under a flickering lamp",
    "so that the children could see it", "with the radio playing", "and then did it again",
    "to settle the question for good", "instead of going to work", "on the advice of a stranger",
    "after reading about it in the paper", "with both hands full", "and smiled", "in spite of the noise",
    "as if it were the easiest thing in the world", "one piece at a time", "and wrote down every step",
    "for the third time that week", "on behalf of the whole village", "because the weather was fine",
    "and felt much better afterwards", "in the shade of the church", "by the light of a candle",
    "for reasons of their own", "and locked the door", "although it was getting late",
)  # fmt: skip
_SLOTS: tuple[Sequence[str], ...] = (_TIMES, _WHO, _DID, _WHAT, _WHY)


class PromptSource(Protocol):
    """Where a validator's own prompts come from."""

    async def next(self) -> str:
        """A prompt of at most 256 characters that this source has not given before."""


class GrammarPrompts:
    """One sentence per number, in an order shuffled by the seed; the period is the product of the slots: 31 million."""

    period = len(_TIMES) * len(_WHO) * len(_DID) * len(_WHAT) * len(_WHY)

    def __init__(self, seed: str, start: int = 0) -> None:
        digest = hashlib.sha256(seed.encode()).digest()
        self._offset = int.from_bytes(digest[:8], "big") % self.period
        stride = int.from_bytes(digest[8:16], "big") % self.period
        while any(stride % len(slot) == 0 for slot in _SLOTS) or stride == 0:
            stride += 1
        self._stride = stride  # coprime to the period, since the slots' sizes are distinct primes
        self.count = start

    async def next(self) -> str:
        sentence = self.sentence((self._offset + self.count * self._stride) % self.period)
        self.count += 1
        return sentence

    @staticmethod
    def sentence(number: int) -> str:
        """The sentence of one number: its digits in the mixed radix of the slots."""
        words = []
        for slot in _SLOTS:
            number, digit = divmod(number, len(slot))
            words.append(slot[digit])
        when, who, did, what, why = words
        return f"{when}, {who} {did} {what} {why}."


class ApiPrompts:
    """Prompts from an OpenAI-compatible chat API, with the grammar behind it: this source never fails."""

    def __init__(
        self, url: str, key: Secret | None, model: str, fallback: PromptSource, *, timeout_s: float = API_TIMEOUT_S
    ) -> None:
        self._url = url.rstrip("/") + "/chat/completions"
        self._key = key
        self._model = model
        self._fallback = fallback
        self._timeout_s = timeout_s
        self._given: OrderedDict[bytes, None] = OrderedDict()

    async def next(self) -> str:
        try:
            prompt = await self._ask()
            if self._is_new(prompt):
                return prompt
            log.info("the prompt API repeats itself; using the grammar")
        except AntiphonError as error:
            log.info("%s", error)
        return await self._fallback.next()

    def _is_new(self, prompt: str) -> bool:
        digest = hashlib.sha256(prompt.casefold().encode()).digest()[:8]
        if digest in self._given:
            return False
        self._given[digest] = None
        if len(self._given) > REMEMBERED_PROMPTS:
            self._given.popitem(last=False)
        return True

    async def _ask(self) -> str:
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": "Write one natural English sentence of 10 to 30 words."}],
            "temperature": 1.0,
        }
        try:
            answer = json.loads(await self._post(body))
            content = answer["choices"][0]["message"]["content"]
        except (aiohttp.ClientError, OSError, ValueError, KeyError, IndexError, TypeError) as e:
            # Only the class: an error's own words may hold parts of the request.
            raise UnavailableError(f"The prompt API failed ({type(e).__name__})", "Using the embedded prompts.") from e
        prompt = " ".join(content.split()).strip('"') if isinstance(content, str) else ""
        if not 1 <= len(prompt) <= MAX_PROMPT_CHARS or not prompt.isprintable():
            raise UnavailableError("The prompt API gave no usable sentence", "Using the embedded prompts.")
        return prompt

    async def _post(self, body: object) -> bytes:
        """The answer's bytes, within limits of size and time; a redirect is an error, for the key goes nowhere else."""
        headers = {"Authorization": f"Bearer {self._key.reveal().decode()}"} if self._key else {}
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.post(self._url, json=body, allow_redirects=False) as answer,
        ):
            if answer.status != HTTPStatus.OK:
                raise UnavailableError(f"The prompt API answered HTTP {answer.status}", "Using the embedded prompts.")
            raw = bytearray()
            async for piece in answer.content.iter_chunked(8192):
                raw += piece
                if len(raw) > MAX_ANSWER_BYTES:
                    raise UnavailableError("The prompt API's answer is too large", "Using the embedded prompts.")
            return bytes(raw)
