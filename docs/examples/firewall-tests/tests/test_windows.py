"""When may FortiManager install on our firewalls?"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

BERLIN = ZoneInfo("Europe/Berlin")


def test_nights_are_open(fmgsync_config):
    assert fmgsync_config.may_install("fgt-east-1", datetime(2026, 12, 23, 2, tzinfo=BERLIN))
    assert not fmgsync_config.may_install("fgt-east-1", datetime(2026, 12, 23, 12, tzinfo=BERLIN))


@pytest.mark.parametrize("year", range(2026, 2036))
def test_nothing_installs_on_24_december(fmgsync_config, year):
    day = datetime(year, 12, 24, tzinfo=BERLIN)
    for device in fmgsync_config.devices:
        assert fmgsync_config.openings(device, day, day + timedelta(days=1)) == []
