/* What <player-bar> shows and what its controls do: markup, labels, keys. Nothing here knows of sound. */
import { QueuePanel } from "./player-bar-panel.js";
import { button, create, formatTime, setIcon, setLabel, showPercent, slider } from "./player-parts.js";

const NOTE_MS = 4000;
const SMALL_STEP_SECONDS = 5;
const LARGE_STEP_SECONDS = 15;
const NARROW = window.matchMedia("(max-width: 47.99rem)");
const NARROWEST = window.matchMedia("(max-width: 26rem)");
const LOOP_LABELS = { off: "Loop off", all: "Loop the queue", one: "Loop this piece" };

/* Fills `host` and returns the parts that change. */
function build(host, panel) {
  const seek = create("input", { type: "range", class: "pb-seek", min: 0, max: 0, step: "any", value: 0, "aria-label": "Position in the piece" });
  const previous = button("pb-previous", "skip-start-fill", "Previous piece");
  const play = button("pb-play", "play-fill", "Play");
  const next = button("pb-next", "skip-end-fill", "Next piece");
  const title = create("a", { class: "pb-title", href: "#" });
  const time = create("span", { class: "pb-time" });
  const note = create("span", { class: "pb-note", role: "status" });
  const shuffle = button("pb-shuffle", "shuffle", "Shuffle");
  const loop = button("pb-loop", "repeat", LOOP_LABELS.off);
  const mute = button("pb-mute", "volume-up-fill", "Mute");
  const volume = slider("pb-volume", "Volume", { min: 0, max: 100, step: 1, value: 80 });
  volume.box.append(mute, volume.input);
  const extras = create("div", { class: "pb-extras" }, [shuffle, loop, volume.box]);
  const queue = button("pb-queue", "music-note-list", "Queue");
  queue.setAttribute("aria-expanded", "false");
  queue.setAttribute("aria-controls", "player-bar-queue");
  const steps = create("div", { class: "pb-steps" }, [previous, play, next]);
  const row = create("div", { class: "pb-row" }, [
    steps,
    create("div", { class: "pb-piece" }, [title, create("span", { class: "pb-line" }, [time, note])]),
    extras,
    queue,
  ]);
  const announced = create("p", { class: "visually-hidden", role: "status" });
  host.setAttribute("role", "region");
  host.setAttribute("aria-label", "Player");
  host.replaceChildren(panel.element, seek, row, announced);
  return { seek, steps, previous, play, next, title, time, note, shuffle, loop, mute, volume: volume.input, extras, queue, announced };
}

export class BarView {
  constructor(bar) {
    this.panel = new QueuePanel(bar);
    this.parts = build(bar, this.panel);
    this.noteTimer = 0;
    this.sentence = "";
    this.bind(bar);
    this.placeExtras();
  }

  bind(bar) {
    const { parts } = this;
    const on = (target, type, listener) => target.addEventListener(type, listener);
    on(parts.previous, "click", () => bar.previous());
    on(parts.play, "click", () => bar.toggle());
    on(parts.next, "click", () => bar.next());
    on(parts.shuffle, "click", () => bar.setShuffled(!bar.queue.isShuffled));
    on(parts.loop, "click", () => bar.turnLoop());
    on(parts.mute, "click", () => bar.setMuted(!bar.muted));
    on(parts.volume, "input", () => bar.setVolume(Number(parts.volume.value)));
    on(parts.seek, "input", () => bar.seek(Number(parts.seek.value), false));
    on(parts.seek, "change", () => bar.seek(Number(parts.seek.value)));
    on(parts.seek, "keydown", (event) => {
      const small = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      const large = { PageUp: 1, PageDown: -1 }[event.key];
      if ((!small && !large) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      bar.seek(bar.currentTime + (small ?? 0) * SMALL_STEP_SECONDS + (large ?? 0) * LARGE_STEP_SECONDS);
    });
    on(parts.queue, "click", () => this.openPanel(this.panel.element.hidden, bar));
    on(this.panel.close, "click", () => this.openPanel(false, bar));
    on(bar, "keydown", (event) => {
      if (event.key !== "Escape" || this.panel.element.hidden) return;
      event.stopPropagation();
      this.openPanel(false, bar);
    });
    for (const width of [NARROW, NARROWEST]) on(width, "change", () => this.placeExtras());
  }

  /* Where the bar is too narrow for them, the rarer controls stand in the queue panel. */
  placeExtras() {
    const { extras, queue, previous, steps } = this.parts;
    if (NARROW.matches) this.panel.head.after(extras);
    else queue.before(extras);
    (NARROWEST.matches ? extras : steps).prepend(previous);
  }

  openPanel(isOpen, bar) {
    this.panel.element.hidden = !isOpen;
    this.parts.queue.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) {
      this.panel.show(bar);
      this.panel.showCurrent();
    } else this.parts.queue.focus();
  }

