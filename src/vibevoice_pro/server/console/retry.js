/** When to connect again after a connection was lost. No DOM needed. */

import { resumable } from "./codes.js";

const FIRST = 250; // ms before the first new attempt; doubled before each further one
const LONGEST = 5000; // ms
const LIMIT = 120_000; // ms; as long as the server keeps a session without a connection

/** Plans attempts to connect again: after a wait that doubles, or when the network comes back. */
export class Retry {
  #again;
  #attempt = 0;
  #lostAt = null; // when the connection was lost; null while there is one
  #timer;
  #asked = false; // whether the server has said how long to wait

  /** @param {() => void} again  connects; also called while an attempt is under way */
  constructor(again) {
    this.#again = again;
  }

  /**
   * A connection was lost, or an attempt to restore it has failed.
   * @param {number} code  the close code
   * @param {number} [retryAfter]  seconds that the server asks for; the wait is never shorter
   * @returns {{attempt: number, wait: number} | null} the next attempt, counted from 1, and ms
   *     until then; null: there is no point in one, or it was tried long enough
   */
  plan(code, retryAfter = 0) {
    if (this.#lostAt === null) {
      this.#lostAt = performance.now();
      for (const type of ["online", "visibilitychange"]) {
        globalThis.addEventListener?.(type, this.#hurry); // a program outside a browser has none
      }
    }
    const left = this.#lostAt + LIMIT - performance.now();
    const asked = retryAfter * 1000;
    if (!resumable(code) || left <= 0 || asked > left) return null;
    // Clients that lost their connections together must not come back together.
    const backoff = Math.min(FIRST * 2 ** this.#attempt, LONGEST) * (0.5 + Math.random() / 2);
    const wait = Math.min(Math.max(backoff, asked * (1 + Math.random() / 2)), left);
    this.#attempt++;
    this.#asked = asked > 0;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#again, wait);
    return { attempt: this.#attempt, wait };
  }

  /** The session was resumed, or nobody wants it any more. */
  stop() {
    clearTimeout(this.#timer);
    this.#lostAt = null;
    for (const type of ["online", "visibilitychange"]) {
      globalThis.removeEventListener?.(type, this.#hurry);
    }
  }

  /** The connection has brought something: the next loss has nothing to do with the last one.
   * One that only opens, again and again, is tried ever less often. */
  worked() {
    this.#attempt = 0;
  }

  // A hidden page may have slept through its timers; a network that is back is worth a try.
  // A server that has asked for time gets it.
  #hurry = () => {
    if (globalThis.document?.hidden || this.#asked) return;
    clearTimeout(this.#timer);
    this.#again();
  };
}
