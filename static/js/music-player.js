/* <music-player>: hears and shows one piece, stored or still being composed.
 *
 * Attributes: data-src (MIDI file), data-voices (JSON, [{name, program, is_drum}, …]), data-length (seconds), data-title,
 * data-sounds (folder with index.json), data-worklet (built audio worklet).
 *
 * Methods: load · play · pause · stop · seek, and for a piece that grows: prepare (as the click comes near, see
 * sound-intent.js; a page loads no sounds by itself) → unlock (inside the click) → startLive → appendNotes and setComposed, again and again → finishLive, or abortLive.
 * load and finishLive take the address of the piece's page as `href`, for the player bar, which keeps playing a piece whose
 * page goes.
 * Notes of appendNotes are [pitch, velocity, start_ms, end_ms, voice].
 * Read only: currentTime, duration, state, rms (loudness now, 0 … 1).
 * Events, all bubbling: player:ready, player:play, player:pause, player:ended, player:seek, player:first-sound,
 * player:error {detail.message}.
 */
import { Mix } from "./player-mix.js";
import { fetchPiece, PlayerPiece } from "./player-piece.js";
import { announceMedia, forgetMedia, hideHint, muteHint, rememberedVolume, rememberVolume } from "./player-surroundings.js";
import { PlayerView } from "./player-view.js";
import { PianoRoll } from "./piano-roll.js";
import { addPlayer, removePlayer, someUse, usedPlayer } from "./players-on-page.js";
import { SoundBlocked, soundEngine } from "./sound-engine.js";
import { onIntent } from "./sound-intent.js";

export class MusicPlayer extends HTMLElement {
  static observedAttributes = ["data-src"];

  connectedCallback() {
    if (this.view) return;
    addPlayer(this);
    this.engine = soundEngine({ workletUrl: this.dataset.worklet, soundsUrl: this.dataset.sounds });
    this.view = new PlayerView(this);
    this.abort = new AbortController();
    this.roll = new PianoRoll({ ...this.view.canvases, onSeek: (seconds, settled) => this.seek(seconds, settled) });
    this.volume = rememberedVolume();
    this.muted = false;
    this.rate = 1;
    this.loop = false;
    this.frame = 0;
    this.attempt = 0;
    this.loadAttempt = 0;
    this.reset();
    this.view.bind(this, this.abort.signal);
    this.applyVolume();
    this.setTempo(100);
    onIntent(this, () => this.warmUp(), this.abort.signal);
    if (this.dataset.src) this.loadFromAttributes();
    else this.refresh();
  }

  disconnectedCallback() {
    /* A move inside the document also disconnects: only what is still outside afterwards is gone. */
    queueMicrotask(() => {
      if (!this.isConnected) this.dismantle();
    });
  }

  attributeChangedCallback(_name, before, after) {
    if (this.view && after && before !== after) this.loadFromAttributes();
  }

  dismantle() {
    if (!this.view) return;
    this.attempt += 1;
    this.loadAttempt += 1;
    this.fetching?.abort();
    cancelAnimationFrame(this.frame);
    this.engine.release(this);
    this.abort.abort();
    this.roll.destroy();
    this.view = null;
    this.replaceChildren();
    if (removePlayer(this)) forgetMedia();
    if (!someUse(this.engine)) this.engine.close();
  }

  reset(piece = new PlayerPiece()) {
    this.piece = piece;
    this.mix = new Mix();
    this.position = 0;
    this.sent = false;
    this.heard = false;
    this.blocked = false;
    this.interruption = "";
    this.state = "empty";
  }

  /* ---- facts ------------------------------------------------------------------------------------------------- */

  get voices() {
    return this.piece.voices;
  }

  get notes() {
    return this.piece.notes;
  }

  get live() {
    return this.piece.live;
  }

  get loaded() {
    return this.piece.loaded;
  }

  get sounds() {
    return this.engine?.owner === this;
  }

