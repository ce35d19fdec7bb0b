/** Own candidates on their way: gathered for a moment, within the limits of the wire. */
import { CANDIDATE_BYTES, CANDIDATES_PER_DESCRIPTION, CANDIDATES_PER_MESSAGE, toWire } from './protocol.js';

/** @typedef {import('./protocol.js').WireCandidate} WireCandidate */

const GATHER_MS = 50;
/** The first ones go sooner: mostly they are the ones that connect. */
const FIRST_MS = 15;

export class Trickle {
  /** @type {WireCandidate[]} */
  #gathered = [];
  #isEnd = false;
  #count = 0;
  #timer = 0;
  #fragments = '';
  #hasSaid = false;

  /** @param {(said: { candidates?: WireCandidate[], end_of_candidates?: boolean }) => unknown} say */
  constructor(say) {
    this.say = say;
  }

  /** A description goes out; a new generation may have its own candidates. @param {Set<string>} fragments */
  startFor(fragments) {
    const now = [...fragments].join();
    if (now === this.#fragments) return;
    this.#fragments = now;
    this.#count = 0;
    this.#hasSaid = false;
  }

  /** @param {RTCIceCandidate | null} candidate null: there are no more */
  add(candidate) {
    if (!candidate?.candidate) this.#isEnd ||= candidate === null;
    else if (this.#count < CANDIDATES_PER_DESCRIPTION && candidate.candidate.length <= CANDIDATE_BYTES) {
      this.#count += 1;
      this.#gathered.push(toWire(candidate));
    }
    if (!this.#timer) this.#timer = setTimeout(() => this.#flush(), this.#hasSaid ? GATHER_MS : FIRST_MS);
  }

  #flush() {
    this.#timer = 0;
    while (this.#gathered.length) {
      this.#hasSaid = true;
      this.say({ candidates: this.#gathered.splice(0, CANDIDATES_PER_MESSAGE) });
    }
    if (!this.#isEnd) return;
    this.#isEnd = false;
    this.say({ end_of_candidates: true });
  }

  close() {
    clearTimeout(this.#timer);
    this.#gathered = [];
    this.#isEnd = false;
  }
}
