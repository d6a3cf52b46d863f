// Dark or light: what was chosen here before, else what the system says. Runs in the head, before anything is drawn.
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const stored = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  };
  const apply = () => {
    const theme = stored() ?? (system.matches ? "dark" : "light");
    root.dataset.bsTheme = theme;
    document.querySelector("[data-theme-toggle]")?.setAttribute("aria-pressed", String(theme === "dark"));
  };
  apply();
  system.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  const show = () => {
    const toggle = document.querySelector("[data-theme-toggle]");
    toggle?.setAttribute("aria-pressed", String(root.dataset.bsTheme === "dark"));
  };
  document.addEventListener("DOMContentLoaded", show);
  document.addEventListener("page:load", show); // navigation.js brought another header
  document.addEventListener("click", (event) => {
    const toggle = event.target.closest?.("[data-theme-toggle]");
    if (!toggle) return;
    const theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
    try {
      // What the system says needs no remembering, and then goes on following it.
      if (theme === (system.matches ? "dark" : "light")) localStorage.removeItem("theme");
      else localStorage.setItem("theme", theme);
    } catch {
      // Private windows may refuse to store: the choice then lasts until the next full load.
    }
    root.dataset.bsTheme = theme;
    show();
  });
})();
