/** The check before the call: devices on one tap, what works in words, the connection measured meanwhile. */
import { find, findAll, say } from '../lib/dom.js';
import { postJson } from '../lib/http.js';
import { Ring } from './waiting_room.js';

/**
 * @typedef {import('../call/devices.js').Devices} Devices
 * @typedef {import('../live/connection.js').Connection} Connection
 * @typedef {import('./announce.js').Announcer} Announcer
 * @typedef {import('./screens.js').Screens} Screens
 * @typedef {{ devices: Devices, connection: Connection, announcer: Announcer, screens: Screens,
 *   csrf: (form: string) => string }} CheckOptions
 */

const OFFER = '/gesprek/check/aanbod';
const RESULT = '/gesprek/check/uitslag';
const QUIET_AFTER_MS = 6000;
const WEAK = new Set(['poor', 'text_only', 'none']);
const MARKS = { ok: 'good', yes: 'good', good: 'good', fair: 'fair', not_measured: 'fair', dark: 'fair', quiet: 'fair', off: 'fair' };

export class DeviceCheck {
  /** @type {Record<string, string>} */
  parts = { browser: 'ok', camera: 'skipped', microphone: 'skipped', speaker: 'not_tried' };
  /** @type {Record<string, any>} */
  figures = {};
  /** @type {string | undefined} */
  path;
  verdict = '';
  attempt = 0;
  /** @type {any} */
  #check = null;
  #checkId = '';
  #ring = new Ring();
  /** @type {Promise<void> | null} */
  #measuring = null;

  /** @param {CheckOptions} options */
  constructor({ devices, connection, announcer, screens, csrf }) {
    this.devices = devices;
    this.connection = connection;
    this.announcer = announcer;
    this.screens = screens;
    this.csrf = csrf;
    devices.on('no_answer', () => announcer.say('camera_wait'));
    devices.on('change', () => this.showOwn());
  }

  static get isPossible() {
    return typeof RTCPeerConnection === 'function' && Boolean(navigator.mediaDevices?.getUserMedia);
  }

  /** Weak enough to be told before the call (S5d). */
  get isWeak() {
    return WEAK.has(this.verdict);
  }

  get hasPicture() {
    return this.devices.video === 'on';
  }

  /** In a tap: the one question for both. @param {boolean} wantsPicture */
  async open(wantsPicture) {
    this.attempt += 1;
    void this.#ring.unlock();
    const outcomes = await this.devices.open({ audio: true, video: wantsPicture });
    this.parts.camera = wantsPicture ? outcomes.video : 'skipped';
    this.parts.microphone = outcomes.audio;
    this.#startMeasuring();
    void this.send();
    return outcomes;
  }

  /** Only the camera, once more. */
  async openCamera() {
    this.attempt += 1;
    this.parts.camera = await this.devices.showCamera(true);
    if (!this.devices.microphone) this.parts.microphone = (await this.devices.open({ audio: true, video: false })).audio;
    this.#startMeasuring();
    void this.send();
    return this.parts.camera;
  }

  /** The own picture, wherever the screen that stands has a place for it. */
  showOwn() {
    const place = find(this.screens.root, '.screen:not([hidden]) [data-slot="preview"]');
    if (!place) return;
    const video = place.querySelector('video') ?? this.#video();
    if (video.parentElement !== place) place.replaceChildren(video);
    place.hidden = !this.devices.camera;
    const [shown] = video.srcObject instanceof MediaStream ? video.srcObject.getTracks() : [];
    if (shown !== this.devices.camera) video.srcObject = this.devices.camera ? new MediaStream([this.devices.camera]) : null;
    video.play().catch(() => undefined);
  }

