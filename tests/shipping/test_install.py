# SPDX-License-Identifier: BSD-3-Clause
"""Template, pipeline and roles on the real servers."""

import json

import pytest
import sample


def test_install_says_what_it_changed(server):
    first, second = server.installed
    assert "put: index template sitebound.report" in first
    assert not [line for line in second if line.startswith("put")], second
    assert "unchanged: index template sitebound.report" in second
    status, answer = server.request("GET", "/_index_template/sitebound.report")
    assert status == 200
    mappings = answer["index_templates"][0]["index_template"]["template"]["mappings"]
    assert str(mappings["dynamic"]).lower() == "false"


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
        assert any("left out: ingest pipeline" in line for line in empty.installed[0])


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
    if empty.kind == "opensearch":
        pytest.skip("this OpenSearch has no security plugin")
    login = {"user": "shipper", "password": "shipper-password"}
    lines = sample.lines(5)
    assert empty.create(lines, **login) == [201] * 5
    assert empty.create(lines, **login) == [409] * 5
    assert empty.create(lines, index="logs-other-default", **login) == [403] * 5
    for method, path in (
        ("GET", f"/{empty.stream}/_search"),
        ("DELETE", f"/{empty.stream}"),
        # (this build of the server knows no _delete_by_query)
        ("DELETE", "/_index_template/sitebound.report"),
    ):
        assert empty.request(method, path, None, **login)[0] == 403, path
