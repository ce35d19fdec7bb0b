/** Lines of earlier contacts: the browser opens one with Enter, Escape closes it and stays on it. */
import { find } from '../lib/dom.js';

/** @param {HTMLElement} element */
export function start(element) {
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !(event.target instanceof Element)) return;
    const line = event.target.closest('details[open]');
    if (!(line instanceof HTMLDetailsElement)) return;
    event.stopPropagation();
    line.open = false;
    find(line, 'summary')?.focus();
  });
}
