// The pictured cells of two treatments, side by side: chosen here, by a click on the most similar other of a hit, or on a matrix.
"use strict";

exploring.then((w) => {
  const MOST = 24, place = document.getElementById("beside"), pictures = new Map();
  w.data.sprites.well.forEach((well, i) => {
    const own = w.wells.item[well];
    pictures.set(own, [...(pictures.get(own) ?? []), i]);
  });
  const codes = [...pictures.keys()].sort((a, b) => a - b), sides = place ? ["one", "other"].map((side) => place.querySelector(`.${side}`)) : [];
  for (const select of sides) {
    const cells = select.closest(".tools").nextElementSibling, names = codes.map((code) => w.data.items[code] || "no treatment");
    w.choose(select, names, (at) => cells.replaceChildren(...pictures.get(codes[at]).slice(0, MOST).map(w.sprite)));
  }

  // Show the cells of two items; if not both are pictured, select their wells.
  function show(pair, scroll = true) {
    if (!pair.every((item) => pictures.has(item))) return w.pick(pair.flatMap((item) => w.ofItem[item]));
    pair.forEach((item, i) => {
      sides[i].value = codes.indexOf(item);
      sides[i].dispatchEvent(new Event("change"));
    });
    if (scroll) place.scrollIntoView({ block: "center" });
  }
  const buttons = [...document.querySelectorAll("#hits button.other")];
  const pairOf = (button) => [button.closest("tr").dataset.item, button.dataset.other].map((name) => w.data.items.indexOf(name));
  for (const button of buttons) button.addEventListener("click", () => show(pairOf(button)));
  if (place) show(buttons.length ? pairOf(buttons[0]) : [codes[0], codes.at(-1)], false);

  const matrices = new Map(); // by their packed text, as the enlarged copy of a picture has it too
  for (const { dataset } of document.querySelectorAll("img[data-matrix]")) w.unpack(dataset.matrix).then((told) => matrices.set(dataset.matrix, told));

  // The two items and the cosine of what is pointed at in the picture of a matrix; null beside it.
  function pointed({ target, clientX, clientY }) {
    const matrix = matrices.get(target.dataset?.matrix);
    if (!matrix) return null;
    const { place: [left, top, right, bottom], items, cosines } = matrix, box = target.getBoundingClientRect();
    const edge = parseFloat(getComputedStyle(target).paddingLeft), sides = [target.naturalWidth, target.naturalHeight];
    const room = [box.width - 2 * edge, box.height - 2 * edge], scale = Math.min(room[0] / sides[0], room[1] / sides[1]); // object-fit: contain
    const [x, y] = [clientX - box.x, clientY - box.y].map((at, i) => (at - edge - (room[i] - scale * sides[i]) / 2) / (scale * sides[i]));
    const [row, column] = [(y - top) / (bottom - top), (x - left) / (right - left)].map((share) => Math.floor(share * items.length));
    const pair = [items[row], items[column]];
    return pair.every((item) => item >= 0) ? { pair, cosine: cosines[row]?.[column] } : null;
  }

  document.addEventListener("pointermove", (event) => {
    const found = pointed(event);
    if (!found) return;
    const [one, other] = found.pair.map((item) => w.data.items[item] || "no treatment"), value = found.cosine;
    w.tell(w.element("b", one), w.element("b", other), w.element("div", value === undefined ? "" : `cosine ${(value / 100).toFixed(2)}`));
  });
  document.addEventListener("click", (event) => {
    const found = pointed(event);
    if (!found) return;
    event.stopPropagation(); // of the picture, which it would enlarge or close
    document.querySelector("dialog[open]")?.close();
    show(found.pair);
  }, true);
});
