/* One test, whole: what happened, how much, where, who holds it, and what to do next. */

function section(title, ...children) {
  return make("section.part", make("h3", title), children);
}

function list(texts) {
  return make("ul.plain", texts.map((text) => make("li", text)));
}

function holders(chain) {
  return make("ol.holders", chain.map((step) => make("li", make("code", step))));
}

function leakCheck(leak) {
  return section("Leak check", make("p.says", leak.says), leak.readings.length > 1 ? leakChart(leak) : null);
}

/** Threads that stood between two lines at once, as many dots as there were, and what each had made. */
function meetings(sites) {
  return sites.map(({ met }) =>
    make(
      "div.met",
      makeWith("div.road", { title: met.says }, make("code", met.after), make("span.threads", Array.from({ length: Math.min(met.threads, 24) }, () => make("i"))), make("code", met.before)),
      make("p.muted", `${met.says}.`),
    ),
  );
}

function historyOf(steps) {
  return [
    steps.filter((step) => step.peak !== undefined).length > 1 ? historyChart(steps) : null,
    make("div.steps", steps.toReversed().map((step) => make("div.step", make("span.muted", step.day), make("b", step.peak === undefined ? "removed" : size(step.peak)), make(`span.change${step.change?.startsWith("+") ? ".bad" : ".good"}`, step.change ?? ""), make("span", step.says, step.renamed ? make("span.muted", ` was ${step.renamed}`) : null, make("span.muted", `  ${step.author}, `), make("code", step.commit))))),
  ];
}

function commands(found) {
  return make("div.commands", found.map((each) => make("div.command", make("span.muted", each.does), make("code", each.command), copyButton(each.command))));
}

function detail(test) {
  const [file, rest] = parts(test.id);
  const leaked = test.outcome === "leaked" && test.leak;
  const grown = test.sites ?? [];
  const notes = [...(test.further ?? []), ...(test.bounds ?? []), ...(test.notes ?? []), ...(test.hints ?? [])];
  const bytes = grown.filter((site) => site.growth !== undefined);
  const counted = grown.filter((site) => site.growth === undefined);
  return make(
    "article.detail",
    make("div.title", pill(test.outcome), test.fails ? make("span.muted", "fails the run") : null, DATA.runs.length > 1 ? make("span.muted", DATA.runs[test.run ?? 0].environment) : null),
    make("h2", make("span.file", file), make("span.name", rest)),
    test.reason ? make("p.reason", test.reason) : test.outcome === "ok" ? make("p.reason.muted", "Within what is accepted.") : null,
    test.accepted_note ? make("p.note", make("span.muted", "note in the baseline: "), test.accepted_note) : null,
    leaked ? leakCheck(test.leak) : null,
    test.curve && !leaked ? section("Memory over the test", curveChart(test.curve, test.accepted_curve, test.samples)) : null,
    bytes.length ? section(test.outcome === "leaked" ? "Lines that leak, a call" : "Lines that grew", siteBars(bytes), test.more_sites ? make("p.muted", `${count(test.more_sites)} more are in the results file.`) : null) : null,
    counted.length ? section("What piles up", list(counted.map((site) => `${site.place} in ${site.function}`))) : null,
    test.held_by || test.kinds ? section("Who holds it", test.held_by ? holders(test.held_by) : null, test.kinds ? make("p.muted", test.kinds) : null) : null,
    grown.some((site) => site.met) ? section("Where threads met", meetings(grown.filter((site) => site.met))) : null,
    test.leak && !leaked ? leakCheck(test.leak) : null,
    test.metrics ? section("Figures", make("div.metrics", test.metrics.map(metricBars))) : null,
    test.curve && leaked ? section("Memory over one call", curveChart(test.curve, test.accepted_curve, test.samples)) : null,
    test.first_costs ? section("What the first run cost more", list(test.first_costs)) : null,
    notes.length ? section("Notes", list(notes)) : null,
    test.history ? section("Accepted peak over time", historyOf(test.history)) : null,
    test.links ? section("Flame graphs", make("p.links", test.links.map(([label, address]) => makeWith("a", { href: address, target: "_blank", rel: "noopener" }, label)))) : null,
    test.commands ? section("Next", commands(test.commands)) : null,
  );
}
