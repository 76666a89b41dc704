# SPDX-License-Identifier: BSD-3-Clause
"""The committed saved objects, checked without Kibana, and each panel's question put to the real servers."""

import collections
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import sys

import pytest
import sample
from servers import CHECKOUT

sys.path.insert(0, str(CHECKOUT / "tools"))
from preview.panels import panels  # noqa: E402
from preview.tally import Tally  # noqa: E402

DASHBOARDS = CHECKOUT / "contrib" / "shipping" / "dashboards"
GOLDEN = pathlib.Path(__file__).parent / "golden-panels.json"
PANELS = json.loads((DASHBOARDS / "panels.json").read_text())
FILES = ("kibana.ndjson", "opensearch-dashboards.ndjson")
OLDEST = {
    "kibana.ndjson": {"index-pattern": "8.0.0", "search": "8.0.0", "dashboard": "8.7.0"},
    "opensearch-dashboards.ndjson": {"index-pattern": "7.6.0", "search": "7.9.3", "visualization": "7.10.0", "dashboard": "7.9.3"},
}
# Attributes that the type takes: in Kibana by a schema that forbids others, in OpenSearch Dashboards by a strict mapping.
TAKEN = {
    "index-pattern": {"title", "timeFieldName"},
    "search": {"title", "description", "columns", "sort", "kibanaSavedObjectMeta"},
    "visualization": {"title", "description", "visState", "uiStateJSON", "kibanaSavedObjectMeta"},
    "dashboard": {"title", "description", "timeRestore", "timeFrom", "timeTo", "panelsJSON", "optionsJSON", "kibanaSavedObjectMeta"},
}
# Parameters of the operations of a Lens column.
PARAMETERS = {
    "terms": {"size", "orderBy", "orderDirection", "otherBucket", "missingBucket", "parentFormat"},
    "date_histogram": {"interval", "includeEmptyRows", "dropPartials"},
    "sum": {"emptyAsNull"}, "count": {"emptyAsNull"}, "unique_count": {"emptyAsNull"}, "max": set(),
}


