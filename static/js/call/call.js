/**
 * The call of one page: joins, keeps a pair with every other participant, holds, leaves.
 *
 * ## How a page module uses this folder
 * ```js
 * import { Connection } from '../live/connection.js';
 * import { Devices } from '../call/devices.js';
 * import { Call } from '../call/call.js';
 * import { Stage } from '../call/stage.js';
 *
 * const connection = new Connection({ topics: [{ topic: 'visit:…', after: 'id from the page' }], who: 'citizen',
 *   ticket: 'page ticket in the page, or null', csrf: '…' });
 * connection.on('visit.admitted', (message) => …);   // every message of the server, by its type
 * connection.on('message', (message) => …);          // all of them
 * connection.on('gap', ({ topic }) => …);            // read the page again
 * connection.open();
 *
 * const devices = new Devices();
 * await devices.open({ audio: true, video: true });  // in a tap; never throws, tells outcomes
 * const call = new Call({ connection, devices, topic: 'call:…', participant: 'citizen' });
 * new Stage(root, call, devices);                    // pictures, sound, states in words
 * await call.prepare();                              // after admit: certificate and ICE servers, nothing leaves
 * // tap on "Ja, begin": POST the begin form, then
 * stage.unlock(); await call.join();
 * ```
 *
 * ### Connection (live/connection.js), one per page
 * - `new Connection({ topics, who, csrf, ticket? })`; who (`citizen` or `staff`) decides where tickets come from;
 *   csrf is the value of the form `live.ticket`, for staff `live.staff_ticket`
 * - `open()`, `close()`; `isOpen`; `listen(topic, after?)` adds a topic (a new socket); `send(message)` gives a
 *   promise of the server's answer (`ok`, `joined`, `ice`) and rejects with `Refused` (`.code`, `.field`);
 *   it is sent again by itself until answered. `measure()` → ms of one ping; `hurry()`: try now.
 * - events: `open` {isFirst}, `down` {since}, `closed` {code} (final: 4401 signed out, 4409 moved, 4410 over),
 *   `gap` {topic}, `wake` {why: online·visible·asked}, `message`, and each message under its own type.
 *
 * ### Devices (call/devices.js)
 * - `await open({ audio, video })` → `{ audio, video }`, each `ok`, `denied`, `denied_by_system`, `none`, `busy`,
 *   `no_answer` (event while the prompt stays open) or `not_asked`.
 * - `microphone`, `camera` (tracks or null); `audio` on·off·none·lost, `video` on·off·none·lost
 * - `mute(isMuted)`, `await showCamera(isShown)`, `await flip()`, `await canFlip()`, `close()`
 * - events: `change` {audio, video, cameraChanged?}, `no_answer`
 *
 * ### Call (call/call.js)
 * - `new Call({ connection, devices, topic, participant, device?, gone? })`; participant: `citizen` or `staff`;
 *   device {browser, system} in words; gone {address, csrf} for the beacon at pagehide (`/gesprek/weg`)
 * - `await prepare()`; `await join()` → the server's `joined` (rejects with `Refused`: `seat_taken`, `call_full`,
 *   `call_over`, `not_allowed`; waits by itself while `not_begun`); `leave(why = 'hung_up')`; `away(why)`;
 *   `close()` (page goes, says nothing); `retry()` ("Probeer nu")
 * - `others`: list of `{ participant, role, name, epoch, audio, video, writing, presence, why,
 *   isConnected, word }` (names come from the server); `text` (see below); `hold` null or `{ reason, until }`
 * - events:
 *   `joined` {participants, begun, hold}, `begun`, `other` {other} (somebody's state, presence or name changed),
 *   `gone` {participant}, `tracks` {participant, audio, camera, screen} (for Stage),
 *   `connected` {participant} (first time), `reconnecting` {participant, seconds} (from 3 s),
 *   `lost` {participant} (from 5 s: the lost screen), `back` {participant},
 *   `word` {participant, word: good·fair·poor·gone}, `picture` {participant, isFlowing} (no frame for 3 s),
 *   `hold` {on, reason, until}, `text` {participant, epoch, text, isBell} (all that somebody wrote so far),
 *   `presence` (as the log says), `trouble` (three new rounds in a minute), `refused` {code},
 *   `moved` (another page took the seat), `ended` {why: from the log, or `hung_up` here}
 *
 * ### Text (call.text; call/text.js): T.140, real-time, no send button
 * - `update(value)`: the whole value of the field at each `input` (not while composing) and `compositionend`;
 *   the piece that changed is sent after 300 ms, a correction as backspaces. `newLine()`: Enter; ends the
 *   entry (the field may be emptied, the next `update` starts from empty). `unsent`: characters still here
 *   (event `unsent`). On hold nothing leaves; it goes on at resume.
 * - what comes in: event `text` of the call, `text` is all of that participant's text in this life of their
 *   page, with "\n" for new lines and U+FFFD for a hole; put it in the page with textContent.
 *
 * ### Check (call/check.js): the measuring before the call
 * - `new Check({ devices, connection, video, postOffer, makePicture })`; video: the own preview element;
 *   postOffer: async ({ sdp, type }) → { sdp, type } of the echo, or null when it is busy or away;
 *   makePicture: movingPicture of stage.js (what is sent to measure the way, never the camera)
 * - `browser()`, `await camera()`, `await microphone(onLevel?)`, `await signalling()`, `await path()` → plain
 *   values with the outcomes and figures of calls.md section 3; `stop()`.
 *
 * ### Stage (call/stage.js): the markup it expects stands at the top of that file.
 */
