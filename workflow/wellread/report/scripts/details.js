// What a point says when it is pointed at, and a well when it is clicked.
"use strict";

exploring.then((w) => {
  const tip = w.element("div", "", "tip");
  let pointer = [0, 0], source = null;
  tip.hidden = true;
  document.addEventListener("pointermove", (event) => {
    pointer = [event.clientX, event.clientY];
    if (!event.target.closest?.(".plot")) tip.hidden = true;
  });

  // Show lines beside the pointer, above an open dialog too.
  w.tell = (...lines) => {
    (document.querySelector("dialog[open]") ?? document.body).append(tip);
    tip.replaceChildren(...lines);
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(pointer[0] + 14, innerWidth - width - 8))}px`;
    tip.style.top = `${pointer[1] + height + 24 > innerHeight ? pointer[1] - height - 12 : pointer[1] + 16}px`;
  };

  // Called by Bokeh: `told` has the renderer that is pointed at and the rows of its points.
  w.hovered = ({ index, renderer }) => {
    const found = index.indices[0];
    if (found === undefined) {
      if (source === renderer.data_source) tip.hidden = true;
      return;
    }
    source = renderer.data_source;
    w.tell(...w.describe(source.name, found));
  };

  // The lines about a well, or about a cell of it.
  w.wellLines = (well, column, ...more) => {
    const lines = [w.element("b", w.item(well) || "no treatment"), w.element("div", w.name(well)), ...more];
    return column ? [...lines, w.element("div", `${column.title}: ${w.told(column, well)}`)] : lines;
  };

  function channels(picture, well) {
    const frame = w.element("div", "", "field"), names = ["together", ...w.data.channels], lines = new Image();
    frame.style.aspectRatio = picture.aspect;
    frame.style.backgroundImage = `url(${picture.uri})`;
    frame.style.backgroundSize = `${names.length * 100}% 100%`;
    frame.setAttribute("role", "img");
    frame.setAttribute("aria-label", `a field of well ${w.name(well)}`);
    if (picture.outlines) frame.append(Object.assign(lines, { src: picture.outlines, alt: "" }));
    if (w.data.pixelSize) frame.append(scaleBar(picture));
    const select = w.element("select"), box = Object.assign(w.element("input"), { type: "checkbox", checked: true });
    w.choose(select, names, (i) => (frame.style.backgroundPosition = `${(100 * i) / Math.max(names.length - 1, 1)}% 0`));
    box.addEventListener("input", () => (lines.hidden = !box.checked));
    const tools = w.element("div", "", "tools"), [channel, outlines] = [w.element("label", "Channel "), w.element("label")];
    channel.append(select);
    outlines.append(box, " outlines");
    tools.append(channel, ...(picture.outlines ? [outlines] : []), w.element("span", `site ${picture.site}`));
    return [tools, frame];
  }

  // A bar of 1, 2 or 5 times a power of ten µm, about a fifth of the field.
  function scaleBar(picture) {
    const whole = picture.width * w.data.pixelSize, power = 10 ** Math.floor(Math.log10(whole / 5));
    const length = [5, 2, 1].map((n) => n * power).find((n) => n <= whole / 5) ?? power;
    const bar = w.element("span", `${length} µm`, "scale");
    bar.style.width = `${(100 * length) / whole}%`;
    return bar;
  }

  function numbers(well) {
    const list = w.element("dl");
    for (const column of w.columns) list.append(w.element("dt", column.title), w.element("dd", w.told(column, well)));
    return list;
  }

  // Open a well below the plot that was clicked.
  w.open = (well, plot) => {
    const place = document.querySelector(`#${plot} .well-shown`), picture = w.pictures[well];
    const title = w.element("h3", `${w.name(well)}: ${w.item(well) || "no treatment"}`);
    const folder = `results/${document.body.dataset.dataset}/${w.data.plates[w.wells.plate[well]]}`;
    const none = w.element("p", `No picture of this well is in the page. ${w.data.channels.length ? `Its files: ${folder}` : ""}`, "note");
    const cells = w.element("div", "", "strip");
    cells.append(...w.data.sprites.well.flatMap((own, i) => (own === well ? [w.sprite(i)] : [])).slice(0, 12));
    const shown = w.element("div", "", "pair");
    const left = w.element("div");
    left.append(...(picture ? channels(picture, well) : w.data.channels.length ? [none] : []), cells);
    shown.append(...(left.textContent || cells.childNodes.length ? [left] : []), numbers(well));
    place.replaceChildren(title, shown);
  };
});
