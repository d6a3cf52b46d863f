/* Sends MIDI files and zips one after the other, from the form, a chosen folder or what is dropped, and tells of each.
 *
 * Without this script the form sends what was chosen at once, and the page comes back with the same list. */

const MIDI = /\.(mid|midi|kar|smf)$/i;
const ZIP = /\.zip$/i;
const MAX_FILES = 5000;
const AT_ONCE = 2;
const TRIES = 3;
const WAIT_MS = 2000;
const SHOWN_ACCEPTED = 200;
const AWAY = "The site could not be reached. Try again.";
const megabytes = (bytes) => `${Math.floor(bytes / 2 ** 20)} MB`;
const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/* The files of whatever was dropped, folders and their folders included. Entries must be asked for at once. */
async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const found = [];
  /* One more than are taken, so that it can be said that there are more. */
  while (entries.length && found.length <= MAX_FILES) {
    const entry = entries.shift();
    if (entry.isFile) {
      if (MIDI.test(entry.name) || ZIP.test(entry.name)) {
        found.push(await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => null));
      }
      continue;
    }
    const reader = entry.createReader();
    for (;;) {
      const more = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)).catch(() => []);
      if (!more.length) break;
      entries.push(...more);
    }
  }
  return found.filter(Boolean);
}

class UploadFiles extends HTMLElement {
  #queue = [];
  #failed = [];
  #counts = { accepted: 0, there: 0, refused: 0, failed: 0 };
  #total = 0;
  #done = 0;
  #sending = 0;
  #shown = 0;
  #notSent = 0;
  #stopped = new AbortController();

