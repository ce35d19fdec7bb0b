/** Keeps what is typed in the record form with every pause in typing, and tells when a sentence gets long. */
import { fieldsOf, find, findAll, need, say } from '../lib/dom.js';
import { postForm } from '../lib/http.js';

const PAUSE_MS = 1000;
const AGAIN_MS = 10000;

/** @param {string} text @returns {number} the words of the longest sentence */
export function longestSentence(text) {
  const sentences = text.split(/[.!?…]+(?:\s|$)|\n+/u);
  return Math.max(0, ...sentences.map((sentence) => sentence.split(/\s+/u).filter(Boolean).length));
}

class Draft {
  #timer = 0;
  #saved = '';
  #isSaving = false;
  #isOver = false;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.form = need(element, 'form[data-record]', HTMLFormElement);
    this.status = find(element, '[data-draft-status]');
    this.proof = need(element, '[data-csrf] input', HTMLInputElement);
    this.#saved = JSON.stringify(this.#fields());
    this.form.addEventListener('input', () => this.#later(PAUSE_MS));
    this.form.addEventListener('submit', () => this.#finish());
    addEventListener('pagehide', () => this.#leave());
    document.addEventListener('visibilitychange', () => document.hidden && this.#leave());
  }

  /** @returns {Record<string, string>} */
  #fields() {
    return { ...fieldsOf(this.form), csrf: this.proof.value };
  }

  /** @param {number} delay */
  #later(delay) {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#save(), delay);
  }

  async #save() {
    const fields = this.#fields();
    const content = JSON.stringify(fields);
    if (this.#isOver || content === this.#saved) return;
    if (this.#isSaving) return this.#later(PAUSE_MS);
    this.#isSaving = true;
    try {
      await postForm(this.element.dataset.address ?? '', fields);
      this.#saved = content;
      say(this.status, this.element.dataset.saved ?? '');
    } catch {
      say(this.status, this.element.dataset.failed ?? '');
      this.#later(AGAIN_MS);
    } finally {
      this.#isSaving = false;
    }
  }

  #finish() {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  /** The page goes away or to the back: what is not saved yet is sent without waiting for an answer. */
  #leave() {
    const fields = this.#fields();
    if (this.#isOver || JSON.stringify(fields) === this.#saved) return;
    navigator.sendBeacon(this.element.dataset.address ?? '', new URLSearchParams(fields));
  }
}

/** @param {HTMLElement} element @param {HTMLElement} field */
function watchSentences(element, field) {
  if (!(field instanceof HTMLTextAreaElement)) return;
  const hint = find(element, `[data-hint-of="${field.name}"]`);
  const most = Number(element.dataset.mostWords);
  const look = () => {
    const words = longestSentence(field.value);
    say(hint, words > most ? (element.dataset.hint ?? '').replace('{words}', String(words)) : '');
  };
  field.addEventListener('input', look);
  look();
}

/** @param {HTMLElement} element */
export function start(element) {
  for (const field of findAll(element, '[data-sentences]')) watchSentences(element, field);
  return new Draft(element);
}
