/**
 * WebSocket close codes: for each a kind (for programs), whether a lost session may be resumed after
 * it, and what it means in plain English (for people). No DOM needed.
 *
 * @typedef {{kind: string, resumable?: boolean, words: string}} Code
 */

/** What a server, or a proxy before it, closes a connection with. @type {Record<number, Code>} */
export const CLOSE_CODES = {
  1000: { kind: "done", words: "The server has spoken everything." },
  1001: { kind: "restart", resumable: true, words: "The server is shutting down." },
  1008: { kind: "key", words: "The server did not accept the access key." },
  1009: { kind: "too_long", words: "The text is longer than the server accepts." },
  1011: { kind: "failed", words: "The server failed while it was speaking." },
  1012: { kind: "restart", resumable: true, words: "The server is restarting." },
  1013: { kind: "full", resumable: true, words: "The server has no room for another listener." },
  4400: { kind: "refused", words: "The server refused the request." },
  4404: { kind: "gone", words: "The server does not know this session any more." },
  4408: { kind: "idle", words: "Nothing was written or spoken for a long time." },
  4409: { kind: "taken_over", words: "A newer connection has resumed this session." },
  4410: { kind: "gone", words: "The server no longer has the audio from that offset on." },
  4429: { kind: "full", resumable: true, words: "The API key allows no more at present." },
};

/** What a browser reports where there was no close frame, or one without a code. */
export const BROKEN = [1005, 1006];

export const DONE = 1000;
export const TEXT_TOO_LONG = 1009;
export const NO_SESSION = 4404;

/** Sent by this client when it gives a dead connection up: not a goodbye, so the session stays. */
export const ABANDONED = 4000;

/** Whether the session may still be there after this code. */
export const resumable = (code) => BROKEN.includes(code) || !!CLOSE_CODES[code]?.resumable;
