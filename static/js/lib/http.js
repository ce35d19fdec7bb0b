/** Asks the server something outside the live connection: forms, JSON, parts of a page. */

/** The answer was not good; `status` 0 means that the server was not reached. */
export class HttpError extends Error {
  /** @param {number} status @param {Record<string, any>} problem */
  constructor(status, problem = {}) {
    super(`http ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

/**
 * @param {string} address
 * @param {RequestInit} options
 * @param {number} timeoutMs
 * @returns {Promise<Response>}
 */
async function ask(address, options, timeoutMs) {
  let response;
  try {
    response = await fetch(address, { ...options, credentials: 'same-origin', signal: AbortSignal.timeout(timeoutMs) });
  } catch {
    throw new HttpError(0);
  }
  if (!response.ok) throw new HttpError(response.status, await response.json().catch(() => ({})));
  return response;
}

/**
 * Posts fields as a form does; the answer is JSON, or null when the server sent none.
 * @param {string} address
 * @param {Record<string, string>} fields
 * @param {number} [timeoutMs]
 * @returns {Promise<any>}
 */
export async function postForm(address, fields, timeoutMs = 10000) {
  const headers = { accept: 'application/json' };
  const response = await ask(address, { method: 'POST', body: new URLSearchParams(fields), headers }, timeoutMs);
  return response.json().catch(() => null);
}

/**
 * @param {string} address
 * @param {unknown} body
 * @param {Record<string, string>} [headers]
 * @param {number} [timeoutMs]
 * @returns {Promise<any>}
 */
export async function postJson(address, body, headers = {}, timeoutMs = 10000) {
  const all = { 'content-type': 'application/json', accept: 'application/json', ...headers };
  const response = await ask(address, { method: 'POST', body: JSON.stringify(body), headers: all }, timeoutMs);
  return response.json().catch(() => null);
}

/**
 * Reads a page again as a document: under Trusted Types there is no other way from text to elements.
 * @param {string} address
 * @param {number} [timeoutMs]
 * @returns {Promise<Document>}
 */
export function readPage(address, timeoutMs = 10000) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('GET', address);
    request.responseType = 'document';
    request.timeout = timeoutMs;
    request.onload = () => {
      const isGood = request.status >= 200 && request.status < 300 && request.responseXML;
      if (isGood) resolve(/** @type {Document} */ (request.responseXML));
      else reject(new HttpError(request.status));
    };
    request.onerror = request.ontimeout = () => reject(new HttpError(0));
    request.send();
  });
}
