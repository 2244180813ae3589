// The left side: what is ordered. Everything goes by the network API.
import { ask, get, setKey } from "./api.js";
import { clone } from "./clone.js";
import { clear, complain } from "./forms.js";
import { current, prepare, show } from "./result.js";
import { ant, languageName, plural, STATES } from "./words.js";

const $ = (id) => document.getElementById(id);
const SAMPLE = "This is how I sound when I read to you.";
const IDEAS = ["calm shop theme, F major, 100 bpm", "cheerful boss fight, 150 bpm, A minor", "slow underwater cave, eerie, 70 bpm", "victory fanfare, bright, 5 seconds"];
const QUOTE_AFTER_MS = 350;
let voices = [], fallback = "";

// Tabs: arrows, Home and End move between them.
const tabs = [...document.querySelectorAll("[role=tab]")];
function choose(tab, focus = false) {
  for (const one of tabs) {
    const chosen = one === tab;
    one.setAttribute("aria-selected", chosen);
    one.tabIndex = chosen ? 0 : -1;
    $(one.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (focus) tab.focus();
}
for (const tab of tabs) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(tab), to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(tabs.at(to % tabs.length), true);
  });
}
for (const form of document.querySelectorAll("form.order"))
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });

async function order(form, body, fields) {
  const button = form.querySelector(".primary");
  if (button.disabled) return;
  clear(form);
  button.disabled = true;
  prepare(body.service === "music" ? 44100 : 24000, body.service === "music" ? 2 : 1);
  try {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const made = await (await ask("tasks", { body, headers })).json();
    prepare(made.rate_hz, made.channels);
    show(made, { fresh: true, ended: refresh });
  } catch (error) {
    complain(form, fields[error.param] ?? form.id, error.message);
  }
  button.disabled = false;
}

// A quote follows what is written, a moment later.
function quoted(form, place, body, words) {
  let timer, asked = 0;
  return () => {
    clearTimeout(timer);
    const wanted = body();
    if (!wanted) { asked++; place.textContent = ""; return; }
    timer = setTimeout(async () => {
      const mine = ++asked;
      try {
        const quote = await (await ask("quotes", { body: wanted })).json();
        if (mine !== asked) return;
        place.replaceChildren("At most ", strong(ant(quote.max_nano)), words(quote));
        $("balance").textContent = ant(quote.balance_nano);
      } catch (error) {
        if (mine === asked) place.textContent = error.message;
      }
    }, QUOTE_AFTER_MS);
  };
}
function strong(text) {
  const made = document.createElement("strong");
  made.textContent = text;
  return made;
}

// Speech.
const speech = () => ({ service: "speech", text: $("text").value, voice: $("voice").value, speed: Number($("speed").value) });
const quoteSpeech = quoted($("speech"), $("speech-quote"), () => $("text").value.trim() && speech(), (quote) => `, ${plural(quote.parts, "part")}`);
$("text").addEventListener("input", () => {
  $("text-count").textContent = plural($("text").value.length, "character");
  if ($("text").value.trim()) clear($("speech"));
  quoteSpeech();
});
$("voice").addEventListener("change", quoteSpeech);
$("speed").addEventListener("input", () => { $("speed-value").textContent = `${Number($("speed").value)}×`; });
$("speed").addEventListener("change", quoteSpeech);
$("language").addEventListener("change", () => { fill(); quoteSpeech(); });
$("speech").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!$("text").value.trim()) return complain($("speech"), "text", "Write something to be said.");
  order($("speech"), speech(), { text: "text", voice: "voice" });
});

function fill(chosen) {
  const language = $("language").value, groups = new Map();
  for (const voice of voices) {
    if (voice.own ? language !== "own" && language !== "" : voice.language.split("-")[0] !== language) continue;
    const name = voice.own ? "Your own" : voice.engine;
    groups.set(name, [...(groups.get(name) ?? []), voice]);
  }
  $("voice").replaceChildren(...[...groups].map(([name, found]) => {
    const group = document.createElement("optgroup");
    group.label = name;
    group.append(...found.map((voice) => new Option(voice.description && !voice.own ? `${voice.name} (${[voice.gender, voice.language].filter(Boolean).join(", ")})` : voice.name, voice.name)));
    return group;
  }));
  const names = [...$("voice").options].map((option) => option.value);
  $("voice").value = [chosen, fallback, names[0]].find((name) => names.includes(name)) ?? "";
}

