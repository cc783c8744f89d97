"use strict";
/* Shortcuts, dialogs, focus and what is said in passing; live.js has what changes by itself, typed.js what is being
   typed. Every page works without. */

const TYPING = "input, textarea, select, [contenteditable]";
const ONE_COLUMN = matchMedia("(max-width: 860px)");
const TOAST_MS = 6000;
const KEPT_OPEN = new Set();

/* ---- Shortcuts: [data-key] is clicked or focused by its key, never while typing ---- */

function shortcutsOn() {
  return document.body.dataset.shortcuts === "on";
}

function visible(element) {
  return element.getClientRects().length > 0 && !element.disabled;
}

/* Ctrl-Enter saves the form one is typing in, and from anywhere else the outcome of the call in hand. */
function formToSave(element) {
  const form = element.closest("form");
  const meant = form && (element.matches(TYPING) || form.querySelector("button.button-primary")) ? form : document.querySelector("#outcome");
  const dialog = document.querySelector("dialog[open]");
  return dialog && !dialog.contains(meant) ? null : meant;
}

/* A click, for htmx sends the name of a button only after one. */
function save(form) {
  const button = form.querySelector("button.button-primary");
  if (button) button.click();
  else form.requestSubmit();
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.repeat) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = formToSave(event.target);
    if (form) { event.preventDefault(); save(form); }
    return;
  }
  if (event.key === "Enter" && event.target.matches(".tick input, .tick-all input")) event.preventDefault();
  if (!shortcutsOn() || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches(TYPING) && !event.target.matches("input[type=radio], input[type=checkbox]")) return;
  if (document.querySelector("dialog[open]")) return;
  const wanted = [...document.querySelectorAll("[data-key]")]
    .find((element) => element.dataset.key.toLowerCase() === event.key.toLowerCase() && visible(element));
  if (!wanted) return;
  event.preventDefault();
  wanted.focus();
  if (wanted.type === "search") wanted.select();
  if (!wanted.matches("input:not([type=radio]):not([type=checkbox]), textarea")) wanted.click();
});

/* Another outcome begins with its usual kind: what was chosen more exactly belonged to the one before. */
document.addEventListener("change", ({ target }) => {
  const usual = target.form?.elements[target.dataset.usual]?.[0];
  if (usual) usual.checked = true;
}, true);

document.addEventListener("change", ({ target }) => {
  if (!target.closest("[data-tick-all]")) return;
  target.closest("[data-live]").querySelectorAll(".tick input").forEach((box) => { box.checked = target.checked; });
});

/* ---- Clicks: copy, open a dialog, refresh a list; what lies open closes when one goes elsewhere ---- */

document.addEventListener("click", (event) => {
  closeOthers(event.target);
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    navigator.clipboard.writeText(copy.dataset.copy).then(() => announce(copy.dataset.copied));
  }
  const opener = event.target.closest("[data-open]");
  if (opener) document.querySelector(opener.dataset.open)?.showModal();
  const refresh = event.target.closest("[data-live-refresh]");
  if (refresh) {
    const list = refresh.closest("[data-live]");
    list.dataset.forced = "";
    refetch(list);
    list.focus();
  }
});

function closeOthers(element) {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (menu.contains(element)) return;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  });
  document.querySelectorAll(".finder").forEach((finder) => {
    const found = finder.querySelector(".found");
    if (!element && found.contains(document.activeElement)) finder.querySelector("input").focus();
    found.hidden = !finder.contains(element);
  });
}

document.addEventListener("keydown", (event) => { if (event.key === "Escape") closeOthers(null); });
document.addEventListener("focusin", (event) => closeOthers(event.target));
document.addEventListener("input", (event) => closeOthers(event.target));

/* What may not have been saved is said until something else is. */
function announce(text, lasting = false) {
  const status = document.querySelector("#status");
  if (!status || !text) return;
  const line = document.createElement("p");
  line.className = "toast";
  line.dataset.toast = lasting ? "lasting" : "";
  line.textContent = text;
  status.append(line);
  settle(status);
}

/* ---- After something new came into the page: dialogs, focus, countdowns, vanishing toasts ---- */

