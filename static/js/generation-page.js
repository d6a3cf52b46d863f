// The waiting page of one generation, for those who come back to its address.
import { GenerationView } from "./generation.js";
import { enhanceOutcome, showCurrent } from "./takes.js";

const section = document.querySelector("[data-generation]");
const view = new GenerationView(section, {
  onChange: (state) => {
    if (state.title) document.title = `${state.title} · Musicgen`;
  },
});
await customElements.whenDefined("music-player");
if (section.querySelector("[data-take]")) {
  // All takes are done: nothing to watch, only to compare.
  const player = section.querySelector("music-player");
  enhanceOutcome(section, { player });
  showCurrent(section, player.dataset.src);
} else view.watch(section.dataset.id);
