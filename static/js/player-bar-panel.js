/* The queue of <player-bar>, opened above it: what comes, in which order; each entry can be played, moved by
 * dragging, buttons or keys, and removed. */
import { RowDrag } from "./player-bar-drag.js";
import { button, create, formatTime, setIcon } from "./player-parts.js";

export class QueuePanel {
  constructor(bar) {
    this.list = create("ol", { class: "pb-list" });
    this.clear = create("button", { type: "button", class: "pb-clear" }, ["Clear queue"]);
    this.close = button("pb-close", "x-lg", "Close queue");
    this.said = create("p", { class: "visually-hidden", role: "status" });
    this.head = create("div", { class: "pb-panel-head" }, [create("h2", { id: "player-bar-queue-title" }, ["Queue"]), this.clear, this.close]);
    this.element = create("section", { class: "pb-panel", id: "player-bar-queue", "aria-labelledby": "player-bar-queue-title", hidden: "" }, [
      this.head,
      this.list,
      this.said,
    ]);
    this.clear.addEventListener("click", () => bar.clear());
    this.list.addEventListener("click", (event) => this.onClick(event, bar));
    this.list.addEventListener("keydown", (event) => this.onKey(event, bar));
    this.drag = new RowDrag(this.list, (key, place) => this.move(bar, key, place));
  }

  onClick(event, bar) {
    const pressed = event.target.closest("[data-do]");
    if (!pressed) return;
    const row = pressed.closest("[data-key]");
    const key = Number(row.dataset.key);
    const place = [...this.list.children].indexOf(row);
    const actions = {
      play: () => bar.choose(key),
      up: () => this.move(bar, key, place - 1),
      down: () => this.move(bar, key, place + 1),
      remove: () => bar.remove(key),
    };
    actions[pressed.dataset.do]();
  }

  /* With Alt the arrows move an entry, as its buttons do. */
  onKey(event, bar) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const row = event.target.closest("[data-key]");
    if (!step || !row || !event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.move(bar, Number(row.dataset.key), [...this.list.children].indexOf(row) + step);
  }

  move(bar, key, place) {
    bar.moveTo(key, place);
    const { entries } = bar.queue;
    const index = entries.findIndex((entry) => entry.key === key);
    if (index >= 0) this.said.textContent = `${entries[index].title} moved to ${index + 1} of ${entries.length}.`;
  }

  showCurrent() {
    const row = this.list.querySelector("[aria-current]")?.closest("li");
    if (row) this.list.scrollTop = row.offsetTop - (this.list.clientHeight - row.offsetHeight) / 2;
  }

  /* Rewrites the list; the focus stays on the same button of the same entry, or goes to the one in its place. */
  show({ queue }) {
    const focused = document.activeElement?.closest?.("[data-do]");
    const action = this.list.contains(focused) ? focused.dataset.do : null;
    const row = action && focused.closest("[data-key]");
    const place = row ? [...this.list.children].indexOf(row) : -1;
    const { scrollTop } = this.list;
    this.list.replaceChildren(...queue.entries.map((entry, index) => this.row(entry, index, queue)));
    this.list.scrollTop = scrollTop;
    if (!action) return;
    const rows = [...this.list.children];
    const again = rows.find((one) => one.dataset.key === row.dataset.key) ?? rows[Math.min(place, rows.length - 1)];
    const same = again?.querySelector(`[data-do=${action}]:not(:disabled)`);
    (same ?? again?.querySelector("[data-do=play]"))?.focus();
  }

  row(entry, index, queue) {
    const isCurrent = index === queue.index;
    const doing = (name, element) => {
      element.dataset.do = name;
      return element;
    };
    const grip = create("span", { class: "pb-grip", "data-grip": "", "aria-hidden": "true" });
    setIcon(grip, "grip-vertical");
    const title = create("span", { class: "pb-entry-title" }, [entry.title]);
    const play = doing("play", create("button", { type: "button", class: "pb-entry", "data-grip-mouse": "" }, [title]));
    if (isCurrent) play.setAttribute("aria-current", "true");
    const up = doing("up", button("pb-small", "chevron-up", `Move ${entry.title} up`));
    const down = doing("down", button("pb-small", "chevron-down", `Move ${entry.title} down`));
    up.setAttribute("aria-keyshortcuts", "Alt+ArrowUp");
    down.setAttribute("aria-keyshortcuts", "Alt+ArrowDown");
    up.disabled = index === 0;
    down.disabled = index === queue.entries.length - 1;
    const remove = doing("remove", button("pb-small", "x-lg", `Remove ${entry.title}`));
    const length = create("span", { class: "pb-entry-length" }, [formatTime(Math.round(entry.length))]);
    return create("li", { class: "pb-entry-row", "data-key": entry.key }, [grip, play, length, up, down, remove]);
  }
}
