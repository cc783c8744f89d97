/* Where one goes on after something new has come into the page. */

import { whenNew } from "./page.js";

const ONE_COLUMN = matchMedia("(max-width: 860px)");

/* On a narrow screen links beside each other scroll. */
whenNew((root) => root.querySelectorAll(":is(.nav, .filters) > [aria-current]").forEach((link) => {
  const { parentElement } = link;
  parentElement.scrollLeft = link.offsetLeft - parentElement.offsetLeft - (parentElement.clientWidth - link.offsetWidth) / 2;
}));

whenNew((root) => {
  const target = root.matches?.("[data-focus]") ? root : root.querySelector("[data-focus]");
  if (target) moveTo(target);
});

/* What is wrong with a form stands above as much of the form as fits; in one column so does the call. */
function moveTo(target) {
  target.focus();
  const top = target.matches(".error-summary") ? target : ONE_COLUMN.matches ? target.closest("#panel") : null;
  top?.scrollIntoView({ block: "start" });
}

/* Whoever pressed a button that is not there any more goes on at the heading of what it belonged to. */
let pressed = null;

document.addEventListener("htmx:beforeRequest", ({ detail: { requestConfig: { elt, verb } } }) => {
  const button = document.activeElement;
  if (verb === "get" || !elt.contains(button)) return;
  pressed = { elt, button, heading: elt.closest("[aria-labelledby]")?.getAttribute("aria-labelledby") };
});

document.addEventListener("htmx:afterSettle", ({ detail: { requestConfig } }) => {
  if (!pressed || pressed.elt !== requestConfig?.elt) return;
  const { button, heading } = pressed;
  pressed = null;
  if (document.activeElement !== document.body) return;
  const next = button.isConnected ? button : document.getElementById(heading);
  if (!next) return;
  if (next !== button) next.tabIndex = -1;
  next.focus({ preventScroll: true });
});
