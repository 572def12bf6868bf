/** What went wrong, said in the page's alert region. */

import { say } from "./i18n.js";

const MOST = 4; // at once
const region = document.getElementById("alert");

/**
 * Say something; the same thing is not said twice.
 * @param {string} source  who says it, so that it can be taken back: `speech`, `server`
 * @param {{key: string, values: Record<string, string | number>, fatal: boolean}} problem
 */
export function notice(source, { key, values, fatal }) {
  const id = JSON.stringify([source, key, values]);
  if ([...region.children].some((child) => child.dataset.id === id)) return;
  const paragraph = document.createElement("p");
  paragraph.dataset.id = id;
  paragraph.dataset.source = source;
  paragraph.dataset.kind = fatal ? "error" : "warning";
  const words = document.createElement("span");
  say(words, key, asSentence(values));
  paragraph.append(words);
  if (values.code) {
    const code = document.createElement("small");
    say(code, "closed", { code: values.code });
    paragraph.append(" ", code);
  }
  region.append(paragraph);
  while (region.children.length > MOST) region.firstElementChild.remove();
}

/** Take back what `source` has said. */
export function clearNotices(source) {
  for (const child of [...region.children]) {
    if (child.dataset.source === source) child.remove();
  }
}

/** The server's words as a sentence: some of them come with a full stop, some without. */
function asSentence(values) {
  if (!values.message) return values;
  return { ...values, message: values.message.replace(/[^.!?]$/, "$&.") };
}
