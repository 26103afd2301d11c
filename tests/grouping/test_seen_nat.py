"""How a pod leaves that nobody has ordered a way out for: each platform's cases, word for word."""

from __future__ import annotations

import pytest

from fmgsync.grouping import seen_nat
from fmgsync.model.address import Address
from fmgsync.model.labels import Labels
from tests.grouping.ways_out import (
    V4,
    V6,
    Row,
    config_map,
    leaves,
    node,
    pod,
    pool,
    setting,
    subnet,
)

LAN, FAR, BOTH = ("10.5.0.0/16",), ("198.18.0.0/16",), ("10.5.0.0/16", "8.8.8.0/24")
P, P6, NONE = pod("10.1.0.1"), pod("2001:db8::1"), pod()
NODE, LOST = node(), node(doubt="is odd")
BARE = node(addresses=(Address("2001:db8:1::1"),))
NAT = pool("p", "10.1.0.0/16", nat=True)
PLAIN = pool("q", "10.1.0.0/16")
FELIX = "FelixConfiguration"
AWS = setting("DaemonSet", "aws-node")
EKS = node("aws")
GKE, AKS = node("gce"), node("azure")
MASKED = config_map("cilium-config", enable_ipv4_masquerade="true", enable_ipv6_masquerade="true")
OFF = (
    "Amazon VPC plug-in: ? AWS_VPC_K8S_CNI_EXTERNALSNAT is off: inside the VPC its own address is"
    " seen, elsewhere its node's; use publish: pod or node"
)

