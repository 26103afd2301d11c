"""Preview texts and the edits in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmgsync.model.preview import PendingEdit
from fmgsync.targets.fortimanager import clitext


def told(text: str) -> list[str]:
    return [str(edit) for edit in clitext.parse(text)]


INDENTED = """\
config firewall address
    edit "prod_10.1.0.9"
        set comment "Managed by fmgsync (prod)"
        set subnet 10.1.0.9 255.255.255.255
    next
end
config firewall addrgrp
    edit "k8s-web"
        set member "prod_10.1.0.9"
    next
end
config firewall address
    delete "prod_10.1.0.5"
end
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n  \n", []),
        ("=== Preview result ===\n", []),
        (
            INDENTED,
            [
                "firewall address prod_10.1.0.9",
                "firewall addrgrp k8s-web",
                "delete firewall address prod_10.1.0.5",
            ],
        ),
        # As before 6.0: no indentation, and the text begins in the middle.
        (
            'next\nend\nconfig firewall policy\nedit 2\nset name "v"\nnext\nend\n',
            ["firewall policy 2"],
        ),
        # Tables inside an object are part of it.
        (
            ("config system dhcp server\nedit 1\nconfig ip-range\nedit 1\nset start-ip 10.0.0.1\n"
            "next\nend\nset netmask 255.255.255.0\nnext\nedit 2\nnext\nend\n"),
            ["system dhcp server 1", "system dhcp server 2"],
        ),
        ("config system global\nset admin-scp enable\nend\n", ["system global"]),
        # Settings may hold tables too, and go on after them.
        (
            ("config system csf\nset status enable\nconfig trusted-list\nedit a\nnext\nend\n"
            "unset fixed-key\nend\nconfig system dns\nunset primary\nend\n"),
            ["system csf", "system dns"],
        ),
        (
            ("config vdom\nedit root\nconfig firewall address\nedit a\nnext\nend\nnext\n"
            "edit dmz\nconfig firewall address\ndelete b\nend\nnext\nend\n"
            "config global\nconfig system global\nset hostname x\nend\nend\n"),
            [
                "firewall address a in VDOM root",
                "delete firewall address b in VDOM dmz",
                "system global",
            ],
        ),
        ("config firewall policy\nmove 3 before 1\nend\n", ["firewall policy"]),
        ("config firewall address\npurge\nend\n", ["firewall address"]),
        ("config firewall address\ndelete a b\nend", ["delete firewall address a",
                                                       "delete firewall address b"]),
        # A missing `next`, a missing `end`: nothing is lost.
        ("config firewall address\nedit a\nset color 1\nend\nedit", ["firewall address a",
                                                                      "unreadable lines"]),
        ("config firewall address\nedit a\nset color 1", ["firewall address a"]),
        ("execute factoryreset", ["unreadable lines"]),
        # A frame inside itself is a table; a second VDOM without a `next` fits nowhere.
        ("config vdom\nconfig vdom\nedit x\nnext\nend\n", ["vdom x"]),
        ("config global\nconfig global\nset x 1\nend\nend\n", ["global"]),
        ("config vdom\nedit root\nedit dmz\nconfig firewall address\nedit a\nnext\nend\n",
         ["unreadable lines in VDOM root", "firewall address a in VDOM root"]),
        ("config\n", ["unreadable lines"]),
        # Settings, tables in them, and objects beside them.
        ("config system csf\nset a 1\nedit x\nset b 2\nnext\nend\n",
         ["system csf", "system csf x"]),
        ("config system csf\nconfig t\nedit a\nnext\nend\nedit b\nset c 1\nnext\nend\n",
         ["system csf", "system csf b"]),
        ("config firewall address\nedit a\\ b\nset color 1\nnext\nend\n", ["firewall address a b"]),
        ('config firewall address\nedit "a"\\""b"\nset color 1\nnext\nend\n',
         ['firewall address a"b']),
    ],
)  # fmt: skip
def test_which_objects_a_text_would_change(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def test_lines_are_kept_for_people() -> None:
    address, group, gone = clitext.parse(INDENTED)
    assert address.lines == (
        'set comment "Managed by fmgsync (prod)"',
        "set subnet 10.1.0.9 255.255.255.255",
    )
    assert group.lines == ('set member "prod_10.1.0.9"',)
    assert gone == PendingEdit(
        "firewall address", "prod_10.1.0.5", ('delete "prod_10.1.0.5"',), deletes=True
    )


def test_names_may_hold_quotes_spaces_and_line_breaks() -> None:
    text = 'config firewall address\nedit "a \\"b\\" c"\nnext\nend\n'
    assert told(text) == ['firewall address a "b" c']
    assert told('config firewall address\nedit "a \nb"\nnext\nend\n') == ["firewall address a \nb"]
    text = (
        'config vpn certificate local\nedit x\nset certificate "-----BEGIN\nnext\nend\n-----END"\n'
    )
    (edit,) = clitext.parse(text + "next\nend\n")
    assert edit.lines == ('set certificate "-----BEGIN\nnext\nend\n-----END"',)


def test_a_stray_quote_hides_nothing() -> None:
    """Lines after it are read as if it were not there."""
    text = 'config firewall address\nedit a\nset comment "oops\nnext\nedit evil\nnext\nend\n'
    assert told(text) == ["unreadable lines", "firewall address a", "firewall address evil"]


def test_a_table_in_settings_that_never_ends_is_no_object() -> None:
    (found,) = clitext.parse("config system csf\nconfig t\nset a 1\n")
    assert found == PendingEdit("system csf", None, ("config t", "set a 1"))


@pytest.mark.parametrize(("lines", "is_whole"), [(200, True), (201, False)])
def test_how_many_lines_a_value_may_have(lines: int, is_whole: bool) -> None:
    """Longer, and what seemed to open it is a stray quote."""
    value = "\n".join(["x"] * (lines - 2))
    text = f'config firewall address\nedit a\nset comment "\n{value}\n"\nnext\nend\n'
    found = clitext.parse("#\n" * 150 + text)
    assert (PendingEdit("", None, ('set comment "',)) not in found) is is_whole
    assert [edit.name for edit in found if edit.table] == ["a"]


def test_an_apostrophe_is_a_letter() -> None:
    text = (
        "config firewall address\nedit a\nset alias it's\nnext\nedit evil\nset alias '\nnext\nend"
    )
    assert told(text) == ["firewall address a", "firewall address evil"]


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_every_object_named_in_a_text_is_found(names: list[str]) -> None:
    """Whatever the names are, as long as they are quoted as FortiOS quotes them."""
    names = [name for name in names if name.strip()] or ["a"]
    quoted = [name.replace("\\", "\\\\").replace('"', '\\"') for name in names]
    text = "config firewall address\n"
    text += "".join(f'edit "{name}"\nset color 1\nnext\n' for name in quoted)
    assert [edit.name for edit in clitext.parse(text + "end\n")] == names


@given(st.text(st.sampled_from("ab \"\\\n'="), max_size=80), st.text(max_size=40))
def test_no_text_breaks_the_reader_or_vanishes(skeleton: str, noise: str) -> None:
    text = f"{skeleton}\n{noise}"
    edits = clitext.parse(text)
    if any(word not in ("next", "end") for word in text.split() if word.isalpha()):
        assert edits


def test_what_stands_between_objects_and_inside_them() -> None:
    """A stray `next` is nothing; tables inside an object are its own, however deep."""
    text = """
    config firewall policy
        next
        edit 1
            config one
                edit a
                    config two
                        edit b
                            set x 1
                        next
                    end
                next
            end
            set name "p"
        next
        edit 2
            set name "q"
        next
    end
    """
    one, two = clitext.parse(text)
    assert (one.table, one.name, two.name) == ("firewall policy", "1", "2")
    assert [line.split()[0] for line in one.lines].count("end") == 2
    assert one.lines[-1] == 'set name "p"'
    assert two.lines == ('set name "q"',)


def test_tables_inside_settings_belong_to_the_settings() -> None:
    text = "config system dns\nset a 1\nconfig inner\nedit x\nset b 2\nnext\nend\nset c 3\nend\n"
    (found,) = clitext.parse(text)
    assert (found.table, found.name) == ("system dns", None)
    assert [line for line in found.lines if line.startswith("set")] == [
        "set a 1",
        "set b 2",
        "set c 3",
    ]


def test_what_does_not_fit_is_kept_as_it_stands_with_its_vdom() -> None:
    """In and between tables, and where a quote never closes."""
    text = 'config vdom\nedit dmz\nset lost 1\nconfig firewall address\nset a "open\n'
    text += "end\nnext\nend\nset x\n"
    lost, *rest, last = clitext.parse(text)
    assert lost == PendingEdit("", None, ("set lost 1",), "dmz")
    assert PendingEdit("", None, ('set a "open',), "dmz") in rest
    assert last == PendingEdit("", None, ("set x",), None)


def test_a_quote_in_a_tables_name_swallows_no_edit() -> None:
    text = (
        'config firewall a"x\nedit root\nconfig firewall addrgrp\nedit g\nset member #a" b\nend\n'
    )
    assert any("set member" in line for edit in clitext.parse(text) for line in edit.lines)


def test_tables_called_vdom_and_global_are_tables_where_they_cannot_be_more() -> None:
    """Only the outermost ones are the unit's own frame, where `edit` means a VDOM."""
    text = "config vdom\nedit root\nconfig global\nedit g\nset a 1\nnext\nend\nnext\nend\n"
    (found,) = clitext.parse(text)
    assert (found.table, found.name, found.vdom) == ("global", "g", "root")
    text = "config global\nconfig vdom\nedit v\nset a 1\nnext\nend\nend\n"
    (found,) = clitext.parse(text)
    assert (found.table, found.name, found.vdom) == ("vdom", "v", None)
    (found,) = clitext.parse("edit stray\n")
    assert found == PendingEdit("", None, ("edit stray",), None)
