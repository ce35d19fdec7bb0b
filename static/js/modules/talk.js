/** The call in the citizen's document: pictures, bar, written text, papers, the way to DigiD and back. */
import { find, findAll, say } from '../lib/dom.js';
import { CallScreen } from './call_screen.js';
import { deviceWords } from './device_check.js';
import { Papers } from './papers.js';
import { TextField } from './text_field.js';

const SENDS = 'stuurt';

export class Talk {
  /** @type {TextField | null} */
  #text = null;
  #isWriting = false;
  #bar = '';

  /** @param {import('./conversation.js').Conversation} conversation */
  constructor(conversation) {
    this.conversation = conversation;
    const { root, connection, devices, announcer, screens } = conversation;
    this.root = root;
    this.devices = devices;
    this.announcer = announcer;
    this.screens = screens;
    const gone = { address: '/gesprek/weg', csrf: conversation.csrf('calls.page_gone') };
    const device = deviceWords();
    this.screen = new CallScreen({ root, connection, devices, announcer, participant: 'citizen', gone, device });
    this.papers = new Papers(screens, {
      away: () => void this.call?.away('choosing_file'),
      isBack: () => void this.#fromFiles(),
      sent: () => void this.#sent(),
      refused: () => announcer.notice(announcer.word('refused')),
    });
    this.#hear();
  }

  get call() {
    return this.screen.call;
  }

  #hear() {
    const { screen, screens, conversation } = this;
    screen.on('lost', () => conversation.step === 'call' && screens.show('E6'));
    screen.on('back', () => screens.client === 'E6' && screens.back());
    screen.on('joined', () => this.announcer.say(this.call?.begun ? 'begun' : 'connecting'));
    screen.on('picture', ({ isFlowing }) => this.#banner(isFlowing ? '' : 'E5'));
    screen.on('blocked', () => screens.show('E10'));
    screen.on('hold', ({ on }) => {
      this.announcer.say(on ? 'hold' : 'held_on');
      conversation.reread();
    });
    screen.on('text', () => this.#isWriting || this.#openText(false));
    screen.on('moved', () => conversation.elsewhere('E11'));
    screen.on('ended', () => {
      this.announcer.say('ended');
      conversation.reread();
    });
    screen.on('refused', ({ code }) => this.#refused(code));
    this.devices.on('change', () => this.#remember());
  }

  /** @param {string} code */
  #refused(code) {
    if (code === 'seat_taken') {
      this.screens.show('E11b');
      setTimeout(() => void this.screen.join(), 5000);
    } else this.conversation.reread();
  }

  /**
   * As the visit stands: prepared while it rings, joined from the yes on.
   * @param {string} step
   * @param {string} topic
   * @param {boolean} hasBegun
   */
  async follow(step, topic, hasBegun) {
    if (step !== 'ringing' || hasBegun) this.#show(step);
    if (!topic) return;
    this.screen.open(topic);
    if (this.call) this.#written().listenTo(this.call);
    if (step === 'ringing' && !hasBegun) return void this.screen.prepare();
    if (this.screens.client === 'E11b') this.screens.back();
    if (!this.screen.isJoined) await this.#join(step);
  }

  /** @param {string} step */
  async #join(step) {
    if (step === 'call' || step === 'interrupted') await this.#devicesBack();
    await this.screen.join();
  }

  /** After a load of the page, or a goodbye that was none: what was on comes on again where the browser need not ask; else a button asks. */
  async #devicesBack() {
    const { devices } = this;
    if (devices.microphone || devices.camera || !['not_asked', 'ok'].includes(devices.outcomes.audio)) return;
    const { audio, video, isMuted } = remembered();
    if (!audio && !video) return;
    if (await isAllowed(audio, video)) await this.#open(audio, video, isMuted);
    else if (!this.screens.section?.dataset.key) this.screens.show('E10');
  }

