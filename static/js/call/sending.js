/**
 * Sends sound and a picture to the echo for eight seconds and reads what the browser says of the way.
 *
 * The picture is drawn, not the camera's: a quiet picture needs so little that the rate of the way never shows, and
 * nobody's face has to leave the page for a measurement.
 */

/**
 * @typedef {{ path: 'udp' | 'relay_udp' | 'relay_tcp' | 'relay_tls' | 'no', figures: { rtt_ms: number | null,
 *   jitter_ms: number | null, loss_pct: number | null, up_kbps: number | null, frames_sent: number,
 *   sound_sent: number } }} Path
 * @typedef {{ ice: { servers?: RTCIceServer[] } | null, picture: MediaStreamTrack, microphone: MediaStreamTrack | null,
 *   postOffer: import('./check.js').PostOffer, stopping: AbortSignal }} SendingOptions
 * @typedef {{ at: number, bytes: number, packets: number, sound: number, lost: number, frames: number, rttMs: number | null,
 *   jitterMs: number | null, estimate: number, localType: string, relayProtocol: string }} Reading
 */

const GATHER_MS = 2000;
const CONNECT_MS = 6000;
const SENDING_MS = 8000;
const EACH_MS = 500;
const MOST = 1_500_000;
const FEW_LOST = 0.03;

/** @param {number} ms @param {AbortSignal} stopping */
function wait(ms, stopping) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stopping.addEventListener('abort', () => resolve(clearTimeout(timer)), { once: true });
  });
}

/**
 * @param {RTCPeerConnection} connection
 * @param {string} event
 * @param {() => boolean} isSo
 * @param {number} ms
 * @param {AbortSignal} stopping
 */
async function until(connection, event, isSo, ms, stopping) {
  const told = new Promise((resolve) => {
    const look = () => isSo() && resolve(true);
    connection.addEventListener(event, look);
    look();
  });
  await Promise.race([told, wait(ms, stopping)]);
  return isSo();
}

/** A track without sound, for who gave no microphone. */
function silence() {
  const context = new AudioContext();
  void context.resume();
  const still = new GainNode(context, { gain: 0 });
  const source = new ConstantSourceNode(context);
  source.connect(still);
  source.start();
  const end = context.createMediaStreamDestination();
  still.connect(end);
  const [track] = end.stream.getAudioTracks();
  return { track, stop: () => void context.close() };
}

/**
 * @param {SendingOptions} options
 * @returns {Promise<Path | null>}
 */
export async function sendToEcho({ ice, picture, microphone, postOffer, stopping }) {
  const quiet = microphone ? null : silence();
  const sound = microphone ?? /** @type {MediaStreamTrack} */ (quiet?.track);
  const connection = new RTCPeerConnection({ iceServers: ice?.servers ?? [], bundlePolicy: 'max-bundle' });
  try {
    connection.addTransceiver(sound, { direction: 'sendonly' });
    const { sender } = connection.addTransceiver(picture, { direction: 'sendonly' });
    if (!(await introduce(connection, postOffer, stopping))) return null;
    const isThere = () => connection.connectionState === 'connected';
    if (!(await until(connection, 'connectionstatechange', isThere, CONNECT_MS, stopping))) return stopping.aborted ? null : noPath();
    return await measure(connection, sender, stopping);
  } finally {
    connection.close();
    sound.stop();
    quiet?.stop();
  }
}

/**
 * Offer and answer by an ordinary post: the offer is complete.
 * @param {RTCPeerConnection} connection
 * @param {import('./check.js').PostOffer} postOffer
 * @param {AbortSignal} stopping
 */
async function introduce(connection, postOffer, stopping) {
  await connection.setLocalDescription();
  const hasAll = () => connection.iceGatheringState === 'complete';
  await until(connection, 'icegatheringstatechange', hasAll, GATHER_MS, stopping);
  const sdp = connection.localDescription?.sdp;
  const answer = sdp && !stopping.aborted ? await postOffer({ type: 'offer', sdp }).catch(() => null) : null;
  if (!answer || stopping.aborted) return false;
  await connection.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
  return true;
}

