/** Plays a stream of 20 ms frames. No DOM. */

import { Playout } from "./player-worklet.js";

const WORKLET = new URL("player-worklet.js", import.meta.url);
const BLOCK = 1024; // samples at a time where there is no AudioWorklet
const PATIENCE = 2000; // ms for the browser to let the sound begin
const REST = 1000; // ms without sound after which the audio device is let go

/**
 * @typedef {object} PlayerCallbacks
 * @property {(event: {played: number, waiting: number, low: number, high: number}) => void} progress
 * @property {(event: {seconds: number}) => void} gap  the sound goes on after an underrun
 * @property {() => void} dry      nothing left to play, though more is to come
 * @property {() => void} over     everything has been played
 * @property {() => void} full     too much waits to be played
 * @property {() => void} blocked  the browser does not let the sound begin
 */

export class Player {
  #rate;
  #contextRate;
  #cushion;
  #callbacks;
  #context = null;
  #module = null; // a promise: the worklet is loaded; null: there are no worklets here
  #run = null; // what is being played: {frames, node, push, finish, stop}
  #timer;

  /**
   * @param {object} options
   * @param {number} [options.rate]         Hz of the stream
   * @param {number} [options.contextRate]  Hz of the AudioContext; the stream's if not given
   * @param {number} [options.cushion]      seconds to gather before the sound begins
   * @param {Partial<PlayerCallbacks>} callbacks
   */
  constructor({ rate = 24000, contextRate = rate, cushion = 0.15 } = {}, callbacks = {}) {
    this.#rate = rate;
    this.#contextRate = contextRate;
    this.#cushion = cushion;
    this.#callbacks = callbacks;
  }

  /** Begin afresh; call it from a click or a key, or the browser allows no sound. */
  start() {
    this.stop();
    const run = { port: null, early: [] };
    this.#run = run;
    this.#wake(run);
    const ready = this.#module ? this.#module.then(() => this.#worklet(run)) : this.#script(run);
    Promise.resolve(ready).catch((error) => {
      console.error("the audio worklet did not start:", error);
      if (run === this.#run) this.#callbacks.blocked?.();
    });
  }

  /** Add a frame (ArrayBuffer of s16le); it belongs to the player from now on. */
  push(frame) {
    this.#post(frame);
  }

  /** No more frames will come: `over` follows when all have been played. */
  finish() {
    this.#post("finish");
  }

  /** Be silent at once. No callback comes after this. */
  stop() {
    this.#post("stop");
    this.#run = null;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#context?.suspend(), REST);
  }

  #post(message) {
    const run = this.#run;
    if (!run) return;
    if (run.port) run.port(message);
    else run.early.push(message); // the worklet is still being loaded: a matter of milliseconds
  }

  #wake(run) {
    clearTimeout(this.#timer);
    if (!this.#context) {
      this.#context = this.#createContext();
      // Only pages that came safely (https, or from this machine) have worklets.
      this.#module = this.#context.audioWorklet?.addModule(WORKLET) ?? null;
    }
    const context = this.#context;
    context.resume().catch(() => {}); // seen below: it does not run
    this.#timer = setTimeout(() => {
      if (run === this.#run && context.state !== "running") this.#callbacks.blocked?.();
    }, PATIENCE);
  }

  #createContext() {
    try {
      return new AudioContext({ sampleRate: this.#contextRate, latencyHint: "interactive" });
    } catch {
      return new AudioContext({ latencyHint: "interactive" }); // the worklet resamples
    }
  }

  #hear(run, event) {
    if (run !== this.#run) return;
    this.#callbacks[event.type]?.(event);
    if (event.type === "over" && run === this.#run) this.stop();
  }

  #begin(run, port) {
    run.port = port;
    for (const message of run.early.splice(0)) port(message);
  }

  #worklet(run) {
    if (run !== this.#run) return;
    const node = new AudioWorkletNode(this.#context, "vibevoice-player", {
      numberOfInputs: 0,
      outputChannelCount: [1],
      processorOptions: { streamRate: this.#rate, cushion: this.#cushion },
    });
    node.port.onmessage = ({ data }) => this.#hear(run, data);
    node.connect(this.#context.destination);
    this.#begin(run, (message) => {
      node.port.postMessage(message, message instanceof ArrayBuffer ? [message] : []);
      if (message === "stop") setTimeout(() => node.disconnect(), 100);
    });
  }

  /** The same on the page's own thread, for browsers that offer nothing better here. */
  #script(run) {
    const playout = new Playout({
      streamRate: this.#rate,
      outputRate: this.#context.sampleRate,
      cushion: this.#cushion,
      emit: (event) => this.#hear(run, event),
    });
    const node = this.#context.createScriptProcessor(BLOCK, 0, 1);
    node.onaudioprocess = ({ outputBuffer }) => playout.render(outputBuffer.getChannelData(0));
    node.connect(this.#context.destination);
    this.#begin(run, (message) => {
      if (message instanceof ArrayBuffer) playout.push(message);
      else playout[message]();
      if (message === "stop") setTimeout(() => node.disconnect(), 100);
    });
  }
}
