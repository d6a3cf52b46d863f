// The compose form: Generate stays on the page, and the piece appears and sounds right below.
import { ApiError, postForm, postJson } from "./api.js";
import { ComposeChoices } from "./compose-choices.js";
import { clearErrors, showErrors } from "./compose-errors.js";
import { GenerationView } from "./generation.js";
import { onPage } from "./navigation.js";
import { renewRecentPieces } from "./piece-rows.js";
import { onIntent } from "./sound-intent.js";

const STORE = "generation"; // the id that this tab watches, so that a reload goes on watching

onPage((main, signal) => {
  const form = main.querySelector("form#compose");
  const section = main.querySelector("[data-generation]");
  if (form && section) enhance(form, section, signal);
});

function enhance(form, section, signal) {
  const player = section.querySelector("music-player");
  const button = form.querySelector("[data-generate]");
  let isIntended = false; // somebody came near Generate: from then on what is chosen is loaded
  const remember = (id) => {
    try {
      if (id) sessionStorage.setItem(STORE, id);
      else sessionStorage.removeItem(STORE);
    } catch {
      // Without storage a reload shows the form alone; the piece is under recent pieces.
    }
  };

  const view = new GenerationView(section, {
    onChange: (state) => {
      if (["failed", "cancelled", "gone"].includes(state.status)) remember(null);
      if (state.status === "succeeded") renewRecentPieces();
      setBusy(view.isBusy);
    },
    onMoreOf: (piece, kind) => ask(() => postJson(form.dataset.api, { source: piece, kind, form_token: newToken() }, csrfToken()), ""),
    onKept: renewRecentPieces,
  });

  const choices = new ComposeChoices(form, {
    onSounds: loadSounds,
    onError: (errors) => {
      clearErrors(form, "primer");
      if (Object.keys(errors).length) showErrors(form, errors);
    },
  });

  function loadSounds() {
    if (isIntended && choices.voices && !view.isBusy) player?.prepare?.(choices.voices);
  }

  /** Sounds are large: they are fetched when somebody is about to press Generate, and follow the choices from then on. */
  function intend() {
    isIntended = true;
    loadSounds();
  }

  function setBusy(busy) {
    button.toggleAttribute("data-busy", busy);
    if (busy) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
    button.querySelector("span").textContent = busy ? "Composing…" : "Generate";
  }

  // While typing, not when the field is left: the button must not move away from under a click.
  form.addEventListener("input", (event) => {
    const field = event.target.closest("[data-field]")?.dataset.field;
    if (!field) return;
    clearErrors(form, field);
    if (field === "length_seconds") clearErrors(form, "bars");
    if (field === "start") for (const one of ["starting_note", "primer"]) clearErrors(form, one);
  });

  /** Brings the result into view, its top first where the screen is too small for all of it. */
  function reveal() {
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const fits = section.offsetHeight < window.innerHeight;
    section.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: fits ? "nearest" : "start" });
  }

  // --- Generate --------------------------------------------------------------------------------------------------

  const csrfToken = () => form.elements.namedItem("csrfmiddlewaretoken").value;

  function newToken() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  }

  const renewToken = () => {
    form.elements.namedItem("form_token").value = newToken();
  };

  /** Sends a request inside a click and watches what comes of it; errors go to the form. */
  async function ask(send, facts) {
    if (view.isBusy) return;
    const before = view.section.hidden ? null : view.id;
    clearErrors(form);
    player?.unlock?.(); // sound is allowed inside a click alone
    loadSounds();
    view.prepare(facts);
    setBusy(true);
    try {
      const generation = await send();
      renewToken();
      remember(generation.id);
      view.watch(generation.id, { heard: true, state: generation });
      section.querySelector("[data-result-title]").focus({ preventScroll: true });
      reveal();
    } catch (error) {
      if (signal.aborted) return;
      // What stood there before is not lost over a wish that cannot be fulfilled.
      if (before) view.watch(before);
      else view.hide();
      setBusy(false);
      showErrors(form, error instanceof ApiError ? error.errors : { detail: "Something went wrong on this page. Reload it and try again." });
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (view.isBusy) return;
    const mistakes = choices.mistakes();
    if (Object.keys(mistakes).length) {
      clearErrors(form);
      showErrors(form, mistakes);
      return;
    }
    intend();
    const wish = choices.wish();
    const post = wish instanceof FormData ? postForm : postJson;
    ask(() => post(form.dataset.api, wish, csrfToken()), choices.facts);
  });

  section.querySelector("[data-result-again]").addEventListener("click", (event) => {
    event.preventDefault();
    remember(null);
    view.hide();
    form.scrollIntoView({ block: "start" });
    (choices.checked("genre") ?? button).focus({ preventScroll: true });
  });

  // --- start -----------------------------------------------------------------------------------------------------

  renewToken(); // a page that the browser kept shows an old token
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    renewToken();
    choices.showGenre();
  }, { signal });
  signal.addEventListener("abort", () => view.leave());

  customElements.whenDefined("music-player").then(() => {
    if (signal.aborted) return;
    let id = null;
    try {
      id = sessionStorage.getItem(STORE);
    } catch {
      id = null;
    }
    if (id) {
      view.prepare("");
      setBusy(true);
      view.watch(id);
    }
  });
  onIntent(button, intend, signal);
}
