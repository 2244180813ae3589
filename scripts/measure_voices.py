# ruff: noqa: RUF001 - letters of other alphabets are meant
"""Measure the voice cards: what every built-in voice sounds like on its own sentences.

    python scripts/measure_voices.py weights/judges/antiphon_weights_judges/voice-cards.safetensors

Per voice: the mean speaker embedding by both encoders (float16 [256] each) and mean and standard deviation of both
naturalness predictors (float32 [2, 2]). Takes about 15 minutes on two cores; what the target has already is kept unless
--all is given.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np

from antiphon import engines
from antiphon.analysis.speaker import embed, embed_independent, mean_voice
from antiphon.audio.waveform import Waveform
from antiphon.engines.base import Voice
from antiphon.judges.speech.cards import PREDICTORS
from antiphon.judges.speech.evidence import Evidence
from antiphon.judges.speech.naturalness import DistillMosMeter, DnsmosMeter
from antiphon.models import tensors
from antiphon.services import SpeechRequest

SENTENCES = {
    "en": (
        "The morning train to the coast was almost empty, and the sea looked calm.",
        "Please leave the small green box on the table beside the window.",
        "We walked for two hours before anybody noticed that the map was wrong.",
        "Could you tell me how far it is to the nearest library?",
    ),
    "de": (
        "Der Zug an die Küste war am Morgen fast leer, und das Meer lag ruhig da.",
        "Bitte stellen Sie die kleine grüne Kiste auf den Tisch am Fenster.",
        "Wir gingen zwei Stunden, bevor jemand merkte, dass die Karte falsch war.",
        "Können Sie mir sagen, wie weit es bis zur nächsten Bibliothek ist?",
    ),
    "fr": (
        "Le train du matin vers la côte était presque vide, et la mer semblait calme.",
        "Laissez la petite boîte verte sur la table, près de la fenêtre.",
        "Nous avons marché deux heures avant de voir que la carte était fausse.",
        "Pouvez-vous me dire où se trouve la bibliothèque la plus proche ?",
    ),
    "es": (
        "El tren de la mañana hacia la costa iba casi vacío y el mar estaba en calma.",
        "Por favor, deja la pequeña caja verde sobre la mesa, junto a la ventana.",
        "Caminamos dos horas antes de que alguien notara que el mapa estaba mal.",
        "¿Puede decirme a qué distancia está la biblioteca más cercana?",
    ),
    "it": (
        "Il treno del mattino verso la costa era quasi vuoto e il mare sembrava calmo.",
        "Per favore, lascia la piccola scatola verde sul tavolo accanto alla finestra.",
        "Abbiamo camminato due ore prima di capire che la mappa era sbagliata.",
        "Può dirmi quanto dista la biblioteca più vicina?",
    ),
    "pt": (
        "O comboio da manhã para a costa estava quase vazio e o mar parecia calmo.",
        "Por favor, deixe a pequena caixa verde na mesa ao lado da janela.",
        "Andamos duas horas antes de alguém notar que o mapa estava errado.",
        "Pode dizer-me a que distância fica a biblioteca mais próxima?",
    ),
    "nl": (
        "De ochtendtrein naar de kust was bijna leeg en de zee lag er rustig bij.",
        "Zet de kleine groene doos maar op de tafel naast het raam.",
        "We liepen twee uur voordat iemand merkte dat de kaart niet klopte.",
        "Kunt u mij zeggen hoe ver het is naar de dichtstbijzijnde bibliotheek?",
    ),
    "pl": (
        "Poranny pociąg nad morze był prawie pusty, a woda wyglądała spokojnie.",
        "Proszę zostawić małe zielone pudełko na stole obok okna.",
        "Szliśmy dwie godziny, zanim ktoś zauważył, że mapa jest błędna.",
        "Czy może mi pan powiedzieć, jak daleko jest do biblioteki?",
    ),
    "ru": (
        "Утренний поезд к морю был почти пуст, и вода казалась спокойной.",
        "Пожалуйста, оставьте маленькую зелёную коробку на столе у окна.",
        "Мы шли два часа, прежде чем кто-то заметил, что карта неверна.",
        "Скажите, пожалуйста, далеко ли до ближайшей библиотеки?",
    ),
    "sv": (
        "Morgontåget till kusten var nästan tomt och havet låg stilla.",
        "Ställ den lilla gröna lådan på bordet bredvid fönstret.",
        "Vi gick i två timmar innan någon märkte att kartan var fel.",
        "Kan du säga mig hur långt det är till närmaste bibliotek?",
    ),
    "tr": (
        "Sahile giden sabah treni neredeyse boştu ve deniz sakin görünüyordu.",
        "Lütfen küçük yeşil kutuyu pencerenin yanındaki masaya bırakın.",
        "Haritanın yanlış olduğunu fark edene kadar iki saat yürüdük.",
        "En yakın kütüphanenin ne kadar uzakta olduğunu söyler misiniz?",
    ),
    "hi": (
        "सुबह की रेलगाड़ी लगभग खाली थी और समुद्र शांत दिख रहा था।",
        "कृपया छोटा हरा डिब्बा खिड़की के पास वाली मेज़ पर रख दीजिए।",
        "हम दो घंटे चलते रहे, तब पता चला कि नक्शा गलत था।",
        "क्या आप बता सकते हैं कि पुस्तकालय कितनी दूर है?",
    ),
    "cmn": (
        "早上开往海边的火车几乎是空的，海面看起来很平静。",
        "请把绿色的小盒子放在窗户旁边的桌子上。",
        "我们走了两个小时，才有人发现地图是错的。",
        "请问最近的图书馆离这里有多远？",
    ),
}
KINDS = ("embedding", "other", "mos")
ESPEAK = ("en-us", "en-gb", "de", "fr", "es", "it", "pt", "pt-br", "nl", "pl", "ru", "sv", "tr", "hi", "cmn")


MEASURED = ("hibari", "kokoro", "espeak")
"""Not soundstorm: its voices were prompted with Kokoro's, and would be in the crowd of strangers twice."""


