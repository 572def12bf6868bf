/** The voice list and the knobs: fills them from what the server says, and reads them. */

import { languageName, onLanguage, t } from "./i18n.js";

const KNOBS = ["speed", "steps", "cfg", "seed"];
const $ = (id) => document.getElementById(id);

/**
 * @typedef {object} Voice
 * @property {string} id
 * @property {string} language
 * @property {string} gender
 * @property {string} description
 *
 * @typedef {object} Knob
 * @property {number} minimum
 * @property {number} maximum
 * @property {number} default
 * @property {boolean} integer
 * @property {boolean} available
 * @property {string} reason
 */

export class Settings {
  #voices = [];
  #knobs = {};
  #seen = ""; // the knobs as last shown
  #onChange;

  /** @param {() => void} onChange  called when any setting has changed */
  constructor(onChange) {
    this.#onChange = onChange;
    for (const id of [...KNOBS, "voice", "auto"]) {
      $(id).addEventListener("input", () => {
        this.#show();
        this.#onChange();
      });
    }
    onLanguage(() => {
      this.#list();
      this.#show();
    });
  }

  /** @returns {Voice | undefined} who speaks for the chosen name */
  get voice() {
    return this.#speaking($("voice").value);
  }

  #speaking(name) {
    return this.#voices.find(({ id, aliases }) => id === name || aliases.includes(name));
  }

  /** What the URL must carry: the voice, and the settings that were changed. */
  params() {
    const params = { voice: $("voice").value };
    if ($("auto").checked && !$("auto-option").hidden) params.language = "auto";
    for (const name of KNOBS) {
      const knob = this.#knobs[name];
      if (knob?.available && Number($(name).value) !== knob.default) params[name] = $(name).value;
    }
    return params;
  }

  /**
   * @param {Voice[]} voices
   * @param {string} chosen  the id to choose if the one chosen now is not there
   */
  setVoices(voices, chosen) {
    const before = $("voice").value;
    this.#voices = voices;
    const languages = new Set(voices.map((voice) => voice.language.split("-")[0]));
    $("auto-option").hidden = languages.size < 2;
    this.#list();
    $("voice").value = this.#speaking(before) ? before : chosen;
    this.#show();
    this.#onChange();
  }

  /** @param {Record<string, Knob>} knobs  as `/api/status` has them */
  setKnobs(knobs) {
    const seen = JSON.stringify(knobs);
    if (seen === this.#seen) return;
    this.#seen = seen;
    for (const name of KNOBS) {
      const knob = knobs[name];
      const input = $(name);
      const untouched = !this.#knobs[name] || Number(input.value) === this.#knobs[name].default;
      input.disabled = !knob?.available;
      $(`${name}-reason`).hidden = knob?.available !== false;
      if (!knob) continue;
      input.min = knob.minimum;
      input.max = knob.maximum;
      if (untouched || !knob.available) input.value = knob.default;
    }
    this.#knobs = knobs;
    this.#show();
    this.#onChange();
  }

  /** Write the list of voices by language, and below them the names that they speak for. */
  #list() {
    const chosen = $("voice").value;
    const groups = new Map();
    for (const voice of this.#voices) {
      const name = languageName(voice.language);
      groups.set(name, [...(groups.get(name) ?? []), new Option(voice.id, voice.id)]);
    }
    const aliases = this.#voices.flatMap((voice) => voice.aliases);
    if (aliases.length) {
      groups.set(t("voice_aliases"), aliases.map((name) => new Option(name, name)));
    }
    const children = [...groups].map(([name, options]) => {
      const group = document.createElement("optgroup");
      group.label = name;
      group.append(...options);
      return group;
    });
    $("voice").replaceChildren(...children);
    if (chosen) $("voice").value = chosen;
  }

  #show() {
    const voice = this.voice;
    if (voice) {
      const gender = t(`gender_${voice.gender}`, { message: voice.gender });
      const language = languageName(voice.language);
      const about = t("voice_about", { ...voice, language, gender }).trim();
      const asked = $("voice").value;
      const instead = asked === voice.id ? "" : `${t("voice_instead", { asked, id: voice.id })} `;
      $("voice-about").textContent = instead + about;
    }
    for (const name of ["speed", "steps", "cfg"]) {
      const knob = this.#knobs[name];
      const value = Number($(name).value).toFixed(knob?.integer ? 0 : 2);
      $(`${name}-value`).textContent = knob?.available ? value : "–";
    }
    for (const name of KNOBS) this.#showReason(name);
  }

  /** Why a knob cannot be moved: our words, then the server's own. */
  #showReason(name) {
    const knob = this.#knobs[name];
    if (!knob || knob.available) return;
    const words = document.createElement("span");
    words.lang = "en";
    words.textContent = `${knob.reason}.`;
    $(`${name}-reason`).replaceChildren(t("unavailable"), words);
  }
}
