/**
 * The browser's side of `WS /stream`: text out, 20 ms frames of speech in.
 *
 * No DOM and no dependencies: copy this file with `codes.js`, `retry.js` and `transcript.js` into
 * your own application. It also runs where there is a `WebSocket` but no page: Deno, Node 22.
 *
 *     const client = new SpeechClient("wss://example.org/stream", {
 *       audio: (frame) => player.push(frame), // ArrayBuffer: s16le, mono, 20 ms
 *       close: (closing) => console.log(closing.words),
 *     });
 *     client.speak("A whole text.", { voice: "en-Heart_woman", rate: 24000 });
 *
 * or, for text that is still being written, by a language model for example:
 *
 *     client.open({ voice: "en-Heart_woman", rate: 24000 });
 *     client.sendText("Piece ");
 *     client.sendText("by piece.");
 *     client.end(); // no more text; the server closes when all of it has been spoken
 *
 * A barge-in is `client.cancel(played)`.
 *
 * A lost connection is restored, for up to two minutes, and the session resumed at the same byte.
 * What is written in the meantime is kept and sent then; every text is spoken once. `audio` gets the
 * same frames as over an unbroken connection, only later; play what you have. If the server has been
 * restarted and does not know the session any more, the client reopens it: it writes the text again,
 * and the server makes the same samples. The first connection is not tried again: nothing is lost
 * by saying that it failed.
 *
 * A connection may also die without being closed. It is given up when for 15 s nothing has come
 * although something is due: the server confirms each piece of text at once, and after `flush` or
 * `end` it sends more sound before what it has sent is played. Nothing is due while a writer thinks.
 *
 * @typedef {Record<string, string | number | undefined>} Params  what goes into the URL: `voice`,
 *     `language`, `rate`, `speed`, `seed`, `steps`, `cfg`, …; empty ones are left out. `events` does not count:
 *     this client needs them.
 *
 * @typedef {object} Closing  how it ended
 * @property {string} kind   one of the kinds below (`done`, `full`, `lost`, …), for programs
 * @property {string} words  the same in plain English, for people
 * @property {number} code   the WebSocket close code
 * @property {string} reason the server's explanation; may be empty
 *
 * @typedef {object} Callbacks  all of them optional; bytes and characters count from the beginning
 *     of the session, over all its connections
 * @property {(event: {session_id: string, sample_rate: number, frame_bytes: number, voice: string,
 *     voices?: Record<string, string>}) => void} session  once, when the first connection stands;
 *     `voices`: with `language: "auto"`, who speaks which language
 * @property {(frame: ArrayBuffer, at: number) => void} audio  `at`: the byte where the frame begins
 * @property {(event: {chars: [number, number], bytes: [number, number], exact: boolean,
 *     voice?: string}) => void} mark  these characters are heard in these bytes; comes before them.
 *     `voice`: who is heard, where several speak in turn
 * @property {(event: {bytes: number, chars: number}) => void} drained  after `flush`: all is spoken
 * @property {(event: {code: string, message: string, language?: string}) => void} warning
 * @property {(event: {code: string, message: string, field?: string, retry_after?: number})
 *     => void} error  `field`: the parameter or message field that is wrong; `retry_after`: seconds
 *     after which a new attempt makes sense
 * @property {(event: {bytes: number, spoken_chars: number}) => void} cancelled
 *     after `cancel`, if more text may come; audio continues at `bytes`
 * @property {(event: {attempt: number, wait: number}) => void} reconnecting
 *     the connection was lost; attempt 1, 2, … to restore it follows in `wait` ms
 * @property {(event: {offset: number}) => void} resumed
 *     the session was resumed or reopened; audio continues at this byte
 * @property {(event: {bytes: number, reason: string, spoken_chars?: number}) => void} end
 *     all has been sent
 * @property {(closing: Closing) => void} close  last of all; not called after `close()`
 */

import { ABANDONED, BROKEN, CLOSE_CODES, DONE, NO_SESSION, TEXT_TOO_LONG } from "./codes.js";
import { Retry } from "./retry.js";
import { Outbox, Transcript } from "./transcript.js";

