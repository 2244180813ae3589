"""Every registered speech engine does what the contract says. Test your own with `conformance.failures(engine)`."""

import functools

import pytest

from antiphon import engines
from antiphon.engines import conformance
from antiphon.services import Service

SPEAKERS = [name for name in engines.names() if engines.load(name).capabilities.service is Service.SPEECH]
VOICES = {"hibari": "hibari", "kokoro": "af_heart", "espeak": "espeak-en-us"}


@functools.cache
def _subject(name: str) -> conformance.Subject:
    return conformance.Subject(engines.load(name), voice=VOICES.get(name))


@pytest.mark.slow
@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", SPEAKERS)
def test_engine_conforms(name: str, check: conformance.Check) -> None:
    check(_subject(name))
