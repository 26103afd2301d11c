"""What the Calico controller was told, as a configuration of fmgsync.

It was told by two ConfigMaps, Secrets and the environment of its Deployment (Calico Enterprise
documentation, "Extend Kubernetes to Fortinet firewall devices", and the manifests it names). What
never worked there is named with the right spelling and not guessed; what cannot be carried over is
said. Pure: whoever reads files or a cluster gives objects and gets plain data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from fmgsync import yamlplain
from fmgsync.errors import SelectorError
from fmgsync.grouping import selectors
from fmgsync.settings import calico_spelling
from fmgsync.settings.names import OWNER_PATTERN

NAMESPACE: Final = "tigera-firewall-controller"
BEHAVIOUR: Final = "tigera-firewall-controller"
DEVICES: Final = "tigera-firewall-controller-configs"
EAST_WEST: Final = "tigera-fortimanager-controller-configs"
SELECTOR: Final = "tigera.firewall.policy.selector"
ADDRESSES: Final = "tigera.firewall.addressSelection"
FORTIGATES: Final = "tigera.firewall.fortigate"
FORTIMANAGERS: Final = "tigera.firewall.fortimgr"
_ENVIRONMENT: Final = {
    "FW_POLICY_SELECTOR_EXPRESSION": SELECTOR,
    "FW_ADDRESS_SELECTION": ADDRESSES,
}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_KNOWN: Final = {"name", "ip", "vdom", "apikey", "adom", "username", "password"}
_MOUNTED: Final = "/etc/fmgsync/calico"

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a Secret."""

    secret: str
    key: str

    @property
    def file(self) -> str:
        """Where it is mounted for fmgsync."""
        return f"{_MOUNTED}/{self.secret}/{self.key}"


@dataclass(slots=True)
class Imported:
    """The configuration as plain data; `notes` are for people, `errors` keep it from being used.

    `secrets` are those that it refers to.
    """

    data: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    secrets: set[Key] = field(default_factory=set)


def translate(objects: Iterable[Manifest], *, owner: str, cluster: Mapping[str, Any]) -> Imported:
    """Everything that was told, for one cluster, which is given as it stands in a configuration."""
    found = {(str(each.get("kind")), _name(each)): each for each in objects}
    made = Imported()
    if re.search(OWNER_PATTERN, owner) is None:
        made.errors.append(f"owner {owner!r} must be lower-case letters, digits and hyphens")
    behaviour = _data(found, BEHAVIOUR, made)
    environment = dict(_environment(found))
    selector = _told(made, behaviour, environment, SELECTOR)
    publish = _told(made, behaviour, environment, ADDRESSES)
    group: dict[str, Any] = {
        "fromGlobalNetworkPolicies": _selector(made, selector),
        "publish": _publish(made, publish),
        "mapping": "shared",
        "sites": {"clusters": [cluster["name"]]},
    }
    devices = _data(found, DEVICES, made)
    units, sites = _fortigates(made, devices, cluster["name"])
    managers, more = _fortimanagers(made, devices, cluster["name"])
    made.data = {
        "owner": owner,
        "clusters": [dict(cluster)],
        **({"fortimanagers": managers} if managers else {}),
        **({"fortigates": units} if units else {}),
        "sites": [*more, *sites],
        "groups": [group],
        "policy": {"mode": "observe"},
        "install": {
            "windows": [
                {"kind": "allow", "schedule": "0 1 * * *", "duration": "3h", "timezone": "UTC"}
            ]
        },
    }
    _say_what_is_new(made, found, environment, managers=bool(managers))
    return made


def _name(each: Manifest) -> str:
    metadata = each.get("metadata")
    return str(metadata.get("name")) if isinstance(metadata, dict) else ""


def _data(found: Mapping[tuple[str, str], Manifest], name: str, made: Imported) -> Manifest:
    """What a ConfigMap holds."""
    there = found.get(("ConfigMap", name))
    if there is None:
        made.errors.append(f"ConfigMap {name} is missing: the Calico controller needs it to start")
        return {}
    data = there.get("data")
    return data if isinstance(data, dict) else {}


