"""A reading that begins again forgets what it found before."""

from __future__ import annotations

from fmgsync.model.endpoint import Kind
from fmgsync.sources.gathering import Gathering
from tests.builders import pod, pod_endpoint


def test_a_kind_that_is_read_again_holds_only_the_second_reading() -> None:
    gathering = Gathering()
    gathering.add_mapping(Kind.PODS, pod("gone", "10.1.0.8"), "first")
    gathering.add_mapping(Kind.PODS, {"kind": "Pod"}, "first")
    gathering.restart(Kind.PODS)
    gathering.add_mapping(Kind.PODS, pod("web-1", "10.1.0.9"), "second")
    gathering.complete(Kind.PODS)
    found = gathering.snapshot("east")
    assert found.pods == (pod_endpoint("web-1", "10.1.0.9"),)
    assert found.problems == ()
    assert found.synced == {Kind.PODS}
