// The right side: one task, while it is made and afterwards.
import { ask, events, get } from "./api.js";
import { Player } from "./player.js";
import { ant, partWords, STATES, voteWords } from "./words.js";

const $ = (id) => document.getElementById(id);
const ENDED = new Set(["completed", "failed", "cancelled"]);
// A narrow screen lays rows out as blocks, which would take their meaning from readers of a table.
const ROLES = [["table", "table"], ["thead, tbody, tfoot", "rowgroup"], ["tr", "row"], ["th", "columnheader"], ["td", "cell"]];
const say = (words) => { $("live").textContent = words; };

let leaving = new AbortController(), hearing = new AbortController();
let task = null, onEnd = () => {};
const rows = new Map();
const player = new Player($("player"));

export const prepare = (rate, channels) => player.reset(rate, channels, true);
export const current = () => task;

// Follow a task. `fresh`: it was ordered just now, and sounds by itself.
export async function show(made, { fresh = false, ended = () => {} } = {}) {
  leaving.abort();
  leaving = new AbortController();
  hearing = new AbortController();
  const { signal } = leaving;
  task = made;
  onEnd = ended;
  rows.clear();
  $("parts").replaceChildren();
  $("receipt-body").replaceChildren();
  $("receipt").open = false;
  $("empty").hidden = true;
  $("task").hidden = false;
  $("use-voice").hidden = true;
  if (!fresh) player.reset(made.rate_hz, made.channels);
  head();
  if (fresh) {
    say("Ordered.");
    if (matchMedia("(max-width: 860px)").matches) $("result").scrollIntoView({ behavior: "smooth" });
  }
  if (made.sound) hear(made, signal);
  try {
    for await (const [name, body] of events(made.id, signal)) {
      if (name === "part") part(body);
      if (name === "task" || name === "end") update(body);
      if (name === "sound") task = { ...task, seconds: body.seconds };
      if (name === "end") finished();
    }
  } catch (error) {
    if (error.name !== "AbortError") fail(error.message);
  }
}

async function hear(made, signal) {
  try {
    const answer = await ask(`tasks/${made.id}/sound?format=pcm`, { signal: AbortSignal.any([signal, hearing.signal]) });
    const reader = answer.body.getReader();
    for (let first = true; ; first = false) {
      const { value, done } = await reader.read();
      if (done) break;
      if (first && !ENDED.has(task.state)) say("The first sound is here.");
      player.push(value);
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error.code === "sound_gone") $("player").hidden = true;
  }
  player.end();
}

function update(now) {
  const before = task.state;
  task = now;
  head();
  if (before !== now.state && now.state !== "running") say(spoken());
}

function spoken() {
  if (task.state === "completed") return `Done: ${task.seconds.toFixed(1)} seconds.`;
  return `${STATES[task.state]}. ${task.error?.message ?? ""}`;
}

function head() {
  const ended = ENDED.has(task.state), voice = task.service === "voice";
  $("result-title").textContent = { speech: "Speech", music: "Music", voice: "Voice" }[task.service];
  $("state").textContent = STATES[task.state];
  $("state").dataset.state = task.state;
  $("title").textContent = task.title;
  $("task-error").hidden = !task.error;
  $("task-error").textContent = task.error?.message ?? "";
  $("player").hidden = voice || (ended && !task.sound);
  $("cancel").hidden = ended;
  $("download-row").hidden = voice || !ended || !task.sound;
  $("use-voice").hidden = !(voice && task.state === "completed");
  const facts = [["At most", ant(task.max_nano)], [task.paid_final ? "Paid" : "Paid so far", ant(task.paid_nano)]];
  if (task.parts) facts.push(["Parts", `${task.parts_ended} of ${task.parts}`]);
  if (task.score !== null) facts.push(["Score", task.score.toFixed(2)]);
  if (task.seed !== null) facts.push(["Seed", String(task.seed)]);
  $("facts").replaceChildren(...facts.map(([name, value]) => {
    const pair = document.createElement("div");
    pair.append(element("dt", name), element("dd", value));
    return pair;
  }));
  $("parts-title").hidden = rows.size === 0;
  $("receipt").hidden = !task.ledger_tasks.length || !ended;
}

