/** The page's words in its two languages, and putting them where they belong. */

import { STRINGS } from "./strings.js";

const STORED = "vibevoice.language";
const listeners = [];
const values = new WeakMap(); // element → the values in its sentence

let language = remembered() ?? guessed();

function remembered() {
  try {
    const stored = localStorage.getItem(STORED);
    return stored in STRINGS ? stored : null;
  } catch {
    return null; // a browser that stores nothing
  }
}

function guessed() {
  return /^zh\b/i.test(navigator.language) ? "zh-CN" : "en";
}

export const currentLanguage = () => language;

/**
 * A sentence in the present language; `{name}` in it is replaced by the value of that name.
 * @param {string} key
 * @param {Record<string, string | number>} [filling]
 */
export function t(key, filling = {}) {
  const sentence = STRINGS[language][key] ?? STRINGS.en[key] ?? filling.message ?? key;
  return sentence.replaceAll(/\{(\w+)\}/g, (whole, name) => filling[name] ?? whole);
}

/** Have `element` say a sentence, now and after every change of the language. */
export function say(element, key, filling = {}) {
  element.dataset.i18n = key;
  values.set(element, filling);
  const sentence = key ? t(key, filling) : "";
  if (element.textContent !== sentence) element.textContent = sentence;
}

/** Put the words into all of the page; elements name theirs in `data-i18n` and `data-i18n-label`. */
export function translatePage() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-i18n]")) {
    say(element, element.dataset.i18n, values.get(element));
  }
  for (const element of document.querySelectorAll("[data-i18n-label]")) {
    element.setAttribute("aria-label", t(element.dataset.i18nLabel));
  }
  for (const listener of listeners) listener();
}

/** Call `listener` whenever the language has changed. */
export function onLanguage(listener) {
  listeners.push(listener);
}

export function setLanguage(next) {
  language = next;
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // not remembered, then
  }
  translatePage();
}

/** A number as people of this language write it. */
export function number(value, options = {}) {
  return new Intl.NumberFormat(language, options).format(value);
}

/** Bytes in words, e.g. `4.5 GB`. */
export function bytes(count) {
  const [unit, size] = count >= 1e9 ? ["gigabyte", 1e9] : ["megabyte", 1e6];
  const digits = count >= 1e9 && count < 1e11 ? 1 : 0;
  return number(count / size, { style: "unit", unit, maximumFractionDigits: digits });
}

/** A language's name, e.g. `Deutsch`'s code `de` → `German`. */
export function languageName(code) {
  try {
    return new Intl.DisplayNames([language], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}
