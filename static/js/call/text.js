/** Real-time text that is written here: T.140 in small pieces, each with its place, over whichever way is open. */
import { Emitter } from '../lib/emitter.js';

/**
 * One way to the others: `begin` names the place of what comes next, `say` gives a piece; both answer whether it
 * went. An open way gets every piece.
 * @typedef {{ begin: (from: number) => boolean, say: (from: number, piece: string) => boolean }} Way
 */

export const BACKSPACE = '\b';
export const NEW_LINE = '\u2028';
/** In the channel: what follows begins at the next place told beside it. T.140 readers ignore it. */
export const MARK = '\ufeff';

const FLUSH_MS = 300;
const PER_SECOND = 30;
const WRITING_MS = 3000;
/** What went this recently is said again when the way changes; who has it already drops it by its place. */
const TAIL = { ms: 20000, characters: 450 };

/** Characters as they are sent: lines end as T.140 wants it, nothing that steers. @param {string} value */
function characters(value) {
  const plain = value.replaceAll('\r\n', '\n').replaceAll('\n', NEW_LINE).replaceAll('\t', ' ');
  return [...plain].filter((character) => character >= ' ' && character !== '\u007f' && character !== MARK);
}

/**
 * What turns one text into the other when only the end can be changed.
 * @param {string[]} before
 * @param {string[]} after
 * @returns {string[]}
 */
export function changes(before, after) {
  let same = 0;
  while (same < before.length && before[same] === after[same]) same += 1;
  return [...before.slice(same).map(() => BACKSPACE), ...after.slice(same)];
}

/** @extends {Emitter<{ writing: boolean, unsent: number }>} */
export class Text extends Emitter {
  /** @type {string[]} the field as it was last seen */
  #field = [];
  /** @type {string[]} */
  #pending = [];
  #sent = 0;
  /** @type {{ character: string, at: number }[]} */
  #tail = [];
  /** @type {Map<string, Way>} */
  #ways = new Map();
  #isPaused = false;
  #timer = 0;
  #writing = 0;
  #budget = { left: PER_SECOND, at: 0 };

  /** Characters that have not left this page. */
  get unsent() {
    return this.#pending.length;
  }

  /** @param {string} value all that stands in the field now */
  update(value) {
    const after = characters(value);
    this.#push(changes(this.#field, after));
    this.#field = after;
  }

  /** Enter: the entry is done and the field may be emptied. */
  newLine() {
    this.#push([NEW_LINE]);
    this.#field = [];
  }

  /** @param {string[]} added */
  #push(added) {
    for (const character of added) {
      const last = this.#pending.at(-1);
      const isCancelled = character === BACKSPACE && last !== undefined && last !== BACKSPACE && last !== NEW_LINE;
      if (isCancelled) this.#pending.pop();
      else this.#pending.push(character);
    }
    if (added.length) this.#isWriting();
    this.#later();
  }

  #isWriting() {
    if (!this.#writing) this.emit('writing', true);
    clearTimeout(this.#writing);
    this.#writing = setTimeout(() => {
      this.#writing = 0;
      this.emit('writing', false);
    }, WRITING_MS);
  }

  /**
   * A way is open. What went lately goes over it too, so that a change of way in mid-word loses nothing.
   * @param {string} name
   * @param {Way} way
   */
  open(name, way) {
    const tail = this.#recent();
    const from = this.#sent - tail.length;
    if (!way.begin(from)) return;
    this.#ways.set(name, way);
    if (tail.length) way.say(from, tail.join(''));
    this.#later();
  }

  /** That way is closed; the next one that opens says what went lately. @param {string} name */
  shut(name) {
    this.#ways.delete(name);
  }

  /** @param {string} name */
  has(name) {
    return this.#ways.has(name);
  }

  /** On hold nothing leaves; it waits here. @param {boolean} isPaused */
  pause(isPaused) {
    this.#isPaused = isPaused;
    this.#later();
  }

  #recent() {
    const since = performance.now() - TAIL.ms;
    this.#tail = this.#tail.slice(-TAIL.characters).filter(({ at }) => at >= since);
    return this.#tail.map(({ character }) => character);
  }

  #later() {
    this.emit('unsent', this.unsent);
    if (!this.#timer && this.#pending.length) this.#timer = setTimeout(() => this.#flush(), FLUSH_MS);
  }

  #flush() {
    this.#timer = 0;
    if (!this.#isPaused && this.#ways.size) {
      const piece = this.#pending.slice(0, this.#allowed());
      const gone = [...this.#ways].filter(([, way]) => !piece.length || way.say(this.#sent, piece.join('')));
      if (gone.length && piece.length) this.#note(piece);
      for (const name of this.#ways.keys()) if (!gone.some(([kept]) => kept === name)) this.shut(name);
    }
    this.#later();
  }

  #allowed() {
    const now = performance.now();
    this.#budget.left = Math.min(PER_SECOND, this.#budget.left + ((now - this.#budget.at) / 1000) * PER_SECOND);
    this.#budget.at = now;
    return Math.floor(this.#budget.left);
  }

  /** @param {string[]} piece */
  #note(piece) {
    const at = performance.now();
    this.#budget.left -= piece.length;
    this.#pending.splice(0, piece.length);
    this.#sent += piece.length;
    this.#tail.push(...piece.map((character) => ({ character, at })));
    this.#recent();
  }

  close() {
    clearTimeout(this.#timer);
    clearTimeout(this.#writing);
    this.#ways.clear();
  }
}
