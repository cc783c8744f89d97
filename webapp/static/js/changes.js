/* What would change if the page showed an answer of the server. */

export function parsed(html) {
  return new DOMParser().parseFromString(html, "text/html");
}

/* How many rows ([data-row]) would change; what has no rows counts the hints that change its words, `before` so far. */
export function changesIn(list, fresh, before) {
  const [old, young] = [marks(list), marks(fresh)];
  if (old.size + young.size === 0) {
    const there = fresh.getElementById(list.id);
    return there && words(there) === words(list) ? 0 : before + 1;
  }
  return Math.max(rowsOnlyIn(old, young), rowsOnlyIn(young, old));
}

/* A row that changed is missing on both sides; one that comes to a full list pushes another out, and is one change. */
function rowsOnlyIn(those, others) {
  return [...those].filter((mark) => !others.has(mark)).length;
}

function marks(root) {
  return new Set([...root.querySelectorAll("[data-row]")].map((row) => row.dataset.row));
}

/* Words, and until when they hold. */
export function said(root) {
  return `${words(root)} ${root.querySelector("[data-refresh-at]")?.dataset.refreshAt ?? ""}`;
}

function words(root) {
  const copy = root.cloneNode(true);
  copy.querySelectorAll("[data-live-notice], [data-until]").forEach((part) => part.remove());
  return copy.textContent.replace(/\s+/g, " ").trim();
}
