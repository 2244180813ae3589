"""Folders as the hub has them, of the libraries' own classes with tiny random weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LETTERS = "_abcdefghijklmnopqrstuvwxyz '-"


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch's threads wait for one another at each of thousands of small steps, where other tests have the cores."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def mms(folder: Path, *, language: str = "eng", letters: str = LETTERS, roman: bool = False, **changes: Any) -> Path:
    """VITS with about 0.1 s a letter, loud enough to be heard."""
    import torch
    from transformers import VitsConfig, VitsModel, VitsTokenizer

    torch.manual_seed(5)
    given = {
        "vocab_size": len(letters) + 1,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "ffn_dim": 16,
        "flow_size": 16,
        "spectrogram_bins": 9,
        "use_stochastic_duration_prediction": False,
        "duration_predictor_filter_channels": 8,
        "upsample_initial_channel": 16,
        "upsample_rates": [4, 4, 2, 2],
        "upsample_kernel_sizes": [8, 8, 4, 4],
        "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1]],
        "prior_encoder_num_flows": 2,
        "prior_encoder_num_wavenet_layers": 1,
        "posterior_encoder_num_wavenet_layers": 1,
        **changes,
    }
    model = VitsModel(VitsConfig(**given))
    with torch.no_grad():
        model.duration_predictor.proj.bias.fill_(2.5)
        model.decoder.conv_post.weight.normal_(0, 5)
    model.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({letter: number for number, letter in enumerate(letters)}))
    VitsTokenizer(
        str(folder / "vocab.json"), language=language, pad_token=letters[0], phonemize=False, is_uroman=roman
    ).save_pretrained(folder)
    return folder


def musicgen(folder: Path, *, channels: int = 1) -> Path:
    """A T5 encoder, a decoder of four codebooks and EnCodec; 25 frames a second at 16 kHz."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        EncodecConfig,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        PreTrainedTokenizerFast,
        T5Config,
    )

    torch.manual_seed(6)
    config = MusicgenConfig(
        text_encoder=T5Config(vocab_size=32, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2).to_dict(),
        audio_encoder=EncodecConfig(
            sampling_rate=16_000,
            target_bandwidths=[2.0],
            num_filters=4,
            hidden_size=16,
            num_lstm_layers=1,
            codebook_size=32,
            codebook_dim=16,
            upsampling_ratios=[8, 5, 4, 4],
            audio_channels=1,
            normalize=False,
        ).to_dict(),
        decoder=MusicgenDecoderConfig(
            vocab_size=32,
            hidden_size=16,
            num_hidden_layers=1,
            ffn_dim=16,
            num_attention_heads=2,
            num_codebooks=4 * channels,
            audio_channels=channels,
            pad_token_id=32,
            bos_token_id=32,
        ).to_dict(),
    )
    model = MusicgenForConditionalGeneration(config)
    with torch.no_grad():  # as they are made, all entries of a codebook are zero, and every token is as likely
        for layer in model.audio_encoder.quantizer.layers:
            layer.codebook.embed.normal_()
        for weight in (*model.decoder.parameters(), *model.text_encoder.parameters()):
            weight.normal_(0, 0.5)
    model.generation_config.decoder_start_token_id = 32
    model.generation_config.pad_token_id = 32
    model.generation_config.bos_token_id = 32
    model.save_pretrained(folder)
    words = {"<pad>": 0, "<unk>": 1, "calm": 2, "piano": 3, "waltz": 4}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>").save_pretrained(folder)
    return folder


def pocket(folder: Path, *, voices: tuple[str, ...] = ("alba", "marius")) -> Path:
    """Pocket TTS of two layers that ends each sentence after nine frames, a byte a token; voices from noise."""
    import torch
    from pocket_tts import TTSModel, export_model_state
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    (folder / "embeddings").mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    seanet = {
        "dimension": 16, "channels": 1, "n_filters": 4, "n_residual_layers": 1, "ratios": [6, 5, 4], "kernel_size": 7,
        "residual_kernel_size": 3, "last_kernel_size": 3, "dilation_base": 2, "pad_mode": "constant", "compress": 2,
    }  # fmt: skip
    transformer = {
        "d_model": 16, "num_heads": 2, "num_layers": 1, "layer_scale": 0.01, "context": 50, "dim_feedforward": 16,
        "input_dimension": 16, "output_dimensions": [16],
    }  # fmt: skip
    make = {
        "default_eos_threshold": -1e9,
        "flow_lm": {
            "dtype": "float32",
            "flow": {"depth": 1, "dim": 16},
            "transformer": {"d_model": 16, "hidden_scale": 1, "max_period": 10000, "num_heads": 2, "num_layers": 2},
            "lookup_table": {
                "dim": 16, "n_bins": len(alphabet), "tokenizer": "tokenizers",
                "tokenizer_path": "hf://somebody/else/tokenizer.json@1234",
            },
        },
        "mimi": {
            "dtype": "float32", "sample_rate": 24000, "channels": 1, "frame_rate": 12.5, "seanet": seanet,
            "transformer": transformer, "quantizer": {"dimension": 8, "output_dimension": 16},
            "inner_dim": 8, "outer_dim": 16,
        },
    }  # fmt: skip
    (folder / "raw.yaml").write_text(
        json.dumps(
            make
            | {
                "flow_lm": make["flow_lm"]
                | {"lookup_table": make["flow_lm"]["lookup_table"] | {"tokenizer_path": str(folder / "tokenizer.json")}}
            }
        )
    )
    torch.manual_seed(7)
    model = TTSModel.load_model(config=folder / "raw.yaml")
    (folder / "raw.yaml").unlink()
    with torch.no_grad():  # zero as it is made, so that all voices are one
        model.flow_lm.speaker_proj_weight.normal_()
    make["weights_path"] = "hf://somebody/else/model.safetensors@1234"
    (folder / "config.yaml").write_text(json.dumps(make))
    save_file(model.state_dict(), folder / "model.safetensors")
    for name in voices:
        noise = 0.1 * torch.randn(1, 24_000)
        export_model_state(model.get_state_for_audio_prompt(noise), folder / "embeddings" / f"{name}.safetensors")
    return folder