import { Emitter } from '../lib/emitter.js';
import { Refused } from '../live/connection.js';
import { IceServers } from './ice.js';
import { Pairs } from './pairs.js';
import { Text } from './text.js';

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

const STATE_MS = 40;
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

  /** @type {string[] | null} what the server lets this participant send */
  #sends = null;
  #isOver = false;
  #stateTimer = 0;
  /** @type {string | null} */
  #cameraChanged = null;
  #isWriting = false;
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
    this.text.on('writing', (isWriting) => {
      this.#isWriting = isWriting;
      this.report();
    });
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
    this.text.shut('live');
    this.emit('joined', { participants: this.others, begun: this.begun, hold: this.hold, isFirst });
    if (this.begun && isFirst) this.emit('begun', null);
    this.report();
    this.chooseWays();
  }

  /** Somebody took or took up their seat; what they missed of the text comes again. @param {Other} person */
  #cameBack(person) {
    this.pairs.know(person, true);
    this.text.shut('live');
    this.chooseWays();
  }

  #begin() {
    if (this.begun) return;
    this.begun = true;
    if (this.epoch === null) return;
    for (const entry of this.pairs.entries.values()) if (entry.person.presence === 'here') this.pairs.pairUp(entry);
    this.emit('begun', null);
    this.chooseWays();
  }

  /** The live connection is back. */
  #resumed() {
    this.chooseWays();
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
    this.#cameraChanged = cameraChanged ?? this.#cameraChanged;
    for (const pair of this.pairs.all) void pair.place(this.tracks);
    this.report();
  }

  /** Tells the others and the server how this page is doing, soon and once. */
  report() {
    if (this.epoch === null || this.#isOver || this.#stateTimer) return;
    this.#stateTimer = setTimeout(() => this.#tellState(), STATE_MS);
  }

  #tellState() {
    this.#stateTimer = 0;
    if (this.#isOver) return;
    const { audio, video } = this.devices;
    /** @type {Record<string, unknown>} */
    const state = { audio, video, writing: this.#isWriting };
    if (this.#cameraChanged) state.camera_changed = this.#cameraChanged;
    this.#cameraChanged = null;
    state.pairs = [...this.pairs.entries].flatMap(([participant, { pair }]) =>
      pair ? [{ participant, round: pair.round, is_connected: pair.isConnected, word: pair.word }] : [],
    );
    for (const pair of this.pairs.all) pair.tell('state', JSON.stringify({ state }));
    this.connection.forget((message) => message.type === 'state' && !message.camera_changed);
    void this.say({ type: 'state', ...state });
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

  /** Text goes over /live too while somebody cannot be reached directly. */
  chooseWays() {
    const isNeeded = this.others.some(({ participant, presence }) => presence !== 'left' && !this.text.has(participant));
    const isPossible = this.connection.isOpen && this.mayPair;
    if (!isNeeded || !isPossible) return this.text.shut('live');
    if (this.text.has('live')) return;
    this.text.open('live', {
      begin: () => true,
      say: (from, text) => {
        if (!this.connection.isOpen) return false;
        void this.say({ type: 'text', text_seq: from, text });
        return true;
      },
    });
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
    clearTimeout(this.#stateTimer);
    for (const stop of this.#stops.splice(0)) stop();
    this.connection.greeting = null;
    this.connection.isUrgent = false;
    this.pairs.close();
    this.text.close();
    this.ice.close();
  }
}
