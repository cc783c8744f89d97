"use strict";
/* What changes by itself: countdowns and the clock, and lists that hear of what others do. */

const POLL_MS = 30_000;
const SILENCE_MS = 45_000;
const SLEPT_MS = 15_000;
const SETTLED_MS = 60; // htmx listens to what it has put into the page after 20 ms, not at once
const ACTS = "a, button, input, select, textarea, summary";
const POINTS = matchMedia("(hover: hover)");
const SERVER_NOW = document.querySelector("[data-server-now]")?.dataset.serverNow;
const CLOCK_SKEW = SERVER_NOW ? Date.parse(SERVER_NOW) - Date.now() : 0;
const CHANGED_WHILE_BUSY = new Map();
const FETCHING = new Set();
const AGAIN = new Set();
const ACTING = new Set();
const AFTER_ACTING = new Set();

/* ---- Time: [data-until] counts down to an instant, [data-clock] says the time, [data-now-from] is drawn at it ---- */

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
  document.querySelectorAll("[data-clock]").forEach((element) => show(element, clockIn(element.dataset.clock, now)));
  document.querySelectorAll("[data-now-from]").forEach((line) => place(line, now));
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

/* Minutes are announced when 10 and when 2 are left, never every one. */
function countMinutes(element, minutes) {
  show(element, element.dataset.pattern.replace("{n}", String(minutes)));
  if (!element.dataset.announce) return;
  const mark = minutes <= 2 ? "2" : minutes <= 10 ? "10" : "";
  const before = element.dataset.announced;
  element.dataset.announced = mark;
  if (mark && before !== undefined && before !== mark) announce(element.dataset.announce.replace("{n}", mark));
}

function clockIn(zone, instant) {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone }).format(instant);
}

/* A line across a picture of the day, which lasts from one instant to another. */
function place(line, now) {
  const from = Date.parse(line.dataset.nowFrom);
  const part = (now - from) / (Date.parse(line.dataset.nowTo) - from);
  const x = `${(part * 100).toFixed(2)}%`;
  if (line.getAttribute("x1") !== x) ["x1", "x2"].forEach((end) => line.setAttribute(end, x));
  line.setAttribute("visibility", part >= 0 && part <= 1 ? "visible" : "hidden");
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
  forget(list);
  if (FETCHING.has(list.id)) AGAIN.add(list.id);
  else htmx.trigger(list, "refresh");
}

/* What is on its way may be older than the hint that arrives meanwhile: then the list is asked for once more, by
   its id, for the answer may replace the element itself. */
document.addEventListener("htmx:beforeSend", ({ detail: { xhr, requestConfig: { elt, verb } } }) => {
  if (verb !== "get" || !elt.matches("[data-live]")) return;
  FETCHING.add(elt.id);
  whenSettled(xhr, () => {
    FETCHING.delete(elt.id);
    if (AGAIN.delete(elt.id)) hint(document.getElementById(elt.id));
  });
});

function forget(list) {
  CHANGED_WHILE_BUSY.delete(list.id);
  list.querySelector("[data-live-notice]")?.setAttribute("hidden", "");
}

function busy(list) {
  const pointed = POINTS.matches && list.matches(":hover");
  const ticked = list.querySelector("input[type=checkbox]:checked");
  const focused = list.contains(document.activeElement) && document.activeElement.matches(ACTS);
  return pointed || ticked !== null || focused;
}

/* What was asked for while nobody pointed at the list may arrive when somebody does; answers to what somebody
   did there are none of that. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target, requestConfig, serverResponse } = event.detail;
  if (xhr.status >= 400 || requestConfig.elt !== target || !target.matches("[data-live]")) return;
  if (target.matches("[role=status]") && said(parsed(serverResponse).body) === said(target)) event.detail.shouldSwap = false;
  const forced = "forced" in target.dataset;
  delete target.dataset.forced;
  if (forced || !busy(target)) return;
  event.detail.shouldSwap = false;
  hint(target);
});

/* One's own request says what it changed; only then is anything counted that others did meanwhile. */
document.addEventListener("htmx:beforeSend", ({ detail: { xhr, requestConfig } }) => {
  if (requestConfig.verb === "get") return;
  ACTING.add(xhr);
  whenSettled(xhr, () => {
    ACTING.delete(xhr);
    const waiting = [...AFTER_ACTING];
    AFTER_ACTING.clear();
    waiting.forEach((id) => hint(document.getElementById(id)));
  });
});

function whenSettled(xhr, then) {
  xhr.addEventListener("loadend", () => setTimeout(then, SETTLED_MS));
}

async function hint(list) {
  if (!list) return;
  if (ACTING.size) { AFTER_ACTING.add(list.id); return; }
  if (!busy(list)) { refetch(list); return; }
  const fresh = await fetched(list);
  const shown = document.getElementById(list.id);
  if (!fresh || !shown) return;
  if (ACTING.size) { AFTER_ACTING.add(list.id); return; }
  const count = changesIn(shown, fresh);
  if (count) notify(shown, count);
  else forget(shown);
}

function notify(list, count) {
  CHANGED_WHILE_BUSY.set(list.id, count);
  const notice = list.querySelector("[data-live-notice]");
  if (!notice) return;
  const pattern = count === 1 && notice.dataset.patternOne ? notice.dataset.patternOne : notice.dataset.pattern;
  notice.querySelector("[data-live-count]").textContent = pattern.replace("{n}", String(count));
  notice.hidden = false;
}

async function fetched(list) {
  const headers = { "HX-Request": "true", "HX-Target": list.id, "HX-Current-URL": location.href };
  const answer = await fetch(list.getAttribute("hx-get"), { headers }).catch(() => null);
  return answer?.ok ? parsed(await answer.text()) : null;
}

function parsed(html) {
  return new DOMParser().parseFromString(html, "text/html");
}

/* How many rows ([data-row]) would change; what has no rows counts the hints that change its words. */
function changesIn(list, fresh) {
  const [before, after] = [marks(list), marks(fresh)];
  if (before.size + after.size === 0) {
    const there = fresh.getElementById(list.id);
    return there && words(there) === words(list) ? 0 : (CHANGED_WHILE_BUSY.get(list.id) ?? 0) + 1;
  }
  return Math.max(rowsOnlyIn(before, after), rowsOnlyIn(after, before));
}

/* A row that changed is missing on both sides; one that comes to a full list pushes another out, and is one change. */
function rowsOnlyIn(marks, others) {
  return [...marks].filter((mark) => !others.has(mark)).length;
}

function marks(root) {
  return new Set([...root.querySelectorAll("[data-row]")].map((row) => row.dataset.row));
}

/* Words, and until when they hold. */
function said(root) {
  return `${words(root)} ${root.querySelector("[data-refresh-at]")?.dataset.refreshAt ?? ""}`;
}

function words(root) {
  const copy = root.cloneNode(true);
  copy.querySelectorAll("[data-live-notice], [data-until]").forEach((part) => part.remove());
  return copy.textContent.replace(/\s+/g, " ").trim();
}

/* ---- The stream of hints ---- */

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
