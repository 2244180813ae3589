"""The shape of a codec: everything that encoder, decoder, training and export must agree on."""

from __future__ import annotations

import json

import msgspec

from antiphon.errors import ModelError


class CodecConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Defaults: 16 kHz, 50 Hz, 2 groups x 2 levels x 1024 codes = 2 kb/s (HiFi-Codec, arXiv:2305.02765, at frame rate).

    Plain residual quantisation is `groups=1`. 24 kHz is `rate_hz=24_000, hop=480, subframes=6`.
    """

    name: str = "antiphon-16k"
    rate_hz: int = 16_000
    hop: int = 320  # samples of a token frame
    subframes: int = 4  # head frames of a token frame; `hop / subframes` samples each
    mel_bands: int = 80
    mel_window: int = 512  # samples; two mel frames a token frame
    fine_bands: int = 40
    fine_window: int = 256  # samples; one fine frame a subframe, for what begins and ends within 20 ms
    groups: int = 2
    levels: int = 2  # residual levels of each group
    codes: int = 1024
    code_dim: int = 32  # of one group
    encoder_dim: int = 192
    encoder_blocks: int = 5
    decoder_dim: int = 320
    decoder_blocks: int = 6
    expansion: int = 3
    lookahead: int = 3  # token frames the decoder sees ahead
    harmonic_bands: int = 96
    noise_bands: int = 48
    phase_bands: int = 32

    def __post_init__(self) -> None:
        if self.hop % (2 * self.subframes) or self.rate_hz % self.hop:
            raise ValueError(f"hop {self.hop} must divide {self.rate_hz} and be a multiple of {2 * self.subframes}")
        if min(self.groups, self.levels, self.code_dim, self.encoder_blocks, self.decoder_blocks) < 1:
            raise ValueError("groups, levels, code_dim and blocks must be at least 1")
        if not 2 <= self.codes <= 65_535:
            raise ValueError(f"codes {self.codes} do not fit 16-bit tokens")

    @property
    def frame_rate_hz(self) -> float:
        return self.rate_hz / self.hop

    @property
    def streams(self) -> int:
        """Levels of the token grid, group after group: level `g * levels + l`."""
        return self.groups * self.levels

    @property
    def depth(self) -> tuple[int, ...]:
        """Of each level of the token grid in its group."""
        return tuple(range(self.levels)) * self.groups

    @property
    def step(self) -> int:
        """Samples of a subframe of the head."""
        return self.hop // self.subframes

    @property
    def n_fft(self) -> int:
        """Length of the head's transforms: the windows of four steps, and room for the filters' ringing."""
        return 1 << (6 * self.step - 1).bit_length()

    @property
    def features(self) -> int:
        """Encoder input channels: two frames of mel bands, log F0 and voicing, and the fine mel frames."""
        return 2 * (self.mel_bands + 2) + self.subframes * self.fine_bands

    @property
    def controls(self) -> int:
        """Head parameters of one subframe: log F0, harmonic and noise envelopes, phase."""
        return 1 + self.harmonic_bands + self.noise_bands + self.phase_bands

    @property
    def bits_per_s(self) -> float:
        return self.streams * (self.codes - 1).bit_length() * self.frame_rate_hz

    def to_json(self) -> str:
        return json.dumps(msgspec.to_builtins(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> CodecConfig:
        """Raises `ModelError` for text that is no configuration."""
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, ValueError) as error:
            raise ModelError(f"This is no configuration of a codec: {error}", "Reinstall the model.") from error
