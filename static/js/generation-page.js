// The waiting page of one generation, for those who come back to its address.
import { GenerationView } from "./generation.js";
import { onPage } from "./navigation.js";
import { enhanceOutcome, showCurrent } from "./takes.js";

onPage((main, signal) => {
  const section = main.querySelector("[data-generation][data-id]");
  if (section) enhance(section, signal);
});

async function enhance(section, signal) {
  const view = new GenerationView(section, {
    onChange: (state) => {
      if (state.title) document.title = `${state.title} · Musicgen`;
    },
  });
  signal.addEventListener("abort", () => view.leave());
  await customElements.whenDefined("music-player");
  if (signal.aborted) return;
  if (section.querySelector("[data-take]")) {
    // All takes are done: nothing to watch, only to compare.
    const player = section.querySelector("music-player");
    enhanceOutcome(section, { player });
    showCurrent(section, player.dataset.src);
  } else view.watch(section.dataset.id);
}
