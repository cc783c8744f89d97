"use strict";
/* The one script: shortcuts, live hints, countdowns, focus. Every page works without it. */

const TYPING = "input, textarea, select, [contenteditable]";
const POLL_MS = 30_000;
const SILENCE_MS = 45_000;
const SLEPT_MS = 15_000;
const ACTS = "a, button, input, select, textarea, summary";
const POINTS = matchMedia("(hover: hover)");
const SERVER_NOW = document.querySelector("[data-server-now]")?.dataset.serverNow;
const CLOCK_SKEW = SERVER_NOW ? Date.parse(SERVER_NOW) - Date.now() : 0;
const CHANGED_WHILE_BUSY = new Map();
const KEPT_OPEN = new Set();

/* ---- Shortcuts: [data-key] is clicked or focused by its key, never while typing ---- */

function shortcutsOn() {
  return document.body.dataset.shortcuts === "on";
}

function visible(element) {
  return element.getClientRects().length > 0 && !element.disabled;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = event.target.closest("form");
    if (form && !event.isComposing) { event.preventDefault(); form.requestSubmit(form.querySelector("button.button-primary")); }
    return;
  }
  if (!shortcutsOn() || event.isComposing || event.repeat) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches(TYPING) && !event.target.matches("input[type=radio], input[type=checkbox]")) return;
  if (document.querySelector("dialog[open]")) return;
  const wanted = [...document.querySelectorAll("[data-key]")]
    .find((element) => element.dataset.key.toLowerCase() === event.key.toLowerCase() && visible(element));
  if (!wanted) return;
  event.preventDefault();
  if (wanted.matches("input:not([type=radio]):not([type=checkbox]), textarea")) wanted.focus();
  else { wanted.focus(); wanted.click(); }
});

/* ---- Clicks: copy, open a dialog ---- */

