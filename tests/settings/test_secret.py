"""Secrets are read by reference, and nothing ever shows what was read."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from fmgsync.errors import ConfigError
from fmgsync.settings.schema import Config
from fmgsync.settings.secret import SecretRef
from tests.settings.texts import SMALL, parsed, refusal

SECRET = "hunter2-correct-horse"


def with_password(reference: str) -> Config:
    return parsed(SMALL.replace("{env: HQ_PASSWORD}", reference))


def password(reference: str) -> SecretRef:
    found = with_password(reference).fortimanagers[0].credentials.password
    assert found is not None
    return found


def refused(reference: SecretRef) -> str:
    """The message of a failing read, after a look at the whole traceback."""
    with pytest.raises(ConfigError) as caught:
        reference.read()
    assert SECRET not in "".join(traceback.format_exception(caught.value, chain=True))
    return str(caught.value)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_without_its_last_line_break(tmp_path: Path, end: str) -> None:
    (tmp_path / "pw").write_bytes(f"{SECRET}{end}".encode())
    assert password(f"{{file: {tmp_path}/pw}}").read() == SECRET


def test_only_one_line_break_is_taken_off(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(f"{SECRET}\n\n")
    assert "control character" in refused(password(f"{{file: {tmp_path}/pw}}"))


def test_spaces_belong_to_a_password(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(" a b ")
    assert password(f"{{file: {tmp_path}/pw}}").read() == " a b "


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "pw"
    file.write_text("one")
    reference = password(f"{{file: {file}}}")
    assert reference.read() == "one"
    file.write_text("two")
    assert reference.read() == "two"


def test_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HQ_PASSWORD", SECRET)
    assert password("{env: HQ_PASSWORD}").read() == SECRET


def test_a_missing_variable_is_named_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HQ_PASSWORD", raising=False)
    assert refused(password("{env: HQ_PASSWORD}")) == (
        "fmgsync.yaml:5: fortimanagers[0].credentials.password: environment variable HQ_PASSWORD "
        "is not set (export HQ_PASSWORD before the start)"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (f"{SECRET}\nsecond line".encode(), "line break"),
        (f"{SECRET}\x00".encode(), "control character"),
        (f"{SECRET}\xff".encode("latin-1"), "not UTF-8"),
        (SECRET.encode() * 10_000, "too long"),
    ],
)
def test_what_is_no_secret_is_refused_without_showing_it(
    tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "pw").write_bytes(content)
    message = refused(password(f"{{file: {tmp_path}/pw}}"))
    assert words in message
    assert str(tmp_path / "pw") in message


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert "No such file" in refused(password(f"{{file: {tmp_path}/pw}}"))
    assert "directory" in refused(password(f"{{file: {tmp_path}}}"))


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        f"{{{SECRET}}}",
        f"{{value: {SECRET}}}",
        f"{{file: x, env: {SECRET}}}",
        f"{{{SECRET}: x}}",
        f"[{SECRET}]",
        "5",
        "{}",
        "{file: null, env: null}",
    ],
)
def test_a_secret_given_by_value_is_refused_and_not_repeated(written: str) -> None:
    found = refusal(SMALL.replace("{env: HQ_PASSWORD}", written))
    assert found.path == "fortimanagers[0].credentials.password"
    assert found.message == "a secret is given by reference, never by value"
    assert SECRET not in str(found)


@pytest.mark.parametrize("name", ["A B", "1A", "A=B", '""', f'"{"A" * 300}"'])
def test_what_is_no_variable_is_refused(name: str) -> None:
    found = refusal(SMALL.replace("{env: HQ_PASSWORD}", f"{{env: {name}}}"))
    assert found.path == "fortimanagers[0].credentials.password.env"


def test_a_secret_in_place_of_a_variables_name_is_not_repeated() -> None:
    message = str(refusal(SMALL.replace("HQ_PASSWORD", SECRET)))
    assert "must be letters" in message
    assert SECRET not in message


def test_neither_text_nor_dump_of_a_configuration_holds_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HQ_PASSWORD", SECRET)
    config = with_password("{env: HQ_PASSWORD}")
    assert password("{env: HQ_PASSWORD}").read() == SECRET
    assert SECRET not in f"{config!r} {config} {config.model_dump_json()}"


@pytest.mark.parametrize(("mode", "is_open"), [(0o600, False), (0o640, False), (0o644, True)])
def test_a_file_that_everybody_can_read_is_noticed(
    tmp_path: Path, mode: int, is_open: bool
) -> None:
    file = tmp_path / "pw"
    file.write_text(SECRET)
    file.chmod(mode)
    assert password(f"{{file: {file}}}").is_open_to_all() is is_open


def test_a_secret_mounted_by_kubernetes_is_not_noticed(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "pw").write_text(SECRET)
    (tmp_path / "pw").chmod(0o644)
    assert not password(f"{{file: {tmp_path}/pw}}").is_open_to_all()
