/** The counter page: the call, and the parts of the page that are read again when something changes. */
import { Devices } from '../call/devices.js';
import { find, findAll, need } from '../lib/dom.js';
import { readPage } from '../lib/http.js';
import { Connection } from '../live/connection.js';
import { startModules } from '../module.js';
import { Announcer } from './announce.js';
import { CallScreen } from './call_screen.js';
import { TextField } from './text_field.js';

const PARTS = ['state', 'person', 'earlier', 'documents', 'finish'];
const TOGETHER_MS = 150;
const EVERY_MS = 30000;
const LEAVING_MS = 10000;
const TALKING = new Set(['admitted', 'in_conversation', 'on_hold', 'interrupted']);

/** @param {HTMLElement} root */
export async function start(root) {
  const page = new CounterPage(root);
  await page.open();
  return page;
}

class CounterPage {
  #timer = 0;
  #isReading = false;
  #isAgain = false;
  #leftAt = -LEAVING_MS;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.announcer = new Announcer(root);
    this.devices = new Devices();
    if (!root.dataset.ticket) return;
    this.connection = new Connection({
      topics: JSON.parse(root.dataset.topics ?? '[]').map((/** @type {string[]} */ [topic, after]) => ({ topic, after })),
      who: 'staff',
      ticket: root.dataset.ticket,
      csrf: csrf(root, 'live.staff_ticket'),
      ticketUrl: '/medewerker/live/kaartje',
    });
    this.screen = new CallScreen({
      root,
      connection: this.connection,
      devices: this.devices,
      announcer: this.announcer,
      participant: 'staff',
      gone: { address: '/medewerker/gesprek/weg', csrf: csrf(root, 'calls.staff_page_gone') },
    });
    this.text = new TextField(root, this.announcer);
  }

  async open() {
    if (!this.connection || !this.screen || !this.text) return;
    this.root.addEventListener('submit', (event) => this.#submit(event));
    this.root.addEventListener('click', (event) => this.#press(event));
    for (const type of ['visit_changed', 'document_changed', 'verification_changed']) {
      this.connection.on(type, () => this.#soon());
    }
    this.connection.on('gap', () => this.#soon());
    this.connection.on('call.second_device', () => {
      this.announcer.say('second_device');
      this.#soon();
    });
    this.connection.on('closed', ({ code }) => code === 4409 && this.announcer.say('moved'));
    addEventListener('beforeunload', () => (this.#leftAt = performance.now()));
    this.connection.open();
    setInterval(() => this.#soon(), EVERY_MS);
    this.#hearCall();
    this.text.mount(need(this.root, '[data-slot="text"]', HTMLElement));
    await this.#follow();
  }

  /** On the way to another page, to which the answer of a form leads: a reload would lead back. */
  get #isLeaving() {
    return performance.now() - this.#leftAt < LEAVING_MS;
  }

  #hearCall() {
    const { screen } = this;
    if (!screen) return;
    screen.on('joined', () => screen.call && this.text?.listenTo(screen.call));
    screen.on('hold', ({ on }) => this.root.toggleAttribute('data-held', Boolean(on)));
    screen.on('blocked', () => addEventListener('click', () => screen.unlock(), { once: true }));
    for (const name of ['lost', 'back', 'ended', 'refused']) screen.on(name, () => this.#soon());
    screen.on('moved', () => this.announcer.say('moved'));
  }

  /** Takes part in the call that stands on the page now, or lets go of one that has ended. */
  async #follow() {
    const state = find(this.root, '[data-part="state"]');
    const topic = state?.dataset.call ?? '';
    const isTalking = Boolean(topic) && TALKING.has(state?.dataset.state ?? '');
    this.root.dataset.state = state?.dataset.state ?? '';
    for (const slot of findAll(this.root, '[data-slot]')) slot.hidden = !isTalking;
    const stage = find(this.root, '[data-stage]');
    if (stage) stage.hidden = !isTalking;
    if (!isTalking) {
      this.screen?.close();
      this.devices.close();
      return;
    }
    if (this.screen?.call?.topic === topic && this.screen.isJoined) return;
    if (!this.devices.microphone && !this.devices.camera) await this.#openDevices();
    this.screen?.open(topic);
    await this.screen?.prepare();
    void this.screen?.join();
  }

  async #openDevices() {
    const { audio, video } = await this.devices.open({ audio: true, video: true });
    if (audio !== 'ok' || video !== 'ok') this.announcer.say('no_camera');
  }

  /** @param {MouseEvent} event */
  #press(event) {
    const button = event.target instanceof Element ? event.target.closest('button[data-act]') : null;
    if (button instanceof HTMLElement && button.dataset.act) void this.screen?.press(button.dataset.act);
  }

  /**
   * Forms of the parts are sent beside the page, so that the call goes on; those that lead away are left alone.
   * @param {SubmitEvent} event
   */
  #submit(event) {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || event.defaultPrevented) return;
    if (!form.closest('[data-part]') || 'leaves' in form.dataset || form.enctype === 'multipart/form-data') return;
    event.preventDefault();
    const body = new FormData(form);
    const button = event.submitter;
    if (button instanceof HTMLButtonElement && button.name) body.set(button.name, button.value);
    if (form.dataset.answers) void this.#ask(form.action, body, form.dataset.answers);
    else void this.#post(form.action, body);
  }

  /** The answer holds a part that is shown until the page is read again. @param {string} address @param {FormData} body @param {string} part */
  async #ask(address, body, part) {
    try {
      renew(await postForPage(address, fieldsOf(body)), part);
    } catch {
      this.announcer.say('failed');
    }
  }

  /** @param {string} address @param {FormData} body */
  async #post(address, body) {
    try {
      const answer = await fetch(address, { method: 'POST', body: fieldsOf(body), redirect: 'manual' });
      if (!answer.ok && answer.type !== 'opaqueredirect') this.announcer.say('failed');
    } catch {
      this.announcer.say('failed');
    }
    await this.#read();
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#read(), TOGETHER_MS);
  }

  async #read() {
    if (this.#isReading) {
      this.#isAgain = true;
      return;
    }
    this.#isReading = true;
    try {
      const page = await readPage(this.root.dataset.address ?? '');
      if (!page.querySelector('[data-module="counter"]')) return this.#isLeaving || location.reload();
      for (const part of PARTS) renew(page, part);
      await this.#follow();
    } catch {
      this.announcer.say('server_away');
    } finally {
      this.#isReading = false;
      if (this.#isAgain) {
        this.#isAgain = false;
        this.#soon();
      }
    }
  }
}

