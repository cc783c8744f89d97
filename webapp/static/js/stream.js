/* The stream of hints: which subjects have changed; while there is none, the lists are asked for now and then. */

import { everySecond } from "./clock.js";
import { hint, lists } from "./lists.js";
import { whenNew } from "./page.js";
import { show } from "./text.js";

const POLL_MS = 30_000;
const SILENCE_MS = 45_000;

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

/* Hidden tabs hold no stream: a browser has six connections to a host. Until one stands, lists are polled. */
function connect() {
  const url = document.body.dataset.liveUrl;
  if (stream || document.hidden || !url || lists().length === 0) return;
  if (!polling) poll(true);
  const source = stream = new EventSource(url);
  heardAt = Date.now();
  const heard = () => { heardAt = Date.now(); };
  source.addEventListener("connected", () => { heard(); poll(false); showState("on"); refetchAll(); });
  source.addEventListener("changed", (event) => { heard(); lists(event.data.split(" ")).forEach(hint); });
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
