// Rows of pieces: the play button opens one player in its row and starts it. Without this script it is a link.
import { onPage } from "./navigation.js";

const assets = document.getElementById("main").dataset;
let open = null;

function close(row) {
  const slot = row.querySelector("[data-row-player]");
  slot.querySelector("music-player")?.stop?.();
  slot.replaceChildren();
  slot.hidden = true;
  const button = row.querySelector("[data-row-play]");
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-label", `Play ${row.dataset.title}`);
  if (open === row) open = null;
}

function play(row) {
  if (open) close(open);
  const player = document.createElement("music-player");
  player.dataset.sounds = assets.playerSounds;
  player.dataset.worklet = assets.playerWorklet;
  const slot = row.querySelector("[data-row-player]");
  slot.append(player);
  slot.hidden = false;
  player.unlock(); // still inside the click
  const { src, title, length, voices } = row.dataset;
  const { href } = row.querySelector("[data-row-play]");
  const loaded = player.load({ src, title, href, voices: JSON.parse(voices), lengthSeconds: Number(length) });
  Promise.resolve(loaded).then(() => player.play());
  const button = row.querySelector("[data-row-play]");
  button.setAttribute("aria-expanded", "true");
  button.setAttribute("aria-label", `Close player: ${title}`);
  open = row;
}

/** Makes the play links of all rows below an element into buttons. */
export async function enhanceRows(root) {
  await customElements.whenDefined("music-player");
  if (!root.isConnected) return;
  for (const button of root.querySelectorAll("[data-row-play]:not([role])")) {
    button.setAttribute("role", "button");
    button.setAttribute("aria-expanded", "false");
    const row = button.closest("[data-piece-row]");
    const toggle = (event) => {
      event.preventDefault();
      if (open === row) close(row);
      else play(row);
    };
    button.addEventListener("click", toggle);
    button.addEventListener("keydown", (event) => event.key === " " && toggle(event));
  }
}

/** Fetches the short list of recent pieces anew, unless one of them is being listened to. */
export async function renewRecentPieces() {
  const list = document.querySelector("[data-recent]");
  if (!list || list.contains(open)) return;
  const response = await fetch(window.location.pathname, { cache: "no-store" }).catch(() => null);
  if (!response?.ok) return; // the next visit shows it
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.querySelector("[data-recent]");
  if (!fresh || list.contains(open)) return;
  list.replaceWith(fresh);
  enhanceRows(fresh);
}

onPage((main) => {
  open = null;
  enhanceRows(main);
});
