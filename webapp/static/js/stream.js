/* The stream of hints: which subjects have changed; while there is none, the lists are asked for now and then. */

import { everySecond } from "./clock.js";
import { hint, lists, ownHint } from "./lists.js";
import { whenNew } from "./page.js";
import { show } from "./text.js";

const POLL_MS = 30_000;
const SILENCE_MS = 45_000;
const OWN = "own:";

/* What this page calls itself, so that it is told apart from others' what it did. */
const PAGE = [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

let state = "connecting";
let polling = 0;
let stream = null;
let heardAt = 0;

function showState(now = state) {
  state = now;
  document.querySelectorAll("[data-live-state]").forEach((mark) => {
    mark.dataset.liveState = state;
    show(mark, mark.dataset[state] ?? "");
  });
}

function refetchAll() {
  lists().forEach(hint);
}

function poll(on) {
  clearInterval(polling);
  polling = on ? setInterval(refetchAll, POLL_MS) : 0;
}

function disconnect() {
  stream?.close();
  stream = null;
}

function changed(subjects) {
  const others = lists(subjects.filter((subject) => !subject.startsWith(OWN)));
  const own = lists(subjects.filter((subject) => subject.startsWith(OWN)).map((subject) => subject.slice(OWN.length)));
  others.forEach(hint);
  own.filter((list) => !others.includes(list)).forEach(ownHint);
}

document.addEventListener("htmx:configRequest", ({ detail }) => { detail.headers["X-Page"] = PAGE; });

/* Hidden tabs hold no stream: a browser has six connections to a host. Until one stands, lists are polled. */
function connect() {
  const url = document.body.dataset.liveUrl;
  if (stream || document.hidden || !url || lists().length === 0) return;
  if (!polling) poll(true);
  const source = stream = new EventSource(`${url}?page=${PAGE}`);
  heardAt = Date.now();
  const heard = () => { heardAt = Date.now(); };
  source.addEventListener("connected", () => { heard(); poll(false); showState("on"); refetchAll(); });
  source.addEventListener("changed", (event) => { heard(); changed(event.data.split(" ")); });
  source.addEventListener("alive", heard);
  source.addEventListener("error", () => {
    showState("off");
    if (!polling) poll(true);
    if (source.readyState !== EventSource.CLOSED) return;
    disconnect();
    setTimeout(connect, POLL_MS);
  });
}

function reconnect() {
  disconnect();
  showState("connecting");
  connect();
  refetchAll();
}

everySecond((now, slept) => {
  const silent = stream && Date.now() - heardAt > SILENCE_MS;
  if (!document.hidden && (slept || silent)) reconnect();
});
whenNew(() => showState());

document.addEventListener("DOMContentLoaded", connect);
document.addEventListener("visibilitychange", () => { if (document.hidden) disconnect(); else reconnect(); });
addEventListener("online", reconnect);
addEventListener("pagehide", disconnect);
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
