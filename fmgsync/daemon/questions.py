"""Questions that are put to a running controller, answered from what it knows already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fmgsync.assessing import question
from fmgsync.assessing.explanation import Explanation
from fmgsync.daemon import service_health
from fmgsync.daemon.loop import Controller
from fmgsync.passes import explain_scene
from fmgsync.passes.result import Result


def answer(controller: Controller, words: Mapping[str, str]) -> tuple[Explanation, Result]:
    """The answer, and what the latest passes saw. Raises UsageError for what is no question.

    No pod is looked for but the one that is asked about: it takes as long with a thousand pods as
    with a hundred thousand.
    """
    asked = question.asked(words)
    result = service_health.result(controller)
    known = dict(result.workloads.snapshots)
    if asked.kind == "pod":
        known |= controller.about(pod=asked.pod)
    elif asked.kind == "ip":
        known |= controller.about(address=asked.address)
    seen = replace(result, workloads=replace(result.workloads, snapshots=known))
    scene = replace(explain_scene.scene(controller.world, seen), partial=True)
    return asked.answer(scene), result
