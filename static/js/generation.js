// Follows one generation: its progress in words and a bar, its notes into the player as they are composed.
import { ApiError, getJson, postJson } from "./api.js";
import { formatTime } from "./player-parts.js";
import { enhanceOutcome, fetchOutcome, showCurrent, showPlaying } from "./takes.js";

const POLL_MS = 500;
const EAGER_POLL_MS = 150; // from the click until the first notes, for a few seconds
const EAGER_POLLS = 30;
const SLOW_POLL_MS = 2000; // while it waits, or while nobody looks
const PATIENCE_MS = 8000; // longest pause between two tries when the site cannot be reached
const FINISHED = new Set(["succeeded", "failed", "cancelled"]);

/** Lengths as the server writes them (the filter clock). */
export const clock = (seconds) => formatTime(Math.round(seconds));

/** The section of a page that shows one generation (templates/generator/_generation.html). */
export class GenerationView {
  /**
   * @param {HTMLElement} section
   * @param {{onChange?: (state: object) => void, onMoreOf?: (piece: string, kind: string) => void, onKept?: () => void}} hooks
   */
  constructor(section, { onChange = () => {}, ...outcomeHooks } = {}) {
    this.section = section;
    this.onChange = onChange;
    this.outcomeHooks = outcomeHooks;
    this.api = section.dataset.api;
    this.player = section.querySelector("music-player");
    this.id = null;
    this.run = 0; // counts what is watched; an answer that belongs to an earlier run is dropped
    this.left = false;
    this.part("cancel").addEventListener("submit", (event) => {
      event.preventDefault();
      this.cancel();
    });
  }

  part(name) {
    return this.section.querySelector(`[data-result-${name}]`);
  }

  get isBusy() {
    return ["sending", "queued", "running"].includes(this.section.dataset.status);
  }

  /** Generate was pressed: the area appears, before the server has answered. */
  prepare(facts) {
    this.run += 1;
    this.id = null;
    this.#reset();
    this.section.dataset.status = "sending";
    this.part("facts").textContent = facts;
    this.part("title").textContent = "Your piece";
    this.part("status").textContent = "Sending your request…";
    this.section.hidden = false;
  }

  hide() {
    this.run += 1;
    this.id = null;
    this.#stopLive();
    this.section.dataset.status = "idle";
    this.section.hidden = true;
  }

  /** The page goes: nothing is asked for any more. */
  leave() {
    this.run += 1;
    this.left = true;
  }

  /**
   * Watches until the piece is there, it failed or was cancelled.
   * @param {string} id
   * @param {{heard?: boolean, state?: object}} options heard: a click allowed sound, so that notes may play as they
   *   come; state: what the server said of it just now
   */
  async watch(id, { heard = false, state: first = null } = {}) {
    if (this.left) return;
    const run = ++this.run;
    this.id = id;
    this.heard = heard;
    this.live = false;
    this.next = 0;
    this.announcedQuarter = 0;
    this.section.hidden = false;
    if (first) this.#show({ ...first, notes: [], next: 0 });
    let pause = POLL_MS;
    let eager = this.heard ? EAGER_POLLS : 0;
    for (;;) {
      let state;
      try {
        state = await getJson(`${this.api}${id}/notes/?after=${this.next}`);
        if (run !== this.run) return;
        eager = this.next || state.next ? 0 : eager - 1;
        pause = eager > 0 ? EAGER_POLL_MS : POLL_MS;
        if (state.status === "queued" && !state.worker_seen) pause = SLOW_POLL_MS;
        if (document.hidden && !this.live) pause = SLOW_POLL_MS;
      } catch (error) {
        if (run !== this.run) return;
        if (!(error instanceof ApiError) || !error.isPassing) {
          this.#gone(error);
          return;
        }
        pause = Math.min(pause * 2, PATIENCE_MS);
        this.part("status").textContent = "No connection. Retrying…";
      }
      if (state && this.#show(state)) return;
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (run !== this.run) return;
    }
  }

  async cancel() {
    if (!this.id) return;
    const button = this.part("cancel").querySelector("button");
    button.setAttribute("aria-disabled", "true");
    button.textContent = "Cancelling…";
    try {
      const token = this.part("cancel").querySelector("[name=csrfmiddlewaretoken]").value;
      await postJson(`${this.api}${this.id}/cancel/`, {}, token);
      // The watch goes on and sees the worker stop.
    } catch (error) {
      this.#error(error.message);
      button.removeAttribute("aria-disabled");
      button.textContent = "Cancel";
    }
  }

  /** Shows one answer of the server; true when it was the last. */
  #show(state) {
    if (state.next < this.next && !FINISHED.has(state.status)) {
      // The job starts over, with another model: what was heard so far is void.
      this.#stopLive();
      this.next = 0;
      this.announcedQuarter = 0;
      return false;
    }
    const before = this.section.dataset.status;
    this.next = state.next;
    this.section.dataset.status = state.status;
    this.part("facts").textContent = `${state.genre_name} · ${state.ensemble_name} · ${clock(state.length_seconds)}`;
    this.part("title").textContent = state.title;
    this.part("status").textContent = state.message;
    this.#takesNote(state);
    const bar = this.part("progress");
    bar.max = state.length_seconds;
    bar.value = Math.min(state.seconds_composed, state.length_seconds);
    this.#announce(before, state);
    this.#notes(state);
    const finished = FINISHED.has(state.status);
    this.part("progress-row").hidden = finished;
    this.part("cancel").hidden = finished;
    this.part("again").hidden = !finished;
    if (state.status === "succeeded") this.#finish(state);
    else if (finished) {
      this.#stopLive();
      if (state.error) this.#error(state.error);
    }
    this.onChange(state);
    return finished;
  }