/** Longest text that travels in the URL; servers and proxies limit the URL, not the messages. */
export const URL_TEXT_LIMIT = 2000;

const CONNECT_TIMEOUT = 10_000; // ms
const QUIET = 15; // seconds without a message, though one is due, after which a connection is dead
const MARKS = 4096; // the last ones, kept for barge-ins; about half an hour of speech

const UNREACHABLE = { kind: "unreachable", words: "The server cannot be reached, or refused." };
const LOST = {
  kind: "lost",
  words: "The connection was lost before the speech was over, and could not be restored.",
};
const OTHER = { kind: "other", words: "The server closed the connection." };

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
  #params;
  #text; // the whole of it if it travels in the URL
  #active = false;
  #session = null; // the server's last `session` event; null: there was none yet
  #socket = null; // null while waiting to connect again
  #ready = false; // whether the server has said on this connection what it has of the session
  #reopening = false; // whether the server is asked to begin the session again if it must
  #deadline; // timer: the server should have answered by now
  #ticks; // timer: looks once a second whether the connection is still alive
  #quiet = 0; // seconds in which something was due and nothing came
  #patience = QUIET;
  #outbox;
  #transcript;
  #retry = new Retry(() => this.#connect());
  #began = 0;
  #bytes = 0;
  #acknowledged = 0;
  #playedBy = 0; // when somebody who plays it as it comes has played what has come
  #complete = false; // no more text will come
  #expecting = false; // more sound must come
  #cancels = []; // {played} of those the server has not answered yet
  #answers = 1; // how many of them its next answer is for; 0: it repeats one to an older cancel
  #silentTo = 0; // audio before this byte was cancelled
  #marks = []; // [byte, character]: where each ends
  #markedTo = 0; // characters
  #over = false; // the server has said its last word
  #error = null;

  /** ms from opening the first connection to the first frame of sound; null until then. */
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
    return this.#active;
  }

  /** Bytes of audio received, over all connections. */
  get bytes() {
    return this.#bytes;
  }

  /**
   * Speak a whole text: sent in the URL if it is short, else in a message.
   * @param {string} text
   * @param {Params} [params]
   */
  speak(text, params = {}) {
    if (fitsUrl(text)) {
      this.#start(params, text);
    } else {
      this.open(params);
      this.sendText(text);
      this.end();
    }
  }

  /**
   * Open a session that takes its text in pieces.
   * @param {Params} [params]
   */
  open(params = {}) {
    this.#start(params, "");
  }

  /** Send a piece of text; the server speaks as soon as it has something to say. */
  sendText(text) {
    if (!text) return;
    this.#expecting = false; // perhaps not before more text or a flush
    this.#write({ type: "text", text: wellFormed(text) });
  }

  /** Speak everything sent so far, even if a sentence is not complete. */
  flush() {
    this.#expecting = true;
    this.#write({ type: "flush" });
  }

  /** No more text; the server speaks the rest, says `end` and closes. */
  end() {
    this.#expecting = this.#complete = true;
    this.#write({ type: "end" });
  }

  /**
   * Barge-in: the server falls silent at once and forgets all text; `audio` gets no more of it.
   * What is written next is spoken afresh.
   * @param {number} [played]  bytes of the session that were played, so that the server can tell
   *     how much of the text was heard
   */
  cancel(played) {
    this.#cancels.push({ played: played ?? this.#bytes });
    this.#write({ type: "cancel", bytes: played });
  }

  /**
   * Leave, and end the session. No callback comes after this. While the connection is lost the
   * server cannot be told: it gives the session up after two minutes, or earlier if it needs room.
   */
  close() {
    const socket = this.#socket;
    this.#forget();
    if (socket && socket.readyState <= WebSocket.OPEN) socket.close(DONE);
  }

  #start(params, text) {
    this.close();
    this.#params = { ...params, events: undefined };
    this.#text = text;
    this.#active = true;
    this.#session = this.#error = this.firstAudio = null;
    this.#outbox = new Outbox();
    this.#transcript = new Transcript();
    this.#reopening = false;
    this.#patience = QUIET;
    this.#bytes = this.#acknowledged = this.#playedBy = this.#silentTo = this.#markedTo = 0;
    this.#cancels = [];
    this.#marks = [];
    this.#expecting = this.#complete = text !== "";
    this.#over = false;
    this.#retry.worked();
    this.#began = performance.now();
    this.#ticks = setInterval(() => this.#tick(), 1000);
    this.#connect();
  }

  #connect() {
    this.#abandon(); // an attempt that is still under way
    const socket = new WebSocket(this.#url());
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    let opened = false;
    const mine = (handle) => (event) => {
      if (socket === this.#socket) handle(event);
    };
    socket.onopen = mine(() => (opened = true));
    socket.onmessage = mine((event) => this.#receive(event.data));
    socket.onclose = mine((event) => this.#closed(event.code, event.reason, opened));
    this.#deadline = setTimeout(() => this.#closed(1006, "", opened), CONNECT_TIMEOUT);
  }

  #url() {
    if (!this.#session) return streamUrl(this.#base, this.#params, this.#text);
    const { session_id, voice, sample_rate } = this.#session;
    // Messages come whole, so the offset is where a frame begins, and only whole frames follow.
    if (!this.#reopening) {
      return streamUrl(this.#base, { ...this.#params, session_id, offset: this.#bytes });
    }
    const { byte, char } = this.#transcript;
    const place = { session_id, offset: Math.max(this.#bytes, byte), reopen: `${byte},${char}` };
    // A server that has been restarted may have other defaults.
    const settings = { ...this.#params, voice, rate: sample_rate };
    return streamUrl(this.#base, { ...settings, ...place }, this.#text);
  }

  #write(message) {
    if (!this.#active) return;
    const json = this.#outbox.add(message);
    if (json === null) {
      this.#socket?.close(DONE);
      const reason = "too much text waits for the connection to be restored";
      return this.#finish(TEXT_TOO_LONG, reason, true);
    }
    this.#transcript.add(message);
    if (this.#ready) this.#socket.send(json);
  }

  #receive(data) {
    this.#quiet = 0;
    if (data instanceof ArrayBuffer) this.#hear(data);
    else this.#understand(JSON.parse(data));
  }

  #hear(frame) {
    const at = this.#bytes;
    const now = performance.now();
    const second = 2 * this.#session.sample_rate; // bytes
    this.#bytes += frame.byteLength;
    this.#patience = QUIET;
    this.#answers ||= 1;
    this.#playedBy = Math.max(this.#playedBy, now) + (1000 * frame.byteLength) / second;
    this.firstAudio ??= now - this.#began;
    this.#retry.worked();
    if (this.#bytes >= this.#acknowledged + second && this.#socket.readyState === WebSocket.OPEN) {
      this.#acknowledged = this.#bytes;
      this.#socket.send(JSON.stringify({ type: "ack", bytes: this.#bytes }));
    }
    if (!this.#cancels.length && at >= this.#silentTo) this.#callbacks.audio?.(frame, at);
  }

  #understand(event) {
    if (event.type === "session") return this.#join(event);
    this.#retry.worked();
    const answers = this.#answers;
    this.#answers = 1;
    switch (event.type) {
      case "text_ack":
        return this.#outbox.confirm(event.seq);
      case "cut":
        return this.#transcript.cut(event.chars);
      case "error":
        this.#error = event; // passed on when it is clear that it was the end
        return;
      case "mark":
        // After a resume some come again.
        if (event.chars[0] < this.#markedTo || event.bytes[0] < this.#silentTo) return;
        if (this.#cancels.length) return;
        this.#markedTo = event.chars[1];
        this.#marks.push([event.bytes[1], event.chars[1]]);
        if (this.#marks.length > MARKS) this.#marks.shift();
        break;
      case "drained":
        this.#expecting = false;
        break;
      case "cancelled":
        if (!this.#interrupted(event, answers)) return;
        break;
      case "end":
        if (event.reason === "cancelled") this.#interrupted(event, this.#cancels.length);
        this.#over = true;
        break;
      case "warning":
        break;
      default:
        return; // added by a later server
    }
    this.#callbacks[event.type]?.(event);
  }

  /** Take note of an answer to so many cancels; returns whether it is news. */
  #interrupted(event, answers) {
    const answered = this.#cancels.splice(0, answers);
    this.#silentTo = event.bytes;
    for (const _ of answered) this.#transcript.cancelled(event.bytes);
    if (!answered.length) {
      if (!this.#cancels.length) this.#transcript.byte = event.bytes;
      return false;
    }
    this.#expecting = false;
    // A server that has reopened the session does not know what was heard before.
    const { played } = answered.at(-1);
    for (const [end, char] of this.#marks) {
      if (end <= played && char > event.spoken_chars) event.spoken_chars = char;
    }
    return true;
  }

  /** The connection stands: send what did not arrive over the one before. */
  #join(event) {
    const first = !this.#session;
    clearTimeout(this.#deadline);
    this.#session = event;
    this.#ready = true;
    this.#retry.stop();
    // The last cancel is answered again if the answer may have been lost, and for all before it.
    const taken = this.#outbox.count("cancel", event.seq);
    this.#answers = taken || (this.#silentTo > 0 && this.#silentTo >= event.offset ? 0 : 1);
    if (this.#reopening && event.seq === 0) this.#writeAgain(event);
    this.#reopening = false;
    this.#bytes = Math.max(this.#bytes, event.offset);
    this.#outbox.confirm(event.seq);
    // `drained` may have been said over the lost connection.
    if (!first && !this.#complete) this.#expecting = false;
    for (const json of this.#outbox.unconfirmed) this.#socket.send(json);
    if (first) this.#callbacks.session?.(event);
    else this.#callbacks.resumed?.({ offset: event.offset });
  }

  /** The session begins again: all of its text is sent, and what was heard of it made once more. */
  #writeAgain({ offset, sample_rate }) {
    this.#outbox.restart(this.#transcript.messages);
    this.#answers = 1;
    this.#patience = QUIET + (offset - this.#transcript.byte) / (2 * sample_rate);
  }

  /**
   * Once a second. Seconds are counted rather than read from a clock, so that a page that slept
   * does not take its own sleep for the server's.
   */
  #tick() {
    const due = this.#expecting && performance.now() > this.#playedBy;
    this.#quiet = this.#ready && (due || !this.#outbox.empty) ? this.#quiet + 1 : 0;
    if (this.#quiet > this.#patience) this.#closed(1006, "", true);
  }

  #closed(code, reason, opened) {
    this.#abandon();
    const resumes = this.#session && !this.#over;
    if (resumes && code === NO_SESSION && !this.#reopening && this.#transcript.complete) {
      this.#reopening = true;
      this.#error = null;
      return this.#connect();
    }
    const next = resumes && this.#retry.plan(code, this.#error?.retry_after);
    if (next) {
      this.#error = null;
      this.#callbacks.reconnecting?.(next);
    } else {
      this.#finish(this.#over ? DONE : code, reason, opened || this.#session !== null);
    }
  }

  #finish(code, reason, opened) {
    const error = this.#error;
    this.#forget();
    const unsaid = BROKEN.includes(code) ? LOST : OTHER;
    const { kind, words } = CLOSE_CODES[code] ?? (opened ? unsaid : UNREACHABLE);
    if (error) this.#callbacks.error?.(error);
    this.#callbacks.close?.({ kind, words, code, reason: error?.message ?? reason });
  }

  /** Let go of the connection, but not of the session. */
  #abandon() {
    clearTimeout(this.#deadline);
    const socket = this.#socket;
    this.#socket = null;
    this.#ready = false;
    this.#quiet = 0;
    if (socket && socket.readyState <= WebSocket.OPEN) socket.close(ABANDONED);
  }

  #forget() {
    clearTimeout(this.#deadline);
    clearInterval(this.#ticks);
    this.#retry.stop();
    this.#socket = null;
    this.#ready = this.#active = false;
  }
}

/** Text as it arrives: half a surrogate pair means nothing. */
const wellFormed = (text) => text.toWellFormed?.() ?? text;
