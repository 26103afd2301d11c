"""What the log says of a write: one line for each group, whatever addresses came and went."""

from __future__ import annotations

from structlog.testing import capture_logs

from fmgsync.model.address import parse
from fmgsync.model.change import Action, AdomPlan, ApplyReport, Change, ObjectKind
from fmgsync.model.target import TargetRef
from fmgsync.passes import write_log

REF = TargetRef("hq", "prod")


def test_an_address_is_no_group_although_its_name_ends_like_a_shards() -> None:
    pod = (parse("10.1.0.5"),)
    gone = Change(Action.DELETE, ObjectKind.ADDRESS, "prod_10.1.0.5", "unused", removed=pod)
    left = Change(Action.UPDATE, ObjectKind.GROUP, "web.2", "a pod is gone", removed=pod)
    with capture_logs() as lines:
        write_log.tell(AdomPlan(REF), ApplyReport(REF, (left, gone)), 0.2)
    assert [(line["group"], line["removed"]) for line in lines] == [("web", 1)]
