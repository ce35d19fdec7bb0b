/** Which screen stands: those of the server in the part, those of the browser as copies of templates; and the way back. */
import { find, findAll, focusOn } from '../lib/dom.js';
import { HttpError } from '../lib/http.js';

const STAYS = new Set(['waiting', 'ringing', 'goodbye', 'ended', 'on_hold', 'interrupted', 'call']);
const ASKS = new Set(['call', 'on_hold', 'interrupted']);

export class Screens {
  /** @type {Set<string>} cards that were put away on this page */
  #dismissed = new Set();
  /** @type {string | null} the paper whose card was opened by a button, while cards do not come by themselves */
  #opened = null;
  #shown = '';
  #suffix = document.title.slice(document.title.lastIndexOf(' - '));

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.slot = /** @type {HTMLElement} */ (find(root, '[data-slot="client"]'));
    const standing = this.section;
    if (standing) this.#shown = nameOf(standing);
  }

  get part() {
    return /** @type {HTMLElement} */ (find(this.root, '[data-part="screen"]'));
  }

  get view() {
    return document.documentElement.classList.contains('balie-simplified') ? 'simplified' : 'normal';
  }

  /** The section that is seen. */
  get section() {
    const holder = this.slot.hidden ? this.part : this.slot;
    return findAll(holder, '.screen').find((section) => !section.hidden) ?? null;
  }

  get current() {
    return this.section?.dataset.screen ?? '';
  }

  /** The browser's screen on top, if any. */
  get client() {
    return this.slot.hidden ? '' : (find(this.slot, '.screen')?.dataset.screen ?? '');
  }

  /** @param {string} screen @returns {HTMLTemplateElement | null} */
  #template(screen) {
    const found = this.root.querySelector(`template[data-screen="${screen}"][data-view="${this.view}"]`);
    return found instanceof HTMLTemplateElement ? found : null;
  }

  /** @param {string} screen @returns {HTMLElement | null} */
  copy(screen) {
    const template = this.#template(screen);
    const copy = template && document.importNode(template.content, true).firstElementChild;
    return copy instanceof HTMLElement ? copy : null;
  }

  /**
   * Puts a screen of the browser, or a card of the part, in view.
   * @param {string} screen
   * @returns {HTMLElement | null} the screen, or null when this page has none of that name
   */
  show(screen) {
    const card = findAll(this.part, `.screen[data-key][data-screen="${screen}"]`)[0];
    if (card) return this.#open(card);
    if (this.section?.dataset.screen === screen && !this.client) return this.section;
    const copy = this.copy(screen);
    if (!copy) return null;
    this.slot.replaceChildren(copy);
    this.slot.hidden = false;
    this.part.hidden = true;
    this.#arrived();
    return copy;
  }

  /** @param {HTMLElement} card */
  #open(card) {
    this.#opened = card.dataset.group ?? null;
    this.#dismissed.delete(card.dataset.key ?? '');
    this.back();
    return card;
  }

  /** Away with the browser's screen: what the server shows is seen again. */
  back() {
    this.slot.replaceChildren();
    this.slot.hidden = true;
    this.part.hidden = false;
    this.#choose();
    this.#arrived();
  }

  /** Puts the card that stands now away; it comes back only when it says something new. */
  dismiss() {
    const key = this.section?.dataset.key;
    if (key) this.#dismissed.add(key);
    this.#opened = null;
    this.back();
  }

  /** The first card that was not put away, else the screen itself. */
  #choose() {
    const sections = findAll(this.part, ':scope > .screen');
    const wanted = sections.find(({ dataset: { key, group, comes } }) => {
      if (key === undefined) return true;
      return (comes !== undefined || (group && group === this.#opened)) && !this.#dismissed.has(key);
    });
    for (const section of sections) section.hidden = section !== wanted;
  }

  /** How many cards wait below the first. */
  get waiting() {
    const cards = findAll(this.part, ':scope > .screen[data-comes]');
    return cards.filter(({ dataset: { key = '' } }) => !this.#dismissed.has(key)).length;
  }

  /** Title and focus follow when another screen stands, not when only a text on it changed. */
  #arrived() {
    const { section } = this;
    if (!section) return;
    const name = nameOf(section);
    document.title = `${section.dataset.title}${this.#suffix}`;
    if (name === this.#shown) return;
    this.#shown = name;
    focusOn(section.querySelector('[data-safe]') ?? find(section, 'h1'));
    this.onArrival(section);
  }

  /** Told when another screen stands. @type {(section: HTMLElement) => void} */
  onArrival = () => undefined;

  /** Takes the new part in; focus stays on what it was on, if that is still there. @param {HTMLElement} fresh */
  take(fresh) {
    const old = this.part;
    const focused = focusedIn(old);
    old.replaceWith(document.adoptNode(fresh));
    fresh.hidden = old.hidden;
    this.#choose();
    if (this.slot.hidden) this.#arrived();
    if (focused && !this.root.contains(document.activeElement)) refocus(fresh, focused);
  }

  /**
   * All of the page but the pictures: another view, another language.
   * @param {Document} page
   * @param {string} place where focus was, and is again
   */
  takeAll(page, place) {
    const from = page.documentElement;
    for (const name of ['class', 'lang', 'dir']) document.documentElement.setAttribute(name, from.getAttribute(name) ?? '');
    this.#suffix = page.title.slice(page.title.lastIndexOf(' - '));
    for (const place of ['.balie-header', '.balie-footer', '[data-part="templates"]']) {
      const fresh = page.querySelector(place);
      if (fresh) document.querySelector(place)?.replaceWith(document.adoptNode(fresh));
    }
    const again = this.client;
    const fresh = find(page, '[data-part="screen"]');
    if (fresh) this.take(fresh);
    if (again && !this.show(again)) this.back();
    if (document.activeElement && document.activeElement !== document.body) return;
    focusOn((place ? find(document, `${place} button, ${place} summary`) : null) ?? (this.section && find(this.section, 'h1')));
  }
}

/** The browser's back button: a screen back before check-in, nothing lost while waiting, a question in a call. */
export class History {
  #isGuarded = false;

  /** @param {import('./conversation.js').Conversation} conversation */
  constructor(conversation) {
    this.conversation = conversation;
    history.scrollRestoration = 'manual';
    addEventListener('popstate', ({ state }) => this.#popped(state));
    // Browsers pass over entries that were made without a tap, so the guard is set again at the first one.
    document.addEventListener('click', () => STAYS.has(conversation.step) && this.#guard(), { once: true });
  }

  /** A screen of the check was opened by a tap. @param {string} screen */
  went(screen) {
    if (this.conversation.step === 'check' && history.state?.screen !== screen) history.pushState({ screen }, '');
  }

  /** @param {string} step */
  arrived(step) {
    if (STAYS.has(step) && !this.#isGuarded) this.#guard();
  }

  #guard() {
    this.#isGuarded = true;
    if (!history.state?.guard) history.pushState({ guard: true }, '');
  }

  /** The page's own way back. */
  back() {
    if (this.conversation.step === 'check' && history.state?.screen) history.back();
    else this.conversation.screens.back();
  }

  /** @param {{ screen?: string, guard?: boolean } | null} state */
  #popped(state) {
    const { step, screens } = this.conversation;
    if (!STAYS.has(step)) {
      if (!state?.screen || !screens.show(state.screen)) screens.back();
      return;
    }
    history.pushState({ guard: true }, '');
    if (!ASKS.has(step)) return;
    if (screens.client === 'S8d') screens.back();
    else screens.show('S8d');
  }
}

/** @param {HTMLElement} section */
function nameOf({ dataset: { screen, key } }) {
  return `${screen}:${key ?? ''}`;
}

/** @param {HTMLElement} place */
function focusedIn(place) {
  const element = document.activeElement;
  if (!(element instanceof HTMLElement) || !place.contains(element)) return null;
  return { tag: element.tagName, text: element.textContent?.trim() };
}

/** @param {HTMLElement} place @param {{ tag: string, text: string | undefined }} focused */
function refocus(place, { tag, text }) {
  const same = findAll(place, tag).find((one) => one.textContent?.trim() === text && one.checkVisibility());
  (same ?? findAll(place, '.screen:not([hidden]) h1')[0])?.focus({ preventScroll: true });
}

/**
 * Posts a form and gets the screen that stands after it; a refusal carries the sentence of its page.
 * @param {string} address
 * @param {Record<string, string>} fields
 * @returns {Promise<Document>}
 */
export function postForPage(address, fields) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', address);
    request.setRequestHeader('X-Part', 'screen');
    request.responseType = 'document';
    request.timeout = 15000;
    request.onload = () => {
      const page = request.responseXML;
      if (request.status < 300 && page) return resolve(page);
      reject(new HttpError(request.status, { detail: page?.querySelector('main p')?.textContent?.trim() }));
    };
    request.onerror = request.ontimeout = () => reject(new HttpError(0));
    request.send(new URLSearchParams(fields));
  });
}