export async function loadVoices(chosen) {
  const found = await get("voices");
  voices = found.voices;
  fallback = found.default;
  const before = $("language").value, own = voices.some((voice) => voice.own);
  const codes = [...new Set(voices.filter((voice) => !voice.own).map((voice) => voice.language.split("-")[0]))];
  const named = codes.map((code) => [languageName(code), code]).sort(([a], [b]) => a.localeCompare(b));
  $("language").replaceChildren(...(own ? [new Option("Your own voices", "own")] : []), ...named.map(([name, code]) => new Option(name, code)));
  const first = voices.find((voice) => voice.name === fallback)?.language.split("-")[0] ?? "en";
  $("language").value = chosen ? "own" : before || first;
  fill(chosen);
}

// The same sample is one task a day: the server's idempotency keeps it from being paid twice.
let sampling = null;
$("sample").addEventListener("click", async () => {
  const button = $("sample"), words = button.querySelector("span"), voice = $("voice").value;
  if (sampling) { sampling.pause(); sampling = null; words.textContent = "Hear this voice"; return; }
  clear($("speech"));
  const audio = sampling = new Audio();
  words.textContent = "Asking the network…";
  const done = () => { if (sampling === audio) { sampling = null; words.textContent = "Hear this voice"; } };
  try {
    const day = new Date().toISOString().slice(0, 10), key = encodeURIComponent(voice).replace(/%/g, "_").slice(0, 200);
    const body = { service: "speech", text: SAMPLE, voice, seed: 1 };
    const made = await (await ask("tasks", { body, headers: { "idempotency-key": `sample-${day}-${key}` } })).json();
    const sound = await (await ask(`tasks/${made.id}/sound?format=wav`)).blob();
    if (sampling !== audio) return;
    audio.src = URL.createObjectURL(sound);
    audio.addEventListener("ended", done);
    words.textContent = "Stop";
    await audio.play();
  } catch (error) {
    done();
    complain($("speech"), "voice", error.message ?? "The sample could not be made.");
  }
});

// Music.
const music = () => ({ service: "music", prompt: $("prompt").value, seconds: Number($("seconds").value) || null, loop: $("loop").checked });
const quoteMusic = quoted($("music"), $("music-quote"), () => $("prompt").value.trim() && music(), (quote) => `, balance ${ant(quote.balance_nano)}`);
for (const id of ["prompt", "seconds", "loop"]) $(id).addEventListener("input", quoteMusic);
$("ideas").append(...IDEAS.map((idea) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = idea;
  button.addEventListener("click", () => { $("prompt").value = idea; clear($("music")); quoteMusic(); $("prompt").focus(); });
  return button;
}));
$("music").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!$("prompt").value.trim()) return complain($("music"), "prompt", "Describe the music in a few words.");
  order($("music"), music(), { prompt: "prompt", seconds: "seconds" });
});

// A voice that was learnt is used at once.
clone($("clone"), (made) => show(made, { fresh: true, ended: refresh }));
$("use-voice").addEventListener("click", async () => {
  await loadVoices(current().voice);
  choose(tabs[0]);
  $("text").focus();
  quoteSpeech();
});

async function refresh(ended) {
  try {
    const [{ accounts }, { tasks }] = await Promise.all([get("revenue"), get("tasks?limit=30")]);
    $("balance").textContent = ant(accounts[0].balance_nano);
    if (ended?.service === "voice" && ended.state === "completed") await loadVoices();
    const shown = tasks.filter((task) => task.title !== SAMPLE).slice(0, 12);
    $("earlier").hidden = !shown.length;
    $("history").replaceChildren(...shown.map((task) => {
      const row = document.createElement("li"), button = document.createElement("button");
      const title = document.createElement("span"), what = document.createElement("span");
      title.textContent = task.title;
      what.textContent = task.state === "completed" && task.service !== "voice" ? `${task.seconds.toFixed(1)} s` : STATES[task.state];
      what.className = "quiet";
      button.type = "button";
      button.append(title, what);
      button.addEventListener("click", () => { show(task, { ended: refresh }); $("result").focus(); });
      row.append(button);
      return row;
    }));
  } catch { /* what is wrong is told where something was asked for */ }
}

// A key, where the server wants one.
addEventListener("key-wanted", () => {
  if (!$("key").hidden) return;
  $("key").hidden = false;
  $("key-value").focus();
});
$("key").addEventListener("submit", (event) => {
  event.preventDefault();
  setKey($("key-value").value.trim());
  $("key").hidden = true;
  begin();
});

async function begin() {
  try { await loadVoices(); } catch (error) { if (error.status !== 401) complain($("speech"), "voice", error.message); }
  await refresh();
}
begin();
