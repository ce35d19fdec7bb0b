/** Oneself and one other participant: rounds, recovery, channels and the word for their connection. */
import { Emitter } from '../lib/emitter.js';
import { Peer } from './peer.js';
import { Line } from './protocol.js';
import { Quality, readFigures } from './quality.js';
import { Recovery } from './recovery.js';

/**
 * @typedef {import('./protocol.js').Ice} Ice
 * @typedef {import('./protocol.js').Tracks} Tracks
 * @typedef {import('./protocol.js').Signal} Signal
 * @typedef {import('./protocol.js').Word} Word
 * @typedef {{ isPolite: boolean, ice: Ice, freshIce: () => Promise<Ice>, certificate: RTCCertificate | null,
 *   tracks: Tracks, send: (signal: Signal) => Promise<unknown>, canReach: () => boolean,
 *   expected: () => { hasSound: boolean, hasPicture: boolean } }} PairOptions
 * @typedef {{ connected: { isFirst: boolean }, reconnecting: { seconds: number }, lost: null, back: null,
 *   changed: null, word: Word, picture: boolean, tracks: Tracks, trouble: null,
 *   round: number, shut: null, down: null, channel: string, t140: string, state: Record<string, any> }} PairEvents
 */

const STATS_MS = 2000;
const RECONNECTING_MS = 3000;
const LOST_MS = 5000;
const LATER_MS = 7000;
const TROUBLE = { rounds: 3, withinMs: 60000 };

/** @extends {Emitter<PairEvents>} */
export class Pair extends Emitter {
  round = 0;
  /** @type {Word} */
  word = 'good';
  /** @type {Record<string, RTCDataChannel | null>} */
  channels = { t140: null, state: null };
  /** @type {Peer | null} */
  peer = null;
  hasBeenConnected = false;

  #isClosed = false;
  #isLost = false;
  #line = new Line();
  #quality = new Quality();
  /** @type {boolean | null} */
  #isFlowing = null;
  #stats = 0;
  #downSince = performance.now();
  #downTimer = 0;
  /** @type {number[]} when the latest rounds began */
  #rounds = [];

  /** @param {PairOptions} options */
  constructor(options) {
    super();
    this.options = options;
    this.tracks = options.tracks;
    this.ice = options.ice;
    this.recovery = new Recovery({
      restart: () => void this.#restart(),
      rebuild: (why) => this.rebuild(why),
      canReach: options.canReach,
      isNegotiating: () => this.peer?.isNegotiating ?? false,
      isConnected: () => this.isConnected,
    });
    this.#stats = setInterval(() => void this.#look(), STATS_MS);
  }

  get isConnected() {
    return this.peer?.isConnected ?? false;
  }

  start() {
    this.#build(1);
    this.#wait();
  }

