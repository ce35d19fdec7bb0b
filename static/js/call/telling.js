/** Tells how this page is doing: directly where a way is open, and always over /live. */

/** @typedef {import('./call.js').Call} Call */

const SOON_MS = 40;

export class Telling {
  #timer = 0;
  /** @type {string | null} said once, and never lost among newer states */
  #cameraChanged = null;
  #isWriting = false;
  #isClosed = false;

  /** @param {Call} call */
  constructor(call) {
    this.call = call;
  }

  /** @param {boolean} isWriting */
  writes(isWriting) {
    this.#isWriting = isWriting;
    this.soon();
  }

  /** @param {string | null} cameraChanged */
  changed(cameraChanged) {
    this.#cameraChanged = cameraChanged ?? this.#cameraChanged;
    this.soon();
  }

  /** What changes together is told together. */
  soon() {
    if (this.call.epoch === null || this.#isClosed || this.#timer) return;
    this.#timer = setTimeout(() => this.#tell(), SOON_MS);
  }

  #tell() {
    this.#timer = 0;
    const { devices, pairs, connection } = this.call;
    /** @type {Record<string, unknown>} */
    const state = { audio: devices.audio, video: devices.video, writing: this.#isWriting };
    if (this.#cameraChanged) state.camera_changed = this.#cameraChanged;
    this.#cameraChanged = null;
    state.pairs = [...pairs.entries].flatMap(([participant, { pair }]) =>
      pair ? [{ participant, round: pair.round, is_connected: pair.isConnected, word: pair.word }] : [],
    );
    for (const pair of pairs.all) pair.tell('state', JSON.stringify({ state }));
    connection.forget((message) => message.type === 'state' && !message.camera_changed);
    void this.call.say({ type: 'state', ...state });
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }
}
