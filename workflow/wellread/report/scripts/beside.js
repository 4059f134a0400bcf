// The pictured cells of two treatments, side by side; a pair is chosen here, or by a click on the most similar other of a hit.
"use strict";

exploring.then((w) => {
  const MOST = 24, place = document.getElementById("beside"), pictures = new Map();
  if (!place) return;
  w.data.sprites.well.forEach((well, i) => {
    const own = w.wells.item[well];
    pictures.set(own, [...(pictures.get(own) ?? []), i]);
  });
  const codes = [...pictures.keys()].sort((a, b) => a - b), names = codes.map((code) => w.data.items[code]);
  const sides = ["one", "other"].map((side) => place.querySelector(`.${side}`));
  for (const select of sides) {
    const cells = select.closest(".tools").nextElementSibling;
    w.choose(select, names.map((name) => name || "no treatment"), (at) => cells.replaceChildren(...pictures.get(codes[at]).slice(0, MOST).map(w.sprite)));
  }

  function show(pair) {
    pair.forEach((name, i) => {
      sides[i].value = names.indexOf(name);
      sides[i].dispatchEvent(new Event("change"));
    });
  }
  const buttons = [...document.querySelectorAll("#hits button.other")];
  const pairOf = (button) => [button.closest("tr").dataset.item, button.dataset.other];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      show(pairOf(button));
      place.scrollIntoView({ block: "center" });
    });
  }
  if (buttons.length) show(pairOf(buttons[0]));
});
