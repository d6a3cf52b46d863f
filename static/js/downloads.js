/* The block of downloads: asks for sound files without leaving the page, and looks again while one is being made.
 *
 * Without this script the forms lead back to the page, which says how far things are. */

const EVERY_MS = 1000;
const AWAY_MS = 5000;
const AWAY = "No connection. Retrying…";

const isRunning = (row) => row.dataset.status === "queued" || row.dataset.status === "running";
const rows = (root) => new Map([...root.querySelectorAll("[data-format]")].map((row) => [row.dataset.format, row]));
const nameOf = (row) => row.querySelector("strong").textContent;

class PieceDownloads extends HTMLElement {
  #timer = 0;
  #asking = null;

  connectedCallback() {
    this.addEventListener("submit", this.#onSubmit);
    this.#wait();
  }

  disconnectedCallback() {
    this.removeEventListener("submit", this.#onSubmit);
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  #wait(milliseconds = EVERY_MS) {
    clearTimeout(this.#timer);
    if (this.hasAttribute("data-running")) this.#timer = setTimeout(() => this.#look(), milliseconds);
  }

  #look() {
    /* A page that nobody sees asks nothing. */
    if (document.hidden) return this.#wait();
    return this.#fetch(this.dataset.block, {});
  }

  #onSubmit = (event) => {
    const form = event.target;
    event.preventDefault();
    event.stopPropagation();
    this.#fetch(form.action, { method: "POST", body: new FormData(form) }, () => {
      /* As if this script were not there. */
      HTMLFormElement.prototype.submit.call(form);
    });
  };

  async #fetch(url, options, otherwise = null) {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    let wait = EVERY_MS;
    try {
      const response = await fetch(url, {
        ...options,
        signal: asking.signal,
        cache: "no-store",
        headers: { "X-Block": "downloads" },
      });
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("piece-downloads");
      if (asking.signal.aborted) return;
      if (fresh) this.#show(fresh);
      else if (otherwise) return otherwise();
      else if (response.status === 404) this.removeAttribute("data-running");
      else wait = AWAY_MS;
    } catch {
      if (asking.signal.aborted) return;
      this.#say(AWAY);
      wait = AWAY_MS;
    }
    if (this.isConnected) this.#wait(wait);
  }

  /* Replaces what changed alone: what somebody's finger or focus is on stays. */
  #show(fresh) {
    const before = rows(this);
    const said = [];
    for (const [format, row] of rows(fresh)) {
      const old = before.get(format);
      if (!old) continue;
      const bars = [old.querySelector("progress"), row.querySelector("progress")];
      if (old.dataset.status === row.dataset.status && bars.every(Boolean)) {
        if (bars[1].hasAttribute("value")) bars[0].value = bars[1].value;
        continue;
      }
      if (old.outerHTML === row.outerHTML) continue;
      if (isRunning(old) && row.dataset.status === "succeeded") said.push(`${nameOf(row)} is ready.`);
      if (isRunning(old) && row.dataset.status === "failed") said.push(`${nameOf(row)} could not be created.`);
      const hadFocus = old.contains(document.activeElement);
      old.replaceWith(row);
      if (hadFocus) row.querySelector("a, button")?.focus({ preventScroll: true });
    }
    this.#showError(fresh.querySelector(".form-error"));
    this.toggleAttribute("data-running", fresh.hasAttribute("data-running"));
    const note = fresh.querySelector("[data-downloads-said]");
    note.querySelector("noscript")?.remove();
    this.#say(said.join(" ") || note.textContent.trim());
  }

  #showError(error) {
    this.querySelector(".form-error")?.remove();
    if (error) this.querySelector("h2").after(error);
  }

  #say(text) {
    const note = this.querySelector("[data-downloads-said]");
    if (note.textContent !== text) note.textContent = text;
  }
}

customElements.define("piece-downloads", PieceDownloads);
