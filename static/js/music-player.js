/* <music-player>: hears and shows one piece, stored or still being composed.
 *
 * Attributes: data-src (MIDI file), data-programs ("0" or "0,48"), data-length (seconds), data-title, data-sounds (folder
 * with index.json), data-worklet (built audio worklet).
 *
 * Methods: load · play · pause · stop · seek, and for a piece that grows: prepare (before the click) → unlock (inside the
 * click) → startLive → appendNotes and setComposed, again and again → finishLive, or abortLive.
 * Notes of appendNotes are [pitch, velocity, start_ms, end_ms, voice].
 * Read only: currentTime, duration, state, rms (loudness now, 0 … 1).
 * Events, all bubbling: player:ready, player:play, player:pause, player:ended, player:seek, player:first-sound,
 * player:error {detail.message}.
 */
import { readMidi } from "./midi-file.js";
import { PianoRoll } from "./piano-roll.js";
import { announceMedia, forgetMedia, hideHint, muteHint, rememberedVolume, rememberVolume } from "./player-surroundings.js";
import { PlayerView } from "./player-view.js";
import { channelsFor, SoundBlocked, soundEngine } from "./sound-engine.js";

const NO_FILE = "The piece could not be loaded. Try again, or download the MIDI file.";
const TYPING = "input, select, textarea, button, a[href], summary, [contenteditable], [role=button], dialog";

const players = new Set();
let lastUsed = null;

