/** When a pair looks for a new way to each other, and when its connection is built anew. */

/** Between restarts; after the last one comes a new round. */
const RESTARTS_MS = [0, 300, 1200, 2700, 4800];
const LAST_MS = 4800;
const ROUNDS_MS = 7000;
const DISCONNECTED_MS = 3000;
/** A connection that is being built gets this long before anybody helps. */
const FIRST_MS = 7000;
const BUSY_MS = 300;

export class Recovery {
  #step = 0;
  #timer = 0;
  #isRunning = false;
  #isClosed = false;
  #hasWaitedFor = '';

  /**
   * @param {{ restart: () => void, rebuild: (why: string) => void, canReach: () => boolean,
   *   isNegotiating: () => boolean, isConnected: () => boolean }} does
   */
  constructor(does) {
    this.does = does;
  }

  /** The state of the connection, at each change. @param {string} state */
  told(state) {
    if (this.does.isConnected()) return this.#rest();
    if (this.#isRunning || state === this.#hasWaitedFor) return;
    this.#hasWaitedFor = state;
    if (state === 'failed') this.#begin(0);
    else if (state === 'disconnected') this.#begin(DISCONNECTED_MS);
    else if (!this.#timer) this.#begin(FIRST_MS);
  }

  /** The network or the live connection came back, or somebody asks for it. */
  wake() {
    if (this.#isClosed || this.does.isConnected()) return;
    this.#step = 0;
    this.#begin(0);
  }

  /** Connected, yet nothing is heard. */
  dead() {
    if (!this.#isRunning) this.does.restart();
  }

  /** @param {number} ms */
  #begin(ms) {
    this.#later(ms);
  }

  #rest() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#step = 0;
    this.#isRunning = false;
    this.#hasWaitedFor = '';
  }

  /** @param {number} ms */
  #later(ms) {
    clearTimeout(this.#timer);
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#attempt(), ms);
  }

  #attempt() {
    this.#isRunning = true;
    if (this.does.isConnected()) return this.#rest();
    if (!this.does.canReach() || (this.#step < RESTARTS_MS.length && this.does.isNegotiating())) {
      return this.#later(BUSY_MS);
    }
    this.#step += 1;
    this.#later(RESTARTS_MS[this.#step] ?? (this.#step === RESTARTS_MS.length ? LAST_MS : ROUNDS_MS));
    if (this.#step <= RESTARTS_MS.length) this.does.restart();
    else this.does.rebuild('failed');
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }
}
