/** Which ways real-time text takes: the channel of each pair, and /live while somebody has none. */
import { MARK } from './text.js';

/**
 * @typedef {import('./call.js').Call} Call
 * @typedef {import('./pair.js').Pair} Pair
 */

const LIVE = 'live';

export class Ways {
  /** @param {Call} call */
  constructor(call) {
    this.call = call;
  }

  /** The channels of a pair are open: what was written goes there. @param {string} participant @param {Pair} pair */
  open(participant, pair) {
    const { text } = this.call;
    const isOpen = pair.channels.t140 && pair.channels.state;
    if (!isOpen || !pair.isConnected || text.has(participant)) return;
    this.call.report();
    text.open(participant, {
      begin: (from) => pair.tell('state', JSON.stringify({ text_from: from })) && pair.tell('t140', MARK),
      say: (_from, piece) => pair.isConnected && pair.tell('t140', piece),
    });
    this.choose();
  }

  /** @param {string} participant */
  shut(participant) {
    this.call.text.shut(participant);
    this.choose();
  }

  /** Text goes over /live too while somebody cannot be reached directly. */
  choose() {
    const { call } = this;
    const isNeeded = call.others.some(({ participant, presence }) => presence !== 'left' && !call.text.has(participant));
    if (!isNeeded || !call.connection.isOpen || !call.mayPair) return call.text.shut(LIVE);
    if (call.text.has(LIVE)) return;
    call.text.open(LIVE, {
      begin: () => true,
      say: (from, text) => {
        if (!call.connection.isOpen) return false;
        void call.say({ type: 'text', text_seq: from, text });
        return true;
      },
    });
  }

  /** What was said over /live may not have been heard: it is said again. */
  again() {
    this.call.text.shut(LIVE);
    this.choose();
  }
}
