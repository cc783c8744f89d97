/* The server's time, and what is done every second. */

const SLEPT_MS = 15_000;
const SERVER_NOW = document.querySelector("[data-server-now]")?.dataset.serverNow;
const SKEW = SERVER_NOW ? Date.parse(SERVER_NOW) - Date.now() : 0;
const TASKS = [];

let tickedAt = Date.now();

export function serverNow() {
  return Date.now() + SKEW;
}

/* `task` is called with the server's time, and with whether the computer has slept since the last time. */
export function everySecond(task) {
  TASKS.push(task);
}

function tick() {
  const slept = Date.now() - tickedAt > SLEPT_MS;
  tickedAt = Date.now();
  const now = serverNow();
  TASKS.forEach((task) => task(now, slept));
}

document.addEventListener("DOMContentLoaded", () => setInterval(tick, 1000));
