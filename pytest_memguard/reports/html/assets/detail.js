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
    test.curve && !leaked ? section("Memory over the test", curveChart(test.curve, test.accepted_curve)) : null,
    bytes.length ? section(test.outcome === "leaked" ? "Lines that leak, a call" : "Lines that grew", siteBars(bytes), test.more_sites ? make("p.muted", `${count(test.more_sites)} more are in the results file.`) : null) : null,
    counted.length ? section("What piles up", list(counted.map((site) => `${site.place} in ${site.function}`))) : null,
    test.held_by ? section("Who holds it", holders(test.held_by)) : null,
    test.leak && !leaked ? leakCheck(test.leak) : null,
    test.metrics ? section("Figures", make("div.metrics", test.metrics.map(metricBars))) : null,
    test.curve && leaked ? section("Memory over one call", curveChart(test.curve, test.accepted_curve)) : null,
    test.first_costs ? section("What the first run cost more", list(test.first_costs)) : null,
    notes.length ? section("Notes", list(notes)) : null,
    test.links ? section("Flame graphs", make("p.links", test.links.map(([label, address]) => makeWith("a", { href: address, target: "_blank", rel: "noopener" }, label)))) : null,
    test.commands ? section("Next", commands(test.commands)) : null,
  );
}
