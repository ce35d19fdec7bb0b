/** What people write to each other: one list in order of time, and the own field that leaves letter by letter. */
import { copyOf, find, need, say } from '../lib/dom.js';

const PAUSE_MS = 1500;
const PHRASE_END = /[.!?…]["')\]]?\s$|\n$/u;

/**
 * @typedef {import('../call/call.js').Call} Call
 * @typedef {import('./announce.js').Announcer} Announcer
 * @typedef {{ lines: HTMLElement[], text: string, spoken: number, timer: number }} Writer
 */

/**
 * Markup: `template[data-text-template]` in the root, with `[data-entries]` (a list), `template[data-entry]` (one
 * item with `[data-who]` and `[data-body]`) and a `textarea[data-own-text]`. The words `you` and the names come
 * from the page and from the call.
 */
export class TextField {
  /** @type {Map<string, Writer>} */
  #writers = new Map();
  /** @type {Call | null} */
  #call = null;
  /** @type {(() => void)[]} */
  #stops = [];
  #isComposing = false;

  /** @param {HTMLElement} root @param {Announcer} announcer */
  constructor(root, announcer) {
    this.announcer = announcer;
    this.element = copyOf(root, 'template[data-text-template]');
    this.list = need(this.element, '[data-entries]', HTMLElement);
    this.own = need(this.element, 'textarea[data-own-text]', HTMLTextAreaElement);
    this.own.addEventListener('compositionstart', () => (this.#isComposing = true));
    this.own.addEventListener('compositionend', () => {
      this.#isComposing = false;
      this.#typed();
    });
    this.own.addEventListener('input', () => this.#isComposing || this.#typed());
  }

  get isEmpty() {
    return !this.list.childElementCount && !this.own.value;
  }

  /** @param {Call} call */
  listenTo(call) {
    if (this.#call === call) return;
    for (const stop of this.#stops.splice(0)) stop();
    this.#call = call;
    this.#stops.push(call.on('text', (/** @type {any} */ message) => this.#heard(message)));
    if (this.own.value) call.text.update(this.own.value);
  }

  /** Moves into a place of the page and stays itself: list, field and cursor are kept. @param {HTMLElement} place */
  mount(place) {
    if (this.element.parentElement !== place) place.append(this.element);
  }

  focus() {
    this.own.focus();
  }

  /** Every line but the last is done; it goes to the list. */
  #typed() {
    const lines = this.own.value.replaceAll('\r', '').split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      this.#call?.text.update(line);
      this.#call?.text.newLine();
      if (line) this.#entry(this.announcer.word('you'), line).dataset.mine = '';
    }
    if (lines.length) {
      this.own.value = rest;
      this.#scroll(true);
    }
    this.#call?.text.update(rest);
  }

  /** @param {{ participant: string, epoch: number, text: string }} message */
  #heard({ participant, epoch, text }) {
    const key = `${participant}:${epoch}`;
    const writer = this.#writers.get(key) ?? { lines: [], text: '', spoken: 0, timer: 0 };
    this.#writers.set(key, writer);
    const isAtEnd = this.#isAtEnd();
    const name = this.#nameOf(participant);
    text.split('\n').forEach((line, index) => this.#line(writer, index, line, name));
    writer.spoken = Math.min(writer.spoken, sameLength(writer.text, text));
    writer.text = text;
    this.#announce(writer, name);
    this.#scroll(isAtEnd);
  }

  /** @param {Writer} writer @param {number} index @param {string} line @param {string} name */
  #line(writer, index, line, name) {
    const known = writer.lines[index];
    if (known) return say(find(known, '[data-body]'), line);
    if (!line) return;
    writer.lines[index] = this.#entry(name, line);
  }

  /** @param {string} name @param {string} text @returns {HTMLElement} */
  #entry(name, text) {
    const entry = copyOf(this.element, 'template[data-entry]');
    const time = new Date().toLocaleTimeString(document.documentElement.lang, { hour: '2-digit', minute: '2-digit' });
    say(find(entry, '[data-who]'), `${name}, ${time}`);
    say(find(entry, '[data-body]'), text);
    this.list.append(entry);
    return entry;
  }

  /** @param {string} participant */
  #nameOf(participant) {
    return this.#call?.others.find((other) => other.participant === participant)?.name ?? '';
  }

  /** @param {Writer} writer @param {string} name */
  #announce(writer, name) {
    clearTimeout(writer.timer);
    const tell = () => {
      const phrase = writer.text.slice(writer.spoken).trim();
      writer.spoken = writer.text.length;
      if (phrase) this.announcer.phrase(`${name}: ${phrase}`);
    };
    if (PHRASE_END.test(writer.text)) tell();
    else writer.timer = setTimeout(tell, PAUSE_MS);
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.list;
    return scrollHeight - scrollTop - clientHeight < 40;
  }

  /** Reading back is not disturbed. @param {boolean} isAtEnd */
  #scroll(isAtEnd) {
    if (isAtEnd) this.list.scrollTop = this.list.scrollHeight;
  }

  close() {
    for (const stop of this.#stops.splice(0)) stop();
    for (const { timer } of this.#writers.values()) clearTimeout(timer);
    this.#call = null;
  }
}

/** How much of the beginning two texts share. @param {string} a @param {string} b */
function sameLength(a, b) {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
