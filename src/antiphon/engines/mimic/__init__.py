"""mimic: the cloner made of what is there, until a generator trained for it takes its place (docs/cloning.md)."""

from antiphon.engines.mimic.engine import MimicEngine

__all__ = ["MimicEngine"]
