// Rows of pieces: the play button opens one player in its row and starts it. Without this script it is a link.

const assets = document.getElementById("main").dataset;
let open = null;

function close(row) {
  const slot = row.querySelector("[data-row-player]");
  const player = slot.querySelector("music-player");
  player?.stop?.();
  slot.replaceChildren();
  slot.hidden = true;
  const button = row.querySelector("[data-row-play]");
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-label", `Play ${row.dataset.title}`);
  if (open === row) open = null;
}

function play(row) {
  if (open) close(open);
  const slot = row.querySelector("[data-row-player]");
  const player = document.createElement("music-player");
  player.dataset.sounds = assets.playerSounds;
  player.dataset.worklet = assets.playerWorklet;
  slot.append(player);
  slot.hidden = false;
  player.unlock(); // still inside the click
  const voices = JSON.parse(row.dataset.voices);
  const { src, title } = row.dataset;
  Promise.resolve(player.load({ src, voices, title, lengthSeconds: Number(row.dataset.length) })).then(() => player.play());
  const button = row.querySelector("[data-row-play]");
  button.setAttribute("aria-expanded", "true");
  button.setAttribute("aria-label", `Close the player of ${row.dataset.title}`);
  open = row;
}

await customElements.whenDefined("music-player");
for (const button of document.querySelectorAll("[data-row-play]")) {
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
