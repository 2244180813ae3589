"""Who says what is quoted, by rules for English narrative.

1. A tag beside the quotation names its speaker (`said Anna`, `Anna said:`), for all that its paragraph quotes.
2. He or she in a tag is whoever of that gender spoke in turn before, or was named last.
3. A sentence beside it that begins with a name shows who acts, and speaks.
4. What a paragraph leaves open goes on in the next one, in the same mouth.
5. Paragraphs of nothing but speech change between two: who spoke the last but one, or who was addressed.
6. Who is left is unknown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from antiphon.books.names import HE, NAME, SOMEBODY, canonical, genders, mentions, merged
from antiphon.books.quotes import Quote, quotes_in, style_of

UNKNOWN = ""
FIRST_PERSON = "I"
MIN_LINES = 2
"""Who is tagged less often is known by the tag alone: a name elsewhere is not yet a speaker's."""
_LOOK_BACK = 4
_VERBS = (
    "said|says|say|asked|replied|answered|cried|exclaimed|whispered|shouted|muttered|murmured|returned|continued|added"
    "|observed|remarked|repeated|called|began|declared|demanded|inquired|enquired|interrupted|rejoined|responded|retorted"
    "|sighed|laughed|screamed|growled|groaned|gasped|sobbed|suggested|thought|pleaded|protested|insisted|explained"
    "|ejaculated|resumed|admitted|agreed|announced|argued|begged|commented|concluded|confessed|snapped|sneered|stammered"
    "|yelled|wailed|urged|warned|wondered|went on|broke in|put in|cut in|cried out|called out|persisted|assented|nodded"
    "|smiled|echoed|pursued|faltered|mused|hissed|roared|bawled|piped|grumbled|objected|proceeded"
)
_WHO = rf"(?:{NAME}|{SOMEBODY}|[Hh]e|[Ss]he|I)"
_AFTER = re.compile(
    rf"[\s\u2014\u2013,-]*(?:(?:{_VERBS}) (?P<one>{_WHO})\b"
    rf"|(?P<two>{_WHO})(?:,[^,.;:!?]{{1,40}},)?(?: (?:had|then|only|also|at last|\w+ly))? (?:{_VERBS})\b)"
)
_BEFORE = re.compile(
    rf"(?:^|(?<=[\s\u2014]))(?:(?P<two>{_WHO})(?:,[^,.;:!?]{{1,40}},)?(?: (?:had|then|only|also|\w+ly))? (?:{_VERBS})"
    rf"|(?:{_VERBS}) (?P<one>{_WHO}))\b[^.!?;]{{0,80}}[,:\u2014-]\s*$"
)
_ACTS = re.compile(rf"\s*(?P<one>{NAME}) (?:\w+ly )?\w+(?:ed|d|t|w|k|s|g)\b")
_ADDRESSED = re.compile(rf"(?:^|[,!?] )(?:my dear |dear |oh,? |O )?(?P<one>{NAME})(?=[,.!?]|$)")
_SENTENCE = re.compile(r"[^.!?;]+[.!?;]?")
_TITLE_DOT = re.compile(r"\b(Mr|Mrs|Ms|Dr|St|Prof)\.")
_LEADS = re.compile(r"[,:\u2014-]\s*$")
_SUBJECT = re.compile(r"\b(?:[Hh]e|[Ss]he)\b")


@dataclass(frozen=True, slots=True)
class Said:
    """A quotation and who says it. `sure`: a tag names them."""

    quote: Quote
    speaker: str
    sure: bool = False


def attributed(chapters: Sequence[Sequence[str]]) -> list[list[list[Said]]]:
    """By chapter and paragraph all that is quoted, and by whom."""
    style = style_of(paragraph for chapter in chapters for paragraph in chapter)
    quoted = [[quotes_in(paragraph, style) for paragraph in chapter] for chapter in chapters]
    known = _known(chapters, quoted)
    said = _narrated(chapters, quoted)
    dotless = {name.replace(".", ""): who for name, who in known.items()}
    sentences = (one for text in said for one in _SENTENCE.findall(_TITLE_DOT.sub(r"\1", text)))
    sexes = genders(sentences, dotless)
    return [
        _Chapter(paragraphs, quotes, known, sexes).attributed()
        for paragraphs, quotes in zip(chapters, quoted, strict=True)
    ]


