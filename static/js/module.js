/** What modules share: how one is started on its element. */

/**
 * A module exports `start(element)`; what it returns, if anything, is kept for modules on the same page.
 * @typedef {{ start: (element: HTMLElement) => unknown | Promise<unknown> }} PageModule
 */

/** @type {Map<string, Promise<unknown>>} */
const shared = new Map();

/**
 * One thing for all modules of this page (the live connection, the call), made at the first asking.
 * @template T
 * @param {string} name
 * @param {() => T | Promise<T>} make
 * @returns {Promise<T>}
 */
export function once(name, make) {
  let thing = shared.get(name);
  if (!thing) shared.set(name, (thing = Promise.resolve().then(make)));
  return /** @type {Promise<T>} */ (thing);
}

/**
 * Starts the module of an element; its name is a file in modules/, nothing else.
 * @param {HTMLElement} element
 */
export async function startModule(element) {
  const name = element.dataset.module ?? '';
  if (!/^[a-z][a-z0-9_]*$/.test(name) || 'started' in element.dataset) return;
  element.dataset.started = '';
  try {
    /** @type {PageModule} */
    const module = await import(`./modules/${name}.js`);
    await module.start(element);
    element.dataset.started = 'ready';
  } catch (error) {
    element.dataset.started = 'failed';
    reportError(error);
  }
}

/** Starts every module below (and on) an element, also in a part that was read again. @param {ParentNode} root */
export function startModules(root) {
  const elements = [...root.querySelectorAll('[data-module]')];
  if (root instanceof HTMLElement && root.dataset.module) elements.unshift(root);
  return Promise.all(elements.map((element) => element instanceof HTMLElement && startModule(element)));
}
