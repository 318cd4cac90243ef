/* The page: what is said of the run, the list that shows only the rows in sight, and the test beside it. */

const ROW_PIXELS = 52;
const SPARE_ROWS = 6;
const PRINTED = 60;

const view = { search: "", outcomes: new Set(), run: -1, order: "worst", shown: [], open: null, cursor: -1 };
const place = {};
const ids = DATA.tests.map((test) => test.id.toLowerCase());

const ORDERS = {
  worst: ["worst first", (a, b) => a - b],
  name: ["name", (a, b) => (DATA.tests[a].id < DATA.tests[b].id ? -1 : 1)],
  growth: ["growth in bytes", (a, b) => (DATA.tests[b].grew ?? 0) - (DATA.tests[a].grew ?? 0) || a - b],
  peak: ["peak", (a, b) => peakOf(b) - peakOf(a) || a - b],
};

function shownMetric(test) {
  const metrics = test.metrics ?? [];
  return metrics.find((metric) => metric.outcome === test.outcome) ?? metrics.find((metric) => metric.name === "peak") ?? metrics[0];
}

function peakOf(index) {
  return DATA.tests[index].metrics?.find((metric) => metric.name === "peak")?.measured ?? -1;
}

/* ---- head ---- */

function buildHead() {
  const counts = new Map();
  for (const test of DATA.tests) counts.set(test.outcome, (counts.get(test.outcome) ?? 0) + 1);
  const chips = DATA.outcomes.filter((outcome) => counts.has(outcome)).map((outcome) => chip(outcome, counts.get(outcome)));
  const search = makeWith("input", { type: "search", id: "search", placeholder: "Search tests   /", "aria-label": "Search tests", autocomplete: "off", spellcheck: "false", input: (event) => change({ search: event.target.value }) });
  const order = makeWith("select", { id: "order", "aria-label": "Sort by", change: (event) => change({ order: event.target.value }) }, Object.entries(ORDERS).map(([key, [label]]) => makeWith("option", { value: key }, label)));
  place.search = search;
  const failed = DATA.runs.some((run) => run.failed);
  document.getElementById("head").append(
    make("div.headline", make(`span.mark.${failed ? "bad" : "good"}`, failed ? "failed" : "passed"), make("h1", DATA.runs.map((run) => run.headline).filter((text, n, all) => all.indexOf(text) === n).join(" ")), makeWith("button.theme", { type: "button", id: "theme", title: "Light or dark (t)", "aria-label": "Light or dark", click: toggleTheme }, "◐")),
    make("p.about.muted", DATA.runs.map((run) => [run.environment, run.meter, ...run.made_with].filter(Boolean).join(" · ")).join("  |  ")),
    ...DATA.runs.flatMap((run) => [...run.problems.map((problem) => make(`p.problem.${problem.fails ? "bad" : "warn"}`, problem.fails ? make("b", "Fails the run. ") : null, problem.text)), run.advisory ? make("p.problem.warn", "Advisory: everything is reported, nothing fails.") : null].filter(Boolean)),
    make("div.controls", search, make("div.chips", chips), DATA.runs.length > 1 ? environments() : null, order),
  );
}

function chip(outcome, number) {
  const button = makeWith("button", { type: "button", "aria-pressed": "false", "data-outcome": outcome }, make(`span.dot.${outcomeKind(outcome)}`), outcome, make("b", count(number)));
  button.className = "chip";
  button.addEventListener("click", () => {
    const on = !view.outcomes.has(outcome);
    view.outcomes[on ? "add" : "delete"](outcome);
    button.setAttribute("aria-pressed", String(on));
    change({});
  });
  return button;
}

function environments() {
  const options = DATA.runs.map((run, number) => makeWith("option", { value: number }, run.environment));
  return makeWith("select", { id: "environment", "aria-label": "Environment", change: (event) => change({ run: Number(event.target.value) }) }, makeWith("option", { value: -1 }, "all environments"), options);
}

/* ---- list ---- */

function change(changes) {
  Object.assign(view, changes);
  const wanted = view.search.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = (index) => {
    const test = DATA.tests[index];
    return (!view.outcomes.size || view.outcomes.has(test.outcome)) && (view.run < 0 || (test.run ?? 0) === view.run) && wanted.every((word) => ids[index].includes(word));
  };
  view.shown = [...DATA.tests.keys()].filter(chosen).sort(ORDERS[view.order][1]);
  view.cursor = view.shown.indexOf(view.open);
  place.total.textContent = view.shown.length === DATA.tests.length ? `${count(DATA.tests.length)} test${DATA.tests.length === 1 ? "" : "s"}` : `${count(view.shown.length)} of ${count(DATA.tests.length)} tests`;
  place.sheet.style.height = `${view.shown.length * ROW_PIXELS}px`;
  place.list.scrollTop = 0;
  place.first = -1;
  place.none.hidden = view.shown.length > 0;
  drawRows();
}

/** Make the rows in sight, and a few around them: a list of 5,000 has as many elements as one of 50. */
function drawRows() {
  const first = Math.max(0, Math.floor(place.list.scrollTop / ROW_PIXELS) - SPARE_ROWS);
  const last = Math.min(view.shown.length, Math.ceil((place.list.scrollTop + place.list.clientHeight) / ROW_PIXELS) + SPARE_ROWS);
  if (first === place.first && last === place.last) return;
  [place.first, place.last] = [first, last];
  place.sheet.replaceChildren(...view.shown.slice(first, last).map((index, n) => rowOf(index, first + n)));
}

