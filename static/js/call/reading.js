/** Real-time text of another participant: each character once and in its place, whichever way it came. */
import { BACKSPACE, MARK, NEW_LINE } from './text.js';

const HOLE = '\ufffd';
const BELL = '\u0007';
/** What is missing may still come by the other way; after this the hole is shown. */
const PATIENCE_MS = 2000;
const MAX_EARLY = 200;

export class Reading {
  /** @type {string[]} */
  #shown = [];
  #wasReturn = false;
  /** @type {{ from: number, characters: string[] }[]} */
  #early = [];
  #timer = 0;
  /** What is held until the place of the newest mark in a channel is known. */
  #channel = { held: '', at: /** @type {number | null} */ (null), places: /** @type {number[]} */ ([]) };

  /**
   * @param {(text: string, isBell: boolean) => void} tell
   * @param {number | null} next the place of the next character; null: wherever the first piece begins
   */
  constructor(tell, next) {
    this.tell = tell;
    this.next = next;
  }

  get text() {
    return this.#shown.join('');
  }

  /** A new channel: nothing of the old one counts for it. */
  newChannel() {
    this.#channel = { held: '', at: null, places: [] };
  }

  /** The place of what follows the next mark. @param {number} from */
  place(from) {
    if (!Number.isSafeInteger(from) || from < 0) return;
    this.#channel.places.push(from);
    this.channel('');
  }

  /** Raw T.140 out of the channel. @param {string} data */
  channel(data) {
    const state = this.#channel;
    state.held += data;
    for (;;) {
      const mark = state.held.indexOf(MARK);
      const now = mark < 0 ? state.held : state.held.slice(0, mark);
      if (now && state.at !== null) {
        this.take(state.at, now);
        state.at += [...now].length;
      }
      if (now && state.at === null && mark < 0) return;
      state.held = mark < 0 ? '' : state.held.slice(mark);
      const place = mark < 0 ? undefined : state.places.shift();
      if (place === undefined) return;
      state.at = place;
      state.held = state.held.slice(MARK.length);
    }
  }

  /**
   * @param {number} from the place of its first character
   * @param {string} piece
   */
  take(from, piece) {
    this.next ??= from;
    this.#early.push({ from, characters: [...piece] });
    if (this.#early.length > MAX_EARLY) this.#early.shift();
    this.#read();
  }

  #read() {
    const isBell = this.#readOn();
    clearTimeout(this.#timer);
    if (this.#early.length) this.#timer = setTimeout(() => this.#skip(), PATIENCE_MS);
    if (isBell !== null) this.tell(this.text, isBell);
  }

  /** @returns {boolean | null} null: nothing new */
  #readOn() {
    let isBell = null;
    this.#early.sort((a, b) => a.from - b.from);
    while (this.#early.length && this.#early[0].from <= /** @type {number} */ (this.next)) {
      const { from, characters } = /** @type {{ from: number, characters: string[] }} */ (this.#early.shift());
      const fresh = characters.slice(/** @type {number} */ (this.next) - from);
      for (const character of fresh) isBell = this.#apply(character) || isBell || false;
      this.next = /** @type {number} */ (this.next) + fresh.length;
    }
    return isBell;
  }

  /** What did not come is shown as a hole. */
  #skip() {
    this.next = this.#early[0].from;
    this.#shown.push(HOLE);
    this.#read();
  }

  /** @param {string} character @returns {boolean} whether it asks for attention */
  #apply(character) {
    const isAfterReturn = this.#wasReturn && character === '\n';
    this.#wasReturn = character === '\r';
    if (character === BELL) return true;
    if (isAfterReturn) return false;
    if (character === BACKSPACE) this.#shown.pop();
    else if (character === NEW_LINE || character === '\n' || character === '\r') this.#shown.push('\n');
    else if (character >= ' ' && character !== '\u007f' && character !== MARK) this.#shown.push(character);
    return false;
  }

  close() {
    clearTimeout(this.#timer);
  }
}
