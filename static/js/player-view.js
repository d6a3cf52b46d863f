/* What <music-player> shows and what its controls do: markup, labels, keys. Nothing here knows of sound.
 *
 * The markup is built once per element, and never from text that comes from outside.
 */
import { PlayerMixer } from "./player-mixer.js";
import { button, create, formatTime, setIcon, setLabel, showPercent, slider } from "./player-parts.js";

/* Fills `host` and returns the parts that change. */
function build(host, mixer) {
  const roll = create("canvas", { class: "mp-roll", tabindex: "0", role: "slider", "aria-label": "Position in the piano roll" });
  const status = create("div", { class: "mp-status", role: "status" });
  const stage = create("div", { class: "mp-stage" }, [roll, status]);

  const seek = create("input", { type: "range", class: "mp-seek", min: 0, max: 0, step: "any", value: 0, "aria-label": "Position" });
  const overview = create("canvas", { class: "mp-overview", "aria-hidden": "true" });
  const past = create("div", { class: "mp-past" });
  const scrub = create("div", { class: "mp-scrub" }, [past, seek, overview]);

  const play = button("mp-play", "play-fill", "Play");
  const stop = button("mp-stop", "stop-fill", "Stop");
  const now = create("span", { class: "mp-time-now" }, ["0:00"]);
  const length = create("span", { class: "mp-time-length" }, ["0:00"]);
  const time = create("span", { class: "mp-time" }, [now, " / ", length]);
  const loop = button("mp-loop", "repeat", "Loop");
  loop.setAttribute("aria-pressed", "false");

  const mute = button("mp-mute", "volume-up-fill", "Mute");
  mute.setAttribute("aria-pressed", "false");
  const volume = slider("mp-volume", "Volume", { min: 0, max: 100, step: 1, value: 80 });
  volume.box.append(mute, volume.input);
  const tempo = slider("mp-tempo", "Tempo", { min: 50, max: 150, step: 5, value: 100 });
  tempo.box.append(create("span", { class: "mp-slider-name", "aria-hidden": "true" }, ["Tempo"]), tempo.input, tempo.output);
  const bar = create("div", { class: "mp-bar" }, [play, stop, time, loop, volume.box, tempo.box]);

  const retry = create("button", { type: "button", class: "mp-retry" }, ["Try again"]);
  const errorText = create("span", { class: "mp-notice-text" });
  const error = create("div", { class: "mp-notice mp-error", role: "alert", hidden: "" }, [errorText, retry]);

  const hintText = create("span", { class: "mp-notice-text" });
  const hintClose = button("mp-hint-close", "x-lg", "Dismiss");
  const hint = create("div", { class: "mp-notice mp-hint", hidden: "" }, [hintText, hintClose]);

  host.replaceChildren(stage, scrub, bar, mixer.element, error, hint);
  host.setAttribute("role", "group");
  return {
    roll, status, seek, overview, past, play, stop, now, length, loop, mute, volume: volume.input, tempo: tempo.input,
    tempoValue: tempo.output, error, errorText, retry, hint, hintText, hintClose,
  };
}

const SMALL_STEP_SECONDS = 5;
const LARGE_STEP_SECONDS = 15;

/* Where a key on the seek slider or the roll leads, in seconds; undefined for other keys. */
function targetOfKey(key, now, end) {
  return {
    ArrowRight: now + SMALL_STEP_SECONDS,
    ArrowUp: now + SMALL_STEP_SECONDS,
    ArrowLeft: now - SMALL_STEP_SECONDS,
    ArrowDown: now - SMALL_STEP_SECONDS,
    PageUp: now + LARGE_STEP_SECONDS,
    PageDown: now - LARGE_STEP_SECONDS,
    Home: 0,
    End: end,
  }[key];
}

export class PlayerView {
  constructor(host) {
    this.mixer = new PlayerMixer();
    this.parts = build(host, this.mixer);
  }

  get canvases() {
    return { roll: this.parts.roll, overview: this.parts.overview };
  }

  /* Connects the controls with the player, until `signal` aborts. */
  bind(player, signal) {
    const { parts } = this;
    const on = (target, type, listener) => target.addEventListener(type, listener, { signal });
    on(parts.play, "click", () => player.toggle());
    on(parts.stop, "click", () => player.stop());
    on(parts.loop, "click", () => player.setLoop(!player.loop));
    on(parts.mute, "click", () => player.setMuted(!player.muted));
    on(parts.volume, "input", () => player.setVolume(Number(parts.volume.value)));
    on(parts.tempo, "input", () => player.setTempo(Number(parts.tempo.value)));
    on(parts.seek, "input", () => player.seek(Number(parts.seek.value), false));
    on(parts.seek, "change", () => player.seek(Number(parts.seek.value)));
    on(parts.retry, "click", () => player.retry());
    on(parts.hintClose, "click", () => {
      parts.hint.hidden = true;
      parts.play.focus();
      player.hintClosed();
    });
    for (const slider of [parts.seek, parts.roll]) {
      on(slider, "keydown", (event) => {
        const target = targetOfKey(event.key, player.currentTime, player.duration);
        if (target === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        player.seek(target);
      });
    }
  }

  /* ---- settings ------------------------------------------------------------------------------------------------ */

  showVolume(percent, muted) {
    const { volume, mute } = this.parts;
    const silent = muted || percent === 0;
    showPercent(volume, percent, silent ? `${percent}%, muted` : `${percent}%`);
    mute.setAttribute("aria-pressed", String(muted));
    setIcon(mute, silent ? "volume-mute-fill" : percent < 50 ? "volume-down-fill" : "volume-up-fill");
  }

  showTempo(percent) {
    showPercent(this.parts.tempo, percent, `${percent}%`);
    this.parts.tempoValue.textContent = `${percent}%`;
  }

  showLoop(loop) {
    this.parts.loop.setAttribute("aria-pressed", String(loop));
  }

  /* ---- state --------------------------------------------------------------------------------------------------- */

  showState({ active, canPlay, text }) {
    const { play, stop, seek, status } = this.parts;
    setIcon(play, active ? "pause-fill" : "play-fill");
    setLabel(play, active ? "Pause" : "Play");
    play.disabled = stop.disabled = seek.disabled = !canPlay;
    if (status.textContent !== text) status.textContent = text;
  }

  showPosition(seconds, lengthSeconds) {
    const { seek, roll, past, now, length } = this.parts;
    past.style.setProperty("--player-share", lengthSeconds ? (seconds / lengthSeconds).toFixed(4) : "0");
    seek.max = lengthSeconds;
    seek.value = seconds;
    const [nowText, lengthText] = [formatTime(seconds), formatTime(Math.round(lengthSeconds))];
    if (now.textContent === nowText && length.textContent === lengthText && roll.hasAttribute("aria-valuenow")) return;
    now.textContent = nowText;
    length.textContent = lengthText;
    for (const slider of [seek, roll]) slider.setAttribute("aria-valuetext", `${nowText} of ${lengthText}`);
    roll.setAttribute("aria-valuemin", "0");
    roll.setAttribute("aria-valuemax", String(Math.round(lengthSeconds)));
    roll.setAttribute("aria-valuenow", String(Math.floor(seconds)));
  }

  /* "" hides it. */
  showError(sentence) {
    this.parts.errorText.textContent = sentence;
    this.parts.error.hidden = !sentence;
  }

  showHint(sentence) {
    this.parts.hintText.textContent = sentence;
    this.parts.hint.hidden = !sentence;
  }
}
