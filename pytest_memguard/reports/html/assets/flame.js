/* A tree of callers, the outermost on top; as wide as the larger of before and now, red where it grew. */

const LEVEL_PIXELS = 22;
const LEAST_PIXELS = 2;
const graph = document.getElementById("graph");
const said = document.getElementById("said");
const root = nodeOf(DATA.tree, null, 0);
const most = mostChange(root);
let zoomed = root;
let wanted = "";

/** Weigh a node so that its children always fit below it, whichever of both runs they are of. */
function nodeOf([name, file, before, after, below], parent, depth) {
  const node = { name, file, before, after, parent, depth };
  node.children = below.map((each) => nodeOf(each, node, depth + 1));
  node.weight = Math.max(before, after, node.children.reduce((sum, child) => sum + child.weight, 0));
  return node;
}

function mostChange(node) {
  return Math.max(Math.abs(node.after - node.before), ...node.children.map(mostChange), 1);
}

function paint(node) {
  const by = node.after - node.before;
  if (!by) return "";
  const strength = Math.sqrt(Math.abs(by) / most);
  return by > 0 ? `hsl(4 ${30 + 42 * strength}% ${86 - 26 * strength}%)` : `hsl(214 ${25 + 37 * strength}% ${87 - 25 * strength}%)`;
}

function growth(by) {
  return `${by < 0 ? "-" : "+"}${size(Math.abs(by))}`;
}

function describe(node) {
  const by = node.after - node.before;
  return `${node.name}${node.file ? `  ${node.file}` : ""}  ·  before ${size(node.before)}, now ${size(node.after)}${by ? ` (${growth(by)})` : ""}`;
}

function box(node, left, width) {
  const element = makeWith("div.box", { title: describe(node), click: () => zoom(node), mouseenter: () => (said.textContent = describe(node)) }, width > 30 ? node.name : "");
  element.style.left = `${left}px`;
  element.style.top = `${node.depth * LEVEL_PIXELS}px`;
  element.style.width = `${width}px`;
  element.style.background = paint(node);
  if (node.depth < zoomed.depth) element.classList.add("above");
  if (wanted && `${node.name} ${node.file}`.toLowerCase().includes(wanted)) element.classList.add("found");
  return element;
}

function drawGraph() {
  const boxes = [];
  const whole = graph.clientWidth;
  let depth = 0;
  for (let above = zoomed.parent; above; above = above.parent) boxes.push(box(above, 0, whole));
  const waiting = [[zoomed, 0, whole]];
  while (waiting.length) {
    const [node, left, width] = waiting.pop();
    boxes.push(box(node, left, width));
    depth = Math.max(depth, node.depth);
    let at = left;
    for (const child of node.children) {
      const share = (width * child.weight) / (node.weight || 1);
      if (share >= LEAST_PIXELS) waiting.push([child, at, share]);
      at += share;
    }
  }
  graph.style.height = `${(depth + 1) * LEVEL_PIXELS}px`;
  graph.replaceChildren(...boxes);
}

function zoom(node) {
  zoomed = node;
  said.textContent = describe(node);
  drawGraph();
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function toggleTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
}

const search = makeWith("input", { type: "search", id: "search", placeholder: "Search functions   /", "aria-label": "Search functions", input: (event) => ((wanted = event.target.value.trim().toLowerCase()), drawGraph()) });
const by = root.after - root.before;
document.getElementById("head").append(
  make("div.headline", make("h1", DATA.test), makeWith("button.theme", { type: "button", title: "Light or dark (t)", "aria-label": "Light or dark", click: toggleTheme }, "◐")),
  make("p.about.muted", `${DATA.shows}: before ${size(root.before)}, now ${size(root.after)} (${growth(by)}). Before is ${DATA.before}.`),
  make("div.controls", search, make("span", make("span.swatch.grew"), "grew"), make("span", make("span.swatch.same"), "as before"), make("span", make("span.swatch.shrank"), "shrank"), make("span.muted", "A click zooms in, Esc goes back.")),
);
if (DATA.changed.length)
  document.getElementById("changed").append(
    make("h3", "What changed most"),
    ...DATA.changed.map((each) => make("div.changed", make(each.by < 0 ? "b.less" : "b", each.growth), make("span", make("code", each.function), make("span.muted", `  ${each.file}`)))),
  );
addEventListener("resize", drawGraph);
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") zoom(zoomed.parent ?? root);
  else if (event.target === search) return;
  else if (event.key === "/") search.focus();
  else if (event.key === "t") toggleTheme();
  else return;
  event.preventDefault();
});
said.textContent = describe(root);
drawGraph();
