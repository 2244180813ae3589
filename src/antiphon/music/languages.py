"""Prompts in German, Spanish, French, Italian and Japanese, by a small lexicon each: their words as English ones.

A prompt is taken to be in the language most of whose words it has (at least one that is not English). Keys are read as
each language names them: `fis-Moll`, `re menor`, `si bémol majeur`, ハ長調. Other scripts are told by name.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SOLFEGE = {"do": "C", "re": "D", "ré": "D", "mi": "E", "fa": "F", "sol": "G", "la": "A", "si": "B"}
_GERMAN = {
    "c": "C", "cis": "C#", "des": "Db", "d": "D", "dis": "Eb", "es": "Eb", "e": "E", "f": "F", "fis": "F#", "ges": "F#",
    "g": "G", "gis": "G#", "as": "Ab", "a": "A", "ais": "Bb", "b": "Bb", "h": "B",
}  # fmt: skip
_JAPANESE = {"ハ": "C", "ニ": "D", "ホ": "E", "ヘ": "F", "ト": "G", "イ": "A", "ロ": "B"}

_WORDS: dict[str, str] = {
    "German": (
        "ruhig=calm; fröhlich=cheerful; traurig=sad; düster=dark; dunkel=dark; schnell=fast; "
        "sehr schnell=very fast; langsam=slow; sehr langsam=very slow; leise=quiet; "
        "sehr leise=very soft; laut=loud; wild=wild; heldenhaft=heroic; geheimnisvoll=mysterious; "
        "spannend=tense; verträumt=dreamy; Marsch=march; Walzer=waltz; Wiegenlied=lullaby; "
        "Endgegner=boss fight; Kampf=battle; Abenteuer=adventure; Verlies=dungeon; Höhle=cave; "
        "Taverne=tavern; Kneipe=tavern; Wald=forest; Dorf=village; Laden=shop; Gruselhaus=haunted house; "
        "Sieg=victory; Titelmusik=title; Polka=polka; Musik=music; Lied=song; für=for; und=and; einen=a; "
        "eine=a; ein=a; der=the; die=the; das=the; in=in; mit=with; ohne=without; nicht=not; keine=no; "
        "kein=no; Schlagzeug=drums; Bass=bass; Melodie=melody; Akkorde=chords; Schläge=bpm; "
        "Sekunden=seconds; Minuten=minutes; zwei=two; Schleife=loop; Takt=time; Begleitung=chords"
    ),
    "Spanish": (
        "tranquila=calm; tranquilo=calm; alegre=cheerful; triste=sad; oscura=dark; oscuro=dark; "
        "rápida=fast; rápido=fast; muy rápida=very fast; lenta=slow; lento=slow; suave=soft; "
        "fuerte=loud; heroica=heroic; misteriosa=mysterious; tensa=tense; marcha=march; vals=waltz; "
        "nana=lullaby; canción de cuna=lullaby; batalla final=final boss; batalla=battle; jefe=boss; "
        "aventura=adventure; mazmorra=dungeon; cueva=cave; taberna=tavern; bosque=forest; "
        "pueblo=village; tienda=shop; victoria=victory; fanfarria=fanfare; música=music; canción=song; "
        "de=of; para=for; y=and; una=a; un=a; el=the; los=the; las=the; en=in; con=with; sin=without; "
        "batería=drums; bajo=bass; melodía=melody; acordes=chords; segundos=seconds; minutos=minutes; "
        "bucle=loop"
    ),
    "French": (
        "calme=calm; joyeux=cheerful; joyeuse=cheerful; gai=cheerful; triste=sad; sombre=dark; "
        "rapide=fast; très rapide=very fast; lent=slow; lente=slow; doux=soft; douce=soft; fort=loud; "
        "héroïque=heroic; mystérieux=mysterious; mystérieuse=mysterious; tendu=tense; marche=march; "
        "valse=waltz; berceuse=lullaby; combat=battle; boss=boss; aventure=adventure; donjon=dungeon; "
        "grotte=cave; taverne=tavern; forêt=forest; village=village; boutique=shop; victoire=victory; "
        "fanfare=fanfare; musique=music; chanson=song; de=of; pour=for; et=and; une=a; un=a; le=the; "
        "les=the; des=the; en=in; avec=with; sans=without; batterie=drums; basse=bass; mélodie=melody; "
        "accords=chords; secondes=seconds; minutes=minutes; boucle=loop"
    ),
    "Italian": (
        "calma=calm; tranquilla=calm; allegra=cheerful; gioiosa=cheerful; triste=sad; oscura=dark; "
        "veloce=fast; molto veloce=very fast; lenta=slow; lento=slow; dolce=gentle; piano=soft; "
        "forte=loud; eroica=heroic; misteriosa=mysterious; tesa=tense; marcia=march; valzer=waltz; "
        "ninna nanna=lullaby; battaglia=battle; combattimento=battle; avventura=adventure; "
        "prigione=dungeon; grotta=cave; taverna=tavern; foresta=forest; villaggio=village; negozio=shop; "
        "vittoria=victory; musica=music; canzone=song; di=of; per=for; e=and; una=a; un=a; il=the; "
        "la=the; in=in; con=with; senza=without; batteria=drums; basso=bass; melodia=melody; "
        "accordi=chords; secondi=seconds; minuti=minutes"
    ),
    "Japanese": (
        "静かな=quiet; 静か=quiet; 明るい=cheerful; 楽しい=cheerful; 悲しい=sad; "
        "暗い=dark; 速い=fast; 早い=fast; 遅い=slow; ゆっくり=slow; 激しい=aggressive; "
        "神秘的=mysterious; 冒険=adventure; 戦闘=battle; ボス=boss; 子守唄=lullaby; "
        "子守歌=lullaby; 行進曲=march; ワルツ=waltz; 洞窟=cave; ダンジョン=dungeon; "
        "酒場=tavern; 森=forest; 村=village; 店=shop; 勝利=victory; ホラー=horror; "
        "曲=music; 音楽=music; ドラムなし=no drums; ベースなし=no bass; "
        "メロディーなし=no melody; ドラム=drums; ベース=bass; 秒=seconds; 分=minutes; "
        "ループ=loop; の= ; な= ; 、=, ; 。=. "
    ),
}
"""Language -> its words, and what they are in English."""

_LEXICA = {
    name: dict(pair.lower().split("=") for pair in re.split(r";\s(?=\S)", words)) for name, words in _WORDS.items()
}
_SHARED = frozenset(
    [
        "in",
        "a",
        "an",
        "bass",
        "boss",
        "combat",
        "village",
        "wild",
        "fanfare",
        "polka",
        "forte",
        "piano",
        "lento",
        "triste",
        "minutes",
        "de",
        "la",
        "un",
        "e",
        "die",
        "das",
        "fort",
        "calme",
        "con",
        "en",
        "y",
    ]
)
"""Words that also stand in English prompts, or in several of the languages: they tell none."""

_SCRIPTS = (
    ("Russian or another language in Cyrillic", r"[\u0400-\u04ff]"),
    ("Korean", r"[\uac00-\ud7af]"),
    ("Arabic", r"[\u0600-\u06ff]"),
    ("Hebrew", r"[\u0590-\u05ff]"),
    ("Greek", r"[\u0370-\u03ff]"),
    ("Thai", r"[\u0e00-\u0e7f]"),
    ("a language in Devanagari", r"[\u0900-\u097f]"),
)
_FOREIGN = re.compile(
    r"[\u0370-\u03ff\u0400-\u04ff\u0590-\u05ff\u0600-\u06ff\u0900-\u097f\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]+"
)
"""Letters that nothing after the lexica reads: a meaning would only be guessed from them."""
_KANA = re.compile(r"[\u3040-\u30ff]")
_HAN = re.compile(r"[\u4e00-\u9fff]")


class Translated(NamedTuple):
    """A prompt in the reader's words; `language` is None where it is English already. `unread` names what of it is in
    no language that is read."""

    text: str
    language: str | None
    notes: tuple[str, ...]
    unread: tuple[str, ...] = ()


def translated(text: str) -> Translated:
    """The prompt with the words of its language replaced by English ones; what is in no known language is told."""
    unread = tuple(_unread(text))
    notes = tuple(f"{name} is not read: only the words in Latin letters count." for name in unread)
    language = _language(text)
    text = _keys(text, language)
    if language is None:
        return Translated(_FOREIGN.sub(" ", text), None, notes, unread)
    lexicon = _LEXICA[language]
    if language == "Japanese":
        for word in sorted(lexicon, key=len, reverse=True):
            text = text.replace(word, f" {lexicon[word]} ")
        left = tuple(re.findall(_FOREIGN, text))
        rest = ("some Japanese words",) if any(len(words.strip()) > 1 for words in left) else ()
        return Translated(re.sub(r"\s+", " ", _FOREIGN.sub(" ", text)), language, notes, (*unread, *rest))
    known = sorted((word for word in lexicon), key=len, reverse=True)
    pattern = re.compile(rf"\b(?:{'|'.join(re.escape(word) for word in known)})(?:e[rsnm]?)?\b", re.IGNORECASE)
    english = pattern.sub(lambda match: _english(match[0].lower(), lexicon), text)
    return Translated(_FOREIGN.sub(" ", english), language, notes, unread)


def _english(word: str, lexicon: dict[str, str]) -> str:
    return next((lexicon[w] for w in (word, word[:-1], word[:-2]) if w in lexicon), word)


def _unread(text: str) -> list[str]:
    found = [name for name, letters in _SCRIPTS if re.search(letters, text)]
    return [*found, "Chinese"] if _HAN.search(text) and not _KANA.search(text) and "調" not in text else found


def _language(text: str) -> str | None:
    if _KANA.search(text) or "調" in text:
        return "Japanese"
    words = set(re.findall(r"[^\W\d_]+", text.lower()))
    stems = words | {re.sub(r"e[rsnm]?$", "", word) for word in words}
    scores = {
        name: len((stems & set(lexicon)) - _SHARED) + (2 if _KEYS[name].search(text) else 0)
        for name, lexicon in _LEXICA.items()
        if name != "Japanese"
    }
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] else None


_NOTE = r"\b(do|r[eé]|mi|fa|sol|la|si)"
_KEYS = {
    "German": re.compile(r"\b([a-h](?:is|es|s)?)[\s-]*(dur|moll)\b", re.IGNORECASE),
    "Spanish": re.compile(rf"{_NOTE}\s*(bemol|sostenido)?\s+(mayor|menor)\b", re.IGNORECASE),
    "French": re.compile(rf"{_NOTE}\s*(bémol|dièse)?\s+(majeur|mineur)\b", re.IGNORECASE),
    "Italian": re.compile(rf"{_NOTE}\s*(bemolle|diesis)?\s+(maggiore|minore)\b", re.IGNORECASE),
}
_SIGNS = {"嬰": "#", "変": "b", "": ""}
_JAPANESE_KEY = re.compile(r"([嬰変]?)([ハニホヘトイロ])([長短])調")
_H = re.compile(r"\bH(?=\s+(?:minor|major)\b)")


def _keys(text: str, language: str | None) -> str:
    """Keys as English names them. H is B, as Germans and Scandinavians write it in English too."""
    text = _H.sub("B", text)
    if language == "Japanese":
        return _JAPANESE_KEY.sub(
            lambda m: f" {_JAPANESE[m[2]]}{_SIGNS[m[1]]} {'major' if m[3] == '長' else 'minor'} ",
            text,
        )
    if language is None:
        return text
    if language == "German":
        return _KEYS["German"].sub(
            lambda m: f"{_GERMAN.get(m[1].lower(), m[1])} {'major' if m[2].lower() == 'dur' else 'minor'}", text
        )
    signs = {"bemol": "b", "bémol": "b", "bemolle": "b", "sostenido": "#", "dièse": "#", "diesis": "#"}
    return _KEYS[language].sub(
        lambda m: (
            f"{_SOLFEGE[m[1].lower()]}{signs.get((m[2] or '').lower(), '')} "
            f"{'major' if m[3].lower().startswith('ma') else 'minor'}"
        ),
        text,
    )
