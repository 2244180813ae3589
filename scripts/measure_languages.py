# ruff: noqa: RUF001 - letters of other alphabets are meant
"""What Whisper base understands of espeak-ng's voices: the table of `antiphon.judges.speech.reach`.

    python scripts/measure_languages.py        # about 6 minutes on two cores

Prints per language the word and character error rates of each text, and the median character error rate.
"""

from __future__ import annotations

import argparse

import numpy as np
from measure_voices import SENTENCES

from antiphon import engines, models, text
from antiphon.analysis import Recogniser, mono_16k
from antiphon.analysis.recogniser import languages as known_by
from antiphon.audio.waveform import Waveform
from antiphon.engines.espeak_voices import languages
from antiphon.judges.speech.wording import error_rates, normalise
from antiphon.judges.speech.words import SAME_LANGUAGE
from antiphon.services import SpeechRequest

# Universal Declaration of Human Rights, article 1.
ARTICLE_1 = {
    "af": "Alle menslike wesens word vry, met gelyke waardigheid en regte, gebore.",
    "ar": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.",
    "az": "Bütün insanlar ləyaqət və hüquqlarına görə azad və bərabər doğulurlar.",
    "be": "Усе людзі нараджаюцца свабоднымі і роўнымі ў сваёй годнасці і правах.",
    "bg": "Всички хора се раждат свободни и равни по достойнство и права.",
    "bn": "সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে।",
    "bs": "Sva ljudska bića rađaju se slobodna i jednaka u dostojanstvu i pravima.",
    "ca": "Tots els éssers humans neixen lliures i iguals en dignitat i en drets.",
    "cmn": "人人生而自由，在尊严和权利上一律平等。",
    "cs": "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv.",
    "cy": "Genir pawb yn rhydd ac yn gydradd â'i gilydd mewn urddas a hawliau.",
    "da": "Alle mennesker er født frie og lige i værdighed og rettigheder.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "el": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "eo": "Ĉiuj homoj estas denaske liberaj kaj egalaj laŭ digno kaj rajtoj.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos.",
    "et": "Kõik inimesed sünnivad vabadena ja võrdsetena oma väärikuselt ja õigustelt.",
    "eu": "Gizon-emakume guztiak aske jaiotzen dira, duintasun eta eskubide berberak dituztela.",
    "fa": "تمام افراد بشر آزاد به دنیا می‌آیند و از لحاظ حیثیت و حقوق با هم برابرند.",
    "fi": "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "gl": "Tódolos seres humanos nacen libres e iguais en dignidade e dereitos.",
    "gu": "પ્રતિષ્ઠા અને અધિકારોની દૃષ્ટિએ સર્વ માનવો જન્મથી સ્વતંત્ર અને સમાન હોય છે.",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "hr": "Sva ljudska bića rađaju se slobodna i jednaka u dostojanstvu i pravima.",
    "hu": "Minden emberi lény szabadon születik és egyenlő méltósága és joga van.",
    "hy": "Բոլոր մարդիկ ծնվում են ազատ ու հավասար իրենց արժանապատվությամբ ու իրավունքներով։",
    "id": "Semua orang dilahirkan merdeka dan mempunyai martabat dan hak-hak yang sama.",
    "is": "Hver maður er borinn frjáls og jafn öðrum að virðingu og réttindum.",
    "it": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti.",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "ka": "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით.",
    "kk": "Барлық адамдар тумысынан азат және қадір-қасиеті мен құқықтары тең болып дүниеге келеді.",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "la": "Omnes homines liberi aequique dignitate atque iuribus nascuntur.",
    "lt": "Visi žmonės gimsta laisvi ir lygūs savo orumu ir teisėmis.",
    "lv": "Visi cilvēki piedzimst brīvi un vienlīdzīgi savā pašcieņā un tiesībās.",
    "mk": "Сите човечки суштества се раѓаат слободни и еднакви по достоинство и права.",
    "ms": "Semua manusia dilahirkan bebas dan samarata dari segi kemuliaan dan hak-hak.",
    "nb": "Alle mennesker er født frie og med samme menneskeverd og menneskerettigheter.",
    "nl": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren.",
    "pl": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
    "pt": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos.",
    "pt-br": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos.",
    "ro": "Toate ființele umane se nasc libere și egale în demnitate și în drepturi.",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "sk": "Všetci ľudia sa rodia slobodní a sebe rovní, čo sa týka ich dôstojnosti a práv.",
    "sl": "Vsi ljudje se rodijo svobodni in imajo enako dostojanstvo in enake pravice.",
    "sq": "Të gjithë njerëzit lindin të lirë dhe të barabartë në dinjitet dhe në të drejta.",
    "sr": "Сва људска бића рађају се слободна и једнака у достојанству и правима.",
    "sv": "Alla människor är födda fria och lika i värde och rättigheter.",
    "sw": "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa.",
    "ta": "மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்.",
    "te": "ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును జన్మతః స్వతంత్రులును సమానులును నగుదురు.",
    "tr": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar.",
    "uk": "Всі люди народжуються вільними і рівними у своїй гідності та правах.",
    "ur": "تمام انسان آزاد اور حقوق و عزت کے اعتبار سے برابر پیدا ہوئے ہیں۔",
    "vi": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.",
}


def rates(recogniser: Recogniser, tag: str, written: str) -> tuple[float, float]:
    """(WER, CER) of what is heard, carefully, in the text spoken by the voice of `tag`."""
    base = tag.split("-", maxsplit=1)[0]
    request = SpeechRequest(text=written, voice=f"espeak-{tag}", language=tag)
    chunks = list(engines.load("espeak").generate(request, 1))
    spoken = Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)
    (heard,) = recogniser.transcribe([mono_16k(spoken)], SAME_LANGUAGE.get(base, base), careful=True)
    got = normalise(heard.text, tag)
    return min(error_rates(normalise(form, tag), got) for form in (written, text.normalise(written, tag)))


def main() -> None:
    recogniser = Recogniser("whisper-base")
    known = known_by(models.read("whisper-base", "tokenizer.json"))
    for tag in sorted(languages()):
        base = tag.split("-", maxsplit=1)[0]
        if base == "en" or SAME_LANGUAGE.get(base, base) not in known:
            continue
        texts = [*SENTENCES.get(base, ()), *[found for found in (ARTICLE_1.get(tag, ARTICLE_1.get(base)),) if found]]
        if not texts:
            print(f"{tag:<18} no text")
            continue
        found = np.array([rates(recogniser, tag, one) for one in texts])
        print(
            f"{tag:<18} median CER {np.median(found[:, 1]):.2f}  WER {found[:, 0].round(2)}  CER {found[:, 1].round(2)}"
        )


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    main()
