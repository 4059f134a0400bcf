// What all plots share: the data, colours, what is selected, and what a point says of itself. Names are always text.
"use strict";

const exploring = (async () => {
  const text = (id) => document.getElementById(id).textContent;
  function bytes(packed) {
    const letters = atob(packed), found = new Uint8Array(letters.length);
    for (let i = 0; i < letters.length; i++) found[i] = letters.charCodeAt(i);
    return found;
  }
  const inflated = (packed) => new Blob([bytes(packed)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const unpack = async (packed) => JSON.parse(await new Response(inflated(packed)).text());
  const data = await unpack(text("data")), maps = JSON.parse(text("maps")), pictures = JSON.parse(text("pictures"));
  const { wells, columns } = data;
  const NUMBERS = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
  const plain = (colour) => [colour, "circle"], NOTHING = plain("#c8c8c8"), ALL = plain("#8c8c8c");
  const element = (tag, text = "", kind = "") => Object.assign(document.createElement(tag), { textContent: text, className: kind });
  const number = (value) => (value == null ? "–" : Number(value.toPrecision(4)).toLocaleString("en"));
  const several = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
  const name = (well) => `${data.plates[wells.plate[well]]} ${wells.well[well]}`;
  const item = (well) => data.items[wells.item[well]];
  const told = (column, well) => (column.labels ? column.labels[column.values[well]] || "no label" : number(column.values[well]));
  const ofItem = data.items.map(() => []);
  wells.item.forEach((own, well) => ofItem[own].push(well));
  let picked = new Set(), listeners = [];

  // The labels of a column from the most frequent on, as codes; those of no name are left out.
  function ordered(column) {
    const counts = new Map();
    for (const code of column.values) counts.set(code, (counts.get(code) ?? 0) + 1);
    return [...counts.keys()].filter((code) => column.labels[code]).sort((a, b) => counts.get(b) - counts.get(a) || a - b);
  }

  // The style, [colour, marker], of every label: its own for the most frequent ones, in the order of their names.
  function styles(column) {
    if (!column.styles) {
      const { labels, controls, none, other } = data.styles, control = new Set(column.values.filter((_, well) => wells.control[well]));
      column.styles = column.labels.map((label) => (label ? other : none));
      const frequent = ordered(column).filter((code) => !control.has(code)).slice(0, labels.length);
      frequent.sort((a, b) => a - b).forEach((code, i) => (column.styles[code] = labels[i]));
      for (const code of control) if (column.labels[code]) column.styles[code] = controls;
    }
    return column.styles;
  }

  function numberStyle(column, value) {
    if (value == null) return NOTHING;
    const part = column.high > column.low ? (value - column.low) / (column.high - column.low) : 0.5;
    const at = Math.min(Math.max(part, 0), 1) * (NUMBERS.length - 1), i = Math.min(Math.floor(at), NUMBERS.length - 2);
    const mixed = [1, 3, 5].map((k) => {
      const [a, b] = [NUMBERS[i], NUMBERS[i + 1]].map((colour) => parseInt(colour.slice(k, k + 2), 16));
      return Math.round(a + (b - a) * (at - i)).toString(16).padStart(2, "0");
    });
    return plain(`#${mixed.join("")}`);
  }

  // The style of every well, and of every item (its first well's label, the mean of its wells' numbers).
  function styled(column) {
    if (!column) return { wells: wells.well.map(() => ALL), items: data.items.map(() => ALL) };
    const own = column.labels ? styles(column) : null;
    const ofWells = column.values.map((value) => (own ? own[value] : numberStyle(column, value)));
    const mean = (list) => {
      const known = list.map((well) => column.values[well]).filter((value) => value != null);
      return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
    };
    return { wells: ofWells, items: ofItem.map((list) => (own ? ofWells[list[0]] ?? NOTHING : numberStyle(column, mean(list)))) };
  }

  function legend(place, column) {
    place.replaceChildren();
    if (!column) return;
    if (!column.labels) {
      const bar = element("span", "", "gradient");
      bar.style.background = `linear-gradient(90deg, ${NUMBERS.join(", ")})`;
      place.append(element("span", `≤ ${number(column.low)}`), bar, element("span", `≥ ${number(column.high)}`));
      return;
    }
    const codes = ordered(column), most = codes.length > 20 ? 12 : 20; // a few more fit than stand for many
    for (const code of codes.slice(0, most)) {
      const entry = tables.button("", () => pick(column.values.flatMap((own, well) => (own === code ? [well] : []))));
      const swatch = element("span", "", "swatch");
      [swatch.style.background, swatch.dataset.marker] = styles(column)[code];
      entry.append(swatch, column.labels[code]);
      place.append(entry);
    }
    if (codes.length > most) place.append(element("span", `and ${codes.length - most} more${codes.length > data.styles.labels.length ? ", the rarest of them in one dark grey" : ""}`));
  }

  const fill = (select, names) => select.replaceChildren(...names.map((text, i) => Object.assign(element("option", text), { value: i })));

  // Fill a select with names, and call `change` with the number of the chosen one, now and whenever it changes.
  function choose(select, names, change) {
    fill(select, names);
    select.addEventListener("change", () => change(Number(select.value)));
    change(Number(select.value));
  }

  function sprite(number) {
    const { side, across, perSheet } = data.sprites, at = number % perSheet;
    const made = element("span", "", `sprite sheet${Math.floor(number / perSheet)}`);
    made.style.backgroundPosition = `-${side * (at % across)}px -${side * Math.floor(at / across)}px`;
    return made;
  }

  function pick(list) {
    picked = new Set(list);
    for (const listener of listeners) listener(picked);
  }

  const rows = () => [["plate", "well", "treatment and dose", ...columns.map((column) => column.title)],
    ...[...picked].sort((a, b) => a - b).map((well) => [data.plates[wells.plate[well]], wells.well[well], item(well),
      ...columns.map((column) => (column.labels ? column.labels[column.values[well]] : column.values[well]))])];

  // What is selected, in words and as a list, below every plot.
  function list() {
    const counts = new Map();
    for (const well of picked) counts.set(item(well), (counts.get(item(well)) ?? 0) + 1);
    const names = [...counts].sort((a, b) => b[1] - a[1]);
    for (const place of document.querySelectorAll(".selection")) {
      place.replaceChildren();
      if (!picked.size) continue;
      place.append(element("b", `${several(picked.size, "well")} of ${several(names.length, "treatment")} selected: `));
      place.append(names.slice(0, 40).map(([text, n]) => (n > 1 ? `${text || "no treatment"} (${n})` : text || "no treatment")).join(", "));
      place.append(names.length > 40 ? `, and ${names.length - 40} more. ` : ". ");
      place.append(tables.button("Download CSV", () => tables.download("selection.csv", rows())), tables.button("Clear", () => pick([])));
    }
    const items = new Set([...picked].map(item));
    for (const row of document.querySelectorAll("tr[data-item]")) row.classList.toggle("picked", items.has(row.dataset.item));
    document.querySelectorAll("table.sortable").forEach(tables.filter);
  }
  listeners.push(list);

  document.querySelectorAll("tr[data-item] button.find").forEach((found) => {
    const own = data.items.indexOf(found.closest("tr").dataset.item);
    found.addEventListener("click", () => pick(ofItem[own] ?? []));
  });

  return window.wellread = { data, maps, unpack, pictures, wells, columns, element, number, several, name, item, told, ofItem, styled, legend, fill, choose, sprite, pick,
    picked: () => picked, onPick: (listener) => listeners.push(listener) };
})();
