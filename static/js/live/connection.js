/** The one WebSocket of a page: opens, resumes where it was, says again what was not answered. */
import { Emitter } from '../lib/emitter.js';
import { HttpError, postForm } from '../lib/http.js';
import { randomId, spread } from '../lib/random.js';
import { Outbox, Refused } from './outbox.js';

export { Refused };

/** @typedef {import('./outbox.js').Message} Message */
/** @typedef {{ topic: string, after: string | null }} Topic */

const VERSION = 1;
/** After these the page never comes back by itself: signed out, moved to a newer page, visit over. */
const FINAL = new Set([4401, 4409, 4410]);
const NEW_PAGE = 4406;
const ATTEMPTS_MS = [0, 1000, 2000, 5000];
const IN_CALL_MS = 5000;
const ELSEWHERE_MS = [10000, 20000, 30000];
const PING_MS = 10000;
const PONG_MS = 2000;
/** Closed by us because nothing was heard: not a goodbye. */
const SILENT = 3000;
const OPENING_MS = 10000;
const GREETING_MS = 5000;
const TICKET_LIFE_MS = 25000;

/** @extends {Emitter<Record<string, any>>} */
export class Connection extends Emitter {
  pageId = randomId();
  isOpen = false;
  /** In a call a new attempt comes each 5 s. */
  isUrgent = false;
  /** @type {'citizen' | 'staff' | string} what `welcome` said of this page */
  you = '';
  /** Said before all else on each new socket: that this page still has its seat. @type {(() => Message) | null} */
  greeting = null;

  #outbox = new Outbox();
  /** @type {Map<string, string | null>} */
  #topics = new Map();
  /** @type {WebSocket | null} */
  #socket = null;
  #attempt = 0;
  #opening = Symbol('opening');
  #timer = 0;
  #pinging = 0;
  #unanswered = 0;
  #downSince = 0;
  #resumeAfter = 0;
  #isFirst = true;
  #isDone = true;

  /**
   * @param {{ topics?: Topic[], who?: 'citizen' | 'staff', ticket?: string | null, csrf?: string,
   *   url?: string, ticketUrl?: string, reload?: () => void }} options
   */
  constructor({ topics = [], who = 'citizen', ticket = null, csrf = '', url = '/live', ticketUrl, reload }) {
    super();
    for (const { topic, after } of topics) this.#topics.set(topic, after);
    this.url = new URL(url, location.href);
    this.url.protocol = this.url.protocol.replace('http', 'ws');
    this.ticketUrl = ticketUrl ?? (who === 'staff' ? '/medewerker/live/kaartje' : '/live/kaartje');
    this.csrf = csrf;
    this.ticket = ticket;
    this.loadedAt = performance.now();
    this.reload = reload ?? (() => location.reload());
  }

