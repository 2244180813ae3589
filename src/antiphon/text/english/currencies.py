"""Currencies of the world as English writes and says them."""

from __future__ import annotations

# signs and codes (first the code, which also follows "$5") | one | many | one hundredth | hundredths
_TABLE = """
$|dollar|dollars|cent|cents
USD US$|US dollar|US dollars|cent|cents
CAD C$ CA$ Can$|Canadian dollar|Canadian dollars|cent|cents
AUD A$ AU$|Australian dollar|Australian dollars|cent|cents
NZD NZ$|New Zealand dollar|New Zealand dollars|cent|cents
HKD HK$|Hong Kong dollar|Hong Kong dollars|cent|cents
SGD S$ SG$|Singapore dollar|Singapore dollars|cent|cents
TWD NT$|New Taiwan dollar|New Taiwan dollars|cent|cents
JMD J$|Jamaican dollar|Jamaican dollars|cent|cents
MXN MX$ Mex$|Mexican peso|Mexican pesos|centavo|centavos
ARS AR$|Argentine peso|Argentine pesos|centavo|centavos
CLP CL$|Chilean peso|Chilean pesos||
COP CO$|Colombian peso|Colombian pesos|centavo|centavos
BRL R$|Brazilian real|Brazilian reais|centavo|centavos
EUR €|euro|euros|cent|cents
GBP £|pound|pounds|penny|pence
EGP E£|Egyptian pound|Egyptian pounds|piastre|piastres
JPY ¥ JP¥|yen|yen||
CNY CN¥ RMB|yuan|yuan|fen|fen
CHF SFr. SFr|Swiss franc|Swiss francs|centime|centimes
INR ₹ Rs. Rs|rupee|rupees|paisa|paise
PKR|Pakistani rupee|Pakistani rupees|paisa|paise
LKR|Sri Lankan rupee|Sri Lankan rupees|cent|cents
BDT ৳|taka|taka|paisa|paise
KRW ₩|won|won||
RUB ₽|ruble|rubles|kopek|kopeks
UAH ₴|hryvnia|hryvnias|kopiyka|kopiykas
TRY ₺|Turkish lira|Turkish lira|kurush|kurush
ILS ₪ NIS|shekel|shekels|agora|agorot
SEK|Swedish krona|Swedish kronor|öre|öre
NOK|Norwegian krone|Norwegian kroner|øre|øre
DKK|Danish krone|Danish kroner|øre|øre
ISK|Icelandic krona|Icelandic kronur||
kr kr.|krone|kroner|øre|øre
PLN zł|zloty|zlotys|grosz|groszy
CZK Kč|Czech koruna|Czech koruna|haler|haler
HUF|forint|forints||
RON|Romanian leu|Romanian lei|ban|bani
BGN|lev|leva|stotinka|stotinki
THB ฿|baht|baht|satang|satang
VND ₫|dong|dong||
IDR Rp|rupiah|rupiah||
MYR RM|ringgit|ringgit|sen|sen
PHP ₱|Philippine peso|Philippine pesos|centavo|centavos
NGN ₦|naira|naira|kobo|kobo
GHS ₵ GH₵|cedi|cedis|pesewa|pesewas
KES KSh|Kenyan shilling|Kenyan shillings|cent|cents
ZAR|rand|rand|cent|cents
MAD|Moroccan dirham|Moroccan dirhams|centime|centimes
AED|dirham|dirhams|fils|fils
SAR|Saudi riyal|Saudi riyals|halala|halalas
QAR|Qatari riyal|Qatari riyals|dirham|dirhams
KWD|Kuwaiti dinar|Kuwaiti dinars||
KZT ₸|tenge|tenge||
GEL ₾|lari|lari|tetri|tetri
AZN ₼|manat|manat|qapik|qapik
AMD ֏|dram|dram||
MNT ₮|tugrik|tugriks||
LAK ₭|kip|kip||
KHR ៛|riel|riels||
CRC ₡|colón|colones|céntimo|céntimos
PYG ₲|guaraní|guaraníes||
PEN S/|sol|soles|céntimo|céntimos
BTC ₿|bitcoin|bitcoins||
ETH Ξ|ether|ether||
"""

CURRENCIES: dict[str, tuple[str, str, str, str]] = {
    sign: (one, many, coin, coins)
    for signs, one, many, coin, coins in (line.split("|") for line in _TABLE.strip().splitlines())
    for sign in signs.split()
}
CODES = "|".join(sign for sign in CURRENCIES if len(sign) == 3 and sign.isupper() and sign.isascii())

SCALES = {
    **{name: name for name in ("hundred", "thousand", "million", "billion", "trillion", "lakh", "crore")},
    "lakhs": "lakh",
    "crores": "crore",
    "cr": "crore",
    "k": "thousand",
    "K": "thousand",
    "m": "million",
    "M": "million",
    "mn": "million",
    "mln": "million",
    "mil": "million",
    "MM": "million",
    "b": "billion",
    "B": "billion",
    "bn": "billion",
    "T": "trillion",
    "tn": "trillion",
    "trn": "trillion",
}