ROWS: list[Row] = [
    (seen_nat.host_network, P, V4, (), (NODE,), None),
    (seen_nat.host_network, pod("192.168.0.1", host_network=True), V4, (), (NODE,),
     "host network: 192.168.0.1: it is in its node's network (n1)"),
    (seen_nat.host_network, pod(host_network=True), V4, (), (),
     'host network: ? node n1 was not read (n1)'),
    (seen_nat.host_network, pod(host_network=True), V4, (), (LOST,),
     'host network: ? node n1 is odd (n1)'),
    (seen_nat.host_network, pod(host_network=True), V4, (), (BARE,),
     'host network: ? node n1 has no ipv4 address (n1)'),
    (seen_nat.calico, P, V4, (), (NODE,), None),
    (seen_nat.calico, NONE, V4, (), (NODE, pool("x", "", doubt="odd")),
     'IPPool x: ? IPPool x, which may hold it: odd'),
    (seen_nat.calico, P, V4, (), (pool("x", "", doubt="odd"), pool("y", "10.9.0.0/16", doubt="z")),
     'IPPool x: ? IPPool x, which may hold it: odd'),
    (seen_nat.calico, P, V4, (), (pool("x", ""), pool("y", "10.9.0.0/16", doubt="z")), None),
    (seen_nat.calico, P, V4, (), (PLAIN, NODE), 'IPPool q: 10.1.0.1: natOutgoing is off'),
    (seen_nat.calico, P, V4, (), (PLAIN,), 'IPPool q: 10.1.0.1: natOutgoing is off'),
    (seen_nat.calico, P, V4, (), (PLAIN, node("flannel")),
     'IPPool q: ? IPPool q does not translate, and flannel, which may, is there as well'),
    (seen_nat.calico, pod("10.2.0.1", "10.1.0.1"), V4, (), (pool("z", "10.2.0.0/16"), PLAIN),
     'IPPool q, z: 10.2.0.1 10.1.0.1: natOutgoing is off'),
    (seen_nat.calico, P, V4, (), (PLAIN, NAT),
     'IPPool q: ? the IPPools p and q hold it and differ in natOutgoing'),
    (seen_nat.calico, P, V4, (), (pool("x", "10.1.0.0/16", doubt="odd"),),
     'IPPool x: ? IPPool x: odd'),
    (seen_nat.calico, P, V4, (), (NAT, NODE), 'IPPool p: 192.168.0.1: natOutgoing is on (n1)'),
    (seen_nat.calico, P, V4, (), (NAT, NODE, pool("r", "10.5.0.0/16")),
     'IPPool p: 192.168.0.1: natOutgoing is on (n1)'),
    (seen_nat.calico, P, V4, (), (NAT, NODE, pool("s", "10.6.0.0/16", disabled=True), pool("r",
     "10.5.0.0/16", disabled=True)),
     ('IPPool p: 10.1.0.1 192.168.0.1: natOutgoing is on, but not towards the ranges'
     ' of r, s: both count (n1)')),
    (seen_nat.calico, P, V4, (), (NAT, LOST, pool("r", "10.5.0.0/16", disabled=True)),
     'IPPool p: ? node n1 is odd (n1)'),
    (seen_nat.calico, P, V4, (), (pool("p", "10.1.0.0/16", nat=True, disabled=True), NODE),
     'IPPool p: 192.168.0.1: natOutgoing is on (n1)'),
    (seen_nat.calico, P, V4, LAN, (NAT, NODE, pool("r", "10.5.0.0/16"), pool("x", "")),
     "IPPool p: 10.1.0.1: these destinations are of Calico's pools, and not translated"),
    (seen_nat.calico, P, V4, FAR, (NAT, NODE, pool("r", "10.5.0.0/16")),
     'IPPool p: 192.168.0.1: natOutgoing is on (n1)'),
    (seen_nat.calico, P, V4, BOTH, (NAT, NODE, pool("r", "10.5.0.0/16")),
     ("IPPool p: 10.1.0.1 192.168.0.1: some of these destinations are of Calico's"
     ' pools: both count (n1)')),
    (seen_nat.calico, P, V4, (), (NAT, NODE, setting(FELIX, "default",
     natOutgoingAddress="192.0.2.1")),
     'IPPool p: 192.0.2.1: natOutgoing is on, and natOutgoingAddress says under which address'),
    (seen_nat.calico, P, V4, (), (NAT, NODE, setting(FELIX, "node.n1",
     natOutgoingAddress="192.0.2.2"), setting(FELIX, "default", natOutgoingAddress="192.0.2.1")),
     'IPPool p: 192.0.2.2: natOutgoing is on, and natOutgoingAddress says under which address'),
    (seen_nat.calico, P, V4, (), (NAT, NODE, setting(FELIX, "node.n1", "odd")),
     'IPPool p: ? FelixConfiguration node.n1: odd'),
    (seen_nat.calico, P, V4, (), (NAT, NODE, setting(FELIX, "default", natOutgoingAddress="x")),
     'IPPool p: ? natOutgoingAddress of FelixConfiguration is no address'),
    (seen_nat.calico, P6, V6, (), (pool("p", "2001:db8::/64", nat=True), NODE, setting(FELIX,
     "default", natOutgoingAddress="192.0.2.1")),
     'IPPool p: 2001:db8:1::1: natOutgoing is on (n1)'),
    (seen_nat.kube_ovn, P, V4, (), (NODE,), None),
    (seen_nat.kube_ovn, NONE, V4, (), (subnet("s", "10.1.0.0/16"),), None),
    (seen_nat.kube_ovn, P, V4, (), (subnet("r", "10.9.0.0/16"), subnet("s", doubt="odd")),
     'Subnet s: ? Subnet s, which may hold it: odd'),
    (seen_nat.kube_ovn, P, V4, (), (subnet("s", "10.1.0.0/16"),),
     'Subnet s: 10.1.0.1: natOutgoing is off'),
    (seen_nat.kube_ovn, pod("10.1.0.1", "10.9.0.1"), V4, (), (subnet("s", "10.1.0.0/16"),), None),
    (seen_nat.kube_ovn, P, V4, (), (subnet("s", "10.1.0.0/16"), subnet("t", "10.0.0.0/8")),
     'Subnet s: ? Subnet s and Subnet t hold its address'),
    (seen_nat.kube_ovn, pod("10.1.0.1", notes=(("ovn.kubernetes.io/snat", "x"),)), V4, (),
     (subnet("s", "10.1.0.0/16"), subnet("t", "10.0.0.0/8")),
     'Subnet s: ? Subnet s and Subnet t hold its address'),
    (seen_nat.kube_ovn, pod("10.1.0.1", notes=(("ovn.kubernetes.io/snat", "x"),
     ("ovn.kubernetes.io/eip", "x"))), V4, (), (subnet("s", "10.1.0.0/16"),),
     ('Subnet s: ? only its annotation ovn.kubernetes.io/eip says under which address'
     " it leaves (its author's)")),
    (seen_nat.kube_ovn, pod("10.1.0.1", notes=(("ovn.kubernetes.io/snat", "x"),)), V4, (),
     (subnet("s", "10.1.0.0/16"),),
     ('Subnet s: ? only its annotation ovn.kubernetes.io/snat says under which address'
     " it leaves (its author's)")),
    (seen_nat.kube_ovn, P, V4, (), (subnet("s", "10.1.0.0/16", doubt="odd"),),
     'Subnet s: ? Subnet s: odd'),
    (seen_nat.kube_ovn, P, V4, (), (subnet("s", "10.1.0.0/16", vpc="v"),),
     'Subnet s: ? Subnet s is of a VPC of its own, whose NAT gateways are not read'),
    (seen_nat.kube_ovn, P, V4, (), (subnet("s", "10.1.0.0/16", by_destination=True),),
     'Subnet s: ? Subnet s translates by destination or leaves by a gateway of its own'),
    (seen_nat.kube_ovn, P, V4, (), (subnet("s", "10.1.0.0/16", nat=True, centralized=True), NODE),
     'Subnet s: ? Subnet s is centralized and names no gateway node'),
    (seen_nat.kube_ovn, P, V4, (), (subnet("s", "10.1.0.0/16", centralized=True), NODE),
     'Subnet s: 10.1.0.1: natOutgoing is off'),
    (seen_nat.kube_ovn, P, V4, (), (subnet("s", "10.1.0.0/16", nat=True, centralized=True,
     nodes=("n1",)), NODE), 'Subnet s: 192.168.0.1: natOutgoing is on (n1)'),
    (seen_nat.kube_ovn, P, V4, (), (subnet("s", "10.1.0.0/16", nat=True), NODE),
     'Subnet s: 192.168.0.1: natOutgoing is on (n1)'),
    (seen_nat.eks, P, V4, (), (AWS,), None),
    (seen_nat.eks, P, V4, (), (EKS,), None),
    (seen_nat.eks, P, V4, (), (AWS, NODE), None),
    (seen_nat.eks, P, V4, (), (AWS, EKS), OFF),
    (seen_nat.eks, P, V4, (), (AWS, node(labels=Labels({"eks.amazonaws.com/x": "y"}))), OFF),
    (seen_nat.eks, P, V4, (), (setting("DaemonSet", "aws-node", "odd"), EKS),
     'Amazon VPC plug-in: ? odd'),
    (seen_nat.eks, P, V4, (), (AWS, EKS, config_map("cilium-config")),
     'Amazon VPC plug-in: ? Cilium is there as well'),
    (seen_nat.eks, P6, V6, (), (AWS, EKS),
     'Amazon VPC plug-in: 2001:db8::1: IPv6 is not translated'),
    (seen_nat.eks, P, V4, (), (setting("DaemonSet", "aws-node",
     AWS_VPC_K8S_CNI_EXTERNALSNAT="true"), EKS),
     'Amazon VPC plug-in: 10.1.0.1: AWS_VPC_K8S_CNI_EXTERNALSNAT is on'),
    (seen_nat.eks, P, V4, LAN, (setting("DaemonSet", "aws-node",
     AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS="x, 10.5.0.1/8"), EKS),
     ('Amazon VPC plug-in: 10.1.0.1: AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS names these'
     ' destinations')),
    (seen_nat.eks, P, V4, (), (setting("DaemonSet", "aws-node",
     AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS="0.0.0.0/0"), EKS), OFF),
    (seen_nat.eks, P, V4, FAR, (setting("DaemonSet", "aws-node",
     AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS="10.0.0.0/8"), EKS), OFF),
    (seen_nat.gke, P, V4, (), (), None),
    (seen_nat.gke, P, V4, (), (NODE,), None),
    (seen_nat.gke, P, V4, (), (node(labels=Labels({"cloud.google.com/gke-nodepool": "x"})),),
     ('GKE: ? there is no ip-masq-agent, and whether the default translation is on no'
     ' object says')),
    (seen_nat.gke, P6, V6, (), (GKE,), 'GKE: ? what GKE does with IPv6 no object says'),
    (seen_nat.gke, P, V4, LAN, (GKE,), 'GKE: 10.1.0.1: these destinations are never translated'),
    (seen_nat.gke, P, V4, FAR, (GKE,), 'GKE: 10.1.0.1: these destinations are never translated'),
    (seen_nat.gke, P, V4, BOTH, (GKE,),
     ('GKE: ? there is no ip-masq-agent, and whether the default translation is on no'
     ' object says')),
    (seen_nat.gke, P, V4, LAN, (GKE, config_map("ip-masq-agent")),
     'GKE: 10.1.0.1: these destinations are of nonMasqueradeCIDRs, and not translated'),
    (seen_nat.gke, P, V4, FAR, (GKE, config_map("ip-masq-agent")),
     'GKE: 192.168.0.1: ip-masq-agent masquerades (n1)'),
    (seen_nat.gke, P, V4, (), (GKE, config_map("ip-masq-agent",
     nonMasqueradeCIDRs="172.16.0.0/12")),
     ('GKE: ? it depends on the destination (of nonMasqueradeCIDRs): name `towards` of'
     ' the group')),
    (seen_nat.gke, P, V4, LAN, (GKE, config_map("ip-masq-agent",
     nonMasqueradeCIDRs="172.16.0.0/12")), 'GKE: 192.168.0.1: ip-masq-agent masquerades (n1)'),
    (seen_nat.gke, P, V4, LAN, (GKE, config_map("ip-masq-agent", nonMasqueradeCIDRs="")),
     'GKE: 192.168.0.1: ip-masq-agent masquerades (n1)'),
    (seen_nat.gke, P, V4, BOTH, (GKE, config_map("ip-masq-agent")),
     ('GKE: 10.1.0.1 192.168.0.1: some of these destinations are of'
     ' nonMasqueradeCIDRs: both count (n1)')),
    (seen_nat.gke, P, V4, LAN, (GKE, config_map("ip-masq-agent", "odd")),
     'GKE: ? ConfigMap ip-masq-agent: odd'),
    (seen_nat.aks, P, V4, (), (), None),
    (seen_nat.aks, P, V4, (), (NODE,), None),
    (seen_nat.aks, P, V4, (), (AKS,),
     'AKS: 10.1.0.1: its pods have addresses of the virtual network (derived)'),
    (seen_nat.aks, P6, V6, (), (AKS,), 'AKS: ? what AKS does with IPv6 no object says'),
    (seen_nat.aks, P, V4, (), (node(labels=Labels({"kubernetes.azure.com/azure-cni-overlay":
     "true"})),), "AKS: 192.168.0.1: the pods' network is an overlay (n1)"),
    (seen_nat.aks, P, V4, (), (node(labels=Labels({"kubernetes.azure.com/azure-cni-overlay":
     "false"})),), 'AKS: 10.1.0.1: its pods have addresses of the virtual network (derived)'),
    (seen_nat.aks, P, V4, (), (node(labels=Labels({"kubernetes.azure.com/podnetwork-type":
     "overlay"})),), "AKS: 192.168.0.1: the pods' network is an overlay (n1)"),
    (seen_nat.aks, P, V4, (), (node("azure", ranges=(Address("10.1.0.0/24"),)),),
     "AKS: 192.168.0.1: the pods' network is an overlay (n1)"),
    (seen_nat.aks, P, V4, FAR, (AKS, config_map("azure-ip-masq-agent-config")),
     'AKS: 192.168.0.1: ip-masq-agent masquerades (n1)'),
    (seen_nat.cilium, P, V4, (), (NODE,), None),
    (seen_nat.cilium, P, V4, (), (NODE, config_map("cilium-config")),
     'Cilium: ? cilium-config says nothing of enable-ipv4-masquerade'),
    (seen_nat.cilium, P, V4, (), (NODE, MASKED), 'Cilium: 192.168.0.1: it masquerades (n1)'),
    (seen_nat.cilium, P6, V6, (), (NODE, MASKED), 'Cilium: 2001:db8:1::1: it masquerades (n1)'),
    (seen_nat.cilium, P6, V6, (), (NODE, config_map("cilium-config",
     enable_ipv4_masquerade="true")),
     'Cilium: ? cilium-config says nothing of enable-ipv6-masquerade'),
    (seen_nat.cilium, P, V4, (), (NODE, config_map("cilium-config",
     enable_ipv4_masquerade="false")), 'Cilium: 10.1.0.1: enable-ipv4-masquerade is off'),
    (seen_nat.cilium, P, V4, LAN, (NODE, config_map("cilium-config", enable_ipv4_masquerade="true",
     ipv4_native_routing_cidr="10.0.0.0/8")),
     'Cilium: 10.1.0.1: these destinations are routed natively, and not translated'),
    (seen_nat.cilium, P, V4, BOTH, (NODE, config_map("cilium-config", enable_ipv4_masquerade="true",
     ipv4_native_routing_cidr="10.0.0.0/8")),
     ('Cilium: 10.1.0.1 192.168.0.1: some of these destinations are routed natively:'
     ' both count (n1)')),
    (seen_nat.cilium, P, V4, BOTH, (LOST, config_map("cilium-config", enable_ipv4_masquerade="true",
     ipv4_native_routing_cidr="10.0.0.0/8")), 'Cilium: ? node n1 is odd (n1)'),
    (seen_nat.cilium, P, V4, (), (NODE, config_map("cilium-config", enable_ipv4_masquerade="true",
     ipv4_native_routing_cidr="10.0.0.0/8")),
     'Cilium: ? it depends on the destination (routed natively): name `towards` of the group'),
    (seen_nat.cilium, P, V4, LAN, (NODE, config_map("cilium-config", enable_ipv4_masquerade="true",
     ipv4_native_routing_cidr="x")),
     'Cilium: ? ipv4-native-routing-cidr of cilium-config is no range'),
    (seen_nat.cilium, P, V4, LAN, (NODE, config_map("cilium-config", enable_ipv4_masquerade="true",
     enable_ip_masq_agent="true")),
     'Cilium: 10.1.0.1: these destinations are of nonMasqueradeCIDRs, and not translated'),
    (seen_nat.cilium, P, V4, LAN, (NODE, config_map("ip-masq-agent",
     nonMasqueradeCIDRs="172.16.0.0/12"), config_map("cilium-config", enable_ipv4_masquerade="true",
     enable_ip_masq_agent="true")), 'Cilium: 192.168.0.1: ip-masq-agent masquerades (n1)'),
    (seen_nat.ovn_kubernetes, P, V4, (), (), None),
    (seen_nat.ovn_kubernetes, P, V4, (), (NODE,), None),
    (seen_nat.ovn_kubernetes, P, V4, (), (node("ovn-kubernetes"),),
     ("OVN-Kubernetes: 192.168.0.1: without an EgressIP it translates to the node's"
     ' address (n1)')),
    (seen_nat.ovn_kubernetes, P, V4, (), (node("ovn-kubernetes"), Labels({},
     notes=(("k8s.ovn.org/routing-external-gws", "x"),))),
     'OVN-Kubernetes: ? its namespace has external gateways of its own'),
    (seen_nat.by_default, P, V4, (), (), None),
    (seen_nat.by_default, P, V4, (), (NODE,), None),
    (seen_nat.by_default, P, V4, (), (node("antrea"),),
     ('Antrea: ? no Egress selects it, and whether Antrea translates (noSNAT) is not'
     ' read; use publish: pod or node')),
    (seen_nat.by_default, P, V4, (), (node("flannel"),),
     'flannel: 192.168.0.1: it translates unless that is switched off (derived, n1)'),
    (seen_nat.by_default, P6, V6, (), (node("flannel"),), None),
    (seen_nat.by_default, P, V4, (), (node("kind", "flannel"),),
     'kindnet: 192.168.0.1: it translates unless that is switched off (derived, n1)'),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_how_a_pod_leaves(row: Row) -> None:
    assert leaves(*row[:-1]) == row[-1]
