/* The markup of <music-player>: built once per element, without innerHTML of anything that comes from outside. */
import { ICON_PATHS } from "../vendor/bootstrap-icons/player-icons.js";

function create(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function setIcon(button, name) {
  if (button.dataset.icon === name) return;
  button.dataset.icon = name;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  for (const path of ICON_PATHS[name]) {
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
    shape.setAttribute("d", path);
    svg.append(shape);
  }
  button.replaceChildren(svg);
}

/* One label for eyes, ears and the pointer that rests on the button. */
export function setLabel(button, label) {
  if (button.getAttribute("aria-label") === label) return;
  button.setAttribute("aria-label", label);
  button.title = label;
}

function button(className, icon, label) {
  const element = create("button", { type: "button", class: `mp-button ${className}` });
  setIcon(element, icon);
  setLabel(element, label);
  return element;
}

function slider(className, label, { min, max, step, value }) {
  const input = create("input", { type: "range", class: "mp-range", min, max, step, value, "aria-label": label });
  const output = create("span", { class: "mp-slider-value", "aria-hidden": "true" });
  return { input, output, box: create("div", { class: `mp-slider ${className}` }), name: label };
}

/* Fills `host` and returns the parts that change. */
export function buildView(host) {
  const roll = create("canvas", { class: "mp-roll", tabindex: "0", role: "slider", "aria-label": "Piano roll, position" });
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

  const voices = create("ul", { class: "mp-voices", "aria-label": "Voices", hidden: "" });

  const retry = create("button", { type: "button", class: "mp-retry" }, ["Try again"]);
  const errorText = create("span", { class: "mp-notice-text" });
  const error = create("div", { class: "mp-notice mp-error", role: "alert", hidden: "" }, [errorText, retry]);

  const hintText = create("span", { class: "mp-notice-text" });
  const hintClose = button("mp-hint-close", "x-lg", "Hide this hint");
  const hint = create("div", { class: "mp-notice mp-hint", hidden: "" }, [hintText, hintClose]);

  host.replaceChildren(voices, stage, scrub, bar, error, hint);
  host.setAttribute("role", "group");
  return {
    roll, status, seek, overview, past, play, stop, now, length, loop, mute, volume: volume.input, tempo: tempo.input,
    tempoValue: tempo.output, voices, error, errorText, retry, hint, hintText, hintClose,
  };
}

export function buildVoiceButton(name, index) {
  const element = create("button", { type: "button", class: "mp-voice", "aria-pressed": "true" }, [name]);
  element.style.setProperty("--player-voice", `var(--player-voice-${index % 8})`);
  return element;
}
