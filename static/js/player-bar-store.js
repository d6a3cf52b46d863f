/* What the player bar remembers over a full load of the page, in this tab alone: the queue and where it stands. */
import { Queue } from "./player-bar-queue.js";

const KEY = "player-bar";
/* From one page to the next, also on a slow line; not until somebody comes back. */
const NEXT_PAGE_MS = 15_000;

/* Storage may be forbidden or full; then the queue lasts until the next full load. */
export function keep(queue, { position, owner, leftAt = 0 }) {
  try {
    if (queue.entries.length) sessionStorage.setItem(KEY, JSON.stringify({ queue, position, owner, leftAt }));
    else sessionStorage.removeItem(KEY);
  } catch {
    // See above.
  }
}

/* {queue, position, wasPlaying: when its page was left just now}, or null. What one member heard is not shown to the next who signs in here; what a guest heard stays. */
export function restore(owner) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    if (!kept || (kept.owner && kept.owner !== owner)) {
      sessionStorage.removeItem(KEY);
      return null;
    }
    const wasPlaying = Math.abs(Date.now() - (Number(kept.leftAt) || 0)) < NEXT_PAGE_MS;
    return { queue: Queue.from(kept.queue), position: Number(kept.position) || 0, wasPlaying };
  } catch {
    return null;
  }
}