def load_generator():
    loader = importlib.machinery.SourceFileLoader("generate", str(DASHBOARDS / "generate"))
    spec = importlib.util.spec_from_loader("generate", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


generate = load_generator()


def objects(name):
    return [json.loads(line) for line in (DASHBOARDS / name).read_text().splitlines()]


def template_fields(kind):
    template = json.loads((CHECKOUT / "contrib" / "shipping" / kind / "index-template.json").read_text())

    def leaves(prefix, properties):
        for name, field in properties.items():
            if "properties" in field:
                yield from leaves(f"{prefix}{name}.", field["properties"])
            else:
                yield prefix + name, field["type"]

    return template, dict(leaves("", template["template"]["mappings"]["properties"]))


@pytest.mark.parametrize("name", FILES)
def test_committed_is_what_is_generated(name):
    makers = {"kibana.ndjson": generate.kibana, "opensearch-dashboards.ndjson": generate.opensearch_dashboards}
    assert objects(name) == makers[name](PANELS)


@pytest.mark.parametrize("name", FILES)
def test_objects_refer_to_each_other(name):
    made = objects(name)
    keys = {(one["type"], one["id"]) for one in made}
    assert len(keys) == len(made)
    referred = {(reference["type"], reference["id"]) for one in made for reference in one["references"]}
    assert referred == keys - {("dashboard", "sitebound-report")}
    for one in made:
        texts = [one["attributes"].get(key) for key in ("panelsJSON", "visState", "optionsJSON", "uiStateJSON")]
        texts.append(one["attributes"].get("kibanaSavedObjectMeta", {}).get("searchSourceJSON"))
        parsed = [json.loads(text) for text in texts if text is not None]
        names = [reference["name"] for reference in one["references"]]
        assert len(set(names)) == len(names)
        for inner in parsed:
            if isinstance(inner, dict) and "indexRefName" in inner:
                assert inner["indexRefName"] in names


@pytest.mark.parametrize("name", FILES)
def test_versions_are_the_oldest(name):
    for one in objects(name):
        want = OLDEST[name][one["type"]]
        if name == "kibana.ndjson":
            assert (one["coreMigrationVersion"], one["typeMigrationVersion"]) == ("8.8.0", want)
            assert "migrationVersion" not in one
        else:
            assert one["migrationVersion"] == {one["type"]: want}
            assert "coreMigrationVersion" not in one


@pytest.mark.parametrize("name", FILES)
def test_attributes_are_taken(name):
    for one in objects(name):
        attributes = one["attributes"]
        assert set(attributes) <= TAKEN[one["type"]], one["id"]
        assert attributes["title"]
        assert set(attributes.get("kibanaSavedObjectMeta", {})) <= {"searchSourceJSON"}
        if one["type"] == "search":
            assert all(len(pair) == 2 for pair in attributes["sort"])
        if one["type"] == "dashboard":
            assert all(panel["title"] for panel in json.loads(attributes["panelsJSON"]))  # an empty one is hidden


@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_fields_are_in_the_template(kind):
    template, known = template_fields(kind)
    assert template["index_patterns"] == [generate.PATTERN]
    for panel in PANELS:
        for field in generate.fields(panel):
            assert field in known, (panel["id"], field)
            assert known[field] != "text" or field in panel.get("columns", [])
            assert not field.startswith("labels")
        for key in ("sum", "max"):
            assert key not in panel or known[panel[key]] == "long"


def test_panels_fit_the_grid():
    taken = set()
    for panel in PANELS:
        x, y, width, height = panel["grid"]
        assert x + width <= 48
        cells = {(column, row) for column in range(x, x + width) for row in range(y, y + height)}
        assert not cells & taken, panel["id"]
        taken |= cells


def test_lens_layers_are_whole():
    board = objects("kibana.ndjson")[-1]
    outer = {reference["name"] for reference in board["references"]}
    for panel in json.loads(board["attributes"]["panelsJSON"]):
        assert panel["type"] in ("lens", "search")
        assert panel["gridData"]["i"] == panel["panelIndex"]
        if panel["type"] == "search":
            assert f"{panel['panelIndex']}:{panel['panelRefName']}" in outer
            continue
        attributes = panel["embeddableConfig"]["attributes"]
        (layer_id, layer), = attributes["state"]["datasourceStates"]["formBased"]["layers"].items()
        assert layer["columnOrder"] == list(layer["columns"])
        (reference,) = attributes["references"]
        assert reference["name"] == f"indexpattern-datasource-layer-{layer_id}"
        assert f"{panel['panelIndex']}:{reference['name']}" in outer
        visualization = attributes["state"]["visualization"]
        if attributes["visualizationType"] == "lnsXY":
            (shown,) = visualization["layers"]
            used = [shown["xAccessor"], *shown["accessors"]] + ([shown["splitAccessor"]] if "splitAccessor" in shown else [])
        else:
            used = [column["columnId"] for column in visualization["columns"]]
        assert sorted(used) == sorted(layer["columns"])
        assert set(attributes["state"]) == {
            "visualization", "query", "filters", "datasourceStates", "internalReferences", "adHocDataViews"}
        for column in layer["columns"].values():
            assert set(column.get("params", {})) <= PARAMETERS[column["operationType"]]
            assert (column["sourceField"] == "___records___") == (column["operationType"] == "count")
            assert column["isBucketed"] == (column["operationType"] in ("terms", "date_histogram"))
            order = column.get("params", {}).get("orderBy", {})
            assert not order or order["columnId"] in layer["columns"]


def rows(answer):
    """The answer's buckets as {"time | term": number}."""

    def walk(bucket, path):
        inner = [name for name in ("time", "split") if name in bucket]
        for name in inner:
            for one in bucket[name]["buckets"]:
                yield from walk(one, [*path, str(one.get("key_as_string", one["key"]))])
        if not inner:
            yield " | ".join(path), bucket["value"]["value"] if "value" in bucket else bucket["doc_count"]

    return dict(walk(answer["aggregations"], []))


def counted(panel, lines):
    """The same, counted in Python from the lines alone."""

    def value(line, field):
        for part in field.split("."):
            line = line.get(part) if isinstance(line, dict) else None
        return line

    name, want = panel["filter"].split(": ")
    groups = {}
    for line in map(json.loads, lines):
        if value(line, name) == want:
            term = value(line, panel["split"]) if "split" in panel else ""
            if term is not None:
                groups.setdefault(line["@timestamp"][:13] if panel.get("time") else "", {}).setdefault(term, []).append(line)
    result = {}
    for hour, terms in groups.items():
        numbers = {}
        for term, found in terms.items():
            if "sum" in panel:
                numbers[term] = sum(value(line, panel["sum"]) for line in found)
            elif "max" in panel:
                numbers[term] = max(value(line, panel["max"]) for line in found)
            elif "cardinality" in panel:
                numbers[term] = len({value(line, panel["cardinality"]) for line in found} - {None})
            else:
                numbers[term] = len(found)
        for term in sorted(numbers, key=lambda term: (-numbers[term], term))[: panel.get("size")]:
            path = ([f"{hour}:00:00.000Z"] if panel.get("time") else []) + ([term] if "split" in panel else [])
            result[" | ".join(path)] = numbers[term]
    return result


def test_golden_table_is_what_the_lines_hold():
    lines = sample.lines(1200)
    table = {panel["id"]: counted(panel, lines) for panel in PANELS if panel["kind"] != "search"}
    if os.environ.get("SHIPPING_WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps(table, indent=1) + "\n")
    assert table == json.loads(GOLDEN.read_text())
    assert all(table.values())


def test_preview_shows_the_same_numbers():
    """sitebound-preview over the lines of the golden table. It has no rows for the losses: it shows by how much
    the counters grew, the dashboards their largest value."""
    tally = Tally()
    for line in sample.lines(1200):
        tally.add(line.encode())
    assert (tally.bad, tally.repeated) == (0, 0)
    golden = json.loads(GOLDEN.read_text())
    hours = sorted({key[:13] for key in golden["by-code"]})
    shown = {panel.title: panel for panel in panels(tally, len(hours))}
    assert [label[-5:-3] for label in shown["Client errors by code"].labels] == [hour[-2:] for hour in hours]

    def over_time(title, named=True):
        return {
            f"{hour}:00:00.000Z" + (f" | {name}" if named else ""): value
            for name, values in shown[title].series for hour, value in zip(hours, values, strict=True) if value
        }

    def whole(panel):
        """The golden rows of all hours together."""
        rows = collections.Counter()
        for key, value in golden[panel].items():
            rows[key.split(" | ")[-1]] += value
        return dict(rows)

    def bars(title):
        return dict(zip(shown[title].labels, map(sum, zip(*(values for _, values in shown[title].series), strict=True)), strict=True))

    # The dashboards take the ten largest of each hour, the preview those of all hours: the sample has twelve codes.
    codes = over_time("Client errors by code")
    assert {key: codes[key] for key in golden["by-code"] if key in codes} == {
        key: value for key, value in golden["by-code"].items() if key in codes}
    assert len(codes.keys() & golden["by-code"].keys()) >= 18
    every = [json.loads(line) for line in sample.lines(1200)]
    assert sum(codes.values()) == sum(
        line["sitebound"]["weight"] for line in every if line["event"]["action"] == "client-error")
    affected = shown["Affected installs and networks"].series
    for panel, (_, values) in zip(("installs", "networks"), affected, strict=True):
        assert golden[panel] == {f"{hour}:00:00.000Z": value for hour, value in zip(hours, values, strict=True)}
    assert bars("Client errors by type") == whole("by-type")
    assert bars("Version") == {f"app {version}": value for version, value in golden["by-version"].items()}
    assert bars("Operating system") == golden["by-os"]
    assert bars("Country") == golden["by-country"]
    assert bars("Service") == golden["by-service"]
    assert bars("Malformed by reason") == whole("malformed")
    assert bars("DNS error reports by name") == golden["by-name"]
    reports = shown["DNS error reports by EDE and report zone"]
    assert {label.split()[0]: value for label, value in bars(reports.title).items()} == whole("ede")
    assert {zone: sum(values) for zone, values in reports.series} == golden["by-zone"]


def test_each_panel_on_the_real_server(empty):
    lines = sample.lines(1200)
    assert set(empty.create(lines)) == {201}
    golden = json.loads(GOLDEN.read_text())
    for panel in PANELS:
        name, want = panel["filter"].split(": ")
        search = {"size": 0, "query": {"term": {name: want}}, "aggs": generate.aggregations(panel)}
        if panel["kind"] == "search":
            search = {"size": 5, "query": search["query"], "sort": [{"@timestamp": "desc"}]}
            hits = empty.search(search)["hits"]["hits"]
            assert [hit["sort"] for hit in hits] == sorted([hit["sort"] for hit in hits], reverse=True)
            assert len(hits) == 5
        else:
            assert rows(empty.search(search)) == golden[panel["id"]], panel["id"]
