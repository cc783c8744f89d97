/* What somebody types outlives an ended session, an action beside it and an answer that comes late. */

import { announce } from "./status.js";
import { enter } from "./text.js";

/* Drafts are kept after a pause; who types without one has them kept now and then (htmx's own `throttle` would
   hold up the other triggers of the element). */
const KEEP_MS = 3_000;
const KEPT_AT = new WeakMap();

document.addEventListener("input", ({ target }) => {
  const keeper = [...document.querySelectorAll("[data-keep]")].find((element) => target.closest(element.dataset.keep));
  if (!keeper) return;
  const since = KEPT_AT.get(keeper) ?? Date.now();
  const due = Date.now() - since > KEEP_MS;
  KEPT_AT.set(keeper, due ? Date.now() : since);
  if (due) keeper.dispatchEvent(new Event("keep"));
});

function isChanged(field) {
  return ["checkbox", "radio"].includes(field.type) ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
}

/* While the session had ended no draft could be kept: it is kept now. */
document.addEventListener("logged-in", () => {
  document.querySelectorAll("form").forEach((form) => {
    const typed = [...form.querySelectorAll("textarea, input:not([type=hidden])")].find(isChanged);
    typed?.dispatchEvent(new Event("input", { bubbles: true }));
  });
});

/* What would replace a field that only its own form saves ([data-unsaved]) waits until it is saved or cleared. */
document.addEventListener("htmx:beforeRequest", (event) => {
  const { target, requestConfig: { elt } } = event.detail;
  const unsaved = [...target.querySelectorAll("[data-unsaved]")].find((field) => isChanged(field) && !elt.contains(field));
  if (!unsaved) return;
  event.preventDefault();
  const folded = unsaved.closest("details");
  if (folded) folded.open = true;
  announce(unsaved.dataset.unsaved);
  enter(unsaved);
});

/* Who looked at a call and then took one in hand gets no late answer to the look over it. */
let actions = 0;
const LOOKED_AFTER = new WeakMap();

document.addEventListener("htmx:beforeSend", ({ detail: { xhr, target, requestConfig } }) => {
  if (target.id !== "panel") return;
  if (requestConfig.verb === "get") LOOKED_AFTER.set(xhr, actions);
  else actions += 1;
});

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if ((LOOKED_AFTER.get(detail.xhr) ?? actions) < actions) detail.shouldSwap = false;
});