function part(body) {
  let row = rows.get(body.number);
  if (!row) {
    row = document.createElement("li");
    rows.set(body.number, row);
    const after = [...rows.keys()].filter((number) => number > body.number).sort((a, b) => a - b)[0];
    $("parts").insertBefore(row, after === undefined ? null : rows.get(after));
  }
  row.dataset.state = body.state;
  const votes = element("span", "", "votes");
  votes.append(...body.seats.map((seat) => {
    const dot = document.createElement("i");
    dot.dataset.vote = seat.verdict ?? seat.state;
    dot.title = `${seat.validator.slice(0, 8)}: ${seat.verdict ?? seat.state}`;
    return dot;
  }), element("span", voteWords(body), "hidden"));
  const who = body.producer ? `${body.engine || "node"} ${body.producer.slice(0, 8)}` : "";
  const notes = body.notes.length ? `; ${body.notes.at(-1)}` : "";
  row.replaceChildren(
    element("span", String(body.number + 1), "number"),
    element("span", body.begins || { music: "Music", voice: "Learning" }[task.service] || "Part", "words"),
    element("span", who + notes, "who"),
    element("span", partWords(body), "what"),
    votes,
  );
  $("parts-title").hidden = false;
}

function finished() {
  say(`${spoken()} Paid ${ant(task.paid_nano)}.`);
  onEnd(task);
}

function fail(message) {
  $("task-error").hidden = false;
  $("task-error").textContent = message;
}

$("cancel").addEventListener("click", async () => {
  $("cancel").disabled = true;
  hearing.abort();  // what has come is kept; the server cuts the sound of a task that is stopped
  try { update(await (await ask(`tasks/${task.id}/cancel`, { method: "POST" })).json()); } catch (error) { fail(error.message); }
  $("cancel").disabled = false;
  $("result").focus();
});

$("download").addEventListener("click", async () => {
  const button = $("download"), format = $("format").value;
  button.disabled = true;
  button.textContent = "Preparing…";
  try {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await (await ask(`tasks/${task.id}/sound?format=${format}`)).blob());
    link.download = `${task.title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 40) || "sound"}.${format}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) { fail(error.message); }
  button.disabled = false;
  button.textContent = "Download";
});

$("receipt").addEventListener("toggle", async () => {
  const body = $("receipt-body");
  if (!$("receipt").open || body.childElementCount) return;
  body.replaceChildren(element("p", "Checking signatures and sums…", "hint"));
  try {
    const { receipts } = await get(`tasks/${task.id}/receipt`);
    body.replaceChildren(...(receipts.length ? receipts.map(sheet) : [element("p", "Not closed yet. Look again in a moment.", "hint")]));
  } catch (error) { body.replaceChildren(element("p", error.message, "error")); }
});

function sheet(receipt) {
  const box = element("div", "", "sheet"), table = document.createElement("table");
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", `Receipt ${receipt.task.slice(0, 8)}`);
  table.append(element("caption", `Task ${receipt.task.slice(0, 8)} of the ledger, ${new Date(receipt.closed_ms).toLocaleString()}`));
  const top = table.createTHead().insertRow();
  for (const [name, kind] of [["Part"], ["Amount", "money"], ["From"], ["To"], ["Why"]]) {
    const cell = element("th", name, kind ?? "");
    cell.scope = "col";
    top.append(cell);
  }
  const lines = table.createTBody();
  for (const line of receipt.lines) {
    const row = lines.insertRow();
    row.append(
      element("td", line.part < 0 ? "all" : String(line.part + 1)), element("td", ant(line.amount_nano), "money"),
      element("td", line.source), element("td", line.target), element("td", line.why),
    );
  }
  const foot = table.createTFoot().insertRow(), sum = element("td", `${ant(receipt.held_nano)} were set apart; ${ant(receipt.paid_nano)} were paid.`);
  sum.colSpan = 5;
  foot.append(sum);
  for (const [tag, role] of ROLES) for (const one of [table, ...table.querySelectorAll("*")]) if (one.matches(tag)) one.setAttribute("role", role);
  box.append(table);
  const holder = document.createElement("div");
  const told = receipt.valid ? "✓ Checked: every signature holds, and every quote, draw, vote and payment computes to the same." : receipt.problem;
  const proof = element("button", "Save the evidence", "link checked");
  proof.type = "button";
  proof.addEventListener("click", async () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await (await ask(`tasks/${task.id}/receipts/${receipt.task}`)).blob());
    link.download = `receipt-${receipt.task}.json`;
    link.click();
  });
  holder.append(box, element("p", told, `checked ${receipt.valid ? "ok" : "error"}`), proof);
  return holder;
}

function element(tag, text, kind = "") {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}
