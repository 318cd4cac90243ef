/* Charts: bars as elements, curves by uPlot. A chart draws what the results say, and judges nothing. */

const charts = new Set();

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function bar(kind, share, label) {
  const filled = make(`span.fill.${kind}`);
  filled.style.width = `${Math.min(100, Math.max(share * 100, share > 0 ? 0.6 : 0))}%`;
  return make("span.track", filled, label ? make("span.barlabel", label) : null);
}

/** One metric: what was accepted and what was measured on one scale, with the limit as a line. */
function metricBars(metric) {
  const most = Math.max(metric.measured, metric.baseline ?? 0, metric.limit ?? 0, 1) * 1.02;
  const kind = metric.outcome ? outcomeKind(metric.outcome) : "ok";
  const rows = [];
  if (metric.baseline !== undefined) rows.push(["accepted", "before", metric.baseline]);
  rows.push(["measured", kind, metric.measured]);
  const bars = rows.map(([label, each, value]) =>
    make("div.barrow", make("span.barname", label), bar(each, value / most), make("span.barvalue", amount(metric, value))),
  );
  const plot = make("div.bars", bars);
  if (metric.limit !== undefined && metric.limit >= 0) {
    const line = makeWith("span.limit", { title: `limit ${amount(metric, metric.limit)}` });
    line.style.setProperty("--at", `${metric.limit / most}`);
    plot.append(line);
  }
  return make("section.metric", make("h4", metric.label, metric.outcome ? pill(metric.outcome) : null, metric.text ? make("span.muted", metric.text) : null), plot);
}

/** The places that grew: what each held before and holds now, on one scale for all of them. */
function siteBars(sites) {
  const most = Math.max(...sites.map((site) => Math.max(site.bytes, site.was ?? 0)), 1);
  return sites.map((site) =>
    make(
      "div.site",
      make("div.place", make("b", site.growth ?? ""), make("code", site.place), make("span.muted", ` in ${site.function}`), site.inner ? make("span.muted", `, by ${site.inner}`) : null),
      site.was !== undefined ? make("div.barrow", make("span.barname", "before"), bar("before", site.was / most), make("span.barvalue", size(site.was))) : null,
      make("div.barrow", make("span.barname", "now"), bar("bad", site.bytes / most), make("span.barvalue", size(site.bytes))),
      (site.lines ?? []).map((line) => make("div.line", make("span.lineno", String(line.line)), make("code", line.text), make("span.barvalue", size(line.bytes)))),
    ),
  );
}

function sizeAxis() {
  return {
    stroke: colour("muted"),
    grid: { stroke: colour("grid"), width: 1 },
    ticks: { show: false },
    size: 66,
    font: "12px system-ui, sans-serif",
    values: (_, splits) => splits.map(axisSize),
    // Steps that are round in bytes as people read them, not in powers of ten.
    incrs: Array.from({ length: 50 }, (_, n) => 2 ** n),
    space: 34,
  };
}

function plainAxis(write) {
  return {
    stroke: colour("muted"),
    grid: { show: false },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
    size: 30,
    values: (_, splits) => splits.map(write),
    space: 70,
  };
}

/** Put a uPlot chart into a place that has a width, and keep it as wide as that. */
function chart(height, options, rows) {
  const place = make("div.chart");
  const item = { place, height, options, rows, plot: null };
  charts.add(item);
  requestAnimationFrame(() => draw(item));
  return place;
}

function draw(item) {
  if (!item.place.isConnected) return void charts.delete(item);
  item.plot?.destroy();
  const width = Math.max(200, item.place.clientWidth);
  item.plot = new uPlot({ width, height: item.height, legend: { show: false }, cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } }, ...item.options() }, item.rows, item.place);
  item.width = width;
}

function redraw(all) {
  for (const item of charts) if (all || item.place.clientWidth !== item.width || !item.place.isConnected) draw(item);
}

/** Say beside the pointer what the nearest point is. */
function readout(write) {
  return {
    hooks: {
      init: (plot) => {
        plot.readout = make("div.readout");
        plot.over.append(plot.readout);
      },
      setCursor: (plot) => {
        const { left, idx } = plot.cursor;
        const shown = idx !== null && idx !== undefined && left >= 0;
        plot.readout.hidden = !shown;
        if (!shown) return;
        plot.readout.textContent = write(plot, idx);
        const right = left > plot.over.clientWidth / 2;
        plot.readout.style.left = right ? "" : `${left + 10}px`;
        plot.readout.style.right = right ? `${plot.over.clientWidth - left + 10}px` : "";
      },
    },
  };
}

function faded(name, share) {
  return `color-mix(in srgb, ${colour(name)} ${share}%, transparent)`;
}

