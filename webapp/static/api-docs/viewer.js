/* Fetches the description with the key that was typed, and shows it. The key is kept in this page only. */

const DESCRIPTION = document.querySelector("link[rel=service-desc]").href;
const form = document.querySelector("#key-form");
const input = document.querySelector("#key");
const said = document.querySelector("#said");
let key = "";

const WORDS = {
  401: "This API key is not valid, or has expired.",
  429: "This API key has been used too often. Try again in a minute.",
};

function authorization() {
  return key ? { Authorization: `Bearer ${key}` } : {};
}

function withKey(request) {
  if (new URL(request.url, location.href).origin === location.origin) {
    Object.assign(request.headers, authorization());
  }
  return request;
}

function show(spec) {
  said.hidden = true;
  SwaggerUIBundle({
    spec,
    domNode: document.querySelector("#description"),
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    requestInterceptor: withKey,
    validatorUrl: null,
  });
}

async function open() {
  if (key) {
    say("Reading the description ...");
  }
  let answer;
  try {
    answer = await fetch(DESCRIPTION, { headers: authorization(), signal: AbortSignal.timeout(20_000) });
  } catch {
    say("The server did not answer.");
    return;
  }
  if (answer.ok) {
    show(await answer.json());
  } else if (key) {
    say(WORDS[answer.status] ?? `The server refused (${answer.status}).`);
    input.select();
  }
}

function say(words) {
  said.textContent = words;
  said.hidden = false;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  key = input.value.trim();
  open();
});
open();
