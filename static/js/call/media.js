/** What is sent over the lines of a connection: codecs in our order, rates, tracks in their places. */
import { LINES } from './protocol.js';

/** @typedef {import('./protocol.js').Tracks} Tracks */

const AUDIO_CODECS = ['audio/red', 'audio/opus', 'audio/telephone-event'];
const RATES = { audio: 32_000, camera: 1_500_000, screen: 1_000_000 };

/** @param {RTCRtpCodec} codec @returns {number} */
function audioPlace({ mimeType }) {
  return AUDIO_CODECS.indexOf(mimeType.toLowerCase());
}

/** VP8, then H.264 constrained baseline, then the rest. @param {RTCRtpCodec} codec */
function videoPlace({ mimeType, sdpFmtpLine = '' }) {
  if (/vp8$/i.test(mimeType)) return 0;
  return /h264$/i.test(mimeType) && /profile-level-id=42e0/i.test(sdpFmtpLine) ? 1 : 2;
}

/** @param {RTCRtpTransceiver} transceiver */
function preferCodecs(transceiver) {
  const kind = transceiver.receiver.track.kind;
  const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs;
  if (!codecs || !transceiver.setCodecPreferences) return;
  const chosen = kind === 'audio' ? codecs.filter((codec) => audioPlace(codec) >= 0) : codecs;
  const place = kind === 'audio' ? audioPlace : videoPlace;
  transceiver.setCodecPreferences(chosen.toSorted((a, b) => place(a) - place(b)));
}

/**
 * The lines of who offers: all of them, with or without a track, so that one negotiation is enough.
 * @param {RTCPeerConnection} connection
 * @param {Tracks} tracks
 */
export function layLines(connection, tracks) {
  const together = new MediaStream();
  for (const line of LINES) {
    const streams = line === 'screen' ? [] : [together];
    const what = tracks[line] ?? (line === 'audio' ? 'audio' : 'video');
    preferCodecs(connection.addTransceiver(what, { direction: 'sendrecv', streams }));
  }
}

/**
 * The lines of who answers are born by the offer, receiving only: they send too, before the first answer.
 * @param {RTCPeerConnection} connection
 * @param {Tracks} tracks
 */
export async function adoptLines(connection, tracks) {
  const together = new MediaStream();
  const transceivers = connection.getTransceivers();
  for (const [at, line] of LINES.entries()) {
    const transceiver = transceivers[at];
    if (!transceiver) continue;
    transceiver.direction = 'sendrecv';
    if (line !== 'screen') transceiver.sender.setStreams?.(together);
    preferCodecs(transceiver);
  }
  await placeTracks(connection, tracks);
}

/**
 * Puts tracks in their places without a negotiation.
 * @param {RTCPeerConnection} connection
 * @param {Tracks} tracks
 */
export async function placeTracks(connection, tracks) {
  const transceivers = connection.getTransceivers();
  const changes = LINES.map((line, at) => {
    const sender = transceivers[at]?.sender;
    return sender && sender.track !== tracks[line] ? sender.replaceTrack(tracks[line]) : null;
  });
  await Promise.all(changes);
}

/**
 * Ceilings of what is sent; sound goes first in the network.
 * @param {RTCPeerConnection} connection
 */
export async function limitRates(connection) {
  for (const [at, line] of LINES.entries()) {
    const sender = connection.getTransceivers()[at]?.sender;
    const parameters = sender?.getParameters();
    const encoding = parameters?.encodings?.[0];
    if (!sender || !parameters || !encoding) continue;
    encoding.maxBitrate = RATES[line];
    if (line === 'audio') encoding.networkPriority = encoding.priority = 'high';
    await sender.setParameters(parameters);
  }
}

/**
 * What the other side sends, by the place of the line.
 * @param {RTCPeerConnection} connection
 * @returns {Tracks}
 */
export function receivedTracks(connection) {
  const [audio, camera, screen] = connection.getTransceivers().map(({ receiver }) => receiver.track);
  return { audio: audio ?? null, camera: camera ?? null, screen: screen ?? null };
}
