// The compose form: Generate stays on the page, and the piece appears and sounds right below.
import { ApiError, postJson } from "./api.js";
import { GenerationView } from "./generation.js";
import { renewRecentPieces } from "./piece-rows.js";

const STORE = "generation"; // the id that this tab watches, so that a reload goes on watching

const form = document.getElementById("compose");
const section = document.querySelector("[data-generation]");
if (form && section) enhance();

function enhance() {
  const player = section.querySelector("music-player");
  const button = form.querySelector("[data-generate]");
  const free = form.elements.namedItem("length");
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
  });

  function setBusy(busy) {
    button.toggleAttribute("data-busy", busy);
    if (busy) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
    button.querySelector("span").textContent = busy ? "Composing…" : "Generate";
  }

  // --- the choices -----------------------------------------------------------------------------------------------

  const chosen = (name) => form.querySelector(`input[name=${name}]:checked`);
  const presets = [...form.querySelectorAll("input[name=length_preset]")];

  function showTypesOfGenre({ reset = false } = {}) {
    const slug = chosen("genre")?.value;
    const defaults = JSON.parse(form.dataset.defaultEnsembles);
    for (const fieldset of form.querySelectorAll("fieldset[data-genre]")) {
      fieldset.hidden = Boolean(slug) && fieldset.dataset.genre !== slug;
      if (reset && fieldset.dataset.genre === slug) {
        const first = fieldset.querySelector(`input[value="${CSS.escape(defaults[slug])}"]`);
        if (first) first.checked = true;
      }
    }
  }

  function loadSounds() {
    const ensemble = chosen("ensemble");
    if (ensemble && !view.isBusy) player?.prepare?.(JSON.parse(ensemble.dataset.voices));
  }

  form.addEventListener("change", (event) => {
    if (event.target.name === "genre") showTypesOfGenre({ reset: true });
    if (event.target.name === "length_preset") free.value = "";
    if (["genre", "ensemble"].includes(event.target.name)) loadSounds();
  });
  // While typing, not when the field is left: the button must not move away from under a click.
  form.addEventListener("input", (event) => clearErrors(event.target.closest("[data-field]")?.dataset.field));
  free.addEventListener("input", () => {
    if (free.value.trim()) for (const preset of presets) preset.checked = false;
  });
  free.addEventListener("blur", () => {
    if (free.value.trim() || chosen("length_preset")) return;
    const usual = presets.find((preset) => preset.defaultChecked) ?? presets[0];
    if (usual) usual.checked = true;
  });

  // --- errors ----------------------------------------------------------------------------------------------------

  function clearErrors(field) {
    const select = field ? `[data-error-for="${field}"]` : "[data-error-for]";
    for (const box of form.querySelectorAll(select)) box.hidden = true;
    if (!field || field === "length_seconds") {
      free.removeAttribute("aria-invalid");
      free.setAttribute("aria-describedby", "length-hint");
    }
    for (const fieldset of form.querySelectorAll(field ? `fieldset[data-field="${field}"]` : "fieldset")) {
      fieldset.removeAttribute("aria-describedby");
    }
  }

  function showErrors(errors) {
    let first = null;
    for (const [field, sentences] of Object.entries(errors)) {
      const boxes = [...form.querySelectorAll(`[data-error-for="${field}"]`)];
      const box = boxes.find((one) => !one.closest("fieldset")?.hidden) ?? form.querySelector('[data-error-for="detail"]');
      box.textContent = [sentences].flat().join(" ");
      box.hidden = false;
      if (field === "length_seconds") {
        free.setAttribute("aria-invalid", "true");
        free.setAttribute("aria-describedby", "length-hint error-length");
      } else {
        box.closest("fieldset")?.setAttribute("aria-describedby", box.id);
      }
      const target = field === "length_seconds" ? free : box;
      if (!first || target.compareDocumentPosition(first) & Node.DOCUMENT_POSITION_FOLLOWING) first = target;
    }
    first?.focus();
  }

  /** Brings the result into view, its top first where the screen is too small for all of it. */
  function reveal() {
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const fits = section.offsetHeight < window.innerHeight;
    section.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: fits ? "nearest" : "start" });
  }

  // --- Generate --------------------------------------------------------------------------------------------------

  const newToken = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    form.elements.namedItem("form_token").value = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  };

  const facts = () => {
    const name = (input) => input?.parentElement.querySelector(".choice-name")?.textContent.trim();
    const length = free.value.trim() || name(chosen("length_preset"));
    return [name(chosen("genre")), name(chosen("ensemble")), length].filter(Boolean).join(" · ");
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (view.isBusy) return;
    clearErrors();
    player?.unlock?.(); // sound is allowed inside a click alone
    view.prepare(facts());
    setBusy(true);
    const wish = {
      genre: chosen("genre")?.value ?? "",
      ensemble: chosen("ensemble")?.value ?? "",
      length_seconds: free.value.trim() || (chosen("length_preset")?.value ?? ""),
      form_token: form.elements.namedItem("form_token").value,
    };
    try {
      const token = form.elements.namedItem("csrfmiddlewaretoken").value;
      const generation = await postJson(form.dataset.api, wish, token);
      newToken();
      remember(generation.id);
      view.watch(generation.id, { heard: true, state: generation });
      section.querySelector("[data-result-title]").focus({ preventScroll: true });
      reveal();
    } catch (error) {
      view.hide();
      setBusy(false);
      showErrors(error instanceof ApiError ? error.errors : { detail: "The page met a fault. Reload it and try again." });
    }
  });

  section.querySelector("[data-result-again]").addEventListener("click", (event) => {
    event.preventDefault();
    remember(null);
    view.hide();
    form.scrollIntoView({ block: "start" });
    (chosen("genre") ?? button).focus({ preventScroll: true });
  });

  // --- start -----------------------------------------------------------------------------------------------------

  newToken(); // a page that the browser kept shows an old token
  window.addEventListener("pageshow", (event) => event.persisted && newToken());
  showTypesOfGenre();

  customElements.whenDefined("music-player").then(() => {
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
    } else if (!navigator.connection?.saveData) {
      const later = window.requestIdleCallback ?? ((work) => setTimeout(work, 300));
      later(loadSounds);
    }
  });
  form.addEventListener("pointerdown", loadSounds, { once: true });
}

