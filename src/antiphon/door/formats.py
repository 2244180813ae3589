"""The formats in which sound can be had."""

from __future__ import annotations

from antiphon.audio import FORMATS


def media_types() -> dict[str, str]:
    """The media type of each format by its name."""
    return {name: form.media_type for name, form in FORMATS.items()}
