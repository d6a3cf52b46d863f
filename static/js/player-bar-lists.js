/* Lists of a page as playlists of the player bar. Pages mark them with attributes; everything works for rows that come later.
 *
 *   [data-play-list]     a list; data-play-more: address of the page with the rest of it, which "all" follows
 *   [data-play-item]     a row: data-src (MIDI file), data-title, data-href (its page), data-length (seconds), data-voices (JSON)
 *   inside a row:        [data-play-now] plays it, and the rest of the list after it; pauses it when it is the one that plays
 *                        [data-play-next] and [data-queue-add] put it into the queue
 *   elsewhere in a list, or with the id of a list as the value ("#pieces"):
 *                        [data-play-all], [data-play-shuffled], [data-play-next], [data-queue-add] take the whole list
 * Buttons are written `hidden`, since without this script they do nothing; a link [data-play-now] leads to the piece then.
 * A row whose piece the bar, or a player of the page, holds gets data-play-state="playing" or "paused".
 */
import { onPage } from "./navigation.js";
import { MAX_ENTRIES } from "./player-bar-queue.js";
import { PLAYER_EVENTS, playerOf, playStateOf, showPlayState } from "./players-on-page.js";

const BUTTONS = "[data-play-now], [data-play-all], [data-play-shuffled], [data-play-next], [data-queue-add]";

/* What a row says of its piece, or null where it says nothing to play. */
export function pieceOf({ dataset }) {
  const { src, title = "", href = "", length, voices = "[]" } = dataset;
  if (!src) return null;
  return { src, title, href, length: Number(length) || 0, voices: JSON.parse(voices) };
}

const rowsOf = (list) => [...list.querySelectorAll("[data-play-item][data-src]")];

function listOf(button, value) {
  return value ? document.querySelector(value) : button.closest("[data-play-list]");
}

/* The pieces of a list, those on its further pages included. */
async function wholeList(list) {
  const pieces = rowsOf(list).map(pieceOf);
  let more = list.dataset.playMore;
  const seen = new Set();
  while (more && pieces.length < MAX_ENTRIES && !seen.has(more)) {
    seen.add(more);
    const response = await fetch(new URL(more, document.baseURI), { credentials: "same-origin" }).catch(() => null);
    if (!response?.ok) break;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const next = list.id ? page.getElementById(list.id) : page.querySelector("[data-play-list]");
    if (!next) break;
    pieces.push(...rowsOf(next).map(pieceOf));
    more = next.dataset.playMore;
  }
  return pieces;
}

/* The first page plays at once, inside the click; the others are added when they are there. */
async function playWhole(bar, list, isShuffled) {
  const first = rowsOf(list).map(pieceOf);
  const start = isShuffled ? Math.floor(Math.random() * first.length) : 0;
  bar.playList(first, { start, isShuffled });
  if (!list.dataset.playMore) return;
  const { queue } = bar;
  const began = queue.current?.key;
  const rest = (await wholeList(list)).slice(first.length);
  if (queue.entries.some((entry) => entry.key === began) && rest.length) bar.extend(rest);
}

function onClick(event, bar) {
  const button = event.target.closest?.(BUTTONS);
  if (!button || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const { dataset } = button;
  const row = button.closest("[data-play-item]");
  const value = dataset.playAll ?? dataset.playShuffled ?? dataset.playNext ?? dataset.queueAdd;
  const list = listOf(button, value);
  if (!row && !list) return;
  event.preventDefault();
  if ("playNow" in dataset) playRow(bar, row, list);
  else if ("playAll" in dataset || "playShuffled" in dataset) playWhole(bar, list, "playShuffled" in dataset);
  else {
    const put = (pieces) => ("playNext" in dataset ? bar.addNext(pieces) : bar.add(pieces));
    if (row && !value) put([pieceOf(row)]);
    else wholeList(list).then(put);
  }
}

function playRow(bar, row, list) {
  const holder = playerOf(row.dataset.src);
  if (holder?.canPlay) {
    holder.toggle();
    return;
  }
  const rows = list ? rowsOf(list) : [row];
  bar.playList(rows.map(pieceOf), { start: rows.indexOf(row) });
}

/* Shows the buttons, and which row the bar or a player of the page holds. */
function mark() {
  for (const button of document.querySelectorAll(BUTTONS)) {
    if (button.hidden) button.hidden = false;
    if (button.matches("a:not([role])")) button.setAttribute("role", "button");
  }
  for (const row of document.querySelectorAll("[data-play-item]")) {
    showPlayState(row, row.querySelector("[data-play-now]"), playStateOf(row.dataset.src));
  }
}

export function followLists(bar) {
  // Before navigation.js sees the click: a link that plays does not lead away.
  document.addEventListener("click", (event) => onClick(event, bar), true);
  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || !event.target.matches?.("a[data-play-now]")) return;
    event.preventDefault();
    event.target.click();
  });
  for (const event of PLAYER_EVENTS) document.addEventListener(event, mark);
  let waiting = 0;
  const later = () => {
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      mark();
    });
  };
  onPage((main, signal) => {
    mark();
    const observer = new MutationObserver(later);
    observer.observe(main, { childList: true, subtree: true });
    signal.addEventListener("abort", () => observer.disconnect());
  });
}
