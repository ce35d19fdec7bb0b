/** What this page still has to say: in order, within the limits of the wire, again until it is answered. */
import { randomId } from '../lib/random.js';

/** The server refused a message; `code` is a word of the wire. */
export class Refused extends Error {
  /** @param {{ code: string, field?: string, text?: string }} answer */
  constructor({ code, field, text }) {
    super(`refused: ${code}`);
    this.code = code;
    this.field = field ?? null;
    this.text = text ?? null;
  }
}

/**
 * @typedef {{ type: string, seq?: number, message_id?: string, [field: string]: any }} Message
 * @typedef {{ message: Message, isSent: boolean, resolve: (answer: any) => void, reject: (why: Error) => void }} Waiting
 */

const MAX_WAITING = 200;
/** Relayed messages keep the number of their sender, so only these are answers to ours. */
const ANSWERS = new Set(['ok', 'refused', 'joined', 'ice']);
const NAMED = new Set(['signal', 'state', 'text', 'call.away', 'call.leave', 'ring.seen']);
/** Half of what the server allows at once, so that both kinds together stay below it. */
const BURST = 30;
const PER_SECOND = { signal: 10, rest: 5 };
const SLOW_DOWN_MS = 1000;

/** A budget that fills again with time. */
class Budget {
  /** @param {number} perSecond */
  constructor(perSecond) {
    this.perSecond = perSecond;
    this.left = BURST;
    this.at = performance.now();
  }

  refill() {
    this.left = BURST;
    this.at = performance.now();
  }

  take() {
    const now = performance.now();
    this.left = Math.min(BURST, this.left + ((now - this.at) / 1000) * this.perSecond);
    this.at = now;
    if (this.left < 1) return false;
    this.left -= 1;
    return true;
  }

  waitMs() {
    return Math.ceil(((1 - this.left) / this.perSecond) * 1000);
  }
}

export class Outbox {
  #seq = 0;
  /** @type {Waiting[]} in the order of sending */
  #waiting = [];
  #budgets = { signal: new Budget(PER_SECOND.signal), rest: new Budget(PER_SECOND.rest) };
  #timer = 0;
  #pausedUntil = 0;
  #trouble = 0;
  /** @type {((message: Message) => void) | null} */
  #write = null;

  /** How many messages have no answer yet. */
  get length() {
    return this.#waiting.length;
  }

  /** The next number of this page. */
  nextSeq() {
    this.#seq += 1;
    return this.#seq;
  }

  /**
   * Puts a message in line; the promise is its answer.
   * @param {Message} message
   * @returns {Promise<any>}
   */
  put(message) {
    if (this.#waiting.length >= MAX_WAITING) return Promise.reject(new Refused({ code: 'unavailable' }));
    if (NAMED.has(message.type)) message = { ...message, message_id: randomId() };
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, isSent: false, resolve, reject });
      this.#pump();
    });
  }

  /**
   * Takes back what has not been sent yet and is of no use any more.
   * @param {(message: Message) => boolean} isUseless
   */
  forget(isUseless) {
    this.#waiting = this.#waiting.filter(({ message, isSent, resolve }) => {
      const goes = !isSent && isUseless(message);
      if (goes) resolve(null);
      return !goes;
    });
  }

  /**
   * A socket is ready: everything without an answer goes again, unchanged and in order.
   * @param {(message: Message) => void} write
   */
  connect(write) {
    this.#write = write;
    this.#pausedUntil = 0;
    for (const waiting of this.#waiting) waiting.isSent = false;
    for (const budget of Object.values(this.#budgets)) budget.refill();
    this.#pump();
  }

  /** The socket is gone; all is kept. */
  disconnect() {
    this.#write = null;
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  /** The page will not speak again. @param {Error} why */
  end(why) {
    this.disconnect();
    for (const { reject } of this.#waiting.splice(0)) reject(why);
  }

  /** An answer with the `seq` of the message. @param {Message} answer @returns {boolean} whether it was one of ours */
  take(answer) {
    if (!ANSWERS.has(answer.type)) return false;
    const at = this.#waiting.findIndex(({ message }) => message.seq === answer.seq);
    if (at < 0) return false;
    const { resolve, reject } = this.#waiting[at];
    if (answer.type === 'refused' && (answer.code === 'too_fast' || answer.code === 'unavailable')) {
      this.#again(answer.code);
      return true;
    }
    this.#trouble = 0;
    this.#waiting.splice(at, 1);
    if (answer.type === 'refused') reject(new Refused(/** @type {any} */ (answer)));
    else resolve(answer);
    return true;
  }

  /** Waits, then says everything without an answer again. @param {string} code */
  #again(code) {
    const wait = code === 'too_fast' ? SLOW_DOWN_MS : Math.min(8000, 500 * 2 ** this.#trouble);
    this.#trouble += 1;
    this.#pausedUntil = performance.now() + wait;
    for (const waiting of this.#waiting) waiting.isSent = false;
    this.#later(wait);
  }

  #pump() {
    if (!this.#write || performance.now() < this.#pausedUntil) return;
    for (const waiting of this.#waiting) {
      if (waiting.isSent) continue;
      const budget = waiting.message.type === 'signal' ? this.#budgets.signal : this.#budgets.rest;
      if (!budget.take()) return this.#later(budget.waitMs());
      waiting.message.seq ??= this.nextSeq();
      waiting.isSent = true;
      this.#write(waiting.message);
    }
  }

  /** @param {number} ms */
  #later(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#pump(), ms);
  }
}
