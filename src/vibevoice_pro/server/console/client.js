/**
 * The browser's side of `WS /stream`: text out, 20 ms frames of speech in.
 *
 * No DOM and no dependencies: copy this file into your own application.
 *
 *     const client = new SpeechClient("wss://example.org/stream", {
 *       audio: (frame) => player.push(frame), // ArrayBuffer: s16le, mono, 20 ms
 *       close: (closing) => console.log(closing.words),
 *     });
 *     client.speak("A whole text.", { voice: "en-Heart_woman", rate: 24000 });
 *
 * or, for text that is still being written (by a language model, say):
 *
 *     client.open({ voice: "en-Heart_woman", rate: 24000 });
 *     client.sendText("Piece ");
 *     client.sendText("by piece.");
 *     client.end(); // no more text; the server closes when all of it has been spoken
 *
 * A barge-in is `client.cancel()`.
 *
 * @typedef {Record<string, string | number | undefined>} Params  what goes into the URL: `voice`,
 *     `rate`, `speed`, `seed`, `steps`, `cfg`, …; empty ones are left out.
 *
 * @typedef {object} Closing  how a connection ended
 * @property {string} kind   one of the kinds below (`done`, `full`, `lost`, …), for programs
 * @property {string} words  the same in plain English, for people
 * @property {number} code   the WebSocket close code
 * @property {string} reason the server's own words; may be empty
 *
 * @typedef {object} Callbacks  all of them optional
 * @property {(event: {session_id: string, sample_rate: number, frame_bytes: number}) => void} session
 * @property {(frame: ArrayBuffer) => void} audio
 * @property {(event: {code: string, message: string}) => void} warning
 * @property {(event: {code: string, message: string}) => void} error
 * @property {(event: {bytes: number}) => void} cancelled  after `cancel`, if more text may come
 * @property {(event: {bytes: number, reason: string}) => void} end  all has been sent
 * @property {(closing: Closing) => void} close  last of all; not called after `close()`
 */

/** Longest text that travels in the URL; servers and proxies limit the URL, not the messages. */
export const URL_TEXT_LIMIT = 2000;

const CONNECT_TIMEOUT = 10_000; // ms

const KINDS = {
  1000: ["done", "The server has spoken everything."],
  1001: ["restart", "The server is shutting down."],
  1008: ["key", "The server did not accept the access key."],
  1009: ["too_long", "The text is longer than the server accepts."],
  1011: ["failed", "The server failed while it was speaking."],
  1012: ["restart", "The server is restarting."],
  1013: ["full", "The server has no room for one more listener now."],
  4400: ["refused", "The server refused the request."],
  4404: ["gone", "The server no longer knows this session."],
  4408: ["idle", "Nothing was written or spoken for a long time."],
  4409: ["taken_over", "A newer connection took this session over."],
  4410: ["gone", "The server no longer has the audio from that place."],
};
const UNREACHABLE = ["unreachable", "The server cannot be reached, or refused the connection."];
const LOST = ["lost", "The connection broke before the speech was over."];
const OTHER = ["other", "The server closed the connection."];

/**
 * The address that speaks: `base` with `params` and, if given, `text`.
 * @param {string} base  e.g. `ws://localhost:7860/stream`
 * @param {Params} [params]
 * @param {string} [text]
 */
export function streamUrl(base, params = {}, text = "") {
  const url = new URL(base);
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ text, ...params })) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  url.search = query.toString().replaceAll("+", "%20"); // a space that every tool reads alike
  return url.href;
}

/** Whether `text` is short enough to travel in the URL. */
export const fitsUrl = (text) => text.length <= URL_TEXT_LIMIT;

/** One listener. May be used for one text after another; a new one drops what still runs. */
export class SpeechClient {
  #base;
  #callbacks;
  #socket = null;
  #waiting = []; // messages for a socket that is not open yet
  #timer;
  #began = 0;
  #bytes = 0;

  /** ms from opening the connection to the first frame of sound; null until then. */
  firstAudio = null;

  /**
   * @param {string} base  e.g. `ws://localhost:7860/stream`
   * @param {Partial<Callbacks>} callbacks
   */
  constructor(base, callbacks = {}) {
    this.#base = base;
    this.#callbacks = callbacks;
  }

  /** Whether a connection is there or on its way. */
  get active() {
    return this.#socket !== null;
  }

  /** Bytes of audio received on this connection. */
  get bytes() {
    return this.#bytes;
  }

  /**
   * Have a whole text spoken: in the URL if it is short, else in a message.
   * @param {string} text
   * @param {Params} [params]
   */
  speak(text, params = {}) {
    if (fitsUrl(text)) {
      this.#connect(streamUrl(this.#base, params, text));
    } else {
      this.open(params);
      this.sendText(text);
      this.end();
    }
  }

  /**
   * Open a connection that takes its text in pieces.
   * @param {Params} [params]
   */
  open(params = {}) {
    this.#connect(streamUrl(this.#base, params));
  }

  /** Send a piece of text; the server speaks as soon as it has something to say. */
  sendText(text) {
    if (text) this.#send({ type: "text", text });
  }

  /** Speak everything sent so far, even if a sentence is not complete. */
  flush() {
    this.#send({ type: "flush" });
  }

  /** No more text; the server speaks the rest, says `end` and closes. */
  end() {
    this.#send({ type: "end" });
  }

  /** Barge-in: the server falls silent at once and forgets all text. */
  cancel() {
    this.#send({ type: "cancel" });
  }

  /** Leave. No callback comes after this. */
  close() {
    const socket = this.#socket;
    this.#forget();
    if (socket && socket.readyState <= WebSocket.OPEN) socket.close(1000);
  }

  #connect(url) {
    this.close();
    this.firstAudio = null;
    this.#bytes = 0;
    this.#began = performance.now();
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    let opened = false;
    this.#timer = setTimeout(() => this.#closed(1006, "", false), CONNECT_TIMEOUT);
    const mine = (handle) => (event) => {
      if (socket === this.#socket) handle(event);
    };
    socket.onopen = mine(() => {
      opened = true;
      clearTimeout(this.#timer);
      for (const message of this.#waiting.splice(0)) socket.send(message);
    });
    socket.onmessage = mine((event) => this.#receive(event.data));
    socket.onclose = mine((event) => this.#closed(event.code, event.reason, opened));
  }

  #send(message) {
    const json = JSON.stringify(message);
    if (this.#socket?.readyState === WebSocket.CONNECTING) this.#waiting.push(json);
    else if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(json);
  }

  #receive(data) {
    if (data instanceof ArrayBuffer) {
      this.firstAudio ??= performance.now() - this.#began;
      this.#bytes += data.byteLength;
      this.#callbacks.audio?.(data);
      return;
    }
    const event = JSON.parse(data);
    // Kinds of events that a later server may add are none of this client's business.
    if (["session", "warning", "error", "cancelled", "end"].includes(event.type)) {
      this.#callbacks[event.type]?.(event);
    }
  }

  #closed(code, reason, opened) {
    const socket = this.#socket;
    this.#forget();
    if (socket.readyState === WebSocket.CONNECTING) socket.close();
    const broken = code === 1006 || code === 1005; // nobody said goodbye
    const [kind, words] = KINDS[code] ?? (!opened ? UNREACHABLE : broken ? LOST : OTHER);
    this.#callbacks.close?.({ kind, words, code, reason });
  }

  #forget() {
    clearTimeout(this.#timer);
    this.#waiting = [];
    this.#socket = null;
  }
}
