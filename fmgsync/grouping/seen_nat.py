"""How a pod leaves that nobody has ordered a way out for: under its own address, or its node's.

Whether the node translates is for the network plug-in to know, and often depends on the
destination. Public sources: the Calico documentation, "Configure outgoing NAT" and "IP pool";
Kube-OVN, "Subnet"; docs.aws.amazon.com, EKS, "Enable outbound internet access for Pods";
learn.microsoft.com, AKS, "CNI networking overview"; cloud.google.com, GKE, "IP masquerade agent";
kubernetes.io, "IP Masquerade Agent"; the Cilium documentation, "Masquerading"; OVN-Kubernetes,
"External traffic"; flannel-io/flannel, `Documentation/configuration.md` (`--ip-masq`); kind,
`pkg/cluster/internal/create/actions/installcni` (kindnet).
"""

from __future__ import annotations

import ipaddress
from typing import Final

from fmgsync.grouping import publishable
from fmgsync.grouping.surroundings import Part, Question, Seen, Surroundings, by_node, own, part
from fmgsync.model.address import Address, Family
from fmgsync.model.endpoint import NodeEndpoint
from fmgsync.model.platform import Setting, Subnet

_PRIVATE: Final = tuple(map(Address, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_GKE_NEVER: Final = (
    *_PRIVATE,
    *map(
        Address,
        (
            *("100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24"),
            *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"),
        ),
    ),
)
"""What GKE translates under no setting."""


def host_network(question: Question, around: Surroundings) -> Seen | None:
    """A pod in its node's network has no other address."""
    if not question.pod.host_network:
        return None
    return by_node(question, around, "host network", "it is in its node's network")


# -- by the objects of a network plug-in --------------------------------------------------------


def calico(question: Question, around: Surroundings) -> Seen | None:
    """Calico's pools. Traffic to what another pool holds is not translated; a pool that is disabled
    is how that is said of ranges outside."""
    found = {pool.name: pool for each in question.own if (pool := around.pools.of(each))}
    if not found or not question.own:
        odd = next((pool for pool in around.pools if pool.doubt and not pool.cidr), None)
        by = f"IPPool {odd.name}" if odd is not None else ""
        return Seen(by=by, unknown=f"{by}, which may hold it: {odd.doubt}") if odd else None
    holding = [pool for each in question.own for pool in around.pools.holding(each)]
    by = "IPPool " + ", ".join(sorted(found))
    doubt = next((f"IPPool {pool.name}: {pool.doubt}" for pool in holding if pool.doubt), "")
    if len({pool.nat for pool in holding}) > 1:
        names = " and ".join(sorted({pool.name for pool in holding}))
        doubt = f"the IPPools {names} hold it and differ in natOutgoing"
    if doubt:
        return Seen(by=by, unknown=doubt)
    if not holding[0].nat:
        node = around.nodes(question.pod.node)
        if node is not None and "flannel" in node.marks:
            told = f"{by} does not translate, and flannel, which may, is there as well"
            return Seen(by=by, unknown=told)
        return own(question, by, "natOutgoing is off")
    return _calico_nat(question, around, by)


def _calico_nat(question: Question, around: Surroundings, by: str) -> Seen:
    """natOutgoing is on: what becomes of it depends on the destination."""
    node = _calico_node(question, around, by)
    pools = [pool for pool in around.pools if pool.cidr]
    if question.destinations:
        return _by_list(question, node, tuple(pool.cidr for pool in pools), by, "of Calico's pools")
    spared = [pool for pool in pools if pool.disabled and f"IPPool {pool.name}" != by]
    if part(question, [pool.cidr for pool in spared]) is Part.NONE:
        return node
    names = ", ".join(sorted(pool.name for pool in spared))
    told = f"natOutgoing is on, but not towards the ranges of {names}: both count"
    return _either(question, node, by, told)


def _calico_node(question: Question, around: Surroundings, by: str) -> Seen:
    for name in (f"node.{question.pod.node}", "default"):
        felix = around.setting("FelixConfiguration", name)
        if felix is not None and felix.doubt:
            return Seen(by=by, unknown=f"{felix.place}: {felix.doubt}")
        given = felix.values.get("natOutgoingAddress") if felix is not None else None
        if given and question.family is Family.IPV4:
            told = "natOutgoing is on, and natOutgoingAddress says under which address"
            return _given(given, by, told)
    return by_node(question, around, by, "natOutgoing is on")


def _given(text: str, by: str, told: str) -> Seen:
    try:
        address = Address(str(ipaddress.IPv4Address(text)))
    except ValueError:
        return Seen(by=by, unknown="natOutgoingAddress of FelixConfiguration is no address")
    return Seen((address,), by, told)


def kube_ovn(question: Question, around: Surroundings) -> Seen | None:
    """Kube-OVN's subnets. What only an annotation says of an address of its own is not believed."""
    found = [
        each
        for each in around.of(Subnet)
        if each.ranges and all(_inside(each.ranges, address) for address in question.own)
    ]
    if not found or not question.own:
        odd = next((each for each in around.of(Subnet) if each.doubt), None)
        told = f"{odd.place}, which may hold it: {odd.doubt}" if odd is not None else ""
        return Seen(by=odd.place, unknown=told) if odd is not None else None
    by = found[0].place
    keys = {key for key, _ in question.pod.notes} & {
        "ovn.kubernetes.io/eip",
        "ovn.kubernetes.io/snat",
    }
    subnet, why = found[0], ""
    if len(found) > 1:
        why = f"{' and '.join(each.place for each in found)} hold its address"
    elif keys:
        why = f"only its annotation {min(keys)} says under which address it leaves"
    elif subnet.doubt:
        why = f"{by}: {subnet.doubt}"
    elif subnet.vpc:
        why = f"{by} is of a VPC of its own, whose NAT gateways are not read"
    elif subnet.by_destination:
        why = f"{by} translates by destination or leaves by a gateway of its own"
    elif subnet.nat and subnet.centralized and not subnet.nodes:
        why = f"{by} is centralized and names no gateway node"
    if why:
        return Seen(by=by, unknown=why, by_author=len(found) == 1 and bool(keys))
    if not subnet.nat:
        return own(question, by, "natOutgoing is off")
    return by_node(question, around, by, "natOutgoing is on", nodes=subnet.nodes)


def _inside(ranges: tuple[Address, ...], address: Address) -> bool:
    return publishable.inside(address, map(publishable.as_range, ranges))


# -- by the platform ----------------------------------------------------------------------------


def eks(question: Question, around: Surroundings) -> Seen | None:
    """The Amazon VPC plug-in: inside the VPC's own ranges, which no object tells, never."""
    aws = around.setting("DaemonSet", "aws-node")
    node = around.nodes(question.pod.node)
    if aws is None or node is None or not _is_on(node, "aws", "eks.amazonaws.com/"):
        return None
    by = "Amazon VPC plug-in"
    if aws.doubt or around.setting("ConfigMap", "cilium-config") is not None:
        return Seen(by=by, unknown=aws.doubt or "Cilium is there as well")
    if question.family is Family.IPV6:
        return own(question, by, "IPv6 is not translated")
    if aws.values.get("AWS_VPC_K8S_CNI_EXTERNALSNAT") == "true":
        return own(question, by, "AWS_VPC_K8S_CNI_EXTERNALSNAT is on")
    spared = _list_of(aws, "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS")
    if question.destinations and part(question, spared) is Part.ALL:
        return own(question, by, "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS names these destinations")
    told = (
        "AWS_VPC_K8S_CNI_EXTERNALSNAT is off: inside the VPC its own address is seen, elsewhere its"
        " node's; use publish: pod or node"
    )
    return Seen(by=by, unknown=told)


def gke(question: Question, around: Surroundings) -> Seen | None:
    """GKE: by the agent's list, or the built-in one, which may be switched off where no object
    shows it."""
    node = around.nodes(question.pod.node)
    if node is None or not _is_on(node, "gce", "cloud.google.com/gke-nodepool"):
        return None
    by = "GKE"
    if question.family is Family.IPV6:
        return Seen(by=by, unknown="what GKE does with IPv6 no object says")
    agent = around.setting("ConfigMap", "ip-masq-agent")
    if agent is not None:
        return _by_agent(question, around, agent, by)
    if question.destinations and part(question, _GKE_NEVER) is Part.ALL:
        return own(question, by, "these destinations are never translated")
    told = "there is no ip-masq-agent, and whether the default translation is on no object says"
    return Seen(by=by, unknown=told)


def aks(question: Question, around: Surroundings) -> Seen | None:
    """AKS: an overlay is translated, a flat network is not, unless a list says otherwise."""
    node = around.nodes(question.pod.node)
    if node is None or not _is_on(node, "azure", "kubernetes.azure.com/"):
        return None
    by, labels = "AKS", node.labels
    if question.family is Family.IPV6:
        return Seen(by=by, unknown="what AKS does with IPv6 no object says")
    overlay = labels.get("kubernetes.azure.com/azure-cni-overlay") == "true"
    overlay = overlay or labels.get("kubernetes.azure.com/podnetwork-type") == "overlay"
    if overlay or node.ranges:
        return by_node(question, around, by, "the pods' network is an overlay")
    agent = around.setting("ConfigMap", "azure-ip-masq-agent-config")
    if agent is not None:
        return _by_agent(question, around, agent, by)
    return own(question, by, "its pods have addresses of the virtual network", derived=True)


def cilium(question: Question, around: Surroundings) -> Seen | None:
    """Cilium's masquerading."""
    config = around.setting("ConfigMap", "cilium-config")
    if config is None:
        return None
    by = "Cilium"
    word = "ipv4" if question.family is Family.IPV4 else "ipv6"
    values = config.values
    match values.get(f"enable-{word}-masquerade"):
        case "false":
            return own(question, by, f"enable-{word}-masquerade is off")
        case "true":
            pass
        case _:
            return Seen(by=by, unknown=f"cilium-config says nothing of enable-{word}-masquerade")
    agent = around.setting("ConfigMap", "ip-masq-agent")
    if values.get("enable-ip-masq-agent") == "true":
        return _by_agent(question, around, agent, by)
    node = by_node(question, around, by, "it masquerades")
    key = f"{word}-native-routing-cidr"
    native = _list_of(config, key)
    if values.get(key) and not native:
        return Seen(by=by, unknown=f"{key} of cilium-config is no range")
    return _by_list(question, node, native, by, "routed natively")


def ovn_kubernetes(question: Question, around: Surroundings) -> Seen | None:
    """OVN-Kubernetes, OpenShift's network: the node's address, unless external gateways are set."""
    node = around.nodes(question.pod.node)
    if node is None or "ovn-kubernetes" not in node.marks:
        return None
    by = "OVN-Kubernetes"
    if any(key == "k8s.ovn.org/routing-external-gws" for key, _ in _notes(question, around)):
        return Seen(by=by, unknown="its namespace has external gateways of its own")
    return by_node(question, around, by, "without an EgressIP it translates to the node's address")


def by_default(question: Question, around: Surroundings) -> Seen | None:
    """flannel (k3s among it) and kindnet translate IPv4 as they are shipped; no object says that it
    was left so. Antrea's setting stands in a ConfigMap whose name changes from release to
    release."""
    node = around.nodes(question.pod.node)
    if node is not None and "antrea" in node.marks:
        told = "no Egress selects it, and whether Antrea translates (noSNAT) is not read"
        return Seen(by="Antrea", unknown=f"{told}; use publish: pod or node")
    found = node.marks & {"flannel", "kind"} if node is not None else frozenset[str]()
    if not found or question.family is Family.IPV6:
        return None
    by = "kindnet" if "kind" in found else "flannel"
    return by_node(question, around, by, "it translates unless that is switched off", derived=True)


def _notes(question: Question, around: Surroundings) -> tuple[tuple[str, str], ...]:
    return around.space(question.pod.namespace).notes


def _is_on(node: NodeEndpoint, mark: str, label: str) -> bool:
    return mark in node.marks or any(key.startswith(label) for key in node.labels)


def _list_of(setting: Setting, key: str) -> tuple[Address, ...]:
    """Ranges written with commas; what is none counts as nothing, and so spares nothing."""
    found = []
    for each in setting.values.get(key, "").split(","):
        try:
            found.append(Address(str(ipaddress.ip_network(each.strip(), strict=False))))
        except ValueError:
            continue
    return tuple(found)


def _by_agent(question: Question, around: Surroundings, agent: Setting | None, by: str) -> Seen:
    """By the list of an ip-masq-agent; without one private ranges are spared."""
    if agent is not None and agent.doubt:
        return Seen(by=by, unknown=f"{agent.place}: {agent.doubt}")
    key = "nonMasqueradeCIDRs"
    given = agent is not None and key in agent.values
    spared = _list_of(agent, key) if agent is not None and given else _PRIVATE
    node = by_node(question, around, by, "ip-masq-agent masquerades")
    return _by_list(question, node, spared, by, f"of {key}")


def _by_list(
    question: Question, node: Seen, spared: tuple[Address, ...], by: str, which: str
) -> Seen:
    """The pod's own address towards what is spared, the node's elsewhere."""
    match part(question, spared):
        case Part.ALL:
            return own(question, by, f"these destinations are {which}, and not translated")
        case Part.NONE:
            return node
    if not question.destinations:
        told = f"it depends on the destination ({which}): name `towards` of the group"
        return Seen(by=by, unknown=told)
    return _either(question, node, by, f"some of these destinations are {which}: both count")


def _either(question: Question, node: Seen, by: str, told: str) -> Seen:
    if node.unknown:
        return node
    both = tuple(dict.fromkeys((*question.own, *node.addresses)))
    return Seen(both, by, told, derived=node.derived, leans=node.leans)
