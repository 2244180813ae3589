"""soundstorm: our own parallel generator. Speech in its own voices, and in any voice that was enrolled."""

from antiphon.engines.soundstorm.engine import SoundStormEngine

__all__ = ["SoundStormEngine"]
