/* Draws the notes of a piece on two canvases: the roll, which follows the playback, and the overview of the whole piece.
 *
 * It knows nothing of sound: notes, position and length go in, a click comes out as onSeek(seconds).
 * Notes are [startSeconds, endSeconds, pitch, velocity, channel, voice], in the order of their start. Drums have a lane
 * of their own below the keys.
 */
import { DRUM_ROWS, drawDrumNames, drawDrumRows, drawHit, drumRow, laneHeight } from "./drum-lane.js";
import { formatTime } from "./player-parts.js";
import { RollColors } from "./roll-colors.js";
import { drawOverview } from "./roll-overview.js";

const SECONDS_PER_VIEW = 12;
/* Where in the roll "now" stands while it scrolls, as a share of the width. */
const NOW_AT = 0.28;
const MIN_PITCHES = 37;
/* Pitches shown before there are notes. */
const NO_NOTES = [48, 84];
const LONGEST_NOTE_SECONDS = 30;
const BLACK_KEYS = new Set([1, 3, 6, 8, 10]);
const LABEL_STEPS = [1, 2, 5, 10, 15, 30, 60, 120];
const NEW_NOTE_MS = 450;
const LABELS_HEIGHT = 18;
/* A finger that moved less than this has tapped. */
const SCROLL_PIXELS = 8;

