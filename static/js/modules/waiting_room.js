/** While somebody waits: the screen stays awake, the ring sounds when a tap has allowed it, and is acknowledged. */
import { findAll } from '../lib/dom.js';
import { Ring } from './ring.js';

/**
 * @typedef {import('../live/connection.js').Connection} Connection
 * @typedef {import('./announce.js').Announcer} Announcer
 */

export class WaitingRoom {
  ring = new Ring();
  #isRinging = false;
  #wantsAwake = false;
  /** @type {WakeLockSentinel | null} */
  #lock = null;

  /** @param {HTMLElement} root @param {Connection} connection @param {Announcer} announcer */
  constructor(root, connection, announcer) {
    this.root = root;
    this.connection = connection;
    this.announcer = announcer;
    document.addEventListener('visibilitychange', () => void this.#takeLock());
  }

  get isRinging() {
    return this.#isRinging;
  }

  /** From the waiting room to goodbye. @param {boolean} isAwake */
  stayAwake(isAwake) {
    this.#wantsAwake = isAwake;
    if (isAwake) return void this.#takeLock();
    void this.#lock?.release().catch(() => undefined);
    this.#lock = null;
  }

  async #takeLock() {
    if (!this.#wantsAwake || document.visibilityState !== 'visible' || (this.#lock && !this.#lock.released)) return;
    this.#lock = (await navigator.wakeLock?.request('screen').catch(() => null)) ?? null;
  }

  /** In a tap. */
  async soundOn() {
    await this.ring.unlock();
    if (this.#isRinging) this.ring.start();
    this.showSound();
  }

  /** The line says to listen only when there is something to hear. */
  showSound() {
    const canSound = this.ring.canSound;
    for (const line of findAll(this.root, '[data-with-sound]')) line.hidden = !canSound;
    for (const line of findAll(this.root, '[data-without-sound]')) line.hidden = canSound;
  }

  /** Somebody is there. @param {string} visit */
  async rings(visit) {
    if (this.#isRinging) return;
    this.#isRinging = true;
    this.announcer.alert('ring');
    this.#acknowledge(visit);
    await this.ring.tryUnlock();
    if (this.#isRinging) this.ring.start();
  }

  /** @param {string} visit */
  #acknowledge(visit) {
    this.connection.send({ type: 'ring.seen', visit }).catch(() => undefined);
  }

  /** "Nog niet": quiet, and in a while again. @param {string} visit */
  notYet(visit) {
    this.#isRinging = true;
    this.ring.later(() => {
      if (!this.#isRinging) return;
      this.announcer.alert('ring');
      this.#acknowledge(visit);
      this.ring.start();
    });
  }

  /** Any answer ends it. */
  quiet() {
    this.#isRinging = false;
    this.ring.stop();
  }
}