/** Memory over one sample, the accepted one below the new one, on one axis. */
function curveChart(after, before, samples) {
  const same = before && before.unit === after.unit;
  const points = (curve) => [[0, 0], ...curve.held.map((held, n) => [((n + 1) / curve.held.length) * (same || !before ? curve.length : 1), held])];
  const tables = [before, after].filter(Boolean).map((curve) => {
    const found = points(curve);
    return [found.map(([x]) => x), found.map(([, held]) => held)];
  });
  const rows = uPlot.join(tables);
  const write = same || !before ? (after.unit === "ms" ? (ms) => (after.length >= 3000 ? `${+(ms / 1000).toFixed(1)} s` : `${ms} ms`) : count) : (share) => `${Math.round(share * 100)}%`;
  const series = (label, name, width) => ({ label, stroke: colour(name), fill: faded(name, 16), width, spanGaps: true, points: { show: false } });
  const options = () => ({
    scales: { x: { time: false }, y: { range: (_, low, high) => [Math.min(0, low), high * 1.08 || 1] } },
    axes: [plainAxis(write), sizeAxis()],
    series: [{}, ...(before ? [series("accepted", "before", 2)] : []), series("now", "bad", 2)],
    plugins: [readout((plot, at) => [write(rows[0][at]), ...plot.series.slice(1).map((one, n) => `${one.label} ${size(nearest(rows[n + 1], at))}`)].join("  ·  "))],
  });
  const axis = same || !before ? (after.unit === "ms" ? "time" : "allocations and frees of the test, in their order") : "from the start of the test to its end";
  return [
    make("div.legend", before ? make("span.key.before", "accepted") : null, make("span.key.bad", "now"), make("span.muted", samples > 1 ? `${axis}; one sample of ${samples}` : axis)),
    chart(220, options, rows),
  ];
}

function nearest(values, at) {
  for (let n = at; n >= 0; n--) if (values[n] !== null && values[n] !== undefined) return values[n];
  return 0;
}

/** Bytes over calls: the part that decides is marked, and the straight line that the finding speaks of. */
function leakChart(leak) {
  const calls = leak.readings.map(([number]) => number);
  const held = leak.readings.map(([, bytes]) => bytes);
  const leaks = leak.answer === "leaks";
  const last = calls.length - 1;
  const line = calls.map((number) => (number < leak.judged_from ? null : leaks ? held[last] - leak.rate * (calls[last] - number) : leak.answer === "settles" ? leak.settled : null));
  const name = leaks ? "bad" : leak.answer === "cannot-tell" ? "warn" : "good";
  const top = leak.settles_at || 0;
  const options = () => ({
    scales: { x: { time: false }, y: { range: (_, low, high) => [Math.min(0, low), Math.max(high, top, 1024) * 1.08] } },
    axes: [plainAxis((number) => count(number)), sizeAxis()],
    series: [{}, { stroke: colour(name), fill: faded(name, 14), width: 2, points: { show: true, size: 5, fill: colour(name) } }, { stroke: colour("fg"), width: 1.5, dash: [6, 4], points: { show: false } }],
    hooks: { drawClear: [(plot) => steadyPart(plot, leak.judged_from)], draw: [(plot) => top && levelLine(plot, top)] },
    plugins: [readout((_, at) => `${count(calls[at])} calls  ·  ${size(held[at])} held`)],
  });
  return [
    make("div.legend", make(`span.key.${name}`, "held after so many calls"), make("span.key.steady", "the part that decides"), line.some((y) => y !== null) ? make("span.key.dashed", leaks ? `${size(leak.rate)} a call` : `level at ${size(leak.settled)}`) : null, top ? make("span.key.dashed", `settles at ${size(top)}`) : null),
    chart(220, options, [calls, held, line]),
  ];
}

function steadyPart(plot, from) {
  const { ctx, bbox } = plot;
  const x = Math.max(bbox.left, plot.valToPos(from, "x", true));
  ctx.save();
  ctx.fillStyle = colour("steady");
  ctx.fillRect(x, bbox.top, bbox.left + bbox.width - x, bbox.height);
  ctx.restore();
}

function levelLine(plot, bytes) {
  const { ctx, bbox } = plot;
  const y = plot.valToPos(bytes, "y", true);
  ctx.save();
  ctx.strokeStyle = colour("fg");
  ctx.setLineDash([8, 6]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

/** What was accepted over time: level until the next commit changes it. */
function historyChart(steps) {
  const known = steps.filter((step) => step.peak !== undefined);
  const days = known.map((step) => step.seconds);
  const peaks = known.map((step) => step.peak);
  const options = () => ({
    scales: { x: { time: true }, y: { range: (_, low, high) => [0, high * 1.08 || 1] } },
    axes: [{ ...plainAxis((seconds) => new Date(seconds * 1000).toISOString().slice(0, 10)), space: 100 }, sizeAxis()],
    series: [{}, { stroke: colour("new"), fill: faded("new", 14), width: 2, paths: uPlot.paths.stepped({ align: 1 }), points: { show: true, size: 7, fill: colour("new") } }],
    plugins: [readout((_, at) => `${known[at].day}  ·  ${size(peaks[at])}  ·  ${known[at].author}`)],
  });
  return chart(180, options, [days, peaks]);
}
