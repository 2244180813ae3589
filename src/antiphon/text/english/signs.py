"""How English says signs: symbols, comparisons, Greek letters, superscripts, addresses."""

from __future__ import annotations

SYMBOLS = {
    "&": "and",
    "@": "at",
    "#": "hash",
    "+": "plus",
    "=": "equals",
    "%": "percent",
    "‰": "per mille",
    "°": "degrees",
    "×": "times",
    "÷": "divided by",
    "±": "plus or minus",
    "≈": "approximately",
    "≠": "is not equal to",
    "≤": "less than or equal to",
    "≥": "greater than or equal to",
    "<": "is less than",
    ">": "is greater than",
    "→": "to",
    "√": "the square root of",
    "∞": "infinity",
    "π": "pi",
    "©": "copyright",
    "§": "section",
    "¶": "paragraph",
    "$": "dollar",
    "€": "euro",
    "£": "pound",
    "¥": "yen",
    "¢": "cent",
    "₹": "rupee",
    "₩": "won",
    "₽": "ruble",
    "₿": "bitcoin",
    "∑": "the sum of",
    "∏": "the product of",
    "∫": "the integral of",
    "∂": "partial",
    "∇": "del",
    "∆": "delta",
    "∈": "in",
    "∉": "not in",
    "∪": "union",
    "∩": "intersection",
    "⊂": "is a subset of",
    "⊆": "is a subset of",
    "∀": "for all",
    "∃": "there exists",
    "¬": "not",
    "∧": "and",
    "∨": "or",
    "∠": "angle",
    "∅": "the empty set",
    "∝": "is proportional to",
    "∴": "therefore",
    "≅": "is congruent to",
    "∼": "about",
    "⊥": "is perpendicular to",
    "∥": "is parallel to",
}
COMPARISONS = {
    "<": "is less than",
    ">": "is greater than",
    "≤": "is less than or equal to",
    "⩽": "is less than or equal to",
    "<=": "is less than or equal to",
    "≥": "is greater than or equal to",
    "⩾": "is greater than or equal to",
    ">=": "is greater than or equal to",
    "≈": "is approximately",
    "≠": "is not equal to",
    "!=": "is not equal to",
    "≡": "is equivalent to",
}
GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρσςτυφχψωΓΔΘΛΞΠΣΦΨΩ",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma "
        "tau upsilon "
        "phi chi psi omega gamma delta theta lambda xi pi sigma phi psi omega".split(),
        strict=True,
    )
)
SUPERSCRIPTS = {"²": "squared", "³": "cubed", "¹": "one", "⁴": "to the fourth"}
UNSPOKEN = "*_|\\^`~[]{}"

ADDRESS_SIGNS = {
    ".": "dot",
    "/": "slash",
    "-": "dash",
    "_": "underscore",
    "@": "at",
    ":": "colon",
    "?": "question mark",
    "=": "equals",
    "&": "and",
    "#": "hash",
    "%": "percent",
    "+": "plus",
    "~": "tilde",
    "\\": "backslash",
}
# Ends of file names: said as a word, or by their letters.
SPOKEN_ENDINGS = tuple(
    "zip|doc|docx|bat|bin|dat|app|jar|log|ini|bash|java|toml|yaml|json|tar|conf|cfg|lock|swift".split("|")
)
SPELLED_ENDINGS = tuple(
    "pdf|txt|md|csv|tsv|html|htm|xml|css|js|ts|jsx|tsx|py|rb|rs|go|cpp|php|sh|exe|dll|so|iso|png|jpg|jpeg|gif|svg|webp|"
    "mp3|mp4|wav|flac|ogg|avi|mov|mkv|xls|xlsx|ppt|pptx|rtf|epub|sql|db|gz|7z|rar|yml|tex|srt|vtt|psd|ps1|"
    "ipynb|odt".split("|")
)
TOP_DOMAINS = (
    "com|org|net|edu|gov|io|ai|dev|app|co|info|biz|uk|de|fr|jp|cn|eu|us|ca|au|ch|nl|es|it|me|tv|xyz|"
    "int|mil|ly|be|at|se|no|dk|fi|pl|ru|in|br|nz|za|ie|gg|sh|fm|so|cc|page|blog|shop|online|site|tech|news"
)
