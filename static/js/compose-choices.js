/* The choices of the compose form: which fields stand there for the chosen genre and type, and what they say together. */
import { clock } from "./generation.js";

const MORE_OPEN = "compose-more"; // remembers that "More options" stood open
const NO_FILE_SO_LARGE = (bytes) => `This file is larger than ${Math.round(bytes / 2 ** 20)} MB. Choose a smaller one.`;

export class ComposeChoices {
  /** @param {HTMLFormElement} form  @param {{onSounds: () => void, onError: (errors: object) => void}} hooks */
  constructor(form, { onSounds, onError }) {
    this.form = form;
    this.onSounds = onSounds;
    this.onError = onError;
    this.free = form.elements.namedItem("length");
    this.presets = [...form.querySelectorAll("input[name=length_preset]")];
    for (const plain of form.querySelectorAll("[data-plain-only]")) plain.hidden = true;
    this.#rememberFolds();
    this.#bindLength();
    for (const range of form.querySelectorAll("[data-range]")) this.#bindTempo(range);
    for (const key of form.querySelectorAll(".key")) this.#bindKey(key);
    this.#bindFile();
    form.addEventListener("change", (event) => {
      if (event.target.name === "genre") this.showGenre();
      if (event.target.name === this.named("ensemble")) this.showType();
      if (event.target.name === "genre" || event.target.name === this.named("ensemble")) onSounds();
    });
    this.showGenre();
  }

  // --- what is chosen --------------------------------------------------------------------------------------------

  checked(name) {
    return this.form.querySelector(`input[name="${CSS.escape(name)}"]:checked`);
  }

  get genre() {
    return this.checked("genre")?.value ?? "";
  }

  /** The name of a field of the chosen genre. */
  named(param) {
    return `${this.genre}-${param}`;
  }

  get ensemble() {
    return this.checked(this.named("ensemble"));
  }

  get voices() {
    return this.ensemble ? JSON.parse(this.ensemble.dataset.voices) : null;
  }

  /** In words, for the line above a piece that is being composed. */
  get facts() {
    const name = (input) => input?.parentElement.querySelector(".choice-name")?.textContent.trim();
    const bars = this.#value("bars");
    const length = bars ? `${bars} bars` : this.free.value.trim() || name(this.checked("length_preset"));
    return [name(this.checked("genre")), name(this.ensemble), length].filter(Boolean).join(" · ");
  }

  /** The request as the API takes it; a form with a file where there is one, else JSON. */
  wish() {
    const wish = { genre: this.genre, ensemble: this.ensemble?.value ?? "" };
    const bars = this.#value("bars");
    if (bars) wish.bars = bars;
    else wish.length_seconds = this.free.value.trim() || (this.checked("length_preset")?.value ?? "");
    for (const param of ["qpm", "temperature", "top_p"]) wish[param] = this.#value(param);
    for (const param of ["density", "feel", "style"]) wish[param] = this.checked(this.named(param))?.value ?? "";
    const level = this.checked(this.named("adventurousness"));
    if (level?.value) wish.adventurousness = level.value;
    const tonic = this.#value("tonic");
    if (tonic) wish.key = `${tonic} ${this.#value("mode")}`;
    wish.voices_off = this.#switches().filter((one) => !one.checked && !one.closest("[hidden]")).map((one) => one.value);
    wish.takes = this.checked("takes")?.value ?? "";
    wish.seed = this.form.elements.namedItem("seed").value.trim();
    wish.form_token = this.form.elements.namedItem("form_token").value;
    const start = this.checked("start")?.value;
    if (start === "note") wish.starting_note = this.form.elements.namedItem("starting_note").value;
    for (const name of Object.keys(wish)) {
      const isRequired = ["genre", "ensemble", "length_seconds"].includes(name);
      if (!isRequired && (wish[name] === "" || wish[name].length === 0)) delete wish[name];
    }
    const file = start === "midi" ? this.form.elements.namedItem("primer").files[0] : null;
    if (!file) return wish;
    const data = new FormData();
    for (const [name, value] of Object.entries(wish)) for (const one of [value].flat()) data.append(name, one);
    data.append("keep_primer", String(this.form.elements.namedItem("keep_primer").checked));
    data.append("primer", file);
    return data;
  }

  /** What can be seen to be wrong before the server is asked: {param: sentence}. */
  mistakes() {
    const start = this.checked("start")?.value;
    const { files } = this.form.elements.namedItem("primer");
    if (start === "midi" && !files.length) return { primer: "Choose a MIDI file, or start from scratch." };
    if (start === "note" && !this.form.elements.namedItem("starting_note").value) {
      return { starting_note: "Choose a note, or start from scratch." };
    }
    return start === "midi" ? this.#tooLarge(files[0]) : {};
  }

