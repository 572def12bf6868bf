/**
 * What `client.js` needs to outlive its connection: messages kept until they are confirmed, and
 * when to try again. No DOM needed.
 */

const FIRST = 250; // ms before the first new attempt; doubled before each further one
const LONGEST = 5000; // ms
const LIMIT = 120_000; // ms; the server keeps a session without a connection as long
const UNCONFIRMED_LIMIT = 1_000_000; // characters; twice what a server lets wait to be spoken

/** Close codes after which the session may still be there: nobody said goodbye (1005, 1006), the
 * server or something before it is restarting (1001, 1012), or there is no room just now (1013). */
const RETRIED = [1001, 1005, 1006, 1012, 1013];

/** Messages that write, numbered 1, 2, 3, …, until the server has confirmed them. */
export class Outbox {
  #messages = []; // {seq, type, json}
  #seq = 0;
  #size = 0; // characters

  /** @returns {string | null} the message with its number, as JSON; null: too much waits */
  add(message) {
    const seq = this.#seq + 1;
    const json = JSON.stringify({ ...message, seq });
    if (this.#size + json.length > UNCONFIRMED_LIMIT) return null;
    this.#seq = seq;
    this.#size += json.length;
    this.#messages.push({ seq, type: message.type, json });
    return json;
  }

  /** The server has taken everything up to this number. */
  confirm(seq) {
    while (this.#messages[0]?.seq <= seq) this.#size -= this.#messages.shift().json.length;
  }

  get empty() {
    return this.#messages.length === 0;
  }

  /** What is not confirmed, as JSON. */
  get unconfirmed() {
    return this.#messages.map(({ json }) => json);
  }

  /** How many messages of a type are not confirmed. */
  count(type) {
    return this.#messages.filter((message) => message.type === type).length;
  }
}

/** Plans attempts to connect again: after a wait that doubles, or when the network comes back. */
export class Retry {
  #again;
  #attempt = 0;
  #lostAt = null; // when the connection was lost; null while there is one
  #timer;

  /** @param {() => void} again  connects; also called while an attempt is under way */
  constructor(again) {
    this.#again = again;
  }

  /**
   * A connection was lost, or an attempt to get it back has failed.
   * @param {number} code    the close code
   * @param {string} reason  the server's words
   * @returns {{attempt: number, wait: number} | null} the next attempt, counted from 1, and ms
   *     until then; null: it is not worth trying, or was tried long enough
   */
  plan(code, reason) {
    if (this.#lostAt === null) {
      this.#lostAt = performance.now();
      for (const type of ["online", "visibilitychange"]) {
        globalThis.addEventListener?.(type, this.#hurry); // a program outside a browser has none
      }
    }
    const left = this.#lostAt + LIMIT - performance.now();
    if (!RETRIED.includes(code) || left <= 0) return null;
    // Not all whom one failure has struck should come back in the same moment.
    const backoff = Math.min(FIRST * 2 ** this.#attempt, LONGEST) * (0.5 + Math.random() / 2);
    const asked = code === 1013 ? Number(/(\d+(?:\.\d+)?) s\W*$/.exec(reason)?.[1] ?? 0) * 1000 : 0;
    const wait = Math.min(asked + backoff, left);
    this.#attempt++;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#again, wait);
    return { attempt: this.#attempt, wait };
  }

  /** The session goes on, or nobody wants it any more. */
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
  #hurry = () => {
    if (globalThis.document?.hidden) return;
    clearTimeout(this.#timer);
    this.#again();
  };
}
