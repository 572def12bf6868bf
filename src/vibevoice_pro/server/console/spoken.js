/**
 * Marks the words being heard in the text box. A text box cannot do that itself: a copy of its text
 * lies behind it, of which only the mark is seen.
 */

const LONGEST = 20_000; // characters; to lay out more again and again would be felt

export class Spoken {
  #box;
  #copy;
  #text = ""; // what this speech was given
  #start = 0; // where that begins in the text box

  /**
   * @param {HTMLTextAreaElement} box
   * @param {HTMLElement} copy  as large as the box, behind it
   */
  constructor(box, copy) {
    this.#box = box;
    this.#copy = copy;
    box.addEventListener("scroll", () => this.#align());
    box.addEventListener("input", () => this.#here || this.show(null));
    new ResizeObserver(() => this.#align()).observe(box);
  }

  /** Another speech begins. */
  begin() {
    this.#text = "";
    this.show(null);
  }

  /** A piece is given to the speech, as it stands at the end of the text box. */
  add(piece) {
    if (!this.#text) this.#start = this.#box.value.length - piece.length;
    this.#text += piece;
  }

  /** @param {[number, number] | null} chars  first and last + 1, in Unicode characters */
  show(chars) {
    if (!chars || !this.#here) {
      this.#copy.replaceChildren();
      return;
    }
    const all = [...this.#text];
    const before = this.#box.value.slice(0, this.#start) + all.slice(0, chars[0]).join("");
    const mark = document.createElement("mark");
    mark.textContent = all.slice(...chars).join("");
    const after = this.#box.value.slice(before.length + mark.textContent.length);
    this.#copy.lang = this.#box.lang; // the same characters may look different in another
    this.#copy.replaceChildren(before, mark, `${after}\n`);
    this.#align();
  }

  /** Whether what was spoken still stands in the text box: it may have been edited since. */
  get #here() {
    const { value } = this.#box;
    return value.length <= LONGEST && value.startsWith(this.#text, this.#start);
  }

  /** Lines break and scroll as in the box; a scroll bar there takes its width here too. */
  #align() {
    this.#copy.style.width = `${this.#box.clientWidth}px`;
    this.#copy.scrollTop = this.#box.scrollTop;
  }
}
