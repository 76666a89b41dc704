# SPDX-License-Identifier: BSD-3-Clause
"""Template, pipeline and roles on the real servers."""

import json

import sample
from conftest import install


def test_install_says_what_it_changed(server):
    for done in server.installed:
        assert done.returncode == 0, done.stdout + done.stderr
    first, second = (done.stdout.splitlines() for done in server.installed)
    assert "put: index template sitebound.report" in first
    assert not [line for line in second if line.startswith("put")], second
    assert "unchanged: index template sitebound.report" in second
    status, answer = server.request("GET", "/_index_template/sitebound.report")
    assert status == 200
    mappings = answer["index_templates"][0]["index_template"]["template"]["mappings"]
    assert str(mappings["dynamic"]).lower() == "false"


def test_install_wants_a_login(server):
    done = install(server)
    assert done.returncode == 1 and "the server says 401" in done.stderr, done.stderr


def test_a_repeat_is_refused_and_counts_once(empty):
    lines = sample.lines(300)
    assert empty.create(lines) == [201] * 300
    assert empty.create(lines) == [409] * 300
    assert empty.count() == 300


def test_pipeline_says_when_the_line_came_in(empty):
    if empty.kind == "opensearch":
        empty.create(sample.lines(1))
        document = empty.search({})["hits"]["hits"][0]["_source"]
        assert document["event"]["ingested"] > "2026"
        assert document["event"]["id"] == "00000000-00000000"
    else:
        assert any("left out: ingest pipeline" in line for line in empty.installed[0].stdout.splitlines())


def test_wrong_types_are_refused_one_by_one(empty):
    good, bad = (json.loads(line) for line in sample.lines(2))
    bad["client"]["ip"] = "no address"
    assert empty.create([json.dumps(bad), json.dumps(good)]) == [400, 201]


def test_after_a_rollover_the_id_is_new(empty):
    """Why no shipper may read a file from its beginning again."""
    lines = sample.lines(10)
    empty.create(lines)
    status, answer = empty.request("POST", f"/{empty.stream}/_rollover")
    assert status == 200, answer
    assert empty.create(lines) == [201] * 10
    assert empty.count() == 20


def test_the_shipper_may_only_create(empty):
    lines = sample.lines(5)
    assert empty.create(lines, user="shipper") == [201] * 5
    assert empty.create(lines, user="shipper") == [409] * 5
    assert empty.create(lines, index="logs-other-default", user="shipper") == [403] * 5
    backing = empty.search({"size": 1})["hits"]["hits"][0]["_index"]
    name = json.loads(lines[0])["event"]["id"]
    for what in ({"index": {"_index": empty.stream}}, {"index": {"_index": backing, "_id": name}},
                 {"update": {"_index": backing, "_id": name}}, {"delete": {"_index": backing, "_id": name}}):
        (action,) = what
        body = json.dumps(what) + "\n" + {"index": lines[0] + "\n", "update": '{"doc":{}}\n', "delete": ""}[action]
        status, answer = empty.request("POST", "/_bulk", body.encode(), "shipper")
        assert status == 200 and answer["items"][0][action]["status"] in (400, 403), answer
    for method, path in (
        ("GET", f"/{empty.stream}/_search"),
        ("GET", f"/{backing}/_doc/{name}"),
        ("DELETE", f"/{empty.stream}"),
        ("DELETE", f"/{backing}"),
        ("POST", f"/{empty.stream}/_rollover"),
        # (this build of Elasticsearch knows no _delete_by_query)
        ("DELETE", "/_index_template/sitebound.report"),
    ):
        assert empty.request(method, path, None, "shipper")[0] == 403, path
    assert empty.count() == 5


def test_a_document_may_be_replaced_in_opensearch(empty):
    """Its security plugin knows no permission to create only, as its README tells: who names the document, the
    backing index and the sequence number may replace what was shipped. Elasticsearch refuses that."""
    lines = sample.lines(1)
    empty.create(lines, user="shipper")
    (hit,) = empty.search({"seq_no_primary_term": True})["hits"]["hits"]
    what = {"_index": hit["_index"], "_id": hit["_id"], "if_seq_no": hit["_seq_no"], "if_primary_term": hit["_primary_term"]}
    body = json.dumps({"index": what}) + "\n" + lines[0] + "\n"
    status, answer = empty.request("POST", "/_bulk", body.encode(), "shipper")
    assert status == 200 and answer["items"][0]["index"]["status"] == {"opensearch": 200, "elasticsearch": 403}[empty.kind]
