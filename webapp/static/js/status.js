/* What is said in passing, in the page's one status line. */

import { whenNew } from "./page.js";

const TOAST_MS = 6000;
const STATUS = document.querySelector("#status");

/* What may not have been saved is said until something else is. */
export function announce(text, lasting = false) {
  if (!text) return;
  const line = document.createElement("p");
  line.className = "toast";
  line.dataset.toast = lasting ? "lasting" : "";
  line.textContent = text;
  STATUS.append(line);
  onlyTheLast();
  vanish(STATUS);
}

function onlyTheLast() {
  [...STATUS.querySelectorAll("[data-toast]")].slice(0, -1).forEach((toast) => toast.remove());
}

function vanish(root) {
  root.querySelectorAll("[data-toast='']").forEach((toast) => setTimeout(() => toast.remove(), TOAST_MS));
}

whenNew(onlyTheLast);
whenNew(vanish);

/* What it covers can be scrolled past it: the stylesheet leaves this much room. */
new ResizeObserver(() => {
  document.documentElement.style.setProperty("--status-height", `${STATUS.offsetHeight}px`);
}).observe(STATUS);

document.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) navigator.clipboard.writeText(copy.dataset.copy).then(() => announce(copy.dataset.copied));
});
