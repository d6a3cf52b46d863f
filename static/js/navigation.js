/* Moves between pages without a page load, so that the player bar keeps playing.
 *
 * A link or a form of this site is fetched; header, footer and what stands in #main are exchanged, the new page's modules
 * (<script type="module" src>) and style sheets are added. Without this script, and for everything it leaves alone, links
 * and forms are what they always were. It leaves alone:
 *   other sites, target=…, <a download>, clicks with a modifier key, /admin/ and what else data-aside of its script names;
 *   data-full-load on the link, form, submit button or anything around it;
 *   pages whose work a full load should end: anything marked data-full-load-page.
 * A POST that leads back to the same address keeps the place and the focus. What is no page is downloaded.
 *
 * For modules: onPage((main, signal) => …) runs now and after each exchange, also on pages that have nothing for the
 * module; `signal` aborts when the content goes. A module is evaluated once, so it starts everything in there.
 * For scripts that lead elsewhere: visit(url, {replace, keepScroll}); it reloads /account/ pages, too.
 * Events on document: page:leave {detail.path of the page that goes} before the exchange, page:load after it.
 */

const FULL_LOAD_PAGE = "[data-full-load-page]";
const PARTS = [".site-header", ".site-footer"];
const SCROLLS = "navigation-scrolls";
const SHEET_DEADLINE_MS = 3000;
const NO_SITE = "No connection to the site. Try again in a minute.";
const FAULT = "Something went wrong on our side. Try again in a minute.";

const marker = document.querySelector("script[data-navigation]");
const aside = marker?.dataset.aside?.split(" ") ?? [];
const main = document.getElementById("main");
const starters = [];
let content = new AbortController();
let fetching = null;
let sending = null;
let shown = new URL(window.location.href);
let entry = 0;
let scrolls = {};
let announcer = null;

/** @param {(main: HTMLElement, signal: AbortSignal) => void} start */
export function onPage(start) {
  starters.push(start);
  start(main ?? document.body, content.signal);
}

const pageOf = (url) => url.href.split("#")[0];
const isAside = (url) => url.origin !== window.location.origin || aside.some((path) => url.pathname.startsWith(path));
const mayLeave = () => !main.querySelector(FULL_LOAD_PAGE);

/* ---- what is asked for -------------------------------------------------------------------------------------------- */

function onClick(event) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest?.("a[href]");
  if (!link || (link.target && link.target !== "_self") || link.hasAttribute("download") || link.closest("[data-full-load]")) return;
  const url = new URL(link.href, document.baseURI);
  const isHere = pageOf(url) === pageOf(shown);
  if (isAside(url) || (isHere && link.getAttribute("href").includes("#")) || !mayLeave()) return;
  event.preventDefault();
  visit(url, { replace: isHere });
}

function onSubmit(event) {
  const { target: form, submitter } = event;
  const given = (name) => submitter?.getAttribute(`form${name}`) ?? form.getAttribute(name);
  const target = given("target");
  if (event.defaultPrevented || (target && target !== "_self") || (submitter ?? form).closest("[data-full-load]")) return;
  if (form.hasAttribute("data-full-load")) return;
  const method = (given("method") ?? "get").toLowerCase();
  const url = new URL(given("action") || pageOf(shown), document.baseURI);
  if (isAside(url) || method === "dialog" || !mayLeave()) return;
  event.preventDefault();
  if (sending?.form === form && sending.submitter === submitter) return; // a double click
  const data = new FormData(form, submitter);
  const isMultipart = given("enctype") === "multipart/form-data";
  const plain = () => new URLSearchParams([...data].map(([name, value]) => [name, value instanceof File ? value.name : value]));
  if (method === "get") {
    url.search = plain();
    const focused = document.activeElement;
    const again = selectorsOf(focused?.form === form ? focused : submitter, form);
    visit(url, { replace: pageOf(url) === pageOf(shown), again });
    return;
  }
  const own = (sending = { form, submitter });
  visit(url, { body: isMultipart ? data : plain(), again: selectorsOf(submitter, form) }).finally(() => {
    if (sending === own) sending = null;
  });
}

/* How to find the same control in the page that comes: selectors, the surest first. */
function selectorsOf(element, form = element?.form) {
  if (!element || !main.contains(element)) return [];
  const attribute = (name, value) => (value === null ? "" : `[${name}="${CSS.escape(value)}"]`);
  const own = (name) => attribute(name, element.getAttribute(name));
  const tag = element.localName;
  const within = form && !own("formaction") ? `form${attribute("action", form.getAttribute("action"))} ` : "";
  const place = `${within}${tag}${own("href")}${own("formaction")}`;
  const named = own("name") ? [`${place}${own("name")}${own("value")}`, `${place}${own("name")}`] : [];
  const isMeant = element.id || own("name") || own("href") || form;
  return isMeant ? [element.id ? attribute("id", element.id) : "", ...named, place].filter(Boolean) : [];
}

