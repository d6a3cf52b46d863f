// Closes an open <details data-menu>: by Escape, which leads back to its button, by a click beside it, or when focus leaves.

const open = () => document.querySelectorAll("details[data-menu][open]");

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") {
    return;
  }
  for (const menu of open()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

for (const name of ["click", "focusin"]) {
  document.addEventListener(name, (event) => {
    for (const menu of open()) {
      if (!menu.contains(event.target)) {
        menu.open = false;
      }
    }
  });
}
