/** The one document of the citizen, from the check to goodbye: what a tap does and what follows what. */
import { Devices } from '../call/devices.js';
import { fieldsOf, find, findAll } from '../lib/dom.js';
import { HttpError, postForm, readPage } from '../lib/http.js';
import { Connection } from '../live/connection.js';
import { startModules } from '../module.js';
import { Announcer } from './announce.js';
import { DeviceCheck, deviceWords } from './device_check.js';
import { History, postForPage, Screens } from './screens.js';
import { WaitingRoom } from './waiting_room.js';

const SOON_MS = 120;
const AGAIN_MS = [1000, 2000, 5000, 10000];
const PLACE_EVERY_MS = 60000;
const ANEW = 'opnieuw';
const IN_CALL = new Set(['call', 'on_hold', 'interrupted']);
const WAITS = new Set(['waiting', 'ringing']);

/** @param {HTMLElement} root */
export function start(root) {
  const conversation = new Conversation(root);
  conversation.begin();
  return conversation;
}

export class Conversation {
  devices = new Devices();
  step = '';
  /** @type {import('./talk.js').Talk | null} */
  talk = null;
  #reading = 0;
  #attempt = 0;
  #isReading = false;
  #again = false;
  #isAnswered = true;
  /** @type {Promise<import('./talk.js').Talk> | null} */
  #loading = null;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.announcer = new Announcer(root);
    this.screens = new Screens(root);
    this.connection = new Connection({ topics: [], who: 'citizen', ticket: root.dataset.ticket || null, csrf: this.csrf('live.ticket') });
    const { devices, connection, announcer, screens } = this;
    this.waiting = new WaitingRoom(root, connection, announcer);
    this.check = new DeviceCheck({ devices, connection, announcer, screens, csrf: (form) => this.csrf(form) });
    this.history = new History(this);
    screens.onArrival = (section) => this.#arrived(section);
  }

  /** @param {string} form @returns {string} */
  csrf(form) {
    const holder = find(document, `[data-csrf="${form}"] input`);
    return holder instanceof HTMLInputElement ? holder.value : '';
  }

  get part() {
    return this.screens.part.dataset;
  }

  begin() {
    document.addEventListener('click', (event) => this.#clicked(event));
    document.addEventListener('submit', (event) => this.#submitted(event));
    this.connection.on('message', (message) => this.#heard(message));
    this.connection.on('gap', () => this.reread());
    this.connection.on('open', ({ isFirst }) => isFirst || this.reread());
    this.connection.on('wake', () => this.reread());
    this.connection.on('closed', ({ code }) => this.#closed(code));
    setInterval(() => WAITS.has(this.step) && this.reread(), PLACE_EVERY_MS);
    addEventListener('pagehide', () => this.check.stop());
    this.#taken();
    if (this.root.dataset.ticket || this.csrf('live.ticket')) this.connection.open();
    if (this.step === 'check' && !DeviceCheck.isPossible) this.screens.show('E4');
  }

  /** @param {any} message */
  #heard({ type, topic }) {
    if (topic?.startsWith('visit:') || type.startsWith('call.')) this.reread();
  }

  /** @param {number} code */
  #closed(code) {
    if (code === 4409) this.elsewhere('E11');
    else if (code === 4401 || code === 4410) this.reread();
  }

  /** Another page has the seat. @param {string} screen */
  elsewhere(screen) {
    this.waiting.quiet();
    this.devices.close();
    this.setStep('moved');
    this.screens.show(screen);
  }

  /** Reads the screen again, soon and once. */
  reread() {
    if (this.step === 'moved') return;
    clearTimeout(this.#reading);
    this.#reading = setTimeout(() => void this.#read(), SOON_MS);
  }

  async #read() {
    if (this.#isReading) {
      this.#again = true;
      return;
    }
    this.#isReading = true;
    try {
      this.take(await readPage(this.root.dataset.screenPart ?? ''));
      this.#attempt = 0;
    } catch (error) {
      this.#failed(error);
    }
    this.#isReading = false;
    if (this.#again) {
      this.#again = false;
      this.reread();
    }
  }

  /** @param {unknown} error */
  #failed(error) {
    const status = error instanceof HttpError ? error.status : 0;
    if ((status === 401 || status === 403) && !IN_CALL.has(this.step)) return location.reload();
    if (!(error instanceof HttpError)) reportError(error);
    if (status === 0) this.announcer.sayWorse('offline');
    this.#reading = setTimeout(() => void this.#read(), AGAIN_MS[Math.min(this.#attempt++, AGAIN_MS.length - 1)]);
  }

  /** Now rather than soon; for after a tap. */
  async rereadNow() {
    clearTimeout(this.#reading);
    this.#again = this.#isReading;
    await this.#read();
  }

  /** A document with the part in it. @param {Document} page */
  take(page) {
    const fresh = find(page, '[data-part="screen"]');
    if (!fresh) throw new HttpError(500);
    const next = fresh.dataset.step ?? '';
    // The ring ended unanswered: "Anna is er" stays, a late "Ja, begin" still says that somebody is there.
    if (this.step === 'ringing' && next === 'waiting' && !this.#isAnswered) return this.waiting.quiet();
    const isOther = fresh.dataset.staff !== find(this.root, '[data-part="templates"]')?.dataset.staff;
    this.screens.take(fresh);
    this.#taken();
    if (isOther) void this.#rereadTemplates();
  }

  async #rereadTemplates() {
    const page = await readPage((this.root.dataset.screenPart ?? '').replace('scherm', 'sjablonen')).catch(() => null);
    const fresh = page && find(page, '[data-part="templates"]');
    if (fresh) find(this.root, '[data-part="templates"]')?.replaceWith(document.adoptNode(fresh));
    this.talk?.dress();
  }

  /** The part is new: the step may be another. */
  #taken() {
    withScripts(this.screens.part);
    for (const [topic, after] of /** @type {[string, string | null][]} */ (JSON.parse(this.part.topics || '[]'))) {
      this.connection.listen(topic, after);
    }
    this.setStep(this.part.step ?? '');
    this.#showBrowser();
    this.waiting.showSound();
    void startModules(this.screens.part);
  }

  /** @param {string} step */
  setStep(step) {
    const before = this.step;
    this.step = step;
    this.root.dataset.step = step;
    if (step !== before && before) this.announcer.clear();
    if (step !== before && before && step !== 'moved') this.screens.back();
    if (step !== before) this.history.arrived(step);
    this.waiting.stayAwake(WAITS.has(step) || IN_CALL.has(step));
    if (step === 'ringing') void this.#rings(before);
    else this.waiting.quiet();
    if (step === 'waiting' && before !== 'waiting') void this.#loadTalk();
    if (IN_CALL.has(step) || (step === 'ringing' && this.part.call)) void this.#talks();
    else if (!WAITS.has(step) && step !== 'check') this.talk?.over(step);
    if (step === 'goodbye' || step === 'ended') this.devices.close();
  }

  /** @param {string} before */
  async #rings(before) {
    if (before !== 'ringing') this.#isAnswered = false;
    await this.waiting.rings(this.part.visit ?? '');
  }

  /** What only the call needs comes when the waiting room stands. @returns {Promise<import('./talk.js').Talk>} */
  #loadTalk() {
    this.#loading ??= this.#fetchTalk();
    return this.#loading;
  }

  /** Again and again while the server is away; where a browser keeps the failure, or the file is of before, by a new page. */
  async #fetchTalk() {
    for (let attempt = 0; !this.talk; attempt += 1) {
      try {
        this.talk = new (await import('./talk.js')).Talk(this);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS[Math.min(attempt, AGAIN_MS.length - 1)]));
        if (attempt > 1 && this.connection.isOpen && !sessionStorage.getItem(ANEW)) {
          sessionStorage.setItem(ANEW, 'yes');
          location.reload();
        }
      }
    }
    sessionStorage.removeItem(ANEW);
    return this.talk;
  }

  async #talks() {
    const talk = await this.#loadTalk();
    await talk.follow(this.step, this.part.call ?? '', 'begun' in this.part);
  }

  /** @param {HTMLElement} section */
  #arrived(section) {
    withScripts(section);
    this.check.showOwn();
    this.check.showFindings();
    this.#showBrowser();
    this.waiting.showSound();
    this.talk?.dress();
  }

  #showBrowser() {
    const isChrome = deviceWords().browser === 'Chrome';
    for (const line of findAll(this.root, '[data-browser]')) line.hidden = (line.dataset.browser === 'chrome') !== isChrome;
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const button = event.target instanceof Element ? event.target.closest('[data-act], [data-leaves]') : null;
    if (!(button instanceof HTMLElement) || !this.root.contains(button) || event.defaultPrevented) return;
    if (button.dataset.leaves) return void this.talk?.call?.away(button.dataset.leaves);
    event.preventDefault();
    void this.act(button.dataset.act ?? '', button);
  }

  /**
   * What a button does.
   * @param {string} act
   * @param {HTMLElement} button
   */
  async act(act, button) {
    const { screens, check, history } = this;
    if (act === 'go') return this.go(button.dataset.go ?? '');
    if (act === 'back') return history.back();
    if (act === 'dismiss') return screens.dismiss();
    if (act === 'devices') return this.#opened(await check.open(true), true);
    if (act === 'sound_only') return this.#opened(await check.open(false), false);
    if (act === 'camera_on') return this.#cameraOpened(await check.openCamera());
    if (act === 'without_picture') return IN_CALL.has(this.step) ? screens.back() : this.go(screens.view === 'simplified' ? 'S5b' : 'S5a');
    if (act === 'no_picture_help') return this.go('E1');
    if (act === 'tone') return check.playTone();
    if (act === 'heard' || act === 'not_heard') return this.#toneHeard(act === 'heard', button);
    if (act === 'sound_on') return this.waiting.soundOn();
    if (act === 'test_done') return this.#testDone();
    if (act === 'again') return this.rereadNow();
    if (act === 'switch_view') return find(document, 'form[data-view-switch] button')?.click();
    const talk = await this.#loadTalk();
    await talk.act(act, button);
  }

  /** @param {string} screen */
  go(screen) {
    if (screen === 'S4' && this.screens.view === 'normal') return this.screens.back();
    if (this.screens.show(screen)) this.history.went(screen);
    else if (screen === 'S2') this.screens.back();
  }

  /** @param {{ audio: string, video: string }} outcomes @param {boolean} wantedPicture */
  #opened({ video }, wantedPicture) {
    if (wantedPicture && video !== 'ok') return this.go('E1');
    this.go(wantedPicture || this.screens.view === 'normal' ? 'S5a' : 'S5b');
  }

  /** @param {string} outcome */
  #cameraOpened(outcome) {
    if (outcome !== 'ok') return this.check.showSteps();
    if (IN_CALL.has(this.step)) this.screens.back();
    else this.go('S5a');
  }

  /** @param {boolean} isHeard @param {HTMLElement} button */
  #toneHeard(isHeard, button) {
    this.check.heard(isHeard);
    if (button.dataset.go) this.go(button.dataset.go);
  }

  #testDone() {
    this.devices.close();
    this.go('S5e');
  }

  /** @param {SubmitEvent} event */
  #submitted(event) {
    const { target: form, submitter } = event;
    if (!(form instanceof HTMLFormElement) || event.defaultPrevented) return;
    const isSwitch = 'viewSwitch' in form.dataset || form.matches('.balie-language__list');
    if ('send' in form.dataset || (!isSwitch && !this.root.contains(form))) return;
    event.preventDefault();
    if (form.dataset.busy !== undefined) return;
    form.dataset.busy = '';
    const fields = fieldsOf(form);
    if (submitter instanceof HTMLButtonElement && submitter.name) fields[submitter.name] = submitter.value;
    const sent = isSwitch ? this.#switched(form, fields) : this.#post(form, fields);
    void sent.catch((error) => this.#refused(error)).finally(() => delete form.dataset.busy);
  }

  /** Another view or language: all but pictures and connection anew. @param {HTMLFormElement} form @param {Record<string, string>} fields */
  async #switched(form, fields) {
    const place = form.matches('[data-view-switch]') ? '.balie-view' : '.balie-language';
    const isFar = !form.checkVisibility();
    await postForm(form.action, fields);
    this.screens.takeAll(await readPage(this.root.dataset.page ?? ''), isFar ? '' : place);
    this.#taken();
    this.talk?.dress(true);
  }

  /** @param {HTMLFormElement} form @param {Record<string, string>} fields */
  async #post(form, fields) {
    const { dataset } = form;
    const isFirstScreen = 'go' in dataset && this.step === 'check';
    if (isFirstScreen) return this.go(dataset.go ?? '');
    if ('afterCheck' in dataset && this.check.isWeak && this.screens.show('S5d')) return;
    this.#isAnswered = true;
    this.waiting.quiet();
    if ('begin' in dataset) await (await this.#loadTalk()).beforeBegin();
    if ('checkIn' in dataset) void this.waiting.soundOn();
    if ('signIn' in dataset) fields.page_id = this.connection.pageId;
    if ('signIn' in dataset) return (await this.#loadTalk()).signIn(form, await postForm(form.action, fields));
    const page = await postForPage(form.action, fields);
    if (form.action.endsWith('/nog-niet')) this.waiting.notYet(this.part.visit ?? '');
    if ('leave' in dataset) this.talk?.leave();
    if (dataset.then) this.go(dataset.then);
    if (find(page, '[data-part="screen"]')) this.take(page);
    else await this.rereadNow();
  }

  /** The server said no, or did not answer: say so, and show how things stand. @param {unknown} error */
  #refused(error) {
    const text = error instanceof HttpError ? (error.problem.detail ?? '') : '';
    this.announcer.notice(text || this.announcer.word(error instanceof HttpError && !error.status ? 'offline' : 'refused'));
    if (!(error instanceof HttpError)) reportError(error);
    this.reread();
  }
}

/** Buttons that only scripts can serve, in the place of what serves without. @param {HTMLElement} place */
function withScripts(place) {
  for (const element of findAll(place, '[data-scripts]')) element.hidden = false;
  for (const element of findAll(place, '[data-without-scripts]')) element.hidden = true;
}
