// My generations: as long as one of them waits or is composed, the page asks how it goes, and shows the end.

import { getJson } from "./api.js";
import { onPage, visit } from "./navigation.js";

const ASK_EVERY_MS = 2000;
const MOST_PATIENCE_MS = 30_000;
const STATES = { queued: "Queued", running: "Composing" };

function show(row, job) {
  const state = row.querySelector("[data-live-state]");
  if (state.textContent !== STATES[job.status]) {
    state.textContent = STATES[job.status];
    state.className = `state state-${job.status}`;
  }
  const sentence = row.querySelector("[data-live-sentence]");
  if (sentence.textContent !== job.message) sentence.textContent = job.message;
  row.querySelector("[data-live-progress]").value = Math.min(1, job.seconds_composed / Math.max(1, job.length_seconds));
}

onPage((main, signal) => {
  const rows = [...main.querySelectorAll("[data-generations] [data-live]")];
  if (!rows.length) return;
  let wait = ASK_EVERY_MS;
  let timer = 0;
  async function ask() {
    if (!document.hidden) {
      try {
        const jobs = await Promise.all(rows.map((row) => getJson(row.dataset.live)));
        if (signal.aborted) return;
        wait = ASK_EVERY_MS;
        if (jobs.some((job) => !(job.status in STATES))) {
          visit(window.location.href, { replace: true, keepScroll: true });
          return;
        }
        rows.forEach((row, index) => show(row, jobs[index]));
      } catch {
        // Not to be reached at the moment, or signed out: ask less often, the page still tells what it knew.
        wait = Math.min(MOST_PATIENCE_MS, wait * 2);
      }
    }
    if (!signal.aborted) timer = setTimeout(ask, wait);
  }
  timer = setTimeout(ask, wait);
  signal.addEventListener("abort", () => clearTimeout(timer));
});
