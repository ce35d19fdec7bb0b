/** A page of the tests: the product's own files, with what they tell kept for the test to read. */
import { Call } from '/static/js/call/call.js';
import { Devices } from '/static/js/call/devices.js';
import { Stage } from '/static/js/call/stage.js';
import { Connection } from '/static/js/live/connection.js';

const query = new URLSearchParams(location.search);
const participant = query.get('who') ?? 'citizen';
const topic = query.get('topic') ?? 'call:1';
const T = { participant, events: [], texts: {}, errors: [], at: {} };
window.T = T;
addEventListener('error', ({ message }) => T.errors.push(message));
addEventListener('unhandledrejection', ({ reason }) => T.errors.push(String(reason)));

const HEARD = ['joined', 'begun', 'connected', 'reconnecting', 'lost', 'back', 'hold', 'ended', 'moved', 'trouble', 'refused', 'picture', 'gone', 'presence'];

T.ready = async ({ audio = true, video = true } = {}) => {
  T.connection = new Connection({ who: participant, csrf: query.get('csrf') ?? 'x' });
  T.connection.on('gap', () => T.events.push('gap'));
  T.connection.on('closed', ({ code }) => T.events.push(`closed ${code}`));
  T.connection.open();
  T.devices = new Devices();
  T.outcomes = audio || video ? await T.devices.open({ audio, video }) : null;
  T.call = new Call({
    connection: T.connection, devices: T.devices, topic, participant,
    device: { browser: 'Chromium', system: 'Linux' },
  });
  for (const name of HEARD) T.call.on(name, () => T.events.push(name));
  T.call.on('other', ({ other }) => (T.wasDown ||= T.events.includes('connected') && other.isPaired && !other.isConnected));
  T.call.on('text', ({ text }) => (T.text = text));
  T.stage = new Stage(document.querySelector('#stage'), T.call, T.devices);
  await T.call.prepare();
};

T.join = async () => {
  T.at.join = performance.now();
  const video = () => document.querySelector('figure video');
  const look = () => {
    if (!video()) return setTimeout(look, 5);
    video().requestVideoFrameCallback(() => (T.at.frame ??= performance.now()));
  };
  look();
  await T.call.join();
};

/** Every part of the check, as the page of the product does it. */
T.check = async () => {
  const [{ Check }, { movingPicture }] = await Promise.all([
    import('/static/js/call/check.js'), import('/static/js/call/stage.js'),
  ]);
  const postOffer = async ({ sdp }) => {
    const response = await fetch('/gesprek/check/aanbod', { method: 'POST', body: JSON.stringify({ sdp }) });
    return response.ok ? response.json() : null;
  };
  const video = document.querySelector('[data-own]');
  const check = new Check({ devices: T.devices, connection: T.connection, video, postOffer, makePicture: movingPicture });
  T.levels = [];
  const [camera, microphone, path, ping] = await Promise.all([
    check.camera(), check.microphone((level) => T.levels.push(level)), check.path(), check.signalling(),
  ]);
  check.stop();
  return { browser: check.browser(), camera, microphone, path, ping };
};

T.pair = () => T.call.pairs.all[0];
T.peer = () => T.pair()?.peer;

/** What has been received, from the browser's own figures. */
T.received = async () => {
  const sum = { audio: 0, video: 0, frames: 0, energy: 0, audioPackets: 0, sentAudio: 0 };
  const report = await T.peer()?.connection.getStats();
  for (const row of report?.values() ?? []) {
    if (row.type === 'outbound-rtp' && row.kind === 'audio') sum.sentAudio += row.bytesSent;
    if (row.type !== 'inbound-rtp') continue;
    sum[row.kind] += row.bytesReceived;
    sum.frames += row.framesDecoded ?? 0;
    sum.energy += row.totalAudioEnergy ?? 0;
    if (row.kind === 'audio') sum.audioPackets += row.packetsReceived;
  }
  return sum;
};
