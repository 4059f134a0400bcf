// Bokeh's plots of plates and maps: their points, views and selections.
"use strict";

(async () => {
  const w = await exploring, { data, wells } = w, bundle = JSON.parse(document.getElementById("plots").textContent);
  const of = {}, plotted = {}, cellsOf = { picked: null }, column = { plates: null, map: null };
  const expected = {};
  let pair = 0;
  await Bokeh.embed.embed_items({ page: bundle.document }, [{ docid: "page", roots: bundle.roots, root_ids: Object.keys(bundle.roots) }]);
  const doc = Bokeh.documents[0], model = (name) => doc.get_model_by_name(name);
  const has = (name) => Object.values(bundle.roots).includes(`plot-${name}`);
  const kindOf = (name) => name.split(" ")[1];

  // Select points ourselves; Bokeh tells of it later, as of a user's selection.
  function expect(source, indices) {
    expected[source.name] = String(indices);
    source.selected.indices = indices;
  }

  // The colours of the points of a source.
  function coloured(name) {
    const { wells: byWell, items } = column[name.split(" ")[0]].colours;
    return of[name].map((own) => (kindOf(name) === "treatments" ? items[own] : byWell[own]));
  }

  function fill(name, points) {
    of[name] = points.of;
    plotted[name] = points;
    const source = model(name);
    expect(source, []);
    source.data = { x: points.x, y: points.y, colour: coloured(name) };
    mark(name);
  }

  function recolour(plot, chosen) {
    column[plot] = { column: chosen, colours: w.colours(chosen) };
    w.legend(document.querySelector(`#${plot} .legend`), chosen);
    for (const name of Object.keys(of)) {
      if (name.startsWith(plot)) model(name).data = { ...model(name).data, colour: coloured(name) };
    }
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
    const labels = plate < 0 ? places.map((i) => [at(i)[0] + columns / 2 - 0.5, at(i)[1] + 1.3, data.plates[i]]) : [
      ...Array.from({ length: rows }, (_, i) => [at(plate)[0] - 1, at(plate)[1] - i, letters(i + firstRow)]),
      ...Array.from({ length: columns }, (_, i) => [at(plate)[0] + i, at(plate)[1] + 1, String(i + 1 + firstColumn)])];
    const short = (text) => (text.length > 24 ? `${text.slice(0, 23)}…` : text);
    model("plates names").data = { x: labels.map((l) => l[0]), y: labels.map((l) => l[1]), name: labels.map((l) => short(l[2])) };
    model("names").visible = plate >= 0 || data.plates.length <= 24;
    const [x, y] = plate < 0 ? [0, 0] : at(plate), down = plate < 0 ? Math.ceil(data.plates.length / across) : 1;
    const right = x + across * (columns + 3) - 2, name = (20 * (right - x)) / document.getElementById("plot-plates").clientWidth;
    view(model("plates"), x - 2, right, y - down * (rows + 3) + 2, y + 1.3 + name);
  }

  async function showMap() {
    const shown = w.maps[pair], chosen = (shown.points ??= await w.unpack(shown.packed)), kind = document.querySelector("#map .kind").value;
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
    model("names") && (model("names").glyph.text_color = getComputedStyle(document.body).color);
  }

  const titles = w.columns.map((one) => one.title), select = (place, kind) => document.querySelector(`#${place} .${kind}`);
  if (has("plates")) {
    w.choose(select("plates", "colour"), titles, (i) => recolour("plates", w.columns[i]));
    const drawn = wells.x.flatMap((x, i) => (x == null || wells.y[i] == null ? [] : [i]));
    fill("plates wells", { of: drawn, x: drawn.map((i) => wells.x[i]), y: drawn.map((i) => wells.y[i]) });
    w.choose(select("plates", "plate"), ["all plates", ...data.plates], (i) => showPlate(data.plates.length === 1 ? 0 : i - 1));
  }
  if (has("map")) {
    w.choose(select("map", "colour"), titles, (i) => recolour("map", w.columns[i]));
    w.choose(select("map", "pair"), w.maps.map((one) => one.title), (i) => { pair = i; });
    for (const kind of ["pair", "kind"]) select("map", kind).addEventListener("change", showMap);
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      showMap();
    }, { rootMargin: "300px" });
    seen.observe(document.getElementById("plot-map")); // the map is drawn when it is looked at
  }
  inks();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", inks);
  document.documentElement.dataset.ready = "yes";
})();
