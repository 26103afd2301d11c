"""Whatever reads what others wrote. Each target reads bytes, and raises nothing but our errors."""

from __future__ import annotations

import functools
import io
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from fmgsync import audit, errors, yamllines
from fmgsync.cli import saved
from fmgsync.clock import ManualClock
from fmgsync.grouping import selectors
from fmgsync.kube import kubeconfig
from fmgsync.model.endpoint import Kind
from fmgsync.model.target import TargetRef
from fmgsync.recording import files
from fmgsync.scheduling import cron
from fmgsync.settings import calico_import, calico_objects
from fmgsync.sources import manifests
from fmgsync.sources.convert import objects, platform
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import NO_FLAWS
from fmgsync.state.folder import Folder
from fmgsync.state.memory import Memory
from fmgsync.state.rollouts import Rollouts
from fmgsync.state.stops import Stops
from fmgsync.targets.fortigate import answers as fortios
from fmgsync.targets.fortimanager import answers, clitext

Target = Callable[[bytes], None]
NAMED: Final = objects.CustomMetadata("ip-masq-agent", "kube-system")
REF: Final = TargetRef("hq", "prod")


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fmgsync-fuzz-")


def _file(name: str, content: bytes) -> Path:
    path = Path(_folder().name) / name
    path.write_bytes(content)
    return path


def selector(raw: bytes) -> None:
    """A selector from the configuration, over labels of a tenant."""
    text = raw.decode("utf-8", "replace")
    found = selectors.parse(text)
    for labels in ({}, {"app": "web"}, {"app": text, text: "web"}):
        found.matches(labels)


def dump(raw: bytes) -> None:
    """What kubectl prints, or somebody who may write objects makes it print."""
    manifests.read_snapshot("east", "-", stdin=io.BytesIO(raw), kinds=tuple(Kind))


def yaml_text(raw: bytes) -> None:
    """The configuration's notation."""
    yamllines.load(raw, "it")


def preview(raw: bytes) -> None:
    """What an install preview shows; nothing of it may be lost without a trace."""
    text = raw.decode("utf-8", "replace")
    edits = clitext.parse(text)
    if any(line.strip().startswith("set ") for line in text.splitlines()):
        assert edits, "lines that set something, and no edit"


def json_rpc(raw: bytes) -> None:
    """FortiManager's answers, as the HTTP library hands them on."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return
    place = answers.Place("hq")
    for url in ("/pm/config/adom/prod/obj/firewall/address", "sys/status"):
        question = answers.Question(1, (url,))
        for result in answers.decode_results(body, question, place):
            answers.checked(result, place)


def fortios_envelope(raw: bytes) -> None:
    """A FortiGate's answers."""
    text, place = raw.decode("utf-8", "replace"), fortios.Place("branch", "root")
    for status in (200, 403, 500):
        answer = fortios.decode(status, {"Retry-After": text[:9]}, text, place)
        fortios.of_another(answer, "GET", "/api/v2/cmdb/firewall/address/x?vdom=root")
        str(fortios.error_for(answer, place))


def kube_config(raw: bytes) -> None:
    """A kubeconfig, which may come from anywhere."""
    access = kubeconfig.Access(_file("kubeconfig", raw))
    kubeconfig.named_files(access)
    kubeconfig.choose(access, "cluster east")


def masq_agent(raw: bytes) -> None:
    """The ConfigMap of ip-masq-agent: YAML that somebody keeps in a string."""
    data = {"config": raw.decode("utf-8", "replace")}
    agent = objects.PlatformRaw(NAMED, data=data)
    found = platform.masq_agent(agent, LabelPool(), NO_FLAWS)
    assert found.doubt or found.values is not None


def calico(raw: bytes) -> None:
    """What kubectl printed of the Calico controller, and the YAML that stands in its strings."""
    outer = calico_objects.from_files([_file("controller.yaml", raw)])
    data = dict.fromkeys(
        ("tigera.firewall.fortigate", "tigera.firewall.fortimgr"), raw.decode("utf-8", "replace")
    )
    devices = {
        "kind": "ConfigMap",
        "metadata": {"name": "tigera-firewall-controller-configs"},
        "data": data,
    }
    for found in (outer, [devices]):
        calico_import.translate(found, owner="prod", cluster={"name": "east"})


def cassette(raw: bytes) -> None:
    """A recording of somebody else."""
    files.load(_file("cassette.yaml", raw))


def state(raw: bytes) -> None:
    """What is remembered, damaged or written by somebody."""
    clock = ManualClock()
    names = ("rollouts", "decisions", "guard", "stops")
    for name in names:
        _file(f"{name}.json", raw)
    folder = Folder(Path(_folder().name), clock=clock)
    memory = Memory(folder)
    readings: tuple[Callable[[], Any], ...] = (
        lambda: Rollouts(folder, "prod", clock=clock).read(REF),
        lambda: memory.history("prod", REF),
        lambda: memory.approvals(clock.now()),
        memory.shown,
        lambda: Stops(folder, "prod").all(),
    )
    for reading in readings:
        _ours(reading)


def audit_file(raw: bytes) -> None:
    """The audit, which others may have written to."""
    audit.ends(audit.read(_file("audit.jsonl", raw)))


def plan_file(raw: bytes) -> None:
    """A saved plan."""
    saved.read_digest(_file("plan.json", raw))


def schedule(raw: bytes) -> None:
    """The schedule of a window."""
    text = raw.decode("utf-8", "replace")
    cron.check_schedule(text)
    cron.doubt(text)


TARGETS: Final[Mapping[str, Target]] = {
    "selector": selector,
    "dump": dump,
    "yaml": yaml_text,
    "preview": preview,
    "json-rpc": json_rpc,
    "fortios": fortios_envelope,
    "kubeconfig": kube_config,
    "masq-agent": masq_agent,
    "calico": calico,
    "cassette": cassette,
    "state": state,
    "audit": audit_file,
    "plan": plan_file,
    "schedule": schedule,
}


def _ours(reading: Callable[[], Any]) -> None:
    try:
        reading()
    except errors.FmgsyncError as error:
        str(error)


def strike(name: str, raw: bytes) -> None:
    """Let a target read this; whatever it raises besides our errors is a finding."""
    _ours(lambda: TARGETS[name](raw))
