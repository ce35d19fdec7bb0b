/** While somebody waits: the screen stays awake, the ring sounds when a tap has allowed it, and is acknowledged. */
import { findAll } from '../lib/dom.js';

/**
 * @typedef {import('../live/connection.js').Connection} Connection
 * @typedef {import('./announce.js').Announcer} Announcer
 */

const RING_EVERY_MS = 3000;
const AGAIN_AFTER_MS = 20000;

/** The ring, and the tone of the check, made with WebAudio; silent until a tap has allowed sound. */
export class Ring {
  /** @type {AudioContext | null} */
  #context = null;
  #repeat = 0;
  #later = 0;

  /** Whether this page may sound: a tap came first. */
  get canSound() {
    return this.#context?.state === 'running';
  }

  /** Call in a tap. @returns {Promise<boolean>} whether there is sound now */
  async unlock() {
    if (typeof AudioContext !== 'function') return false;
    this.#context ??= new AudioContext();
    if (this.#context.state !== 'running') await this.#context.resume().catch(() => undefined);
    return this.canSound;
  }

  /** Without a tap a browser may still allow it, when the one before led here. */
  async tryUnlock() {
    if (!navigator.userActivation?.hasBeenActive) return false;
    return this.unlock();
  }

  start() {
    this.stop();
    this.#once();
    this.#repeat = setInterval(() => this.#once(), RING_EVERY_MS);
  }

  /** "Nog niet": quiet now, and again in a while. @param {() => void} again */
  later(again) {
    this.stop();
    this.#later = setTimeout(again, AGAIN_AFTER_MS);
  }

  stop() {
    clearInterval(this.#repeat);
    clearTimeout(this.#later);
    if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(0);
  }

  /** Three rising notes, for "Hoort u de toon?". */
  async tone() {
    await this.unlock();
    [440, 554, 659].forEach((pitch, index) => this.#note(pitch, index * 0.45, 0.4, 0.3));
  }

  #once() {
    this.#note(587, 0, 0.5, 0.35);
    this.#note(740, 0.55, 0.8, 0.35);
    if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.([300, 150, 500]);
  }

  /** @param {number} pitch @param {number} startsIn @param {number} seconds @param {number} loudness */
  #note(pitch, startsIn, seconds, loudness) {
    const context = this.#context;
    if (!context || !this.canSound) return;
    const at = context.currentTime + startsIn;
    const source = context.createOscillator();
    const volume = context.createGain();
    source.type = 'triangle';
    source.frequency.value = pitch;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(loudness, at + 0.03);
    volume.gain.exponentialRampToValueAtTime(0.001, at + seconds);
    source.connect(volume).connect(context.destination);
    source.start(at);
    source.stop(at + seconds);
  }
}

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
