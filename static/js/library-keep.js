// Keeps a draft without leaving the page, so that what plays goes on playing. Without this script the form leads to the
// piece. The form may come later than the page: the listener waits on the document, before navigation.js hears of it.

document.addEventListener(
  "submit",
  async (event) => {
    const form = event.target.closest("[data-keep-here]");
    if (!form || event.defaultPrevented) return;
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
    if (answer?.type !== "opaqueredirect") {
      form.submit(); // the page that comes says what is wrong
      return;
    }
    form.closest("[data-draft]").querySelector("[data-draft-said]").textContent = form.dataset.keptSaid;
    form.remove();
  },
  { capture: true },
);