/** @param {FormData} body */
function fieldsOf(body) {
  const fields = new URLSearchParams();
  for (const [name, value] of body) if (typeof value === 'string') fields.append(name, value);
  return fields;
}

/** @param {string} address @param {URLSearchParams} fields @returns {Promise<Document>} */
function postForPage(address, fields) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', address);
    request.responseType = 'document';
    request.timeout = 10000;
    request.onload = () => (request.responseXML ? resolve(request.responseXML) : reject(new Error('no page')));
    request.onerror = request.ontimeout = () => reject(new Error('not reached'));
    request.send(fields);
  });
}

/** @param {HTMLElement} root @param {string} name */
function csrf(root, name) {
  return need(root, `[data-csrf="${name}"] input`, HTMLInputElement).value;
}

/**
 * Puts a part that says something new in the place of the old one; what was open and where the cursor stood stays.
 * @param {Document} page
 * @param {string} name
 */
function renew(page, name) {
  const selector = `[data-part="${name}"]`;
  const fresh = page.querySelector(selector);
  const old = document.querySelector(selector);
  if (!(fresh instanceof HTMLElement) || !(old instanceof HTMLElement) || essence(fresh) === essence(old)) return;
  const open = new Set(findAll(old, 'details[open]').map((details) => mark(details)));
  const active = document.activeElement;
  const focus = active instanceof HTMLElement && old.contains(active) ? active : null;
  if (focus instanceof HTMLInputElement && ['text', 'file'].includes(focus.type) && focus.value) return;
  old.replaceWith(document.adoptNode(fresh));
  for (const details of findAll(fresh, 'details')) details.toggleAttribute('open', open.has(mark(details)));
  if (focus) findAll(fresh, 'a, button, summary, input, select').find((one) => mark(one) === mark(focus))?.focus();
  void startModules(fresh);
}

/** What of a part is not made anew with each reading. @param {HTMLElement} part */
function essence(part) {
  const copy = /** @type {HTMLElement} */ (part.cloneNode(true));
  for (const input of copy.querySelectorAll('input[name="csrf"], input[name="offer"]')) input.removeAttribute('value');
  for (const details of copy.querySelectorAll('details')) details.removeAttribute('open');
  for (const started of copy.querySelectorAll('[data-started]')) started.removeAttribute('data-started');
  return copy.outerHTML;
}

/** @param {HTMLElement} element */
function mark(element) {
  return element.dataset.keep ?? `${element.closest('form')?.getAttribute('action') ?? ''} ${element.textContent?.trim() ?? ''}`;
}
