/* What opens and closes: dialogs, menus, and parts of the page that stay open when they come anew. */

import { whenNew } from "./page.js";

const KEPT_OPEN = new Set();

document.addEventListener("click", (event) => {
  closeOthers(event.target);
  const opener = event.target.closest("[data-open]");
  if (opener) document.querySelector(opener.dataset.open)?.showModal();
});

/* What lies open closes when one goes elsewhere. */
function closeOthers(element) {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (menu.contains(element)) return;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  });
}

document.addEventListener("keydown", (event) => { if (event.key === "Escape") closeOthers(null); });
document.addEventListener("focusin", (event) => closeOthers(event.target));

/* A dialog that came by itself; whoever has answered it goes on where they were. */
let interrupted = null;

function interrupt(dialog) {
  interrupted ??= document.activeElement;
  dialog.addEventListener("close", () => { interrupted = null; });
  dialog.showModal();
}

whenNew((root) => root.querySelectorAll("dialog[data-modal]:not([open])").forEach(interrupt));

whenNew((root) => { if (root.id === "dialog" && !root.childElementCount) interrupted = null; });

document.addEventListener("logged-in", () => {
  interrupted?.focus();
  interrupted = null;
});

document.addEventListener("toggle", ({ target }) => {
  if (target.dataset?.keepOpen) KEPT_OPEN[target.open ? "add" : "delete"](target.dataset.keepOpen);
}, true);

whenNew(() => {
  document.querySelectorAll("details[data-keep-open]").forEach((more) => { more.open ||= KEPT_OPEN.has(more.dataset.keepOpen); });
});