  #remember() {
    const { audio, video } = this.devices;
    if (!['call', 'ringing', 'waiting', 'check'].includes(this.conversation.step) || audio === 'lost' || video === 'lost') return;
    if (audio === 'none' && video === 'none') return;
    const sends = [audio === 'none' ? '' : 'audio', audio === 'off' ? 'muted' : '', video === 'on' ? 'video' : ''];
    sessionStorage.setItem(SENDS, sends.join(' '));
  }

  /** Who was muted comes back muted. @param {boolean} audio @param {boolean} video @param {boolean} isMuted */
  async #open(audio, video, isMuted) {
    await this.devices.open({ audio, video });
    if (isMuted) this.devices.mute(true);
  }

  /**
   * In the tap on "Ja, begin" and "Toch verder praten": sound may play, devices that nobody asked for are asked for now,
   * and what was on before hanging up comes on again.
   */
  async beforeBegin() {
    const { devices } = this;
    this.screen.unlock();
    void this.conversation.waiting.ring.unlock();
    const sent = remembered();
    const { outcomes } = devices;
    const isNew = outcomes.audio === 'not_asked';
    const audio = !devices.microphone && (isNew || (sent.audio && outcomes.audio === 'ok'));
    const video = !devices.camera && sent.video && (isNew || outcomes.video === 'ok');
    if (audio || video) await this.#open(audio, video, sent.isMuted);
  }

  /** @param {string} step */
  #show(step) {
    const stage = find(this.root, '[data-stage]');
    if (stage) stage.hidden = step !== 'call';
    say(find(this.root, '[data-connecting]'), this.announcer.word('connecting'));
    this.dress();
    const bar = find(this.root, '[data-slot="bar"]');
    if (bar) bar.hidden = step !== 'call';
    if ('writes' in this.conversation.part) this.#openText(false);
    const place = this.screens.section && find(this.screens.section, '[data-slot="text"]');
    if (place) this.#written().mount(place);
  }

  /** Bar and text in the words of this view. @param {boolean} [isOther] the view or language changed */
  dress(isOther = false) {
    const { view } = this.screens;
    const bar = find(this.root, '[data-slot="bar"]');
    if (bar && (isOther || this.#bar !== view || !bar.childElementCount)) {
      this.#bar = view;
      const template = this.root.querySelector(`template[data-bar][data-view="${view}"]`);
      if (template instanceof HTMLTemplateElement) bar.replaceChildren(document.importNode(template.content, true));
      if (this.#isWriting) this.#openText(false);
    }
    this.screen.showSending();
    const hasPaper = findAll(this.screens.part, '.screen[data-group][data-screen="D1"]').length > 0;
    for (const button of findAll(this.root, '[data-can-send]')) button.hidden = !hasPaper;
    const count = this.screens.waiting;
    for (const place of findAll(this.root, '[data-more-count]')) say(place, count > 1 ? String(count - 1) : '');
  }

  #written() {
    this.#text ??= new TextField(this.root, this.announcer);
    return this.#text;
  }

  /** @param {boolean} takesFocus */
  #openText(takesFocus) {
    const panel = find(this.root, '[data-slot="text-panel"]');
    const section = this.screens.copy('S8c');
    const place = section && find(section, '[data-slot="text"]');
    if (!panel || !section || !place) return;
    this.#isWriting = true;
    this.#written().mount(place);
    section.querySelector('h1')?.replaceWith(headingBelow(section));
    panel.replaceChildren(section);
    panel.hidden = false;
    if (this.call) this.#written().listenTo(this.call);
    if (takesFocus) this.#written().focus();
  }

  #closeText() {
    const panel = find(this.root, '[data-slot="text-panel"]');
    if (panel) panel.hidden = true;
    this.#isWriting = false;
    find(this.root, '[data-slot="bar"] button')?.focus();
  }

  /** @param {string} screen empty: away with it */
  #banner(screen) {
    const banner = find(this.root, '[data-slot="banner"]');
    const copy = screen ? this.screens.copy(screen) : null;
    if (!banner) return;
    const wasShown = !banner.hidden;
    banner.replaceChildren(...(copy ? findAll(copy, 'p') : []));
    banner.hidden = !copy;
    if (copy) this.announcer.sayWorse('no_picture');
    else if (wasShown) this.announcer.say('picture_back');
  }

  /**
   * What the buttons of the call do.
   * @param {string} act
   * @param {HTMLElement} button
   */
  async act(act, button) {
    const { screens, papers } = this;
    if (act === 'more') return void screens.show('S8b');
    if (act === 'write') return this.#write();
    if (act === 'stop_writing') return this.#closeText();
    if (act === 'talk') return this.#talkOn();
    if (act === 'try_now') return this.#tryNow();
    if (act === 'decline') return this.#decline();
    if (act === 'photo') return papers.choose(button, 'camera');
    if (act === 'file') return papers.choose(button, 'any');
    if (act === 'photo_again') return papers.again();
    if (act === 'send_photo') return papers.send();
    if (act === 'stop_sending') return papers.stop();
    const outcome = await this.screen.press(act);
    if (act === 'video' && outcome && !['ok', 'not_asked'].includes(outcome)) {
      this.conversation.check.parts.camera = outcome;
      screens.show('E1');
    }
    if (act === 'own_corner' || act === 'own_hidden') screens.back();
  }

  #write() {
    if (this.screens.client) this.screens.back();
    this.#openText(true);
  }

  /** "Praat verder": the tap brings sound and camera back, and puts the card away. */
  async #talkOn() {
    if (this.screens.client) this.screens.back();
    else this.screens.dismiss();
    this.screen.unlock();
    const { devices } = this;
    if (devices.microphone || this.conversation.step !== 'call') return;
    const { audio, video, isMuted } = remembered();
    await this.#open(audio || !video, video, isMuted);
  }

  #tryNow() {
    this.call?.retry();
    this.screen.unlock();
    return this.conversation.rereadNow();
  }

  /** The camera may have been taken by the phone's own; take it again. */
  async #fromFiles() {
    this.call?.report();
    if (this.devices.video === 'lost') await this.devices.showCamera(true);
  }

  async #sent() {
    this.announcer.say('sent');
    await this.conversation.rereadNow();
    const card = findAll(this.screens.part, '.screen[data-group]').find(({ dataset }) => dataset.screen !== 'D1');
    if (card) this.screens.show(card.dataset.screen ?? '');
  }

  /**
   * The link to the provider from the answer goes on the card; the conversation goes on until it is tapped.
   * @param {HTMLFormElement} form
   * @param {any} answer
   */
  signIn(form, answer) {
    const address = answer?.link;
    const card = address ? this.screens.show('C4a') : null;
    const link = card?.querySelector('a[data-leaves]');
    if (link instanceof HTMLAnchorElement) link.href = address;
    else {
      void this.call?.away('signing_in');
      form.submit();
    }
  }

  #decline() {
    const form = this.screens.part.querySelector('.screen[data-verification] form[action$="/niet-nu"]');
    this.screens.back();
    if (form instanceof HTMLFormElement) form.requestSubmit();
  }

  /** The citizen hung up. */
  leave() {
    this.screen.leave();
    this.devices.close();
  }

  /** Nothing of the call is left on the page. @param {string} step */
  over(step) {
    this.screen.close();
    this.#text?.close();
    this.#text = null;
    this.#isWriting = false;
    this.#banner('');
    for (const name of ['[data-stage]', '[data-slot="bar"]', '[data-slot="text-panel"]']) {
      const place = find(this.root, name);
      if (place) place.hidden = true;
    }
    const mayTalkOn = this.screens.part.querySelector('form[action$="/toch-verder"]');
    if ((step === 'goodbye' && !mayTalkOn) || step === 'ended') sessionStorage.removeItem(SENDS);
  }
}

/** The heading of a panel beside the screen: one below its own. @param {HTMLElement} section */
function headingBelow(section) {
  const heading = document.createElement('h2');
  heading.className = 'utrecht-heading-2';
  heading.textContent = section.dataset.title ?? '';
  return heading;
}

/** What was sent before this page was loaded. */
function remembered() {
  const sends = sessionStorage.getItem(SENDS);
  const has = (/** @type {string} */ what) => sends?.includes(what) ?? true;
  return { audio: has('audio'), video: has('video'), isMuted: sends?.includes('muted') ?? false };
}

/** Whether the browser gives these without a question. @param {boolean} audio @param {boolean} video */
async function isAllowed(audio, video) {
  const names = [...(audio ? ['microphone'] : []), ...(video ? ['camera'] : [])];
  const states = await Promise.all(
    names.map((name) => navigator.permissions?.query({ name: /** @type {PermissionName} */ (name) }).catch(() => null)),
  );
  return states.every((permission) => permission?.state === 'granted');
}
