"""OpenAI's client for Node: what the audio section of its documentation shows, against the real server."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from antiphon.audio import read

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
AUDIO = """
import fs from "fs";
import OpenAI from "openai";

const openai = new OpenAI({ baseURL: process.argv[2], apiKey: "none", maxRetries: 0 });
const input = "Today is a wonderful day to build something people love!";

const mp3 = await openai.audio.speech.create({ model: "gpt-4o-mini-tts", voice: "alloy", input });
await fs.promises.writeFile("speech.mp3", Buffer.from(await mp3.arrayBuffer()));

const streamed = await openai.audio.speech.create({ model: "tts-1", voice: "hibari", input, response_format: "pcm" });
let bytes = 0;
for await (const chunk of streamed.body) bytes += chunk.length;

const file = () => fs.createReadStream("speech.mp3");
const transcription = await openai.audio.transcriptions.create({ file: file(), model: "whisper-1", language: "en" });
const timed = await openai.audio.transcriptions.create({
  file: file(), model: "whisper-1", language: "en", response_format: "verbose_json", timestamp_granularities: ["word"],
});
const translation = await openai.audio.translations.create({ file: file(), model: "whisper-1" });

let refused;
try {
  await openai.audio.speech.create({ model: "tts-1", voice: "nobody", input });
} catch (error) {
  refused = [error instanceof OpenAI.BadRequestError, error.code, error.param];
}
const models = [];
for await (const model of openai.models.list()) models.push(model.id);
const [heard, words, meant] = [transcription.text, timed.words, translation.text];
console.log(JSON.stringify({ bytes, heard, words, meant, refused, models }));
"""


def test_the_examples_of_the_audio_section_work_unchanged(url: str, tmp_path: Path) -> None:
    found = subprocess.run([ROOT / "scripts" / "fetch_openai"], capture_output=True, text=True, check=False)
    if found.returncode or shutil.which("node") is None:
        pytest.skip(found.stderr.strip() or "Node is missing")
    (tmp_path / "audio.mjs").write_text(AUDIO)
    (tmp_path / "node_modules").symlink_to(Path(found.stdout.strip()) / "node_modules")
    run = subprocess.run(
        ["node", "audio.mjs", f"{url}/v1"], cwd=tmp_path, capture_output=True, text=True, timeout=400, check=False
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert 2 < read(tmp_path / "speech.mp3").duration_s < 8
    assert 2 < told["bytes"] / 48_000 < 8
    for text in (told["heard"], told["meant"]):
        assert {"wonderful", "day", "build"} <= set(text.lower().split())
    assert [word["word"] for word in told["words"]] == told["heard"].split()
    assert told["refused"] == [True, "unknown_voice", "voice"]
    assert "antiphon" in told["models"]
