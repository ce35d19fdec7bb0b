/**
 * Shows the participants of a call; the only file of this folder that touches the document.
 *
 * Markup: a root with
 * - `<template data-participant-template>` holding one element (a `<figure>`) with in it a `<video>`, an `<audio>`,
 *   an element `[data-name]` and an element `[data-states]`; copies go into `[data-others]`, else into the root.
 *   A copy gets `data-participant`, `data-role`, `data-audio`, `data-video`, `data-presence`, `data-connection`
 *   (good fair poor gone), `data-writing`, and `hidden` while nobody is there.
 * - `<video data-own>`: the own preview (muted). It gets `data-video`.
 * - the words as data attributes of the root: `data-word-<state>-<value>`, such as `data-word-audio-off`,
 *   `data-word-video-off`, `data-word-writing`, `data-word-speaking`, `data-word-connection-fair`, `-poor`, `-gone`,
 *   `data-word-presence-away`, `-lost`. A state without a word is not said.
 * Events: `blocked` (the browser plays no sound before a tap; show the button), `unlocked`.
 */
import { copyOf, find, say } from '../lib/dom.js';
import { Emitter } from '../lib/emitter.js';

/**
 * @typedef {import('./call.js').Call} Call
 * @typedef {import('./devices.js').Devices} Devices
 * @typedef {import('./pairs.js').Other} Other
 * @typedef {import('./protocol.js').Tracks} Tracks
 */

/** Few enough that even a slow way gets whole pictures. */
const GRAINS = { across: 40, down: 30 };
const SPEAKING_MS = 300;
const SPEAKING_LEVEL = 0.03;

/** @extends {Emitter<{ blocked: null, unlocked: null }>} */
export class Stage extends Emitter {
  /** @type {Map<string, { figure: HTMLElement, tracks: Tracks | null, isSpeaking: boolean }>} */
  #shown = new Map();
  #isBlocked = false;
  #timer = 0;
  /** @type {(() => void)[]} */
  #stops = [];

  /**
   * @param {HTMLElement} root
   * @param {Call | null} call null: only the own picture, before the call
   * @param {Devices} devices
   */
  constructor(root, call, devices) {
    super();
    this.root = root;
    this.call = call;
    this.devices = devices;
    this.#stops.push(devices.on('change', () => this.#showOwn()));
    this.#showOwn();
    if (!call) return;
    this.#stops.push(
      call.on('other', ({ other }) => this.#show(other)),
      call.on('tracks', ({ participant, ...tracks }) => this.#place(participant, tracks)),
      call.on('gone', ({ participant }) => this.#remove(participant)),
      call.on('hold', () => this.#shown.forEach((_, participant) => this.#play(participant))),
      call.on('ended', () => this.close()),
      call.on('moved', () => this.close()),
    );
    for (const other of call.others) this.#show(other);
    this.#timer = setInterval(() => this.#listen(), SPEAKING_MS);
  }

  #showOwn() {
    const own = find(this.root, 'video[data-own]');
    if (!(own instanceof HTMLVideoElement)) return;
    own.dataset.video = this.devices.video;
    const { camera } = this.devices;
    const [shown] = own.srcObject instanceof MediaStream ? own.srcObject.getTracks() : [];
    if (shown === camera) return;
    own.muted = true;
    own.srcObject = camera ? new MediaStream([camera]) : null;
    if (camera) own.play().catch(() => {});
  }

  /** @param {string} participant */
  #entry(participant) {
    const known = this.#shown.get(participant);
    if (known) return known;
    const figure = copyOf(this.root, 'template[data-participant-template]');
    figure.dataset.participant = participant;
    (find(this.root, '[data-others]') ?? this.root).append(figure);
    const entry = { figure, tracks: null, isSpeaking: false };
    this.#shown.set(participant, entry);
    return entry;
  }

  /** @param {Other} other */
  #show(other) {
    const { figure } = this.#entry(other.participant);
    figure.hidden = other.presence === null || other.presence === 'left';
    Object.assign(figure.dataset, {
      role: other.role,
      audio: other.audio,
      video: other.video,
      presence: other.presence ?? 'none',
      connection: other.isPaired ? other.word : 'none',
      writing: other.writing ? 'yes' : 'no',
    });
    say(find(figure, '[data-name]'), other.name);
    this.#sayStates(other);
  }

