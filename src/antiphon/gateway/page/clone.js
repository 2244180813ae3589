// A voice from a recording: by the microphone, or a file.
import { ask } from "./api.js";
import { clear, complain } from "./forms.js";

const $ = (id) => document.getElementById(id);
const MAX_S = 60;

export function clone(form, learnt) {
  let recording = null, recorder = null, timer = 0;

  function have(blob, words) {
    recording = blob;
    $("recorded").textContent = words;
    $("heard").src = URL.createObjectURL(blob);
    $("heard").hidden = false;
    clear(form);
  }

  $("file").addEventListener("change", () => {
    const [file] = $("file").files;
    if (file) have(file, `${file.name}, ${(file.size / 1e6).toFixed(1)} MB`);
  });

  $("record").addEventListener("click", async () => {
    const words = $("record").querySelector("span");
    if (recorder) return recorder.stop();
    clear(form);
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    } catch {
      return complain(form, "file", "The microphone cannot be used. Allow it in the browser, or choose a file.");
    }
    const pieces = [], begun = performance.now();
    recorder = new MediaRecorder(stream);
    recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
    recorder.addEventListener("stop", () => {
      clearInterval(timer);
      for (const track of stream.getTracks()) track.stop();
      $("record").classList.remove("recording");
      words.textContent = "Record again";
      have(new Blob(pieces, { type: recorder.mimeType }), `Recorded ${((performance.now() - begun) / 1000).toFixed(0)} seconds.`);
      recorder = null;
    });
    recorder.start();
    $("record").classList.add("recording");
    words.textContent = "Stop";
    $("recorded").textContent = "Recording. Read something aloud.";
    timer = setInterval(() => {
      const seconds = (performance.now() - begun) / 1000;
      words.textContent = `Stop (${seconds.toFixed(0)} s)`;
      if (seconds > MAX_S) recorder.stop();
    }, 500);
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clear(form);
    if (!$("name").value.trim()) return complain(form, "name", "Give the voice a name.");
    if (!recording) return complain(form, "file", "Record something, or choose a file.");
    if (!$("own").checked) return complain(form, "own", "Without its owner's consent no voice is learnt.");
    const body = new FormData(), button = form.querySelector(".primary");
    body.set("name", $("name").value.trim());
    body.set("own_voice", "true");
    body.set("file", recording, "recording");
    button.disabled = true;
    button.textContent = "Listening to the recording…";
    try {
      const headers = { "idempotency-key": crypto.randomUUID() };
      learnt(await (await ask("voices", { body, headers })).json());
    } catch (error) {
      complain(form, { name: "name", file: "file", own_voice: "own" }[error.param] ?? form.id, error.message);
    }
    button.disabled = false;
    button.textContent = "Learn this voice";
  });
}