  get currentTime() {
    return this.sounds && this.sent ? this.engine.position : this.position;
  }

  get duration() {
    return this.piece.lengthSeconds;
  }

  get rms() {
    return this.sounds ? this.engine.rms : 0;
  }

  get canPlay() {
    return Boolean(this.view) && (this.live || this.loaded || this.state === "error");
  }

  /* ---- a stored piece ---------------------------------------------------------------------------------------- */

  loadFromAttributes() {
    const { src, voices = "[]", length, title } = this.dataset;
    return this.load({ src, voices: JSON.parse(voices), lengthSeconds: Number(length) || 0, title });
  }

  /* Shows a stored piece; it sounds when play() is called. Resolves to whether it could be read. */
  async load({ src, voices = [], lengthSeconds = 0, title, href }) {
    this.halt();
    this.reset(new PlayerPiece({ voices, lengthSeconds }));
    this.source = { src, voices, lengthSeconds, title, href };
    this.setTitle(title);
    this.roll.clear(lengthSeconds);
    this.showVoices();
    this.setState("loading");
    const attempt = (this.loadAttempt += 1);
    try {
      const file = await this.fetchFile(src);
      if (attempt !== this.loadAttempt) return false;
      this.takeFile(file, lengthSeconds);
      this.setState("paused");
      this.emit("ready");
      return true;
    } catch (error) {
      if (attempt === this.loadAttempt) this.showError(error, () => this.load(this.source));
      return false;
    }
  }

  fetchFile(src) {
    this.fetching?.abort();
    this.fetching = new AbortController();
    return fetchPiece(src, this.fetching.signal);
  }

  takeFile(file, lengthSeconds) {
    this.piece.takeFile(file, lengthSeconds);
    this.roll.setNotes(this.notes, this.duration);
    this.showVoices();
  }

  /* ---- a piece that is still being composed ------------------------------------------------------------------- */

  /* Loads all that these voices need, silently. Resolves to whether it worked; play() tries again and tells why not. */
  prepare(voices) {
    if (!this.engine) return Promise.resolve(false);
    return this.engine.prepare(voices).then(
      () => true,
      () => false,
    );
  }

  /* Inside a click only: lets sound start later without another click. */
  unlock() {
    this.engine?.unlock();
  }

  startLive({ voices, lengthSeconds, title, autoplay = true }) {
    this.halt();
    this.loadAttempt += 1;
    this.fetching?.abort();
    this.reset(new PlayerPiece({ voices, lengthSeconds, live: true }));
    this.setTitle(title);
    this.roll.clear(lengthSeconds, 0);
    this.showVoices();
    this.setState("paused");
    if (autoplay) this.play();
  }

  appendNotes(rows) {
    if (!this.live || rows.length === 0) return;
    const notes = this.piece.notesOf(rows);
    this.roll.addNotes(notes);
    this.piece.notes = this.roll.notes;
    if (this.sent && this.sounds) this.engine.addNotes(notes, this.piece.composedSeconds);
    this.refresh();
  }

  /* Every note that begins before `seconds` has been handed over: playing may go so far. To be called after appendNotes. */
  setComposed(seconds) {
    if (!this.live) return;
    this.piece.composedSeconds = Math.max(this.piece.composedSeconds, seconds);
    this.roll.setComposed(this.piece.composedSeconds);
    if (this.sent && this.sounds) this.engine.setLimit(this.piece.composedSeconds, this.duration);
    this.refresh();
  }

  /* The piece is complete. What sounds goes on; from now the stored file is what plays. */
  async finishLive({ src, lengthSeconds, title = this.dataset.title, href }) {
    if (!this.live) return;
    const attempt = (this.loadAttempt += 1);
    this.piece.complete(lengthSeconds);
    this.source = { src, voices: this.voices, lengthSeconds: this.duration, title, href };
    this.setTitle(title);
    this.roll.setNotes(this.notes, this.duration);
    if (this.sent && this.sounds) {
      this.engine.setLimit(Infinity, this.duration);
      this.engine.setLoop(this.loop);
    }
    this.refresh();
    try {
      const file = await this.fetchFile(src);
      if (attempt !== this.loadAttempt) return;
      this.takeFile(file, lengthSeconds);
      this.sendSong(true);
    } catch {
      /* The notes heard so far are the whole piece: it stays playable without the file. */
    }
    if (attempt !== this.loadAttempt) return;
    this.refresh();
    this.emit("ready");
  }