  /** @param {Other} other */
  #sayStates(other) {
    const { figure, isSpeaking } = this.#entry(other.participant);
    const states = [
      this.#word(`presence-${other.presence}`),
      this.#word(`audio-${other.audio}`),
      this.#word(`video-${other.video}`),
      isSpeaking ? this.#word('speaking') : '',
      other.writing ? this.#word('writing') : '',
      other.signing ? this.#word('signing') : '',
      other.presence === 'here' && other.isPaired ? this.#word(`connection-${other.word}`) : '',
    ];
    say(find(figure, '[data-states]'), states.filter(Boolean).join(', '));
  }

  /** @param {string} name @returns {string} */
  #word(name) {
    return this.root.getAttribute(`data-word-${name}`) ?? '';
  }

  /** @param {string} participant @param {Tracks} tracks */
  #place(participant, tracks) {
    this.#entry(participant).tracks = tracks;
    this.#play(participant);
  }

  /** Sound apart from picture, so that a picture that does not come keeps no sound back. @param {string} participant */
  #play(participant) {
    const { figure, tracks } = this.#entry(participant);
    this.#fill(find(figure, 'video'), tracks?.camera ?? null, true);
    this.#fill(find(figure, 'audio'), tracks?.audio ?? null, false);
  }

  /**
   * @param {HTMLElement | null} element
   * @param {MediaStreamTrack | null} track
   * @param {boolean} isMuted
   */
  #fill(element, track, isMuted) {
    if (!(element instanceof HTMLMediaElement)) return;
    element.muted = isMuted || Boolean(this.call?.hold);
    const [shown] = element.srcObject instanceof MediaStream ? element.srcObject.getTracks() : [];
    if ((shown ?? null) !== track) element.srcObject = track ? new MediaStream([track]) : null;
    if (this.call?.hold) return element.pause();
    if (track) element.play().catch((error) => this.#refused(error));
  }

  /** @param {unknown} error */
  #refused(error) {
    if (!(error instanceof DOMException) || error.name !== 'NotAllowedError' || this.#isBlocked) return;
    this.#isBlocked = true;
    this.emit('blocked', null);
  }

  /** In a tap: everything may sound from now on. */
  unlock() {
    this.#isBlocked = false;
    for (const participant of this.#shown.keys()) this.#play(participant);
    this.emit('unlocked', null);
  }

  /** Who speaks, from what their sound does; a word in the tree, not an announcement. */
  #listen() {
    for (const [participant, entry] of this.#shown) {
      const other = this.call?.pairs.other(participant);
      if (!other) continue;
      const level = other.audio === 'on' && !this.call?.hold ? (this.call?.pairs.level(participant) ?? 0) : 0;
      const isSpeaking = level > SPEAKING_LEVEL;
      if (isSpeaking === entry.isSpeaking) continue;
      entry.isSpeaking = isSpeaking;
      entry.figure.dataset.speaking = isSpeaking ? 'yes' : 'no';
      this.#sayStates(other);
    }
  }

  /** @param {string} participant */
  #remove(participant) {
    const entry = this.#shown.get(participant);
    if (!entry) return;
    for (const element of entry.figure.querySelectorAll('video, audio')) {
      if (element instanceof HTMLMediaElement) element.srcObject = null;
    }
    entry.figure.remove();
    this.#shown.delete(participant);
  }

  close() {
    clearInterval(this.#timer);
    for (const stop of this.#stops.splice(0)) stop();
    for (const participant of [...this.#shown.keys()]) this.#remove(participant);
    this.#showOwn();
  }
}

/**
 * A moving picture full of grains: it asks as much of the network as a camera in a call does.
 * @returns {{ track: MediaStreamTrack, stop: () => void }}
 */
export function movingPicture() {
  const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
  const grains = Object.assign(document.createElement('canvas'), { width: 2 * GRAINS.across, height: 2 * GRAINS.down });
  const pen = canvas.getContext('2d');
  const picture = new ImageData(grains.width, grains.height);
  const pixels = new Uint32Array(picture.data.buffer);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = 0xff000000 | (0x010101 * Math.floor(Math.random() * 256));
  grains.getContext('2d')?.putImageData(picture, 0, 0);
  const timer = setInterval(() => {
    const [x, y] = [Math.random() * GRAINS.across, Math.random() * GRAINS.down];
    pen?.drawImage(grains, x, y, GRAINS.across, GRAINS.down, 0, 0, 320, 240);
  }, 50);
  const [track] = canvas.captureStream(20).getVideoTracks();
  const stop = () => {
    clearInterval(timer);
    track.stop();
  };
  return { track, stop };
}
