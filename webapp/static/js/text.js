/* Words in place of others, and where somebody goes on typing. */

/* Nothing is touched that says the same already: assistive technology would read it again. */
export function show(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/* A field is entered behind what it holds; a search is about to be replaced. */
export function enter(field) {
  field.focus();
  if (field.type === "search") field.select();
  else if (field.matches("textarea, input[type=text]")) field.setSelectionRange(field.value.length, field.value.length);
}
