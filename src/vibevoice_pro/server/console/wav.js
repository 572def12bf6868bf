/** Keeps the PCM of one speech, up to a limit, and makes a WAV file of it. No DOM. */

const BLOCK = 1 << 20; // bytes

export class Recording {
  #rate;
  #limit;
  #blocks = [];
  #bytes = 0;

  /**
   * @param {number} rate     Hz of the PCM (s16le, mono)
   * @param {number} minutes  how much is kept
   */
  constructor(rate, minutes) {
    this.#rate = rate;
    this.#limit = minutes * 60 * rate * 2;
  }

  get bytes() {
    return this.#bytes;
  }

  /** Whether the limit has been reached: what comes now is not kept. */
  get full() {
    return this.#bytes >= this.#limit;
  }

  /** Keep a copy of a frame (ArrayBuffer). */
  append(frame) {
    let pcm = new Uint8Array(frame, 0, Math.min(frame.byteLength, this.#limit - this.#bytes));
    while (pcm.length) {
      const used = this.#bytes % BLOCK;
      if (!used) this.#blocks.push(new Uint8Array(BLOCK));
      const part = pcm.subarray(0, BLOCK - used);
      this.#blocks.at(-1).set(part, used);
      this.#bytes += part.length;
      pcm = pcm.subarray(part.length);
    }
  }

  /** Forget what lies beyond the first `bytes`. */
  cut(bytes) {
    this.#bytes = Math.min(this.#bytes, bytes);
    this.#blocks.length = Math.ceil(this.#bytes / BLOCK);
  }

  /** All of it as a WAV file. */
  toBlob() {
    const blocks = this.#blocks.map((block, i) => block.subarray(0, this.#bytes - i * BLOCK));
    return new Blob([header(this.#bytes, this.#rate), ...blocks], { type: "audio/wav" });
  }
}

/** The 44 bytes before PCM: RIFF, `fmt ` (PCM, mono, 16 bit), `data`. */
function header(bytes, rate) {
  const view = new DataView(new ArrayBuffer(44));
  const name = (at, text) => [...text].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  name(0, "RIFF");
  view.setUint32(4, 36 + bytes, true);
  name(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // length of the format
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true); // bytes in a second
  view.setUint16(32, 2, true); // bytes in a sample
  view.setUint16(34, 16, true); // bits in a sample
  name(36, "data");
  view.setUint32(40, bytes, true);
  return view.buffer;
}
