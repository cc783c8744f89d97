/* Boxes and buttons that set others, and what opens with them. */

document.addEventListener("change", ({ target }) => {
  if (target.name !== "ergebnis_art") return;
  [...target.form.querySelectorAll(".outcome-more")].filter((more) => more.offsetParent)
    .forEach((more) => more.scrollIntoView({ block: "nearest" }));
});

document.addEventListener("change", ({ target }) => {
  if (!target.closest("[data-tick-all]")) return;
  target.closest("[data-live]").querySelectorAll(".tick input").forEach((box) => { box.checked = target.checked; });
});

/* Settings lead back to the page as it is now. */
document.addEventListener("submit", ({ target }) => {
  if (target.matches("[action$='/settings']")) target.elements.next.value = location.pathname.slice(document.body.dataset.root.length) + location.search;
});
