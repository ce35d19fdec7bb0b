/** One RTCPeerConnection of a pair, for one round: perfect negotiation, candidates in order, nothing edited. */
import { Emitter } from '../lib/emitter.js';
import { adoptLines, layLines, limitRates, placeTracks, receivedTracks } from './media.js';
import { CHANNELS, fragmentsOf, fromWire } from './protocol.js';
import { Trickle } from './trickle.js';

/**
 * @typedef {import('./protocol.js').Ice} Ice
 * @typedef {import('./protocol.js').Tracks} Tracks
 * @typedef {import('./protocol.js').Signal} Signal
 * @typedef {import('./protocol.js').WireCandidate} WireCandidate
 * @typedef {Omit<Signal, 'round'>} Said
 * @typedef {{ isPolite: boolean, ice: Ice, certificate: RTCCertificate | null, tracks: Tracks,
 *   send: (said: Said) => Promise<unknown> }} PeerOptions
 */

/** The polite side offers itself after this much silence. */
const SILENCE_MS = 3000;
/** An offer that got no answer is said again after this. */
const ANSWER_MS = 5000;
const OFFERS = 3;
const KEPT_CANDIDATES = 256;
const WORST_FIRST = ['closed', 'failed', 'disconnected', 'new', 'checking', 'connecting', 'connected', 'completed'];

/**
 * Events: `connection` {state}, `tracks` Tracks, `channel` RTCDataChannel, `broken` {why}.
 * @extends {Emitter<{ connection: { state: string }, tracks: Tracks, channel: RTCDataChannel, broken: { why: string } }>}
 */
export class Peer extends Emitter {
  /** @type {RTCPeerConnection} */
  connection;
  /** Candidates that were refused although their offer was not ignored. */
  errors = 0;
  /** Descriptions made and taken here, for the tests of "one negotiation". */
  counts = { offers: 0, answers: 0, ignored: 0 };

  #isClosed = false;
  /** @type {() => void} */
  #tellClosed = () => {};
  #closing = new Promise((resolve) => (this.#tellClosed = () => resolve(undefined)));
  #isLaid = false;
  #isOfferDue = false;
  #isMakingOffer = false;
  #isSettingRemoteAnswer = false;
  #isIgnoringOffer = false;
  #isLimited = false;
  /** @type {{ wire: WireCandidate | null }[]} */
  #early = [];
  #silence = 0;
  #answerTimer = 0;
  #offersSaid = 0;
  /** @type {Trickle} */
  #trickle;

  /** @param {PeerOptions} options */
  constructor({ isPolite, ice, certificate, tracks, send }) {
    super();
    this.isPolite = isPolite;
    this.ice = ice;
    this.certificate = certificate;
    this.tracks = tracks;
    this.send = send;
    this.#trickle = new Trickle((said) => this.#say(said));
    this.connection = this.#build();
  }

  /** The impolite side lays the lines and offers; the polite side waits for that. */
  start() {
    if (this.isPolite) this.#silence = setTimeout(() => this.#lay(), SILENCE_MS);
    else this.#lay();
  }

  /** The worse of the two states that a connection has. */
  get state() {
    const { connectionState, iceConnectionState } = this.connection;
    return WORST_FIRST.find((word) => word === connectionState || word === iceConnectionState) ?? 'new';
  }

  get isConnected() {
    return ['connected', 'completed'].includes(this.state);
  }

  get isNegotiating() {
    return this.connection.signalingState !== 'stable' || this.#isMakingOffer;
  }

