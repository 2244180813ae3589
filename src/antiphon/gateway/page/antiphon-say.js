// <antiphon-say voice="af_heart">A text to be heard.</antiphon-say>
// A button that says the text in it, for anybody's page: one file, no dependency, no key. See docs/integrations.md.
(() => {
  const HOME = document.currentScript?.src ? new URL(".", document.currentScript.src).href : document.baseURI;
  const RATE = 24000, AHEAD_S = 30, KEEP_S = 300, CHARS_PER_S = 15, TICK_MS = 100;
  const PLAY = "M7 4.5v15l12-7.5z", STOP = "M6 6h12v12H6z";
  let sounding = null; // one at a time in a page

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { display: block; margin-block: 1em; --_accent: var(--antiphon-accent, light-dark(#14665a, #6cc9b7)); }
    :host([hidden]) { display: none; }
    .bar { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 12px; margin-block-start: 8px; }
    button { display: inline-flex; align-items: center; gap: 8px; min-height: 40px; padding: 6px 16px 6px 12px; border: 0;
      border-radius: var(--antiphon-radius, 9px); font: inherit; font-weight: 560; cursor: pointer; background: var(--_accent);
      color: var(--antiphon-on-accent, light-dark(#fff, #08211c)); }
    button:hover { filter: brightness(1.08); }
    button:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
    svg { width: 18px; height: 18px; fill: currentColor; }
    .track { position: relative; flex: 1 1 80px; min-width: 60px; height: 6px; border-radius: 3px; overflow: hidden;
      background: color-mix(in srgb, currentColor 18%, transparent); }
    .track i { position: absolute; inset: 0 auto 0 0; width: 0; background: color-mix(in srgb, var(--_accent) 40%, transparent); }
    .track .heard { background: var(--_accent); }
    .waiting .track { animation: pulse 1.6s ease-in-out infinite; }
    .time { font-size: .85em; font-variant-numeric: tabular-nums; }
    .error { flex: 1 1 100%; margin: 0; color: var(--antiphon-error, light-dark(#a3261b, #ff9d92)); overflow-wrap: anywhere; }
    .hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    [hidden] { display: none; }
    @keyframes pulse { 50% { opacity: .4; } }
    @media (prefers-reduced-motion: reduce) { * { animation: none !important; } }`);

  class AntiphonSay extends HTMLElement {
    #state = "idle"; #bar; #button; #icon; #words; #track; #come; #heard; #time; #status; #error;
    #order = null; #kept = null;

    constructor() {
      super();
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [sheet];
      this.#icon = document.createElementNS("http://www.w3.org/2000/svg", "path");
      const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      picture.setAttribute("viewBox", "0 0 24 24");
      picture.setAttribute("aria-hidden", "true");
      picture.append(this.#icon);
      this.#words = made("span");
      this.#button = made("button", { type: "button", part: "button" }, picture, this.#words);
      this.#come = made("i");
      this.#heard = made("i", { class: "heard", part: "heard" });
      this.#track = made("div", { class: "track", part: "track", role: "progressbar", "aria-valuemin": 0, hidden: "" }, this.#come, this.#heard);
      this.#time = made("span", { class: "time", part: "time", "aria-hidden": true, hidden: "" });
      this.#status = made("span", { class: "hidden", role: "status" });
      this.#error = made("p", { class: "error", part: "error", role: "alert", hidden: "" });
      this.#bar = made("div", { class: "bar", part: "bar" }, this.#button, this.#track, this.#time, this.#status, this.#error);
      root.append(made("slot"), this.#bar);
      this.#button.addEventListener("click", () => (this.#order ? this.stop() : this.play()));
      this.#bar.addEventListener("keydown", (event) => { if (event.key === "Escape" && this.#order) this.stop(); });
    }

    connectedCallback() { this.#show("idle"); }
    disconnectedCallback() { this.stop(); }

    get state() { return this.#state; }

    // Begin to say it. Browsers let sound begin only with a click or a key.
    async play() {
      if (this.#order) return;
      sounding?.stop();
      sounding = this;
      const order = this.#order = new Order();
      this.#fail("");
      this.#show("waiting");
      order.timer = setInterval(() => this.#progress(order), TICK_MS);
      try {
        await this.#sound(order);
        order.whole = true;
        await order.silent();
      } catch (error) {
        if (order !== this.#order) return; // it was stopped
        this.#fail(error.told ?? "The sound broke off. Try again.");
        if (order.frames) await order.silent();
      }
      if (order === this.#order) this.#end(order, order.whole ? "end" : "error");
    }

    stop() {
      if (this.#order) this.#end(this.#order, "stop");
    }

    // Sound that was heard to its end is kept: hearing it again orders nothing.
    async #sound(order) {
      const body = this.#asked(), same = JSON.stringify(body);
      if (!body.input) throw new Refusal("There is no text to be heard.");
      if (this.#kept?.same === same) {
        for (const piece of this.#kept.pieces) order.push(piece);
        this.#begin(order);
        return;
      }
      const keep = [];
      for await (const piece of this.#asking(body, order.leaving.signal)) {
        if (order !== this.#order) return;
        order.push(piece);
        keep.push(piece);
        if (this.#state === "waiting") this.#begin(order);
        await order.room();
      }
      if (!order.frames) throw new Refusal("Nothing came. Try again.");
      this.#kept = order.seconds <= KEEP_S ? { same, pieces: keep } : null;
    }

    #asked() {
      const speed = Number(this.getAttribute("speed") ?? 1);
      return {
        input: spoken(this), model: this.getAttribute("model") ?? "antiphon", voice: this.getAttribute("voice") ?? "",
        language: this.getAttribute("language") ?? "", speed: speed > 0 ? speed : 1, response_format: "pcm",
      };
    }

    // The sound in pieces of whole 16-bit samples, as it arrives.
    async *#asking(body, signal) {
      const base = new URL(`${(this.getAttribute("src") ?? HOME).replace(/\/$/, "")}/`, document.baseURI);
      let answer;
      try {
        answer = await fetch(new URL("v1/audio/speech", base), {
          method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal,
        });
      } catch {
        throw new Refusal(`${base.host} does not answer this page. It may be down, or not allow pages of ${location.origin}.`);
      }
      if (!answer.ok) {
        const told = await answer.json().then((found) => found.error?.message, () => "");
        throw new Refusal(told || `${base.host} answered ${answer.status}. Try again later.`);
      }
      const reader = answer.body.getReader();
      let odd = new Uint8Array(0);
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        const bytes = new Uint8Array(odd.length + value.length);
        bytes.set(odd);
        bytes.set(value, odd.length);
        const whole = bytes.length - (bytes.length % 2);
        odd = bytes.slice(whole);
        if (whole) yield new Int16Array(bytes.buffer, 0, whole / 2);
      }
    }

    #begin(order) {
      this.#show("playing");
      this.#progress(order);
      this.dispatchEvent(new CustomEvent("start"));
    }

    #end(order, how) {
      this.#order = null;
      if (sounding === this) sounding = null;
      order.close();
      this.#show("idle", how === "end" ? "Finished." : how === "stop" ? "Stopped." : "");
      this.dispatchEvent(new CustomEvent(how));
    }

    #fail(told) {
      this.#error.textContent = told;
      this.#error.hidden = !told;
    }

    #show(state, status = { waiting: "Asking for the sound.", playing: "Playing." }[state] ?? "") {
      const idle = state === "idle";
      this.#state = state;
      this.#bar.classList.toggle("waiting", state === "waiting");
      this.#icon.setAttribute("d", idle ? PLAY : STOP);
      this.#words.textContent = idle ? this.getAttribute("label") ?? "Listen" : this.getAttribute("stop-label") ?? "Stop";
      this.#status.textContent = status;
      this.#track.hidden = this.#time.hidden = idle;
      this.#track.setAttribute("aria-label", this.getAttribute("label") ?? "Listen");
    }

    // How long it will be is guessed from its characters until all of it is there.
    #progress(order) {
      const total = order.whole ? order.seconds : Math.max(order.seconds, order.expected ??= spoken(this).length / CHARS_PER_S);
      const share = (seconds) => `${total ? Math.min(100, (100 * seconds) / total) : 0}%`;
      this.#come.style.width = share(order.seconds);
      this.#heard.style.width = share(order.heard);
      this.#time.textContent = order.whole ? `${clock(order.heard)} / ${clock(order.seconds)}` : clock(order.heard);
      this.#track.setAttribute("aria-valuemax", Math.ceil(total));
      this.#track.setAttribute("aria-valuenow", Math.min(Math.floor(order.heard), Math.ceil(total)));
      this.#track.setAttribute("aria-valuetext", this.#time.textContent.replace("/", "of"));
    }
  }

  // One sounding: pieces put one after the other on the clock of the sound device.
  class Order {
    frames = 0; whole = false; leaving = new AbortController();

    constructor() {
      this.context = new AudioContext({ sampleRate: RATE });
      this.context.resume();
      this.next = 0;
    }

    get seconds() { return this.frames / RATE; }
    get heard() { return Math.max(0, this.seconds - Math.max(0, this.next - this.context.currentTime)); }

    push(piece) {
      const buffer = this.context.createBuffer(1, piece.length, RATE), out = buffer.getChannelData(0);
      for (let n = 0; n < piece.length; n++) out[n] = piece[n] / 32768;
      const source = this.context.createBufferSource();
      source.buffer = buffer;
      source.connect(this.context.destination);
      this.next = Math.max(this.next, this.context.currentTime + 0.05); // after a gap it goes on at once
      source.start(this.next);
      this.next += piece.length / RATE;
      this.frames += piece.length;
    }

    // Until less than `seconds` are left to be heard: no more is read than that, so a long text stays small.
    async room(seconds = AHEAD_S) {
      while (!this.leaving.signal.aborted && this.next - this.context.currentTime > seconds)
        await new Promise((after) => setTimeout(after, TICK_MS));
    }

    silent() { return this.room(0); }

    close() {
      this.leaving.abort();
      clearInterval(this.timer);
      this.context.close();
    }
  }

  class Refusal extends Error {
    constructor(told) { super(told); this.told = told; }
  }

  // The words of an element as a reader sees them: blocks are paragraphs; what is hidden is not said.
  function spoken(element) {
    let text = "";
    for (const node of element.childNodes) {
      if (node.nodeType === Node.TEXT_NODE) text += node.data.replace(/\s+/g, " ");
      if (node.nodeType !== Node.ELEMENT_NODE || node.getAttribute("aria-hidden") === "true" || /^(SCRIPT|STYLE|TEMPLATE)$/.test(node.tagName)) continue;
      const { display } = getComputedStyle(node);
      if (display === "none") continue;
      text += node.tagName === "BR" ? "\n" : /^(inline|contents)/.test(display) ? spoken(node) : `\n\n${spoken(node)}\n\n`;
    }
    return element.tagName === "ANTIPHON-SAY" ? text.replace(/ *\n[\n ]*/g, "\n\n").trim() : text;
  }

  function made(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

  if (!customElements.get("antiphon-say")) customElements.define("antiphon-say", AntiphonSay);
})();
