/* Time on the page: [data-until] counts down to an instant, [data-clock] says the time, [data-now-from] is drawn at
   it, [data-shown-from] is there from one instant to another. How minutes are said, when few are left and when they
   are announced, the page says (partials/countdown.html). */

import { everySecond, serverNow } from "./clock.js";
import { whenNew } from "./page.js";
import { announce } from "./status.js";
import { show } from "./text.js";

const HOUR = 60;

function draw(now) {
  document.querySelectorAll("[data-until]").forEach((element) => {
    const seconds = Math.max(0, Math.round((Date.parse(element.dataset.until) - now) / 1000));
    if (element.dataset.unit === "seconds") countSeconds(element, seconds);
    else countMinutes(element, Math.ceil(seconds / 60));
  });
  document.querySelectorAll("[data-clock]").forEach((element) => show(element, clockIn(element.dataset.clock, now)));
  document.querySelectorAll("[data-now-from]").forEach((line) => place(line, now));
  document.querySelectorAll("[data-shown-from]").forEach((part) => {
    const { shownFrom, shownTo } = part.dataset;
    part.hidden = now < Date.parse(shownFrom) || now >= Date.parse(shownTo); // without an end there is none: NaN
  });
}

function countSeconds(element, seconds) {
  show(element, `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
  if (seconds === 0) element.closest("[data-expires]")?.remove();
}

function countMinutes(element, minutes) {
  const { few } = element.dataset;
  const [pattern, patternHours] = patterns(element);
  const [hours, rest] = [Math.floor(minutes / HOUR), minutes % HOUR];
  show(element, (hours ? patternHours : pattern).replace("{h}", hours).replace("{n}", hours ? rest : minutes));
  if (few) element.classList.toggle("few-left", minutes <= Number(few));
  if (element.dataset.announce) announceAt(element, minutes);
}

/* How minutes are said stands with the element, or once with the list it is in. */
function patterns(element) {
  const { pattern, patternHours, few } = element.dataset;
  if (pattern) return [pattern, patternHours];
  const { left, leftHours, ahead, aheadHours } = element.closest("[data-left]").dataset;
  return few ? [left, leftHours] : [ahead, aheadHours];
}

/* Minutes are announced when a mark is passed, never every one. */
function announceAt(element, minutes) {
  const mark = element.dataset.announceAt.split(" ").filter((each) => minutes <= Number(each)).pop() ?? "";
  const before = element.dataset.announced;
  element.dataset.announced = mark;
  if (mark && before !== undefined && before !== mark) announce(element.dataset.announce.replace("{n}", mark));
}

function clockIn(zone, instant) {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone }).format(instant);
}

/* A line across a picture of the day, which lasts from one instant to another. */
function place(line, now) {
  const from = Date.parse(line.dataset.nowFrom);
  const part = (now - from) / (Date.parse(line.dataset.nowTo) - from);
  const x = `${(part * 100).toFixed(2)}%`;
  if (line.getAttribute("x1") !== x) ["x1", "x2"].forEach((end) => line.setAttribute(end, x));
  line.setAttribute("visibility", part >= 0 && part <= 1 ? "visible" : "hidden");
}

everySecond(draw);
whenNew(() => draw(serverNow()));