  open() {
    if (!this.#isDone) return;
    this.#isDone = false;
    addEventListener('online', this.#online);
    document.addEventListener('visibilitychange', this.#seen);
    void this.#connect();
  }

  /** For good: nothing is said any more. @param {number} [code] */
  close(code = 1000) {
    if (this.#isDone) return;
    this.#isDone = true;
    removeEventListener('online', this.#online);
    document.removeEventListener('visibilitychange', this.#seen);
    this.#drop(1000);
    this.#outbox.end(new Refused({ code: 'not_in_call' }));
    this.emit('closed', { code });
  }

  /**
   * Hears one more topic. The first message of a socket names its topics, so this takes a new socket.
   * @param {string} topic
   * @param {string | null} [after]
   * @returns {boolean} whether it was not heard yet
   */
  listen(topic, after = null) {
    if (this.#topics.has(topic)) return false;
    this.#topics.set(topic, after);
    if (this.#socket) this.#again(0);
    return true;
  }

  /** The socket hears this topic already: only keep it for the next one. @param {string} topic @param {string | null} after */
  keep(topic, after) {
    if (!this.#topics.get(topic)) this.#topics.set(topic, after);
  }

  /**
   * Says something; it is kept and said again until the server has answered.
   * @param {Message} message
   * @returns {Promise<any>} the answer, or null when it was taken back
   */
  send(message) {
    if (this.#isDone) return Promise.reject(new Refused({ code: 'not_in_call' }));
    return this.#outbox.put(message);
  }

  /** Takes back what was not sent yet. @param {(message: Message) => boolean} isUseless */
  forget(isUseless) {
    this.#outbox.forget(isUseless);
  }

  async #connect() {
    clearTimeout(this.#timer);
    this.#attempt += 1;
    const opening = (this.#opening = Symbol('opening'));
    const ticket = await this.#takeTicket();
    if (this.#isDone || opening !== this.#opening) return;
    if (!ticket) return this.#retry();
    const socket = new WebSocket(this.url, [`balie.${VERSION}`, ticket]);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lost(socket, 0), OPENING_MS);
    socket.onopen = () => this.#hello(socket);
    socket.onmessage = ({ data }) => socket === this.#socket && this.#hear(socket, data);
    socket.onclose = ({ code }) => this.#lost(socket, code);
  }

  /** @returns {Promise<string | null>} */
  async #takeTicket() {
    const given = this.ticket;
    this.ticket = null;
    if (given && performance.now() - this.loadedAt < TICKET_LIFE_MS) return given;
    try {
      return (await postForm(this.ticketUrl, { csrf: this.csrf, page_id: this.pageId })).ticket;
    } catch (error) {
      if (error instanceof HttpError && (error.status === 401 || error.status === 403)) this.close(4401);
      return null;
    }
  }

  /** @param {WebSocket} socket */
  #hello(socket) {
    const topics = [...this.#topics].map(([topic, after]) => ({ topic, after }));
    socket.send(JSON.stringify({ type: 'hello', v: VERSION, page_id: this.pageId, topics }));
  }

  /** @param {WebSocket} socket @param {string} data */
  #hear(socket, data) {
    this.#unanswered = 0;
    /** @type {Message} */
    const message = JSON.parse(data);
    if (message.type === 'pong') return this.emit('pong', message);
    if (message.type === 'welcome') return void this.#welcome(socket, message);
    if (message.type === 'server_restart') this.#resumeAfter = Number(message.resume_after_ms) || 0;
    if (message.topic && message.id && this.#topics.has(message.topic)) this.#topics.set(message.topic, message.id);
    if (this.#hearGreeting(message) || this.#outbox.take(message)) return;
    this.emit('message', message);
    this.emit(message.type, message);
  }

  /** @type {((message: Message) => boolean)} */
  #hearGreeting = () => false;

  /** @param {WebSocket} socket @param {Message} message */
  async #welcome(socket, message) {
    clearTimeout(this.#timer);
    this.#attempt = 0;
    this.#resumeAfter = 0;
    this.you = message.you?.participant ?? '';
    const gaps = message.topics.filter((/** @type {any} */ { topic, last, gap }) => {
      if (gap || !this.#topics.get(topic)) this.#topics.set(topic, last);
      return gap;
    });
    this.#heartbeat(socket);
    await this.#greet(socket);
    if (socket !== this.#socket) return;
    this.isOpen = true;
    this.#outbox.connect((said) => socket.send(JSON.stringify(said)));
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    this.emit('open', { isFirst, downMs: this.#downSince ? performance.now() - this.#downSince : 0 });
    this.#downSince = 0;
    for (const { topic } of gaps) this.emit('gap', { topic });
  }

  /** Tells that the seat is still ours before anything that needs it. @param {WebSocket} socket */
  #greet(socket) {
    const message = this.greeting?.();
    if (!message) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(), GREETING_MS);
      const said = { ...message, seq: this.#outbox.nextSeq() };
      const done = () => {
        clearTimeout(timer);
        this.#hearGreeting = () => false;
        resolve(undefined);
      };
      this.#hearGreeting = (answer) => {
        if (answer.seq !== said.seq || !['joined', 'refused'].includes(answer.type)) return false;
        done();
        this.emit('greeted', answer);
        return true;
      };
      socket.send(JSON.stringify(said));
    });
  }

  /** @param {WebSocket} socket */
  #heartbeat(socket) {
    clearInterval(this.#pinging);
    this.#unanswered = 0;
    this.#pinging = setInterval(() => this.#ping(socket), PING_MS);
  }

  /** @param {WebSocket} socket */
  #ping(socket) {
    if (socket !== this.#socket || socket.readyState !== WebSocket.OPEN) return;
    if (this.#unanswered >= 2) return this.#lost(socket, 0);
    this.#unanswered += 1;
    socket.send(JSON.stringify({ type: 'ping', t: Math.round(performance.now()) }));
  }

  /** How many milliseconds the server takes to answer now, or null. @returns {Promise<number | null>} */
  measure() {
    if (!this.isOpen || !this.#socket) return Promise.resolve(null);
    const sentAt = performance.now();
    const answer = new Promise((resolve) => {
      const stop = this.on('pong', () => resolve(performance.now() - sentAt));
      setTimeout(() => resolve((stop(), null)), PONG_MS);
    });
    this.#ping(this.#socket);
    return /** @type {Promise<number | null>} */ (answer);
  }

  /** @param {WebSocket} socket @param {number} code */
  #lost(socket, code) {
    if (socket !== this.#socket || this.#isDone) return;
    this.#drop(SILENT);
    if (FINAL.has(code)) return this.close(code);
    if (code === NEW_PAGE) return this.reload();
    this.#retry(code === 1008 || code === 1009 || code === 1013 ? 2000 : 0);
  }

  /** @param {number} code */
  #drop(code) {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#timer);
    clearInterval(this.#pinging);
    this.#outbox.disconnect();
    socket?.close(code);
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#downSince = performance.now();
    this.emit('down', { since: Date.now() });
  }

  /** @param {number} [atLeastMs] */
  #retry(atLeastMs = 0) {
    const step = this.#attempt;
    const late = this.isUrgent ? IN_CALL_MS : ELSEWHERE_MS[Math.min(step - ATTEMPTS_MS.length, 2)];
    const wait = ATTEMPTS_MS[step] ?? late;
    this.#again(Math.max(spread(wait), atLeastMs, this.#resumeAfter));
  }

  /** @param {number} ms */
  #again(ms) {
    if (this.#isDone) return;
    this.#drop(1000);
    this.#opening = Symbol('opening');
    this.#timer = setTimeout(() => void this.#connect(), ms);
  }

  #online = () => this.hurry('online');

  #seen = () => {
    if (document.visibilityState === 'visible') this.hurry('visible');
  };

  /** Something changed, or somebody asks: look at once. @param {string} why */
  hurry(why = 'asked') {
    if (this.#isDone) return;
    if (this.#socket && this.isOpen) this.#ping(this.#socket);
    else if (!this.#socket) this.#again(0);
    this.emit('wake', { why });
  }
}
