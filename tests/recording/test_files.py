"""A cassette is a file other tools read too, and one that is not whole is never played."""

from __future__ import annotations

from pathlib import Path

import pytest
import vcr

from fmgsync.errors import CassetteError
from fmgsync.recording import files
from fmgsync.recording.cassette import Cassette
from tests.recording.exchanges import cassette, exchange, login

SMALL = cassette(
    login(),
    exchange("get", {"url": "/sys/status"}, answers=[{"data": {"Version": "v7.4.5"}}], order=2),
    exchange("exec", {"url": "sys/logout"}, step="leaving"),
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    files.save(tmp_path / "a" / "b.yaml", SMALL)
    assert files.load(tmp_path / "a" / "b.yaml") == SMALL
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a" / "b.yaml"]


def test_the_same_content_is_the_same_text() -> None:
    text = files.to_text(SMALL)
    assert files.to_text(files.from_text(text, "x")) == text


def test_vcrpy_reads_it(tmp_path: Path) -> None:
    """The file is vcrpy's own format: its loader gives the same requests and answers."""
    path = tmp_path / "small.yaml"
    files.save(path, SMALL)
    with vcr.VCR().use_cassette(str(path), record_mode="none") as played:
        assert [request.body for request in played.requests] == [
            one.request_body for one in SMALL.exchanges
        ]
        assert [response["body"]["string"] for response in played.responses] == [
            one.response_body for one in SMALL.exchanges
        ]
        assert {request.uri for request in played.requests} == {SMALL.exchanges[0].uri}


def test_a_file_vcrpy_wrote_is_read(tmp_path: Path) -> None:
    path = tmp_path / "theirs.yaml"
    files.save(path, Cassette(SMALL.exchanges))
    theirs = vcr.serializers.yamlserializer.serialize(
        vcr.serializers.yamlserializer.deserialize(path.read_text())
    )
    path.write_text(theirs)
    assert files.load(path) == Cassette(SMALL.exchanges)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: "", "no interactions"),
        (lambda text: "- just\n- a list\n", "no interactions"),
        (lambda text: "version: 1\n", "no list of interactions"),
        (lambda text: "interactions: []\n", "its end is missing"),
        (lambda text: "version: 1\ninteractions: []\n", "is empty"),
        (lambda text: text.replace("version: 1", "version: 2"), "newer version: vcrpy format 2"),
        (lambda text: text.replace("format: 1", "format: 2"), "newer version: fmgsync format 2"),
        (lambda text: text.replace("format: 1", "format: x"), "broken fmgsync format"),
        (lambda text: text.replace("v7.4.5", "v7.4.6"), "changed after it was recorded"),
        (lambda text: text.replace("code: 200", "code: 201", 1), "changed after it was recorded"),
        (lambda text: text.replace("code: 200", "code: two", 1), "no usable 'code'"),
        (lambda text: text.replace("  response:", "  answer:", 1), "no usable 'response'"),
        (lambda text: text.replace("method: POST", "method: POST\n    uri: x", 1), "stands twice"),
        (lambda text: text + "version: 1\n", "stands twice"),
        (lambda text: text.replace("order: 2", "order: a"), "'order'"),
        (lambda text: text.replace("source: a test", "source: [1]"), "broken header"),
        (lambda text: text.replace("interactions:", "interactions: !!python/name:os.system"), ""),
        (lambda text: "\x00", "not YAML"),
    ],
)
def test_a_broken_file_is_told(tmp_path: Path, change: object, words: str) -> None:
    path = tmp_path / "broken.yaml"
    assert callable(change)
    path.write_text(change(files.to_text(SMALL)))
    with pytest.raises(CassetteError) as caught:
        files.load(path)
    assert words in str(caught.value)
    assert "broken.yaml" in str(caught.value)


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    """Wherever a file ends too early, nothing of it is played."""
    text = files.to_text(SMALL)
    path = tmp_path / "cut.yaml"
    for length in range(0, len(text.rstrip()), 17):
        path.write_text(text[:length])
        with pytest.raises(CassetteError):
            files.load(path)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"version: \xc3"])
def test_bytes_that_are_no_text_are_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(CassetteError, match="not UTF-8"):
        files.load(path)


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="cassette record"):
        files.load(tmp_path / "none.yaml")


def test_a_failed_write_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    taken = tmp_path / "taken.yaml"
    taken.mkdir()
    with pytest.raises(CassetteError, match=r"taken\.yaml.*cannot be written"):
        files.save(taken, SMALL)
    assert list(tmp_path.iterdir()) == [taken]
