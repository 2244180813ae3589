"""Audio: waveforms, files and formats, resampling, joining and levels."""

from antiphon.audio.encoding import Encoder, encoder_for, wav_header
from antiphon.audio.formats import FORMATS, Format, format_named, format_of
from antiphon.audio.joining import Joiner
from antiphon.audio.loudness import Loudness, Meter, measure, peak_dbfs, rms_dbfs
from antiphon.audio.normalising import MUSIC_LUFS, SPEECH_EXPECTED_LUFS, SPEECH_LUFS, NormalisedStream, Normaliser
from antiphon.audio.reading import MAX_AUDIO_BYTES, MAX_AUDIO_S, read, read_blocks
from antiphon.audio.resampling import Resampler, resample
from antiphon.audio.room import RoomTone
from antiphon.audio.tags import Tags
from antiphon.audio.waveform import Samples, Waveform
from antiphon.audio.writing import AudioWriter

__all__ = [
    "FORMATS",
    "MAX_AUDIO_BYTES",
    "MAX_AUDIO_S",
    "MUSIC_LUFS",
    "SPEECH_EXPECTED_LUFS",
    "SPEECH_LUFS",
    "AudioWriter",
    "Encoder",
    "Format",
    "Joiner",
    "Loudness",
    "Meter",
    "NormalisedStream",
    "Normaliser",
    "Resampler",
    "RoomTone",
    "Samples",
    "Tags",
    "Waveform",
    "encoder_for",
    "format_named",
    "format_of",
    "measure",
    "peak_dbfs",
    "read",
    "read_blocks",
    "resample",
    "rms_dbfs",
    "wav_header",
]