/* Space plays and pauses wherever it does not type a blank or press a button. */
function onSpace(event) {
  if (event.key !== " " || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const field = event.target.closest?.(TYPING);
  if (field && !field.matches(".mp-seek, .mp-range")) return;
  const own = event.target.closest?.("music-player");
  const player = own ?? (lastUsed?.isConnected ? lastUsed : [...players].find((candidate) => candidate.canPlay));
  if (!player?.canPlay) return;
  event.preventDefault();
  player.toggle();
}

export class MusicPlayer extends HTMLElement {
  static observedAttributes = ["data-src"];

  connectedCallback() {
    if (this.view) return;
    if (players.size === 0) document.addEventListener("keydown", onSpace);
    players.add(this);
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
    /* A hand that comes near will press play soon. */
    for (const near of ["pointerenter", "focusin", "touchstart"]) {
      this.addEventListener(near, () => this.warmUp(), { signal: this.abort.signal, passive: true });
    }
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
    players.delete(this);
    if (lastUsed === this) {
      lastUsed = null;
      forgetMedia();
    }
    if (players.size === 0) document.removeEventListener("keydown", onSpace);
    if (![...players].some((player) => player.engine === this.engine)) this.engine.close();
  }

  reset() {
    this.notes = [];
    this.controls = [];
    this.voices = [];
    this.mutedVoices = new Set();
    this.lengthSeconds = 0;
    this.composedSeconds = Infinity;
    this.position = 0;
    this.live = false;
    this.sent = false;
    this.heard = false;
    this.loaded = false;
    this.blocked = false;
    this.state = "empty";
  }

  /* ---- facts ------------------------------------------------------------------------------------------------- */

  get sounds() {
    return this.engine?.owner === this;
  }

  get currentTime() {
    return this.sounds && this.sent ? this.engine.position : this.position;
  }

  get duration() {
    return this.lengthSeconds;
  }

  get rms() {
    return this.sounds ? this.engine.rms : 0;
  }

  get canPlay() {
    return Boolean(this.view) && (this.live || this.loaded || this.state === "error");
  }

  /* ---- a stored piece ---------------------------------------------------------------------------------------- */

  loadFromAttributes() {
    const { src, programs = "0", length, title } = this.dataset;
    const voices = programs.split(",").map((program) => ({ program: Number(program), is_drum: false }));
    return this.load({ src, voices, lengthSeconds: Number(length) || 0, title });
  }

  /* Shows a stored piece; it sounds when play() is called. Resolves to whether it could be read. */
  async load({ src, voices = [], lengthSeconds = 0, title }) {
    this.halt();
    this.reset();
    this.source = { src, voices, lengthSeconds, title };
    this.voices = voices;
    this.lengthSeconds = lengthSeconds;
    this.setTitle(title);
    this.roll.clear(lengthSeconds);
    this.setState("loading");
    const attempt = (this.loadAttempt += 1);
    try {
      const piece = await this.fetchPiece(src);
      if (attempt !== this.loadAttempt) return false;
      this.takePiece(piece, lengthSeconds);
      this.setState("paused");
      this.emit("ready");
      return true;
    } catch (error) {
      if (attempt === this.loadAttempt) this.showError(error, () => this.load(this.source));
      return false;
    }
  }

  async fetchPiece(src) {
    this.fetching?.abort();
    this.fetching = new AbortController();
    let buffer;
    try {
      const response = await fetch(src, { signal: this.fetching.signal, credentials: "same-origin" });
      if (!response.ok) throw new Error(String(response.status));
      buffer = await response.arrayBuffer();
    } catch (cause) {
      throw new Error(NO_FILE, { cause });
    }
    return readMidi(buffer);
  }

  takePiece(piece, lengthSeconds) {
    const named = this.voices.length === piece.voices.length ? this.voices : [];
    this.voices = piece.voices.map((voice, index) => ({ ...voice, name: named[index]?.name || voice.name }));
    this.notes = piece.notes;
    this.controls = piece.controls;
    this.lengthSeconds = Math.max(lengthSeconds || 0, piece.lengthSeconds);
    this.composedSeconds = Infinity;
    this.loaded = true;
    this.roll.setNotes(this.notes, this.lengthSeconds);
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
    this.reset();
    this.live = true;
    this.voices = voices;
    this.channels = channelsFor(voices);
    this.lengthSeconds = lengthSeconds;
    this.composedSeconds = 0;
    this.setTitle(title);
    this.roll.clear(lengthSeconds, 0);
    this.showVoices();
    this.setState("paused");
    if (autoplay) this.play();
  }

  appendNotes(rows) {
    if (!this.live || rows.length === 0) return;
    const notes = rows.map(([pitch, velocity, startMs, endMs, voice]) => [
      startMs / 1000, endMs / 1000, pitch, velocity, this.channels[voice] ?? 0, voice,
    ]);
    this.roll.addNotes(notes);
    this.notes = this.roll.notes;
    if (this.sent && this.sounds) this.engine.addNotes(notes, this.composedSeconds);
    this.refresh();
  }

  /* Every note that begins before `seconds` has been handed over: playing may go so far. To be called after appendNotes. */
  setComposed(seconds) {
    if (!this.live) return;
    this.composedSeconds = Math.max(this.composedSeconds, seconds);
    this.roll.setComposed(this.composedSeconds);
    if (this.sent && this.sounds) this.engine.setLimit(this.composedSeconds, this.lengthSeconds);
    this.refresh();
  }

  /* The piece is complete. What sounds goes on; from now the stored file is what plays. */
  async finishLive({ src, lengthSeconds }) {
    if (!this.live) return;
    const attempt = (this.loadAttempt += 1);
    this.live = false;
    this.loaded = true;
    this.lengthSeconds = lengthSeconds || this.lengthSeconds;
    this.composedSeconds = Infinity;
    this.source = { src, voices: this.voices, lengthSeconds: this.lengthSeconds, title: this.dataset.title };
    this.roll.setNotes(this.notes, this.lengthSeconds);
    if (this.sent && this.sounds) {
      this.engine.setLimit(Infinity, this.lengthSeconds);
      this.engine.setLoop(this.loop);
    }
    this.refresh();
    try {
      const piece = await this.fetchPiece(src);
      if (attempt !== this.loadAttempt) return;
      this.takePiece(piece, lengthSeconds);
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
    lastUsed = this;
    if (!this.live && this.position >= this.lengthSeconds - 0.05) this.position = 0;
    this.engine.unlock();
    this.engine.take(this);
    this.sent = false;
    this.blocked = false;
    this.setState("preparing");
    try {
      await this.engine.prepare(this.voices);
      if (stale()) return;
      await this.engine.resume();
      if (stale()) return;
      this.sendSong(false);
      this.engine.setVolume(this.muted ? 0 : this.volume / 100);
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
      controls: this.controls,
      voices: this.voices,
      lengthSeconds: this.lengthSeconds,
      limitSeconds: this.live ? this.composedSeconds : Infinity,
      keepPosition,
    });
    this.sent = true;
    this.engine.setLoop(this.loop && !this.live);
    this.sendMutedVoices();
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
    if (!this.view || this.lengthSeconds <= 0) return;
    const end = this.live ? Math.min(this.composedSeconds, this.lengthSeconds) : this.lengthSeconds;
    this.position = Math.min(Math.max(seconds, 0), end);
    if (this.sounds && this.sent && this.state === "playing") this.engine.seek(this.position);
    lastUsed = this;
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
    this.position = this.lengthSeconds;
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

  soundInterrupted() {
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
    const names = this.voices.map((voice, index) => voice.name || `Voice ${index + 1}`);
    const sounding = names.map((_, index) => !this.mutedVoices.has(index));
    this.view.showVoices(names, sounding, (index) => {
      if (!this.mutedVoices.delete(index)) this.mutedVoices.add(index);
      this.roll.setMutedVoices(this.mutedVoices);
      this.sendMutedVoices();
      return !this.mutedVoices.has(index);
    });
  }

  sendMutedVoices() {
    if (!this.sounds) return;
    const channels = channelsFor(this.voices);
    this.engine.setMutedChannels([...this.mutedVoices].map((voice) => channels[voice]));
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
    this.view.showPosition(now, this.lengthSeconds);
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
    if (this.state === "loading") return "Loading the piece…";
    if (this.state === "preparing") return this.live && !this.notes.length ? "Waiting for the first notes…" : "Loading the sounds…";
    if (this.blocked) return "Press play to listen";
    if (waiting) return this.notes.length ? "Waiting for the composer…" : "Waiting for the first notes…";
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