def _environment(found: Mapping[tuple[str, str], Manifest]) -> Iterator[tuple[str, str]]:
    """Values that stand in the Deployment itself, which count before those of the ConfigMap."""
    for (kind, _), each in sorted(found.items()):
        if kind != "Deployment":
            continue
        spec = each.get("spec")
        for step in ("template", "spec"):
            spec = spec.get(step) if isinstance(spec, dict) else None
        containers = spec.get("containers") if isinstance(spec, dict) else None
        for container in containers if isinstance(containers, list) else ():
            variables = container.get("env") if isinstance(container, dict) else None
            for one in variables if isinstance(variables, list) else ():
                if isinstance(one, dict) and isinstance(one.get("value"), str):
                    yield str(one.get("name")), one["value"]


def _told(made: Imported, data: Manifest, environment: Mapping[str, str], key: str) -> Any:
    variable = next(name for name, each in _ENVIRONMENT.items() if each == key)
    told = data.get(key)
    if variable not in environment:
        return told
    if told is not None and told != environment[variable]:
        made.notes.append(
            f"the Deployment sets {variable} to {environment[variable]!r}, which counted, and not"
            f" {key} of ConfigMap {BEHAVIOUR} ({told!r})"
        )
    return environment[variable]


def _selector(made: Imported, text: Any) -> str:
    where = f"{SELECTOR} of ConfigMap {BEHAVIOUR}"
    if not isinstance(text, str) or not text.strip():
        made.errors.append(f"{where} is missing: say which policies, such as"
                           " projectcalico.org/tier == 'default'")  # fmt: skip
        return "!all()"
    try:
        selectors.parse(text)
    except SelectorError as error:
        why = f", which is no selector ({error.message}){calico_spelling.of_selector(text)}"
    else:
        why = ""
    if calico_spelling.is_placeholder(text):
        why = ": it holds a placeholder that was never filled in"
    if why:
        made.errors.append(f"{where} is {text!r}{why}")
        return "!all()"
    return text.strip()


def _publish(made: Imported, text: Any) -> str:
    word = text.strip().lower() if isinstance(text, str) else ""
    if word in ("node", "pod"):
        return word
    shown = f"is {text!r}: write node or pod" if word else "is missing: say node or pod"
    made.errors.append(f"{ADDRESSES} of ConfigMap {BEHAVIOUR} {shown}")
    return "node"


# --- devices --------------------------------------------------------------------------------------


