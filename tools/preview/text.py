# SPDX-License-Identifier: BSD-3-Clause
"""Panels in a terminal."""

import unicodedata

from .panels import LABEL_MAX, panels, summary

BLOCKS = "▁▂▃▄▅▆▇█"
PIECES = "▏▎▍▌▋▊▉█"
NUMBER = 13


def cells(text):
    """How many columns of a terminal a text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def padded(text, width):
    return text + " " * (width - cells(text))


def spark(values, most):
    """A character for each value; whatever is there can be seen."""
    return "".join(BLOCKS[(value * len(BLOCKS) - 1) // most] if value else " " for value in values)


def bar(value, most, width):
    whole, rest = divmod(max(1, value * width * len(PIECES) // most), len(PIECES))
    return PIECES[-1] * whole + (PIECES[rest - 1] if rest else "")


def row(label, label_width, value, drawing):
    return f"  {padded(label, label_width)}{value:>{NUMBER},} {drawing}".rstrip()


def time_lines(panel, width):
    most = max((max(values) for _, values in panel.series if values), default=0)
    label_width = max((cells(name) for name, _ in panel.series), default=0)
    for name, values in panel.series:
        if panel.stacked:
            yield row(name, label_width, sum(values), spark(values, most))
        else:
            yield row(name, label_width, max(values, default=0), spark(values, most))


def bar_lines(panel, width):
    entries = [
        (f"{label} {name}".strip(), value)
        for i, label in enumerate(panel.labels)
        for name, values in panel.series
        if (value := values[i])
    ]
    most = max((value for _, value in entries), default=0)
    label_width = max((cells(label) for label, _ in entries), default=0)
    for label, value in entries:
        yield row(label, label_width, value, bar(value, most, max(8, width - label_width - NUMBER - 3)))


def table_lines(panel, width):
    if panel.rows:
        widths = [max(map(cells, column)) for column in zip(panel.labels, *panel.rows)]
        for texts in (panel.labels, *panel.rows):
            yield "  " + "  ".join(map(padded, texts, widths)).rstrip()


LINES = {"time": time_lines, "bars": bar_lines, "table": table_lines}


def text(tally, width):
    """The whole, for a terminal of so many columns."""
    out = [summary(tally)]
    # "installs: 1,000,000 and more in all" is the longest name of a row in a panel of time
    columns = max(10, width - LABEL_MAX - NUMBER - 3)
    for panel in panels(tally, columns):
        lines = list(LINES[panel.kind](panel, width))
        out += ["", panel.title + (f" ({panel.note})" if panel.note else "")]
        out += lines or ["  none"]
    return "\n".join(out) + "\n"