  #video() {
    const video = document.createElement('video');
    video.muted = video.autoplay = video.playsInline = true;
    video.className = 'preview-own';
    return video;
  }

  /** Once; what cannot even be fetched leaves the connection unmeasured, and is tried again at the next tap. */
  #startMeasuring() {
    this.#measuring ??= this.#measure().catch(() => {
      this.#measuring = null;
      this.#tell('connection', 'not_measured', 'not_measured');
    });
  }

  /** All parts, each told as soon as it is known. */
  async #measure() {
    const { Check } = await import('../call/check.js');
    const makePicture = this.devices.camera ? stillPicture : (await import('../call/stage.js')).movingPicture;
    const video = this.#video();
    if (this.devices.camera) video.srcObject = new MediaStream([this.devices.camera]);
    void video.play().catch(() => undefined);
    this.#check = new Check({
      devices: this.devices,
      connection: this.connection,
      video,
      postOffer: (/** @type {any} */ offer) => this.#offer(offer),
      makePicture,
    });
    const parts = [this.#camera(), this.#microphone(), this.#connection()];
    await Promise.allSettled(parts);
    this.#check.stop();
    if (this.#checkId) {
      const done = `/gesprek/check/${this.#checkId}/klaar`;
      await postJson(done, {}, { 'X-Balie-CSRF': this.csrf('calls.check_done') }).catch(() => null);
    }
  }

  async #camera() {
    if (this.devices.camera) this.parts.camera = wordOf(await this.#check.camera());
    const word = this.parts.camera === 'skipped' ? 'off' : this.parts.camera;
    this.#tell('camera', word, word === 'denied_by_system' || word === 'no_answer' ? 'denied' : word);
  }

  async #microphone() {
    if (this.devices.microphone) {
      const late = setTimeout(() => this.#hears('nothing'), QUIET_AFTER_MS);
      this.parts.microphone = wordOf(await this.#check.microphone((/** @type {number} */ level) => this.#level(level)));
      clearTimeout(late);
    }
    const word = this.parts.microphone;
    this.#hears(word === 'ok' ? 'heard' : 'nothing');
    this.#tell('microphone', word, word === 'denied_by_system' || word === 'no_answer' ? 'denied' : word);
  }

  async #connection() {
    Object.assign(this.figures, figuresOf(await this.#check.signalling(), 'ping_ms'));
    const path = await this.#check.path();
    this.path = path?.path;
    Object.assign(this.figures, path?.figures ?? {});
    await this.send();
    this.#tell('connection', this.verdict || 'not_measured', this.verdict || 'not_measured');
  }

  /** @param {{ sdp: string }} offer */
  async #offer({ sdp }) {
    try {
      const answer = await postJson(OFFER, { sdp }, { 'X-Balie-CSRF': this.csrf('calls.check_offer') });
      this.#checkId = answer.check_id;
      return { type: 'answer', sdp: answer.sdp, check_id: answer.check_id };
    } catch {
      return null;
    }
  }

  /** What is known so far goes to the server, and comes back as one word. */
  async send() {
    const { parts, figures, attempt } = this;
    /** @type {Record<string, unknown>} */
    const result = { parts, figures, attempt, device: deviceWords() };
    if (this.path) result.path = this.path;
    if (this.#checkId) result.check_id = this.#checkId;
    const answer = await postJson(RESULT, result, { 'X-Balie-CSRF': this.csrf('calls.check_result') }).catch(() => null);
    this.verdict = this.path || !this.#checkId ? (answer?.verdict ?? this.verdict) : this.verdict;
  }

  async playTone() {
    await this.#ring.tone();
  }

  /** @param {boolean} isHeard */
  heard(isHeard) {
    this.parts.speaker = isHeard ? 'yes' : 'no';
    this.#tell('speaker', this.parts.speaker, this.parts.speaker);
    for (const help of findAll(this.screens.root, '[data-help="volume"], [data-help="phone"]')) help.hidden = isHeard;
    void this.send();
  }

  /** The result in words: in its line, and for who does not see the line. @param {string} part @param {string} outcome @param {string} word */
  #tell(part, outcome, word) {
    const text = this.announcer.word(`${part}_${word}`);
    this.#told.set(part, { outcome, text });
    if (this.screens.root.dataset.step === 'check') this.announcer.tell(text, part);
    this.showFindings();
  }

  /** @type {Map<string, { outcome: string, text: string }>} */
  #told = new Map();

  /** The lines of the check screen, also after it was drawn again. */
  showFindings() {
    for (const line of findAll(this.screens.root, '[data-finding]')) {
      const told = this.#told.get(line.dataset.finding ?? '');
      if (!told) continue;
      say(find(line, '[data-text]'), told.text);
      const mark = find(line, '[data-mark]');
      if (mark) mark.dataset.mark = /** @type {Record<string, string>} */ (MARKS)[told.outcome] ?? 'bad';
      const choices = find(line, '[data-choices]');
      if (choices) choices.hidden = told.outcome === 'yes';
    }
    if (this.#heard) this.#hears(this.#heard);
  }

  #heard = '';

  /** @param {string} what listening, heard or nothing */
  #hears(what) {
    this.#heard = what;
    for (const line of findAll(this.screens.root, '[data-hears]')) line.hidden = line.dataset.hears !== what;
  }

  /** @param {number} level between 0 and 1 */
  #level(level) {
    for (const bar of findAll(this.screens.root, '[data-level] > span')) {
      bar.style.setProperty('--level', String(Math.min(1, level * 3)));
    }
  }

  /** Steps for a camera that is not allowed. */
  showSteps() {
    const steps = cameraSteps(this.parts.camera);
    for (const help of findAll(this.screens.root, '[data-help="camera"]')) help.hidden = false;
    for (const list of findAll(this.screens.root, '[data-steps]')) list.hidden = list.dataset.steps !== steps;
  }

  stop() {
    this.#check?.stop();
  }
}