def _known(chapters: Sequence[Sequence[str]], quoted: Sequence[Sequence[list[Quote]]]) -> dict[str, str]:
    """Who is tagged as a speaker anywhere, by every form of their name."""
    counts = Counter[str]()
    for paragraphs, quotes in zip(chapters, quoted, strict=True):
        for paragraph, found in zip(paragraphs, quotes, strict=True):
            for quote in found:
                if (who := _tag(paragraph, found, quote)) and _is_name(who):
                    counts[canonical(who)] += 1
    return merged(counts)


def _narrated(chapters: Sequence[Sequence[str]], quoted: Sequence[Sequence[list[Quote]]]) -> list[str]:
    return [
        _without(paragraph, found)
        for paragraphs, quotes in zip(chapters, quoted, strict=True)
        for paragraph, found in zip(paragraphs, quotes, strict=True)
    ]


def _without(paragraph: str, quotes: Sequence[Quote]) -> str:
    begins = [0, *(quote.end for quote in quotes)]
    ends = [*(quote.begin for quote in quotes), len(paragraph)]
    return " ".join(paragraph[begin:end] for begin, end in zip(begins, ends, strict=True))


def _tag(paragraph: str, quotes: Sequence[Quote], quote: Quote) -> str:
    """Who a tag beside a quotation names, as it names them; "" where there is none."""
    at = quotes.index(quote)
    end = quotes[at + 1].begin if at + 1 < len(quotes) else len(paragraph)
    if found := _AFTER.match(paragraph[quote.end : end]):
        return found["one"] or found["two"]
    begin = quotes[at - 1].end if at else 0
    if found := _BEFORE.search(paragraph[begin : quote.begin]):
        return found["one"] or found["two"]
    return ""


def _is_name(who: str) -> bool:
    return who.lower() not in {"he", "she"} and who != "I"