  #build() {
    const { servers, policy } = this.ice;
    const connection = new RTCPeerConnection({
      iceServers: servers,
      iceTransportPolicy: policy,
      bundlePolicy: 'max-bundle',
      rtcpMuxPolicy: 'require',
      certificates: this.certificate ? [this.certificate] : undefined,
    });
    const told = () => this.#told(connection);
    connection.onconnectionstatechange = connection.oniceconnectionstatechange = told;
    connection.onnegotiationneeded = () => this.#offer(connection);
    connection.onsignalingstatechange = () => this.#watchAnswer();
    connection.onicecandidate = ({ candidate }) => this.#trickle.add(candidate);
    connection.ontrack = () => this.#isClosed || this.emit('tracks', receivedTracks(connection));
    connection.ondatachannel = ({ channel }) => this.#open(channel);
    return connection;
  }

  /** @param {RTCPeerConnection} connection */
  #told(connection) {
    if (this.#isClosed || connection !== this.connection) return;
    if (this.isConnected && !this.#isLimited) {
      this.#isLimited = true;
      limitRates(connection).catch(() => (this.#isLimited = false));
    }
    this.emit('connection', { state: this.state });
  }

  #lay() {
    if (this.#isClosed || this.#isLaid || this.connection.remoteDescription) return;
    this.#isLaid = true;
    this.#isOfferDue = true;
    layLines(this.connection, this.tracks);
    for (const label of CHANNELS) {
      const protocol = label === 't140' ? 't140' : '';
      this.#open(this.connection.createDataChannel(label, { ordered: true, protocol }));
    }
  }

  /** @param {RTCDataChannel} channel */
  #open(channel) {
    if (this.#isClosed || !CHANNELS.some((label) => label === channel.label)) return channel.close();
    this.emit('channel', channel);
  }

  /** The only source of offers. @param {RTCPeerConnection} connection */
  async #offer(connection) {
    if (connection !== this.connection || this.#isClosed) return;
    try {
      this.#isMakingOffer = true;
      await connection.setLocalDescription();
      if (connection !== this.connection || this.#isClosed) return;
      this.#offersSaid = 0;
      this.#sayDescription();
    } catch (error) {
      this.#break('offer', error);
    } finally {
      this.#isMakingOffer = false;
      this.#isOfferDue = false;
    }
  }

  #sayDescription() {
    const description = this.connection.localDescription;
    if (!description) return Promise.resolve();
    if (description.type === 'offer') this.counts.offers += 1;
    else this.counts.answers += 1;
    this.#trickle.startFor(fragmentsOf(description));
    return this.#say({ description: { type: description.type, sdp: description.sdp } });
  }

  /** @param {Said} said */
  #say(said) {
    return this.#isClosed ? Promise.resolve() : this.send(said).catch(() => {});
  }

  /** An offer that stays without answer is said again, and after that the round is given up. */
  #watchAnswer() {
    clearTimeout(this.#answerTimer);
    if (this.#isClosed || this.connection.signalingState !== 'have-local-offer') return;
    this.#answerTimer = setTimeout(() => this.#sayAgain(), ANSWER_MS);
  }

  async #sayAgain() {
    if (this.#isClosed || this.connection.signalingState !== 'have-local-offer') return;
    this.#offersSaid += 1;
    if (this.#offersSaid >= OFFERS) return this.#break('no_answer');
    await this.#sayDescription();
    this.#watchAnswer();
  }

  /**
   * A signal of the other side; the caller gives them one at a time. What a closed connection was doing never
   * ends, so this does not wait for it.
   * @param {Said} signal
   */
  take(signal) {
    return Promise.race([this.#take(signal), this.#closing]);
  }

  /** @param {Said} signal */
  async #take({ description, candidates, end_of_candidates: isEnd }) {
    if (this.#isClosed) return;
    if (description) await this.#takeDescription(description);
    for (const wire of candidates ?? []) this.#keep({ wire });
    if (isEnd) this.#keep({ wire: null });
    await this.#addCandidates();
  }

  /** @param {import('./protocol.js').WireDescription} description */
  async #takeDescription(description) {
    const isOffer = description.type === 'offer';
    if (!isOffer && this.connection.signalingState !== 'have-local-offer') return;
    if (isOffer && this.isPolite && this.#isLaid && !this.connection.remoteDescription) this.#startOver();
    const isReady =
      !this.#isMakingOffer && !this.#isOfferDue &&
      (this.connection.signalingState === 'stable' || this.#isSettingRemoteAnswer);
    this.#isIgnoringOffer = !this.isPolite && isOffer && !isReady;
    if (this.#isIgnoringOffer) {
      this.counts.ignored += 1;
      return;
    }
    clearTimeout(this.#silence);
    await this.#apply(description).catch(() => this.#apply(description).catch((error) => this.#break('description', error)));
  }

  /** @param {import('./protocol.js').WireDescription} description */
  async #apply(description) {
    if (this.#isClosed) return;
    const { connection } = this;
    const isFirst = !connection.remoteDescription;
    this.#isSettingRemoteAnswer = description.type === 'answer';
    try {
      await connection.setRemoteDescription(description);
    } finally {
      this.#isSettingRemoteAnswer = false;
    }
    if (this.#isClosed || description.type !== 'offer') return;
    if (isFirst) await adoptLines(connection, this.tracks);
    if (this.#isClosed) return;
    await connection.setLocalDescription();
    if (!this.#isClosed) void this.#sayDescription();
  }

  /** Both offered at the start: the polite side's own lines make way, the other's are the lines. */
  #startOver() {
    this.connection.close();
    this.#isLaid = this.#isOfferDue = this.#isMakingOffer = false;
    this.connection = this.#build();
  }

  /** @param {{ wire: WireCandidate | null }} candidate */
  #keep(candidate) {
    this.#early.push(candidate);
    if (this.#early.length > KEPT_CANDIDATES) this.#early.shift();
  }

  /** Candidates wait for the description that they belong to. */
  async #addCandidates() {
    const known = fragmentsOf(this.connection.remoteDescription);
    if (!known.size) return;
    const isOurs = (/** @type {{ wire: WireCandidate | null }} */ { wire }) =>
      !wire?.username_fragment || known.has(wire.username_fragment);
    const now = this.#early.filter(isOurs);
    this.#early = this.#early.filter((candidate) => !isOurs(candidate));
    for (const { wire } of now) {
      if (this.#isClosed) return;
      await this.connection.addIceCandidate(wire?.candidate ? fromWire(wire) : undefined).catch(() => {
        if (!this.#isIgnoringOffer) this.errors += 1;
      });
    }
  }

  /**
   * New addresses are looked for; both sides may ask, negotiation sorts it out.
   * @param {Ice} ice
   */
  restart(ice) {
    if (this.#isClosed) return;
    this.configure(ice);
    if (this.connection.remoteDescription) this.connection.restartIce();
  }

  /** @param {Ice} ice */
  configure(ice) {
    this.ice = ice;
    if (this.#isClosed) return;
    const configuration = this.connection.getConfiguration();
    this.connection.setConfiguration({ ...configuration, iceServers: ice.servers, iceTransportPolicy: ice.policy });
  }

  /** Other tracks in the same places, without a negotiation. @param {Tracks} tracks */
  async place(tracks) {
    this.tracks = tracks;
    if (!this.#isClosed) await placeTracks(this.connection, tracks);
  }

  stats() {
    return this.#isClosed ? Promise.resolve(null) : this.connection.getStats().catch(() => null);
  }

  /** @param {string} why @param {unknown} [error] */
  #break(why, error) {
    if (this.#isClosed) return;
    if (error) console.warn('call', why, error instanceof Error ? error.name : '');
    this.emit('broken', { why });
  }

  close() {
    this.#isClosed = true;
    this.#tellClosed();
    clearTimeout(this.#silence);
    clearTimeout(this.#answerTimer);
    this.#trickle.close();
    this.connection.close();
  }
}
