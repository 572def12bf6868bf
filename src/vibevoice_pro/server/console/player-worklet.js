/**
 * Plays 20 ms frames as they come; runs on the audio thread.
 *
 * `Playout` is plain arithmetic and is also what `player.js` falls back on where the browser has
 * no AudioWorklet (a page that came over plain http from another machine).
 *
 * What it tells (`emit`), at most once in 20 ms of sound:
 *   {type: "progress", played, waiting, low, high}  samples played and waiting, extremes of the
 *                                                   last 20 ms from -1 to 1: what a waveform needs
 *   {type: "gap", seconds}   the sound goes on after an underrun that lasted `seconds`
 *   {type: "dry"}            nothing left to play, though more is to come
 *   {type: "over"}           everything has been played
 *   {type: "full"}           more waits than is sensible; frames are being dropped
 */

const LONGEST = 600; // seconds that may wait to be played
const PATIENCE = 0.3; // seconds after which less than a cushion is played as well
const REPORT = 0.02; // seconds of sound between two progress messages

export class Playout {
  #frames = [];
  #head = 0; // index of the frame being played
  #offset = 0; // samples of it that have been
  #waiting = 0; // samples not played yet
  #played = 0;
  #left = 0; // the two samples between which the output lies, and where
  #right = 0;
  #phase = 1;
  #playing = false;
  #begun = false;
  #finished = false;
  #stopping = false;
  #over = false;
  #full = false;
  #pause = 0; // output samples since the sound stopped
  #held = 0; // output samples since something waits to be played
  #low = 0;
  #high = 0;
  #sinceReport = 0;

  /**
   * @param {object} options
   * @param {number} options.streamRate  Hz of the frames
   * @param {number} options.outputRate  Hz of the audio device
   * @param {number} options.cushion     seconds that must wait before the sound begins
   * @param {(event: object) => void} options.emit
   */
  constructor({ streamRate, outputRate, cushion, emit }) {
    this.streamRate = streamRate;
    this.outputRate = outputRate;
    this.cushion = cushion * streamRate;
    this.emit = emit;
  }

  /** Add a frame: an ArrayBuffer of s16le. */
  push(buffer) {
    if (this.#waiting > LONGEST * this.streamRate) {
      if (!this.#full) this.emit({ type: "full" });
      this.#full = true;
      return;
    }
    if (!this.#waiting) this.#held = 0;
    const samples = new Int16Array(buffer);
    this.#frames.push(samples);
    this.#waiting += samples.length;
  }

  /** No more frames will come. */
  finish() {
    this.#finished = true;
  }

  /** Be silent; the next block fades out, so that no click is heard. */
  stop() {
    this.#stopping = true;
  }

  /**
   * Fill `out` with what comes next.
   * @param {Float32Array} out
   * @returns {boolean} whether there is more to come
   */
  render(out) {
    out.fill(0);
    if (this.#over) return false;
    if (!this.#playing && !this.#start(out.length)) return !this.#over;
    for (let i = 0; i < out.length; i++) {
      while (this.#phase >= 1) {
        if (!this.#advance()) {
          this.#ranDry(out.length - i);
          return !this.#over;
        }
        this.#phase -= 1;
      }
      out[i] = this.#left + (this.#right - this.#left) * this.#phase;
      if (this.#stopping) out[i] *= 1 - i / out.length;
      this.#phase += this.streamRate / this.outputRate;
      this.#measure(out[i]);
    }
    this.#over = this.#stopping;
    return !this.#over;
  }

  /** Whether the sound begins (again) with this block. */
  #start(length) {
    if (this.#stopping || (this.#finished && !this.#waiting)) {
      this.#over = true;
      if (!this.#stopping) this.emit({ type: "over" });
      return false;
    }
    this.#pause += length;
    this.#held += length;
    const late = this.#held > PATIENCE * this.outputRate;
    if (!this.#waiting || (this.#waiting < this.cushion && !this.#finished && !late)) return false;
    if (this.#begun) this.emit({ type: "gap", seconds: this.#pause / this.outputRate });
    this.#playing = this.#begun = true;
    this.#pause = 0;
    return true;
  }

  /** Move one sample on in the stream; false if there is none. */
  #advance() {
    if (!this.#waiting) return false;
    const frame = this.#frames[this.#head];
    this.#left = this.#right;
    this.#right = frame[this.#offset++] / 32768;
    this.#waiting--;
    this.#played++;
    if (this.#offset === frame.length) {
      this.#offset = 0;
      this.#frames[this.#head++] = undefined;
      if (this.#head === 512) {
        this.#frames.splice(0, this.#head);
        this.#head = 0;
      }
    }
    return true;
  }

  #ranDry(rest) {
    this.#report();
    this.#playing = false;
    this.#pause = rest;
    this.#left = this.#right = 0;
    if (!this.#finished) this.emit({ type: "dry" });
    else {
      this.#over = true;
      this.emit({ type: "over" });
    }
  }

  #measure(sample) {
    if (sample < this.#low) this.#low = sample;
    if (sample > this.#high) this.#high = sample;
    if (++this.#sinceReport >= REPORT * this.outputRate) this.#report();
  }

  #report() {
    this.emit({
      type: "progress",
      played: this.#played,
      waiting: this.#waiting,
      low: this.#low,
      high: this.#high,
    });
    this.#low = this.#high = this.#sinceReport = 0;
  }
}

if (globalThis.registerProcessor) {
  registerProcessor(
    "vibevoice-player",
    class extends AudioWorkletProcessor {
      constructor({ processorOptions }) {
        super();
        this.playout = new Playout({
          ...processorOptions,
          outputRate: sampleRate, // of the context: a global of the audio thread
          emit: (event) => this.port.postMessage(event),
        });
        this.port.onmessage = ({ data }) => {
          if (data instanceof ArrayBuffer) this.playout.push(data);
          else this.playout[data](); // "finish" or "stop"
        };
      }

      process(_inputs, [[out]]) {
        return this.playout.render(out);
      }
    },
  );
}
