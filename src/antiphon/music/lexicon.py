"""Words that say something about music, as people write them, and what each says.

A word may name a style, a mood, and levels 0..1 of energy, brightness and density, and a range of tempo. Words are
single spelling (lower case, no plural s); phrases of up to three words are looked up before their words.
"""

from __future__ import annotations

import msgspec


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What words can say about music; None = nothing."""

    style: str | None = None
    mood: str | None = None
    energy: float | None = None
    brightness: float | None = None
    density: float | None = None
    dynamics: str | None = None
    tempo_range_bpm: tuple[float, float] | None = None


class Sense(Meaning, frozen=True, kw_only=True):
    """What one word or phrase says."""

    exact: bool = True  # False: a genre we do not have, played as the nearest style


STYLE_WORDS: dict[str, str] = {
    "boss": "boss; boss fight; boss battle; final boss; battle; fight; fighting; combat; duel; showdown; encounter",
    "dungeon": "dungeon; cave; cavern; crypt; catacomb; sewer; underground; labyrinth; maze; mine; ruin; temple",
    "adventure": "adventure; overworld; quest; journey; exploration; exploring; platformer; field; world map; voyage; "
    "farm; village; town; forest; beach; desert; meadow; "
    "jump and run; hike; travel",
    "title": "title; title screen; main theme; theme song; opening; main menu; menu; intro screen; credits; anthem",
    "lounge": "shop; store; lounge; cafe; elevator; elevator music; casino; easy listening; groove",
    "waltz": "waltz; viennese waltz; ballroom; minuet",
    "lullaby": "lullaby; cradle song; bedtime; music box; nursery; sleep; good night; goodnight",
    "ballad": "ballad; love song; slow song; romance; serenade; farewell; torch song; nocturne; elegy; lament",
    "techno": "techno; dance; house; trance; rave; club; edm; disco; electro; eurodance; electronica; "
    "electronic; hyper; race; racing",
    "rock": "rock; punk; rock and roll; hard rock; grunge; surf; rock n roll",
    "march": "march; military; parade; procession; marching band; army; soldier; patriotic; national anthem",
    "fanfare": "fanfare; victory; victory fanfare; level up; level complete; stage clear; win; winning; jingle",
    "horror": "horror; haunted; haunted house; ghost; zombie; nightmare; graveyard; creepypasta; monster; vampire; "
    "halloween; slasher",
    "bossa": "bossa nova; bossa",
    "jazz": "jazz; swing; bebop; big band",
    "blues": "blues; bluesy",
    "ragtime": "ragtime; saloon; honky tonk",
    "reggae": "reggae; dub; ska reggae",
    "ska": "ska",
    "tavern": "tavern; inn; alehouse; drinking song; beer hall; pub",
    "polka": "polka",
    "tango": "tango",
    "samba": "samba; carnival",
    "funk": "funk; funky",
    "country": "country; bluegrass; hillbilly",
    "metal": "metal; heavy metal; thrash; death metal",
    "synthwave": "synthwave; retrowave; outrun",
    "dnb": "drum and bass; dnb; jungle music; breakcore",
    "hiphop": "hip hop; hip-hop; hiphop; rap; trap; lofi; lo-fi; lo fi; chillhop; boom bap",
    "baroque": "baroque; fugue; harpsichord music; bach",
    "hymn": "hymn; chorale; choral; gospel; cathedral",
    "celtic": "celtic; irish; jig; reel; pirate; shanty; sea shanty; folk; medieval",
    "ambient": "ambient; underwater; space; cosmic; meditation; drone; soundscape; nebula; snow; water level; "
    "new age; starfield",
}
"""Style -> the words that name it."""

ALIKE: dict[str, str] = {
    "soul": "ballad",
    "pop": "title",
    "dubstep": "techno",
    "salsa": "samba",
    "opera": "ballad",
    "symphony": "title",
    "orchestral": "title",
    "classical": "waltz",
    "western": "country",
}
"""Genres that we do not write, and the style that comes nearest. The brief says so."""

MOOD_WORDS: dict[str, str] = {
    "cheerful": "cheerful; happy; joyful; upbeat; merry; sunny; cheery; jolly; fun; optimistic; feelgood; feel-good; "
    "feel good; positive; bubbly; carefree; joyous; glad",
    "sad": "sad; melancholic; melancholy; sorrowful; mournful; tearful; heartbroken; lonely; wistful; bittersweet; "
    "nostalgic; gloomy; somber; sombre; grieving; longing; blue",
    "calm": "calm; relaxing; relaxed; peaceful; gentle; soothing; tranquil; serene; chill; mellow; restful; soft; "
    "laid-back; laid back; quiet; sleepy; tender; cozy; cosy",
    "tense": "tense; suspenseful; suspense; nervous; anxious; urgent; stressful; frantic; panicked; panic; hurried; "
    "restless; chase; escape",
    "heroic": "heroic; epic; brave; noble; majestic; bold; grand; courageous; adventurous; triumphant; victorious; "
    "glorious; uplifting; inspiring; proud; hopeful; celebratory; solemn",
    "mysterious": "mysterious; mystery; mystic; mystical; enigmatic; strange; magical; magic; secret; curious; "
    "puzzling; puzzle; eerie; otherworldly; alien",
    "romantic": "romantic; loving; warm; sweet; sentimental; intimate; passionate",
    "playful": "playful; silly; funny; quirky; goofy; whimsical; bouncy; cute; mischievous; comic; comical; childish; "
    "cheeky",
    "dark": "dark; sinister; evil; ominous; menacing; grim; scary; spooky; creepy; frightening; terrifying; "
    "threatening; gothic; dreadful",
    "aggressive": "aggressive; angry; fierce; furious; brutal; violent; intense; heavy; savage; raging; powerful; "
    "hard; wild; ferocious",
    "dreamy": "dreamy; ethereal; floating; hazy; airy; spacey; hypnotic; celestial; atmospheric; sleepwalking",
}
"""Mood -> the words that name it."""

_ENERGETIC = (
    "energetic; intense; driving; powerful; epic; frantic; furious; loud; explosive; high energy; high-energy; hyper; "
    "lively; wild; fierce; aggressive; pumping; rousing; raging; brutal; urgent; action; action-packed; dynamic"
)
_QUIET = (
    "calm; relaxing; relaxed; gentle; quiet; soft; soothing; peaceful; silent; subdued; restful; tranquil; serene; "
    "low energy; low-energy; sleepy; mellow; chill; delicate; tender; lazy; hushed; still"
)
_LEVELS: dict[str, Sense] = {
    _ENERGETIC: Sense(energy=0.9),
    "upbeat; bouncy; brisk; spirited; moving; cheerful; joyful; playful": Sense(energy=0.65),
    _QUIET: Sense(energy=0.15),
    "bright; shiny; sparkling; shimmering; glittering; brilliant; crisp; high-pitched; shrill": Sense(brightness=0.9),
    "muffled; warm; dull; deep; low-pitched; muted; dim; round; mellow; soft": Sense(brightness=0.15),
    "dense; busy; complex; full; rich; frenetic; hectic; virtuosic; intricate": Sense(density=0.9),
    "sparse; minimal; minimalist; simple; empty; bare; stripped; spacious; airy": Sense(density=0.15),
    "crescendo; builds; building; build up; build-up; grows; growing; rising; swells": Sense(dynamics="crescendo"),
    "diminuendo; decrescendo; fades; fading; fade out; dies away; dying away": Sense(dynamics="diminuendo"),
    "very soft; pianissimo; very quiet; softly; quietly; whispering; soft; quiet; gentle; hushed": Sense(
        dynamics="soft"
    ),
    "loud; very loud; fortissimo; deafening; blaring": Sense(dynamics="loud"),
    "dynamic contrast; contrasting; loud and quiet; quiet and loud; soft and loud; loud and soft": Sense(
        dynamics="contrast"
    ),
    "quiet verse; soft verse; loud chorus": Sense(dynamics="contrast"),
    "largo; grave; lento; very slow; extremely slow; super slow": Sense(tempo_range_bpm=(40, 66)),
    "adagio; slow; slowly; leisurely; larghetto; downtempo; unhurried; sluggish": Sense(tempo_range_bpm=(56, 84)),
    "andante; walking pace; laid-back; laid back; easygoing": Sense(tempo_range_bpm=(72, 100)),
    "moderato; moderate; medium; mid-tempo; mid tempo; midtempo; steady": Sense(tempo_range_bpm=(92, 120)),
    "allegretto": Sense(tempo_range_bpm=(104, 124)),
    "allegro; uptempo; up-tempo; brisk; quick; lively": Sense(tempo_range_bpm=(120, 156)),
    "fast; fast-paced; speedy; rapid; quickly; vivace; racing; high speed": Sense(tempo_range_bpm=(136, 180)),
    "presto; very fast; prestissimo; breakneck; extremely fast; super fast; frantic": Sense(tempo_range_bpm=(168, 208)),
}
"""Words that say how much, or how fast."""

_CHIP_WORDS = (
    "chiptune chip 8-bit 8bit 8 bit nes gameboy game boy famicom retro console arcade videogame video pixel vgm "
    "nintendo music song tune track piece theme loop soundtrack ost bgm background melody sound score composition "
    "jam beat style styled level stage scene mood feel feeling vibe tempo bpm key minor major instrument lead tone "
    "note chord progression rhythm time signature structure form section length long short minute second classic "
    "old school oldschool hero player character moment"
)
CHIP_WORDS = frozenset(_CHIP_WORDS.split())
"""Words about the medium, not about this piece: known, and say nothing more."""

_STOP_WORDS = (
    "a an the of in on at to for from with and or but as is are be it its this that these those i me my we you your "
    "some any very really quite rather too so just please make made create write compose give want like something "
    "sounding sounds about into by then than more most bit kind sort lot touch little where when while which who "
    "plays played play playing one two three four would should could can will if up out over under his her their our "
    "not no without during after before through there have has had do does was were let lets us s t all new"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())

NEGATIONS = frozenset({"not", "no", "without", "never", "less", "isnt", "dont", "avoid", "non", "hardly", "aint"})


def _split(words: str) -> list[str]:
    return [word.strip() for word in words.split(";")]


def _merge(first: Sense, second: Sense) -> Sense:
    given = {name: getattr(second, name) for name in second.__struct_fields__ if getattr(second, name) is not None}
    given["exact"] = first.exact and second.exact
    return msgspec.structs.replace(first, **given)


def _lexicon() -> dict[tuple[str, ...], Sense]:
    senses: dict[str, Sense] = {}

    def add(words: list[str], sense: Sense) -> None:
        for word in words:
            senses[word] = _merge(senses.get(word, Sense()), sense)

    for style, words in STYLE_WORDS.items():
        add(_split(words), Sense(style=style))
    for genre, style in ALIKE.items():
        add([genre], Sense(style=style, exact=False))
    for mood, words in MOOD_WORDS.items():
        add(_split(words), Sense(mood=mood))
    for words, sense in _LEVELS.items():
        add(_split(words), sense)
    return {tuple(word.split()): sense for word, sense in senses.items()}


LEXICON: dict[tuple[str, ...], Sense] = _lexicon()
"""Phrase (as words) -> what it says."""

LONGEST = max(len(phrase) for phrase in LEXICON)
