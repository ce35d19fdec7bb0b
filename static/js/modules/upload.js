/** A form with one file: look at it first, send it with progress in words, stop, and try again after a refusal. */
import { find, need, say } from '../lib/dom.js';
import { HttpError } from '../lib/http.js';
import { randomId } from '../lib/random.js';

const MARKS = [25, 50, 75, 100];
const MOST_BYTES = 25 * 1024 * 1024;

/**
 * Sends a form by XMLHttpRequest, because only that tells the progress of what goes out.
 * @param {string} address
 * @param {FormData} body the file last: the server reads in order
 * @param {(sent: number, total: number) => void} progress
 * @returns {{ done: Promise<any>, stop: () => void }} `done` rejects with HttpError; status -1 means stopped
 */
export function sendForm(address, body, progress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open('POST', address);
    request.setRequestHeader('Accept', 'application/json');
    request.responseType = 'json';
    request.upload.onprogress = ({ loaded, total }) => progress(loaded, total);
    request.onload = () => {
      if (request.status < 300) resolve(request.response);
      else reject(new HttpError(request.status, request.response ?? {}));
    };
    request.onerror = () => reject(new HttpError(0));
    request.onabort = () => reject(new HttpError(-1));
    request.send(body);
  });
  return { done, stop: () => request.abort() };
}

class Upload {
  /** @type {(() => void) | null} */
  #stop = null;
  #offer = '';
  #said = 0;
  #picture = '';

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    this.input = need(form, 'input[type="file"]', HTMLInputElement);
    this.block = need(form, '[data-sending]', HTMLElement);
    this.words = need(form, 'template[data-upload-words]', HTMLTemplateElement).content;
    this.input.addEventListener('change', () => this.#look());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      event.stopPropagation();
      void this.#send();
    });
    this.#on('[data-send-now]', () => void this.#send());
    this.#on('[data-again]', () => this.#again());
    this.#on('[data-stop]', () => this.#stop?.());
  }

  /** @param {string} selector @param {() => void} act */
  #on(selector, act) {
    find(this.form, selector)?.addEventListener('click', act);
  }

  /** @param {string} word */
  #word(word) {
    return this.words.querySelector(`[data-word="${word}"]`)?.textContent ?? '';
  }

  /** @param {string[]} shown */
  #show(shown) {
    this.block.hidden = false;
    const all = ['check', 'check-actions', 'progress', 'progress-words', 'stop-action', 'trouble'];
    for (const part of all) {
      const element = find(this.block, `[data-${part}]`);
      if (element) element.hidden = !shown.includes(part);
    }
  }

  /** What was chosen, before anything leaves. */
  #look() {
    const file = this.input.files?.[0];
    if (!file) return;
    this.#offer = randomId();
    if (file.size > MOST_BYTES) return this.#trouble('too_large');
    URL.revokeObjectURL(this.#picture);
    const place = need(this.block, '[data-check]', HTMLElement);
    place.replaceChildren(this.#preview(file));
    this.#show(['check', 'check-actions']);
    find(this.block, '[data-send-now]')?.focus();
  }

  /** @param {File} file */
  #preview(file) {
    if (!file.type.startsWith('image/')) return document.createTextNode(file.name);
    const picture = document.createElement('img');
    this.#picture = URL.createObjectURL(file);
    picture.src = this.#picture;
    picture.alt = this.#word('check');
    return picture;
  }

  #again() {
    this.input.value = '';
    this.block.hidden = true;
    this.input.focus();
  }

  async #send() {
    const file = this.input.files?.[0];
    if (!file || this.#stop) return;
    this.#said = 0;
    this.#show(['progress', 'progress-words', 'stop-action']);
    const sending = sendForm(this.form.action, this.#fields(file), (sent, total) => this.#progress(sent, total));
    this.#stop = sending.stop;
    try {
      const answer = await sending.done;
      this.#again();
      this.form.dispatchEvent(new CustomEvent('balie:sent', { bubbles: true, detail: answer }));
    } catch (error) {
      this.#trouble(this.#reason(error));
    } finally {
      this.#stop = null;
    }
  }

  /** @param {File} file */
  #fields(file) {
    const body = new FormData();
    for (const [name, value] of new FormData(this.form)) {
      if (typeof value === 'string' && name !== 'offer') body.append(name, value);
    }
    body.append('offer', this.#offer);
    body.append('file', file, file.name);
    return body;
  }

  /** @param {number} sent @param {number} total */
  #progress(sent, total) {
    const share = total ? Math.floor((100 * sent) / total) : 0;
    need(this.block, '[data-progress]', HTMLProgressElement).value = share;
    const line = find(this.block, '[data-progress-words]');
    const words = this.words.querySelector('[data-word="progress"]');
    if (line && words) {
      const copy = document.importNode(words, true);
      say(copy.querySelector('[data-sent]'), megabytes(sent));
      say(copy.querySelector('[data-total]'), megabytes(total));
      say(line, copy.textContent ?? '');
    }
    const mark = MARKS.filter((one) => one <= share).pop() ?? 0;
    if (mark > this.#said) {
      this.#said = mark;
      say(find(this.block, '[data-announce]'), this.#word(`at${mark}`));
    }
  }

  /** @param {unknown} error */
  #reason(error) {
    if (!(error instanceof HttpError)) return 'other';
    if (error.status === -1) return 'stopped';
    if (error.status === 0) return 'broken';
    return String(error.problem.code ?? (error.status === 413 ? 'too_large' : 'other'));
  }

  /** The same file stays chosen, so that it can be sent again. @param {string} code */
  #trouble(code) {
    this.#show(['trouble', 'check-actions']);
    say(find(this.block, '[data-trouble]'), this.#word(code) || this.#word('other'));
  }
}

/** @param {number} bytes */
function megabytes(bytes) {
  const text = (bytes / 1024 / 1024).toFixed(bytes < 10 * 1024 * 1024 ? 1 : 0);
  return text.replace('.', document.documentElement.lang === 'en' ? '.' : ',');
}

/** @param {HTMLElement} element */
export function start(element) {
  if (element instanceof HTMLFormElement) return new Upload(element);
}
