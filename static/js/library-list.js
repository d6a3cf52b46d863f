// Lists of pieces: choosing, the keys, menus that close, filters that answer at once. All of it also works without.

import { onPage } from "./navigation.js";

const KEYS_OFF = "library-keys-off";
// What is chosen stays chosen while one marks a favourite or renames a piece, not when one looks elsewhere.
const chosen = { page: "", ids: new Set() };

const isTyping = (target) => target.closest?.("input:not([type=checkbox]), select, textarea, [contenteditable], dialog");

function remembered(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // private windows may refuse
  }
}

function remember(name, value) {
  try {
    if (value) localStorage.setItem(name, value);
    else localStorage.removeItem(name);
  } catch {
    // then it lasts for this page
  }
}

/* One menu at a time; Escape and a click elsewhere close it. */
function menus(main, signal) {
  const all = () => main.querySelectorAll("[data-menu][open]");
  document.addEventListener(
    "click",
    (event) => {
      for (const menu of all()) if (!menu.contains(event.target)) menu.open = false;
    },
    { signal },
  );
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape") return;
      for (const menu of all()) {
        menu.open = false;
        menu.querySelector("summary").focus();
        event.preventDefault();
      }
    },
    { signal },
  );
  for (const menu of main.querySelectorAll("[data-menu]")) {
    menu.addEventListener("toggle", () => {
      // Upwards where there is no room below.
      const list = menu.querySelector(".menu-list");
      list.classList.toggle("menu-up", false);
      const bar = document.querySelector("[data-player-bar], player-bar")?.getBoundingClientRect().height ?? 0;
      if (menu.open && list.getBoundingClientRect().bottom > window.innerHeight - bar) list.classList.add("menu-up");
    });
  }
}

function choosing(main) {
  const bar = main.querySelector("[data-bulk]");
  if (!bar) return;
  const picks = [...main.querySelectorAll("input.pick[name=piece]")];
  const everything = main.querySelector("[data-pick-all]");
  const all = everything.querySelector("input");
  const count = bar.querySelector("[data-bulk-count]");
  const none = bar.querySelector("[data-bulk-none]");
  let last = null;

  function show() {
    const picked = picks.filter((pick) => pick.checked);
    chosen.ids = new Set(picked.map((pick) => pick.value));
    count.textContent = `${picked.length} selected`;
    all.checked = picked.length === picks.length;
    all.indeterminate = picked.length > 0 && picked.length < picks.length;
    for (const pick of picks) pick.closest("[data-piece]").toggleAttribute("data-picked", pick.checked);
  }

  const here = window.location.pathname + window.location.search;
  if (chosen.page === here) for (const pick of picks) pick.checked = chosen.ids.has(pick.value);
  chosen.page = here;
  everything.hidden = false;
  none.hidden = false;
  all.addEventListener("change", () => {
    for (const pick of picks) pick.checked = all.checked;
    show();
  });
  none.addEventListener("click", () => {
    for (const pick of picks) pick.checked = false;
    show();
    all.focus();
  });
  for (const pick of picks) {
    pick.addEventListener("change", show);
    pick.addEventListener("click", (event) => {
      // From the last one to this one, as in other lists.
      if (event.shiftKey && last && last !== pick) {
        const [from, to] = [picks.indexOf(last), picks.indexOf(pick)].sort((a, b) => a - b);
        for (const between of picks.slice(from, to + 1)) between.checked = pick.checked;
        show();
      }
      last = pick;
    });
  }
  bar.addEventListener("submit", (event) => {
    if (event.submitter?.value === "trash") chosen.ids = new Set();
  });
  show();
}

function keys(main, signal) {
  const dialog = main.querySelector("[data-keys]");
  if (!dialog) return;
  const isOn = dialog.querySelector("[data-keys-on]");
  const opener = main.querySelector("[data-keys-open]");
  isOn.checked = remembered(KEYS_OFF) === null;
  isOn.addEventListener("change", () => remember(KEYS_OFF, isOn.checked ? "" : "1"));
  if (opener) {
    opener.hidden = false;
    opener.addEventListener("click", () => dialog.showModal());
  }
  const pieces = [...main.querySelectorAll("[data-piece]")];
  const current = () => pieces.find((piece) => piece.contains(document.activeElement));
  function go(step) {
    const place = pieces.indexOf(current());
    const next = pieces[Math.max(0, Math.min(pieces.length - 1, place < 0 ? (step > 0 ? 0 : pieces.length - 1) : place + step))];
    next?.querySelector("[data-open]").focus();
    next?.scrollIntoView({ block: "nearest" });
  }
  const actions = {
    "/": () => main.querySelector("[data-search]")?.focus(),
    "?": () => dialog.showModal(),
    j: () => go(1),
    k: () => go(-1),
    p: () => current()?.querySelector("[data-play-now]")?.click(),
    x: () => current()?.querySelector("input.pick")?.click(),
    f: () => current()?.querySelector("[data-favourite]")?.click(),
  };
  document.addEventListener(
    "keydown",
    (event) => {
      const action = actions[event.key];
      if (!action || !isOn.checked || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping(event.target)) return;
      event.preventDefault();
      action();
    },
    { signal },
  );
}

/* A choice in a list answers at once; text waits for Enter. */
function filters(main) {
  const form = main.querySelector("[data-find]");
  form?.addEventListener("change", (event) => {
    if (event.target.matches("select, input[type=checkbox], input[type=date]")) form.requestSubmit();
  });
  // Days are those of the visitor, as the pages show them.
  const zone = form?.querySelector("[data-zone]");
  if (zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || zone.value;
  // The fields stay open for the next choice.
  const fold = form?.querySelector("details");
  if (!fold) return;
  if (remembered("library-filters") === "open" && !window.matchMedia("(max-width: 36rem)").matches) fold.open = true;
  fold.addEventListener("toggle", () => remember("library-filters", fold.open ? "open" : ""));
  // Empty fields make long addresses.
  form.addEventListener("formdata", ({ formData }) => {
    if (!formData.get("from") && !formData.get("until")) formData.delete("tz");
    for (const [name, value] of [...formData]) if (value === "" || (name === "sort" && value === "newest")) formData.delete(name);
  });
}

onPage((main, signal) => {
  menus(main, signal);
  choosing(main);
  keys(main, signal);
  filters(main);
});
