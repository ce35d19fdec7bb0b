/** The browser's back button: a screen back before check-in, nothing lost while waiting, a question in a call. */

const STAYS = new Set(['waiting', 'ringing', 'goodbye', 'ended', 'on_hold', 'interrupted', 'call']);
const ASKS = new Set(['call', 'on_hold', 'interrupted']);

export class History {
  #isGuarded = false;

  /** @param {import('./conversation.js').Conversation} conversation */
  constructor(conversation) {
    this.conversation = conversation;
    history.scrollRestoration = 'manual';
    addEventListener('popstate', ({ state }) => this.#popped(state));
    // Browsers pass over entries that were made without a tap, so the guard is set again at the first one.
    document.addEventListener('click', () => STAYS.has(conversation.step) && this.#guard(), { once: true });
  }

  /** A screen of the check was opened by a tap. @param {string} screen */
  went(screen) {
    if (this.conversation.step === 'check' && history.state?.screen !== screen) history.pushState({ screen }, '');
  }

  /** @param {string} step */
  arrived(step) {
    if (STAYS.has(step) && !this.#isGuarded) this.#guard();
  }

  #guard() {
    this.#isGuarded = true;
    if (!history.state?.guard) history.pushState({ guard: true }, '');
  }

  /** The page's own way back. */
  back() {
    if (this.conversation.step === 'check' && history.state?.screen) history.back();
    else this.conversation.screens.back();
  }

  /** @param {{ screen?: string, guard?: boolean } | null} state */
  #popped(state) {
    const { step, screens } = this.conversation;
    if (!STAYS.has(step)) {
      if (!state?.screen || !screens.show(state.screen)) screens.back();
      return;
    }
    history.pushState({ guard: true }, '');
    if (!ASKS.has(step)) return;
    if (screens.client === 'S8d') screens.back();
    else screens.show('S8d');
  }
}
