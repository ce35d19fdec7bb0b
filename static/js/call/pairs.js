/** Everybody else in the call, as the server names them, and the pair with each. */
import { Pair } from './pair.js';
import { Inbox } from './protocol.js';
import { worse } from './quality.js';
import { Reading } from './reading.js';

/**
 * @typedef {import('./protocol.js').Tracks} Tracks
 * @typedef {import('./protocol.js').Word} Word
 * @typedef {'here' | 'away' | 'lost' | 'left'} Presence
 * @typedef {{ participant: string, role: string, name: string, language?: string, epoch: number | null,
 *   polite: boolean | null, audio: string, video: string, screen: boolean, writing: boolean, signing: boolean,
 *   presence: Presence | null, why?: string | null, sends?: string[] }} Person
 * @typedef {Person & { isConnected: boolean, isPaired: boolean, word: Word }} Other
 * @typedef {{ person: Person, pair: Pair | null, reading: Reading | null, theirWord: Word, wasConnected: boolean,
 *   isLost: boolean }} Entry
 * @typedef {import('./call.js').Call} Call
 */

const OWN_FIELDS = /** @type {const} */ (['audio', 'video', 'screen', 'writing', 'signing']);

export class Pairs {
  /** @type {Map<string, Entry>} */
  entries = new Map();
  #inbox = new Inbox();

  /** @param {Call} call */
  constructor(call) {
    this.call = call;
  }

  /** @returns {Pair[]} */
  get all() {
    return [...this.entries.values()].flatMap(({ pair }) => pair ?? []);
  }

  /** @param {string} participant @returns {Other | null} */
  other(participant) {
    const entry = this.entries.get(participant);
    if (!entry) return null;
    const { person, pair, theirWord } = entry;
    const word = pair ? worse(pair.word, theirWord) : 'gone';
    return { ...person, isConnected: pair?.isConnected ?? false, isPaired: Boolean(pair), word };
  }

  /** How loud somebody is now, 0 to 1. @param {string} participant */
  level(participant) {
    const receiver = this.entries.get(participant)?.pair?.peer?.connection.getReceivers()[0];
    return receiver?.getSynchronizationSources?.()[0]?.audioLevel ?? 0;
  }

  /**
   * What the server says of somebody. A new life of their page is a new pair.
   * @param {Person} person
   * @param {boolean} isFromStart whether this page was here before they wrote anything
   */
  know(person, isFromStart) {
    if (person.participant === this.call.participant) return;
    const old = this.entries.get(person.participant);
    const isNewLife = !old || old.person.epoch !== person.epoch;
    if (old && isNewLife) this.#unpair(old);
    const entry = old ?? { person, pair: null, reading: null, theirWord: 'good', wasConnected: false, isLost: false };
    entry.person = person;
    if (isNewLife) entry.theirWord = 'good';
    this.entries.set(person.participant, entry);
    if (isNewLife && person.epoch !== null) this.#read(entry, isFromStart ? 0 : null);
    if (person.presence === 'here') this.pairUp(entry);
    this.#changed(entry);
  }

