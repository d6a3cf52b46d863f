/* <player-bar>: plays a queue of pieces while one moves from page to page. It stands outside of #main, which
 * navigation.js exchanges. It shares the page's one sound engine with <music-player>, so one of them sounds at a time.
 *
 * Attributes: data-sounds and data-worklet as for <music-player>; data-owner (who is signed in, "" for a guest).
 * Hidden as long as its queue is empty. Lists of the page fill it: see player-bar-lists.js.
 * Methods: playList, add, addNext, play · pause · toggle · next · previous · seek · clear.
 * Read only: queue, state (idle, preparing, playing, paused, error), currentTime, duration, rms.
 * Event, bubbling: player-bar:change, when the piece or the state is another.
 */
import { followLists } from "./player-bar-lists.js";
import { LOOPS, Queue } from "./player-bar-queue.js";
import { MediaSessionHold } from "./player-bar-session.js";
import { keep, restore } from "./player-bar-store.js";
import { BarView } from "./player-bar-view.js";
import { fetchPiece, PlayerPiece } from "./player-piece.js";
import { announceMedia, announcePosition, rememberedVolume, rememberVolume } from "./player-surroundings.js";
import { addPlayer, usedPlayer } from "./players-on-page.js";
import { SoundBlocked, soundEngine } from "./sound-engine.js";

/* "Previous" within these seconds leads to the piece before, later to the start of this one. */
const PREVIOUS_SECONDS = 3;
const KEEP_EVERY_MS = 2000;
const FILES_KEPT = 4;
const NOT_THERE = ["403", "404", "410"];

export class PlayerBar extends HTMLElement {
  connectedCallback() {
    if (this.view) return;
    this.engine = soundEngine({ workletUrl: this.dataset.worklet, soundsUrl: this.dataset.sounds });
    this.files = new Map();
    this.volume = rememberedVolume();
    this.muted = false;
    this.attempt = 0;
    this.goingOn = -1;
    this.frame = 0;
    this.keptAt = 0;
    this.piece = null;
    this.sent = false;
    this.state = "idle";
    this.session = new MediaSessionHold();
    this.queue = new Queue();
    this.position = 0;
    this.view = new BarView(this);
    this.view.showVolume(this.volume, this.muted);
    addPlayer(this);
    document.addEventListener("page:leave", ({ detail }) => this.takeOver(detail.path));
    document.addEventListener("page:load", () => this.queue.current && !this.engine.owner && announceMedia(this));
    window.addEventListener("pagehide", () => this.leave());
    window.addEventListener("pageshow", (event) => event.persisted && this.restore());
    followLists(this);
    this.restore();
  }

  /* As it was left at the last full load of a page; it goes on if it played then. */
  restore() {
    const kept = restore(this.dataset.owner ?? "");
    this.queue = kept?.queue ?? new Queue();
    this.piece = null;
    this.position = kept?.position ?? 0;
    this.setState(this.current ? "paused" : "idle");
    if (kept?.wasPlaying) this.goOn();
  }

  /* Browsers let a page sound that a click on a page of the same site led to; where they do not, a click is asked for. */
  async goOn() {
    const attempt = (this.goingOn = this.attempt);
    const mayGoOn = await this.engine.mayGoOn();
    this.goingOn = -1;
    if (attempt !== this.attempt || this.state !== "paused" || this.engine.clock.playing) return;
    if (mayGoOn) this.play();
    else this.setState("paused", "Press play to continue");
  }

  /* A full load: the sound ends with the page, and what sounds is what the bar continues. A page that the browser keeps
     for its button "back" is silent, too. */
  leave() {
    const player = this.adopt(window.location.pathname);
    const goesOn = player !== null || this.isActive || this.goingOn === this.attempt;
    if (player) {
      this.engine.take(this);
      this.position = player.position;
    } else this.halt();
    if (goesOn) this.state = "paused";
    this.keep(goesOn ? Date.now() : 0);
  }

  /* ---- facts ------------------------------------------------------------------------------------------------------ */

  get current() {
    return this.queue.current;
  }

  get sounds() {
    return this.engine.owner === this;
  }

  get currentTime() {
    return this.sounds && this.sent ? this.engine.position : this.position;
  }

  get duration() {
    return this.piece?.lengthSeconds || this.current?.length || 0;
  }

  get rms() {
    return this.sounds ? this.engine.rms : 0;
  }

  get canPlay() {
    return this.current !== null;
  }

  get isActive() {
    return this.state === "playing" || this.state === "preparing";
  }

  /* ---- the queue -------------------------------------------------------------------------------------------------- */

  /* A list takes the place of the queue and plays. Inside a click. */
  playList(pieces, { start = 0, isShuffled } = {}) {
    if (!pieces.length) return;
    this.queue.replace(pieces, { start, isShuffled });
    this.turnTo({ plays: true });
  }

