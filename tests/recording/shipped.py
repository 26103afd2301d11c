"""The cassettes in the repository, and the table of them in their README."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from fmgsync.recording import files
from fmgsync.recording.taking import Wishes

FOLDER = Path(__file__).parents[2] / "cassettes"
README = FOLDER / "README.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"


def wishes(version: str) -> Wishes:
    """What the header of a shipped cassette says; the hour would only make files differ."""
    today = datetime.now(UTC).date().isoformat()
    return Wishes("the simulator of fmgsync", f"{today}T00:00:00Z", fortimanager=version)


def cassettes() -> list[Path]:
    """All shipped cassettes."""
    return sorted(FOLDER.rglob("*.yaml"))


def table() -> str:
    """One row per cassette, from its own header."""
    rows = ["| Cassette | Recorded from | Version | Date | Exchanges |", "|---|---|---|---|---|"]
    for path in cassettes():
        cassette = files.load(path)
        about = cassette.about
        assert about is not None
        version = about.fortimanager.split(" ")[0] or about.fortigate or "not told"
        rows.append(
            f"| `{path.relative_to(FOLDER)}` | {about.source} | {version} "
            f"| {about.recorded_at[:10]} | {len(cassette.exchanges)} |"
        )
    return "\n".join(rows) + "\n"


def with_table(text: str) -> str:
    """The README with the table as it should be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def update_readme() -> None:
    """Write the table; done after every recording."""
    README.write_text(with_table(README.read_text("utf-8")), encoding="utf-8")
