"""Drawings of the report as inline SVG; their colours are set in page.css, for light and dark screens."""

from markupsafe import Markup

from wellread.pictures.plate_layout import plate_layout, row_letters

PITCH = 11  # px between wells


def flow(stages: list[dict]) -> Markup:
    """A flow chart of stages {stage, unit, kept, lost}: bars with the lost part in another colour."""
    step, top, height = 108, 46, 84
    parts, unit, whole = [], None, 1
    for i, stage in enumerate(stages):
        x, total = 6 + i * step, stage["kept"] + stage["lost"]
        if stage["unit"] != unit:
            unit, whole = stage["unit"], max(total, 1)
            parts.append(text(x, top + height + 34, unit, "unit"))
        else:
            parts.append(box(x - step + 12, top, step - 12, height * total / whole, "ribbon"))
        kept = height * stage["kept"] / whole
        lost = max(height * stage["lost"] / whole, 1.5) if stage["lost"] else 0
        parts += [box(x, top, 12, kept, "kept"), box(x, top + kept, 12, lost, "lost")]
        parts += [text(x, 16, stage["stage"], "name"), text(x, 35, f"{stage['kept']:,}", "count")]
        if stage["lost"]:
            parts.append(text(x + 18, top + kept + lost, f"−{stage['lost']:,}", "less"))
    return picture(len(stages) * step, top + height + 42, parts, "flow", "what every stage keeps and loses")


def plate_map(values: dict[str, float], low: float, high: float, digits: int | None = None) -> Markup:
    """{well: value} as dots, the darker the higher from `low` to `high`; `digits` adds tooltips with the values."""
    places, rows, columns = plate_layout(values)
    taken = set(places.values())
    free = [(r, c) for r in range(rows) for c in range(columns) if (r, c) not in taken]
    grid = "".join(f"M{PITCH * (c + 1.5):g} {PITCH * (r + 1.5):g}h0" for r, c in free)
    parts = [f'<path class="grid" d="{grid}"/>']
    parts += [text(PITCH * (c + 1.5), 7, c + 1, "axis") for c in range(columns)]
    parts += [text(5, PITCH * (r + 1.5) + 2, row_letters(r), "axis") for r in range(rows)]
    for well, (r, c) in sorted(places.items()):
        fraction = (values[well] - low) / (high - low) if high > low else 0.5
        tooltip = "" if digits is None else f"<title>{well}: {values[well]:,.{digits}f}</title>"
        shade = f'fill-opacity="{min(max(fraction, 0), 1):.2f}"'
        place = f'cx="{PITCH * (c + 1.5):g}" cy="{PITCH * (r + 1.5):g}"'
        parts.append(f'<circle class="well" {place} r="4.6" {shade}>{tooltip}</circle>')
    return picture(PITCH * (columns + 1), PITCH * (rows + 1), parts, "plate", "plate map")


def curve(x: list[float], y: list[float], digits: int = 3, along: str = "step") -> Markup:
    """y over x as a line between axes: lowest and highest y at the left, first and last x below; the last y at the end.

    `along` is what x is.
    """
    width, height, left, top = 150, 64, 60, 6
    low, high = min(y), max(y)
    across = max(x[-1] - x[0], 1e-12)
    points = [
        f"{left + (width * (a - x[0])) / across:.1f},{top + height * (high - b) / max(high - low, 1e-12):.1f}"
        for a, b in zip(x, y, strict=True)
    ]
    end_x, end_y = points[-1].split(",")
    below = top + height + 15
    parts = [
        f'<path class="axis-line" d="M{left - 3} {top}V{top + height + 3}H{left + width}"/>',
        f'<polyline points="{" ".join(points)}"/>',
        f'<circle class="end" cx="{end_x}" cy="{end_y}" r="2.4"/>',
        text(left - 6, 10, f"{high:.{digits}g}", "axis left"),
        text(left - 6, top + height, f"{low:.{digits}g}", "axis left"),
        text(left, below, f"{x[0]:,.0f}", "mid"),
        text(left + width / 2, below, along, "mid"),
        text(left + width, below, f"{x[-1]:,.0f}", "mid"),
        text(float(end_x) + 6, float(end_y) + 3, f"{y[-1]:.{digits}g}", "last"),
    ]
    return picture(left + width + 64, below + 5, parts, "curve", f"{along}s {x[0]:,.0f} to {x[-1]:,.0f}")


def interval(value: float, limits: tuple | None, chance: tuple | None, scale: tuple[float, float]) -> Markup:
    """A value as a dot, its interval as a line, chance (low, mean, high) as a grey band with a tick, on `scale`."""
    width, middle = 130, 8

    def at(v):
        return 4 + (width - 8) * (v - scale[0]) / max(scale[1] - scale[0], 1e-12)

    parts = [box(4, middle - 0.5, width - 8, 1, "rule")]
    if chance:
        low, mean, high = map(at, chance)
        parts += [box(low, 3, max(high - low, 0), 10, "band"), box(mean - 0.75, 1, 1.5, 14, "chance")]
    if limits:
        parts.append(box(at(limits[0]), middle - 1.5, at(limits[1]) - at(limits[0]), 3, "span"))
    parts.append(f'<circle class="value" cx="{at(value):.1f}" cy="{middle}" r="4"/>')
    return picture(width, 16, parts, "interval", "value, interval and chance")


def box(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def text(x: float, y: float, text, kind: str) -> str:
    return Markup('<text class="{}" x="{:g}" y="{:g}">{}</text>').format(kind, x, y, text)


def picture(width: float, height: float, parts: list, kind: str, label: str) -> Markup:
    head = f'<svg class="{kind}" role="img" aria-label="{label}" viewBox="0 0 {width:g} {height:g}" width="{width:g}">'
    return Markup(head + "".join(parts) + "</svg>")
