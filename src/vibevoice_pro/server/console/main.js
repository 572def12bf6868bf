/** The console: joins the page to the speech, the settings and the server's state. */

import { URL_TEXT_LIMIT, fitsUrl, streamUrl } from "./client.js";
import { currentLanguage, number, onLanguage, say, setLanguage, t, translatePage } from "./i18n.js";
import { clearNotices, notice } from "./notices.js";
import { isSample, sample } from "./samples.js";
import { PERIOD, ask, watchServer } from "./server.js";
import { Settings } from "./settings.js";
import { RATE, Speech } from "./speech.js";
import { Spoken } from "./spoken.js";
import { Typist } from "./typing.js";
import { Waveform } from "./waveform.js";

const REST = 30_000; // ms a writer may be silent before the place on the server is given back
const $ = (id) => document.getElementById(id);
const base = new URL("stream", document.baseURI);
base.protocol = base.protocol.replace("http", "ws");

const waveform = new Waveform($("waveform"));
const spoken = new Spoken($("text"), $("spoken"));
const settings = new Settings(settingsChanged);
const speech = new Speech(base.href, {
  state: showState,
  latency: (milliseconds) => ($("latency").textContent = Math.round(milliseconds)),
  progress: ({ played, low, high }) => {
    write($("heard"), (played / RATE).toFixed(1));
    waveform.add(low, high);
  },
  spoken: (chars) => spoken.show(chars),
  underruns: (count) => ($("underruns").textContent = count),
  reconnects: showReconnects,
  problem: (problem) => notice("speech", problem),
});
const typist = new Typist({
  send: (piece) => {
    clearTimeout(rest);
    if (!speech.writing) begin(() => speech.open(settings.params()));
    spoken.add(piece);
    speech.sendText(piece);
  },
  flush: () => speech.flush(),
});
let rest; // timer: the writer has gone
let sampled = false; // whether the text box has had its first sentence
let voicesKnown = false;

const asTyped = () => $("as-typed").checked;

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// --- speaking ------------------------------------------------------------------------------------

/** Clear what the last speech left on the page, then start the next one. */
function begin(start) {
  clearNotices("speech");
  waveform.clear();
  spoken.begin();
  $("latency").textContent = "–";
  $("heard").textContent = "0.0";
  $("underruns").textContent = "0";
  showReconnects(0);
  say($("latency-hint"), asTyped() ? "latency_hint_typing" : "latency_hint");
  start();
}

function play() {
  const text = $("text").value;
  typist.begin(text);
  if (!text.trim()) {
    clearNotices("speech");
    notice("speech", { key: "text_missing", values: {}, fatal: false });
    $("text").focus();
  } else if (asTyped()) {
    begin(() => speech.open(settings.params()));
    typist.send(text);
  } else {
    begin(() => speech.play(text, settings.params()));
    spoken.add(text);
  }
}

function stop() {
  typist.quiet();
  speech.stop();
}

function showState(state, detail) {
  document.body.dataset.state = state;
  document.body.dataset.detail = detail;
  say($("status"), detail ? `state_${state}_${detail}` : `state_${state}`);
  if (state === "idle" || state === "error") typist.quiet();
  clearTimeout(rest);
  if (detail === "waiting") rest = setTimeout(() => speech.end(), REST);
  const stopping = document.activeElement === $("stop") && !speech.active;
  $("stop").disabled = !speech.active;
  if (stopping) $("play").focus(); // a disabled button would lose the keyboard
  $("download").disabled = !speech.recording.bytes;
}

/** Most people never see one, so there is no place for a nought. */
function showReconnects(count) {
  $("reconnects").hidden = !count;
  say($("reconnects"), "reconnects", { count: number(count) });
}

function download() {
  const link = document.createElement("a");
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  link.href = URL.createObjectURL(speech.recording.toBlob());
  link.download = `vibevoice-${stamp}.wav`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// --- writing -------------------------------------------------------------------------------------

function textChanged(event) {
  showAddress();
  // While characters are being composed (Chinese, Japanese, …) they are not text yet.
  if (!asTyped() || event.isComposing) return;
  typist.changed($("text").value, $("text").selectionStart);
}

function asTypedChanged() {
  typist.begin($("text").value);
  if (!asTyped()) speech.end();
  showAddress();
}

function settingsChanged() {
  if (speech.writing) {
    typist.quiet();
    speech.end(); // a connection keeps its settings; the next piece opens a new one
  }
  showSample();
  showAddress();
}

/** Keep a sentence in the voice's language in the text box until somebody writes there. */
function showSample() {
  const language = settings.voice?.language;
  const text = $("text");
  if (!language) return;
  text.lang = language;
  const untouched = text.value ? isSample(text.value) : !sampled;
  sampled = true;
  if (!untouched) return;
  text.value = sample(language);
  typist.begin(text.value);
}

// --- for builders --------------------------------------------------------------------------------

function showAddress() {
  const text = $("text").value;
  const hint = asTyped() ? "url_hint_typing" : fitsUrl(text) ? "url_hint" : "url_hint_long";
  const spoken = hint === "url_hint" ? text : "";
  write($("url"), streamUrl(base.href, { ...settings.params(), rate: RATE }, spoken));
  say($("url-hint"), hint, { limit: number(URL_TEXT_LIMIT) });
  say($("count"), "characters", { count: number(text.length) });
}

async function copyAddress() {
  let copied = true;
  try {
    await navigator.clipboard.writeText($("url").textContent);
  } catch {
    getSelection().selectAllChildren($("url"));
    copied = document.execCommand("copy"); // where the page did not come over https
  }
  say($("copied"), copied ? "copied" : "copy_failed");
  setTimeout(() => say($("copied"), ""), 3000);
}

// --- the server ----------------------------------------------------------------------------------

async function serverAnswered(status) {
  settings.setKnobs(status.model.knobs);
  if (voicesKnown) return;
  voicesKnown = true;
  try {
    const [voices, config] = await Promise.all([ask("api/voices"), ask("config")]);
    settings.setVoices(voices.filter((voice) => voice.installed), config.default_voice);
  } catch {
    voicesKnown = false; // it went down again; the next answer tries again
  }
}

function serverDown(down) {
  clearNotices("server");
  if (!down) return;
  voicesKnown = false; // another server may come back
  notice("server", { key: "server_down", values: { seconds: number(PERIOD) }, fatal: true });
}

// --- the page ------------------------------------------------------------------------------------

$("play").addEventListener("click", play);
$("stop").addEventListener("click", stop);
$("download").addEventListener("click", download);
$("copy").addEventListener("click", copyAddress);
$("text").addEventListener("input", textChanged);
$("text").addEventListener("compositionend", textChanged);
$("as-typed").addEventListener("change", asTypedChanged);
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
    event.preventDefault();
    play();
  } else if (event.key === "Escape" && !event.isComposing) {
    stop();
  }
});
addEventListener("pagehide", stop);

if (/Mac|iPhone|iPad/.test(navigator.platform)) $("modifier").textContent = "⌘";
$("language").value = currentLanguage();
$("language").addEventListener("change", () => setLanguage($("language").value));
onLanguage(showAddress);
translatePage();
watchServer(serverAnswered, serverDown);
