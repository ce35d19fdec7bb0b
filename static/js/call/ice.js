/** The servers that help two pages to find each other: asked in time, before their password ends. */

/**
 * @typedef {import('./protocol.js').Ice} Ice
 * @typedef {import('../live/connection.js').Connection} Connection
 */

const RENEW_AT = 0.8;
const FRESH_MS = 20000;
const ANSWER_MS = 3000;
const SHORTEST_MS = 15000;
/** Longer than a timer can count. */
const LONGEST_MS = 2 ** 30;

export class IceServers {
  /** @type {Ice} */
  now = { servers: [], policy: 'all', expires_at: '' };
  #gotAt = -FRESH_MS;
  #timer = 0;

  /**
   * @param {Connection} connection
   * @param {string} topic
   * @param {() => void} renewed
   */
  constructor(connection, topic, renewed) {
    this.connection = connection;
    this.topic = topic;
    this.renewed = renewed;
  }

  /** @param {Partial<Ice> | null | undefined} ice */
  take(ice) {
    if (!ice) return;
    this.now = { servers: ice.servers ?? [], policy: ice.policy ?? 'all', expires_at: ice.expires_at ?? '' };
    this.#gotAt = performance.now();
    clearTimeout(this.#timer);
    const life = Date.parse(this.now.expires_at) - Date.now();
    const wait = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, life * RENEW_AT));
    if (life > 0) this.#timer = setTimeout(() => void this.#renew(), wait);
  }

  async #renew() {
    await this.fresh();
    this.renewed();
  }

  /** Servers that were given just now; without an answer in time the ones that we have. @returns {Promise<Ice>} */
  async fresh() {
    if (performance.now() - this.#gotAt < FRESH_MS || !this.connection.isOpen) return this.now;
    const late = new Promise((resolve) => setTimeout(() => resolve(null), ANSWER_MS));
    this.take(await Promise.race([this.connection.send({ type: 'ice.get', topic: this.topic }), late]).catch(() => null));
    return this.now;
  }

  close() {
    clearTimeout(this.#timer);
  }
}
