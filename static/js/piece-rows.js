// Rows of pieces: the play button opens one player in its row, starts and pauses it. Without this script it is a link.
import { onPage } from "./navigation.js";
import { PLAYER_EVENTS, playerOf, playStateOf, showPlayState } from "./players-on-page.js";

const assets = document.getElementById("main").dataset;
let open = null;

function close(row) {
  const slot = row.querySelector("[data-row-player]");
  slot.querySelector("music-player")?.stop?.();
  slot.replaceChildren();
  slot.hidden = true;
  row.querySelector("[data-row-play]").setAttribute("aria-expanded", "false");
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
  row.querySelector("[data-row-play]").setAttribute("aria-expanded", "true");
  open = row;
  mark();
}

/* A piece that a player holds already, here or in the bar, goes on or pauses there. */
function toggle(row) {
  const holder = playerOf(row.dataset.src);
  if (holder?.canPlay) holder.toggle();
  else if (!holder) play(row);
}

/* Shows in every row whether its piece plays. */
function mark() {
  for (const row of document.querySelectorAll("[data-piece-row]")) {
    showPlayState(row, row.querySelector("[data-row-play]"), playStateOf(row.dataset.src));
  }
}

/** Makes the play links of all rows below an element into buttons. */
export async function enhanceRows(root) {
  await customElements.whenDefined("music-player");
  if (!root.isConnected) return;
  for (const button of root.querySelectorAll("[data-row-play]:not([role])")) {
    button.setAttribute("role", "button");
    button.setAttribute("aria-expanded", "false");
    const row = button.closest("[data-piece-row]");
    const press = (event) => {
      event.preventDefault();
      toggle(row);
    };
    button.addEventListener("click", press);
    button.addEventListener("keydown", (event) => event.key === " " && press(event));
  }
  mark();
}

/** Fetches again what a new piece changes on this page: what is left of the hour, and the short list of recent pieces,
 * unless one of them is being listened to. */
export async function renewRecentPieces() {
  const list = document.querySelector("[data-recent]");
  if (!list) return;
  const response = await fetch(window.location.pathname, { cache: "no-store" }).catch(() => null);
  if (!response?.ok) return; // the next visit shows it
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const left = page.querySelector("[data-quota-line]");
  if (left) document.querySelector("[data-quota-line]")?.replaceWith(left);
  const fresh = page.querySelector("[data-recent]");
  if (!fresh || list.contains(open)) return;
  list.replaceWith(fresh);
  enhanceRows(fresh);
}

for (const event of PLAYER_EVENTS) document.addEventListener(event, mark);

onPage((main) => {
  open = null;
  enhanceRows(main);
});
