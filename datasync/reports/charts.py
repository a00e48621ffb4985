"""Numbers over time in, small SVG drawings out: coloured by the page's own style sheet, without script, style or address.

pygal draws; what it adds for the browser (script, style, comments, tooltips) is taken off again, so that a drawing obeys the
page's light, dark and print colours and its strict policy.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, tostring

if TYPE_CHECKING:
    from markupsafe import Markup

DROPPED = ("defs", "script", "style", "title", "desc")
TIMES = ((86400, " d"), (3600, " h"), (60, " min"))
LABEL_WIDTH = 100
"""Room that a label of the time axis takes."""


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers in the order of the labels; None: nothing was seen there."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Drawing:
    """How a drawing is meant.

    Attributes:
        words: what it shows, for who cannot see it.
        labels: along the time axis, oldest first.
        unit: `%`, `s` (seconds), or empty for plain numbers.
        width, height: of its box; the page scales it.
    """

    words: str
    labels: Sequence[str]
    unit: str = ""
    width: int = 460
    height: int = 140


def trend(drawing: Drawing, seen: Series, threshold: float | None = None) -> Markup:
    """Draw what was seen over time, and the threshold it is held against."""
    chart = _line(drawing)
    chart.add(seen.name, list(seen.values))
    if threshold is not None:
        chart.add("threshold", [threshold] * len(seen.values), show_dots=False)
    return _svg(chart, drawing)


def lines(drawing: Drawing, series: Sequence[Series]) -> Markup:
    """Draw several figures over time."""
    chart = _line(drawing)
    for one in series:
        chart.add(one.name, list(one.values))
    return _svg(chart, drawing)


def bars(drawing: Drawing, series: Sequence[Series]) -> Markup:
    """Draw parts of a whole over time, stacked."""
    chart = _pygal().StackedBar(**_settings(drawing), spacing=2)
    for one in series:
        chart.add(one.name, list(one.values))
    return _svg(chart, drawing, stacked=True)


def _pygal() -> Any:
    import pygal
    from pygal.etree import etree

    # The same tree with and without lxml.
    etree.to_etree()
    # pygal leaves an import hook for its plugins behind, of a kind that Python warns of at every later import.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]
    return pygal


def _line(drawing: Drawing) -> Any:
    return _pygal().Line(**_settings(drawing), dots_size=2.5 if len(drawing.labels) <= 40 else 1)


def _settings(drawing: Drawing) -> Mapping[str, Any]:
    count = len(drawing.labels)
    every = max(1, -(-count * LABEL_WIDTH // drawing.width))
    return {
        "width": drawing.width, "height": drawing.height, "margin": 4, "margin_right": 28, "show_legend": False, "js": (),
        # Numbers stand for the labels until the drawing is done: pygal takes equal labels for one.
        "css": (), "x_labels": [str(number) for number in range(count)], "x_labels_major_every": every, "truncate_label": -1,
        "no_data_text": "", "show_minor_x_labels": False, "show_x_guides": False,
        "value_formatter": lambda value: written(value, drawing.unit),
    }  # fmt: skip


def written(value: float, unit: str) -> str:
    """Write a figure of a drawing: `12.5 %`, `3 h`, `1.2M`."""
    if unit == "%":
        return f"{value:.6g} %"
    steps = TIMES if unit == "s" else ((1e9, "G"), (1e6, "M"), (1e3, "k"))
    for size, name in steps:
        if abs(value) >= size:
            return f"{value / size:.4g}{name}"
    return f"{value:.4g}{' s' if unit == 's' else ''}"


def _ticks(values: Sequence[float], unit: str) -> list[float]:
    """Give two to six round figures from zero (or below) to past the greatest value; of times, round in hours or days."""
    scale = next((size for size, _ in TIMES if unit == "s" and max(values, default=0) >= size), 1)
    low, high = min(0.0, *values, 0.0) / scale, max(0.0, *values, 0.0) / scale
    span = high - low or 1.0
    power = 10.0 ** math.floor(math.log10(span))
    step = next(power * factor for factor in (0.25, 0.5, 1, 2.5, 5) if span / (power * factor) <= 4)
    first, last = math.floor(low / step), max(math.ceil(high / step - 1e-9), 1)
    return [number * step * scale for number in range(first, last + 1)]


def _svg(chart: Any, drawing: Drawing, stacked: bool = False) -> Markup:
    from markupsafe import Markup

    columns = [[value for value in series[0]] for series in chart.raw_series]
    heights = [sum(filter(None, row)) for row in zip(*columns, strict=True)] if stacked else [v for c in columns for v in c]
    chart.y_labels = _ticks([value for value in heights if value is not None], drawing.unit)
    root = chart.render_tree()
    _label(root, drawing.labels)
    _titled_dots(root)
    _bare(root)
    root.attrib.pop("id", None)
    root.set("class", "drawing")
    root.set("role", "img")
    root.set("aria-label", drawing.words)
    return Markup(tostring(root, encoding="unicode"))  # noqa: S704 - the serialiser escaped every text in it


def _label(root: Element, labels: Sequence[str]) -> None:
    """Put the labels where their numbers stand: along the axis, and with each point."""
    for axis in root.iter("g"):
        if axis.get("class", "").startswith("axis x"):
            for text in axis.iter("text"):
                text.text = labels[int(text.text or 0)]
    for said in root.iter("desc"):
        if said.get("class") == "x_label" and said.text:
            said.text = labels[int(said.text)]


def _titled_dots(root: Element) -> None:
    """Say at each point, for who points at it, when and what; pygal's script would have."""
    for group in root.iter("g"):
        said = {part.get("class"): part.text or "" for part in group.findall("desc")}
        point = next((part for part in group if part.tag in ("circle", "rect")), None)
        if point is not None and "value" in said:
            title = Element("title", {"class": "kept"})
            title.text = ": ".join(word for word in (said.get("x_label", ""), said["value"]) if word)
            point.append(title)


def _bare(element: Element) -> None:
    """Take off what is for a browser with script."""
    for part in list(element):
        overlay = "text-overlay" in part.get("class", "") or "tooltip-overlay" in part.get("class", "")
        if not isinstance(part.tag, str) or (part.tag in DROPPED and part.get("class") != "kept") or overlay:
            element.remove(part)
        else:
            part.attrib.pop("style", None)
            _bare(part)
