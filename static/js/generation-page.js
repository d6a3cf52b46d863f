// The waiting page of one generation, for those who come back to its address.
import { GenerationView } from "./generation.js";

const section = document.querySelector("[data-generation]");
const view = new GenerationView(section, {
  onChange: (state) => {
    if (state.title) document.title = `${state.title} · Musicgen`;
  },
});
await customElements.whenDefined("music-player");
view.watch(section.dataset.id);