/**
 * @param {RTCPeerConnection} connection
 * @param {RTCRtpSender} sender
 * @param {AbortSignal} stopping
 */
async function measure(connection, sender, stopping) {
  await limit(sender).catch(() => {});
  const readings = [];
  for (let gone = 0; gone < SENDING_MS && !stopping.aborted; gone += EACH_MS) {
    await wait(EACH_MS, stopping);
    readings.push(await read(connection));
  }
  return readings.length > 1 ? sumUp(readings) : null;
}

/** @param {RTCRtpSender} sender */
async function limit(sender) {
  const parameters = sender.getParameters();
  const [encoding] = parameters.encodings;
  if (!encoding) return;
  encoding.maxBitrate = MOST;
  await sender.setParameters(parameters);
}

/** @param {RTCPeerConnection} connection @returns {Promise<Reading>} */
async function read(connection) {
  const report = await connection.getStats();
  /** @type {Reading} */
  const reading = {
    at: performance.now(), bytes: 0, packets: 0, sound: 0, lost: 0, frames: 0, rttMs: null, jitterMs: null, estimate: 0,
    localType: '', relayProtocol: '',
  };
  for (const row of report.values()) {
    if (row.type === 'outbound-rtp') {
      reading.bytes += row.bytesSent ?? 0;
      reading.packets += row.packetsSent ?? 0;
      if (row.kind === 'audio') reading.sound += row.packetsSent ?? 0;
      reading.frames += row.framesSent ?? 0;
    } else if (row.type === 'remote-inbound-rtp') {
      reading.lost += Math.max(0, row.packetsLost ?? 0);
      if (row.jitter !== undefined) reading.jitterMs = Math.max(reading.jitterMs ?? 0, row.jitter * 1000);
    } else if (row.type === 'candidate-pair' && row.nominated && row.state === 'succeeded') {
      const local = report.get(row.localCandidateId);
      reading.localType = local?.candidateType ?? '';
      reading.relayProtocol = local?.relayProtocol ?? '';
      reading.estimate = row.availableOutgoingBitrate ?? 0;
      if (row.currentRoundTripTime !== undefined) reading.rttMs = row.currentRoundTripTime * 1000;
    }
  }
  return reading;
}

/** @param {Reading[]} readings @returns {Path} */
function sumUp(readings) {
  const last = /** @type {Reading} */ (readings.at(-1));
  if (!last.packets) return noPath();
  const rates = readings.slice(1).flatMap((now, at) => {
    const before = readings[at];
    const packets = now.packets - before.packets;
    const isClean = now.lost - before.lost < Math.max(1, packets * FEW_LOST);
    return isClean ? [((now.bytes - before.bytes) * 8000) / (now.at - before.at)] : [];
  });
  const estimate = last.lost < Math.max(1, last.packets * FEW_LOST) ? last.estimate : 0;
  const rtts = readings.flatMap(({ rttMs }) => (rttMs === null ? [] : [rttMs])).toSorted((a, b) => a - b);
  return {
    path: last.localType === 'relay' ? /** @type {Path['path']} */ (`relay_${last.relayProtocol || 'udp'}`) : 'udp',
    figures: {
      rtt_ms: rtts.length ? Math.round(rtts[Math.floor(rtts.length / 2)]) : null,
      jitter_ms: last.jitterMs === null ? null : Math.round(last.jitterMs),
      loss_pct: Math.round(Math.min(100, (100 * last.lost) / last.packets) * 10) / 10,
      up_kbps: Math.round(Math.max(0, estimate, ...rates) / 1000),
      frames_sent: last.frames,
      sound_sent: last.sound,
    },
  };
}

/** The echo answered, and nothing came through. @returns {Path} */
function noPath() {
  const figures = { rtt_ms: null, jitter_ms: null, loss_pct: null, up_kbps: null, frames_sent: 0, sound_sent: 0 };
  return { path: 'no', figures };
}
