// A collection in a new order by dragging. The buttons beside each piece do the same without a mouse or this script.

import { onPage } from "./navigation.js";

onPage((main) => {
  const list = main.querySelector("[data-order]");
  const form = main.querySelector("form#order");
  if (!list || !form) return;
  let dragged = null;

  function order() {
    return [...list.querySelectorAll("[data-piece]")].map((item) => item.dataset.piece).join(",");
  }

  function send() {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "order";
    field.value = order();
    form.append(field);
    form.requestSubmit();
    field.remove();
  }

  function move(event) {
    const items = [...list.querySelectorAll("[data-piece]")].filter((item) => item !== dragged);
    const after = items.find((item) => {
      const box = item.getBoundingClientRect();
      return event.clientY < box.top + box.height / 2;
    });
    if (after) after.before(dragged);
    else list.append(dragged);
  }

  for (const handle of list.querySelectorAll("[data-handle]")) {
    handle.hidden = false;
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      const before = order();
      dragged = handle.closest("[data-piece]");
      dragged.classList.add("order-dragged");
      // On the list: the item itself leaves its place while it is dragged.
      list.setPointerCapture(event.pointerId);
      list.addEventListener("pointermove", move);
      const end = () => {
        list.removeEventListener("pointermove", move);
        list.removeEventListener("pointerup", end);
        list.removeEventListener("pointercancel", end);
        dragged.classList.remove("order-dragged");
        dragged = null;
        if (order() !== before) send();
      };
      list.addEventListener("pointerup", end);
      list.addEventListener("pointercancel", end);
    });
  }
});
