// What came out of a generation: one piece with its facts, or takes to compare. The server writes it, as for a page
// without script; here its buttons work in place.
import { ApiError, postJson } from "./api.js";

/** The outcome as the server writes it, or null while it cannot be had. */
export async function fetchOutcome(url) {
  const response = await fetch(`${url}result/`, { cache: "no-store", credentials: "same-origin" }).catch(() => null);
  if (!response?.ok) return null;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return [...page.body.childNodes];
}

/**
 * Makes the buttons of an outcome work in place.
 * @param {HTMLElement} root
 * @param {{player: HTMLElement, onMoreOf?: (piece: string, kind: string) => void, onKept?: () => void}} options
 *   without onMoreOf those forms go their own way, to the page of the new piece
 */
export function enhanceOutcome(root, { player, onMoreOf, onKept = () => {} }) {
  const takes = root.querySelectorAll("[data-take]");
  for (const take of takes) enhanceTake(take, { root, player, onKept });
  if (takes.length && player) {
    for (const event of ["ready", "play", "pause", "ended"]) {
      player.addEventListener(`player:${event}`, () => showPlaying(root, player));
    }
  }
  if (!onMoreOf) return;
  for (const form of root.querySelectorAll("[data-more-of]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      onMoreOf(form.dataset.moreOf, form.elements.namedItem("kind").value);
    });
  }
}

/** The button of the take that sounds pauses it; the others play theirs. */
export function showPlaying(root, player) {
  for (const take of root.querySelectorAll("[data-take]")) {
    const isPlaying = take.hasAttribute("aria-current") && player.state === "playing";
    take.dataset.playState = isPlaying ? "playing" : "paused";
    const play = take.querySelector("[data-take-play]");
    play.setAttribute("aria-label", `${isPlaying ? "Pause" : "Play"} ${take.dataset.label}: ${take.dataset.title}`);
    play.querySelector(".icon-play").setAttribute("display", isPlaying ? "none" : "inline");
    play.querySelector(".icon-pause").setAttribute("display", isPlaying ? "inline" : "none");
  }
}

/** Marks the take that the player holds. */
export function showCurrent(root, src) {
  for (const take of root.querySelectorAll("[data-take]")) {
    if (take.dataset.src === src) take.setAttribute("aria-current", "true");
    else take.removeAttribute("aria-current");
  }
}

function enhanceTake(take, { root, player, onKept }) {
  const { src, title, length, voices } = take.dataset;
  const play = take.querySelector("[data-take-play]");
  play.setAttribute("role", "button");
  const listen = (event) => {
    event.preventDefault();
    if (take.hasAttribute("aria-current") && player.canPlay) {
      player.toggle();
      return;
    }
    player.unlock(); // still inside the click
    showCurrent(root, src);
    showPlaying(root, player);
    const loaded = player.load({ src, title, voices: JSON.parse(voices), lengthSeconds: Number(length), href: play.href });
    Promise.resolve(loaded).then((worked) => worked && player.play());
  };
  play.addEventListener("click", listen);
  play.addEventListener("keydown", (event) => event.key === " " && listen(event));

  const keep = take.querySelector("[data-keep]");
  keep?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = keep.querySelector("button");
    button.setAttribute("aria-disabled", "true");
    try {
      await postJson(keep.dataset.keep, {}, keep.elements.namedItem("csrfmiddlewaretoken").value);
      keep.hidden = true;
      const kept = take.querySelector("[data-kept]");
      kept.hidden = false;
      kept.tabIndex = -1;
      kept.focus();
      onKept();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      button.removeAttribute("aria-disabled");
      button.textContent = "Try again";
    }
  });
}
