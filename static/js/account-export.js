// Watches a zip file of the account being prepared, at the address in data-status, and reloads the page when it is done.

import { visit } from "./navigation.js";

const EVERY_MS = 2000;

// What plays goes on.
const showAnew = () => visit(location.href, { replace: true, keepScroll: true });

class AccountExport extends HTMLElement {
  #timer = 0;

  connectedCallback() {
    this.#wait();
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  #wait() {
    clearTimeout(this.#timer);
    if (!this.querySelector("[data-export-finished]")) {
      this.#timer = setTimeout(() => this.#look(), EVERY_MS);
    }
  }

  async #look() {
    try {
      const response = await fetch(this.dataset.status, { credentials: "same-origin" });
      if (response.redirected || response.status === 404) {
        showAnew();
        return;
      }
      if (response.ok) {
        this.#show(await response.text());
      }
    } catch {
      // The server is away; the next look may find it.
    }
    if (this.isConnected) {
      this.#wait();
    }
  }

  #show(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").body;
    const state = fresh.querySelector("[data-export-state]");
    if (!state) {
      return;
    }
    if (state.hasAttribute("data-export-finished")) {
      showAnew();
      return;
    }
    // The button under somebody's finger stays; only what changed is replaced.
    const before = this.querySelector("progress");
    const after = state.querySelector("progress");
    if (before && after && this.querySelector("[data-export-state]").dataset.exportState === state.dataset.exportState) {
      before.value = after.value;
    } else {
      this.replaceChildren(document.importNode(state, true));
    }
  }
}

customElements.define("account-export", AccountExport);
