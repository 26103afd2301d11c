"""What is not permitted is known before it is needed."""

from __future__ import annotations

import pytest

from fmgsync.errors import SourceUnavailable
from fmgsync.kube import rights
from fmgsync.kube.client import ApiSession
from fmgsync.kube.requests import LEASES, NODES, PODS, Request
from fmgsync.simulator.kubernetes import KubernetesSimulator

WANTED = (
    Request("list", PODS),
    Request("watch", PODS),
    Request("list", NODES),
    Request("update", LEASES, "fmgsync", "hq"),
)


def test_every_right_is_there(session: ApiSession) -> None:
    assert rights.missing(session, WANTED) == ()


def test_missing_rights_are_named_with_their_rule(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    simulator.faults.forbid("pods", "watch")
    simulator.faults.forbid("leases")
    missing = rights.missing(session, WANTED)
    assert missing == (WANTED[1], WANTED[3])
    assert missing[1].rule() == (
        "a Role in namespace fmgsync with "
        '{apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["update"]}'
    )


@pytest.mark.parametrize(
    "answer",
    [
        b"{}",
        b'{"kind":"Status","metadata":{},"status":"Success"}',
        b'{"kind":"SelfSubjectAccessReview","metadata":{},"status":{}}',
        b'{"kind":"SelfSubjectAccessReview","metadata":{}}',
        b'{"kind":"SubjectAccessReview","metadata":{},"status":{"allowed":true}}',
    ],
)
def test_an_answer_that_does_not_say_is_neither_yes_nor_no(
    simulator: KubernetesSimulator, session: ApiSession, answer: bytes
) -> None:
    simulator.faults.hollow("selfsubjectaccessreviews", answer, verb="create")
    with pytest.raises(SourceUnavailable, match="not what an API server gives"):
        rights.missing(session, WANTED)
