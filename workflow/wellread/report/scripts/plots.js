// Bokeh's plots of plates and maps: their points, views and selections. Each is drawn when it comes near the window; on a
// page of few plates also a while after the page can be used, so that a picture of the whole page has everything.
"use strict";

(async () => {
  const w = await exploring, { data, wells } = w, bundles = JSON.parse(document.getElementById("plots").textContent);
  const of = {}, plotted = {}, cellsOf = { picked: null }, column = { plates: null, map: null };
  const expected = {}, documents = {}, begun = {};
  const kindOf = (name) => name.split(" ")[1], model = (name) => documents[name.split(" ")[0]].get_model_by_name(name);
  const select = (place, kind) => document.querySelector(`#${place} .explore .${kind}`);

  // Select points ourselves; Bokeh tells of it later, as of a user's selection.
  function expect(source, indices) {
    expected[source.name] = String(indices);
    source.selected.indices = indices;
  }

  // The colours and markers of the points of a source.
  function styled(name) {
    const { wells: byWell, items } = column[name.split(" ")[0]].styled;
    const styles = of[name].map((own) => (kindOf(name) === "treatments" ? items[own] : byWell[own]));
    return { colour: styles.map((style) => style[0]), marker: styles.map((style) => style[1]) };
  }

  // The markers over wells whose label shares its colour with another.
  function markWells() {
    const { x, y, marker } = model("plates wells").data, plain = new Set(["circle", data.styles.other[1]]);
    const kept = (list) => list.filter((_, i) => !plain.has(marker[i]));
    model("plates marks").data = column.plates.column?.labels ? { x: kept(x), y: kept(y), marker: kept(marker) } : { x: [], y: [], marker: [] };
  }

  function fill(name, points) {
    of[name] = points.of;
    plotted[name] = points;
    const source = model(name);
    expect(source, []);
    source.data = { x: points.x, y: points.y, ...styled(name) };
    mark(name);
  }

  function recolour(plot) {
    const chosen = w.columns[Number(select(plot, "colour").value)];
    column[plot] = { column: chosen, styled: w.styled(chosen) };
    w.legend(select(plot, "legend"), chosen);
    for (const name of Object.keys(of)) {
      if (name.startsWith(plot)) model(name).data = { ...model(name).data, ...styled(name) };
    }
    if (of["plates wells"]) markWells();
  }

  // Mark the selected wells in a source; a lasso around cells marks just these.
  function mark(name) {
    const picked = w.picked(), kind = kindOf(name), items = new Set([...picked].map((well) => wells.item[well]));
    const among = kind === "treatments" ? items : picked;
    const found = cellsOf.picked && kind === "cells" ? cellsOf.picked : of[name].flatMap((own, i) => (among.has(own) ? [i] : []));
    expect(model(name), found);
  }

  // Called by Bokeh when points of a source were selected, by click or lasso.
  w.selected = (source) => {
    const chosen = source.selected.indices;
    if (String([...chosen]) === expected[source.name]) return;
    const kind = kindOf(source.name), own = chosen.map((i) => of[source.name][i]);
    expected[source.name] = String([...chosen]);
    cellsOf.picked = kind === "cells" && chosen.length ? chosen : null;
    if (kind === "wells" && own.length === 1) w.open(own[0], source.name.split(" ")[0]);
    w.pick(kind === "treatments" ? own.flatMap((item) => w.ofItem[item]) : own);
  };
  w.onPick((picked) => {
    if (!picked.size) cellsOf.picked = null;
    Object.keys(of).forEach(mark);
  });

  w.describe = (name, row) => {
    const own = of[name][row], shown = column[name.split(" ")[0]].column;
    if (kindOf(name) === "treatments") return [w.element("b", data.items[own]), w.element("div", w.several(w.ofItem[own].length, "well"))];
    const picture = plotted[name].picture?.[row] ?? -1;
    return w.wellLines(own, shown, ...(picture < 0 ? [] : [w.sprite(picture)]));
  };

  function view(plot, left, right, bottom, top) {
    const width = document.getElementById(`plot-${plot.name}`).clientWidth;
    plot.x_range.setv({ start: left, end: right, reset_start: left, reset_end: right });
    plot.y_range.setv({ start: bottom, end: top, reset_start: bottom, reset_end: top });
    if (plot.name === "plates") plot.height = Math.round(Math.min(Math.max((width * (top - bottom)) / (right - left), 160), 900)) + 36;
  }

  const letters = (row) => (row < 26 ? "" : "A") + String.fromCharCode(65 + (row % 26));

  // Show one plate with the names of its rows and columns, or all with their own names.
  function showPlate(plate) {
    const [rows, columns, firstRow, firstColumn] = data.size, across = plate < 0 ? data.across : 1, places = data.plates.map((_, i) => i);
    const at = (i) => [(i % data.across) * (columns + 3), -Math.floor(i / data.across) * (rows + 3)];
    const labels = plate < 0 ? places.map((i) => [at(i)[0] + columns / 2 - 0.5, at(i)[1] + 1, data.plates[i]]) : [
      ...Array.from({ length: rows }, (_, i) => [at(plate)[0] - 1, at(plate)[1] - i, letters(i + firstRow)]),
      ...Array.from({ length: columns }, (_, i) => [at(plate)[0] + i, at(plate)[1] + 1, String(i + 1 + firstColumn)])];
    const short = (text) => (text.length > 24 ? `${text.slice(0, 23)}…` : text);
    model("plates names").data = { x: labels.map((l) => l[0]), y: labels.map((l) => l[1]), name: labels.map((l) => short(l[2])) };
    documents.plates.get_model_by_name("names").visible = plate >= 0 || data.plates.length <= 24;
    const [x, y] = plate < 0 ? [0, 0] : at(plate), down = plate < 0 ? Math.ceil(data.plates.length / across) : 1;
    const right = x + across * (columns + 3) - 2, wide = document.getElementById("plot-plates").clientWidth, name = (20 * (right - x)) / wide;
    const marks = model("plates").renderers.find((found) => found.name === "marks");
    marks.visible = wide / (right - x) > 7;
    marks.glyph.size = (0.45 * wide) / (right - x);
    view(model("plates"), x - 2, right, y - down * (rows + 3) + 3.2, y + 1 + name);
  }

  async function showMap() {
    const shown = w.maps[Number(select("map", "pair").value)], chosen = (shown.points ??= await w.unpack(shown.packed)), kind = select("map", "kind").value;
    for (const one of ["wells", "treatments", "cells"]) {
      fill(`map ${one}`, kind === one && chosen[one] ? chosen[one] : { of: [], x: [], y: [] });
      const renderer = model("map").renderers.find((found) => found.name === one);
      renderer.glyph.size = Math.min(Math.max(300 / Math.sqrt(of[`map ${one}`].length + 1), 3), 12);
    }
    document.querySelector("#map .missing").hidden = Boolean(chosen[kind]);
    const [low, high] = [-80, 2080]; // places are 0 to 2000
    view(model("map"), low, high, low, high);
  }

  function inks() {
    if (documents.plates) documents.plates.get_model_by_name("names").glyph.text_color = getComputedStyle(document.body).color;
  }

  const titles = w.columns.map((one) => one.title), whole = data.plates.length === 1 ? 0 : -1;
  const shows = {
    plates() {
      const drawn = wells.x.flatMap((x, i) => (x == null || wells.y[i] == null ? [] : [i]));
      inks();
      showPlate(Math.max(Number(select("plates", "plate").value) - 1, whole));
      fill("plates wells", { of: drawn, x: drawn.map((i) => wells.x[i]), y: drawn.map((i) => wells.y[i]) });
      markWells();
    },
    map: showMap,
  };

  // Run Bokeh, which the page holds as text: its million letters take the browser as long as all the rest.
  function load() {
    for (const text of document.querySelectorAll("script.library")) text.replaceWith(Object.assign(document.createElement("script"), { textContent: text.textContent }));
  }

  // Draw a plot, if it is not drawn yet.
  async function begin(name) {
    const { document: own, root } = bundles[name];
    load();
    recolour(name);
    await Bokeh.embed.embed_items({ [name]: own }, [{ docid: name, roots: { [root]: `plot-${name}` }, root_ids: [root] }]);
    documents[name] = Bokeh.documents.find((found) => found.get_model_by_name(name));
    await shows[name]();
    document.getElementById(`plot-${name}`).dataset.drawn = "yes";
  }
  const draw = (name) => (begun[name] ??= begin(name));

  // Fill a select of a plot, and have `change` called when it is drawn and something else is chosen.
  function choose(name, kind, options, change) {
    w.fill(select(name, kind), options);
    select(name, kind).addEventListener("change", () => draw(name).then(change));
  }

  // What is coloured first: treatments, or a number where these are more than there are styles.
  const many = (w.columns[0]?.labels?.length ?? 0) > data.styles.labels.length;
  const first = many ? Math.max(w.columns.findIndex((one) => !one.labels), 0) : 0;
  const near = new IntersectionObserver((entries) => {
    for (const { target } of entries.filter((entry) => entry.isIntersecting)) draw(target.id.replace("plot-", ""));
  }, { rootMargin: "100%" });
  for (const name of Object.keys(bundles)) {
    choose(name, "colour", titles, () => recolour(name));
    select(name, "colour").value = first;
    near.observe(document.getElementById(`plot-${name}`));
  }
  if (bundles.plates) choose("plates", "plate", ["all plates", ...data.plates], () => showPlate(Math.max(Number(select("plates", "plate").value) - 1, whole)));
  if (bundles.map) {
    choose("map", "pair", w.maps.map((one) => one.title), showMap);
    select("map", "kind").addEventListener("change", () => draw("map").then(showMap));
  }
  Object.assign(w, { draw, model });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", inks);
  document.documentElement.dataset.ready = "yes";
  if (document.body.classList.contains("long")) return;
  const pause = (time) => new Promise((done) => setTimeout(done, time));
  await pause(3000);
  for (const next of [load, ...Object.keys(bundles).map((name) => () => draw(name))]) {
    await next();
    await pause(50); // in which what was clicked meanwhile is answered
  }
})();