def _entries(made: Imported, data: Manifest, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The entries of a list that stands as YAML in a string, each with how messages name it."""
    if key not in data:
        made.notes.append(f"ConfigMap {DEVICES} has no key {key}: the original would not start")
        return
    text = data[key]
    where = f"{key} of ConfigMap {DEVICES}"
    try:
        listed = yamlplain.load(text, repeated=0) if isinstance(text, str) else text
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        made.errors.append(f"{where}: {yamlplain.why(error)}{line}")
        return
    if listed is None:
        return
    if not isinstance(listed, list):
        made.errors.append(f"{where} must be a list of devices")
        return
    for number, entry in enumerate(listed, 1):
        if not isinstance(entry, dict):
            made.errors.append(f"{where}: entry {number} is no device")
            continue
        named = f"{where}: entry {number} ({str(entry.get('name', 'without a name'))!r})"
        for unknown in sorted(map(str, entry.keys() - _KNOWN)):
            made.notes.append(f"{named}: {unknown!r} is not known and not carried over")
        yield named, entry


def _fortigates(
    made: Imported, data: Manifest, cluster: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    units: dict[tuple[str, Key], dict[str, Any]] = {}
    places: list[str] = []
    for where, entry in _entries(made, data, FORTIGATES):
        name, host = _identity(made, where, entry)
        key = _secret(made, where, entry, "apikey")
        if not name or not host or key is None:
            continue
        unit = units.setdefault((host, key), {"name": name, "host": host})
        unit["apiKey"] = {"file": key.file}
        if entry.get("vdom") not in (None, ""):
            vdom = _word(made, where, entry, "vdom")
            places.append(f"{unit['name']}/{vdom}")
        else:
            places.append(str(unit["name"]))
            made.notes.append(
                f"{where}: no vdom is given, and what the original took is documented nowhere:"
                f" root is taken; write {unit['name']}/VDOM in 'sites' if it is another one"
            )
        if unit["name"] != name:
            made.notes.append(f"{where}: it is the unit {unit['name']!r}, with another VDOM")
    names = [unit["name"] for unit in units.values()]
    made.errors += (
        f"{FORTIGATES}: two units are called {name!r}: give each a name of its own"
        for name in sorted({name for name in names if names.count(name) > 1})
    )
    listed = list(dict.fromkeys(places))
    return list(units.values()), [{"clusters": [cluster], "fortigates": listed}] if listed else []


def _fortimanagers(
    made: Imported, data: Manifest, cluster: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    units: dict[tuple[str, str], dict[str, Any]] = {}
    sites: list[dict[str, Any]] = []
    for where, entry in _entries(made, data, FORTIMANAGERS):
        name, host = _identity(made, where, entry)
        key = _secret(made, where, entry, "password")
        user, adom = (_word(made, where, entry, what) for what in ("username", "adom"))
        if not (name and host and key and user and adom):
            continue
        unit = units.setdefault((host, user), {"name": name, "host": host})
        unit["credentials"] = {"username": user, "password": {"file": key.file}}
        sites.append(
            {
                "clusters": [cluster],
                "fortimanager": unit["name"],
                "adom": adom,
                "devices": ["group:All_FortiGate"],
            }
        )
    return list(units.values()), sites


def _identity(made: Imported, where: str, entry: Mapping[str, Any]) -> tuple[str, str]:
    name = _word(made, where, entry, "name")
    if name and not _NAME.fullmatch(name):
        made.errors.append(
            f"{where}: its name must be letters, digits, '_', '.', '-', at most 63 of them"
        )
        name = ""
    return name, calico_spelling.of_host(_word(made, where, entry, "ip"))


def _word(made: Imported, where: str, entry: Mapping[str, Any], what: str) -> str:
    """A text that somebody filled in; empty, and an error, if it is none."""
    told = entry.get(what)
    if why := calico_spelling.refusal(what, told):
        made.errors.append(f"{where}: {why}")
        return ""
    return str(told)


def _secret(made: Imported, where: str, entry: Mapping[str, Any], field_: str) -> Key | None:
    reference = entry.get(field_)
    inner = reference.get("secretKeyRef") if isinstance(reference, dict) else None
    name, key = (inner.get("name"), inner.get("key")) if isinstance(inner, dict) else (None, None)
    if not (isinstance(name, str) and isinstance(key, str) and name and key):
        why = "must say name and key of a Secret"
    elif not calico_spelling.is_secret(name, key):
        why = "has a name or key that no Secret has: a placeholder, or a path"
    else:
        made.secrets.add(Key(name, key))
        return Key(name, key)
    made.errors.append(f"{where}: {field_}.secretKeyRef {why}")
    return None


def _say_what_is_new(
    made: Imported,
    found: Mapping[tuple[str, str], Manifest],
    environment: Mapping[str, str],
    *,
    managers: bool,
) -> None:
    made.notes.append("policy.mode is observe: nothing is written until you set it to sync")
    if environment.get("FW_INSECURE_SKIP_VERIFY", "true").lower() == "true":
        made.notes.append(
            "the original verified no certificate; here they are verified: give each unit its"
            " authority in tls.caFile"
        )
    if managers:
        made.notes.append(
            "the original wrote ADOMs and installed nothing. Here devices are installed from the"
            " package they have, in windows: install.windows is a proposal, and 'sites' names all"
            " FortiGates of the ADOM; name those in front of the cluster"
        )
    if not (made.data["sites"] or made.errors):
        made.notes.append(
            "neither list of devices names one, so there is nothing to write to: add units and"
            " 'sites'"
        )
    made.notes.append(
        "mapping is shared, as it was; per-device gives each FortiGate the members behind it"
    )
    if ("ConfigMap", EAST_WEST) in found:
        made.notes.append(
            f"ConfigMap {EAST_WEST} makes policies in Kubernetes from a policy package, the other"
            " direction: fmgsync does not do that, and that controller can stay"
        )
    known = {name for kind, name in found if kind == "Secret"}
    for key in sorted(made.secrets, key=lambda key: key.file):
        secret = found.get(("Secret", key.secret))
        data = {**(secret.get("data") or {}), **(secret.get("stringData") or {})} if secret else {}
        if secret is None and known:
            made.notes.append(
                f"Secret {key.secret} was not found; {key.file} must hold its {key.key}"
            )
        elif secret is not None and key.key not in data:
            made.notes.append(f"Secret {key.secret} has no key {key.key}")
        else:
            made.notes.append(f"mount key {key.key} of Secret {key.secret} as {key.file}")
