"""How French writes marks, days, laws and large numbers: by signs that mean something else elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from antiphon.text.languages.grammar import Language
from antiphon.text.languages.signs import UNITS

Match = re.Match[str]
Rule = tuple[str, Callable[[Match], str]]


def rules(french: Language) -> tuple[Rule, ...]:
    """Before dates."""
    return (
        *_days(french),
        *_years(french),
        *_marks(),
        *_halves_and_pairs(french),
        *_laws(french),
        *_written_otherwise(french),
        *_compass(),
    )


def _days(french: Language) -> tuple[Rule, ...]:
    """`le 3/4` is a day where no part of a thing follows."""
    days = "lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche"

    def day(found: Match) -> str:
        number, month = int(found[2]), int(found[3])
        ends = not found.string[found.end() :].strip() and found[1][0] in "Ll" and len(found[1]) == 2
        if not (1 <= number <= 31 and 1 <= month <= 12) or (ends and number < month < 5):
            return found[0]
        return f"{found[1]} {french.date(number, month, None, '')}"

    after = (
        r"(?![\w/]|[.,][0-9])(?=$|[.,;:!?)]| (?:à|au|est|et|ou|a|pour|sera|chez|dans|"
        r"avec|matin|soir|après|vers|dès|de [0-9]|de [a-z]+ à))"
    )
    return (
        (rf"\b([Ll]e|[Dd]u|[Aa]u|[Dd]ès le|[Jj]usqu'au|(?i:{days})) ([0-3]?[0-9])/(1[0-2]|0?[1-9]){after}", day),
        (rf"\b((?i:{days})) ([0-3]?[0-9])/(1[0-2]|0?[1-9])(?![\w/]|[.,][0-9])", day),
    )


def _years(french: Language) -> tuple[Rule, ...]:
    """The number of a year takes no plural: en mille neuf cent quatre-vingt."""
    before = (
        r"(?i:en|vers|depuis|dès|début|fin|mi|année|années|été|hiver|"
        r"automne|printemps|avant|après|circa|millésime|"
        r"janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre|né|née|†)"
    )
    return (
        (
            (
                rf"(?<!\w)({before}[ -]?)(1[0-9]{{3}}|20[0-9]{{2}})(?!\w|[.,/-]?[0-9]|"
                rf" [0-9]{{3}}| ?[€$%]| ?k?[gm]\b)(?! [a-zà-ÿ]+s\b)"
            ),
            lambda m: f"{m[1]}{french.year(int(m[2]))}",
        ),
        (r"(?<![\w.,/+-])(?<![=×+] )(1[1-9](?:00|80))(?=$|[.,;:!?)](?![0-9]))", lambda m: french.year(int(m[1]))),
        (
            r"\b([Dd]e|[Ee]ntre) (1[0-9]{3}|20[0-9]{2}) (à|et) (1[0-9]{3}|20[0-9]{2})(?=$|[.,;:!?)](?![0-9]))",
            lambda m: f"{m[1]} {french.year(int(m[2]))} {m[3]} {french.year(int(m[4]))}",
        ),
        (r"† ?(?=(?:en )?[a-z0-9])", lambda _: "mort "),
    )


def _compass() -> tuple[Rule, ...]:
    """Quarters of the sky, stars of hotels, what people cut short in mails."""
    names = {"N": "nord", "S": "sud", "E": "est", "O": "ouest"}
    return (
        (r"(?<![\w.])([NS])\.?-([EO])\b\.?(?![\w-])", lambda m: f"{names[m[1]]}-{names[m[2]]}"),
        (
            r"\b(au|du|le|l'|à l'|de l') ?([NSEO])\. (?=d[eu'])",
            lambda m: f"{m[1]}{'' if m[1][-1] == chr(39) else ' '}{names[m[2]]} ",
        ),
        (
            r"\b((?i:hôtel|camping|restaurant|gîte|palace|résidence|un|des) ?)([1-5]) ?\*{1,5}(?=$|[ .,;:!)])",
            lambda m: f"{m[1]}{m[2]} {'étoile' if m[2] == '1' else 'étoiles'}",
        ),
        (
            r"\b((?i:hôtel|camping|restaurant|gîte|palace|résidence) )(\*{1,5})(?=$|[ .,;:!)])",
            lambda m: f"{m[1]}{len(m[2])} {'étoile' if len(m[2]) == 1 else 'étoiles'}",
        ),
        (r"\b(les|des|et|le) [-−](?=$|[ .,;!?)])(?! ?[0-9])", lambda m: f"{m[1]} moins"),
        (r"\b[Àà] l'att\. d", lambda m: f"{m[0][0]} l'attention d"),
        (r"\bCP:? (?=[0-9]{5}\b)", lambda _: "code postal "),
        (r"(?<!\w)T° ?(?=[:=0-9])", lambda _: "température "),
        (r"\b1er s\.(?= |$)", lambda _: "premier siècle"),
        (r"(?<=[=<>] )\.(?=[0-9])", lambda _: "0,"),
    )


def _marks() -> tuple[Rule, ...]:
    """Marks of a school, a film or a game are out of something."""
    marks = (
        r"(?i:note|notes|noté|notée|eu|obtenu|obtient|moyenne|score|donne|"
        r"mets|met|mérite|avis|évaluation|résultat|récolte|sort)"
    )

    def out_of(found: Match) -> str:
        return f"{found[1]} sur {found[2]}"

    return (
        (r"(?<![\w/.,])([0-9]{1,3},[0-9]{1,2}) ?/ ?([0-9]{1,3})(?![\w/]|[.,][0-9])", out_of),
        (
            (
                r"(?<![\w/.,])(?<!les )(?!1/|50/)([0-9]{1,3}) ?/ ?(20|40|50|"
                r"60|100)(?![\w/%]|[.,][0-9]| (?:d[eu']|des) ?)"
            ),
            out_of,
        ),
        (
            rf"\b({marks}[^.!?]{{0,24}}?[ :])([0-9]{{1,2}}) ?/ ?(5|10)(?![\w/%]|[.,][0-9]| (?:d[eu']|des) ?)",
            lambda m: f"{m[1]}{m[2]} sur {m[3]}",
        ),
        (r"(?<![\w/.,])(?<!les )(?!1/)([0-9]|10) ?/ ?(10)(?=[.!?)]?$|[!)])", out_of),
        (
            (
                r"(?<![\w/.,])([0-9]{1,3})/([0-9]{1,3})(?= ?(?:min|mn|h|jours|"
                r"jrs|cm|mm|km|kg|g|ans|personnes|pers\.)(?!\w))"
            ),
            lambda m: f"{m[1]} à {m[2]}" if 4 < int(m[1]) < int(m[2]) and int(m[2]) > 10 else m[0],
        ),
    )


def _halves_and_pairs(french: Language) -> tuple[Rule, ...]:
    """Halves after a noun, units after fractions, one or the other of two figures."""

    def half(found: Match) -> str:
        gender = french.counted_gender(found[2])
        return f"{french.cardinal(int(found[1]), gender)} {found[2]} et demi{'e' if gender == 'f' else ''}"

    return (
        (r"(?<![\w/.,])([0-9]{1,2}) ([a-zà-ÿ]{3,}) 1/2(?=$|[ .,;)])", half),
        (r"(?<=[½¼¾⅓⅔0-9] de )(L|l|kg|g|cl)(?!['\w])", lambda m: french.unit(UNITS[m[1]], Decimal(1), "").strip()),
        (r"\bth (?=[0-9])", lambda _: "thermostat "),
        (r"(?<=°C) ?/ ?(?=th\b)", lambda _: ", "),
        (r"(?<=[0-9] )r\. (?=[A-ZÀ-Þdl])", lambda _: "rue "),
        (
            (
                r"(?<![\w/.,])(?<![0-9] )(?!1/2)([0-9]{1,2})/([0-9]{1,2})(?= "
                r"(?!des |les |temps |fois que)[a-zà-ÿ]{3,}[sx]\b)"
            ),
            lambda m: f"{m[1]} ou {m[2]}" if int(m[2]) == int(m[1]) + 1 else m[0],
        ),
        (
            r"(?<![\w/.,])([0-9]{1,2})/([0-9]{1,3}) ?(?:e|ème|es|èmes)(?!\w)",
            lambda m: french.vulgar(int(m[1]), int(m[2]), None) or m[0],
        ),
        (
            r"(?<![\w.,:])([0-9]{1,2}) ?h(?:eures?)? ?1/2\b",
            lambda m: f"{french.cardinal(int(m[1]), 'f')} {'heure' if m[1] == '1' else 'heures'} et demie",
        ),
        (r"(?<![\w.,])([0-9]{1,2})(?:e|ème) s\.(?=[ ,;)]|$)", lambda m: f"{french.ordinal(int(m[1]))} siècle"),
        (
            r"(?<![\w.,:'])([0-9]{1,3})' ?\+ ?([0-9]{1,2})(?!\w)",
            lambda m: f"{french.cardinal(int(m[1]), 'f')} {'minute' if m[1] == '1' else 'minutes'} plus {m[2]}",
        ),
    )


def _laws(french: Language) -> tuple[Rule, ...]:
    """Articles of codes, items of lists, factorials, large units."""
    nth = "premièrement deuxièmement troisièmement quatrièmement cinquièmement sixièmement septièmement huitièmement"
    adverbs = nth.split()

    def item(found: Match) -> str:
        return f"{found[1]}{adverbs[int(found[2]) - 1]} "

    def millions(found: Match) -> str:
        many = "s" if int(found[1].partition(",")[0]) > 1 else ""
        return f"{found[1]} million{many} de {french.unit(UNITS[found[2]], Decimal(5), '').strip()}"

    return (
        (r"\b((?i:art\.|article)) ?([0-9]{1,4})-([0-9]{1,3})\b(?!-)", lambda m: f"{m[1]} {m[2]} tiret {m[3]}"),
        (r"(^|[;:] |, )([1-8])° ?(?=[^\W\d_])(?![CFKNSEO]\b)", item),
        (r"\b([Rr])ép\. dém\.", lambda _: "République démocratique"),
        (r"\b(l'|L'|d')adj\. (?=[A-ZÀ-Þ])", lambda m: f"{m[1]}adjudant "),
        (
            r"\b((?i:les|des|aux|en) )1/(4|8|16)(?:e|es)? (?:de )?(?=finales?\b)",
            lambda m: f"{m[1]}{ {'4': 'quarts', '8': 'huitièmes', '16': 'seizièmes'}[m[2]] } de ",
        ),
        (
            r"\b([Ll]un|[Mm]ar|[Mm]er|[Jj]eu|[Vv]en|[Ss]am|[Dd]im)\. (?=à [0-9]|matin|soir)",
            lambda m: f"{french.weekdays[m[1].lower()]} ",
        ),
        (r"(?<=[²³)]) - (?=[0-9a-z(])|(?<== )-(?=[a-z]\b)", lambda _: " moins "),
        (r"(?<![\w.,])([0-9]{1,2}|n)! ?(?=[=+×/÷*)])", lambda m: f"factorielle {m[1]} "),
        (r"\blog10 (?=[0-9])", lambda _: "log dix de "),
        (r"(?<![\w.,])([0-9]{1,3}(?:,[0-9]{1,2})?) M ?(km²|km|m³|m²|t|ha|l|L)(?!\w)", millions),
        (r"(?<=[0-9] [0-9]{3}) K(?=$|[ .,;)])", lambda _: " kelvins"),
        (r"\b([Ll]e|[Dd]u|[Aa]u) P\. (?=[A-ZÀ-Þ][a-zà-ÿ])", lambda m: f"{m[1]} père "),
        (r"\bSr (?=[A-ZÀ-Þ][a-zà-ÿ])", lambda _: "sœur "),
        (r"\bS\. ?M\. (?=la |le |l')", lambda _: "Sa Majesté "),
        (r"\bS\. ?E\. (?=M\.|Mme)", lambda _: "Son Excellence "),
    )


def _written_otherwise(french: Language) -> tuple[Rule, ...]:
    """Hours in capitals, telephones without spaces, scales of maps, millions before a noun."""
    no_nouns = (
        "deux|trois|six|dix|cents?|mais|dans|plus|moins|vers|sans|sous|depuis|après|très|pas|dès|puis|alors|nous|vous|"
        "ils|elles|les|des|ses|ces|mes|nos|vos|tous|toutes|fois|lors|jamais|toujours|hors"
    )

    def of(found: Match) -> str:
        joined = "d'" if found[2][0] in "aeiouyéèêh" else "de "
        return f"{found[1]} {joined}"

    def part(found: Match) -> str:
        return f"{found[1]} {french.ordinal(int(found[2].replace(' ', '')))}{'s' if found[1] != '1' else ''}"

    return (
        (r"(?<![\w.,:])([01]?[0-9]|2[0-4]) ?H ?([0-5][0-9])?(?!\w)", lambda m: f"{m[1]}h{m[2] or ''}"),
        (r"(?<=[0-9]h)(/|[0-5][0-9]/)(?=[0-9]{1,2}h)", lambda m: f"{m[1][:-1]} à "),
        (r"(?<!\w)1er/(?=[01]?[0-9](?:/|\b))", lambda _: "1/"),
        (
            r"(?<!\w)\+33 ?([1-9])([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?!\w)",
            lambda m: f"+33 {' '.join(m.groups())}",
        ),
        (r"(?<!\w)f/(?=[0-9])", lambda _: "f "),
        (
            r"\b(fait|font|coûtent?|dure|durent|pèse|mesure|compte|comptent|ont|à|de|avec) ([<>]) ?(?=[0-9])",
            lambda m: f"{m[1]} {'moins' if m[2] == '<' else 'plus'} de ",
        ),
        (r"(?<![\w.,])([2-9]) ch\.(?=[ ,;])", lambda m: f"{m[1]} chambres"),
        (r"(?<=[0-9]e )j\.(?= de)", lambda _: "journée"),
        (r"(?<=[0-9]) ?(min|mn|sec|kg|km|cm|mm|ml|cl)\.(?= [a-zà-ÿ])", lambda m: f" {m[1]}"),
        (r"(?<![\w/.,])([0-9]{1,3})/([0-9]{1,3}(?: [0-9]{3})+)(?:e|ème|es)?(?![\w])", part),
        (r"(?<![\w/.,])(1)/([0-9]{3,5})(?:e|ème)?(?= ?s\b| de seconde)", part),
        (r"(?<=ième) s\b(?!\.)", lambda _: " de seconde"),
        (r"(?<![\w/.,:])16[:/]9e?(?![\w])", lambda _: "seize neuvièmes"),
        (r"(?<![\w/.,:])4[:/]3(?![\w])", lambda _: "quatre tiers"),
        (r"(?<![\w:])1 ?: ?([0-9]{1,3}(?: [0-9]{3})+)(?!\w)", lambda m: f"un à {m[1]}"),
        (r"(?<=€) ?/ ?(?=[0-9]+ ?(?:g|ml|cl|km|kg|l|L|m)\b)", lambda _: " pour "),
        (r"(?<=[0-9]) 000 k€", lambda _: " M€"),
        (r"(?<=[0-9]) ?% ?[-–] ?(?=[0-9]+(?:,[0-9]+)? ?%)", lambda _: " % à "),
        (rf"\b(millions?|milliards?) (?=((?!(?:{no_nouns})\b)[a-zà-ÿ]{{3,}}s\b))", of),
    )