class _Chapter:
    """The paragraphs of one chapter, in their order."""

    def __init__(
        self, paragraphs: Sequence[str], quotes: Sequence[list[Quote]], known: dict[str, str], sexes: dict[str, int]
    ) -> None:
        self._paragraphs, self._quotes, self._known, self._sexes = paragraphs, quotes, known, sexes
        self._dotless = {name.replace(".", ""): who for name, who in known.items()}
        self._turns = list[str]()  # who spoke, paragraph by paragraph; narration ends a conversation
        self._addressed = ""

    def attributed(self) -> list[list[Said]]:
        found = [self._paragraph(number) for number in range(len(self._paragraphs))]
        return self._filled(found)

    def _paragraph(self, number: int) -> list[Said]:
        text, quotes = self._paragraphs[number], self._quotes[number]
        if not quotes:
            if self._turns and len(text.split()) > 60:
                self._turns.append(UNKNOWN)  # long narration: nobody's turn
            return []
        tags = [self._named(number, quote) for quote in quotes]
        speaker, sure = next(((one, True) for one in tags if one), (UNKNOWN, False))
        if not speaker and number and self._quotes[number - 1] and self._quotes[number - 1][-1].open and self._turns:
            speaker = self._turns.pop()
        speaker = speaker or self._led_in(number) or self._acting(text, quotes) or self._in_turn(text, quotes)
        self._turns.append(speaker)
        self._addressed = self._address(quotes)
        return [Said(quote, tag or speaker, bool(tag) or sure) for quote, tag in zip(quotes, tags, strict=True)]

    def _named(self, number: int, quote: Quote) -> str:
        text, quotes = self._paragraphs[number], self._quotes[number]
        who = _tag(text, quotes, quote)
        if not who or who == FIRST_PERSON:
            return who
        if _is_name(who):
            return self._known.get(canonical(who), canonical(who))
        return self._meant(1 if who.lower() in HE else -1, number, quote)

    def _meant(self, sex: int, number: int, quote: Quote) -> str:
        """Whom a pronoun beside a quotation means."""
        able = [who for who in set(self._known.values()) if self._sexes.get(who, sex) == sex]
        own = self._subjects(_before(self._paragraphs[number], self._quotes[number], quote))
        last = self._turns[-1] if self._turns else UNKNOWN
        recent = [who for who in reversed(self._turns[-2 * _LOOK_BACK :]) if who and who != last]
        before = list[str]()
        for at in range(number - 1, max(-1, number - 1 - _LOOK_BACK), -1):
            before += self._subjects(_without(self._paragraphs[at], self._quotes[at]))
        talking = number > 0 and bool(self._quotes[number - 1])
        order = (*own, *recent, *before, last) if talking else (*own, *before, last, *recent)
        sure = (who for who in order if self._sexes.get(who) == sex)
        return next(sure, next((who for who in (*own, *before) if who in able), UNKNOWN))

    def _subjects(self, narrated: str) -> list[str]:
        """Who is named, the last sentence first, and in each who stands first: that one acts."""
        found = list[str]()
        for sentence in reversed(_SENTENCE.findall(_TITLE_DOT.sub(r"\1", narrated))):
            found += [who for _, who in mentions(sentence, self._dotless)]
        return found

    def _led_in(self, number: int) -> str:
        """Who acts in the sentence that the paragraph before ends with, where it leads to speech: `and said,--`."""
        text = self._paragraphs[number - 1] if number else ""
        if self._quotes[number - 1] or not _LEADS.search(text):
            return UNKNOWN
        sentence = _SENTENCE.findall(_TITLE_DOT.sub(r"\1", text).rstrip(" -\u2014,:"))[-1:]
        named = self._subjects("".join(sentence))
        pronoun = _SUBJECT.search("".join(sentence))
        if named and not (pronoun and "".join(sentence).find(named[0].split()[-1]) > pronoun.start()):
            return named[0]
        if pronoun is None:
            return UNKNOWN
        sex = 1 if pronoun[0].lower() == "he" else -1
        sure = (who for who in self._subjects(text) if self._sexes.get(who) == sex)
        return next(sure, next((who for who in reversed(self._turns) if self._sexes.get(who) == sex), UNKNOWN))

    def _acting(self, text: str, quotes: Sequence[Quote]) -> str:
        """Whose action stands beside the first or last quotation."""
        after = _ACTS.match(text[quotes[-1].end :])
        before = _ACTS.match(text[: quotes[0].begin])
        for found in (before, after):
            if found and (who := self._known.get(canonical(found["one"]))):
                return who
        return UNKNOWN

    def _in_turn(self, text: str, quotes: Sequence[Quote]) -> str:
        last = self._turns[-1] if self._turns else UNKNOWN
        bare = len(_without(text, quotes).split()) <= 12
        if not bare or not self._turns:
            return UNKNOWN
        told = self._address(quotes)
        if len(self._turns) > 1 and (who := self._turns[-2]) and who not in {last, told}:
            return who
        if self._addressed and self._addressed != last:
            return self._addressed
        others = [who for who in reversed(self._turns[-6:]) if who and who not in {last, told}]
        return others[0] if last and others else UNKNOWN

    def _address(self, quotes: Sequence[Quote]) -> str:
        """Whom somebody speaks to by name."""
        for quote in quotes:
            for found in _ADDRESSED.finditer(quote.text):
                if who := self._known.get(canonical(found["one"])):
                    return who
        return UNKNOWN

    def _filled(self, found: list[list[Said]]) -> list[list[Said]]:
        """Turns that only what comes later makes known: speech, answer, speech."""
        spoken = [at for at, said in enumerate(found) if said]
        for back in range(len(spoken) - 3, -1, -1):
            here, answer, later = spoken[back : back + 3]
            if later - here > 3 or any(one.speaker for one in found[here]):
                continue
            who, other = found[later][0].speaker, found[answer][0].speaker
            if who and other and who != other:
                found[here] = [Said(one.quote, who) for one in found[here]]
        return found


def _before(paragraph: str, quotes: Sequence[Quote], quote: Quote) -> str:
    """What a paragraph tells before a quotation ends."""
    return _without(paragraph[: quote.begin], [one for one in quotes if one.end <= quote.begin])
