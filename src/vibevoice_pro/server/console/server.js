/** Asks the server what it is doing, every two seconds while somebody looks, and shows it. */

import { bytes, number, onLanguage, say, t } from "./i18n.js";

/** Seconds between two questions. */
export const PERIOD = 2;

const PATIENCE = 5000; // ms for an answer
const $ = (id) => document.getElementById(id);

/** @param {string} path  relative to this page  @returns {Promise<any>} */
export async function ask(path) {
  const url = new URL(path, document.baseURI);
  const response = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

/**
 * Poll `/api/status`, except while the tab is hidden.
 * @param {(status: object) => void} onStatus
 * @param {(down: boolean) => void} onDown  whether the server answers; called when that changes
 */
export function watchServer(onStatus, onDown) {
  let timer;
  let asking = false;
  let down = null;
  let latest = null;

  const poll = async () => {
    clearTimeout(timer);
    if (asking || document.hidden) return;
    asking = true;
    let answered = true;
    try {
      latest = await ask("api/status");
      show(latest);
      onStatus(latest);
    } catch (error) {
      answered = false;
      say($("server-health"), "server_silent");
      $("server-health").dataset.health = "bad";
    }
    asking = false;
    if (down === answered || down === null) onDown((down = !answered));
    timer = setTimeout(poll, PERIOD * 1000);
  };

  document.addEventListener("visibilitychange", poll);
  onLanguage(() => latest && show(latest));
  poll();
}

function show(status) {
  const { model } = status;
  $("server-model").textContent = model.name;
  $("server-device").textContent = model.device;
  $("server-precision").textContent = model.precision;
  $("server-version").textContent = status.version;
  $("server-uptime").textContent = duration(status.uptime_seconds);
  $("server-listeners").textContent = t("listeners_now", {
    now: number(status.streams),
    room: number(Math.min(status.capacity ?? status.max_streams, status.max_streams)),
  });
  $("server-memory").textContent = t("memory_used", {
    used: bytes(status.memory_used),
    budget: bytes(status.memory_budget),
  });
  $("machine").textContent = machine(status);
  gauge($("server-memory-meter"), status.memory_used / status.memory_budget);
  $("server-load").textContent = number(status.load, { style: "percent" });
  gauge($("server-load-meter"), status.load);
  say($("server-health"), status.healthy ? "server_ok" : "server_stuck");
  $("server-health").dataset.health = status.healthy ? "good" : "bad";
}

/** The machine at a glance: `GPU: OK | VRAM: 4.2/4.5 GB`. */
function machine({ on_card, healthy, memory_used, memory_budget }) {
  const [unit, memory] = on_card ? ["GPU", "VRAM"] : ["CPU", "RAM"];
  const [used, limit] = [memory_used, memory_budget].map((size) => (size / 1e9).toFixed(1));
  return `${unit}: ${healthy ? "OK" : "STUCK"} | ${memory}: ${used}/${limit} GB`;
}

/** A meter from 0 to 1 that warns above 80 and 95 per cent. */
function gauge(meter, share) {
  Object.assign(meter, { min: 0, max: 1, optimum: 0, low: 0.8, high: 0.95, value: share });
}

function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return t("uptime_minutes", { minutes });
  return t("uptime_hours", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}
