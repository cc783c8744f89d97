"use strict";
/* The one script: shortcuts, live hints, countdowns, focus. Every page works without it. */

const TYPING = "input, textarea, select, [contenteditable]";
const POLL_MS = 30_000;
const CHANGED_WHILE_BUSY = new Map();

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
    if (form && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
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
  if (refresh) refetch(refresh.closest("[data-live]"));
});

function announce(text) {
  const status = document.querySelector("#status");
  if (status && text) status.innerHTML = "";
  if (!status || !text) return;
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
  tick();
}

document.addEventListener("htmx:afterSettle", (event) => settle(event.detail.elt));
document.addEventListener("htmx:oobAfterSwap", (event) => settle(event.detail.target));
document.addEventListener("DOMContentLoaded", () => settle(document.body));

document.addEventListener("htmx:sendError", () => announce(document.body.dataset.offline));
document.addEventListener("htmx:timeout", () => announce(document.body.dataset.offline));

/* ---- Countdowns: [data-until] holds an instant, minutes are shown, 10 and 2 minutes are announced ---- */

function tick() {
  document.querySelectorAll("[data-until]").forEach((element) => {
    const seconds = Math.max(0, Math.round((Date.parse(element.dataset.until) - serverNow()) / 1000));
    if (element.dataset.unit === "seconds") {
      element.textContent = `0:${String(seconds).padStart(2, "0")}`;
      if (seconds === 0) element.closest("[data-expires]")?.remove();
      return;
    }
    const minutes = Math.ceil(seconds / 60);
    element.textContent = element.dataset.pattern.replace("{n}", String(minutes));
    const mark = minutes <= 2 ? "2" : minutes <= 10 ? "10" : "";
    if (mark && element.dataset.announce && element.dataset.announced !== mark) {
      if (element.dataset.announced !== undefined) announce(element.dataset.announce.replace("{n}", mark));
      element.dataset.announced = mark;
    } else if (!mark) element.dataset.announced = "";
  });
}

function serverNow() {
  return Date.now() + Number(document.querySelector("[data-clock-skew]")?.dataset.clockSkew ?? 0);
}

document.addEventListener("DOMContentLoaded", () => {
  const now = document.querySelector("[data-server-now]");
  if (now) now.dataset.clockSkew = String(Date.parse(now.dataset.serverNow) - Date.now());
  setInterval(tick, 1000);
});

/* ---- Live: hints arrive, lists refetch; nothing moves under pointer or focus ---- */

function lists(subjects) {
  return [...document.querySelectorAll("[data-live]")]
    .filter((list) => !subjects || subjects.includes(list.dataset.live));
}

function refetch(list) {
  if (!list) return;
  CHANGED_WHILE_BUSY.delete(list.id);
  list.querySelector("[data-live-notice]")?.setAttribute("hidden", "");
  htmx.trigger(list, "refresh");
}

function hint(list) {
  if (!list.matches(":hover") && !list.contains(document.activeElement)) return refetch(list);
  const count = (CHANGED_WHILE_BUSY.get(list.id) ?? 0) + 1;
  CHANGED_WHILE_BUSY.set(list.id, count);
  const notice = list.querySelector("[data-live-notice]");
  if (!notice) return;
  notice.hidden = false;
  notice.querySelector("[data-live-count]").textContent = notice.dataset.pattern.replace("{n}", String(count));
}

function showLive(state) {
  document.querySelectorAll("[data-live-state]").forEach((mark) => {
    mark.dataset.liveState = state;
    mark.textContent = mark.dataset[state] ?? "";
  });
}

function connect() {
  const url = document.body.dataset.liveUrl;
  if (!url || lists().length === 0) return;
  let poll = 0;
  const everything = () => lists().forEach(hint);
  const source = new EventSource(url);
  source.addEventListener("connected", () => { clearInterval(poll); poll = 0; showLive("on"); everything(); });
  source.addEventListener("changed", (event) => lists(event.data.split(" ")).forEach(hint));
  source.addEventListener("error", () => {
    showLive("off");
    if (!poll) poll = setInterval(everything, POLL_MS);
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, POLL_MS);
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) everything(); });
  addEventListener("pagehide", () => source.close(), { once: true });
}

document.addEventListener("DOMContentLoaded", connect);