  /** @param {number} round */
  #build(round) {
    this.#closePeer();
    this.round = round;
    const { isPolite, certificate, send } = this.options;
    const peer = new Peer({ isPolite, certificate, ice: this.ice, tracks: this.tracks, send: (said) => send({ round, ...said }) });
    this.peer = peer;
    const mine = (/** @type {(detail: any) => void} */ listener) => (/** @type {any} */ detail) =>
      peer === this.peer && !this.#isClosed && listener(detail);
    peer.on('connection', mine(({ state }) => this.#told(state)));
    peer.on('tracks', mine((tracks) => this.emit('tracks', tracks)));
    peer.on('channel', mine((channel) => this.#open(channel)));
    peer.on('broken', mine(({ why }) => this.#broken(peer, why)));
    this.emit('round', round);
    peer.start();
    this.recovery.told('new');
  }

  /**
   * Builds the connection anew; the impolite side offers, the polite side asks for it.
   * @param {string} why
   */
  rebuild(why) {
    if (this.#isClosed) return;
    const now = performance.now();
    this.#rounds = [...this.#rounds.filter((at) => now - at < TROUBLE.withinMs), now];
    if (this.#rounds.length >= TROUBLE.rounds) this.emit('trouble', null);
    this.#build(this.round + 1);
    this.#told('new');
    if (this.options.isPolite) this.options.send({ round: this.round, rebuild: { why } }).catch(() => {});
  }

  /** At once, but not without end. @param {Peer} peer @param {string} why */
  #broken(peer, why) {
    const isOften = this.#rounds.length >= TROUBLE.rounds;
    setTimeout(() => peer === this.peer && this.rebuild(why), isOften ? LATER_MS : 0);
  }

  /** A signal of the other side, in its turn. @param {Signal} signal */
  take(signal) {
    return this.#line.push(async () => {
      if (this.#isClosed || signal.round < this.round) return;
      if (signal.round > this.round) {
        this.#build(signal.round);
        this.#told('new');
      }
      if (!signal.rebuild) await this.peer?.take(signal);
    });
  }

  async #restart() {
    const { peer } = this;
    await this.refresh();
    if (peer && peer === this.peer && !this.#isClosed) peer.restart(this.ice);
  }

  /** Asks for servers whose password still works; without an answer the old ones do. */
  async refresh() {
    this.ice = await this.options.freshIce().catch(() => this.ice);
    if (!this.#isClosed) this.peer?.configure(this.ice);
  }

  /** The network, the live connection or the other side came back. */
  wake() {
    this.recovery.wake();
  }

  /** @param {Tracks} tracks */
  async place(tracks) {
    this.tracks = tracks;
    this.#quality.reset();
    await this.peer?.place(tracks);
  }

  /** @param {string} state */
  #told(state) {
    this.recovery.told(state);
    if (!this.isConnected) return this.#wait();
    clearTimeout(this.#downTimer);
    this.#downTimer = 0;
    this.#downSince = 0;
    const isFirst = !this.hasBeenConnected;
    this.hasBeenConnected = true;
    if (this.word === 'gone') this.#say('good');
    this.emit('connected', { isFirst });
    if (this.#isLost) this.emit('back', null);
    this.#isLost = false;
    this.emit('changed', null);
  }

  /** Not connected: others read it after three seconds, the own page after five. */
  #wait() {
    if (this.#downTimer) return;
    this.#downSince = performance.now();
    this.#quality.reset();
    this.emit('changed', null);
    if (this.hasBeenConnected) this.emit('down', null);
    this.#downTimer = setTimeout(() => this.#tell(), RECONNECTING_MS);
  }

  #tell() {
    if (this.#isClosed) return;
    const ms = performance.now() - this.#downSince;
    this.#say('gone');
    this.emit('reconnecting', { seconds: Math.floor(ms / 1000) });
    if (ms >= LOST_MS && !this.#isLost) {
      this.#isLost = true;
      this.emit('lost', null);
    }
    this.#downTimer = setTimeout(() => this.#tell(), 1000);
  }

  /** @param {Word} word */
  #say(word) {
    if (word === this.word) return;
    this.word = word;
    this.emit('word', word);
    this.emit('changed', null);
  }

  /** @param {RTCDataChannel} channel */
  #open(channel) {
    const { label } = channel;
    const { peer } = this;
    const opened = () => {
      if (peer !== this.peer || this.#isClosed) return;
      this.channels[label] = channel;
      this.emit('channel', label);
    };
    channel.onopen = opened;
    channel.onclose = () => {
      if (this.channels[label] !== channel) return;
      this.channels[label] = null;
      this.emit('shut', null);
    };
    channel.onmessage = ({ data }) => peer === this.peer && this.#hear(label, data);
    if (channel.readyState === 'open') opened();
  }

  /** @param {string} label @param {unknown} data */
  #hear(label, data) {
    if (typeof data !== 'string' || data.length > 65536) return;
    if (label === 't140') return this.emit('t140', data);
    try {
      this.emit('state', JSON.parse(data));
    } catch {
      // Not ours to repair: the same state comes over /live.
    }
  }

  /**
   * Says something directly; false when that way is closed.
   * @param {'t140' | 'state'} label
   * @param {string} data
   */
  tell(label, data) {
    const channel = this.channels[label];
    if (channel?.readyState !== 'open') return false;
    try {
      channel.send(data);
      return true;
    } catch {
      return false;
    }
  }

  async #look() {
    const report = this.isConnected ? await this.peer?.stats() : null;
    if (!report || this.#isClosed) return;
    const { word, isFlowing, isDead } = this.#quality.take(readFigures(report, performance.now()), this.options.expected());
    if (word && this.isConnected) this.#say(word);
    if (isFlowing !== this.#isFlowing) {
      this.#isFlowing = isFlowing;
      this.emit('picture', isFlowing ?? true);
    }
    if (!isDead) return;
    this.#quality.reset();
    this.recovery.dead();
  }

  #closePeer() {
    this.peer?.close();
    this.channels = { t140: null, state: null };
  }

  close() {
    this.#isClosed = true;
    clearInterval(this.#stats);
    clearTimeout(this.#downTimer);
    this.recovery.close();
    this.#closePeer();
  }
}
