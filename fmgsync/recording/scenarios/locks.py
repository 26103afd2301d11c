"""Workspace locks: who may write, who holds what, what unlocking and logging out do."""

from __future__ import annotations

from fmgsync.recording.lab import Lab


def locks(lab: Lab) -> None:
    """Writing without the lock, locking twice, another session, unlocking, logging out."""
    if not lab.facts.workspace:
        lab.write("exec", lab.workspace("lock"))
        lab.read(lab.workspace("lockinfo"))
        return
    table = lab.table("address")
    lab.read(lab.workspace("lockinfo"))
    lab.write("add", table, lab.address("unlocked"))
    lab.write("exec", lab.workspace("commit"))
    lab.write("exec", lab.workspace("unlock"))
    lab.lock()
    try:
        lab.write("exec", lab.workspace("lock"))
        lab.read(lab.workspace("lockinfo"))
        lab.write("add", table, lab.address("draft"))
        lab.read(lab.workspace("dirty"))
        with lab.second() as other:
            other.write("exec", other.workspace("lock"))
            other.write("exec", other.workspace("unlock"))
            other.read(other.item("address", "draft"), fields=["name"])
            other.write("add", table, other.address("intruder"))
        lab.read(lab.workspace("lockinfo"))
    finally:
        lab.run(lab.workspace("unlock"))
    lab.read(lab.item("address", "draft"), fields=["name"])


def commits(lab: Lab) -> None:
    """What commit answers and does: with changes, with none, and what another session then sees."""
    if not lab.facts.workspace:
        return
    lab.lock()
    try:
        lab.write("add", lab.table("address"), lab.address("kept"))
        lab.wait(lab.run(lab.workspace("commit")))
        lab.read(lab.workspace("dirty"))
        lab.run(lab.workspace("commit"))
        with lab.second() as other:
            other.read(other.item("address", "kept"), fields=["name"])
        lab.write("delete", lab.item("address", "kept"))
        lab.run(lab.workspace("commit"))
    finally:
        lab.run(lab.workspace("unlock"))


def logging_out(lab: Lab) -> None:
    """Does a clean logout give back the lock?"""
    if not lab.facts.workspace:
        return
    with lab.second() as other:
        other.lock()
    lab.read(lab.workspace("lockinfo"))
    lab.write("exec", lab.workspace("lock"))
    lab.write("exec", lab.workspace("unlock"))
