"""Names of notes, spelled as the key asks: sharps in sharp keys, flats in flat ones."""

SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLATS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
USUAL = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
"""For notes outside any key."""

_FLAT_MAJORS = {0, 5, 10, 3, 8, 1}  # C (where borrowed notes are rather flat), F, Bb, Eb, Ab, Db


def names_in(key: int | None) -> tuple[str, ...]:
    """Names of the twelve pitch classes in a key: 0..11 major from C, 12..23 minor; None: no key."""
    if key is None:
        return USUAL
    major = key if key < 12 else (key - 12 + 3) % 12  # of the same signature
    return FLATS if major in _FLAT_MAJORS else SHARPS


def key_name(key: int) -> str:
    """`A minor`, `Eb major`."""
    return f"{names_in(key)[key % 12]} {'minor' if key >= 12 else 'major'}"


def pitch_class(name: str) -> int:
    """0..11 of a name in either spelling."""
    return next(names.index(name) for names in (SHARPS, FLATS) if name in names)
