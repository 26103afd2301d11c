"""For the tests of teams that use fmgsync: builders here, fixtures in the pytest plugin.

    from fmgsync.testing import pod

    def test_frontend_pods_are_known_to_the_firewall(fmgsync_config):
        found = fmgsync_config.members(east=[pod("web-1", "10.1.0.5", labels={"app": "frontend"})])
        assert found.on("fgt-east-1", "k8s-frontend") == {"10.1.0.5"}

`docs/cassettes.md` shows it all, `docs/examples/firewall-tests/` is a complete repository.
"""

from fmgsync.testing.builders import Manifest, namespace, node, pod

__all__ = ["Manifest", "namespace", "node", "pod"]