  add(pieces) {
    this.added(this.queue.append(pieces), "to the queue");
  }

  addNext(pieces) {
    this.added(this.queue.insertNext(pieces), "to play next");
  }

  /* The rest of a list that plays already. */
  extend(pieces) {
    this.queue.append(pieces);
    if (this.queue.isShuffled) this.queue.shuffleRest();
    this.changed();
    this.loadAhead();
  }

  added(entries, where) {
    if (!entries.length) this.view.note("The queue is full.");
    else this.view.note(entries.length === 1 ? `Added ${where}.` : `${entries.length} pieces added ${where}.`);
    if (this.state === "idle" && this.current) this.state = "paused";
    this.changed();
    this.loadAhead();
  }

  choose(key) {
    if (this.queue.choose(key)) this.turnTo({ plays: true });
  }

  remove(key) {
    const plays = this.isActive;
    if (!this.queue.remove(key)) this.changed();
    else if (this.current) this.turnTo({ plays });
    else this.clear();
  }

  moveTo(key, place) {
    this.queue.moveTo(key, place);
    this.changed();
    this.loadAhead();
  }

  clear() {
    this.halt();
    this.queue.clear();
    this.piece = null;
    this.position = 0;
    this.setState("idle");
  }

  next() {
    if (this.queue.forward()) this.turnTo({ plays: this.isActive || this.state === "error" });
  }

  previous() {
    if (this.currentTime > PREVIOUS_SECONDS || !this.queue.back()) this.seek(0);
    else this.turnTo({ plays: this.isActive });
  }

  /* The current piece is another one: it begins at its start. */
  turnTo({ plays }) {
    this.halt();
    this.piece = null;
    this.position = 0;
    this.setState("paused");
    if (plays) this.play();
  }

  setShuffled(isShuffled) {
    this.queue.setShuffled(isShuffled);
    this.changed();
    this.loadAhead();
  }

  turnLoop() {
    this.queue.setLoop(LOOPS[(LOOPS.indexOf(this.queue.loop) + 1) % LOOPS.length]);
    if (this.sounds) this.engine.setLoop(this.queue.loop === "one");
    this.changed();
    this.loadAhead();
  }

  /* ---- playing ---------------------------------------------------------------------------------------------------- */

  toggle() {
    if (this.isActive) this.pause();
    else this.play();
  }

  /* Starts where it stands. The first call must come from a click; everything is checked again after each await. */
  async play() {
    const { current } = this;
    if (!current || (this.sounds && this.isActive)) return;
    const attempt = (this.attempt += 1);
    const isStale = () => attempt !== this.attempt || !this.sounds;
    usedPlayer(this);
    this.engine.unlock();
    this.engine.take(this);
    this.sent = false;
    this.setState("preparing");
    try {
      const [piece] = await Promise.all([this.pieceOf(current), this.engine.prepare(current.voices)]);
      if (isStale()) return;
      await this.engine.prepare(piece.voices);
      if (isStale()) return;
      await this.engine.resume();
      if (isStale()) return;
      this.piece = piece;
      this.start();
    } catch (error) {
      if (isStale()) return;
      if (error instanceof SoundBlocked) this.setState("paused", "Press play to listen");
      else if (NOT_THERE.includes(error.cause?.message)) this.skip(current);
      else this.setState("error", error.message);
    }
  }

  /* The piece and its sounds are there. */
  start() {
    const { engine, piece } = this;
    if (this.position >= this.duration - 0.05) this.position = 0;
    engine.setSong({
      notes: piece.notes,
      controls: piece.controls,
      voices: piece.voices,
      lengthSeconds: this.duration,
      limitSeconds: Infinity,
    });
    this.sent = true;
    engine.setLevels(piece.channels.map((channel) => [channel, 1]));
    this.applyVolume();
    engine.setRate(1);
    engine.setLoop(this.queue.loop === "one");
    engine.play(this.position);
    this.setState("playing");
    announceMedia(this);
    this.loadAhead();
  }

  /* `sentence`: why, if it was not the listener. */
  pause(sentence = "") {
    this.halt();
    if (this.current) this.setState("paused", sentence);
  }

  stop() {
    this.pause();
    this.seek(0);
  }

  /* Silences the bar and keeps its position. */
  halt() {
    this.attempt += 1;
    this.position = this.currentTime;
    if (this.sounds && this.sent) this.engine.pause();
    this.sent = false;
  }

  /* `settled` false: the listener still drags. */
  seek(seconds, settled = true) {
    this.position = Math.min(Math.max(seconds, 0), this.duration);
    if (this.sounds && this.sent && this.state === "playing") this.engine.seek(this.position);
    usedPlayer(this);
    this.refresh();
    if (settled) this.keep();
  }

  setVolume(percent) {
    this.volume = percent;
    this.muted = false;
    rememberVolume(percent);
    this.applyVolume();
  }

