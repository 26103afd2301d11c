"""A file becomes a configuration, or all of its problems with path and line."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

import pytest

from fmgsync.errors import ConfigError
from fmgsync.settings import load, schema
from fmgsync.settings.amounts import Percent
from fmgsync.settings.endpoints import Host
from fmgsync.settings.reference import example
from tests.settings.texts import SMALL, parsed, problems, refusal

WHOLE = Path(__file__).with_name("whole.yaml")


@pytest.fixture(scope="module")
def whole() -> schema.Config:
    return load.read_config(WHOLE)


def test_every_key_has_its_meaning(whole: schema.Config) -> None:
    east, west = whole.clusters
    assert east.kubeconfig is not None
    assert (east.kubeconfig.file, east.kubeconfig.context) == (
        Path("~/.kube/config").expanduser(),
        "east",
    )
    assert west.manifests == WHOLE.parent / "west"
    assert west.allowed_ranges == (
        ipaddress.ip_network("10.40.0.0/14"),
        ipaddress.ip_network("2001:db8:40::/44"),
    )
    hq, branch = whole.fortimanagers
    assert (hq.host, hq.proxy, hq.tls.verify) == (Host("fmg.example.net", 443), None, True)
    assert branch.host == Host("2001:db8::1", 8443)
    assert str(branch.host) == "[2001:db8::1]:8443"
    assert whole.guard.max_removed_share == 0.2
    assert whole.guard.period == datetime.timedelta(hours=1)
    assert whole.reconcile.min_interval == datetime.timedelta(0)
    assert whole.install.rollout.waves == (Percent(5), Percent(25), Percent(100))
    assert whole.install.rollout.pause == datetime.timedelta(minutes=2)
    assert whole.install.hold[0].command == ("./ok-to-change.sh",)
    assert whole.install.windows != "always"
    allow, deny = whole.install.windows
    assert (allow.kind, allow.devices, allow.adoms) == ("allow", ("*",), None)
    assert (deny.duration, deny.timezone) == (datetime.timedelta(hours=72), "Europe/Berlin")
    assert whole.lease is not None
    assert whole.lease.namespace == "fmgsync"


def test_what_is_left_out_has_the_same_defaults_as_the_whole_example(whole: schema.Config) -> None:
    small = parsed(SMALL)
    assert small.guard == whole.guard
    assert small.policy == whole.policy
    assert small.member_limit == whole.member_limit
    assert small.lease is None
    assert small.install.windows == ()
    assert small.install.rollout.canary == ()
    assert small.install.rollout.waves == whole.install.rollout.waves
    assert small.reconcile.min_interval is None
    assert small.reconcile.resync == whole.reconcile.resync


def test_the_example_to_begin_with_is_right() -> None:
    assert len(parsed(example()).groups) == 2


def test_two_files_that_say_the_same_are_equal() -> None:
    assert parsed(SMALL) == load.parse(
        f"# moved\n{SMALL}", name="other.yaml", folder=Path("/etc/fmgsync")
    )


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    found = problems(
        """\
        ownr: prod
        clusters:
          - {name: east, manifests: ./a}
        policy: {mode: synk}
        sites:
          - {clusters: [eats], fortimanager: hq, adom: prod, devices: [a]}
        memberLimit: many
        """
    )
    assert [(problem.line, problem.path) for problem in found] == [
        (1, "owner"),
        (1, "ownr"),
        (4, "policy.mode"),
        (6, "sites[0].clusters[0]"),
        (6, "sites[0].fortimanager"),
        (7, "memberLimit"),
    ]


def test_the_text_names_file_line_path_and_next_step() -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(SMALL + "memberLimit: '5'\n")
    assert str(caught.value) == "fmgsync.yaml:8: memberLimit: must be a whole number"


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("ownr: x", "ownr", "did you mean 'owner'?"),
        ("guard: {max_members: 5}", "guard.max_members", "did you mean 'maxMembers'?"),
        ("groups: [{name: g, select: all(), period: 5m}]", "groups[0].period", "no such key"),
        ("install: {windows: [{knd: allow, kind: allow, schedule: '0 1 * * *', duration: 1h}]}",
         "install.windows[0].knd", "did you mean 'kind'?"),
        ("install: {removals: {withn: 5m, within: 5m}}", "install.removals.withn", "did you mean"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_refused_with_the_nearest_known_one(
    text: str, path: str, words: str
) -> None:
    found = refusal(SMALL + text)
    assert (found.path, found.line) == (path, 8)
    assert words in found.message


def test_a_key_in_the_wrong_place_is_told_its_place() -> None:
    found = refusal(SMALL + "period: 5m")
    assert found.next_step == "it belongs to guard.period"


def test_an_unknown_key_stands_at_the_key_and_a_wrong_value_at_the_value() -> None:
    found = problems(SMALL + "policy:\n  mod: x\n  requireReason:\n    5\n")
    assert [(problem.line, problem.column) for problem in found] == [(9, 3), (11, 5)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("groups:", "has no value; must be a list"),
        ("groups: x", "must be a list"),
        ("policy: []", "must be a mapping"),
        ("policy: {requireReason: yes}", "must be true or false"),
        ("guard: {maxMembers: 1.5}", "must be a whole number"),
        ("guard: {maxRemovedShare: 1.1}", "must be at most 1"),
        ("guard: {maxAddedShare: .inf}", "must be a finite number"),
        ("guard: {maxMembers: 0}", "must be at least 1"),
        ("install: {mode: packages}", "'packages' is not one of package, objects, none"),
        ("install: {windows: never}", "'never' is not one of always"),
        ("install: {windows: 5}", "must be a list"),
        ("install: {removals: now}", "'now' is not one of in-window, immediately"),
        ("install: {hold: [{command: []}]}", "needs at least 1 entry"),
        ("install: {hold: [{timeout: 5s}]}", "this key is required"),
    ],
)
def test_a_wrong_value_is_told_in_words_of_the_file(text: str, words: str) -> None:
    assert words in refusal(SMALL + text).message


def test_a_wrong_item_is_one_problem_and_not_an_empty_list_as_well() -> None:
    found = refusal(SMALL + "groups: [{name: g, select: all(), families: [ipv5]}]")
    assert found.path == "groups[0].families[0]"


def test_a_selector_shows_the_place_of_its_fault() -> None:
    found = refusal(SMALL + """groups: [{name: g, select: "app = 'x'"}]""")
    assert found.message.splitlines()[1:] == ["  app = 'x'", "      ^"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n", "text"])
def test_a_document_that_is_no_mapping_is_refused(text: str) -> None:
    assert refusal(text).line == 1


def test_a_flood_of_problems_is_cut() -> None:
    wrong = "".join(f"x{number}: 1\n" for number in range(200))
    found = problems(SMALL + wrong)
    assert len(found) == load.MAX_PROBLEMS + 1
    assert found[-1].message == "and more"


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "conf" / "fmgsync.yaml"
    file.parent.mkdir()
    file.write_text(SMALL)
    assert load.load_config(file).clusters[0].manifests == tmp_path / "conf" / "east.yaml"


def test_a_missing_file_teaches_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load.load_config(tmp_path / "fmgsync.yaml")
    assert "there is no such file" in str(caught.value)
    assert "fmgsync config example" in str(caught.value)
    assert "fmgsync demo" in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        load.load_config(tmp_path)


def test_an_endless_file_is_refused() -> None:
    with pytest.raises(ConfigError, match="too long"):
        load.load_config(Path("/dev/zero"))


def test_a_path_no_file_can_have_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load.load_config(Path("a\0b"))


def test_a_configuration_is_written_as_it_was_read(whole: schema.Config) -> None:
    written = whole.model_dump_json(by_alias=True, exclude_none=True, exclude_unset=True)
    assert '"waves":["5%","25%","100%"]' in written
    assert load.parse(written, name="again.json", folder=Path("/")) == whole
