"""The import direction is part of the design: a layer that needs its left neighbour is wrong."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.rooms import PACKAGE, ROOT, files

PURE = ("assessing", "model", "grouping", "planning", "scheduling")
IMPURE_MODULES = {
    "asyncio", "http", "logging", "os", "pathlib", "random", "requests", "socket", "structlog",
    "subprocess", "threading", "time", "urllib", "kubernetes", "pyFMG", "rich", "click", "pydantic",
}  # fmt: skip
SIMULATOR_USERS = (
    "cli/simulator.py",
    "cli/demo.py",
    "cli/lab_story.py",
    "cli/story.py",
    "cli/watch_story.py",
    "cli/cassette_compare.py",
    "testing/",
    "simulator/",
)


@functools.cache
def imported(path: Path) -> frozenset[str]:
    """Every module a file imports, full name, wherever in the file the import stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def test_layers_point_one_way() -> None:
    """The contracts of setup.cfg hold."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--config", "setup.cfg", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_pure_packages_touch_no_world() -> None:
    """No socket, file, clock or log in what only thinks."""
    rooms = [room for room in PURE if (PACKAGE / room).exists()]
    for path in files(*rooms):
        roots = {name.partition(".")[0] for name in imported(path)}
        assert not roots & IMPURE_MODULES, path
        assert "fmgsync.clock" not in imported(path), path


@pytest.mark.parametrize(
    ("library", "importer"),
    [("pyFMG", "targets/fortimanager/client.py"), ("kubernetes", "kube/")],
)
def test_client_libraries_have_one_importer(library: str, importer: str) -> None:
    """Each client library's traps are dealt with in one place."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if any(name.partition(".")[0] == library for name in imported(path)):
            assert str(path.relative_to(PACKAGE)).startswith(importer), path


def test_simulator_and_product_share_nothing() -> None:
    """One wrong belief about FortiManager must not sit on both sides of the wire."""
    for path in files("simulator"):
        own = {name for name in imported(path) if name.startswith("fmgsync.")}
        strangers = {
            name for name in own if not name.startswith(("fmgsync.simulator", "fmgsync.yaml"))
        }
        assert not strangers, (path, strangers)
    for path in sorted(PACKAGE.rglob("*.py")):
        if any(name.startswith("fmgsync.simulator") for name in imported(path)):
            assert str(path.relative_to(PACKAGE)).startswith(SIMULATOR_USERS), path


def test_help_imports_nothing_heavy() -> None:
    """`fmgsync --help` answers before a person notices."""
    code = (
        "import sys; from fmgsync.cli import main; main.run(['--help']); "
        "heavy = {'kubernetes', 'pyFMG', 'vcr', 'structlog', 'pydantic', 'requests', 'rich'}; "
        "found = sorted(heavy & set(sys.modules)); print(len(sys.modules)); "
        "sys.exit(f'imported: {found}' if found else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "plan" in done.stdout
    assert int(done.stdout.split()[-1]) <= 180, "each module is a file to find and to run"


def test_a_plan_over_a_dump_imports_neither_clients_of_kubernetes_nor_the_simulator() -> None:
    """What a command needs only now and then is imported there: half a second of a second."""
    code = (
        "import sys, fmgsync.cli.plan, fmgsync.cli.plan_text, fmgsync.cli.documents, "
        "fmgsync.passes.once, fmgsync.wiring.wiring; "
        "heavy = {'kubernetes', 'vcr', 'trustme', 'cryptography', 'fmgsync.simulator', "
        "'fmgsync.recording', 'fmgsync.daemon.loop'}; "
        "print(len(sys.modules), *sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    count, *heavy = done.stdout.split()
    assert heavy == []
    assert int(count) <= 900


def test_no_test_module_is_a_library_for_others() -> None:
    """What several tests need lives in a module of its own, whose name says what it holds."""
    borrowers = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for name in imported(path)
        if name.startswith("tests.")
        and any(part.startswith("test_") for part in name.split(".")[1:])
    ]
    assert borrowers == []