  setMuted(isMuted) {
    this.muted = isMuted;
    this.applyVolume();
  }

  applyVolume() {
    if (!this.muted) this.volume = rememberedVolume();
    this.view.showVolume(this.volume, this.muted);
    if (this.sounds) this.engine.setVolume(this.muted ? 0 : this.volume / 100);
  }

  /* A stored piece never changes, so a file is read once; what failed is asked for again. */
  pieceOf({ src, voices, length }) {
    if (!this.files.has(src)) {
      const reading = fetchPiece(src).then((file) => {
        const piece = new PlayerPiece({ voices, lengthSeconds: length });
        piece.takeFile(file, length);
        return piece;
      });
      reading.catch(() => this.files.delete(src));
      this.files.set(src, reading);
      if (this.files.size > FILES_KEPT) this.files.delete(this.files.keys().next().value);
    }
    return this.files.get(src);
  }

  /* So that the next piece begins without a pause. Errors wait until it is its turn. */
  loadAhead() {
    const { following } = this.queue;
    if (!following || !this.sounds || this.state !== "playing" || following === this.current) return;
    this.pieceOf(following)
      .then((piece) => this.engine.prepare(piece.voices))
      .catch(() => {});
  }

  /* Deleted meanwhile, or no longer ours to hear. */
  skip(entry) {
    this.view.note(`“${entry.title}” is no longer available.`);
    const plays = this.queue.following !== null && this.queue.following !== entry;
    this.queue.remove(entry.key);
    if (this.current) this.turnTo({ plays });
    else this.clear();
  }

  /* What a player of the page at `path` sounds becomes the bar's piece: answers with that player, or null. */
  adopt(path) {
    const player = this.engine.owner;
    if (player === this || !player?.source?.src || player.live || player.state !== "playing") return null;
    const { src, title, voices } = player.source;
    const href = player.source.href ?? player.closest("[data-href]")?.dataset.href ?? path;
    if (this.current?.src !== src) {
      const [entry] = this.queue.insertNext([{ src, title, href, voices, length: player.duration }]);
      if (!entry) return null;
      this.queue.choose(entry.key);
    }
    return player;
  }

  /* A player of the page that sounds while its page goes: the bar continues it without a gap. */
  takeOver(path) {
    const player = this.adopt(path);
    if (!player) return;
    this.attempt += 1;
    this.piece = player.piece;
    this.muted = player.muted;
    this.engine.handOver(this);
    this.engine.setLoop(this.queue.loop === "one");
    this.sent = true;
    this.applyVolume();
    usedPlayer(this);
    this.setState("playing");
    announceMedia(this);
    this.loadAhead();
  }

  /* ---- what the engine tells -------------------------------------------------------------------------------------- */

  soundMoved() {
    this.refresh();
  }

  soundStarted() {}

  soundEnded() {
    this.halt();
    if (this.queue.loop === "one") {
      this.turnTo({ plays: true }); // chosen in the last moment
      return;
    }
    const goesOn = this.queue.forward();
    if (!goesOn) this.queue.choose(this.queue.entries[0]?.key);
    this.turnTo({ plays: goesOn });
  }

  soundTaken(position, taker) {
    if (this.sent) this.position = position;
    // The same piece, opened on its page: it goes on there.
    if (this.sent && taker.position === 0 && taker.source?.src === this.current?.src) taker.position = position;
    this.sent = false;
    this.attempt += 1;
    if (this.isActive) this.setState("paused");
    this.session.leave();
  }

  soundFailed(error) {
    this.sent = false;
    this.setState("error", error.message);
  }

  soundInterrupted(sentence) {
    if (this.isActive) this.pause(sentence);
  }

  /* ---- what is shown ---------------------------------------------------------------------------------------------- */

  setState(state, sentence = "") {
    this.state = state;
    this.view.say(sentence);
    this.changed();
  }

  changed() {
    this.hidden = !this.current;
    this.dataset.title = this.current?.title ?? "";
    if (this.isActive || this.engine.owner === this) this.session.set(this.isActive);
    this.view.show(this);
    this.refresh();
    this.keep();
    this.dispatchEvent(new CustomEvent("player-bar:change", { bubbles: true }));
  }

  /* Brings the position up to date, and once a frame again while it plays. */
  refresh() {
    this.view.showPosition(this.currentTime, this.duration);
    if (this.state !== "playing") return;
    if (performance.now() - this.keptAt > KEEP_EVERY_MS) {
      this.keep();
      announcePosition(this);
    }
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.refresh();
    });
  }

  keep(leftAt = 0) {
    this.keptAt = performance.now();
    keep(this.queue, { position: this.currentTime, owner: this.dataset.owner ?? "", leftAt });
  }
}

if (!customElements.get("player-bar")) customElements.define("player-bar", PlayerBar);