  connectedCallback() {
    this.form = this.querySelector("form");
    this.input = this.querySelector("#upload-file");
    this.results = this.querySelector("[data-results]");
    this.list = this.querySelector("[data-list]");
    this.bar = this.querySelector("[data-bar]");
    this.said = this.querySelector("[data-said]");
    this.retry = this.querySelector("[data-retry]");
    this.querySelector("[data-drop-hint]").hidden = false;
    /* Choosing is sending. */
    this.querySelector("[data-send]").hidden = true;
    const folder = this.querySelector("#upload-folder");
    this.querySelector("[data-folder]").hidden = !("webkitdirectory" in folder);
    for (const input of [this.input, folder]) {
      input.addEventListener("change", () => {
        this.add([...input.files]);
        input.value = "";
      });
    }
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.add([...this.input.files]);
    });
    this.form.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.form.classList.add("is-over");
    });
    this.form.addEventListener("dragleave", (event) => {
      if (!this.form.contains(event.relatedTarget)) this.form.classList.remove("is-over");
    });
    this.form.addEventListener("drop", async (event) => {
      event.preventDefault();
      this.form.classList.remove("is-over");
      this.add(await filesOf(event.dataTransfer));
    });
    this.querySelector("[data-stop]").addEventListener("click", () => this.stop());
    this.retry.querySelector("button").addEventListener("click", () => this.tryAgain());
    window.addEventListener("beforeunload", this.#onLeave);
  }

  disconnectedCallback() {
    window.removeEventListener("beforeunload", this.#onLeave);
    this.#queue = [];
    this.#stopped.abort();
  }

  #onLeave = (event) => {
    if (this.#sending) event.preventDefault();
  };

  add(files) {
    if (!this.#sending) this.#begin();
    const music = files.filter((file) => MIDI.test(file.name) || ZIP.test(file.name));
    this.results.hidden = false;
    if (!music.length) {
      this.say("There is no MIDI file among these.");
      return;
    }
    for (const file of music.slice(0, MAX_FILES)) {
      const isZip = ZIP.test(file.name);
      const limit = Number(isZip ? this.dataset.maxZip : this.dataset.maxMidi);
      this.#total += 1;
      if (file.size > limit) {
        const kind = isZip ? "A zip" : "A MIDI file";
        const most = isZip ? Math.ceil(limit / 2 ** 20) * 2 ** 20 : limit;
        this.#finish(file, [
          { name: file.name, outcome: "refused", sentence: `${kind} may have ${megabytes(most)}; this one has ${megabytes(file.size)}.` },
        ]);
      } else {
        this.#queue.push(file);
      }
    }
    if (music.length > MAX_FILES) {
      const sentence = `At most ${counted(MAX_FILES, "file")} are taken at once. Add the others after these.`;
      this.#total += 1;
      this.#finish(null, [{ name: "And more", outcome: "refused", sentence }]);
    }
    this.#tell();
    while (this.#sending < AT_ONCE && this.#queue.length) this.#work();
  }

  /* A new lot: what was told of the one before stays in the list. */
  #begin() {
    this.#counts = { accepted: 0, there: 0, refused: 0, failed: 0 };
    this.#total = this.#done = this.#notSent = 0;
    this.#stopped = new AbortController();
    this.#failed = [];
    this.retry.hidden = true;
  }

  stop() {
    this.#notSent += this.#queue.length;
    this.#total -= this.#queue.length;
    this.#queue = [];
    this.#tell();
  }

  tryAgain() {
    const files = this.#failed;
    for (const row of this.list.querySelectorAll("[data-outcome=failed]")) row.remove();
    this.add(files);
  }

  async #work() {
    this.#sending += 1;
    while (this.#queue.length) {
      const file = this.#queue.shift();
      this.#finish(file, await this.#send(file));
      this.#tell();
    }
    this.#sending -= 1;
    this.#tell();
  }

  async #send(file) {
    const failed = (sentence, outcome = "failed") => [{ name: file.name, outcome, sentence }];
    for (let attempt = 1; ; attempt += 1) {
      const data = new FormData();
      data.append("csrfmiddlewaretoken", this.form.elements.csrfmiddlewaretoken.value);
      data.append("file", file);
      try {
        const response = await fetch(this.form.action, {
          method: "POST",
          body: data,
          credentials: "same-origin",
          headers: { Accept: "application/json" },
          signal: this.#stopped.signal,
        });
        if (response.status === 413) return failed(await response.text(), "refused");
        if (response.redirected || response.status === 403) return failed("You are signed out. Load the page again and sign in.");
        if (response.ok) return (await response.json()).results;
        if (response.status === 429) {
          attempt -= 1;
          this.say("That's a lot of files. Waiting a moment before sending more…");
          await pause(1000 * (Number(response.headers.get("Retry-After")) || 10));
          continue;
        }
        if (response.status < 500) return failed("The file could not be read.", "refused");
      } catch {
        if (this.#stopped.signal.aborted) return [];
      }
      if (attempt === TRIES) return failed(AWAY);
      await pause(WAIT_MS * attempt);
    }
  }

  #finish(file, results) {
    this.#done += 1;
    if (results.some((result) => result.outcome === "failed")) this.#failed.push(file);
    for (const result of results) {
      this.#counts[result.outcome] += 1;
      this.#row(result);
    }
  }

  /* What went wrong is always told; of a thousand that went well the first ones. */
  #row({ name, outcome, sentence, title, url, facts }) {
    if (outcome === "accepted" && (this.#shown += 1) > SHOWN_ACCEPTED) return;
    const row = document.createElement("li");
    row.className = "upload-result";
    row.dataset.outcome = outcome;
    const [head, more, what] = [document.createElement("p"), document.createElement("p"), document.createElement("bdi")];
    what.textContent = title || name;
    if (url) {
      const link = document.createElement("a");
      link.href = url;
      link.append(what);
      head.append(link);
    } else {
      head.append(what);
    }
    more.className = "hint";
    more.textContent = sentence || facts || "";
    row.append(head, more);
    if (outcome === "accepted") this.list.append(row);
    else this.list.prepend(row);
  }

  #tell() {
    const { accepted, there, refused, failed } = this.#counts;
    const progress = this.bar.querySelector("progress");
    const isBusy = this.#sending > 0 || this.#queue.length > 0;
    progress.max = Math.max(1, this.#total);
    progress.value = this.#done;
    this.bar.hidden = !isBusy;
    /* Leaving ends the upload: a full load, before which the browser asks. */
    this.toggleAttribute("data-full-load-page", isBusy);
    this.retry.hidden = isBusy || !this.#failed.length;
    if (isBusy) {
      /* Once in a while, so that who listens is not told of each file. */
      if (this.#done % 25 === 0) this.say(`${this.#done.toLocaleString("en")} of ${counted(this.#total, "file")} done.`);
      return;
    }
    const parts = [`${counted(accepted, "new piece")}`];
    if (there) parts.push(`${there.toLocaleString("en")} already there`);
    if (refused) parts.push(`${refused.toLocaleString("en")} refused`);
    if (failed) parts.push(`${failed.toLocaleString("en")} to try again`);
    if (this.#notSent) parts.push(`${this.#notSent.toLocaleString("en")} not sent`);
    this.say(`${parts.join(", ")}.`);
  }

  say(text) {
    if (this.said.textContent !== text) this.said.textContent = text;
  }
}

customElements.define("upload-files", UploadFiles);
