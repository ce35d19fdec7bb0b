/** Says things to people who do not see the screen: one polite region, one assertive, one for written phrases. */
import { find, say } from '../lib/dom.js';

const TOGETHER_MS = 1000;
const BETWEEN_WORSE_MS = 30000;

export class Announcer {
  #polite;
  #assertive;
  #phrases;
  /** @type {Map<string, string>} what is to be said, the newest of each kind */
  #waiting = new Map();
  #timer = 0;
  #worseAt = -BETWEEN_WORSE_MS;

  /** @param {HTMLElement} root holds [data-status], [data-alert] and [data-text-live] for its whole life */
  constructor(root) {
    this.root = root;
    this.#polite = find(root, '[data-status]');
    this.#assertive = find(root, '[data-alert]');
    this.#phrases = find(root, '[data-text-live]');
  }

  /** The text of a word of the page; empty when the page has none. @param {string} name */
  word(name) {
    for (const words of this.root.querySelectorAll('template[data-words]')) {
      if (!(words instanceof HTMLTemplateElement)) continue;
      const word = words.content.querySelector(`[data-word="${CSS.escape(name)}"]`);
      if (word) return word.textContent?.trim() ?? '';
    }
    return '';
  }

  /** Says a word of the page politely; what comes within a second is said together. @param {string} name */
  say(name) {
    this.tell(this.word(name), name.split('_')[0]);
  }

  /** @param {string} text @param {string} [kind] a newer text of the same kind takes its place */
  tell(text, kind = text) {
    if (!text) return;
    this.#waiting.delete(kind);
    this.#waiting.set(kind, text);
    this.#timer ||= setTimeout(() => this.#speak(), this.#polite?.textContent ? TOGETHER_MS : 50);
  }

  /** What went wrong: said, and seen on every screen. @param {string} text */
  notice(text) {
    this.tell(text, 'notice');
    if (this.#polite) this.#polite.dataset.notice = '';
  }

  /** A connection that got worse: at most once in 30 s. @param {string} name */
  sayWorse(name) {
    const now = performance.now();
    if (now - this.#worseAt < BETWEEN_WORSE_MS) return;
    this.#worseAt = now;
    this.say(name);
  }

  /** Takes the visible line away when it no longer holds. */
  clear() {
    this.#waiting.clear();
    say(this.#polite, '');
    delete this.#polite?.dataset.notice;
  }

  /** Only for "is er". @param {string} name */
  alert(name) {
    say(this.#assertive, '');
    setTimeout(() => say(this.#assertive, this.word(name)), 50);
  }

  /** A finished phrase of the written conversation. @param {string} text */
  phrase(text) {
    say(this.#phrases, '');
    setTimeout(() => say(this.#phrases, text), 30);
  }

  #speak() {
    this.#timer = 0;
    const text = [...this.#waiting.values()].join(' ');
    if (!this.#waiting.has('notice')) delete this.#polite?.dataset.notice;
    this.#waiting.clear();
    say(this.#polite, '');
    say(this.#polite, text);
  }
}