  /** @param {Entry} entry @param {number | null} next */
  #read(entry, next) {
    entry.reading?.close();
    const { participant, epoch } = entry.person;
    entry.reading = new Reading((text, isBell) => this.call.emit('text', { participant, epoch, text, isBell }), next);
  }

  /** @param {Entry} entry */
  pairUp(entry) {
    const { person } = entry;
    if (!this.call.mayPair || entry.pair || person.epoch === null || person.polite === null) return;
    entry.pair = this.#pair(person.participant, person.epoch, person.polite);
    this.#listen(entry, entry.pair);
    entry.pair.start();
  }

  /** @param {string} participant @param {number} epoch @param {boolean} isPolite */
  #pair(participant, epoch, isPolite) {
    const { call } = this;
    const person = () => this.entries.get(participant)?.person;
    return new Pair({
      isPolite,
      ice: call.ice.now,
      freshIce: () => call.ice.fresh(),
      certificate: call.certificate,
      tracks: call.tracks,
      send: (signal) => call.say({ type: 'signal', to: participant, to_epoch: epoch, ...signal }),
      canReach: () => call.connection.isOpen && person()?.presence === 'here',
      expected: () => ({
        hasSound: !call.hold && person()?.audio === 'on',
        hasPicture: !call.hold && person()?.video === 'on',
      }),
    });
  }

  /** @param {Entry} entry @param {Pair} pair */
  #listen(entry, pair) {
    const { call } = this;
    const { participant } = entry.person;
    pair.on('tracks', (tracks) => call.emit('tracks', { participant, ...tracks }));
    pair.on('connected', () => this.#found(entry));
    pair.on('reconnecting', ({ seconds }) => call.emit('reconnecting', { participant, seconds }));
    pair.on('lost', () => {
      entry.isLost = true;
      call.emit('lost', { participant });
    });
    pair.on('picture', (isFlowing) => call.emit('picture', { participant, isFlowing }));
    pair.on('word', () => this.#changed(entry));
    pair.on('trouble', () => call.emit('trouble', { participant }));
    pair.on('changed', () => {
      this.#changed(entry);
      call.report();
    });
    pair.on('round', () => this.#shutText(participant, entry));
    pair.on('down', () => call.ways.shut(participant));
    pair.on('shut', () => this.#shutText(participant, entry));
    pair.on('channel', () => call.ways.open(participant, pair));
    pair.on('t140', (data) => entry.reading?.channel(data));
    pair.on('state', ({ state, text_from: from }) => {
      if (from !== undefined) entry.reading?.place(from);
      if (state) this.#stated(entry, state);
    });
  }

  /** @param {Entry} entry */
  #found(entry) {
    const { call } = this;
    const { participant } = entry.person;
    if (entry.pair) call.ways.open(participant, entry.pair);
    if (entry.isLost) call.emit('back', { participant });
    else if (!entry.wasConnected) call.emit('connected', { participant });
    entry.isLost = false;
    entry.wasConnected = true;
  }

  /** @param {string} participant @param {Entry} entry */
  #shutText(participant, entry) {
    entry.reading?.newChannel();
    this.call.ways.shut(participant);
  }

  /** A message of another page, relayed. @param {import('../live/connection.js').Message} message */
  hear(message) {
    if (typeof message.from !== 'string' || message.from === this.call.participant) return;
    if (!this.#inbox.isNew(/** @type {any} */ (message))) return;
    const entry = this.entries.get(message.from);
    if (!entry || message.from_epoch < (entry.person.epoch ?? 0)) return;
    if (message.from_epoch > (entry.person.epoch ?? 0)) {
      this.know({ ...entry.person, epoch: message.from_epoch, presence: 'here' }, false);
    }
    if (message.type === 'signal') this.#signalled(entry, message);
    else if (message.type === 'text') entry.reading?.take(Number(message.text_seq), String(message.text));
    else this.#stated(entry, message);
  }

  /** @param {Entry} entry @param {import('../live/connection.js').Message} message */
  #signalled(entry, message) {
    if (message.to !== this.call.participant || message.to_epoch !== this.call.epoch) return;
    this.pairUp(entry);
    void entry.pair?.take(/** @type {any} */ (message));
  }

  /** @param {Entry} entry @param {Record<string, any>} state */
  #stated(entry, state) {
    for (const field of OWN_FIELDS) {
      if (state[field] !== undefined) entry.person = { ...entry.person, [field]: state[field] };
    }
    const { participant } = this.call;
    const mine = Array.isArray(state.pairs) && state.pairs.find((row) => row.participant === participant);
    if (mine) entry.theirWord = mine.is_connected ? mine.word : 'gone';
    this.#changed(entry);
  }

  /** @param {{ participant: string, presence: Presence, why?: string | null }} message */
  presence({ participant, presence, why = null }) {
    const entry = this.entries.get(participant);
    if (!entry) return;
    entry.person = { ...entry.person, presence, why };
    this.call.emit('presence', { participant, presence, why });
    if (presence === 'left') {
      this.#unpair(entry);
      this.call.emit('gone', { participant });
    } else if (presence === 'here') {
      this.pairUp(entry);
      entry.pair?.wake();
    }
    this.#changed(entry);
  }

  /** Who is not in the server's list any more is gone. @param {Set<string>} known */
  keepOnly(known) {
    for (const [participant, entry] of this.entries) {
      if (known.has(participant)) continue;
      this.#unpair(entry);
      this.entries.delete(participant);
      this.call.emit('gone', { participant });
    }
  }

  /** @param {Entry} entry */
  #unpair(entry) {
    entry.pair?.close();
    entry.pair = null;
    this.call.ways.shut(entry.person.participant);
  }

  /** @param {Entry} entry */
  #changed(entry) {
    const other = this.other(entry.person.participant);
    if (other) this.call.emit('other', { other });
    this.call.ways.choose();
  }

  close() {
    for (const entry of this.entries.values()) {
      this.#unpair(entry);
      entry.reading?.close();
    }
  }
}