function settle(root) {
  root.querySelectorAll(":is(.nav, .filters) > [aria-current]").forEach(showAmongOthers);
  root.querySelectorAll("dialog[data-modal]:not([open])").forEach(interrupt);
  const target = root.matches?.("[data-focus]") ? root : root.querySelector("[data-focus]");
  if (target) moveTo(target);
  const toasts = [...document.querySelectorAll("#status [data-toast]")];
  toasts.slice(0, -1).forEach((toast) => toast.remove());
  root.querySelectorAll("[data-toast='']").forEach((toast) => setTimeout(() => toast.remove(), TOAST_MS));
  document.querySelectorAll("details[data-keep-open]").forEach((more) => { more.open ||= KEPT_OPEN.has(more.dataset.keepOpen); });
  if (root.id === "found" && !root.childElementCount) clearSearch();
  showLive(liveState);
  tick();
}

/* A dialog that came by itself; whoever has answered it goes on where they were. */
let interrupted = null;

function interrupt(dialog) {
  interrupted ??= document.activeElement;
  dialog.addEventListener("close", () => { interrupted = null; });
  dialog.showModal();
}

document.addEventListener("logged-in", () => {
  interrupted?.focus();
  interrupted = null;
});

/* On a narrow screen links beside each other scroll. */
function showAmongOthers(link) {
  const { parentElement } = link;
  parentElement.scrollLeft = link.offsetLeft - parentElement.offsetLeft - (parentElement.clientWidth - link.offsetWidth) / 2;
}

/* What is wrong with a form stands above as much of the form as fits; in one column so does the call. */
function moveTo(target) {
  target.focus();
  const top = target.matches(".error-summary") ? target : ONE_COLUMN.matches ? target.closest("#panel") : null;
  top?.scrollIntoView({ block: "start" });
}

/* A search that led to a call is over. */
function clearSearch() {
  const search = document.querySelector(".finder input");
  if (search !== document.activeElement) search.value = "";
}

document.addEventListener("toggle", ({ target }) => {
  if (target.dataset?.keepOpen) KEPT_OPEN[target.open ? "add" : "delete"](target.dataset.keepOpen);
}, true);

document.addEventListener("htmx:afterSettle", (event) => { settle(event.detail.elt); keepFocus(event.detail.requestConfig?.elt); });
document.addEventListener("htmx:oobAfterSwap", (event) => settle(event.detail.target));
document.addEventListener("DOMContentLoaded", () => settle(document.body));

/* Whoever pressed a button that is not there any more goes on at the heading of what it belonged to. */
let pressed = null;

document.addEventListener("htmx:beforeRequest", ({ detail: { requestConfig: { elt, verb } } }) => {
  const button = document.activeElement;
  if (verb === "get" || !elt.contains(button)) return;
  pressed = { elt, button, heading: elt.closest("[aria-labelledby]")?.getAttribute("aria-labelledby") };
});

function keepFocus(elt) {
  if (!pressed || pressed.elt !== elt) return;
  const { button, heading } = pressed;
  pressed = null;
  if (document.activeElement !== document.body) return;
  const next = button.isConnected ? button : document.getElementById(heading);
  if (!next) return;
  if (next !== button) next.tabIndex = -1;
  next.focus({ preventScroll: true });
}

/* ---- Refusals ---- */

/* Of refusals only those the server meant for this place are swapped; a proxy's page never replaces a form. Who is
   already logging in again is not disturbed by what else asks for it. */
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { xhr, target, requestConfig } = detail;
  if (xhr.status < 400 || [409, 422].includes(xhr.status)) return;
  const open = document.querySelector("#dialog dialog[open]");
  if (xhr.status === 401 && target.id === "dialog" && open && !open.contains(requestConfig.elt)) {
    detail.shouldSwap = false;
    return;
  }
  detail.shouldSwap = xhr.getResponseHeader("HX-Retarget") !== null;
  if (!detail.shouldSwap) announce(document.body.dataset.trouble, true);
});

document.addEventListener("htmx:sendError", () => announce(document.body.dataset.offline, true));
document.addEventListener("htmx:timeout", () => announce(document.body.dataset.offline, true));

/* ---- Settings lead back to the page as it is now ---- */

document.addEventListener("submit", ({ target }) => {
  if (target.matches("[action='/settings']")) target.elements.next.value = location.pathname + location.search;
});
