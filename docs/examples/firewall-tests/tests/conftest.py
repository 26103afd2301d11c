import pytest

from fmgsync.testing import namespace, node, pod

PROD = namespace("shop", labels={"environment": "prod"})
FRONTEND = {"app": "frontend", "tier": "dmz"}


@pytest.fixture
def fmgsync_config(fmgsync_config):
    """What is in the device group, only FortiManager knows: say it here."""
    return fmgsync_config.with_device_groups(West=["fgt-west-1"])


@pytest.fixture
def east():
    """What runs in the cluster east: two frontends, one backend, one ingress node."""
    return [
        PROD,
        pod("web-1", "10.1.0.5", namespace="shop", labels=FRONTEND),
        pod("web-2", "10.1.0.6", namespace="shop", labels=FRONTEND),
        pod("db-1", "10.1.0.7", namespace="shop", labels={"app": "db"}),
        node("ingress-1", "10.10.0.1", labels={"node-role.kubernetes.io/ingress": ""}),
        node("worker-1", "10.10.0.2"),
    ]


@pytest.fixture
def west():
    """What runs in the cluster west."""
    return [PROD, pod("web-9", "10.40.0.9", namespace="shop", labels=FRONTEND)]