function rowOf(index, position) {
  const test = DATA.tests[index];
  const [file, name] = parts(test.id);
  const metric = shownMetric(test);
  const row = makeWith("div.row", { role: "option", id: `row-${index}`, "aria-selected": String(index === view.open), "aria-posinset": position + 1, "aria-setsize": view.shown.length, title: test.id, click: () => open(index, true) },
    pill(test.outcome),
    make("span.what", make("span.name", name), make("span.file", DATA.runs.length > 1 ? `${file}  ·  ${DATA.runs[test.run ?? 0].environment}` : file)),
    make("span.figures", metric ? make("span.amount", amount(metric, metric.measured), metric.name === "peak" ? null : make("span.unit", metric.label)) : null, test.change ? make(`span.change.${outcomeKind(test.outcome)}`, test.change) : null),
  );
  row.style.top = `${position * ROW_PIXELS}px`;
  return row;
}

function open(index, byHand) {
  view.open = index;
  view.cursor = view.shown.indexOf(index);
  place.detail.replaceChildren(makeWith("button.back", { type: "button", click: close }, "‹ all tests"), detail(DATA.tests[index]));
  place.detail.scrollTop = 0;
  for (const row of place.sheet.children) row.setAttribute("aria-selected", String(row.id === `row-${index}`));
  place.list.setAttribute("aria-activedescendant", `row-${index}`);
  if (byHand) {
    document.body.classList.add("opened");
    history.replaceState(null, "", `#${index}`);
  }
}

function close() {
  document.body.classList.remove("opened");
  history.replaceState(null, "", "#");
  place.list.focus();
}

function move(by) {
  if (!view.shown.length) return;
  const to = Math.min(view.shown.length - 1, Math.max(0, view.cursor + by));
  const top = to * ROW_PIXELS;
  if (top < place.list.scrollTop) place.list.scrollTop = top;
  if (top + ROW_PIXELS > place.list.scrollTop + place.list.clientHeight) place.list.scrollTop = top + ROW_PIXELS - place.list.clientHeight;
  drawRows();
  open(view.shown[to], !matchMedia("(max-width: 899px)").matches);
}

/* ---- keyboard, theme, print ---- */

const PAGE_ROWS = 10;
const KEYS = {
  "/": () => place.search.focus(),
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  j: () => move(1),
  k: () => move(-1),
  PageDown: () => move(PAGE_ROWS),
  PageUp: () => move(-PAGE_ROWS),
  Home: () => move(-view.shown.length),
  End: () => move(view.shown.length),
  Enter: () => view.cursor >= 0 && open(view.shown[view.cursor], true),
  Escape: close,
  t: toggleTheme,
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input, select");
  if (typing && event.key === "Escape") {
    if (event.target === place.search) change({ search: (place.search.value = "") });
    event.target.blur();
  } else if (event.target === place.search && ["ArrowDown", "Enter"].includes(event.key)) {
    place.list.focus();
    move(view.cursor < 0 ? 1 : 0);
  } else if (typing || (event.target.matches("button") && event.key === "Enter") || !KEYS[event.key]) {
    return;
  } else {
    KEYS[event.key]();
  }
  event.preventDefault();
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function toggleTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  redraw(true);
}

/** Print what needs a look, in the colours of paper. */
function beforePrint() {
  place.theme = document.documentElement.dataset.theme ?? "";
  document.documentElement.dataset.theme = "light";
  const failing = DATA.tests.filter((test) => test.outcome !== "ok").slice(0, PRINTED);
  document.getElementById("print").replaceChildren(...failing.map(detail));
  for (const item of [...charts]) draw(item);
}

function afterPrint() {
  document.getElementById("print").replaceChildren();
  if (place.theme) document.documentElement.dataset.theme = place.theme;
  else delete document.documentElement.dataset.theme;
  redraw(true);
}

function build() {
  buildHead();
  place.total = make("p.total.muted");
  place.none = make("p.none.muted", "No test fits. Esc clears the search.");
  place.sheet = make("div.sheet");
  place.list = makeWith("div.list", { tabindex: "0", role: "listbox", "aria-label": "Tests" }, place.sheet, place.none);
  place.detail = makeWith("div.beside", { "aria-live": "polite" }, make("p.muted", "Choose a test."));
  const left = DATA.left_out ? make("p.total.muted", `${count(DATA.left_out)} more tests do not fit into this page; they are in the results file.`) : null;
  document.getElementById("main").append(make("div.tests", place.total, left, place.list), place.detail);
  place.list.addEventListener("scroll", drawRows, { passive: true });
  addEventListener("resize", () => (drawRows(), redraw(false)));
  addEventListener("keydown", pressed);
  addEventListener("beforeprint", beforePrint);
  addEventListener("afterprint", afterPrint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw(true));
  change({});
  const asked = Number(location.hash.slice(1) || NaN);
  if (DATA.tests[asked]) open(asked, true);
  else if (view.shown.length) open(view.shown[0], false);
}

build();