/** For a camera that goes away in mid-check; without one from the start a moving picture is fetched. */
function stillPicture() {
  const [track] = document.createElement('canvas').captureStream(1).getVideoTracks();
  return { track, stop: () => track.stop() };
}

/** @param {any} outcome a word, or a value that holds one */
function wordOf(outcome) {
  return typeof outcome === 'string' ? outcome : (outcome?.outcome ?? 'ok');
}

/** @param {any} measured @param {string} name */
function figuresOf(measured, name) {
  return typeof measured === 'number' || measured === null ? { [name]: measured } : measured;
}

/** Which family of browser and system this is, in words for staff and for the right drawing; nothing finer. @returns {{ browser: string, system: string }} */
export function deviceWords() {
  const agent = navigator.userAgent;
  const isIpad = /Macintosh/.test(agent) && navigator.maxTouchPoints > 1;
  return { browser: browserOf(agent), system: isIpad ? 'iPad' : systemOf(agent) };
}

/** @param {string} agent */
function browserOf(agent) {
  if (/SamsungBrowser/.test(agent)) return 'Samsung Internet';
  if (/Edg[A-Z]?\//.test(agent)) return 'Edge';
  if (/Firefox|FxiOS/.test(agent)) return 'Firefox';
  if (/Chrome|CriOS/.test(agent)) return 'Chrome';
  return /Safari/.test(agent) ? 'Safari' : 'anders';
}

/** @param {string} agent */
function systemOf(agent) {
  if (/iPhone/.test(agent)) return 'iPhone';
  if (/iPad/.test(agent)) return 'iPad';
  if (/Android/.test(agent)) return 'Android';
  if (/Windows/.test(agent)) return 'Windows';
  if (/Mac OS X/.test(agent)) return 'Mac';
  return /Linux|CrOS/.test(agent) ? 'Linux' : 'anders';
}

/** Which set of steps for a blocked camera fits. @param {string} outcome @returns {string} */
function cameraSteps(outcome) {
  if (outcome === 'denied_by_system') return 'system';
  const { system } = deviceWords();
  if (system === 'iPhone' || system === 'iPad') return 'iphone';
  return system === 'Android' ? 'android' : 'computer';
}