function onPopState(event) {
  entry = event.state?.entry ?? (entry += 1);
  const url = new URL(window.location.href);
  if (pageOf(url) === pageOf(shown)) {
    shown = url;
    restoreScroll(url);
  } else if (isAside(url) || !mayLeave()) window.location.reload();
  else visit(url, { isReturn: true });
}

/* ---- the way there ------------------------------------------------------------------------------------------------ */

/**
 * @param {string | URL} address
 * @param {{body?: BodyInit, replace?: boolean, keepScroll?: boolean, again?: string[], isReturn?: boolean}} options
 *   body: sent with POST; again: where the focus returns to, if the path stays the same;
 *   isReturn: the browser's address is already the new one
 */
export async function visit(address, { body = null, replace = false, keepScroll = false, again = null, isReturn = false } = {}) {
  const url = new URL(address, document.baseURI);
  const load = () => (isReturn ? window.location.reload() : window.location.assign(url));
  if (!marker || url.origin !== window.location.origin) {
    load();
    return;
  }
  fetching?.abort();
  const own = (fetching = new AbortController());
  const isOver = () => own.signal.aborted;
  document.documentElement.toggleAttribute("data-navigating", true);
  try {
    const answer = await ask(url, body, own.signal);
    if (isOver()) return;
    if (!answer) {
      say(NO_SITE);
      return;
    }
    const { response, text } = answer;
    const found = new URL(response.url);
    if (!body) found.hash = url.hash;
    if (isAside(found) && !isAside(url)) {
      window.location.assign(found);
      return;
    }
    if (text === null) {
      if (body) await save(response);
      else {
        own.abort(); // the browser asks once more, and saves or shows it
        load();
      }
      return;
    }
    const next = new DOMParser().parseFromString(text, "text/html");
    if (!isAlike(next)) {
      if (!body) load();
      else if (response.redirected) window.location.assign(found);
      else say(FAULT);
      return;
    }
    await addStyleSheets(next, found);
    if (isOver()) return;
    // A form that was refused is shown again under the address it came from; its errors get the focus.
    const isRefused = body !== null && !response.redirected;
    const target = isRefused ? shown : found;
    const isSame = pageOf(target) === pageOf(shown);
    if (!isReturn) remember(target, replace || (body !== null && isSame));
    const isStaying = target.pathname === shown.pathname && !isRefused;
    const focus = isStaying ? (again ?? (keepScroll ? selectorsOf(document.activeElement) : [])) : [];
    exchange(next, found);
    settle({ url: target, isReturn, keepScroll: keepScroll || (body !== null && isSame && !isRefused), focus });
  } finally {
    if (fetching === own) {
      fetching = null;
      document.documentElement.removeAttribute("data-navigating");
    }
  }
}

/* Not so: a page of another make, a newer version of the site, somebody else who is signed in. */
function isAlike(next) {
  const told = (page) => [page.querySelector("script[data-navigation]")?.getAttribute("src"), page.querySelector("player-bar")?.dataset.owner];
  const [here, there] = [told(document), told(next)];
  return here.every((value, index) => value === there[index]);
}

/* {response, text}, where text is null for what is no page; null when nothing answers. */
async function ask(url, body, signal) {
  try {
    const response = await fetch(url, {
      method: body ? "POST" : "GET",
      body,
      signal,
      credentials: "same-origin",
      headers: { Accept: "text/html,*/*;q=0.8" },
    });
    const isPage = response.headers.get("Content-Type")?.startsWith("text/html");
    return { response, text: isPage ? await response.text() : null };
  } catch {
    return null;
  }
}

