// The waiting page of one generation, for those who came back to its address.
import { GenerationView } from "./generation.js";

const section = document.querySelector("[data-generation]");
const view = new GenerationView(section, {
  onChange: (state) => {
    const heading = document.querySelector("h1");
    if (state.title) heading.textContent = state.title;
  },
});
await customElements.whenDefined("music-player");
view.watch(section.dataset.id);
