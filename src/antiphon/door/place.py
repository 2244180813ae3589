"""What every network for programs has: where it lives, and the voices of that place."""

from __future__ import annotations

from pathlib import Path

from antiphon.client.voice_store import VoiceStore
from antiphon.door.ordering import check_paths, check_words
from antiphon.door.settings import Settings, default_home
from antiphon.engines import registry
from antiphon.engines.base import Voice
from antiphon.services import Service


class Place:
    """`home`: the data folder; by default this user's. `ledger`: the URL of a network to join; by default the one that
    the data folder serves, else one that runs in this process, which the first use creates. `ledger_id`: which ledger
    it must be; by default the one that answered there first. `private_nodes`: whether nodes at private addresses may be
    asked; by default, if the ledger's own is one. `profile`: how validators that run here judge.
    """

    def __init__(
        self,
        home: str | Path | None = None,
        *,
        ledger: str | None = None,
        ledger_id: str | None = None,
        private_nodes: bool | None = None,
        profile: str = "antiphon",
    ) -> None:
        check_paths(home=home)
        check_words(profile=profile, ledger=ledger or "", ledger_id=ledger_id or "")
        place = default_home() if home is None else Path(home)
        self._settings = Settings(place, ledger, profile, ledger_id, private_nodes)

    @property
    def home(self) -> Path:
        """The data folder: keys, receipts, voices, and the ledger of a network of one's own."""
        return self._settings.home

    def voices(self, language: str = "", engine: str = "") -> tuple[Voice, ...]:
        """The voices that are built in; `language` en matches en-us. Those of one's own: `own_voices`."""
        check_words(language=language, engine=engine)
        wanted = f"{language.casefold()}-"
        return tuple(
            voice
            for voice in registry.all_voices()
            if (not engine or voice.engine == engine)
            and (not language or f"{voice.language.casefold()}-".startswith(wanted))
        )

    def cloners(self) -> tuple[str, ...]:
        """Names of the installed engines that learn voices."""
        able = registry.installed().capabilities()
        return tuple(name for name, one in able.items() if Service.CLONE in one.services)

    def own_voices(self) -> tuple[str, ...]:
        """Names of the voices that were added in this data folder."""
        return VoiceStore(self.home).names()

    def delete_voice(self, name: str) -> None:
        """Delete one of them, and what was learnt. Raises `InputError` where there is none."""
        VoiceStore(self.home).delete(name)
