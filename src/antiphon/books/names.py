"""Who is named in an English narrative: names beside verbs of speech, their other forms, whether he or she."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

_HIS = {"Mr", "Sir", "Lord", "Uncle", "King", "Father", "Brother", "Captain", "Colonel", "Monsieur", "Herr", "Prince"}
_HERS = {"Mrs", "Ms", "Miss", "Lady", "Madame", "Mademoiselle", "Aunt", "Queen", "Mother", "Sister", "Princess", "Frau"}
_OTHER_TITLES = {"Dr", "Doctor", "Professor", "Prof", "Inspector", "Sergeant", "Major", "General", "Judge", "Master"}
_TITLES = {*_HIS, *_HERS, *_OTHER_TITLES}
_TITLE = rf"(?:(?:{'|'.join(sorted(_TITLES))})\.?)"
_CAPITAL = r"[A-Z][\w]*(?:['\u2019-][A-Z]\w+)*"
_NOBODY = (
    "I|He|She|It|We|You|They|The|A|An|This|That|These|Those|There|Here|And|But|Or|So|Then|When|While|What|Who|Why|How|If"
    "|As|At|In|On|To|For|With|From|After|Before|Oh|Yes|No|Not|Well|Now|My|His|Her|Their|Our|Your|God|Chapter|Nobody"
    "|Everybody|Somebody|Once|Even|All|One|Both|Presently|Suddenly|Again|Never|Just|Only"
)
NAME = rf"(?:{_TITLE} )?(?!(?:{_NOBODY})\b){_CAPITAL}(?: (?!(?:{_NOBODY})\b){_CAPITAL}){{0,2}}"
_WORDS_END = (
    "in|of|with|to|as|and|who|at|from|very|again|when|while|by|on|for|but|after|before|was|had|is|then|whose|that|into"
    "|looking|turning|rather|quite|almost|softly|aloud|at|still|once|up|out"
)
SOMEBODY = rf"(?:[Tt]he|[Hh]is|[Hh]er|[Mm]y)(?: (?!(?:{_WORDS_END})\b)(?!\w+ly\b)\w+){{1,3}}"
HE, SHE = {"he", "him", "his", "himself"}, {"she", "her", "hers", "herself"}
_PRONOUN = re.compile(rf"\b({'|'.join(sorted(HE | SHE))})\b", re.IGNORECASE)
_NAMES = re.compile(rf"\b{NAME}")
MIN_SHARE = 1.5
"""He or she is whoever is meant so many times as often as the other."""


def canonical(name: str) -> str:
    """A name as it is listed."""
    name = re.sub(r"['\u2019]s$", "", " ".join(name.split()))
    return f"the {name[4:]}" if name.startswith("The ") else name


def merged(counts: Mapping[str, int]) -> dict[str, str]:
    """By every form of a name the one it is listed under: a part belongs to the only longer form that holds it."""
    found = dict[str, str]()
    for name in counts:
        own = _parts(name)
        longer = [
            other
            for other in counts
            if own and own < _parts(other) and _gender_of_title(name) in {0, _gender_of_title(other)}
        ]
        tops = [one for one in longer if not any(_parts(one) < _parts(other) for other in longer)]
        found[name] = tops[0] if len(tops) == 1 else name
    twins = dict[frozenset[str], str]()  # "Mr. Darcy" and "Darcy" are one where no other has the name
    for name in sorted(found, key=lambda one: -counts[one]):
        own = _parts(name)
        same = [other for other in counts if _parts(other) == own]
        if own and found[name] == name and len({_gender_of_title(one) for one in same} - {0}) < 2:
            found[name] = twins.setdefault(own, name)
    return {name: found[found[name]] for name in found}


def mentions(text: str, known: Mapping[str, str]) -> list[tuple[int, str]]:
    """Where somebody known is named, and who."""
    found = list[tuple[int, str]]()
    for match in _NAMES.finditer(text):
        name = canonical(match[0])
        while name and name not in known:  # "Poor Anna"
            name = name.partition(" ")[2]
        if name:
            found.append((match.start(), known[name]))
    return found


def genders(sentences: Iterable[str], known: Mapping[str, str]) -> dict[str, int]:
    """1 for he, -1 for she, by title or by the pronouns of sentences that name nobody else. Others are left out."""
    votes = Counter[str]()
    he, she = Counter[str](), Counter[str]()
    for sentence in sentences:
        named = {who for _, who in mentions(sentence, known)}
        if len(named) != 1:
            continue
        (who,) = named
        place = mentions(sentence, known)[0][0]
        for pronoun in _PRONOUN.findall(sentence[place:]):
            (he if pronoun.lower() in HE else she)[who] += 1
        votes[who] += 1
    found = dict[str, int]()
    for name, who in known.items():
        if title := _gender_of_title(name):
            found[who] = title
        elif he[who] + she[who] > 1 and who not in found:
            if he[who] > MIN_SHARE * she[who]:
                found[who] = 1
            elif she[who] > MIN_SHARE * he[who]:
                found[who] = -1
    return found


def _parts(name: str) -> frozenset[str]:
    if name.startswith(("the ", "his ", "her ", "my ")):
        return frozenset()
    return frozenset(one for one in name.replace(".", "").split() if one not in _TITLES)


def _gender_of_title(name: str) -> int:
    title = name.split(maxsplit=1)[0].rstrip(".")
    return 1 if title in _HIS else -1 if title in _HERS else 0