  abortLive() {
    if (!this.live) return;
    this.halt();
    this.reset();
    this.roll.clear();
    this.showVoices();
    this.refresh();
  }

  /* ---- playing ----------------------------------------------------------------------------------------------- */

  toggle() {
    if (this.state === "playing" || this.state === "preparing") this.pause();
    else this.play();
  }

  /* Starts where it stands. The first call must come from a click; everything is checked again after each await. */
  async play() {
    if (!this.view || !(this.live || this.loaded)) return;
    if (this.sounds && (this.state === "playing" || this.state === "preparing")) return;
    const attempt = (this.attempt += 1);
    const stale = () => attempt !== this.attempt || !this.view || !this.sounds;
    usedPlayer(this);
    if (!this.live && this.position >= this.duration - 0.05) this.position = 0;
    this.engine.unlock();
    this.engine.take(this);
    this.sent = false;
    this.blocked = false;
    this.interruption = "";
    this.setState("preparing");
    try {
      await this.engine.prepare(this.voices);
      if (stale()) return;
      await this.engine.resume();
      if (stale()) return;
      this.sendSong(false);
      this.volume = rememberedVolume(); // the player bar may have changed it
      this.applyVolume();
      this.engine.setRate(this.rate);
      this.engine.setLoop(this.loop && !this.live);
      this.engine.play(this.position);
      this.setState("playing");
      this.view.showHint(muteHint());
      announceMedia(this);
      this.emit("play");
    } catch (error) {
      if (stale()) return;
      if (error instanceof SoundBlocked) this.waitForClick();
      else this.showError(error, () => this.play());
    }
  }

  /* The browser wants a click before it lets anything sound: nothing is wrong, the play button is that click. */
  waitForClick() {
    this.blocked = true;
    this.setState("paused");
  }

  sendSong(keepPosition) {
    if (!this.sounds || (keepPosition && !this.sent)) return;
    this.engine.setSong({
      notes: this.notes,
      controls: this.piece.controls,
      voices: this.voices,
      lengthSeconds: this.duration,
      limitSeconds: this.piece.composedSeconds,
      keepPosition,
    });
    this.sent = true;
    this.engine.setLoop(this.loop && !this.live);
    this.sendLevels();
  }

  pause() {
    const before = this.state;
    this.halt();
    if (before === "playing") this.emit("pause");
  }

  stop() {
    this.pause();
    this.position = 0;
    this.refresh();
    this.emit("seek");
  }

  /* Silences this player and keeps its position. */
  halt() {
    this.attempt += 1;
    this.position = this.currentTime;
    if (this.sounds && this.sent) this.engine.pause();
    this.sent = false;
    if (this.state === "playing" || this.state === "preparing") this.setState("paused");
  }

  /* `settled` false: the listener still drags. */
  seek(seconds, settled = true) {
    if (!this.view || this.duration <= 0) return;
    const end = Math.min(this.piece.composedSeconds, this.duration);
    this.position = Math.min(Math.max(seconds, 0), end);
    if (this.sounds && this.sent && this.state === "playing") this.engine.seek(this.position);
    usedPlayer(this);
    this.refresh();
    if (settled) this.emit("seek");
  }

  /* ---- what the engine tells ----------------------------------------------------------------------------------- */

  soundMoved() {
    this.refresh();
  }

  soundStarted() {
    if (!this.heard) this.emit("first-sound");
    this.heard = true;
  }

  soundEnded() {
    this.position = this.duration;
    this.sent = false;
    this.engine.pause();
    this.setState("paused");
    this.emit("ended");
  }

