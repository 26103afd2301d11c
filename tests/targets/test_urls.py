"""Names in urls: nothing a name holds can reach another object."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmgsync import errors
from fmgsync.model.address import Family
from fmgsync.model.target import DeviceVdom
from fmgsync.targets.fortimanager import urls

TABLE = urls.groups("prod", Family.IPV4)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (urls.addresses("prod", Family.IPV4), "/pm/config/adom/prod/obj/firewall/address"),
        (urls.addresses("prod", Family.IPV6), "/pm/config/adom/prod/obj/firewall/address6"),
        (urls.groups("a/b", Family.IPV6), "/pm/config/adom/a\\/b/obj/firewall/addrgrp6"),
        (
            urls.mapping(TABLE, "web", DeviceVdom("fgt-1", "root")),
            "/pm/config/adom/prod/obj/firewall/addrgrp/web/dynamic_mapping/fgt-1/root",
        ),
        (
            urls.item(TABLE, "my group"),
            "/pm/config/adom/prod/obj/firewall/addrgrp/my group",
        ),
        (
            urls.policies("prod", "emea/spain/edge", "firewall/policy"),
            "/pm/config/adom/prod/pkg/emea/spain/edge/firewall/policy",
        ),
        (
            urls.device_addresses(DeviceVdom("fgt-1", "dmz"), Family.IPV4),
            "/pm/config/device/fgt-1/vdom/dmz/firewall/address",
        ),
        (
            urls.fortios_groups(Family.IPV4, "a&b=c"),
            "/api/v2/cmdb/firewall/addrgrp?vdom=a%26b%3Dc&format=name|member|exclude|exclude-member",
        ),
    ],
)
def test_urls_are_those_of_the_published_captures(made: str, expected: str) -> None:
    assert made == expected


@pytest.mark.parametrize("name", ["", "a\nb", "a\x00", "\x7f", "a\u2028b", "\ud800"])
def test_names_nothing_legitimate_has_are_refused(name: str) -> None:
    with pytest.raises(errors.InvalidData):
        urls.item(TABLE, name)


@given(st.text(min_size=1).filter(str.isprintable))
def test_a_name_stays_one_segment(name: str) -> None:
    """Every `/` of the name is escaped, so the url has as many segments as without it."""
    made = urls.item(TABLE, name)
    assert made.replace("\\/", "").count("/") == TABLE.count("/") + 1
