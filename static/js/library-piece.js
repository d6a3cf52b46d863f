// The page of a piece: tags at a click, links copied.

import { onPage } from "./navigation.js";

const COPIED_MS = 2000;

function tagOffers(main) {
  const field = main.querySelector("[data-tags]");
  const offers = main.querySelector("[data-tag-offers]");
  if (!field || !offers) return;
  offers.hidden = false;
  const written = () => field.value.split(",").map((name) => name.trim()).filter(Boolean);
  const show = () => {
    const has = new Set(written().map((name) => name.toLowerCase()));
    for (const offer of offers.children) offer.setAttribute("aria-pressed", String(has.has(offer.dataset.tag.toLowerCase())));
  };
  offers.addEventListener("click", ({ target }) => {
    const name = target.closest("[data-tag]")?.dataset.tag;
    if (!name) return;
    const names = written();
    const left = names.filter((one) => one.toLowerCase() !== name.toLowerCase());
    field.value = (left.length < names.length ? left : [...names, name]).join(", ");
    show();
  });
  field.addEventListener("input", show);
  show();
}

function copying(main, signal) {
  for (const button of main.querySelectorAll("[data-copy]")) {
    const field = button.parentElement.querySelector("[data-link]");
    button.hidden = false;
    button.addEventListener("click", async () => {
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
      } catch {
        return; // it is selected: the keys for copying do the rest
      }
      button.textContent = "Copied";
      const timer = setTimeout(() => {
        button.textContent = "Copy";
      }, COPIED_MS);
      signal.addEventListener("abort", () => clearTimeout(timer));
    });
    field.addEventListener("focus", () => field.select());
  }
}

onPage((main, signal) => {
  tagOffers(main);
  copying(main, signal);
});
