/** Measures before the call, each part for itself: browser, camera, microphone, live connection, path to the echo. */
import { sendToEcho } from './sending.js';

/**
 * @typedef {import('./devices.js').Devices} Devices
 * @typedef {import('../live/connection.js').Connection} Connection
 * @typedef {import('./sending.js').Path} Path
 * @typedef {(offer: { type: 'offer', sdp: string }) => Promise<{ sdp: string } | null>} PostOffer
 * @typedef {{ devices: Devices, connection: Connection | null, video: HTMLVideoElement, postOffer: PostOffer,
 *   makePicture: () => { track: MediaStreamTrack, stop: () => void } }} CheckOptions
 */

const CAMERA_MS = 3000;
const ENOUGH_FRAMES = 10;
const DARK = 8;
const PINGS = 5;
const HEARD_DB = -50;
const HEARD_MS = 300;
const SILENT_MS = 3000;
const LONGEST_MS = 12000;
const EACH_MS = 50;

/** Mean brightness of the picture that a video element shows, 0 to 255. @param {HTMLVideoElement} video */
function brightness(video) {
  const size = { width: 32, height: 24 };
  const pen = new OffscreenCanvas(size.width, size.height).getContext('2d', { willReadFrequently: true });
  if (!pen) return 255;
  pen.drawImage(video, 0, 0, size.width, size.height);
  const { data } = pen.getImageData(0, 0, size.width, size.height);
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) sum += 0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2];
  return sum / (data.length / 4);
}

/** @param {number[]} numbers */
function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : null;
}

export class Check {
  #stopping = new AbortController();

  /** @param {CheckOptions} options */
  constructor({ devices, connection, video, postOffer, makePicture }) {
    this.devices = devices;
    this.connection = connection;
    this.video = video;
    this.postOffer = postOffer;
    this.makePicture = makePicture;
  }

  /** @returns {'ok' | 'too_old'} */
  browser() {
    const isGood = typeof RTCPeerConnection === 'function' && this.devices.isSupported && typeof WebSocket === 'function';
    return isGood ? 'ok' : 'too_old';
  }

  /** Enough frames, and not in the dark. @returns {Promise<{ outcome: string, frames: number, brightness: number | null }>} */
  async camera() {
    const { outcomes, camera } = this.devices;
    if (!camera) return { outcome: outcomes.video === 'ok' ? 'none' : outcomes.video, frames: 0, brightness: null };
    await this.video.play().catch(() => {});
    const frames = await this.#countFrames();
    if (frames < ENOUGH_FRAMES) return { outcome: 'busy', frames, brightness: null };
    const light = brightness(this.video);
    return { outcome: light < DARK ? 'dark' : 'ok', frames, brightness: Math.round(light) };
  }

  /** @returns {Promise<number>} */
  #countFrames() {
    let frames = 0;
    let last = -1;
    return new Promise((resolve) => {
      const until = performance.now() + CAMERA_MS;
      const timer = setInterval(() => {
        const { totalVideoFrames } = this.video.getVideoPlaybackQuality?.() ?? { totalVideoFrames: 0 };
        const now = totalVideoFrames || this.video.currentTime * 1000;
        if (now !== last) frames = totalVideoFrames ? totalVideoFrames : frames + 1;
        last = now;
        if (frames <= ENOUGH_FRAMES && performance.now() < until && !this.#stopping.signal.aborted) return;
        clearInterval(timer);
        resolve(frames);
      }, 60);
    });
  }

  /**
   * Heard, quiet, or nothing at all; a quiet room is not zero.
   * @param {(level: number) => void} [onLevel] 0 to 1, for the bar
   * @returns {Promise<{ outcome: string, loudest_db: number | null }>}
   */
  async microphone(onLevel = () => {}) {
    const { outcomes, microphone } = this.devices;
    if (microphone) return measureLevel(microphone, onLevel, this.#stopping.signal);
    return { outcome: outcomes.audio === 'ok' ? 'none' : outcomes.audio, loudest_db: null };
  }

  /** How long the server takes to answer over /live; null: not reached. @returns {Promise<number | null>} */
  async signalling() {
    const answers = [];
    for (let n = 0; n < PINGS && !this.#stopping.signal.aborted; n += 1) {
      const ms = (await this.connection?.measure()) ?? null;
      if (ms !== null) answers.push(ms);
    }
    const ms = median(answers);
    return ms === null ? null : Math.round(ms);
  }

  /** Sends sound and a drawn picture to the echo; null: it was busy or away, nothing is known. @returns {Promise<Path | null>} */
  async path() {
    const ice = await this.connection?.send({ type: 'ice.get' }).catch(() => null);
    const picture = this.makePicture();
    const microphone = this.devices.microphone?.clone() ?? null;
    try {
      const { postOffer } = this;
      return await sendToEcho({ ice, picture: picture.track, microphone, postOffer, stopping: this.#stopping.signal });
    } finally {
      picture.stop();
    }
  }

  /** Nothing goes on measuring. */
  stop() {
    this.#stopping.abort();
  }
}

/** @param {Float32Array<ArrayBuffer>} samples */
function rms(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / samples.length);
}

/**
 * How loud a microphone is: heard, quiet, or silent because nothing comes at all.
 * @param {MediaStreamTrack} track
 * @param {(level: number) => void} onLevel
 * @param {AbortSignal} stopping
 * @returns {Promise<{ outcome: 'ok' | 'quiet' | 'silent', loudest_db: number | null }>}
 */
async function measureLevel(track, onLevel, stopping) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  void context.resume();
  try {
    return await listen(track, analyser, onLevel, stopping);
  } finally {
    void context.close();
  }
}

/**
 * @param {MediaStreamTrack} track
 * @param {AnalyserNode} analyser
 * @param {(level: number) => void} onLevel
 * @param {AbortSignal} stopping
 */
async function listen(track, analyser, onLevel, stopping) {
  const samples = new Float32Array(analyser.fftSize);
  const endsAt = performance.now() + LONGEST_MS;
  let heardMs = 0;
  let zeroMs = 0;
  let loudest = 0;
  while (performance.now() < endsAt && !stopping.aborted) {
    await new Promise((go) => setTimeout(go, EACH_MS));
    const mayJudge = analyser.context.state === 'running' && track.enabled && !track.muted;
    if (!mayJudge) continue;
    analyser.getFloatTimeDomainData(samples);
    const level = rms(samples);
    loudest = Math.max(loudest, level);
    onLevel(Math.min(1, level * 4));
    zeroMs = level === 0 ? zeroMs + EACH_MS : 0;
    heardMs = 20 * Math.log10(level) > HEARD_DB ? heardMs + EACH_MS : heardMs;
    if (heardMs >= HEARD_MS) return told('ok', loudest);
    if (zeroMs >= SILENT_MS) return told('silent', loudest);
  }
  return told('quiet', loudest);
}

/** @param {'ok' | 'quiet' | 'silent'} outcome @param {number} loudest */
function told(outcome, loudest) {
  return { outcome, loudest_db: loudest > 0 ? Math.round(20 * Math.log10(loudest)) : null };
}
