/* Pieces of markup that the player's views are made of. Never made from text that comes from outside as markup. */
import { ICON_PATHS } from "../vendor/bootstrap-icons/player-icons.js";

export function create(tag, attributes = {}, children = []) {
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

export function button(className, icon, label) {
  const element = create("button", { type: "button", class: `mp-button ${className}` });
  setIcon(element, icon);
  setLabel(element, label);
  return element;
}

export function slider(className, label, { min, max, step, value }) {
  const input = create("input", { type: "range", class: "mp-range", min, max, step, value, "aria-label": label });
  const output = create("span", { class: "mp-slider-value", "aria-hidden": "true" });
  return { input, output, box: create("div", { class: `mp-slider ${className}` }), name: label };
}

export function showPercent(input, percent, text) {
  const share = ((percent - input.min) / (input.max - input.min)) * 100;
  input.value = percent;
  input.style.setProperty("--player-fill", `${share}%`);
  input.setAttribute("aria-valuetext", text);
}

export function formatTime(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
