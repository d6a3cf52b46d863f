/* The players of a page: which one the space bar means, and which one was used last. */

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

export const someUse = (engine) => [...players].some((player) => player.engine === engine);
