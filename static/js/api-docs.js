/* A link to an object or an operation opens it. */

import { onPage } from "./navigation.js";

onPage((main, signal) => {
  if (!main.querySelector(".api-docs")) return;
  const openTarget = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) target.open = true;
  };
  openTarget();
  window.addEventListener("hashchange", openTarget, { signal });
});
