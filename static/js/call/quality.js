/** From the browser's figures of a connection to one word for people. */

/**
 * @typedef {import('./protocol.js').Word} Word
 * @typedef {{ at: number, audioIn: number, audioLost: number, videoIn: number, videoLost: number, frames: number,
 *   freezeMs: number, sent: number, sentLost: number, rttMs: number | null, bytesIn: number }} Figures
 * @typedef {{ loss: number, rttMs: number, freezeMs: number, audioPerSecond: number, isUnmuted: boolean }} Measured
 */

const WINDOW_MS = 10000;
const FROZEN_MS = 3000;
const SILENT_MS = 10000;
/** @type {Record<Word, number>} */
const PLACES = { good: 0, fair: 1, poor: 2, gone: 3 };

/** The worse of two words. @param {Word} one @param {Word} other @returns {Word} */
export function worse(one, other) {
  return PLACES[one] >= PLACES[other] ? one : other;
}

/**
 * The pair of candidates in use; Firefox does not name it in the transport.
 * @param {RTCStatsReport} report
 */
function chosenPair(report) {
  let chosen;
  for (const row of report.values()) {
    if (row.type === 'transport' && row.selectedCandidatePairId) return report.get(row.selectedCandidatePairId);
    if (row.type === 'candidate-pair' && row.state === 'succeeded' && (row.nominated || row.selected)) chosen = row;
  }
  return chosen;
}

/**
 * @param {RTCStatsReport} report
 * @param {number} at
 * @returns {Figures}
 */
export function readFigures(report, at) {
  const figures = {
    at, audioIn: 0, audioLost: 0, videoIn: 0, videoLost: 0, frames: 0, freezeMs: 0, sent: 0, sentLost: 0, bytesIn: 0,
    /** @type {number | null} */ rttMs: null,
  };
  for (const row of report.values()) {
    if (row.type === 'inbound-rtp') {
      const kind = row.kind === 'audio' ? 'audio' : 'video';
      figures[`${kind}In`] += row.packetsReceived ?? 0;
      figures[`${kind}Lost`] += Math.max(0, row.packetsLost ?? 0);
      figures.frames += row.framesDecoded ?? 0;
      figures.freezeMs += (row.totalFreezesDuration ?? 0) * 1000;
      figures.bytesIn += row.bytesReceived ?? 0;
    } else if (row.type === 'outbound-rtp') figures.sent += row.packetsSent ?? 0;
    else if (row.type === 'remote-inbound-rtp') figures.sentLost += Math.max(0, row.packetsLost ?? 0);
  }
  const rtt = chosenPair(report)?.currentRoundTripTime;
  if (typeof rtt === 'number') figures.rttMs = rtt * 1000;
  return figures;
}

/** @param {number} lost @param {number} all */
function share(lost, all) {
  return all > 0 ? Math.min(1, Math.max(0, lost / all)) : 0;
}

/**
 * What happened between two readings; the worst stream decides.
 * @param {Figures} before
 * @param {Figures} after
 * @param {boolean} isUnmuted
 * @returns {Measured}
 */
export function measure(before, after, isUnmuted) {
  const grown = (/** @type {Exclude<keyof Figures, 'rttMs'>} */ name) => Math.max(0, after[name] - before[name]);
  const audio = share(grown('audioLost'), grown('audioLost') + grown('audioIn'));
  const video = share(grown('videoLost'), grown('videoLost') + grown('videoIn'));
  return {
    loss: Math.max(audio, video, share(grown('sentLost'), grown('sent'))),
    rttMs: after.rttMs ?? 0,
    freezeMs: grown('freezeMs'),
    audioPerSecond: grown('audioIn') / Math.max(0.001, grown('at') / 1000),
    isUnmuted,
  };
}

/** @param {Measured} measured @returns {Word} */
export function judge({ loss, rttMs, freezeMs, audioPerSecond, isUnmuted }) {
  if (loss >= 0.15 || rttMs > 1500 || freezeMs > 3000 || (isUnmuted && audioPerSecond < 10)) return 'poor';
  if (loss >= 0.1 || rttMs >= 400 || freezeMs >= 1000) return 'fair';
  return 'good';
}

/** Watches one connection: its word, whether a picture comes, whether anything is heard. */
export class Quality {
  /** @type {Figures[]} */
  #readings = [];
  #framesAt = 0;
  #audioAt = 0;

  /**
   * A new reading, each two seconds.
   * @param {Figures} now
   * @param {{ hasSound: boolean, hasPicture: boolean }} expected of the other side, at this moment
   * @returns {{ word: Word | null, isFlowing: boolean | null, isDead: boolean }} null: not known yet
   */
  take(now, { hasSound, hasPicture }) {
    const last = this.#readings.at(-1);
    if (!last || now.frames > last.frames || !hasPicture) this.#framesAt = now.at;
    if (!last || now.audioIn > last.audioIn || !hasSound) this.#audioAt = now.at;
    this.#readings.push(now);
    while (this.#readings.length > 2 && now.at - this.#readings[1].at >= WINDOW_MS) this.#readings.shift();
    const first = this.#readings[0];
    return {
      word: now.at - first.at >= WINDOW_MS ? judge(measure(first, now, hasSound)) : null,
      isFlowing: hasPicture ? now.at - this.#framesAt < FROZEN_MS : null,
      isDead: now.at - this.#audioAt >= SILENT_MS,
    };
  }

  /** After a break, a hold or a new connection nothing before it counts. */
  reset() {
    this.#readings = [];
  }
}
