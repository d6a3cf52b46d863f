/* Sends MIDI files and zips one after the other, from the form, a chosen folder or what is dropped, and tells of each.
 *
 * Without this script the form sends what was chosen at once, and the page comes back with the same list. */

const ZIP = /\.zip$/i;
/* Files that computers write for themselves, as library/services/uploads.py knows them. */
const SYSTEM = /(^|\/)(\._[^/]*|\.ds_store|thumbs\.db|desktop\.ini|\.localized)$/i;
const SYSTEM_FOLDER = /(^|\/)(__macosx|\.trashes|\.spotlight-v100|\.fseventsd|\$recycle\.bin|system volume information)\//i;
const MAX_FILES = 5000;
const AT_ONCE = 2;
const TRIES = 3;
const WAIT_MS = 2000;
const SHOWN_ACCEPTED = 200;
/* Of the files that are no music, so many are named, and the others are counted. */
const MAX_NAMED = 20;
const AWAY = "No connection. Try again.";
const megabytes = (bytes) => `${Math.floor(bytes / 2 ** 20)} MB`;
const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/* With the folders that they come from, where the browser tells. */
const pathOf = (file) => file.path ?? (file.webkitRelativePath || file.name);
const isSystem = (path) => SYSTEM.test(path) || SYSTEM_FOLDER.test(path);

/* The files of what was dropped, folders and their folders included, and the paths that could not be read; of files that
 * nobody wants (`isWanted`) the names alone. Entries must be asked for at once. */
async function filesOf(transfer, isWanted) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return { files: [...transfer.files], unread: [] };
  const [files, unread] = [[], []];
  let wanted = 0;
  /* One more than are taken, so that it can be said that there are more. */
  while (entries.length && wanted <= MAX_FILES) {
    const entry = entries.shift();
    const path = entry.fullPath.replace(/^\//, "");
    try {
      if (entry.isFile && !isWanted(entry)) {
        files.push({ name: entry.name, path });
        continue;
      }
      if (entry.isFile) {
        wanted += 1;
        const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
        file.path = path;
        files.push(file);
        continue;
      }
      const reader = entry.createReader();
      for (;;) {
        const more = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!more.length) break;
        entries.push(...more);
      }
    } catch {
      unread.push(path);
    }
  }
  return { files, unread };
}

class UploadFiles extends HTMLElement {
  #queue = [];
  #failed = [];
  #counts = { accepted: 0, there: 0, refused: 0, failed: 0, skipped: 0 };
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
      const { files, unread } = await filesOf(event.dataTransfer, (entry) => this.#isWanted(entry));
      this.add(files, unread);
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

  /* Every one of these is sent or told of; `unread` are paths of what the browser could not read. */
  add(files, unread = []) {
    if (!this.#sending) this.#begin();
    this.results.hidden = false;
    const system = files.filter((file) => isSystem(pathOf(file)));
    const own = files.filter((file) => !isSystem(pathOf(file)));
    const music = own.filter((file) => this.#isWanted(file));
    for (const file of music.slice(0, MAX_FILES)) this.#take(file);
    for (const path of unread) this.#told(path, "refused", "Your browser couldn't read this.");
    this.#skip(own.filter((file) => !music.includes(file)).map(pathOf), system.length);
    if (music.length > MAX_FILES) {
      this.#told("More files", "refused", `You can upload up to ${counted(MAX_FILES, "file")} at a time. Upload the rest afterwards.`);
    }
    if (!files.length && !unread.length) {
      this.say("Nothing to upload.");
      return;
    }
    this.#tell();
    while (this.#sending < AT_ONCE && this.#queue.length) this.#work();
  }

  #isWanted({ name }) {
    return ZIP.test(name) || this.dataset.midiEndings.split(" ").some((ending) => name.toLowerCase().endsWith(ending));
  }

  #take(file) {
    const isZip = ZIP.test(file.name);
    const limit = Number(isZip ? this.dataset.maxZip : this.dataset.maxMidi);
    if (file.size <= limit) {
      this.#total += 1;
      this.#queue.push(file);
      return;
    }
    const kind = isZip ? "A zip" : "A MIDI file";
    const most = isZip ? Math.ceil(limit / 2 ** 20) * 2 ** 20 : limit;
    this.#told(file.name, "refused", `${kind} can be up to ${megabytes(most)}. This one is ${megabytes(file.size)}.`);
  }

  /* Files that are no music, as the server tells of those in a zip. */
  #skip(paths, system) {
    for (const path of paths.slice(0, MAX_NAMED)) this.#told(path, "skipped", "Not a MIDI file.");
    const more = paths.length - MAX_NAMED;
    if (more > 0) this.#told(counted(more, "more file"), "skipped", more > 1 ? "Not MIDI files." : "Not a MIDI file.", more);
    if (system) this.#told(`${counted(system, "system file")} skipped`, "skipped", "Your computer created them. They contain no music.", system);
  }

  #told(name, outcome, sentence, count = 1) {
    this.#total += 1;
    this.#finish(null, [{ name, outcome, sentence, count }]);
  }

  /* A new lot: what was told of the one before stays in the list. */
  #begin() {
    this.#counts = { accepted: 0, there: 0, refused: 0, failed: 0, skipped: 0 };
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
        if (response.redirected || response.status === 403) return failed("You've been signed out. Reload the page and sign in.");
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
      this.#counts[result.outcome] += result.count ?? 1;
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
    if (outcome === "accepted" || outcome === "skipped") this.list.append(row);
    else this.list.prepend(row);
  }

  #tell() {
    const { accepted, there, refused, failed, skipped } = this.#counts;
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
    if (skipped) parts.push(`${skipped.toLocaleString("en")} skipped`);
    if (failed) parts.push(`${failed.toLocaleString("en")} to try again`);
    if (this.#notSent) parts.push(`${this.#notSent.toLocaleString("en")} not sent`);
    this.say(`${parts.join(", ")}.`);
  }

  say(text) {
    if (this.said.textContent !== text) this.said.textContent = text;
  }
}

customElements.define("upload-files", UploadFiles);