document.addEventListener("click", (event) => {
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

function announce(text) {
  const status = document.querySelector("#status");
  if (!status || !text) return;
  status.querySelectorAll("[data-toast]").forEach((toast) => toast.remove());
  const line = document.createElement("p");
  line.className = "toast";
  line.dataset.toast = "";
  line.textContent = text;
  status.append(line);
  settle(status);
}

/* ---- After something new came into the page: dialogs, focus, countdowns, vanishing toasts ---- */

function settle(root) {
  root.querySelectorAll("dialog[data-modal]:not([open])").forEach((dialog) => dialog.showModal());
  const target = root.matches?.("[data-focus]") ? root : root.querySelector("[data-focus]");
  if (target) target.focus({ preventScroll: false });
  root.querySelectorAll("[data-toast]").forEach((toast) => setTimeout(() => toast.remove(), 6000));
  document.querySelectorAll("details[data-keep-open]").forEach((more) => { more.open ||= KEPT_OPEN.has(more.dataset.keepOpen); });
  showLive(liveState);
  tick();
}

document.addEventListener("toggle", ({ target }) => {
  if (target.dataset?.keepOpen) KEPT_OPEN[target.open ? "add" : "delete"](target.dataset.keepOpen);
}, true);

document.addEventListener("htmx:afterSettle", (event) => settle(event.detail.elt));
document.addEventListener("htmx:oobAfterSwap", (event) => settle(event.detail.target));
document.addEventListener("DOMContentLoaded", () => settle(document.body));

/* A session has ended: who is already logging in again is not disturbed by what else asks for it. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target, elt } = event.detail;
  const open = document.querySelector("#dialog dialog[open]");
  if (xhr.status === 401 && target.id === "dialog" && open && !open.contains(elt)) event.detail.shouldSwap = false;
});

/* Of refusals only those the server meant for this place are swapped; a proxy's page never replaces a form. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.status < 400 || [409, 422].includes(xhr.status) || xhr.getResponseHeader("HX-Retarget")) return;
  event.detail.shouldSwap = false;
  announce(document.body.dataset.trouble);
});

document.addEventListener("htmx:sendError", () => announce(document.body.dataset.offline));
document.addEventListener("htmx:timeout", () => announce(document.body.dataset.offline));

/* ---- Countdowns: [data-until] holds an instant, minutes are shown, 10 and 2 minutes are announced ---- */

let tickedAt = Date.now();

function tick() {
  const slept = Date.now() - tickedAt > SLEPT_MS;
  tickedAt = Date.now();
  if (!document.hidden && (slept || (stream && Date.now() - heardAt > SILENCE_MS))) reconnect();
  const now = serverNow();
  document.querySelectorAll("[data-until]").forEach((element) => {
    const seconds = Math.max(0, Math.round((Date.parse(element.dataset.until) - now) / 1000));
    if (element.dataset.unit === "seconds") countSeconds(element, seconds);
    else countMinutes(element, Math.ceil(seconds / 60));
  });
  document.querySelectorAll("[data-refresh-at]").forEach((list) => {
    if (Date.parse(list.dataset.refreshAt) > now) return;
    delete list.dataset.refreshAt;
    hint(list.closest("[data-live]"));
  });
  CHANGED_WHILE_BUSY.forEach((count, id) => { const list = document.getElementById(id); if (list && !busy(list)) refetch(list); });
}

function show(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function countSeconds(element, seconds) {
  show(element, `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
  if (seconds === 0) element.closest("[data-expires]")?.remove();
}

function countMinutes(element, minutes) {
  show(element, element.dataset.pattern.replace("{n}", String(minutes)));
  if (!element.dataset.announce) return;
  const mark = minutes <= 2 ? "2" : minutes <= 10 ? "10" : "";
  const before = element.dataset.announced;
  element.dataset.announced = mark;
  if (mark && before !== undefined && before !== mark) announce(element.dataset.announce.replace("{n}", mark));
}

function serverNow() {
  return Date.now() + CLOCK_SKEW;
}

document.addEventListener("DOMContentLoaded", () => setInterval(tick, 1000));

/* ---- Live: hints arrive, lists refetch; nothing moves under pointer or focus ---- */

function lists(subjects) {
  return [...document.querySelectorAll("[data-live]")]
    .filter((list) => !subjects || list.dataset.live.split(" ").some((subject) => subjects.includes(subject)));
}

function refetch(list) {
  if (!list) return;
  CHANGED_WHILE_BUSY.delete(list.id);
  list.querySelector("[data-live-notice]")?.setAttribute("hidden", "");
  htmx.trigger(list, "refresh");
}

function busy(list) {
  const pointed = POINTS.matches && list.matches(":hover");
  const ticked = list.querySelector("input[type=checkbox]:checked");
  const focused = list.contains(document.activeElement) && document.activeElement.matches(ACTS);
  return pointed || ticked !== null || focused;
}

/* What was asked for while nobody pointed at the list may arrive when somebody does. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, elt } = event.detail;
  if (target !== elt || !target.matches("[data-live]")) return;
  const forced = "forced" in target.dataset;
  delete target.dataset.forced;
  if (forced || !busy(target)) return;
  event.detail.shouldSwap = false;
  hint(target);
});

async function hint(list) {
  if (!busy(list)) return refetch(list);
  const count = await changesIn(list);
  if (count === 0 || !list.isConnected) return;
  CHANGED_WHILE_BUSY.set(list.id, count);
  const notice = list.querySelector("[data-live-notice]");
  if (!notice) return;
  const pattern = count === 1 && notice.dataset.patternOne ? notice.dataset.patternOne : notice.dataset.pattern;
  notice.querySelector("[data-live-count]").textContent = pattern.replace("{n}", String(count));
  notice.hidden = false;
}

/* How many rows would look different; lists whose rows carry no [data-row] count hints instead. */
async function changesIn(list) {
  const shown = marks(list);
  if (shown.size === 0) return (CHANGED_WHILE_BUSY.get(list.id) ?? 0) + 1;
  const answer = await fetch(list.getAttribute("hx-get"), { headers: { "HX-Request": "true", "HX-Current-URL": location.href } }).catch(() => null);
  if (!answer?.ok) return 0;
  const fresh = marks(new DOMParser().parseFromString(await answer.text(), "text/html"));
  const ids = new Set([...shown, ...fresh].filter((mark) => !(shown.has(mark) && fresh.has(mark))).map((mark) => mark.split(":")[0]));
  return ids.size;
}

function marks(root) {
  return new Set([...root.querySelectorAll("[data-row]")].map((row) => row.dataset.row));
}

let liveState = "connecting";
let polling = 0;

function showLive(state) {
  liveState = state;
  document.querySelectorAll("[data-live-state]").forEach((mark) => {
    mark.dataset.liveState = state;
    show(mark, mark.dataset[state] ?? "");
  });
}

function refetchAll() {
  lists().forEach(hint);
}

function poll(on) {
  clearInterval(polling);
  polling = on ? setInterval(refetchAll, POLL_MS) : 0;
}

let stream = null;
let heardAt = 0;

function disconnect() {
  stream?.close();
  stream = null;
}

/* Hidden tabs hold no stream: a browser has six connections to a host. Until one stands, lists are polled. */
function connect() {
  const url = document.body.dataset.liveUrl;
  if (stream || document.hidden || !url || lists().length === 0) return;
  if (!polling) poll(true);
  const source = stream = new EventSource(url);
  heardAt = Date.now();
  const heard = () => { heardAt = Date.now(); };
  source.addEventListener("connected", () => { heard(); poll(false); showLive("on"); refetchAll(); });
  source.addEventListener("changed", (event) => { heard(); lists(event.data.split(" ")).forEach(hint); });
  source.addEventListener("alive", heard);
  source.addEventListener("error", () => {
    showLive("off");
    if (!polling) poll(true);
    if (source.readyState !== EventSource.CLOSED) return;
    disconnect();
    setTimeout(connect, POLL_MS);
  });
}

function reconnect() {
  disconnect();
  showLive("connecting");
  connect();
  refetchAll();
}

document.addEventListener("DOMContentLoaded", connect);
document.addEventListener("visibilitychange", () => { if (document.hidden) disconnect(); else reconnect(); });
addEventListener("online", reconnect);
addEventListener("pagehide", disconnect);
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