  /* ---- state ------------------------------------------------------------------------------------------------------ */

  show(bar) {
    const { parts } = this;
    const { current, queue, isActive } = bar;
    setIcon(parts.play, isActive ? "pause-fill" : "play-fill");
    setLabel(parts.play, isActive ? "Pause" : "Play");
    bar.dataset.state = bar.state;
    parts.next.disabled = !queue.following;
    parts.shuffle.setAttribute("aria-pressed", String(queue.isShuffled));
    setIcon(parts.loop, queue.loop === "one" ? "repeat-1" : "repeat");
    setLabel(parts.loop, LOOP_LABELS[queue.loop]);
    parts.loop.toggleAttribute("data-on", queue.loop !== "off");
    setLabel(parts.queue, `Queue, ${queue.entries.length} ${queue.entries.length === 1 ? "piece" : "pieces"}`);
    const { title } = bar.dataset;
    if (parts.title.textContent !== title) parts.title.textContent = parts.title.title = title;
    if (current?.href) parts.title.href = current.href;
    // A screen reader hears the name of what plays, once, and nothing of the position.
    if (bar.state === "playing" && parts.announced.textContent !== title) parts.announced.textContent = title;
    if (!current) parts.announced.textContent = "";
    if (!current && !this.panel.element.hidden) {
      this.panel.element.hidden = true;
      parts.queue.setAttribute("aria-expanded", "false");
      document.getElementById("main")?.focus({ preventScroll: true });
    }
    if (!this.panel.element.hidden) this.panel.show(bar);
  }

  showPosition(seconds, lengthSeconds) {
    const { seek, time } = this.parts;
    seek.max = lengthSeconds;
    seek.value = seconds;
    seek.style.setProperty("--pb-share", `${lengthSeconds ? (100 * seconds) / lengthSeconds : 0}%`);
    const [now, length] = [formatTime(seconds), formatTime(Math.round(lengthSeconds))];
    const text = `${now} / ${length}`;
    if (time.textContent === text) return;
    time.textContent = text;
    seek.setAttribute("aria-valuetext", `${now} of ${length}`);
  }

  showVolume(percent, muted) {
    const { volume, mute } = this.parts;
    const isSilent = muted || percent === 0;
    showPercent(volume, percent, isSilent ? `${percent}%, muted` : `${percent}%`);
    mute.setAttribute("aria-pressed", String(muted));
    setIcon(mute, isSilent ? "volume-mute-fill" : percent < 50 ? "volume-down-fill" : "volume-up-fill");
  }

  /* What is wrong, until it is not. */
  say(sentence) {
    this.sentence = sentence;
    if (!this.noteTimer) this.showNote(sentence);
  }

  /* What was just done, for a moment. */
  note(sentence) {
    clearTimeout(this.noteTimer);
    this.showNote(sentence);
    this.noteTimer = setTimeout(() => {
      this.noteTimer = 0;
      this.showNote(this.sentence);
    }, NOTE_MS);
  }

  showNote(sentence) {
    if (this.parts.note.textContent !== sentence) this.parts.note.textContent = sentence;
  }
}
