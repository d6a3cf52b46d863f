/* The players of a page: which one the space bar means, which one was used last, and which one holds a piece. */

const TYPING = "input, select, textarea, button, a[href], summary, [contenteditable], [role=button], dialog";

const players = new Set();
let lastUsed = null;

/* A player in the page before the bar below it. */
function firstReady() {
  const ready = [...players].filter((candidate) => candidate.canPlay);
  return ready.find((candidate) => candidate.matches("music-player")) ?? ready[0];
}

/* Space plays and pauses wherever it does not type a blank or press a button. */
function onSpace(event) {
  if (event.key !== " " || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const field = event.target.closest?.(TYPING);
  if (field && !field.matches(".mp-seek, .mp-range, .pb-seek")) return;
  const own = event.target.closest?.("music-player, player-bar");
  const player = own ?? (lastUsed?.isConnected ? lastUsed : firstReady());
  if (!player?.canPlay) return;
  event.preventDefault();
  player.toggle();
}

export function addPlayer(player) {
  if (players.size === 0) document.addEventListener("keydown", onSpace);
  players.add(player);
}

/* Answers whether it was the one used last. */
export function removePlayer(player) {
  players.delete(player);
  if (players.size === 0) document.removeEventListener("keydown", onSpace);
  const wasUsed = lastUsed === player;
  if (wasUsed) lastUsed = null;
  return wasUsed;
}

export function usedPlayer(player) {
  lastUsed = player;
}

const srcOf = (player) => (player.current ?? player.source)?.src;
const isActive = ({ state }) => state === "playing" || state === "preparing";

/* The player that plays the piece of this address, else one that holds it; undefined if none does. */
export function playerOf(src) {
  const holding = [...players].filter((player) => src && srcOf(player) === src);
  return holding.find(isActive) ?? holding[0];
}

/* "playing", "paused" where a player holds the piece, else null. */
export function playStateOf(src) {
  const player = playerOf(src);
  return player ? (isActive(player) ? "playing" : "paused") : null;
}

/* Writes the state to an element and to the play button in it, which does what its picture says. */
export function showPlayState(row, button, state) {
  if (state === null) row.removeAttribute("data-play-state");
  else if (row.dataset.playState !== state) row.dataset.playState = state;
  const label = `${state === "playing" ? "Pause" : "Play"} ${row.dataset.title ?? ""}`;
  if (button && button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
}

export const PLAYER_EVENTS = ["player:ready", "player:play", "player:pause", "player:ended", "player:error", "player-bar:change"];

export const someUse = (engine) => [...players].some((player) => player.engine === engine);
