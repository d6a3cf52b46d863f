/* What the server said is wrong, at the fields it means. Boxes are named by param: data-error-for="qpm". */

const boxesOf = (form, field) => [...form.querySelectorAll(field ? `[data-error-for="${CSS.escape(field)}"]` : "[data-error-for]")];

/* The control that an error box stands under: what gets the focus, and is marked as wrong. */
function controlOf(box) {
  if (box.id === "error-length") return document.getElementById("id_length");
  const control = document.getElementById(box.id.replace(/^error-/, ""));
  return control?.matches("input:not([type=radio], [type=checkbox]), select") ? control : null;
}

function describe(element, box, isWrong) {
  const ids = new Set((element.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
  if (isWrong) ids.add(box.id);
  else ids.delete(box.id);
  if (ids.size) element.setAttribute("aria-describedby", [...ids].join(" "));
  else element.removeAttribute("aria-describedby");
}

function mark(box, isWrong) {
  box.hidden = !isWrong;
  const control = controlOf(box);
  const described = control ?? box.closest("fieldset");
  if (described) describe(described, box, isWrong);
  if (!control) return;
  if (isWrong) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

/* field: the name of a param; without one all errors go. */
export function clearErrors(form, field) {
  for (const box of boxesOf(form, field)) mark(box, false);
}

/* errors: {param: sentence or sentences}. The first wrong field of the page gets the focus. */
export function showErrors(form, errors) {
  let first = null;
  for (const [field, sentences] of Object.entries(errors)) {
    const isHere = (box) => !box.closest("[data-genre][hidden]");
    const box = boxesOf(form, field).find(isHere) ?? boxesOf(form, "detail")[0];
    box.textContent = [sentences].flat().join(" ");
    mark(box, true);
    for (let fold = box.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    const target = controlOf(box) ?? box;
    if (!first || target.compareDocumentPosition(first) & Node.DOCUMENT_POSITION_FOLLOWING) first = target;
  }
  first?.focus();
}
