"""Our own client, against a recording: no FortiManager is needed, and no password."""

from inventory import reachable


def test_devices_out_of_reach_are_told(fortimanager_cassette):
    unit = fortimanager_cassette("../cassettes/inventory.yaml")
    found = reachable(unit.host, "anybody", "any password", "prod", unit.ca_file)
    assert found == {"host-1": True, "host-2": False}