/* An answer to a form that is a file. */
async function save(response) {
  const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = name ?? "";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function remember(url, replace) {
  if (!replace) entry = Math.max(entry, ...Object.keys(scrolls).map(Number), 0) + 1;
  window.history[replace ? "replaceState" : "pushState"]({ entry }, "", url);
}

function addStyleSheets(next, base) {
  const known = new Set([...document.querySelectorAll("link[rel=stylesheet]")].map((link) => link.href));
  const missing = [...next.querySelectorAll("link[rel=stylesheet]")].filter(
    (link) => !known.has(new URL(link.getAttribute("href"), base).href),
  );
  return Promise.all(
    missing.map(
      (link) =>
        new Promise((resolve) => {
          const sheet = document.importNode(link, true);
          sheet.addEventListener("load", resolve);
          sheet.addEventListener("error", resolve);
          setTimeout(resolve, SHEET_DEADLINE_MS);
          document.head.append(sheet);
        }),
    ),
  );
}

/* ---- the exchange ------------------------------------------------------------------------------------------------- */

function exchange(next, base) {
  document.dispatchEvent(new CustomEvent("page:leave", { detail: { path: shown.pathname + shown.search } }));
  content.abort();
  content = new AbortController();
  shown = base;
  document.title = next.title;
  // A parser without scripts takes what is meant for browsers without scripts for content.
  for (const element of next.querySelectorAll("noscript")) element.remove();
  for (const part of PARTS) document.querySelector(part)?.replaceChildren(...(next.querySelector(part)?.childNodes ?? []));
  main.replaceChildren(...next.getElementById("main").childNodes);
  for (const start of [...starters]) {
    try {
      start(main, content.signal);
    } catch (error) {
      window.reportError(error);
    }
  }
  for (const script of next.querySelectorAll("script[type=module][src]")) {
    import(new URL(script.getAttribute("src"), base).href).catch(window.reportError);
  }
  document.dispatchEvent(new CustomEvent("page:load"));
}

/* Where the page stands, what has the focus, and what a screen reader says. */
function settle({ url, isReturn, keepScroll, focus }) {
  shown = url;
  const meant = url.hash ? document.getElementById(decodeURIComponent(url.hash.slice(1))) : null;
  const same = focus.map((selector) => main.querySelector(selector)).find(Boolean);
  if (isReturn) restoreScroll(url);
  else if (meant) meant.scrollIntoView({ behavior: "instant" });
  else if (!keepScroll && !same) window.scrollTo({ top: 0, behavior: "instant" });
  const wanted = same ? null : main.querySelector("[autofocus]:not([hidden])");
  if (wanted) wanted.focus(); // an error is scrolled to
  else (same ?? main).focus({ preventScroll: true });
  if (same?.matches("input[type=search], input[type=text]")) same.setSelectionRange(same.value.length, same.value.length);
  const told = main.querySelector(":scope > [role=status]")?.textContent.trim();
  announce(told || document.title);
}

function restoreScroll(url) {
  const meant = url.hash ? document.getElementById(decodeURIComponent(url.hash.slice(1))) : null;
  if (scrolls[entry] === undefined && meant) meant.scrollIntoView({ behavior: "instant" });
  else window.scrollTo({ top: scrolls[entry] ?? 0, behavior: "instant" });
}

function announce(text) {
  announcer.textContent = "";
  requestAnimationFrame(() => {
    announcer.textContent = text;
  });
}

/* A sentence at the top of the page that stays. */
function say(sentence) {
  main.querySelector("[data-navigation-notice]")?.remove();
  const notice = document.createElement("p");
  notice.className = "notice";
  notice.textContent = sentence;
  const box = document.createElement("div");
  box.className = "shell";
  box.dataset.navigationNotice = "";
  box.setAttribute("role", "alert");
  box.append(notice);
  main.prepend(box);
  box.scrollIntoView({ block: "nearest" });
}

/* ---- start -------------------------------------------------------------------------------------------------------- */

/* Storage may be forbidden; then only the places of this load are remembered. */
function readScrolls() {
  try {
    return JSON.parse(sessionStorage.getItem(SCROLLS)) ?? {};
  } catch {
    return {};
  }
}

function keepScrolls() {
  window.history.scrollRestoration = "auto"; // a full load is the browser's own business
  try {
    sessionStorage.setItem(SCROLLS, JSON.stringify(scrolls));
  } catch {
    // See above.
  }
}

function start() {
  scrolls = readScrolls();
  entry = window.history.state?.entry ?? Math.max(0, ...Object.keys(scrolls).map(Number)) + 1;
  window.history.replaceState({ ...window.history.state, entry }, "");
  window.history.scrollRestoration = "manual";
  announcer = document.createElement("p");
  announcer.className = "visually-hidden";
  announcer.setAttribute("role", "status");
  document.body.append(announcer);
  document.addEventListener("click", onClick);
  document.addEventListener("submit", onSubmit);
  window.addEventListener("popstate", onPopState);
  window.addEventListener("pagehide", keepScrolls);
  window.addEventListener("pageshow", () => {
    window.history.scrollRestoration = "manual";
  });
  document.addEventListener("scroll", () => fetching || (scrolls[entry] = Math.round(window.scrollY)), { passive: true });
}

if (marker && main) start();
