/* Shortcuts: [data-key] is clicked or entered by its key, never while typing; Ctrl-Enter saves. */

import { neighbour } from "./rows.js";
import { enter } from "./text.js";

const TYPING = "input, textarea, select, [contenteditable]";
const TICKED = "input[type=radio], input[type=checkbox]";

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

function visible(element) {
  return element.getClientRects().length > 0 && !element.disabled;
}

/* What a page has of its own comes before what every page has. */
function keyed(key) {
  const all = [...document.querySelectorAll("[data-key]")]
    .filter((element) => element.dataset.key.toLowerCase() === key && visible(element));
  return all.find((element) => element.closest("main")) ?? all[0];
}

function isShortcut(event) {
  if (document.body.dataset.shortcuts !== "on" || event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.target.matches(TYPING) && !event.target.matches(TICKED)) return false;
  return !document.querySelector("dialog[open]");
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.repeat) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = formToSave(event.target);
    if (form) { event.preventDefault(); save(form); }
    return;
  }
  if (event.key === "Enter" && event.target.matches(".tick input, .tick-all input")) event.preventDefault();
  if (!isShortcut(event)) return;
  const wanted = keyed(event.key.toLowerCase()) ?? neighbour(event.key.toLowerCase());
  if (!wanted) return;
  event.preventDefault();
  enter(wanted);
  if (!wanted.matches(TYPING) || wanted.matches(TICKED)) wanted.click();
});

/* The way from a message to its field. */
document.addEventListener("click", (event) => {
  const field = event.target.closest(".error-summary a") && document.querySelector(event.target.closest("a").hash);
  if (!field?.matches(TYPING)) return;
  event.preventDefault();
  enter(field);
});
