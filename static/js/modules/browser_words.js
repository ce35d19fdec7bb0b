/** Which family of browser and system this is, in words for staff and for the right drawing; nothing finer. */

/** @returns {{ browser: string, system: string }} */
export function deviceWords() {
  const agent = navigator.userAgent;
  const isIpad = /Macintosh/.test(agent) && navigator.maxTouchPoints > 1;
  return { browser: browserOf(agent), system: isIpad ? 'iPad' : systemOf(agent) };
}

/** @param {string} agent */
function browserOf(agent) {
  if (/SamsungBrowser/.test(agent)) return 'Samsung Internet';
  if (/Edg[A-Z]?\//.test(agent)) return 'Edge';
  if (/Firefox|FxiOS/.test(agent)) return 'Firefox';
  if (/Chrome|CriOS/.test(agent)) return 'Chrome';
  return /Safari/.test(agent) ? 'Safari' : 'anders';
}

/** @param {string} agent */
function systemOf(agent) {
  if (/iPhone/.test(agent)) return 'iPhone';
  if (/iPad/.test(agent)) return 'iPad';
  if (/Android/.test(agent)) return 'Android';
  if (/Windows/.test(agent)) return 'Windows';
  if (/Mac OS X/.test(agent)) return 'Mac';
  return /Linux|CrOS/.test(agent) ? 'Linux' : 'anders';
}

/** Which set of steps for a blocked camera fits. @param {string} outcome @returns {string} */
export function cameraSteps(outcome) {
  if (outcome === 'denied_by_system') return 'system';
  const { system } = deviceWords();
  if (system === 'iPhone' || system === 'iPad') return 'iphone';
  return system === 'Android' ? 'android' : 'computer';
}
