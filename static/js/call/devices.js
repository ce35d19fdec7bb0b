/** Own camera and microphone: asked once, turned off so that the light goes out, their loss noticed. */
import { Emitter } from '../lib/emitter.js';

/**
 * @typedef {'ok' | 'denied' | 'denied_by_system' | 'none' | 'busy' | 'no_answer' | 'not_asked'} Outcome
 * @typedef {'on' | 'off' | 'none' | 'lost'} Sending
 * @typedef {{ audio: Outcome, video: Outcome }} Outcomes
 */

const NO_ANSWER_MS = 10000;
const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/**
 * @param {unknown} error
 * @param {'camera' | 'microphone'} name
 * @returns {Promise<Outcome>}
 */
async function outcomeOf(error, name) {
  const kind = error instanceof DOMException ? error.name : '';
  if (kind === 'NotFoundError' || kind === 'OverconstrainedError') return 'none';
  if (kind === 'NotReadableError' || kind === 'AbortError') return 'busy';
  if (kind !== 'NotAllowedError' && kind !== 'SecurityError') return 'none';
  const asked = { name: /** @type {PermissionName} */ (/** @type {unknown} */ (name)) };
  const permission = await navigator.permissions?.query(asked).catch(() => null);
  return permission?.state === 'granted' ? 'denied_by_system' : 'denied';
}

/** @extends {Emitter<{ change: { audio: Sending, video: Sending, cameraChanged?: 'flipped' | 'replaced' }, no_answer: null }>} */
export class Devices extends Emitter {
  /** @type {MediaStreamTrack | null} */
  microphone = null;
  /** @type {MediaStreamTrack | null} */
  camera = null;
  /** @type {Sending} */
  audio = 'none';
  /** @type {Sending} */
  video = 'none';
  /** @type {Outcomes} */
  outcomes = { audio: 'not_asked', video: 'not_asked' };

  #isClosed = false;
  #facing = 'user';

  get isSupported() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
  }

  /**
   * Asks for both at once; when that fails for each alone. Never throws.
   * @param {{ audio: boolean, video: boolean }} wanted
   * @returns {Promise<Outcomes>}
   */
  async open({ audio, video }) {
    this.#isClosed = false;
    const timer = setTimeout(() => this.emit('no_answer', null), NO_ANSWER_MS);
    if (audio && video && (await this.#ask({ audio: SOUND, video: this.#picture() }))) {
      this.outcomes = { audio: 'ok', video: 'ok' };
    } else {
      if (audio) this.outcomes.audio = await this.#askAlone('audio');
      if (video) this.outcomes.video = await this.#askAlone('video');
    }
    clearTimeout(timer);
    this.#changed();
    return this.outcomes;
  }

  /** @param {MediaStreamConstraints} wanted @returns {Promise<boolean>} */
  async #ask(wanted) {
    if (!this.isSupported) return false;
    try {
      this.#take(await navigator.mediaDevices.getUserMedia(wanted));
      return true;
    } catch {
      return false;
    }
  }

  /** @param {'audio' | 'video'} kind @returns {Promise<Outcome>} */
  async #askAlone(kind) {
    if (!this.isSupported) return 'none';
    try {
      const wanted = kind === 'audio' ? { audio: SOUND } : { video: this.#picture() };
      this.#take(await navigator.mediaDevices.getUserMedia(wanted));
      return 'ok';
    } catch (error) {
      return outcomeOf(error, kind === 'audio' ? 'microphone' : 'camera');
    }
  }

  #picture() {
    return { ...PICTURE, facingMode: this.#facing };
  }

  /** @param {MediaStream} stream */
  #take(stream) {
    const [microphone] = stream.getAudioTracks();
    const [camera] = stream.getVideoTracks();
    if (this.#isClosed) {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    if (microphone) {
      this.microphone?.stop();
      this.microphone = microphone;
      this.audio = 'on';
      microphone.addEventListener('ended', () => this.#ended(microphone));
    }
    if (camera) {
      this.camera?.stop();
      this.camera = camera;
      this.video = 'on';
      camera.addEventListener('ended', () => this.#ended(camera));
    }
  }

  /** The device was pulled out or taken away; stopping it ourselves does not come here. @param {MediaStreamTrack} track */
  #ended(track) {
    if (track === this.microphone) {
      this.microphone = null;
      this.audio = 'lost';
    } else if (track === this.camera) {
      this.camera = null;
      this.video = 'lost';
    } else return;
    this.#changed();
  }

  /** @param {'flipped' | 'replaced'} [cameraChanged] */
  #changed(cameraChanged) {
    const { audio, video } = this;
    this.emit('change', cameraChanged ? { audio, video, cameraChanged } : { audio, video });
  }

  /** @param {boolean} isMuted */
  mute(isMuted) {
    if (!this.microphone) return;
    this.microphone.enabled = !isMuted;
    this.audio = isMuted ? 'off' : 'on';
    this.#changed();
  }

  /**
   * Off stops the track, so that the light goes out; on takes the camera again.
   * @param {boolean} isShown
   * @returns {Promise<Outcome>}
   */
  async showCamera(isShown) {
    if (!isShown) {
      this.camera?.stop();
      this.camera = null;
      if (this.video !== 'none') this.video = 'off';
    } else if (!this.camera) {
      this.outcomes.video = await this.#askAlone('video');
      if (this.outcomes.video !== 'ok') this.video = 'lost';
    }
    this.#changed();
    return this.outcomes.video;
  }

  /** Whether there is another camera to turn to. @returns {Promise<boolean>} */
  async canFlip() {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    return devices.filter(({ kind }) => kind === 'videoinput').length > 1;
  }

  /** The other camera; the old one stops first, and comes back when the other one fails. */
  async flip() {
    const before = this.camera?.getSettings().deviceId;
    const facing = this.#facing;
    this.camera?.stop();
    this.camera = null;
    this.#facing = facing === 'user' ? 'environment' : 'user';
    const isTurned = (await this.#ask({ video: this.#picture() })) && this.#camera()?.getSettings().deviceId !== before;
    if (!isTurned && !(await this.#askOther(before))) {
      this.#facing = facing;
      if (!this.camera) this.outcomes.video = await this.#askAlone('video');
      if (!this.camera) this.video = 'lost';
      return this.#changed();
    }
    this.#changed('flipped');
  }

  /** Read anew: a track may have come while we waited. */
  #camera() {
    return this.camera;
  }

  /** For browsers where the side that a camera faces says nothing. @param {string | undefined} before */
  async #askOther(before) {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    const other = devices.find(({ kind, deviceId }) => kind === 'videoinput' && deviceId && deviceId !== before);
    if (!other) return false;
    this.camera?.stop();
    this.camera = null;
    return this.#ask({ video: { ...PICTURE, deviceId: { exact: other.deviceId } } });
  }

  /** Everything stops; nothing is asked again without a new `open`. */
  close() {
    this.#isClosed = true;
    for (const track of [this.microphone, this.camera]) track?.stop();
    this.microphone = this.camera = null;
    this.audio = this.video = 'none';
    this.#changed();
  }
}
