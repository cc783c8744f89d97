/* What is to be done when something new has come into the page: at the start the whole of it, later what htmx put in. */

const TASKS = [];

/* `task` is called with the element that is new; tasks run in the order in which they were named. */
export function whenNew(task) {
  TASKS.push(task);
}

export function settle(root) {
  TASKS.forEach((task) => task(root));
}

document.addEventListener("htmx:afterSettle", (event) => settle(event.detail.elt));
document.addEventListener("htmx:oobAfterSwap", (event) => settle(event.detail.target));
document.addEventListener("DOMContentLoaded", () => settle(document.body));