  #value(param) {
    return this.form.elements.namedItem(this.named(param))?.value.trim() ?? "";
  }

  #switches() {
    return [...this.form.querySelectorAll(`input[name="${CSS.escape(this.named("voices"))}"]`)];
  }

  // --- genre and type --------------------------------------------------------------------------------------------

  showGenre() {
    const slug = this.genre;
    for (const part of this.form.querySelectorAll("[data-genre]")) part.hidden = Boolean(slug) && part.dataset.genre !== slug;
    const limits = JSON.parse(this.form.querySelector(`[data-genre="${CSS.escape(slug)}"][data-limits]`)?.dataset.limits ?? "null");
    if (limits) {
      this.#showLengths(limits.length);
      this.#showStarts(limits.start);
    }
    this.showType();
  }

  /** Switches of voices that the chosen type does not have are not shown; the others are named as the type names them. */
  showType() {
    const parts = JSON.parse(this.ensemble?.dataset.parts ?? "{}");
    for (const input of this.#switches()) {
      input.parentElement.hidden = !(input.value in parts);
      if (input.value in parts) input.parentElement.querySelector("[data-part-name]").textContent = parts[input.value];
    }
    const group = this.#switches()[0]?.closest("fieldset");
    if (group) group.hidden = Object.keys(parts).length < 2;
    this.#showStartingNotes();
  }

  /** The notes that the instruments of the type can play. */
  #showStartingNotes() {
    const [lowest, highest] = (this.ensemble?.dataset.pitches ?? "0 127").split(" ").map(Number);
    const select = this.form.elements.namedItem("starting_note");
    for (const option of select.querySelectorAll("option[value]:not([value=''])")) {
      option.hidden = option.disabled = Number(option.value) < lowest || Number(option.value) > highest;
    }
    for (const octave of select.querySelectorAll("optgroup")) octave.hidden = !octave.querySelector("option:not([hidden])");
    if (select.selectedOptions[0]?.disabled) select.value = "";
  }

  #showLengths([least, most, usual]) {
    this.form.querySelector("[data-length-limits]").textContent = `${clock(least)} and ${clock(most)}`;
    for (const preset of this.presets) {
      const fits = Number(preset.value) >= least && Number(preset.value) <= most;
      preset.parentElement.hidden = !fits;
      if (!fits && preset.checked) this.#choosePreset(usual);
    }
  }

  #showStarts(start) {
    const offered = { nothing: true, note: start.note, midi: start.midi };
    for (const choice of this.form.querySelectorAll("[data-start-choice]")) {
      choice.hidden = !offered[choice.dataset.startChoice];
      const input = choice.querySelector("input");
      if (choice.hidden && input.checked) this.form.querySelector("#start-nothing").checked = true;
    }
    this.form.querySelector("[data-start]").hidden = !start.note && !start.midi;
  }

  // --- length ----------------------------------------------------------------------------------------------------

  #choosePreset(seconds) {
    const shown = this.presets.filter((preset) => !preset.parentElement.hidden);
    const usual = shown.find((preset) => Number(preset.value) === seconds) ?? shown.find((preset) => preset.defaultChecked);
    const preset = usual ?? shown[0];
    if (preset) preset.checked = true;
  }

  /** A preset, a written length and bars exclude each other: what was touched last counts. */
  #bindLength() {
    const bars = [...this.form.querySelectorAll("[data-bars]")];
    const written = [this.free, ...bars];
    const others = (field) => written.filter((one) => one !== field);
    for (const field of written) {
      field.addEventListener("input", () => {
        if (!field.value.trim()) return;
        for (const preset of this.presets) preset.checked = false;
        for (const other of others(field)) other.value = "";
      });
      field.addEventListener("blur", () => {
        if (written.every((one) => !one.value.trim()) && !this.checked("length_preset")) this.#choosePreset();
      });
    }
    for (const preset of this.presets) {
      preset.addEventListener("change", () => {
        for (const field of written) field.value = "";
      });
    }
  }

  // --- tempo -----------------------------------------------------------------------------------------------------

  /** The slider writes into the number, whose emptiness leaves the tempo to the model; then the slider rests there. */
  #bindTempo(range) {
    const slider = range.querySelector("[data-slider]");
    const number = range.querySelector("input[type=number]");
    const field = number.name;
    const usual = () => this.checked(field.replace(/qpm$/, "style"))?.dataset.qpm ?? number.dataset.usual;
    const show = () => {
      number.placeholder = usual();
      slider.value = number.value || usual();
      slider.classList.toggle("range-resting", !number.value);
    };
    slider.hidden = false;
    slider.addEventListener("input", () => {
      number.value = slider.value;
      number.dispatchEvent(new Event("input", { bubbles: true }));
    });
    number.addEventListener("input", show);
    this.form.addEventListener("change", (event) => event.target.name === field.replace(/qpm$/, "style") && show());
    show();
  }

  /** A mode says nothing without a tonic. */
  #bindKey(key) {
    const [tonic, mode] = key.querySelectorAll("select");
    const show = () => {
      mode.hidden = !tonic.value;
    };
    tonic.addEventListener("change", show);
    show();
  }

  // --- a file to start from --------------------------------------------------------------------------------------

  #tooLarge(file) {
    const most = Number(this.form.querySelector("[data-drop]").dataset.maxBytes);
    return file && file.size > most ? { primer: NO_FILE_SO_LARGE(most) } : {};
  }

  #bindFile() {
    const drop = this.form.querySelector("[data-drop]");
    const input = drop.querySelector("input[type=file]");
    const over = (isOver) => (event) => {
      event.preventDefault();
      drop.classList.toggle("drop-over", isOver);
    };
    drop.classList.add("drop-ready");
    drop.addEventListener("dragover", over(true));
    drop.addEventListener("dragleave", over(false));
    drop.addEventListener("drop", (event) => {
      over(false)(event);
      if (!event.dataTransfer.files.length) return;
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("input", { bubbles: true }));
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
    input.addEventListener("change", () => this.onError(this.#tooLarge(input.files[0])));
  }

  // --- folds -----------------------------------------------------------------------------------------------------

  #rememberFolds() {
    const more = this.form.querySelector("[data-more]");
    try {
      if (localStorage.getItem(MORE_OPEN)) more.open = true;
    } catch {
      // Storage may be forbidden: the fold then starts closed.
    }
    more.addEventListener("toggle", (event) => {
      if (event.target !== more) return;
      try {
        if (more.open) localStorage.setItem(MORE_OPEN, "1");
        else localStorage.removeItem(MORE_OPEN);
      } catch {
        // See above.
      }
    });
  }
}
