/**
 * What was written in a session: until the server has confirmed it (`Outbox`), and as long as it may
 * be needed to reopen the session (`Transcript`). No DOM needed.
 */

const UNCONFIRMED_LIMIT = 1_000_000; // characters; twice what a server lets wait to be spoken
const TRANSCRIPT_LIMIT = 500_000; // characters; what a server lets wait to be spoken

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

  /** The session begins again: these messages are all there is, numbered from 1. */
  restart(messages) {
    this.#messages = messages.map((message, i) => ({
      seq: i + 1,
      type: message.type,
      json: JSON.stringify({ ...message, seq: i + 1 }),
    }));
    this.#seq = messages.length;
    this.#size = this.#messages.reduce((size, { json }) => size + json.length, 0);
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

  /** How many messages of a type, up to this number, are not confirmed. */
  count(type, seq = Infinity) {
    return this.#messages.filter((message) => message.type === type && message.seq <= seq).length;
  }
}

/**
 * Everything written since the last barge-in that the server has answered. A server that was
 * restarted does not know its sessions any more; the client then writes the text again, cut at the
 * same places, and the server makes the same samples.
 *
 * Characters are Unicode code points, counted from the beginning of the session.
 */
export class Transcript {
  /** Where in the session's audio it begins, in bytes. */
  byte = 0;
  #turns = [new Turn(0)];
  #limit;

  /** @param {number} [limit]  characters that are kept; of a longer text nothing is */
  constructor(limit = TRANSCRIPT_LIMIT) {
    this.#limit = limit;
  }

  /** Where in the session's text it begins. */
  get char() {
    return this.#turns[0].start;
  }

  /** Whether all of it was kept. */
  get complete() {
    return this.#turns.every((turn) => turn.kept);
  }

  /** Note a message that was written: `text`, `flush`, `end` or `cancel`. */
  add(message) {
    const turn = this.#turns.at(-1);
    if (message.type === "text") {
      turn.write(message.text);
      if (this.#turns.reduce((sum, { size }) => sum + size, 0) > this.#limit) turn.drop();
      return;
    }
    turn.stop(message);
    if (message.type === "cancel") this.#turns.push(new Turn(turn.end));
  }

  /** The server has cut the text there, as a flush does. */
  cut(char) {
    for (const turn of this.#turns) turn.cut(char);
  }

  /** The server has answered the first `cancel`: what follows is heard from `byte` on. */
  cancelled(byte) {
    if (this.#turns.length > 1) this.#turns.shift();
    this.byte = byte;
  }

  /** What has to be written so that the same samples are made. It must be complete. */
  get messages() {
    return this.#turns.flatMap((turn) => turn.messages());
  }
}

/** Text up to a barge-in. */
class Turn {
  kept = true;
  start; // characters of the session before it
  end; // and with it
  #pieces = [];
  #stops = []; // [characters before it, message]
  #cuts = new Set();

  constructor(start) {
    this.start = this.end = start;
  }

  get size() {
    return this.kept ? this.end - this.start : 0;
  }

  write(text) {
    for (const _ of text) this.end++;
    if (this.kept) this.#pieces.push(text);
  }

  stop(message) {
    const last = this.#stops.at(-1);
    const again = message.type === "flush" && last?.[1].type === "flush" && last[0] === this.end;
    if (this.kept && !again) this.#stops.push([this.end, message]);
  }

  cut(char) {
    if (this.kept && this.start < char && char <= this.end) this.#cuts.add(char);
  }

  drop() {
    this.kept = false;
    this.#pieces = [];
    this.#stops = [];
    this.#cuts.clear();
  }

  messages() {
    const text = [...this.#pieces.join("")]; // code points
    const flushed = new Set(
      this.#stops.filter(([, { type }]) => type === "flush").map(([place]) => place),
    );
    const cuts = [...this.#cuts].filter((place) => !flushed.has(place));
    const stops = [...cuts.map((place) => [place, { type: "flush" }]), ...this.#stops];
    stops.sort(([one], [other]) => one - other); // a cut comes before what was written there
    const messages = [];
    let at = 0;
    const writeTo = (place) => {
      if (place > at) messages.push({ type: "text", text: text.slice(at, place).join("") });
      at = Math.max(at, place);
    };
    for (const [place, message] of stops) {
      writeTo(place - this.start);
      messages.push(message);
    }
    writeTo(text.length);
    return messages;
  }
}
