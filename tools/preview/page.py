# SPDX-License-Identifier: BSD-3-Clause
"""Panels as one page, which needs nothing but itself. All numbers are in it as tables; page.js draws
them with Chart.js."""

import base64
import hashlib
import json
import os
from html import escape

from .panels import panels, summary

FOLDER = os.path.dirname(os.path.realpath(__file__))
COLUMNS = 120


def part(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def digest(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def table(head, rows):
    def line(tag, texts):
        return "<tr>" + "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts) + "</tr>"

    return "\n".join(["<table>", line("th", head), *(line("td", row) for row in rows), "</table>"])


def numbers(panel):
    """The table of what a chart shows."""
    rows = [
        [label, *(f"{values[i]:,}" for _, values in panel.series)]
        for i, label in enumerate(panel.labels)
        if any(values[i] for _, values in panel.series)
    ]
    return table(["", *(name or "count" for name, _ in panel.series)], rows)


def figure(number, panel):
    title = escape(panel.title)
    caption = f"<h2>{title}</h2>" + (f"<p>{escape(panel.note)}</p>" if panel.note else "")
    if panel.kind == "table":
        inside = table(panel.labels, panel.rows) if panel.rows else "<p>none</p>"
    elif not any(any(values) for _, values in panel.series):
        inside = "<p>none</p>"
    else:
        inside = (
            f'<div class="chart"><canvas id="panel-{number}" role="img" aria-label="{title}"></canvas></div>\n'
            f"<details><summary>numbers</summary>\n{numbers(panel)}\n</details>"
        )
    return f'<section class="{panel.kind}">\n{caption}\n{inside}\n</section>'


def page(tally, charts, refresh=None):
    """The whole page. charts: the file with Chart.js; refresh: seconds after which a browser is to
    read the page again."""
    every = panels(tally, COLUMNS)
    drawn = {
        f"panel-{i}": {"kind": p.kind, "stacked": p.stacked, "labels": p.labels, "series": p.series}
        for i, p in enumerate(every)
        if p.kind != "table"
    }
    # "<" would let a text end the element
    data = json.dumps(drawn).replace("<", "\\u003c")
    library, script, style = part(charts), part(f"{FOLDER}/page.js"), part(f"{FOLDER}/page.css")
    policy = (
        f"default-src 'none'; script-src {digest(library)} {digest(script)}; style-src {digest(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    again = f'<meta http-equiv="refresh" content="{refresh}">\n' if refresh else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
{again}<title>Sitebound reports</title>
<style>{style}</style>
</head>
<body>
<h1>Sitebound reports</h1>
<p>{escape(summary(tally))}</p>
<main>
{chr(10).join(figure(i, panel) for i, panel in enumerate(every))}
</main>
<script type="application/json" id="data">{data}</script>
<script>{library}</script>
<script>{script}</script>
</body>
</html>
"""