def wanted() -> Iterable[Voice]:
    """Every voice of hibari and Kokoro, and espeak-ng's main languages."""
    for voice in engines.all_voices():
        if voice.engine in MEASURED and (voice.engine != "espeak" or voice.language in ESPEAK):
            yield voice


def speak(voice: Voice, text: str) -> Evidence:
    request = SpeechRequest(text=text, voice=voice.name, language=voice.language)
    chunks = list(engines.load(voice.engine).generate(request, seed=7))
    audio = Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)
    # Validators judge what travelled: 16-bit samples.
    audio = Waveform.from_pcm16(audio.to_pcm16(), audio.rate_hz)
    return Evidence(request, audio, audio.rate_hz, audio.samples.shape[1])


def measure(voice: Voice, known: Collection[str]) -> dict[str, np.ndarray]:
    """What is not yet known of a voice."""
    clips = [speak(voice, text) for text in SENTENCES[voice.language.split("-")[0]]]
    audios = [clip.audio for clip in clips if clip.audio is not None]
    found = {}
    for name, encoder in (("embedding", embed), ("other", embed_independent)):
        if f"{voice.name}/{name}" not in known:
            found[f"{voice.name}/{name}"] = mean_voice([encoder(audio, threads=2) for audio in audios]).astype(
                np.float16
            )
    if f"{voice.name}/mos" not in known:
        found[f"{voice.name}/mos"] = naturalness(clips)
    return found


def naturalness(clips: Iterable[Evidence]) -> np.ndarray:
    judges = (DistillMosMeter(threads=2), DnsmosMeter(threads=2))
    heard = [{m.name: m.value for judge in judges for m in judge.measure(clip)} for clip in clips]
    table = np.array([[values[name] for name in PREDICTORS] for values in heard], dtype=np.float64)
    return np.stack([table.mean(axis=0), table.std(axis=0, ddof=1)], axis=1).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("--all", action="store_true", help="measure voices again that the target knows")
    parser.add_argument("--voices", default="", help="only these, divided by commas")
    arguments = parser.parse_args()
    chosen = set(arguments.voices.split(",")) - {""}

    cards: dict[str, np.ndarray] = {}
    if arguments.target.exists() and not arguments.all:
        cards.update(tensors.parse(arguments.target.read_bytes()))
    for voice in wanted():
        wants = {f"{voice.name}/{name}" for name in KINDS}
        if not wants <= cards.keys() and (not chosen or voice.name in chosen):
            cards.update(measure(voice, cards.keys()))
            print(voice.name, cards[f"{voice.name}/mos"].round(2).tolist(), flush=True)
            arguments.target.write_bytes(tensors.dump(dict(sorted(cards.items()))))
    print(f"{len(cards) // len(KINDS)} voices, sha256 {hashlib.sha256(arguments.target.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