  /* Another player sounds now. */
  soundTaken(position) {
    this.attempt += 1;
    if (this.sent) this.position = position;
    this.sent = false;
    const before = this.state;
    if (before === "playing" || before === "preparing") this.setState("paused");
    if (before === "playing") this.emit("pause");
  }

  soundFailed(error) {
    this.sent = false;
    this.showError(error, () => this.play());
  }

  /* `sentence`: why, where that is known. */
  soundInterrupted(sentence = "") {
    if (this.state !== "playing" && this.state !== "preparing") return;
    this.interruption = sentence;
    this.pause();
  }

  /* ---- controls ------------------------------------------------------------------------------------------------ */

  warmUp() {
    if (this.loaded) this.prepare(this.voices);
  }

  setLoop(loop) {
    this.loop = loop;
    this.view.showLoop(loop);
    if (this.sounds) this.engine.setLoop(loop && !this.live);
  }

  setMuted(muted) {
    this.muted = muted;
    this.applyVolume();
  }

  setVolume(percent) {
    this.volume = percent;
    this.muted = false;
    rememberVolume(percent);
    this.applyVolume();
  }

  applyVolume() {
    this.view.showVolume(this.volume, this.muted);
    if (this.sounds) this.engine.setVolume(this.muted ? 0 : this.volume / 100);
  }

  setTempo(percent) {
    this.rate = percent / 100;
    this.view.showTempo(percent);
    if (this.sounds) this.engine.setRate(this.rate);
  }

  showVoices() {
    this.roll.setVoices(this.voices);
    const onChange = () => {
      this.roll.setMutedVoices(this.voices.map((_, voice) => voice).filter((voice) => !this.mix.isHeard(voice)));
      this.sendLevels();
    };
    const playing = this.loaded ? new Set(this.notes.map((note) => note[5])) : null;
    this.view.mixer.show(this.voices, this.mix, onChange, playing);
  }

  sendLevels() {
    if (this.sounds) this.engine.setLevels(this.piece.channels.map((channel, voice) => [channel, this.mix.levelOf(voice)]));
  }

  setTitle(title) {
    this.dataset.title = title ?? "";
    this.setAttribute("aria-label", title ? `Player: ${title}` : "Player");
  }

  /* ---- what is shown ------------------------------------------------------------------------------------------- */

  setState(state) {
    this.state = state;
    if (state !== "error") this.view.showError("");
    this.refresh();
  }

  /* Brings the view up to date, and once a frame again while it plays. */
  refresh() {
    if (!this.view) return;
    const now = this.currentTime;
    const waiting = this.state === "playing" && this.engine.clock.waiting;
    this.roll.setPosition(now, this.state === "playing" && !waiting);
    this.view.showPosition(now, this.duration);
    this.view.showState({
      active: this.state === "playing" || this.state === "preparing",
      canPlay: this.live || this.loaded,
      text: this.statusText(waiting),
    });
    if (this.state === "playing" && !this.frame) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.refresh();
      });
    }
  }

  statusText(waiting) {
    if (this.state === "loading") return "Loading…";
    if (this.state === "preparing") return this.live && !this.notes.length ? "Waiting for the first notes…" : "Loading sounds…";
    if (this.blocked) return "Press play to listen";
    if (this.interruption) return this.interruption;
    if (waiting) return this.notes.length ? "Waiting for more notes…" : "Waiting for the first notes…";
    return "";
  }

  showError(error, again) {
    this.again = again;
    this.setState("error");
    this.view.showError(error.message);
    this.emit("error", { message: error.message });
  }

  retry() {
    this.setState(this.loaded || this.live ? "paused" : "empty");
    this.again?.();
  }

  hintClosed() {
    hideHint();
  }

  emit(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(`player:${name}`, { bubbles: true, detail }));
  }
}

if (!customElements.get("music-player")) customElements.define("music-player", MusicPlayer);
