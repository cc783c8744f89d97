/* The list of calls, walked with J and K: the row that is looked at is marked before its call has come. */

const STEPS = { j: 1, k: -1 };

/* The row below or above the one looked at; the first where none is. */
export function neighbour(key) {
  if (!(key in STEPS)) return undefined;
  const rows = [...document.querySelectorAll("#list .row-take")].filter((row) => row.getClientRects().length > 0);
  const at = rows.findIndex((row) => row.closest(".row").hasAttribute("aria-current"));
  return rows[at < 0 ? 0 : at + STEPS[key]];
}

document.addEventListener("htmx:beforeSend", ({ detail: { requestConfig: { elt } } }) => {
  if (!elt.matches("#list .row-take")) return;
  document.querySelectorAll("#list .row[aria-current]").forEach((row) => row.removeAttribute("aria-current"));
  elt.closest(".row").setAttribute("aria-current", "true");
  elt.scrollIntoView({ block: "nearest" });
});
