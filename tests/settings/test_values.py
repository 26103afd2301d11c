"""Single values: what is taken, what is refused, and no word of a secret in the refusal."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from fmgsync.model import naming
from fmgsync.settings import amounts, endpoints, names, times
from fmgsync.settings.amounts import DeviceGroup, Percent
from fmgsync.settings.endpoints import Host
from tests.settings.texts import CLUSTERS, SMALL, parsed, refusal


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("3h", 10800),
        ("72h", 259200),
        ("1h30m", 5400),
        ("3d", 259200),
        ("1d12h", 129600),
        ("0s", 0),
    ],
)
def test_durations(text: str, seconds: int) -> None:
    assert times.parse_duration(text) == datetime.timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "5",
        "s",
        "5 m",
        "-5m",
        "1w",
        "12h1d",
        "367d",
        "1.5h",
        "5m3h",
        "5M",
        "5m\n",
        "\u0665m",
        "9999h",
        5,
        None,
        True,
    ],
)
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(PydanticCustomError):
        times.parse_duration(value)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 366 * 86400))
def test_every_number_of_seconds_up_to_a_year_is_a_duration(seconds: int) -> None:
    assert times.parse_duration(f"{seconds}s").total_seconds() == seconds


@pytest.mark.parametrize(
    ("value", "wave"),
    [("5%", Percent(5)), ("2.5%", Percent(2.5)), (3, 3), ("group:East", DeviceGroup("East"))],
)
def test_waves(value: object, wave: object) -> None:
    assert amounts.parse_wave(value) == wave


@pytest.mark.parametrize(
    "value", ["0%", "101%", "%", "5", 0, -1, True, 1.5, "group:", "\u0665%", None]
)
def test_what_is_no_wave(value: object) -> None:
    with pytest.raises(PydanticCustomError):
        amounts.parse_wave(value)


@pytest.mark.parametrize(("value", "budget"), [(0, 0), (3, 3), ("0%", Percent(0))])
def test_failure_budgets(value: object, budget: object) -> None:
    assert amounts.parse_failures(value) == budget


@pytest.mark.parametrize("value", [-1, True, "1", "group:East", 0.5])
def test_what_is_no_failure_budget(value: object) -> None:
    with pytest.raises(PydanticCustomError):
        amounts.parse_failures(value)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("fmg.example.net", Host("fmg.example.net")),
        ("fmg.example.net:8443", Host("fmg.example.net", 8443)),
        ("10.0.0.1", Host("10.0.0.1")),
        ("[2001:DB8::1]", Host("2001:db8::1")),
        ("[::1]:444", Host("::1", 444)),
    ],
)
def test_hosts(text: str, host: Host) -> None:
    assert endpoints.parse_host(text) == host
    assert endpoints.parse_host(str(host)) == host


@pytest.mark.parametrize(
    "value",
    [
        "", ":443", "fmg:", "fmg:0", "fmg:65536", "fmg:x", "2001:db8::1", "[fmg]", "[::1", "::1]",
        "[::1%eth0]", "https://fmg", "fmg/jsonrpc", "u@fmg", "10.0.0.300", "10.0.0", "a..b", "-a",
        "fmg\n", "bücher.example", 5, None, ["fmg"],
    ],
)  # fmt: skip
def test_what_is_no_host(value: object) -> None:
    with pytest.raises(PydanticCustomError):
        endpoints.parse_host(value)


@pytest.mark.parametrize("name", ["k8s-web", "a", "_x", "A.b_c-1", "v1.x", "x" * 75])
def test_group_names(name: str) -> None:
    assert names.check_group_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "x" * 76, "a b", "a/b", "web.1", "web.12", ".", "..", "-a", "ä", "a\n", "none", "All"],
)
def test_what_is_no_group_name(name: str) -> None:
    with pytest.raises(PydanticCustomError):
        names.check_group_name(name)


def test_a_group_name_leaves_room_for_the_suffix_of_its_shards() -> None:
    assert len("x" * 75 + ".999") == naming.longest_name((7, 4))


@pytest.mark.parametrize("text", ["fgt-1", "fgt-1/root", "group:All FortiGates", "FGT 1/vd_2"])
def test_devices(text: str) -> None:
    assert names.check_device(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "/", "a/", "/b", "a/b/c", "group:", "group:a/b", " a", "a ", "a\\b", "a\x00b", "a\u202eb"],
)
def test_what_is_no_device(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        names.check_device(text)


@pytest.mark.parametrize("text", ["10.40.0.0/14", "10.0.0.1", "2001:db8::/44", "::1/128"])
def test_address_ranges(text: str) -> None:
    assert str(endpoints.parse_network(text)).startswith(text.partition("/")[0])


def test_a_range_with_host_bits_is_told_what_it_should_be() -> None:
    found = refusal(CLUSTERS.replace("east.yaml", "e, allowedRanges: [10.40.1.0/14]"))
    assert (found.path, found.next_step) == ("clusters[0].allowedRanges[0]", "write 10.40.0.0/14")


@pytest.mark.parametrize("value", ["", "10.0.0.0/33", "10.0.0", "x", 167772160, None])
def test_what_is_no_address_range(value: object) -> None:
    with pytest.raises(PydanticCustomError):
        endpoints.parse_network(value)


@pytest.mark.parametrize("text", ["0 1 * * *", "*/5 22-23 * * MON-FRI", "0 0 L * *", "0 3 * * 7#2"])
def test_cron_expressions(text: str) -> None:
    assert times.check_cron(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "* * * *", "0 0 0 1 * *", "60 * * * *", "0 0 31 2 *", "@daily", "0 1 * * FUN",
        f"{'9' * 5000} * * * *", f"{'9' * 150} * * * *", "L/2 * * * *", "* * L/2,LW 13 *",
    ],
)  # fmt: skip
def test_what_is_no_cron_expression(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        times.check_cron(text)


@settings(max_examples=200, deadline=None)
@given(st.text("0123456789*,-/LW#? MONFRI", max_size=30))
def test_cron_text_is_taken_or_refused_and_nothing_else(text: str) -> None:
    assert taken_or_refused(times.check_cron, text)


def taken_or_refused(check: Callable[[str], str], text: str) -> bool:
    try:
        return check(text) == text
    except PydanticCustomError:
        return True


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "Asia/Kathmandu"])
def test_time_zones(name: str) -> None:
    assert times.check_timezone(name) == name


@pytest.mark.parametrize(
    "name", ["", "Europe", "Europe/Berln", "/etc/passwd", "../x", "a\0b", "CEST2"]
)
def test_what_is_no_time_zone(name: str) -> None:
    with pytest.raises(PydanticCustomError):
        times.check_timezone(name)


@pytest.mark.parametrize("owner", ["prod", "a", "a-1", "abcdefghijklmnop"])
def test_owners(owner: str) -> None:
    assert parsed(SMALL.replace("owner: prod", f"owner: {owner}")).owner == owner


@pytest.mark.parametrize("owner", ["Prod", "1a", "abcdefghijklmnopq", "a_b", "-a", '""', '"a\\n"'])
def test_what_is_no_owner(owner: str) -> None:
    assert refusal(SMALL.replace("owner: prod", f"owner: {owner}")).path == "owner"


def test_an_owner_that_looks_like_a_number_is_told_to_be_quoted() -> None:
    found = refusal(SMALL.replace("owner: prod", "owner: 5"))
    assert found.next_step == "put it in quotes"


@pytest.mark.parametrize("proxy", ["http://proxy:3128", "https://[2001:db8::1]:8080/"])
def test_proxies(proxy: str) -> None:
    text = SMALL.replace("host: fmg,", f'host: fmg, proxy: "{proxy}",')
    assert parsed(text).fortimanagers[0].proxy == proxy


@pytest.mark.parametrize(
    "proxy",
    [
        "http://user:hunter2@proxy:3128", "http://hunter2@proxy", "proxy:3128", "socks5://hunter2",
        "http://", "http://proxy/hunter2", "http://proxy:hunter2", "http://proxy?hunter2",
    ],
)  # fmt: skip
def test_a_refused_proxy_is_not_repeated(proxy: str) -> None:
    found = refusal(SMALL.replace("host: fmg,", f'host: fmg, proxy: "{proxy}",'))
    assert found.path == "fortimanagers[0].proxy"
    assert "hunter2" not in str(found)


@pytest.mark.parametrize("host", ["u:hunter2@fmg", "https://u:hunter2@fmg/jsonrpc"])
def test_a_password_in_a_host_is_not_repeated(host: str) -> None:
    found = refusal(SMALL.replace("host: fmg,", f'host: "{host}",'))
    assert "must not hold a user or password" in found.message
    assert "hunter2" not in str(found)


def test_an_empty_selector_is_refused_because_it_would_select_everything() -> None:
    assert "everything" in refusal(SMALL + 'groups: [{name: g, select: ""}]').message


@pytest.mark.parametrize("path", ['""', '"a\\0b"', "5", "~nobody-has-this-name/x"])
def test_what_is_no_path(path: str) -> None:
    assert refusal(CLUSTERS.replace("east.yaml", path)).path == "clusters[0].manifests"
