/** How loud a microphone is: heard, quiet, or silent because nothing comes at all. */

const HEARD_DB = -50;
const HEARD_MS = 300;
const SILENT_MS = 3000;
const LONGEST_MS = 12000;
const EACH_MS = 50;

/** @param {Float32Array<ArrayBuffer>} samples */
function rms(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / samples.length);
}

/**
 * @param {MediaStreamTrack} track
 * @param {(level: number) => void} onLevel
 * @param {AbortSignal} stopping
 * @returns {Promise<{ outcome: 'ok' | 'quiet' | 'silent', loudest_db: number | null }>}
 */
export async function measureLevel(track, onLevel, stopping) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  void context.resume();
  try {
    return await listen(track, analyser, onLevel, stopping);
  } finally {
    void context.close();
  }
}

/**
 * @param {MediaStreamTrack} track
 * @param {AnalyserNode} analyser
 * @param {(level: number) => void} onLevel
 * @param {AbortSignal} stopping
 */
async function listen(track, analyser, onLevel, stopping) {
  const samples = new Float32Array(analyser.fftSize);
  const endsAt = performance.now() + LONGEST_MS;
  let heardMs = 0;
  let zeroMs = 0;
  let loudest = 0;
  while (performance.now() < endsAt && !stopping.aborted) {
    await new Promise((go) => setTimeout(go, EACH_MS));
    const mayJudge = analyser.context.state === 'running' && track.enabled && !track.muted;
    if (!mayJudge) continue;
    analyser.getFloatTimeDomainData(samples);
    const level = rms(samples);
    loudest = Math.max(loudest, level);
    onLevel(Math.min(1, level * 4));
    zeroMs = level === 0 ? zeroMs + EACH_MS : 0;
    heardMs = 20 * Math.log10(level) > HEARD_DB ? heardMs + EACH_MS : heardMs;
    if (heardMs >= HEARD_MS) return told('ok', loudest);
    if (zeroMs >= SILENT_MS) return told('silent', loudest);
  }
  return told('quiet', loudest);
}

/** @param {'ok' | 'quiet' | 'silent'} outcome @param {number} loudest */
function told(outcome, loudest) {
  return { outcome, loudest_db: loudest > 0 ? Math.round(20 * Math.log10(loudest)) : null };
}
