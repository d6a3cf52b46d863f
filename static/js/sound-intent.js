/* When sounds are worth loading: not before somebody is about to listen. They are up to a megabyte, and most visits to a page
 * hear nothing.
 */

const SIGNS = ["pointerenter", "pointerdown", "touchstart", "focusin", "keydown"];

/* Calls `act` at each sign that what `element` does is about to be asked for: a pointer or a finger on it, the focus, a key.
 * `act` must be cheap where everything is loaded already, as MusicPlayer.prepare is. */
export function onIntent(element, act, signal) {
  for (const sign of SIGNS) element.addEventListener(sign, () => act(), { signal, passive: true });
}
