/** The documents block of the counter: its forms post without leaving the page, for a call is going on there. */
import { adopt, find, findAll, need, say } from '../lib/dom.js';
import { HttpError, readPage } from '../lib/http.js';
import { startModules } from '../module.js';

const PART = '[data-part="documents"]';

/** @param {HTMLElement} block @param {string} word */
function tell(block, word) {
  const words = need(block, 'template[data-words]', HTMLTemplateElement).content;
  say(find(block, '[data-said]'), words.querySelector(`[data-word="${word}"]`)?.textContent ?? '');
}

/** @param {HTMLFormElement} form @returns {Promise<void>} */
async function post(form) {
  const body = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === 'string') body.append(name, value);
  const headers = { accept: 'application/json' };
  const answer = await fetch(form.action, { method: 'POST', body, headers, credentials: 'same-origin' });
  if (!answer.ok) throw new HttpError(answer.status);
}

/**
 * Reads the block again; what was folded open stays open, focus stays where it was.
 * @param {HTMLElement} block
 * @param {string} key
 * @param {string} word
 */
async function readAgain(block, key, word) {
  const address = block.closest('[data-address]')?.getAttribute('data-address') ?? location.pathname;
  const page = await readPage(address);
  const open = findAll(block, 'details[open][id]').map((one) => one.id);
  for (const id of open) page.getElementById(id)?.setAttribute('open', '');
  const fresh = adopt(page, PART);
  if (!fresh) return;
  await startModules(fresh);
  const button = find(fresh, `[data-key="${CSS.escape(key)}"] button`) ?? find(fresh, 'summary');
  button?.focus();
  const again = find(fresh, '[data-module="shown"]');
  if (again) tell(again, word);
}

/** @param {HTMLElement} block @param {HTMLFormElement} form */
async function send(block, form) {
  if (form.dataset.busy !== undefined) return;
  form.dataset.busy = '';
  let word = 'done';
  try {
    await post(form);
  } catch {
    word = 'failed';
  }
  try {
    await readAgain(block, form.dataset.key ?? '', word);
  } catch {
    tell(block, 'failed');
  } finally {
    delete form.dataset.busy;
  }
}

/** @param {HTMLElement} block */
export function start(block) {
  block.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || 'plain' in form.dataset || form.dataset.module) return;
    event.preventDefault();
    void send(block, form);
  });
  block.addEventListener('balie:sent', () => void readAgain(block, 'add', 'done').catch(() => tell(block, 'failed')));
}
