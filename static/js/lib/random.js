/** Random names for pages and messages, also where the page has no secure context. */

/** 22 characters, 128 bits. @returns {string} */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** A number up to a fifth more or less, so that a thousand pages do not come back at once. @param {number} ms */
export function spread(ms) {
  return ms * (0.8 + 0.4 * Math.random());
}
