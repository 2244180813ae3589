// Sound as it arrives: 16-bit PCM is kept, drawn, and played a little ahead, wherever the listener is in it.
const SLICE_S = 0.25, AHEAD_S = 0.8, PEAKS_PER_S = 25, BAR = 3, GAP = 2;

export class Player {
  constructor(root, onChange) {
    this.root = root;
    this.onChange = onChange;
    this.canvas = root.querySelector("canvas");
    this.slider = root.querySelector("input");
    this.button = root.querySelector("button");
    this.time = root.querySelector("output");
    this.button.addEventListener("click", () => this.toggle());
    this.slider.addEventListener("input", () => this.seek(Number(this.slider.value)));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.reset(24000, 1);
  }

  // Called in a click, so that the browser lets it sound.
  reset(rate, channels, autoplay = false) {
    this.context?.close();
    this.context = null;
    Object.assign(this, { rate, channels, frames: 0, ended: false, wanted: autoplay, at: 0, from: 0, sources: new Set() });
    this.samples = new Int16Array(rate * channels * 30);
    this.peaks = [];
    this.odd = new Uint8Array(0);
    if (autoplay) this.open();
    this.show();
  }

  open() {
    this.context ??= new AudioContext({ sampleRate: this.rate });
    this.context.resume();
  }

  get seconds() { return this.frames / this.rate; }

  // Where the listener is.
  get position() {
    if (!this.running) return this.at;
    return Math.min(this.at + Math.max(0, this.context.currentTime - this.from), this.scheduled);
  }

  push(bytes) {
    if (this.odd.length) {
      const joined = new Uint8Array(this.odd.length + bytes.length);
      joined.set(this.odd);
      joined.set(bytes, this.odd.length);
      bytes = joined;
    }
    const frame = 2 * this.channels, whole = bytes.length - (bytes.length % frame);
    this.odd = bytes.slice(whole);
    const values = new Int16Array(bytes.slice(0, whole).buffer), begin = this.frames * this.channels;
    if (begin + values.length > this.samples.length) {
      const larger = new Int16Array(Math.max(2 * this.samples.length, begin + values.length));
      larger.set(this.samples.subarray(0, begin));
      this.samples = larger;
    }
    this.samples.set(values, begin);
    this.frames += values.length / this.channels;
    this.measure();
    if (this.wanted && !this.running) this.start();
    this.show();
  }

  end() {
    this.ended = true;
    this.measure();
    this.show();
  }

  measure() {
    const step = Math.floor(this.rate / PEAKS_PER_S) * this.channels, size = this.frames * this.channels;
    while ((this.peaks.length + 1) * step <= size || (this.ended && this.peaks.length * step < size)) {
      let peak = 0;
      const begin = this.peaks.length * step;
      for (let n = begin; n < Math.min(begin + step, size); n += 7) peak = Math.max(peak, Math.abs(this.samples[n]));
      this.peaks.push(peak / 32768);
    }
  }

  toggle() {
    if (this.wanted) return this.pause();
    if (this.ended && this.position >= this.seconds - 0.05) this.at = 0;
    this.wanted = true;
    this.start();
    this.show();
  }

  start() {
    this.open();
    if (this.frames === 0 || this.at >= this.seconds) return;
    this.running = true;
    this.from = this.context.currentTime + 0.03;
    this.scheduled = this.at;
    this.tick();
  }

  pause() {
    this.at = this.position;
    this.wanted = false;
    this.stop();
    this.show();
  }

  stop() {
    this.running = false;
    for (const source of this.sources) source.stop();
    this.sources.clear();
  }

  seek(to) {
    this.stop();
    this.at = Math.min(to, this.seconds);
    if (this.wanted) this.start();
    this.show();
  }

  tick() {
    if (!this.running) return;
    while (this.scheduled < this.seconds && this.scheduled - this.position < AHEAD_S) this.schedule();
    if (this.position >= this.seconds - 1e-3) {
      // All that is there was heard: it is the end, or the next piece is waited for.
      this.at = this.seconds;
      this.stop();
      if (this.ended) this.wanted = false;
    } else {
      requestAnimationFrame(() => this.tick());
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.tick(), 200); // hidden pages have no frames
    }
    this.show();
  }

  schedule() {
    const begin = Math.round(this.scheduled * this.rate), size = Math.min(Math.ceil(SLICE_S * this.rate), this.frames - begin);
    const buffer = this.context.createBuffer(this.channels, size, this.rate);
    for (let channel = 0; channel < this.channels; channel++) {
      const out = buffer.getChannelData(channel);
      for (let n = 0; n < size; n++) out[n] = this.samples[(begin + n) * this.channels + channel] / 32768;
    }
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    const when = this.from + this.scheduled - this.at;
    if (when < this.context.currentTime) this.from += this.context.currentTime - when; // late: no overlap
    source.start(this.from + this.scheduled - this.at);
    source.addEventListener("ended", () => this.sources.delete(source));
    this.sources.add(source);
    this.scheduled = (begin + size) / this.rate;
  }

  show() {
    const position = this.position;
    this.root.classList.toggle("playing", this.wanted);
    this.root.classList.toggle("waiting", this.wanted && !this.running && !this.ended);
    this.button.setAttribute("aria-label", this.wanted ? "Pause" : "Play");
    this.button.disabled = this.ended && this.frames === 0;
    this.slider.max = Math.max(this.seconds, 0.01);
    this.slider.value = position;
    this.slider.setAttribute("aria-valuetext", `${clock(position)} of ${clock(this.seconds)}`);
    this.time.textContent = `${clock(position)} / ${clock(this.seconds)}`;
    this.draw();
    this.onChange?.();
  }

  draw() {
    const { canvas } = this, scale = devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width) return;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const style = getComputedStyle(canvas), pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const bars = Math.floor((width + GAP) / (BAR + GAP));
    const expected = this.ended ? this.peaks.length : Math.max(this.peaks.length, 8 * PEAKS_PER_S);
    const heard = this.seconds ? (this.position / this.seconds) * this.peaks.length : 0;
    for (let bar = 0; bar < bars; bar++) {
      const from = Math.floor((bar / bars) * expected), to = Math.max(from + 1, Math.floor(((bar + 1) / bars) * expected));
      let peak = 0;
      for (let n = from; n < Math.min(to, this.peaks.length); n++) peak = Math.max(peak, this.peaks[n]);
      const tall = from < this.peaks.length ? Math.max(3, Math.min(1, peak ** 0.8) * height) : 3;
      pen.fillStyle = style.getPropertyValue(from < heard ? "--accent" : "--wave");
      pen.globalAlpha = from < this.peaks.length ? 1 : 0.45;
      pen.beginPath();
      pen.roundRect(bar * (BAR + GAP), (height - tall) / 2, BAR, tall, 1.5);
      pen.fill();
    }
  }
}

export function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
