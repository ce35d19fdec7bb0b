/** The queue page: reads itself again when the desk changes; a new arrival gives sound and a count in the title. */
import { adopt, find, need, say } from '../lib/dom.js';
import { readPage } from '../lib/http.js';
import { Connection } from '../live/connection.js';

const TOGETHER_MS = 200;
const ANNOUNCE_MS = 10000;
const EVERY_MS = 30000;

/** @param {HTMLElement} root */
export function start(root) {
  const page = new QueuePage(root);
  page.open();
  return page;
}

class QueuePage {
  #timer = 0;
  #isReading = false;
  #announcedAt = -ANNOUNCE_MS;
  #title = document.title;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.connection = new Connection({
      topics: [{ topic: root.dataset.topic ?? '', after: root.dataset.after || null }],
      who: 'staff',
      ticket: root.dataset.ticket || null,
      csrf: need(root, '[data-csrf="live.staff_ticket"] input', HTMLInputElement).value,
      ticketUrl: '/medewerker/live/kaartje',
    });
  }

  open() {
    this.connection.on('queue_changed', (message) => this.#changed(message));
    this.connection.on('gap', () => this.#soon());
    this.connection.open();
    // A hint may be lost between two servers; the page is the truth and is looked at anyway.
    setInterval(() => document.visibilityState === 'visible' && this.#soon(), EVERY_MS);
  }

  /** @param {any} message */
  #changed(message) {
    if (message.has_arrival) this.#arrived();
    this.#soon();
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#read(), TOGETHER_MS);
  }

  async #read() {
    if (this.#isReading) return this.#soon();
    this.#isReading = true;
    const focused = document.activeElement?.closest('form')?.getAttribute('action');
    try {
      const part = adopt(await readPage(this.root.dataset.address ?? ''), '[data-part="queue"]');
      const form = focused && part?.querySelector(`form[action="${CSS.escape(focused)}"]`);
      if (form) /** @type {HTMLElement | null} */ (form.querySelector('button'))?.focus();
      this.#count(Number(part?.dataset.waiting ?? 0));
    } catch {
      // The server is away for a moment; the connection comes back and the page is read then.
    } finally {
      this.#isReading = false;
    }
  }

  #arrived() {
    chime();
    const now = performance.now();
    if (now - this.#announcedAt < ANNOUNCE_MS) return;
    this.#announcedAt = now;
    const words = need(this.root, 'template[data-arrival]', HTMLTemplateElement).content.textContent ?? '';
    say(find(this.root, '[data-status]'), '');
    setTimeout(() => say(find(this.root, '[data-status]'), words), 50);
  }

  /** @param {number} waiting */
  #count(waiting) {
    document.title = waiting ? `(${waiting}) ${this.#title}` : this.#title;
  }
}

/** Two short tones; before the first tap on the page a browser plays none, and that is no fault. */
function chime() {
  const audio = new AudioContext();
  const gain = audio.createGain();
  gain.gain.value = 0.15;
  gain.connect(audio.destination);
  [660, 880].forEach((frequency, index) => {
    const tone = audio.createOscillator();
    tone.frequency.value = frequency;
    tone.connect(gain);
    tone.start(audio.currentTime + index * 0.18);
    tone.stop(audio.currentTime + index * 0.18 + 0.15);
  });
  setTimeout(() => void audio.close(), 1000);
}
