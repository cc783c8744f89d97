/* The search of every page: arrow keys walk what is found, Enter opens it. */

import { whenNew } from "./page.js";

const FIELD = document.querySelector("#find");
const HITS = document.querySelector("#hits");
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

function options() {
  return [...HITS.querySelectorAll("[role=option]")];
}

function chosen() {
  return options().find((option) => option.id === FIELD.getAttribute("aria-activedescendant"));
}

function choose(wanted) {
  options().forEach((option) => option.setAttribute("aria-selected", String(option === wanted)));
  if (wanted) FIELD.setAttribute("aria-activedescendant", wanted.id);
  else FIELD.removeAttribute("aria-activedescendant");
  wanted?.scrollIntoView({ block: "nearest" });
}

function open(wanted) {
  HITS.hidden = !wanted;
  FIELD.setAttribute("aria-expanded", String(wanted && options().length > 0));
  if (!wanted) choose(null);
}

function walk(step) {
  const all = options();
  const at = all.indexOf(chosen());
  if (all.length) choose(all.at(at < 0 && step < 0 ? -1 : (at + step) % all.length));
}

/* Whom Enter means: who is chosen, or the only one; not who was found for what stood there before. */
function meant() {
  const all = options();
  const fresh = HITS.firstElementChild?.dataset.q === FIELD.value.trim();
  return chosen() ?? (fresh && all.length === 1 ? all[0] : null);
}

function press(event) {
  if (event.isComposing) return;
  if (event.key in STEPS) {
    event.preventDefault();
    open(true);
    walk(STEPS[event.key]);
  } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && meant()) {
    event.preventDefault();
    meant().click();
  } else if (event.key === "Escape" && FIELD.ariaExpanded === "true") {
    event.preventDefault(); // what is typed stays: the browser would clear it
  }
}

/* Whoever goes elsewhere is done with searching for now. */
function follow(element) {
  const inside = element.closest(".finder") !== null;
  if (inside === HITS.hidden) open(inside);
}

function leave() {
  if (HITS.contains(document.activeElement)) FIELD.focus();
  open(false);
}

if (FIELD) {
  FIELD.addEventListener("keydown", press);
  ["click", "focusin", "input"].forEach((kind) => document.addEventListener(kind, (event) => follow(event.target)));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") leave(); });
  whenNew((root) => {
    if (root.id !== "hits") return;
    choose(null);
    open(!HITS.hidden);
    if (!root.childElementCount && FIELD !== document.activeElement) FIELD.value = ""; // it has led to a call
  });
}
