/** Draws the sound as it is heard: a band of bars that runs to the left, newest at the right. */

const BAR = 2; // CSS pixels
const PITCH = 3; // from one bar to the next
const CALM = 500; // ms between two pictures for those who want no motion
const MOST = 2000; // bars kept: as many as the widest screen shows

export class Waveform {
  #canvas;
  #context;
  #bars = []; // [low, high], each from -1 to 1
  #drawn = false; // whether the canvas shows all bars
  #scheduled = false;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  /** @param {HTMLCanvasElement} canvas  its size on the page is set by the style sheet */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    new ResizeObserver(() => this.#redraw()).observe(canvas);
    for (const query of [matchMedia("(prefers-color-scheme: dark)"), this.#calm]) {
      query.addEventListener("change", () => this.#redraw());
    }
  }

  /** Add the extremes of 20 ms of sound. */
  add(low, high) {
    this.#bars.push([low, high]);
    if (this.#bars.length >= 2 * MOST) this.#bars.splice(0, MOST);
    this.#redraw();
  }

  clear() {
    this.#bars = [];
    this.#redraw();
  }

  #redraw() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const draw = () => {
      this.#scheduled = false;
      this.#draw();
    };
    if (this.#calm.matches && this.#drawn) setTimeout(draw, CALM);
    else requestAnimationFrame(draw);
  }

  #draw() {
    const { width, height } = this.#fit();
    const context = this.#context;
    const style = getComputedStyle(this.#canvas);
    const middle = height / 2;
    context.clearRect(0, 0, width, height);
    context.fillStyle = style.getPropertyValue("--line");
    context.fillRect(0, middle - 0.5, width, 1);
    context.fillStyle = style.getPropertyValue("--wave");
    const bars = this.#visible(Math.floor(width / PITCH));
    // Scrolling: the newest at the right edge. Calm: written from the left, nothing moves.
    const left = this.#calm.matches ? 0 : width - bars.length * PITCH;
    bars.forEach(([low, high], i) => {
      const top = middle - stretch(high) * (middle - 2);
      const bottom = middle - stretch(low) * (middle - 2);
      context.fillRect(left + i * PITCH, top - 0.5, BAR, bottom - top + 1);
    });
    this.#drawn = true;
  }

  /** The last bars, `room` at most; for calm eyes: the page that is being filled. */
  #visible(room) {
    if (!room || !this.#bars.length) return [];
    if (!this.#calm.matches) return this.#bars.slice(-room);
    return this.#bars.slice(Math.floor((this.#bars.length - 1) / room) * room);
  }

  /** Give the canvas as many pixels as the screen has there. */
  #fit() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = globalThis.devicePixelRatio || 1;
    const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.#canvas.width !== pixelWidth || this.#canvas.height !== pixelHeight) {
      this.#canvas.width = pixelWidth;
      this.#canvas.height = pixelHeight;
    }
    this.#context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return { width, height };
  }
}

/** Speech is mostly soft: let that be seen. */
const stretch = (value) => Math.sign(value) * Math.abs(value) ** 0.6;
