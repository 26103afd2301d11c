"""The pytest plugin, seen from a project that uses it: each test runs a pytest of its own."""

from __future__ import annotations

import configparser
import importlib.metadata
import shutil
from pathlib import Path

import pytest

from fmgsync.recording import files
from tests.recording.exchanges import cassette, exchange, login

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PLUGIN = "fmgsync.testing.plugin"
CLIENT = """
import requests

def call(unit, method, url, session=None):
    body = {"id": 1, "method": method, "params": [{"url": url}], "session": session}
    if method == "get":
        body["verbose"] = 1
    return requests.post(
        f"https://{unit.host}/jsonrpc", json=body, verify=unit.ca_file, timeout=10
    ).json()
"""


@pytest.fixture(autouse=True)
def _this_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pytest that is started imports fmgsync from here, whatever is installed."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest with the plugin loaded, as an installed fmgsync loads it."""
    installed = {entry.value for entry in importlib.metadata.entry_points(group="pytest11")}
    load = [] if PLUGIN in installed else ["-p", PLUGIN]
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *load, *arguments)


def test_the_plugin_is_an_entry_point() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    assert f"fmgsync = {PLUGIN}" in parser["options.entry_points"]["pytest11"]


def test_loading_it_imports_nothing_dear(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_lean():
            dear = {"pyFMG", "kubernetes", "pydantic", "trustme", "vcr", "requests"}
            assert not dear & set(sys.modules)
        """
    )
    run(pytester).assert_outcomes(passed=1)


def test_a_simulated_fortimanager(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(client=CLIENT)
    pytester.makefile(".yaml", seed="adoms: [{name: mine, devices: [{name: fgt-9}]}]\n")
    pytester.makepyfile(
        """
        import pytest
        from client import call

        def test_default(fortimanager):
            assert call(fortimanager, "get", "/sys/status")["result"][0]["status"]["code"] == -11
            assert fortimanager.fortigate("fgt-1").names("firewall address")

        @pytest.mark.fortimanager({"adoms": [{"name": "mine", "devices": [{"name": "fgt-9"}]}]})
        def test_mapping(fortimanager):
            assert fortimanager.fortigate("fgt-9").names("firewall address")

        @pytest.mark.fortimanager("seed.yaml")
        def test_file(fortimanager):
            assert fortimanager.fortigate("fgt-9").names("firewall address")

        @pytest.mark.fortimanager({"nonsense": 1})
        def test_wrong(fortimanager):
            pass
        """
    )
    result = run(pytester, "--strict-markers")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*the seed of the simulated FortiManager: *nonsense*"])


@pytest.fixture
def recorded(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(client=CLIENT)
    files.save(
        pytester.path / "unit.yaml",
        cassette(login(), exchange("get", {"url": "/a"}), exchange("get", {"url": "/b"})),
    )
    return pytester


def test_a_cassette_must_be_played_to_the_end(recorded: pytest.Pytester) -> None:
    recorded.makepyfile(
        """
        from client import call

        def session(unit):
            return call(unit, "exec", "sys/login/user")["session"]

        def test_all(fortimanager_cassette):
            unit = fortimanager_cassette("unit.yaml")
            token = session(unit)
            for url in ("/a", "/b"):
                assert call(unit, "get", url, token)["result"][0]["status"]["code"] == 0

        def test_half(fortimanager_cassette):
            unit = fortimanager_cassette("unit.yaml")
            call(unit, "get", "/a", session(unit))

        def test_other(fortimanager_cassette):
            unit = fortimanager_cassette("unit.yaml")
            call(unit, "get", "/c", session(unit))

        def test_lenient(fortimanager_cassette):
            unit = fortimanager_cassette("unit.yaml", strict=False)
            call(unit, "get", "/b", session(unit))

        def test_lenient_other(fortimanager_cassette):
            unit = fortimanager_cassette("unit.yaml", strict=False)
            call(unit, "get", "/c", session(unit))

        def test_absent(fortimanager_cassette):
            fortimanager_cassette("absent.yaml")
        """
    )
    result = run(recorded)
    result.assert_outcomes(passed=5, errors=3, failed=1)
    result.stdout.fnmatch_lines_random(
        [
            "*never asked for (1):*",
            "*unit.yaml: exchange 3: get /b*",
            "*recorded 'a', came 'c'*",
            "*no such cassette*",
        ]
    )


def test_a_cassette_with_a_secret_is_refused(recorded: pytest.Pytester) -> None:
    files.save(recorded.path / "unit.yaml", cassette(login("bob", "hunter2")))
    recorded.makepyfile(
        """
        def test_it(fortimanager_cassette):
            fortimanager_cassette("unit.yaml")
        """
    )
    result = run(recorded)
    result.assert_outcomes(failed=1)
    assert "hunter2" not in result.stdout.str()
    result.stdout.fnmatch_lines(["*the cassette holds *"])


def test_the_configuration_is_found_and_its_faults_are_told(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", fmgsync="owner: prod\nclusters: [{name: a}]\nmemberLimt: 5\n")
    pytester.makefile(".yaml", right="owner: prod\nclusters: [{name: a}]\n")
    pytester.makepyfile(
        """
        def test_it(fmgsync_config):
            assert fmgsync_config.config.owner == "prod"
        """
    )
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*memberLimt: there is no such key; did you mean*"])
    run(pytester, "--fmgsync-config", "right.yaml").assert_outcomes(passed=1)
    pytester.makeini("[pytest]\nfmgsync_config = right.yaml\n")
    run(pytester).assert_outcomes(passed=1)


@pytest.mark.slow
def test_the_example_repository_passes_as_it_is(pytester: pytest.Pytester) -> None:
    """docs/examples/firewall-tests, copied out of this repository and run by its own pytest."""
    example = ROOT / "docs" / "examples" / "firewall-tests"
    ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    shutil.copytree(example, pytester.path, dirs_exist_ok=True, ignore=ignored)
    result = run(pytester, "--strict-markers", "-W", "error")
    result.assert_outcomes(passed=18)
    assert not (pytester.path / ".fmgsync").exists()
