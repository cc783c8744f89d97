/* What follows what others do ([data-live]): it is asked for anew, but nothing moves under pointer or focus. */

import { everySecond } from "./clock.js";
import { changesIn, parsed, said } from "./changes.js";
import { UNASKED } from "./unasked.js";

const ACTS = "a, button, input, select, textarea, summary";
const POINTS = matchMedia("(hover: hover)");
const CHANGED_WHILE_BUSY = new Map();
const FETCHING = new Set();
const AGAIN = new Set();
const ACTING = new Set();
const AFTER_ACTING = new Set();
const AFTER_OWN = new Set();
const BROUGHT = new Map();
const OWN_MS = 5_000;

/* The lists that one of these subjects concerns; all without any. */
export function lists(subjects) {
  return [...document.querySelectorAll("[data-live]")]
    .filter((list) => !subjects || list.dataset.live.split(" ").some((subject) => subjects.includes(subject)));
}

function refetch(list) {
  if (!list) return;
  forget(list);
  if (FETCHING.has(list.id)) AGAIN.add(list.id);
  else list.dispatchEvent(new Event("refresh"));
}

/* What is on its way may be older than the hint that arrives meanwhile: then the list is asked for once more, by
   its id, for the answer may replace the element itself. */
document.addEventListener("htmx:beforeSend", ({ detail: { xhr, requestConfig: { elt, verb } } }) => {
  if (verb !== "get" || !elt.matches("[data-live]")) return;
  FETCHING.add(elt.id);
  xhr.addEventListener("loadend", () => {
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

/* What was asked for while nobody pointed at the list may arrive when somebody does, or when the panel shows
   another call than the one it was asked for; answers to what somebody did there are none of that. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target, requestConfig, serverResponse } = event.detail;
  if (xhr.status >= 400 || requestConfig.elt !== target || !target.matches("[data-live]")) return;
  if (target.matches("[role=status]") && said(parsed(serverResponse).body) === said(target)) event.detail.shouldSwap = false;
  const forced = "forced" in target.dataset;
  if (!forCallShown(target, requestConfig)) {
    event.detail.shouldSwap = false;
    refetch(target);
    return;
  }
  delete target.dataset.forced;
  if (forced || !busy(target)) return;
  event.detail.shouldSwap = false;
  hint(target);
});

function forCallShown(list, { parameters }) {
  return !list.matches("[hx-include='#shown']") || parameters.shown === document.getElementById("shown")?.value;
}

/* One's own request says what it changed; only then is anything counted that others did meanwhile. */
document.addEventListener("htmx:beforeSend", ({ detail: { xhr, requestConfig } }) => {
  if (requestConfig.verb === "get") return;
  ACTING.add(xhr);
  xhr.addEventListener("loadend", () => {
    ACTING.delete(xhr);
    noteWhatCame(xhr.getResponseHeader("X-Brings") ?? "");
    const [waiting, own] = [[...AFTER_ACTING], [...AFTER_OWN]];
    AFTER_ACTING.clear();
    AFTER_OWN.clear();
    waiting.forEach((id) => hint(document.getElementById(id)));
    own.filter((id) => !waiting.includes(id)).forEach((id) => ownHint(document.getElementById(id)));
  });
});

/* The lists that the answer to one's last action has brought along are up to date, unless an older answer follows. */
function noteWhatCame(ids) {
  BROUGHT.clear();
  ids.split(" ").filter((id) => !FETCHING.has(id)).forEach((id) => BROUGHT.set(id, Date.now()));
}

/* One's own action may have changed something a list shows. */
export function ownHint(list) {
  if (!list) return;
  if (ACTING.size) AFTER_OWN.add(list.id);
  else if (Date.now() - (BROUGHT.get(list.id) ?? 0) > OWN_MS) hint(list);
}

/* Something a list shows may have changed. */
export async function hint(list) {
  if (!list) return;
  if (waitsForAction(list)) return;
  if (!busy(list)) { refetch(list); return; }
  const fresh = await fetched(list);
  const shown = document.getElementById(list.id);
  if (!fresh || !shown || waitsForAction(list)) return;
  const count = changesIn(shown, fresh, CHANGED_WHILE_BUSY.get(list.id) ?? 0);
  if (count) notify(shown, count);
  else forget(shown);
}

function waitsForAction(list) {
  if (ACTING.size) AFTER_ACTING.add(list.id);
  return ACTING.size > 0;
}

/* Whether a list is asked for as soon as what is under way is through. */
export function isPutOff(id) {
  return AGAIN.has(id) || AFTER_ACTING.has(id) || AFTER_OWN.has(id);
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
  const headers = { "HX-Request": "true", "HX-Target": list.id, "HX-Current-URL": location.href, ...UNASKED };
  const answer = await fetch(list.getAttribute("hx-get"), { headers }).catch(() => null);
  return answer?.ok ? parsed(await answer.text()) : null;
}

document.addEventListener("click", (event) => {
  const refresh = event.target.closest("[data-live-refresh]");
  if (!refresh) return;
  const list = refresh.closest("[data-live]");
  list.dataset.forced = "";
  refetch(list);
  list.focus();
});

function refreshWhatIsDue(now) {
  document.querySelectorAll("[data-refresh-at]").forEach((list) => {
    if (Date.parse(list.dataset.refreshAt) > now) return;
    delete list.dataset.refreshAt;
    hint(list.closest("[data-live]"));
  });
}

function refreshWhatIsFree() {
  CHANGED_WHILE_BUSY.forEach((count, id) => {
    const list = document.getElementById(id);
    if (list && !busy(list)) refetch(list);
  });
}

everySecond(refreshWhatIsDue);
everySecond(refreshWhatIsFree);
