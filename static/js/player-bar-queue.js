/* What the player bar plays, and in which order. Nothing here sounds or draws.
 *
 * Entries are {key, src, title, href, length, voices}; `key` tells apart two entries of one piece. `entries` is the order in
 * which they play; while it is shuffled, `natural` keeps the order to return to.
 */

export const LOOPS = ["off", "all", "one"];
export const MAX_ENTRIES = 500;

/* Fisher and Yates: every order is as likely as any other. */
function shuffled(entries) {
  const mixed = [...entries];
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1));
    [mixed[last], mixed[other]] = [mixed[other], mixed[last]];
  }
  return mixed;
}

export class Queue {
  constructor() {
    this.entries = [];
    this.natural = null;
    this.index = -1;
    this.loop = "off";
    this.nextKey = 1;
  }

  get current() {
    return this.entries[this.index] ?? null;
  }

  get isShuffled() {
    return this.natural !== null;
  }

  /* What plays after the current one by itself or by the button. */
  get following() {
    const isLast = this.index === this.entries.length - 1;
    return this.entries[isLast && this.loop === "all" ? 0 : this.index + 1] ?? null;
  }

  get hasPrevious() {
    return this.index > 0 || (this.loop === "all" && this.entries.length > 1);
  }

  keyed(pieces, room = MAX_ENTRIES - this.entries.length) {
    return pieces.slice(0, Math.max(0, room)).map((piece) => ({ ...piece, key: this.nextKey++ }));
  }

  /* A list takes the place of what was there; `start` counts in it. */
  replace(pieces, { start = 0, isShuffled = this.isShuffled } = {}) {
    this.entries = this.keyed(pieces, MAX_ENTRIES);
    this.natural = null;
    this.index = Math.min(start, this.entries.length - 1);
    if (isShuffled) this.setShuffled(true);
  }

  /* Returns the entries that found room. */
  append(pieces) {
    const added = this.keyed(pieces);
    this.entries.push(...added);
    this.natural?.push(...added);
    if (this.index < 0 && added.length) this.index = 0;
    return added;
  }

  insertNext(pieces) {
    const added = this.keyed(pieces);
    this.natural?.splice(this.natural.indexOf(this.current) + 1, 0, ...added);
    this.entries.splice(this.index + 1, 0, ...added);
    if (this.index < 0 && added.length) this.index = 0;
    return added;
  }

  choose(key) {
    const index = this.entries.findIndex((entry) => entry.key === key);
    if (index >= 0) this.index = index;
    return index >= 0;
  }

  /* Whether there was something to go to. */
  forward() {
    return this.following ? this.choose(this.following.key) : false;
  }

  back() {
    if (!this.hasPrevious) return false;
    this.index = this.index > 0 ? this.index - 1 : this.entries.length - 1;
    return true;
  }

  /* Answers whether it was the current one; then the one that followed is, or else the first. */
  remove(key) {
    const index = this.entries.findIndex((entry) => entry.key === key);
    if (index < 0) return false;
    const wasCurrent = index === this.index;
    this.entries.splice(index, 1);
    if (this.natural) this.natural = this.natural.filter((entry) => entry.key !== key);
    if (index < this.index) this.index -= 1;
    if (this.index >= this.entries.length) this.index = this.entries.length ? 0 : -1;
    return wasCurrent;
  }

  moveTo(key, place) {
    const current = this.current;
    const index = this.entries.findIndex((entry) => entry.key === key);
    if (index < 0 || place < 0 || place >= this.entries.length) return;
    const [entry] = this.entries.splice(index, 1);
    this.entries.splice(place, 0, entry);
    this.index = this.entries.indexOf(current);
  }

  clear() {
    this.entries = [];
    this.natural = this.natural && [];
    this.index = -1;
  }

  setShuffled(isShuffled) {
    if (isShuffled === this.isShuffled) return;
    const { current } = this;
    if (isShuffled) {
      this.natural = this.entries;
      this.entries = current ? [current, ...shuffled(this.entries.filter((entry) => entry !== current))] : [];
    } else {
      this.entries = this.natural;
      this.natural = null;
    }
    this.index = this.entries.indexOf(current);
  }

  /* What has not been played yet is shuffled again. */
  shuffleRest() {
    const done = this.entries.slice(0, this.index + 1);
    this.entries = [...done, ...shuffled(this.entries.slice(this.index + 1))];
  }

  setLoop(loop) {
    this.loop = LOOPS.includes(loop) ? loop : "off";
  }

  toJSON() {
    const { entries, index, loop } = this;
    return { entries, index, loop, natural: this.natural?.map((entry) => entry.key) ?? null };
  }

  static from({ entries, index, loop, natural }) {
    const queue = new Queue();
    queue.entries = entries.filter((entry) => entry.src && Array.isArray(entry.voices));
    queue.index = Math.min(Math.max(index, 0), queue.entries.length - 1);
    queue.nextKey = Math.max(0, ...queue.entries.map((entry) => entry.key)) + 1;
    queue.setLoop(loop);
    const byKey = new Map(queue.entries.map((entry) => [entry.key, entry]));
    if (natural?.length === byKey.size) queue.natural = natural.map((key) => byKey.get(key));
    if (queue.natural?.includes(undefined)) queue.natural = null;
    return queue;
  }
}
