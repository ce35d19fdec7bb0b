/** Sends a photo or file that was asked for: choose, look at it, send with progress, stop. */
import { find, findAll } from '../lib/dom.js';
import { HttpError } from '../lib/http.js';
import { randomId } from '../lib/random.js';

/** @typedef {import('./screens.js').Screens} Screens */

export class Papers {
  /** @type {HTMLFormElement | null} */
  #form = null;
  /** @type {File | null} */
  #file = null;
  /** @type {XMLHttpRequest | null} */
  #sending = null;
  #offer = '';
  #preview = '';

  /**
   * @param {Screens} screens
   * @param {{ away: () => void, isBack: () => void, sent: () => void, refused: () => void }} tell
   */
  constructor(screens, tell) {
    this.screens = screens;
    this.tell = tell;
    screens.root.addEventListener('change', ({ target }) => {
      if (target instanceof HTMLInputElement && target.type === 'file') this.#chosen(target);
    });
    screens.root.addEventListener('cancel', ({ target }) => {
      if (target instanceof HTMLInputElement && target.type === 'file') this.tell.isBack();
    });
  }

  /** Opens the phone's camera or its list of files. @param {HTMLElement} button @param {'camera' | 'any'} kind */
  choose(button, kind) {
    const form = button.closest('form[data-send]') ?? this.#form;
    if (!(form instanceof HTMLFormElement)) return;
    this.#form = form;
    const input = form.querySelector(`input[data-file="${kind}"]`);
    if (!(input instanceof HTMLInputElement)) return;
    this.tell.away();
    input.value = '';
    // The part may be read again while the chooser is open: the input is then out of the page, its answer is not.
    input.addEventListener('change', () => input.isConnected || this.#chosen(input), { once: true });
    input.addEventListener('cancel', () => input.isConnected || this.tell.isBack(), { once: true });
    input.click();
  }

  /** @param {HTMLInputElement} input */
  #chosen(input) {
    this.tell.isBack();
    const file = input.files?.[0];
    if (!file || !(input.form instanceof HTMLFormElement)) return;
    this.#form = input.form;
    this.#file = file;
    this.#offer = randomId();
    const screen = this.screens.show('D2');
    const place = screen && find(screen, '[data-slot="photo"]');
    if (place) place.replaceChildren(this.#picture(file, screen?.dataset.title ?? ''));
  }

  /** @param {File} file @param {string} words */
  #picture(file, words) {
    URL.revokeObjectURL(this.#preview);
    if (!file.type.startsWith('image/')) return document.createTextNode(file.name);
    const picture = document.createElement('img');
    this.#preview = URL.createObjectURL(file);
    picture.src = this.#preview;
    picture.alt = words;
    picture.className = 'shown-picture';
    return picture;
  }

  /** "Nee, nog een keer": back to the question. */
  again() {
    this.#file = null;
    this.screens.back();
  }

  async send() {
    const form = this.#form;
    if (!form || !this.#file) return this.screens.back();
    const screen = this.screens.show('D3');
    const body = this.#fields(form, this.#file);
    try {
      await this.#post(form.action, body, (share) => {
        for (const bar of screen ? findAll(screen, 'progress') : []) bar.setAttribute('value', String(share));
      });
      this.#file = null;
      this.screens.back();
      this.tell.sent();
    } catch (error) {
      if (!(error instanceof HttpError) || error.status !== -1) this.#refused();
    }
  }

  /** The order matters to the server: proof and question first, the file last. @param {HTMLFormElement} form @param {File} file */
  #fields(form, file) {
    const given = new FormData(form);
    const body = new FormData();
    for (const name of ['csrf', 'request']) body.append(name, given.get(name) ?? '');
    body.append('offer', this.#offer);
    body.append('file', file, file.name);
    return body;
  }

  #refused() {
    this.screens.show('D5');
    this.tell.refused();
  }

  /** "Stuur toch niet" */
  stop() {
    this.#sending?.abort();
    this.#file = null;
    this.screens.back();
  }

  /**
   * @param {string} address
   * @param {FormData} body
   * @param {(share: number) => void} progress
   * @returns {Promise<void>}
   */
  #post(address, body, progress) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.#sending = request;
      request.open('POST', address);
      request.setRequestHeader('Accept', 'application/json');
      request.upload.onprogress = ({ loaded, total }) => total && progress(Math.round((100 * loaded) / total));
      request.onload = () => (request.status < 300 ? resolve() : reject(new HttpError(request.status)));
      request.onerror = () => reject(new HttpError(0));
      request.onabort = () => reject(new HttpError(-1));
      request.send(body);
    });
  }
}
