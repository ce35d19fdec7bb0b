/** The call on a page: pictures, buttons of the bar, what is said about it; for citizen and counter alike. */
import { Call } from '../call/call.js';
import { Stage } from '../call/stage.js';
import { find, findAll, say } from '../lib/dom.js';
import { Emitter } from '../lib/emitter.js';

/**
 * @typedef {import('../live/connection.js').Connection} Connection
 * @typedef {import('../call/devices.js').Devices} Devices
 * @typedef {import('./announce.js').Announcer} Announcer
 * @typedef {{ root: HTMLElement, connection: Connection, devices: Devices, announcer: Announcer, participant: string,
 *   gone?: { address: string, csrf: string }, device?: { browser: string, system: string } }} CallScreenOptions
 */

const CORNERS = ['bottom-end', 'top-end', 'top-start', 'bottom-start'];

/**
 * The root holds `[data-stage]` (see call/stage.js) and buttons with `data-act` audio, video, flip, own_corner,
 * own_hidden; `press(act)` does what one says. Events: `lost`, `back`, `picture` {isFlowing}, `blocked`, `hold`,
 * `ended`, `moved`, `refused` {code}, `text`, `joined`.
 * @extends {Emitter<Record<string, any>>}
 */
export class CallScreen extends Emitter {
  /** @type {Call | null} */
  call = null;
  /** @type {Stage | null} */
  stage = null;
  #isJoined = false;
  #lost = new Set();
  /** @type {(() => void)[]} */
  #stops = [];

  /** @param {CallScreenOptions} options */
  constructor({ root, connection, devices, announcer, participant, gone, device }) {
    super();
    this.root = root;
    this.connection = connection;
    this.devices = devices;
    this.announcer = announcer;
    this.participant = participant;
    this.gone = gone;
    this.device = device;
    devices.on('change', () => this.showSending());
  }

  get isJoined() {
    return this.#isJoined;
  }

  get isLost() {
    return this.#lost.size > 0;
  }

  /** The call of this topic; another one than before lets go of that one. @param {string} topic */
  open(topic) {
    if (this.call?.topic === topic) return;
    this.close();
    const { connection, devices, participant, gone, device } = this;
    this.call = new Call({ connection, devices, topic, participant, device, gone });
    const stageRoot = find(this.root, '[data-stage]');
    if (stageRoot) this.stage = new Stage(stageRoot, this.call, devices);
    this.#hear(this.call);
    this.showSending();
  }

  async prepare() {
    await this.call?.prepare().catch(() => undefined);
  }

  /** In a tap: sound may play. */
  unlock() {
    this.stage?.unlock();
  }

  /** Takes the seat; refusals come as events. */
  async join() {
    const { call } = this;
    if (!call || this.#isJoined) return;
    this.#isJoined = true;
    try {
      await call.join();
      this.emit('joined', null);
    } catch (error) {
      if (call !== this.call) return;
      this.#isJoined = false;
      this.emit('refused', { code: /** @type {any} */ (error).code ?? 'unavailable' });
    }
  }

  /** @param {Call} call */
  #hear(call) {
    const on = (/** @type {string} */ name, /** @type {(detail: any) => void} */ listener) =>
      this.#stops.push(call.on(name, (detail) => call === this.call && listener(detail)));
    on('lost', ({ participant }) => this.#isGone(participant));
    on('back', ({ participant }) => this.#isBack(participant));
    on('trouble', ({ participant }) => this.#isGone(participant));
    on('word', ({ word }) => word !== 'good' && this.announcer.sayWorse(word));
    on('picture', ({ isFlowing }) => this.emit('picture', { isFlowing }));
    on('other', ({ other }) => this.#other(other));
    on('hold', (hold) => this.emit('hold', hold));
    on('text', (text) => this.emit('text', text));
    for (const name of ['ended', 'moved', 'refused']) on(name, (detail) => this.#over(name, detail));
    if (this.stage) this.#stops.push(this.stage.on('blocked', () => this.emit('blocked', null)));
  }

  /** @type {Map<string, string>} */
  #sounds = new Map();

  /** The other's microphone going off or on is said once. @param {any} other */
  #other({ participant, audio, name }) {
    const figure = find(this.root, `[data-participant="${CSS.escape(participant)}"]`);
    if (figure) say(find(figure, '[data-initial]'), (name ?? '').slice(0, 1).toUpperCase());
    const before = this.#sounds.get(participant);
    this.#sounds.set(participant, audio);
    if (before === undefined || before === audio || !['on', 'off'].includes(audio)) return;
    if (['on', 'off'].includes(before)) this.announcer.say(`other_audio_${audio}`);
  }

  /** @param {string} participant */
  #isGone(participant) {
    if (this.#lost.has(participant)) return;
    this.#lost.add(participant);
    this.announcer.say('lost');
    this.emit('lost', { participant });
  }

  /** @param {string} participant */
  #isBack(participant) {
    if (!this.#lost.delete(participant)) return;
    this.announcer.say('back');
    this.emit('back', { participant });
  }

  /** @param {string} name @param {any} detail */
  #over(name, detail) {
    if (name !== 'refused') this.#isJoined = false;
    this.emit(name, detail);
  }

  /**
   * What a button of the bar does; the word on it follows the track, not the wish.
   * @param {string} act
   * @returns {Promise<string | void>} what came of asking for a device
   */
  async press(act) {
    const { devices } = this;
    if (act === 'audio') return this.#pressAudio();
    if (act === 'video') return this.#pressVideo();
    if (act === 'flip') await devices.flip();
    if (act === 'own_corner') this.#moveOwn();
    if (act === 'own_hidden') findAll(this.root, '[data-own-figure]').forEach((own) => (own.hidden = !own.hidden));
  }

  async #pressAudio() {
    const { devices } = this;
    if (devices.microphone) devices.mute(devices.audio === 'on');
    else await devices.open({ audio: true, video: false });
    this.announcer.say(devices.audio === 'on' ? 'audio_on' : 'audio_off');
    return devices.outcomes.audio;
  }

  async #pressVideo() {
    const { devices } = this;
    await devices.showCamera(devices.video !== 'on');
    this.announcer.say(devices.video === 'on' ? 'video_on' : 'video_off');
    return devices.outcomes.video;
  }

  #moveOwn() {
    const stage = find(this.root, '[data-own-corner]');
    if (!stage) return;
    const next = (CORNERS.indexOf(stage.dataset.ownCorner ?? '') + 1) % CORNERS.length;
    stage.dataset.ownCorner = CORNERS[next];
  }

  /** Buttons and own picture say what is sent. */
  showSending() {
    const { audio, video } = this.devices;
    for (const button of findAll(this.root, '[data-act="audio"]')) button.dataset.state = audio === 'on' ? 'on' : 'off';
    for (const button of findAll(this.root, '[data-act="video"]')) button.dataset.state = video === 'on' ? 'on' : 'off';
    for (const label of findAll(this.root, '[data-own-state]')) {
      say(label, video === 'on' ? '' : (find(this.root, '[data-stage]')?.getAttribute('data-word-video-off') ?? ''));
      label.hidden = video === 'on';
    }
    void this.devices.canFlip().then((canFlip) => {
      for (const button of findAll(this.root, '[data-can-flip]')) button.hidden = !canFlip;
    });
  }

  /** Hangs up on this page. */
  leave() {
    this.call?.leave();
    this.close();
  }

  close() {
    for (const stop of this.#stops.splice(0)) stop();
    this.stage?.close();
    this.call?.close();
    this.call = null;
    this.stage = null;
    this.#isJoined = false;
    this.#lost.clear();
    this.#sounds.clear();
  }
}
