/** "Speak as I type": finds what is new in a text field, and when the writer has paused. No DOM. */

const PAUSE = 800; // ms without typing after which everything is to be spoken

/**
 * What was added at the end of a text. An edit further up adds nothing: what was sent is sent.
 * @param {string} before
 * @param {string} now
 * @param {number} caret  where the writer is, in `now`
 * @returns {{text: string, cut: boolean}}  `cut`: the end of `before` was deleted or overwritten
 */
export function newAtEnd(before, now, caret) {
  if (now.startsWith(before)) return { text: now.slice(before.length), cut: false };
  if (caret < now.length) return { text: "", cut: false };
  let same = 0;
  while (same < before.length && before[same] === now[same]) same++;
  return { text: now.slice(same), cut: true };
}

export class Typist {
  #actions;
  #known = ""; // the text as it was when last looked at
  #cut = false; // the end of what was sent has been deleted since
  #pause;

  /** @param {{send: (piece: string) => void, flush: () => void}} actions */
  constructor(actions) {
    this.#actions = actions;
  }

  /** Take `text` as it stands for known: only what is added to it from now on is sent. */
  begin(text) {
    this.#known = text;
    this.#cut = false;
    this.quiet();
  }

  /** The text has changed: send what is new. */
  changed(text, caret = text.length) {
    const added = newAtEnd(this.#known, text, caret);
    this.#known = text;
    this.#cut = this.#cut || added.cut;
    if (!added.text) return;
    // The server still has the deleted letters before it: do not let them run together.
    const piece = this.#cut && !/^\s/.test(added.text) ? ` ${added.text}` : added.text;
    this.#cut = false;
    this.send(piece);
  }

  /** Send a piece, and see to it that it is spoken soon even if nothing follows. */
  send(piece) {
    this.quiet();
    this.#actions.send(piece);
    this.#pause = setTimeout(() => this.#actions.flush(), PAUSE);
  }

  /** Stop the clock: nothing is to be flushed. */
  quiet() {
    clearTimeout(this.#pause);
  }
}
