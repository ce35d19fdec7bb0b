/** Messages between the pages of a call: what came twice, what belongs to a former life, one at a time per pair. */

/**
 * @typedef {{ candidate: string, sdp_mid: string | null, sdp_m_line_index: number | null,
 *   username_fragment: string | null }} WireCandidate
 * @typedef {{ type: RTCSdpType, sdp: string }} WireDescription
 * @typedef {{ round: number, description?: WireDescription, candidates?: WireCandidate[],
 *   end_of_candidates?: boolean, rebuild?: { why: string } }} Signal
 * @typedef {{ servers: RTCIceServer[], policy: RTCIceTransportPolicy, expires_at: string }} Ice
 * @typedef {{ audio: MediaStreamTrack | null, camera: MediaStreamTrack | null, screen: MediaStreamTrack | null }} Tracks
 * @typedef {'good' | 'fair' | 'poor' | 'gone'} Word
 */

/** Order of the m-lines, the same in every connection: tracks are known by their place. */
export const LINES = /** @type {const} */ (['audio', 'camera', 'screen']);
export const CHANNELS = /** @type {const} */ (['t140', 'state']);

export const CANDIDATES_PER_MESSAGE = 20;
export const CANDIDATES_PER_DESCRIPTION = 64;
export const CANDIDATE_BYTES = 1024;

const REMEMBERED = 4000;

/** Drops what came twice, by sender, life of the sender and number. */
export class Inbox {
  /** @type {Map<string, { epoch: number, seen: Set<number> }>} */
  #senders = new Map();

  /**
   * @param {{ from: string, from_epoch: number, seq: number }} message
   * @returns {boolean} whether this is the first time, and of the newest life
   */
  isNew({ from, from_epoch: epoch, seq }) {
    let sender = this.#senders.get(from);
    if (sender && epoch < sender.epoch) return false;
    if (!sender || epoch > sender.epoch) this.#senders.set(from, (sender = { epoch, seen: new Set() }));
    if (sender.seen.has(seq)) return false;
    sender.seen.add(seq);
    if (sender.seen.size > REMEMBERED) sender.seen.delete(/** @type {number} */ (sender.seen.values().next().value));
    return true;
  }
}

/** Runs one task after the other; one that fails is told and does not stop the line. */
export class Line {
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @param {() => unknown} task */
  push(task) {
    this.#last = this.#last.then(task).catch((error) => reportError(error));
    return this.#last;
  }
}

/** @param {RTCIceCandidate} candidate @returns {WireCandidate} */
export function toWire(candidate) {
  return {
    candidate: candidate.candidate,
    sdp_mid: candidate.sdpMid,
    sdp_m_line_index: candidate.sdpMLineIndex,
    username_fragment: candidate.usernameFragment,
  };
}

/** @param {WireCandidate} candidate @returns {RTCIceCandidateInit} */
export function fromWire(candidate) {
  return {
    candidate: candidate.candidate,
    sdpMid: candidate.sdp_mid,
    sdpMLineIndex: candidate.sdp_m_line_index,
    usernameFragment: candidate.username_fragment,
  };
}

/** The ICE generations that a description speaks of. @param {RTCSessionDescription | null} description */
export function fragmentsOf(description) {
  return new Set([...(description?.sdp ?? '').matchAll(/^a=ice-ufrag:(\S+)/gm)].map(([, fragment]) => fragment));
}
