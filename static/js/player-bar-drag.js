/* Rows of a list in another order by mouse, pen or finger. Elsewhere there are buttons and keys for the same.
 *
 * [data-grip] in a row is what a finger drags; a mouse may take the row by [data-grip-mouse], too, where a click without
 * moving stays a click. The list may be rewritten meanwhile: rows are known by their data-key.
 */

const BEGIN_PX = 5;
const EDGE_PX = 40;
const SCROLL_PX = 7;

export class RowDrag {
  /** @param {(key: number, place: number) => void} onDrop */
  constructor(list, onDrop) {
    this.list = list;
    this.onDrop = onDrop;
    this.held = null;
    list.addEventListener("pointerdown", (event) => this.take(event));
    list.addEventListener("pointermove", (event) => this.move(event));
    list.addEventListener("pointerup", (event) => this.end(event, true));
    list.addEventListener("pointercancel", (event) => this.end(event, false));
    document.addEventListener("keydown", (event) => this.onKey(event), true);
  }

  get row() {
    return this.list.querySelector(`[data-key="${this.held.key}"]`);
  }

  take(event) {
    const isMouse = event.pointerType === "mouse";
    const grip = event.target.closest?.(isMouse ? "[data-grip], [data-grip-mouse]" : "[data-grip]");
    if (!grip || this.held || event.button !== 0) return;
    const { pointerId, clientY } = event;
    this.held = { pointerId, key: grip.closest("[data-key]").dataset.key, from: clientY, y: clientY, isMoving: false };
    // A finger leaves the row that it dragged, and the row may be rewritten.
    if ("grip" in grip.dataset) {
      event.preventDefault();
      this.list.setPointerCapture(pointerId);
    }
  }

  move(event) {
    const { held } = this;
    if (held?.pointerId !== event.pointerId) return;
    held.y = event.clientY;
    if (!held.isMoving) {
      if (Math.abs(held.y - held.from) < BEGIN_PX) return;
      held.isMoving = true;
      this.list.setPointerCapture(event.pointerId);
      this.follow();
    }
    this.show();
  }

  end(event, isDropped) {
    const { held } = this;
    if (held?.pointerId !== event.pointerId) return;
    const place = isDropped && held.isMoving && this.row ? this.place : null;
    this.release();
    if (place !== null) this.onDrop(Number(held.key), place);
  }

  onKey(event) {
    if (event.key !== "Escape" || !this.held?.isMoving) return;
    event.stopPropagation();
    this.list.releasePointerCapture(this.held.pointerId);
    this.release();
  }

  release() {
    if (this.held.isMoving) this.refuseClick();
    this.held = null;
    this.clear();
  }

  /* The press that ends a drag chooses nothing. */
  refuseClick() {
    const refuse = (event) => event.stopPropagation();
    this.list.addEventListener("click", refuse, { capture: true, once: true });
    setTimeout(() => this.list.removeEventListener("click", refuse, { capture: true }));
  }

  /* Where the row would be, counted without it. */
  get place() {
    const others = [...this.list.children].filter((row) => row.dataset.key !== this.held.key);
    const after = others.findIndex((row) => {
      const { top, height } = row.getBoundingClientRect();
      return this.held.y < top + height / 2;
    });
    return after < 0 ? others.length : after;
  }

  show() {
    const { row, place } = this;
    this.clear();
    if (!row) return;
    row.toggleAttribute("data-dragged", true);
    const others = [...this.list.children].filter((other) => other !== row);
    if (others.length === 0) return;
    if (place < others.length) others[place].dataset.drop = "before";
    else others.at(-1).dataset.drop = "after";
  }

  clear() {
    for (const row of this.list.children) {
      row.removeAttribute("data-dragged");
      delete row.dataset.drop;
    }
  }

  /* Near its edges the list scrolls. */
  follow() {
    if (!this.held?.isMoving) return;
    const { top, bottom } = this.list.getBoundingClientRect();
    const before = this.list.scrollTop;
    if (this.held.y < top + EDGE_PX) this.list.scrollTop -= SCROLL_PX;
    else if (this.held.y > bottom - EDGE_PX) this.list.scrollTop += SCROLL_PX;
    if (this.list.scrollTop !== before) this.show();
    requestAnimationFrame(() => this.follow());
  }
}
