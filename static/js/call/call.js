/** The call of one page: joins, keeps a pair with every other participant, holds, leaves; README.md tells how to use it. */
import { Emitter } from '../lib/emitter.js';
import { Refused } from '../live/connection.js';
import { IceServers } from './ice.js';
import { Pairs } from './pairs.js';
import { Telling } from './telling.js';
import { Text } from './text.js';
import { Ways } from './ways.js';

/**
 * @typedef {import('../live/connection.js').Connection} Connection
 * @typedef {import('../live/connection.js').Message} Message
 * @typedef {import('./devices.js').Devices} Devices
 * @typedef {import('./pairs.js').Other} Other
 * @typedef {import('./protocol.js').Tracks} Tracks
 * @typedef {{ reason: string, until: string | null }} Hold
 * @typedef {{ connection: Connection, devices: Devices, topic: string, participant: string,
 *   device?: { browser: string, system: string }, gone?: { address: string, csrf: string } }} CallOptions
 */

const REJOIN_MS = 2000;
const BEGUN_MS = 10000;

/** @extends {Emitter<Record<string, any>>} */
export class Call extends Emitter {
  /** @type {number | null} */
  epoch = null;
  begun = false;
  /** @type {Hold | null} */
  hold = null;
  /** @type {RTCCertificate | null} */
  certificate = null;
  text = new Text();
  ways = new Ways(this);

  /** @type {string[] | null} what the server lets this participant send */
  #sends = null;
  #isOver = false;
  #telling = new Telling(this);
  #goneWhy = 'page_gone';
  /** @type {Promise<unknown> | null} */
  #rejoining = null;
  /** @type {(() => void)[]} */
  #stops = [];

  /** @param {CallOptions} options */
  constructor({ connection, devices, topic, participant, device, gone }) {
    super();
    this.connection = connection;
    this.devices = devices;
    this.topic = topic;
    this.participant = participant;
    this.device = device ?? { browser: '', system: '' };
    this.gone = gone ?? null;
    this.pairs = new Pairs(this);
    this.ice = new IceServers(connection, topic, () => this.pairs.all.forEach((pair) => void pair.refresh()));
    this.text.on('writing', (isWriting) => this.#telling.writes(isWriting));
    this.#stops.push(devices.on('change', (change) => this.#devicesChanged(change)));
    this.#hear();
  }

  /** @returns {Other[]} */
  get others() {
    return [...this.pairs.entries.keys()].flatMap((participant) => this.pairs.other(participant) ?? []);
  }

  get mayPair() {
    return this.begun && this.epoch !== null && !this.#isOver;
  }

  /** What is sent now: what the roster allows, and nothing on hold. @returns {Tracks} */
  get tracks() {
    const may = (/** @type {string} */ kind) => !this.hold && (this.#sends?.includes(kind) ?? true);
    const { microphone, camera } = this.devices;
    return { audio: may('audio') ? microphone : null, camera: may('video') ? camera : null, screen: null };
  }

  #hear() {
    /** @type {Record<string, (message: any) => void>} */
    const log = {
      'call.begun': () => this.#begin(),
      'call.joined': ({ participant }) => this.#cameBack(participant),
      'call.presence': (message) => this.pairs.presence(message),
      'call.hold': ({ on, reason, until }) => this.#setHold(on ? { reason, until } : null),
      'call.ended': ({ why }) => this.#end(why),
      signal: (message) => this.pairs.hear(message),
      state: (message) => this.pairs.hear(message),
      text: (message) => this.pairs.hear(message),
    };
    for (const [type, listener] of Object.entries(log)) {
      this.#stops.push(this.connection.on(type, (message) => message.topic === this.topic && listener(message)));
    }
    this.#stops.push(
      this.connection.on('open', () => this.#resumed()),
      this.connection.on('wake', () => this.pairs.all.forEach((pair) => pair.wake())),
      this.connection.on('down', () => this.text.shut('live')),
      this.connection.on('greeted', (answer) => this.#greeted(answer)),
      this.connection.on('moved', () => this.#leaveTo('moved')),
      this.connection.on('closed', ({ code }) => this.#closed(code)),
    );
  }

  /** Before the tap on begin: what takes time is done, nothing leaves this page for the other side. */
  async prepare() {
    this.certificate ??= await RTCPeerConnection.generateCertificate(
      /** @type {any} */ ({ name: 'ECDSA', namedCurve: 'P-256' }),
    ).catch(() => null);
    await this.ice.fresh();
  }

  /** Takes the seat with this page. @returns {Promise<Message>} */
  async join() {
    addEventListener('pagehide', this.#pageGoes);
    this.connection.isUrgent = true;
    if (!this.certificate) await this.prepare();
    for (;;) {
      try {
        const joined = await this.connection.send(this.#joining());
        this.connection.greeting = () => this.#joining();
        this.#seated(joined);
        return joined;
      } catch (error) {
        if (!(error instanceof Refused) || error.code !== 'not_begun') throw error;
        await this.#untilBegun();
      }
    }
  }

  /** @returns {Message} */
  #joining() {
    const { topic, epoch, device } = this;
    const as = (/** @type {string} */ sending) => (sending === 'lost' ? 'none' : sending);
    return { type: 'call.join', topic, epoch, audio: as(this.devices.audio), video: as(this.devices.video), device };
  }

  /** It may have begun before this page listened, so the first time it asks again as soon as it does. @returns {Promise<void>} */
  #untilBegun() {
    const isNew = this.connection.listen(this.topic);
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        stop();
        resolve();
      };
      const stop = this.connection.on(isNew ? 'open' : 'call.begun', done);
      const timer = setTimeout(done, BEGUN_MS);
    });
  }

  /** @param {Message} joined */
  #seated(joined) {
    if (this.#isOver) return;
    const isFirst = this.epoch === null;
    this.epoch = joined.epoch;
    this.connection.keep(this.topic, joined.last ?? null);
    this.ice.take(joined.ice);
    this.begun = joined.begun;
    const me = joined.participants.find((/** @type {Other} */ person) => person.participant === this.participant);
    this.#sends = me?.sends ?? null;
    if (Boolean(joined.hold) !== Boolean(this.hold)) this.#setHold(joined.hold);
    this.pairs.keepOnly(new Set(joined.participants.map((/** @type {Other} */ person) => person.participant)));
    for (const person of joined.participants) this.pairs.know(person, false);
    for (const pair of this.pairs.all) pair.wake();
    this.emit('joined', { participants: this.others, begun: this.begun, hold: this.hold, isFirst });
    if (this.begun && isFirst) this.emit('begun', null);
    this.report();
    this.ways.again();
  }

  /** Somebody took or took up their seat; what they missed of the text comes again. @param {Other} person */
  #cameBack(person) {
    this.pairs.know(person, true);
    this.ways.again();
  }

