"""Which pods and nodes does which firewall know?"""

from fmgsync.testing import namespace, pod


def test_each_firewall_knows_the_frontends_behind_it(fmgsync_config, east, west):
    found = fmgsync_config.members(east=east, west=west)
    assert found.on("fgt-east-1", "k8s-frontend") == {"10.1.0.5", "10.1.0.6"}
    assert found.on("fgt-east-2/dmz", "k8s-frontend") == {"10.1.0.5", "10.1.0.6"}
    assert found.on("fgt-west-1", "k8s-frontend") == {"10.40.0.9"}


def test_only_ingress_nodes_are_published(fmgsync_config, east):
    found = fmgsync_config.members(east=east)
    assert found.on("fgt-east-1", "k8s-ingress-nodes") == {"10.10.0.1"}


def test_a_frontend_in_a_test_namespace_stays_out(fmgsync_config):
    found = fmgsync_config.members(
        east=[
            namespace("playground", labels={"environment": "test"}),
            pod(
                "web", "10.1.0.8", namespace="playground", labels={"app": "frontend", "tier": "dmz"}
            ),
        ]
    )
    assert found.on("fgt-east-1", "k8s-frontend") == set()


def test_a_cluster_cannot_publish_foreign_addresses(fmgsync_config, west):
    stray = pod("web-x", "10.99.0.1", namespace="shop", labels={"app": "frontend", "tier": "dmz"})
    found = fmgsync_config.members(west=[*west, stray])
    assert found.on("fgt-west-1", "k8s-frontend") == {"10.40.0.9"}
    assert "10.99.0.1" in found.withheld[0]
