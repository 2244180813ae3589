"""Music by people that Ruby may learn from: Debian packages, what of each is taken, by whom, and under which licence.

A package whose licence forbids commercial use, or does not say what may be done with its music, is not here. The
corpus of music21 is left out: its encodings are partly non-commercial and mostly without a stated licence. `words`
describe the music of a package; the rest of a piece's sidecar is measured.

The weights are under GPL-3.0-or-later. Whatever is learnt from is under a licence whose works may be part of one under
that: not GPL-2.0-only and not Artistic-1.0, of which there may be test pieces alone. simutrans-data, madbomber-data,
gl-117-data and most of openttd-openmsx are out for that; the weights so far had learnt from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

WITH_GPL_3 = frozenset({
    "GPL-2.0-or-later", "GPL-3.0-or-later", "LGPL-2.0", "LGPL-2.1",
    "BSD-2-Clause", "Zlib", "CC-BY-4.0", "public domain",
})  # fmt: skip
"""Licences whose works may be part of one under GPL-3.0-or-later, as the FSF's list of licences has it."""


@dataclass(frozen=True)
class Source:
    package: str
    licence: str
    words: tuple[str, ...]
    composer: str = ""  # empty: several; then each piece's file name stands for it
    test: bool = False  # all of it is kept apart
    only: tuple[str, ...] = ()  # parts of file names; empty: all
    without: tuple[str, ...] = ()
    composers: dict[str, str] = field(default_factory=dict)  # part of a file name -> who

    def __post_init__(self) -> None:
        if not self.test and self.licence not in WITH_GPL_3:
            raise ValueError(
                f"{self.package} is under {self.licence}, which goes with no weights under GPL-3.0-or-later"
            )


SOURCES = (
    Source(
        "openttd-openmsx", "GPL-2.0-only", ("jazz and blues for a game of railways", "easy listening swing"),
        composers={"redfarn": "Jim Redfarn"}, only=("redfarn",), test=True,
    ),
    Source("planetblupi-music-midi", "GPL-3.0-or-later", ("playful music for a children's game",), "planetblupi"),
    Source("mma", "GPL-2.0-or-later", ("band accompaniment", "backing band playing a song"), "Bob van der Poel",
           without=("tests", "volume", "midinote", "macros", "trunc", "truncate", "fretnoise", "scales", "tempo")),
    Source("pianobooster", "CC-BY-4.0", ("a well-known song for piano learners",), "Louis J. Barman",
           without=("StartWith", "UpAnd", "DownAnd", "ChordOf")),
    Source("freedink-data", "Zlib", ("music for a fantasy adventure game",), "Dink Smallwood", test=True,
           only=("1003", "/2.mid", "dance", "insper", "lively", "love")),
    Source("heroes-sound-tracks", "GPL-2.0-or-later", ("tracker music for an arcade game", "electronic demo scene"),
           "heroes"),
    Source("tecnoballz-data", "GPL-3.0-or-later", ("amiga arcade game music", "fast techno module"), "tecnoballz"),
    Source("circuslinux-data", "GPL-2.0-or-later", ("circus music",), "circuslinux"),
    Source("ri-li-data", "GPL-2.0-or-later", ("toy train music",), "ri-li"),
    Source("gltron", "GPL-2.0-or-later", ("electronic music for a light cycle race",), "gltron"),
    Source("criticalmass-data", "GPL-2.0-or-later", ("shoot 'em up music",), "criticalmass"),
    Source("monsterz-data", "public domain", ("puzzle game music",), "MenTaLguY", only=("music.s3m",)),
    Source("ironseed-data", "GPL-3.0-or-later", ("space adventure music", "science fiction game"), "ironseed"),
    Source("pingus-data", "GPL-2.0-or-later", ("playful penguin game music", "puzzle game tune")),
    Source("pekka-kana-2-data", "BSD-2-Clause", ("platform game music", "cheerful rooster hero"), "pekka-kana-2"),
    Source("freedroid-data", "GPL-2.0-or-later", ("robot arcade game music",), "freedroid"),
    Source("rafkill-data", "LGPL-2.0", ("space shooter music",), "rafkill", test=True),
    Source("pachi-data", "GPL-2.0-or-later", ("martian platform game music",), "pachi"),
    Source("biniax2-data", "Zlib", ("logic puzzle game music",), "biniax2"),
    Source("open-invaders-data", "GPL-2.0-or-later", ("space invaders music",), "open-invaders"),
    Source("bomberclone-data", "GPL-2.0-only", ("bomber game music",), "bomberclone", test=True),
    Source("bb", "GPL-2.0-or-later", ("demo scene music",), "bb"),
    Source("rockdodger", "GPL-2.0-or-later", ("space rock music",), "rockdodger"),
    Source("flobopuyo", "GPL-2.0-or-later", ("puzzle game music",), "flobopuyo"),
    Source("vodovod", "GPL-2.0-or-later", ("puzzle game music",), "vodovod"),
    Source("solarwolf", "LGPL-2.1", ("fast space action music",), "solarwolf"),
)  # fmt: skip

REDFARN = "Jim Redfarn"
"""Kept apart with all that is his: the test of jazz by somebody whom Ruby never met."""