  #begin() {
    if (this.begun) return;
    this.begun = true;
    if (this.epoch === null) return;
    for (const entry of this.pairs.entries.values()) if (entry.person.presence === 'here') this.pairs.pairUp(entry);
    this.emit('begun', null);
    this.ways.choose();
  }

  /** The live connection is back. */
  #resumed() {
    this.ways.choose();
    for (const pair of this.pairs.all) pair.wake();
  }

  /** What the server said when this page came back with its seat. @param {Message} answer */
  #greeted(answer) {
    if (answer.type === 'joined') return this.#seated(answer);
    if (answer.code === 'too_fast' || answer.code === 'unavailable') {
      setTimeout(() => void this.#rejoin(), REJOIN_MS);
    } else if (answer.code === 'call_over') this.#end('over');
    else this.emit('refused', { code: answer.code });
  }

  /** Asks for the own seat again; whoever asks meanwhile waits for the same answer. */
  #rejoin() {
    if (this.#isOver || this.epoch === null) return Promise.resolve();
    this.#rejoining ??= this.connection
      .send(this.#joining())
      .then(
        (joined) => joined && this.#seated(joined),
        (error) => error instanceof Refused && this.#greeted({ type: 'refused', code: error.code }),
      )
      .finally(() => (this.#rejoining = null));
    return this.#rejoining;
  }

  /** @param {Hold | null} hold */
  #setHold(hold) {
    this.hold = hold;
    for (const pair of this.pairs.all) void pair.place(this.tracks);
    this.text.pause(Boolean(hold));
    if (!hold) for (const pair of this.pairs.all) pair.wake();
    this.emit('hold', { on: Boolean(hold), reason: hold?.reason ?? '', until: hold?.until ?? null });
  }

  /** @param {{ cameraChanged?: string }} change */
  #devicesChanged({ cameraChanged }) {
    for (const pair of this.pairs.all) void pair.place(this.tracks);
    this.#telling.changed(cameraChanged ?? null);
  }

  /** Tells the others and the server how this page is doing, soon and once. */
  report() {
    this.#telling.soon();
  }

  /**
   * Says something in the call; when the server does not know this page any more it asks for its seat first.
   * @param {Message} message
   * @returns {Promise<any>}
   */
  async say(message) {
    try {
      return await this.connection.send(message);
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'not_in_call' || this.#isOver) return null;
    }
    await this.#rejoin();
    return this.connection.send(message).catch(() => null);
  }

  /** "Probeer nu". */
  retry() {
    this.connection.hurry();
  }

  /** Going elsewhere for a moment; the seat stays. @param {string} why */
  away(why) {
    if (why === 'signing_in') this.#goneWhy = why;
    return this.say({ type: 'call.away', why });
  }

  /** Hangs up: everything of this page stops at once. @param {'hung_up' | 'declined' | 'moved'} [why] */
  leave(why = 'hung_up') {
    if (this.#isOver) return;
    this.connection.forget((message) => ['signal', 'state'].includes(message.type));
    const { connection } = this;
    const greeting = this.epoch === null ? null : () => this.#joining();
    this.#end(why);
    if (!greeting) return;
    connection.greeting = greeting;
    const done = () => {
      if (connection.greeting === greeting) connection.greeting = null;
    };
    connection.send({ type: 'call.leave', why }).then(done, done);
  }

  #pageGoes = () => {
    if (this.gone && this.epoch !== null) {
      const fields = { csrf: this.gone.csrf, topic: this.topic, page_id: this.connection.pageId, why: this.#goneWhy };
      navigator.sendBeacon(this.gone.address, new URLSearchParams(fields));
    }
    this.devices.close();
  };

  /** @param {number} code */
  #closed(code) {
    if (code === 4409) this.#leaveTo('moved');
    else if (code === 4410) this.#end('over');
    else this.emit('refused', { code: 'not_signed_in' });
  }

  /** @param {string} event */
  #leaveTo(event) {
    if (this.#isOver) return;
    this.close();
    this.devices.close();
    this.emit(event, null);
  }

  /** @param {string} why */
  #end(why) {
    if (this.#isOver) return;
    this.close();
    this.devices.close();
    this.emit('ended', { why });
  }

  /** Lets go of everything without a word. */
  close() {
    if (this.#isOver) return;
    this.#isOver = true;
    removeEventListener('pagehide', this.#pageGoes);
    this.#telling.close();
    for (const stop of this.#stops.splice(0)) stop();
    this.connection.greeting = null;
    this.connection.isUrgent = false;
    this.pairs.close();
    this.text.close();
    this.ice.close();
  }
}
