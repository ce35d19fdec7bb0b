/** The ring and the tone of the check, made with WebAudio; silent until a tap has allowed sound. */

const RING_EVERY_MS = 3000;
const AGAIN_AFTER_MS = 20000;

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
