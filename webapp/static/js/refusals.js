/* What the server refused, and what did not arrive. */

import { announce } from "./status.js";

/* Of refusals only those the server meant for this place are swapped; a proxy's page never replaces a form. Who is
   already answering a dialog is not disturbed by what else asks for it. */
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { xhr, target, requestConfig } = detail;
  if (xhr.status < 400 || [409, 422].includes(xhr.status)) return;
  const open = document.querySelector("#dialog dialog[open]");
  if ([401, 403].includes(xhr.status) && target.id === "dialog" && open && !open.contains(requestConfig.elt)) {
    detail.shouldSwap = false;
    return;
  }
  detail.shouldSwap = xhr.getResponseHeader("HX-Retarget") !== null;
  if (!detail.shouldSwap) announce(document.body.dataset.trouble, true);
});

document.addEventListener("htmx:sendError", () => announce(document.body.dataset.offline, true));
document.addEventListener("htmx:timeout", () => announce(document.body.dataset.offline, true));