function firstAtOrAfter(notes, seconds) {
  let low = 0;
  let high = notes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (notes[middle][0] < seconds) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class PianoRoll {
  constructor({ roll, overview, onSeek }) {
    this.roll = { canvas: roll, context: roll.getContext("2d"), width: 0, height: 0 };
    this.overview = { canvas: overview, context: overview.getContext("2d"), width: 0, height: 0 };
    this.notes = [];
    this.births = new Map();
    this.mutedVoices = new Set();
    this.drumVoices = new Set();
    this.hasKeys = true;
    this.position = 0;
    this.lengthSeconds = 0;
    this.composedSeconds = Infinity;
    this.viewStart = 0;
    [this.lowest, this.highest] = NO_NOTES;
    this.playing = false;
    this.overviewStale = true;
    this.frame = 0;
    this.animating = false;
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.looks = ["(prefers-color-scheme: dark)", "(forced-colors: active)"].map((query) => window.matchMedia(query));
    this.abort = new AbortController();
    const { signal } = this.abort;

    this.resizes = new ResizeObserver(() => this.resize());
    this.resizes.observe(roll);
    this.resizes.observe(overview);
    this.themes = new MutationObserver(() => this.readTheme());
    this.themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme", "class"] });
    for (const look of this.looks) look.addEventListener("change", () => this.readTheme(), { signal });
    roll.addEventListener("pointerdown", (event) => this.beginDrag(event, onSeek), { signal });
    this.readTheme();
    this.resize();
  }

  destroy() {
    this.abort.abort();
    this.resizes.disconnect();
    this.themes.disconnect();
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.destroyed = true;
  }

  /* ---- what is shown ----------------------------------------------------------------------------------------- */

  clear(lengthSeconds = 0, composedSeconds = Infinity) {
    this.notes = [];
    this.births.clear();
    this.position = 0;
    this.viewStart = 0;
    this.lengthSeconds = lengthSeconds;
    this.composedSeconds = composedSeconds;
    [this.lowest, this.highest] = NO_NOTES;
    this.changed();
  }

  setNotes(notes, lengthSeconds) {
    this.notes = notes;
    this.births.clear();
    this.lengthSeconds = lengthSeconds;
    this.composedSeconds = Infinity;
    this.fitPitches(notes);
    this.changed();
  }

  /* More notes of a piece that grows; each glows for a moment where it appears. */
  addNotes(notes) {
    const now = performance.now();
    for (const note of notes) {
      this.notes.splice(firstAtOrAfter(this.notes, note[0]), 0, note);
      if (!this.calm.matches) this.births.set(note, now);
    }
    this.fitPitches(notes);
    this.changed();
  }

  setComposed(seconds) {
    this.composedSeconds = seconds;
    this.changed();
  }

  /* Which of the voices are drums; without any other voice their lane takes all the room. */
  setVoices(voices) {
    this.drumVoices = new Set(voices.map((voice, index) => (voice.is_drum || voice.isDrum ? index : -1)).filter((index) => index >= 0));
    this.hasKeys = this.drumVoices.size === 0 || this.drumVoices.size < voices.length;
    this.fitPitches(this.notes);
    this.changed();
  }

  setMutedVoices(voices) {
    this.mutedVoices = new Set(voices);
    this.changed();
  }

  setPosition(seconds, playing) {
    if (seconds === this.position && playing === this.playing) return;
    this.position = seconds;
    this.playing = playing;
    this.requestDraw();
  }

  changed() {
    this.overviewStale = true;
    this.requestDraw();
  }

  fitPitches(notes) {
    if (notes.length && this.notes.length === notes.length) {
      this.lowest = 127;
      this.highest = 0;
    }
    for (const [, , pitch, , , voice] of notes) {
      if (this.drumVoices.has(voice)) continue;
      this.lowest = Math.min(this.lowest, pitch);
      this.highest = Math.max(this.highest, pitch);
    }
    if (this.lowest > this.highest) [this.lowest, this.highest] = NO_NOTES;
    const missing = MIN_PITCHES - (this.highest - this.lowest + 1);
    if (missing > 0) {
      this.lowest = Math.max(0, this.lowest - Math.ceil(missing / 2));
      this.highest = Math.min(127, this.lowest + MIN_PITCHES - 1);
    }
  }

  /* ---- size and colours -------------------------------------------------------------------------------------- */

  resize() {
    for (const surface of [this.roll, this.overview]) {
      const { canvas, context } = surface;
      const scale = window.devicePixelRatio || 1;
      surface.width = canvas.clientWidth;
      surface.height = canvas.clientHeight;
      const width = Math.round(surface.width * scale);
      const height = Math.round(surface.height * scale);
      if (canvas.width !== width || canvas.height !== height) {
        canvas.width = width;
        canvas.height = height;
      }
      context.setTransform(scale, 0, 0, scale, 0, 0);
    }
    this.overviewStale = true;
    this.draw();
  }

  readTheme() {
    this.colors = new RollColors(this.roll.canvas, this.roll.context);
    this.changed();
  }

  colorOf([, , , velocity, , voice]) {
    return this.mutedVoices.has(voice) ? this.colors.muted : this.colors.of(voice, velocity);
  }

  /* ---- geometry ---------------------------------------------------------------------------------------------- */

  /* Seconds that fit into the roll: a narrow screen shows less, a short piece is shown whole. */
  get viewSeconds() {
    const seconds = Math.max(6, Math.min(20, (SECONDS_PER_VIEW * this.roll.width) / 800));
    return this.lengthSeconds > 0 && this.lengthSeconds <= seconds ? this.lengthSeconds : seconds;
  }

  updateView() {
    const seconds = this.viewSeconds;
    const last = Math.max(0, this.lengthSeconds - seconds);
    if (this.dragging) return;
    if (this.calm.matches) {
      /* Without motion the roll turns pages. */
      const page = Math.floor((this.position + 1e-6) / seconds) * seconds;
      this.viewStart = Math.min(page, last);
    } else {
      this.viewStart = Math.min(Math.max(0, this.position - seconds * NOW_AT), last);
    }
  }

  secondsAt(clientX) {
    const box = this.roll.canvas.getBoundingClientRect();
    const share = Math.min(Math.max((clientX - box.left) / box.width, 0), 1);
    return Math.min(Math.max(this.viewStart + share * this.viewSeconds, 0), this.lengthSeconds);
  }

  /* A finger that only scrolls the page over the roll must not seek: it counts once it moves sideways or lifts. */
  beginDrag(event, onSeek) {
    if (event.button !== 0 || this.lengthSeconds <= 0) return;
    this.dragging = true;
    const { signal } = this.abort;
    const drag = new AbortController();
    const options = { signal: AbortSignal.any ? AbortSignal.any([signal, drag.signal]) : drag.signal };
    this.roll.canvas.setPointerCapture(event.pointerId);
    if (event.pointerType !== "touch") onSeek(this.secondsAt(event.clientX), false);
    const finish = () => {
      drag.abort();
      this.dragging = false;
      this.requestDraw();
    };
    this.roll.canvas.addEventListener(
      "pointermove",
      (move) => {
        const [across, along] = [Math.abs(move.clientX - event.clientX), Math.abs(move.clientY - event.clientY)];
        if (event.pointerType === "touch" && along > Math.max(across, SCROLL_PIXELS)) finish();
        else if (event.pointerType !== "touch" || across > SCROLL_PIXELS) onSeek(this.secondsAt(move.clientX), false);
      },
      options,
    );
    this.roll.canvas.addEventListener("pointercancel", finish, options);
    this.roll.canvas.addEventListener(
      "pointerup",
      (up) => {
        onSeek(this.secondsAt(up.clientX), true);
        finish();
      },
      options,
    );
  }

  /* ---- drawing ----------------------------------------------------------------------------------------------- */

  requestDraw() {
    if (this.frame || this.destroyed) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw() {
    if (this.destroyed || !this.roll.width || !this.colors) return;
    this.updateView();
    this.drawRoll();
    if (this.overviewStale) this.drawOverview();
    if (this.births.size) this.requestDraw();
  }

  drawRoll() {
    const { context, width, height } = this.roll;
    const body = height - LABELS_HEIGHT;
    const lane = this.drumVoices.size ? (this.hasKeys ? laneHeight(body) : body) : 0;
    const keys = body - lane;
    const low = this.lowest - 1;
    const rows = this.highest - this.lowest + 3;
    const row = keys / rows;
    const scale = width / this.viewSeconds;
    const x = (seconds) => (seconds - this.viewStart) * scale;
    const y = (pitch) => keys - (pitch - low + 1) * row;
    context.fillStyle = this.colors.white;
    context.fillRect(0, 0, width, height);
    if (this.hasKeys) this.drawKeys(context, width, row, y, low, rows);
    if (lane) drawDrumRows(context, { top: keys, height: lane, width, colors: this.colors });
    this.drawSeconds(context, width, body, height, x);
    this.drawNotes(context, row, x, y);
    if (lane) {
      this.drawHits(context, body, lane, x);
      drawDrumNames(context, { top: keys, height: lane, colors: this.colors });
    }
    this.drawFuture(context, width, body, x);
    this.drawNow(context, x(this.position), body);
  }

  /* Notes that may be seen now, the oldest first. */
  *visibleNotes() {
    const { notes } = this;
    const end = this.viewStart + this.viewSeconds;
    for (let index = firstAtOrAfter(notes, this.viewStart - LONGEST_NOTE_SECONDS); index < notes.length; index += 1) {
      if (notes[index][0] > end) return;
      yield notes[index];
    }
  }

  /* How far a note that has just been composed has appeared, 0 … 1. */
  ageOf(note, now) {
    const age = this.births.has(note) ? (now - this.births.get(note)) / NEW_NOTE_MS : 1;
    if (age >= 1) this.births.delete(note);
    return age;
  }

  drawKeys(context, width, row, y, low, rows) {
    for (let pitch = low; pitch < low + rows; pitch += 1) {
      if (row > 3.2 && BLACK_KEYS.has(((pitch % 12) + 12) % 12)) {
        context.fillStyle = this.colors.black;
        context.fillRect(0, y(pitch), width, row);
      }
      if (pitch % 12 === 0) {
        context.fillStyle = this.colors.line;
        context.fillRect(0, Math.round(y(pitch) + row) - 0.5, width, 1);
      }
    }
  }

  drawSeconds(context, width, body, height, x) {
    const perLabel = (this.viewSeconds / width) * 64;
    const step = LABEL_STEPS.find((candidate) => candidate >= perLabel) ?? 300;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "left";
    const end = this.viewStart + this.viewSeconds;
    for (let seconds = Math.floor(this.viewStart / step) * step; seconds <= end; seconds += step) {
      const left = Math.round(x(seconds));
      context.fillStyle = this.colors.line;
      context.fillRect(left, 0, 1, body + 4);
      if (left > -20 && left < width - 30) {
        context.fillStyle = this.colors.text;
        context.fillText(formatTime(seconds), left + 4, (body + height) / 2);
      }
    }
  }

  drawNotes(context, row, x, y) {
    const { position } = this;
    const now = performance.now();
    const height = Math.max(row - (row > 5 ? 1 : 0), 3);
    const radius = Math.min(3, height / 2);
    for (const note of this.visibleNotes()) {
      if (note[1] < this.viewStart || this.drumVoices.has(note[5])) continue;
      const left = x(note[0]);
      const long = Math.max(x(note[1]) - left - 1, 2.5);
      const top = y(note[2]) + (row - height) / 2;
      const sounds = note[0] <= position && note[1] > position && !this.mutedVoices.has(note[5]) && this.playing;
      const age = this.ageOf(note, now);
      context.globalAlpha = Math.min(1, 0.15 + age);
      context.fillStyle = this.colorOf(note);
      context.beginPath();
      if (context.roundRect) context.roundRect(left, top, long, height, radius);
      else context.rect(left, top, long, height);
      context.fill();
      if (sounds || age < 1) {
        context.globalAlpha = sounds ? 1 : (1 - age) * 0.8;
        context.shadowColor = this.colorOf(note);
        context.shadowBlur = sounds ? 12 : 0;
        context.fillStyle = sounds ? this.colors.soundingOf(note[5]) : this.colors.glow;
        context.fill();
        context.shadowBlur = 0;
      }
    }
    context.globalAlpha = 1;
  }

  drawHits(context, body, lane, x) {
    const now = performance.now();
    const row = lane / DRUM_ROWS;
    for (const note of this.visibleNotes()) {
      if (note[0] < this.viewStart - 1 || !this.drumVoices.has(note[5])) continue;
      const heard = this.playing && !this.mutedVoices.has(note[5]);
      context.globalAlpha = Math.min(1, 0.15 + this.ageOf(note, now));
      drawHit(context, {
        x: x(note[0]),
        y: body - (drumRow(note[2]) + 0.5) * row,
        row,
        velocity: note[3],
        color: this.colorOf(note),
        glow: this.colors.glow,
        secondsAgo: heard ? this.position - note[0] : -1,
      });
    }
    context.globalAlpha = 1;
  }

  /* What is not composed yet lies under a veil. */
  drawFuture(context, width, body, x) {
    if (this.composedSeconds >= this.lengthSeconds) return;
    const left = Math.max(0, x(this.composedSeconds));
    if (left >= width) return;
    context.fillStyle = this.colors.veil;
    context.fillRect(left, 0, width - left, body);
    context.fillStyle = this.colors.line;
    for (let stripe = left - (left % 14) + 14; stripe < width + body; stripe += 14) {
      context.beginPath();
      context.moveTo(Math.max(left, stripe - body), Math.min(body, stripe - left));
      context.lineTo(stripe, 0);
      context.lineWidth = 1;
      context.strokeStyle = this.colors.line;
      context.stroke();
    }
  }

  drawNow(context, left, body) {
    context.fillStyle = this.colors.now;
    context.fillRect(Math.round(left) - 1, 0, 2, body);
    context.beginPath();
    context.moveTo(left - 5, 0);
    context.lineTo(left + 5, 0);
    context.lineTo(left, 7);
    context.fill();
  }

  drawOverview() {
    this.overviewStale = false;
    drawOverview(this.overview, {
      notes: this.notes,
      lengthSeconds: this.lengthSeconds,
      composedSeconds: this.composedSeconds,
      pitches: this.hasKeys ? [this.lowest, this.highest] : null,
      drumVoices: this.drumVoices,
      colors: this.colors,
      colorOf: (note) => this.colorOf(note),
    });
  }
}
