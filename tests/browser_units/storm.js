/** Two pairs of the product in one page, with a network between them that delays, repeats and reorders by a seed. */
import { Pair } from '/static/js/call/pair.js';
import { Inbox } from '/static/js/call/protocol.js';

const ICE = { servers: [], policy: 'all', expires_at: '' };
const NOTHING = { audio: null, camera: null, screen: null };

/** Numbers that are the same for the same seed (mulberry32). */
function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function side(isPolite, certificate) {
  const one = { seq: 0, inbox: new Inbox(), isOpen: true, heard: '' };
  one.pair = new Pair({
    isPolite,
    ice: ICE,
    freshIce: async () => ICE,
    certificate,
    tracks: NOTHING,
    canReach: () => one.isOpen,
    expected: () => ({ hasSound: false, hasPicture: false }),
    send: async (signal) => one.send({ ...signal, from: String(isPolite), from_epoch: 1, seq: (one.seq += 1) }),
  });
  one.pair.on('t140', (data) => (one.heard += data));
  return one;
}

async function until(isSo, ms) {
  const end = performance.now() + ms;
  while (!isSo()) {
    if (performance.now() > end) return false;
    await new Promise((go) => setTimeout(go, 20));
  }
  return true;
}

/** One life of a pair on a bad network. Answers what a test wants to know of it. */
export async function life(seed, boundMs) {
  const next = chance(seed);
  const certificate = await RTCPeerConnection.generateCertificate({ name: 'ECDSA', namedCurve: 'P-256' });
  const impolite = side(false, certificate);
  const polite = side(true, certificate);
  const counts = { repeated: 0, overtaken: 0 };
  const link = (to) => async (message) => {
    const copies = next() < 0.2 ? 2 : 1;
    counts.repeated += copies - 1;
    for (let n = 0; n < copies; n += 1) {
      const copy = structuredClone(message);
      setTimeout(() => to.inbox.isNew(copy) && to.pair.take(copy), next() * 60);
    }
  };
  impolite.send = link(polite);
  polite.send = link(impolite);
  const sides = [impolite, polite];
  const startedAt = performance.now();
  for (const { pair } of next() < 0.5 ? sides : sides.toReversed()) pair.start();
  const steps = Math.floor(next() * 6);
  for (let n = 0; n < steps; n += 1) {
    await new Promise((go) => setTimeout(go, next() * 120));
    const { pair } = sides[Math.floor(next() * 2)];
    if (next() < 0.75) pair.peer.restart(ICE);
    else pair.rebuild('test');
  }
  const isWell = () => sides.every(({ pair }) => pair.isConnected && !pair.peer.isNegotiating && pair.channels.t140);
  let isDone = await until(isWell, boundMs);
  if (isDone) {
    for (const { pair } of sides) pair.tell('t140', 'dag');
    isDone = await until(() => sides.every(({ heard }) => heard.endsWith('dag')), boundMs);
  }
  const ms = performance.now() - startedAt;
  const errors = sides.reduce((sum, { pair }) => sum + pair.peer.errors, 0);
  const states = sides.map(({ pair }) => `${pair.peer.state} ${pair.peer.connection.signalingState} ${pair.round}`);
  for (const { pair } of sides) pair.close();
  return { seed, isDone, ms, errors, states, ...counts };
}

/** Many lives, a few at a time. */
export async function lives(from, to, boundMs, atOnce = 4) {
  const results = [];
  let next = from;
  const work = async () => {
    while (next < to) results.push(await life(next++, boundMs));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}
