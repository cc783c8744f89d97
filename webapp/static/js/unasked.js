/* What the page asks for by itself keeps no session alive: it says so. */

export const UNASKED = { "X-Unasked": "true" };

const BY_ITSELF = ["refresh", "hx:poll:trigger"];

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (BY_ITSELF.includes(detail.triggeringEvent?.type)) Object.assign(detail.headers, UNASKED);
});
