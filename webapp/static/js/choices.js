/* Boxes and buttons that set others. */

/* Another outcome begins with its usual kind: what was chosen more exactly belonged to the one before. */
document.addEventListener("change", ({ target }) => {
  const usual = target.form?.elements[target.dataset.usual]?.[0];
  if (usual) usual.checked = true;
}, true);

document.addEventListener("change", ({ target }) => {
  if (!target.closest("[data-tick-all]")) return;
  target.closest("[data-live]").querySelectorAll(".tick input").forEach((box) => { box.checked = target.checked; });
});

/* Settings lead back to the page as it is now. */
document.addEventListener("submit", ({ target }) => {
  if (target.matches("[action='/settings']")) target.elements.next.value = location.pathname + location.search;
});