  #notes(state) {
    if (!this.player?.startLive) return;
    if (!this.live && !FINISHED.has(state.status)) {
      this.live = true;
      this.part("player").hidden = false;
      this.player.startLive({
        voices: state.voices,
        lengthSeconds: state.length_seconds,
        title: `${state.ensemble_name}, ${clock(state.length_seconds)}`,
        autoplay: this.heard,
      });
    }
    if (!this.live) return;
    if (state.notes.length) this.player.appendNotes(state.notes);
    this.player.setComposed(state.seconds_composed);
  }

  /** Several takes: which one is heard, and that nothing is said of their order yet. */
  #takesNote({ takes_asked: asked = 1, status }) {
    const note = this.part("takes");
    note.hidden = asked < 2 || FINISHED.has(status);
    if (!note.hidden) note.textContent = `Composing ${asked} takes. You're hearing take 1; they're ranked at the end.`;
  }

  #finish(state) {
    this.#outcome(state);
    const heard = state.takes?.find((take) => take.plays_live && take.piece) ?? state.takes?.find((take) => take.piece);
    const piece = state.piece ?? heard?.piece;
    if (!piece) {
      this.#stopLive();
      return;
    }
    const src = `${piece.midi_url}?inline`;
    const facts = { src, voices: piece.voices, lengthSeconds: piece.length_seconds, title: piece.title, href: piece.url };
    if (this.live) this.player.finishLive(facts);
    else if (this.player?.load) {
      // It was finished before its first notes were asked for: the click on Generate still wants to hear it.
      Promise.resolve(this.player.load(facts)).then(() => this.heard && this.player.play());
    }
    this.live = false;
    this.part("player").hidden = false;
    this.playing = src;
    if (!state.piece) return;
    this.part("facts").textContent = `${state.genre_name} · ${state.ensemble_name} · ${clock(piece.length_seconds)}`;
    this.part("title").textContent = piece.title;
    this.part("status").textContent = state.message;
    const download = this.part("download");
    download.href = piece.midi_url;
    download.hidden = false;
    const open = this.part("open");
    open.href = piece.url;
    open.hidden = false;
  }

  /** The facts of the piece and what can be done with it, or the takes to choose from. */
  async #outcome(state) {
    const { run } = this;
    const nodes = await fetchOutcome(state.url);
    if (run !== this.run || !nodes) return;
    const outcome = this.part("outcome");
    outcome.replaceChildren(...nodes);
    enhanceOutcome(outcome, { player: this.player, ...this.outcomeHooks });
    showCurrent(outcome, this.playing);
    showPlaying(outcome, this.player);
  }

  /** Says it aloud when the state changes and at each quarter, not at every answer. */
  #announce(before, state) {
    const quarter = Math.min(3, Math.floor((4 * state.seconds_composed) / state.length_seconds));
    const moved = state.status === "running" && quarter > this.announcedQuarter;
    if (before === state.status && !moved) return;
    this.announcedQuarter = quarter;
    this.part("announce").textContent = `${state.title}. ${state.message}`;
  }

  #gone(error) {
    this.#stopLive();
    this.section.dataset.status = "failed";
    this.part("title").textContent = "Piece not found";
    this.part("status").textContent = "";
    this.part("progress-row").hidden = true;
    this.part("cancel").hidden = true;
    this.part("again").hidden = false;
    this.#error(error instanceof ApiError ? error.message : "Something went wrong on this page. Reload it and try again.");
    this.onChange({ status: "gone" });
  }

  #error(sentence) {
    const error = this.part("error");
    error.textContent = sentence;
    error.hidden = false;
  }

  #stopLive() {
    if (this.live) this.player?.abortLive?.();
    this.live = false;
    this.part("player").hidden = true;
  }

  #reset() {
    this.player?.stop?.();
    this.#stopLive();
    this.part("error").hidden = true;
    this.part("takes").hidden = true;
    this.part("outcome").replaceChildren();
    this.part("download").hidden = true;
    this.part("open").hidden = true;
    this.part("again").hidden = true;
    this.part("cancel").hidden = true;
    this.part("progress-row").hidden = false;
    this.part("progress").removeAttribute("value");
    const button = this.part("cancel").querySelector("button");
    button.removeAttribute("aria-disabled");
    button.textContent = "Cancel";
  }
}
