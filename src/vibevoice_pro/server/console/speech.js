/** One speech after another: joins connection, player and recording. No DOM. */

import { SpeechClient } from "./client.js";
import { Player } from "./player.js";
import { Recording } from "./wav.js";

/** Hz; what the console asks for and plays. */
export const RATE = 24000;

/** How much of a speech is kept for the download. */
export const RECORDED_MINUTES = 30;

const WRITERS_PAUSE = 1000; // ms; a gap so soon after text was sent is the writer's, not the line's

/**
 * What to tell people, as a key of `i18n.js` with the values that belong into it.
 * @typedef {object} Problem
 * @property {string} key
 * @property {Record<string, string | number>} values
 * @property {boolean} fatal  whether the speech ended by it
 *
 * @typedef {object} SpeechCallbacks
 * @property {(state: string, detail: string) => void} state
 *     idle, connecting, speaking, done or error; `detail` is `waiting` while a writer is awaited,
 *     `reconnecting` while the connection is lost (what has come is played meanwhile)
 * @property {(milliseconds: number) => void} latency
 * @property {(event: {played: number, low: number, high: number}) => void} progress
 * @property {(chars: [number, number] | null) => void} spoken  what is being heard, see `mark` in
 *     `client.js`; null: nothing that could be named
 * @property {(count: number) => void} underruns
 * @property {(count: number) => void} reconnects  times the connection was lost and came back
 * @property {(problem: Problem) => void} problem
 */

export class Speech {
  #on;
  #client;
  #player;
  #recording = new Recording(RATE, RECORDED_MINUTES);
  #state = "idle";
  #detail = "";
  #sounding = false; // until everything that came has been heard
  #played = 0;
  #marks = []; // those that have not been heard to their end
  #spoken = null; // the one being heard
  #underruns = 0;
  #reconnects = 0;
  #refused = null; // the server's last error event
  #writing = false; // text comes in pieces, and more may come
  #sentAt = 0;

  /**
   * @param {string} base  address of `/stream`
   * @param {SpeechCallbacks} callbacks
   */
  constructor(base, callbacks) {
    this.#on = callbacks;
    this.#client = new SpeechClient(base, {
      audio: (frame) => this.#hear(frame),
      warning: ({ code, message }) => this.#tell(`warning_${code}`, { message }, false),
      error: (event) => (this.#refused = event),
      mark: (mark) => this.#marks.push(mark),
      reconnecting: () => this.#enter(this.#state, "reconnecting"),
      resumed: () => this.#resumed(),
      end: ({ bytes }) => bytes || this.#tell("nothing_said", {}, false),
      close: (closing) => this.#closed(closing),
    });
    this.#player = new Player(
      { rate: RATE },
      {
        progress: (event) => this.#progress(event),
        gap: ({ seconds }) => this.#gap(seconds),
        dry: () => this.#dry(),
        over: () => this.#over(),
        full: () => this.#fail("player_full"),
        blocked: () => this.#tell("sound_blocked", {}, false),
      },
    );
  }

  get recording() {
    return this.#recording;
  }

  /** Whether more text can be sent into what is being spoken. */
  get writing() {
    return this.#writing;
  }

  /** Whether something comes or sounds, so that `stop` makes sense. */
  get active() {
    return this.#client.active || this.#sounding;
  }

  /** Speak a whole text, at once and from its beginning. */
  play(text, params) {
    this.#begin();
    this.#client.speak(text, { ...params, rate: RATE });
  }

  /** Begin a speech whose text comes in pieces. */
  open(params) {
    this.#begin();
    this.#writing = true;
    this.#client.open({ ...params, rate: RATE });
  }

  sendText(piece) {
    this.#sentAt = performance.now();
    this.#client.sendText(piece);
  }

  flush() {
    this.#sentAt = performance.now();
    this.#client.flush();
  }

  /** No more pieces: what there is gets spoken, then the connection closes. */
  end() {
    if (!this.#writing) return;
    this.#writing = false;
    this.#client.end();
  }

  /** Be silent at once. */
  stop() {
    if (!this.active) return;
    this.#drop();
    this.#recording.cut(this.#played * 2);
    this.#enter("idle", "stopped");
  }

  #drop() {
    this.#writing = false;
    this.#client.close();
    this.#silence();
  }

  #silence() {
    this.#player.stop();
    this.#sounding = false;
    this.#marks = [];
    this.#showSpoken();
  }

  #begin() {
    this.#drop();
    this.#recording = new Recording(RATE, RECORDED_MINUTES);
    this.#played = this.#underruns = this.#reconnects = 0;
    this.#refused = null;
    this.#player.start();
    this.#sounding = true;
    this.#enter("connecting");
  }

  #enter(state, detail = "") {
    if (state === this.#state && detail === this.#detail) return;
    this.#state = state;
    this.#detail = detail;
    this.#on.state(state, detail);
  }

  #hear(frame) {
    const room = !this.#recording.full;
    this.#recording.append(frame);
    if (room && this.#recording.full) {
      this.#tell("recording_full", { minutes: RECORDED_MINUTES }, false);
    }
    this.#player.push(frame);
    if (this.#state === "connecting") {
      this.#on.latency(this.#client.firstAudio);
      this.#enter("speaking");
    }
  }

  #progress(event) {
    this.#played = event.played;
    if (this.#detail === "waiting" && event.waiting) this.#enter("speaking");
    this.#on.progress(event);
    this.#showSpoken();
  }

  #showSpoken() {
    const byte = this.#played * 2;
    while (this.#marks[0]?.bytes[1] <= byte) this.#marks.shift();
    const spoken = this.#marks[0]?.bytes[0] <= byte ? this.#marks[0] : null;
    if (spoken === this.#spoken) return;
    this.#spoken = spoken;
    this.#on.spoken(spoken?.chars ?? null);
  }

  #dry() {
    if (this.#writing && this.#detail !== "reconnecting") this.#enter("speaking", "waiting");
  }

  #resumed() {
    this.#on.reconnects(++this.#reconnects);
    this.#enter(this.#state);
  }

  #gap(seconds) {
    const sinceSent = performance.now() - this.#sentAt;
    if (sinceSent < seconds * 1000 + WRITERS_PAUSE) return;
    this.#on.underruns(++this.#underruns);
  }

  #closed(closing) {
    const idle = closing.kind === "idle" && this.#writing; // nobody typed for long: no harm done
    const good = closing.kind === "done" || idle;
    this.#writing = false;
    if (this.#client.bytes) this.#player.finish(); // what has come is still heard
    else this.#silence();
    if (!good) {
      const message = this.#refused?.message || closing.reason;
      this.#tell(`closed_${closing.kind}`, { message, code: closing.code }, true);
      this.#enter("error");
    } else if (!this.#client.bytes) {
      this.#enter("done");
    }
  }

  #over() {
    this.#sounding = false;
    this.#marks = [];
    this.#showSpoken();
    if (this.#state === "speaking") this.#enter("done");
    else this.#on.state(this.#state, this.#detail);
  }

  #fail(key) {
    this.#drop();
    this.#tell(key, {}, true);
    this.#enter("error");
  }

  #tell(key, values, fatal) {
    this.#on.problem({ key, values, fatal });
  }
}
