"""What a command's own nodes will need is loaded while the rest is still being read and joined."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from antiphon.door.settings import Settings


def warm_up(settings: Settings, *, voice: str = "", engine: str = "") -> None:
    """Begin to load the engine of a voice, built in or the user's own, or the one named. Not where the work may be done
    elsewhere. What fails here fails again for whoever needs it, and is told then."""
    if not settings.ledger:
        threading.Thread(target=_load, args=(settings, voice, engine), name="warm-up", daemon=True).start()


def _load(settings: Settings, voice: str, engine: str) -> None:
    with contextlib.suppress(Exception):
        from antiphon.engines import registry
        from antiphon.network import homes

        if not homes.served_at(settings.home):
            begin = getattr(registry.load(engine or _engine_of(settings, voice)), "warm_up", None)
            if begin is not None:
                begin()


def _engine_of(settings: Settings, voice: str) -> str:
    from antiphon.client.voice_store import VoiceStore
    from antiphon.door.reference import names_in
    from antiphon.engines import registry

    store = VoiceStore(settings.home)
    own = set(store.names()).intersection(names_in(voice))
    return store.load(own.pop()).profile.engine if own else registry.engine_for(voice)
