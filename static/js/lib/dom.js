/** Small things done to the page; text goes in as text, never as markup. */

/**
 * The element that must be there; a page without it is a fault in its template.
 * @template {Element} E
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => E} type
 * @returns {E}
 */
export function need(root, selector, type) {
  const found = root.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`missing ${selector}`);
  return found;
}

/**
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function find(root, selector) {
  const found = root.querySelector(selector);
  return found instanceof HTMLElement ? found : null;
}

/**
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export function findAll(root, selector) {
  return [...root.querySelectorAll(selector)].filter((element) => element instanceof HTMLElement);
}

/**
 * A copy of the first element in a template of the page.
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function copyOf(root, selector) {
  const template = need(root, selector, HTMLTemplateElement);
  const copy = document.importNode(template.content, true).firstElementChild;
  if (!(copy instanceof HTMLElement)) throw new Error(`empty ${selector}`);
  return copy;
}

/**
 * Sets a text only when it differs, so that a live region is not read twice.
 * @param {Element | null} element
 * @param {string} text
 */
export function say(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/**
 * Puts the same part of a page that was read again in the place of the old one.
 * @param {Document} page
 * @param {string} selector
 * @returns {HTMLElement | null} the new part, now in this document
 */
export function adopt(page, selector) {
  const fresh = page.querySelector(selector);
  const old = document.querySelector(selector);
  if (!(fresh instanceof HTMLElement) || !old) return null;
  old.replaceWith(document.adoptNode(fresh));
  return fresh;
}

/**
 * Moves focus to a heading or region, also where Tab does not stop.
 * @param {HTMLElement | null} element
 */
export function focusOn(element) {
  if (!element) return;
  if (!element.hasAttribute('tabindex')) element.tabIndex = -1;
  element.focus();
}

/** The fields of a form, for a post without leaving the page. @param {HTMLFormElement} form @returns {Record<string, string>} */
export function fieldsOf(form) {
  /** @type {Record<string, string>} */
  const fields = {};
  for (const [name, value] of new FormData(form)) if (typeof value === 'string') fields[name] = value;
  return fields;
}
