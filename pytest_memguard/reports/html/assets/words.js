"use strict";
/* Elements and words. Text of the results becomes a text node, never markup. */

const DATA = JSON.parse(document.getElementById("data").textContent);
const UNITS = [["TiB", 2 ** 40], ["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]];

/** Make an element: its classes after dots in `name`, then children; `null` ones are left out. */
function make(name, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined) element.append(child);
  return element;
}

function makeWith(name, attributes, ...children) {
  const element = make(name, ...children);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== null) element.setAttribute(key, value);
  }
  return element;
}

/** Write a size as memguard does everywhere: one digit after the point. */
function size(bytes) {
  const amount = Math.abs(bytes);
  for (const [unit, factor] of UNITS)
    if (amount >= 1024 && amount >= factor * (1 - 0.05 / 1024)) return `${(bytes / factor).toFixed(1)} ${unit}`;
  return `${Math.round(bytes)} B`;
}

/** Write a size on an axis, where the steps are even and a point is rarely needed. */
function axisSize(bytes) {
  return size(bytes).replace(/\.0 /, " ");
}

function count(number) {
  return number.toLocaleString("en-US");
}

function amount(metric, value) {
  return metric.isCount ? count(value) : size(value);
}

function outcomeKind(outcome) {
  if (["leaked", "over-limit", "grew"].includes(outcome)) return "bad";
  if (["no-baseline", "not-measured", "unguarded", "stale", "crept"].includes(outcome)) return "warn";
  return outcome === "improved" ? "good" : outcome === "new" ? "new" : "ok";
}

function pill(outcome) {
  return make(`span.pill.${outcomeKind(outcome)}`, outcome);
}

/** Split an id into the file and what stands in it. */
function parts(id) {
  const at = id.indexOf("::");
  return at < 0 ? ["", id] : [id.slice(0, at), id.slice(at + 2)];
}

function copyButton(text) {
  const button = makeWith("button.copy", { type: "button", title: "Copy", "aria-label": `Copy ${text}` }, "copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(button.previousSibling);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "selected";
    }
    setTimeout(() => (button.textContent = "copy"), 1500);
  });
  return button;
}
