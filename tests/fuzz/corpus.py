"""Where the breaking begins: a few whole texts for each target, and what is put into them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from tests import builders

_KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "c",
    "clusters": [{"name": "c", "cluster": {"server": "https://192.0.2.1:6443"}}],
    "users": [{"name": "u", "user": {"token": "t", "exec": {"command": "x", "args": ["--y"]}}}],
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
}
_ANSWER = {
    "id": 1,
    "result": [{"status": {"code": 0, "message": "OK"}, "url": "/x", "data": [{"name": "a"}]}],
    "session": "t",
}
_ENVELOPE = {
    "http_method": "GET",
    "path": "firewall",
    "name": "address",
    "mkey": "x",
    "status": "success",
    "http_status": 200,
    "vdom": "root",
    "serial": "FGVM01",
    "version": "v7.4.5",
    "results": [{"name": "a", "q_origin_key": "a"}],
    "revision": "1.2",
    "next_idx": 1,
    "size": 1,
    "matched_count": 1,
}
_ROLLOUT = {
    "owner": "prod",
    "fortimanager": "hq",
    "adom": "prod",
    "digest": "d",
    "proofs": [{"device": "a", "wave": 1, "verified_at": 1767225600.0}],
    "attempts": [{"device": "a", "wave": 1, "started_at": 1767225600.0}],
    "urgent_at": {"a": 1767225600.0},
    "phase": "pushing",
}
_CASSETTE = """\
version: 1
fmgsync: {version: 1, scenario: x, recorded: 2026-01-01, against: a lab}
interactions:
- request: {method: POST, uri: 'https://fmg/jsonrpc', body: '{"id": 1, "method": "get"}',
    headers: {Content-Type: [application/json]}}
  response: {status: {code: 200, message: OK}, headers: {}, body: {string: '{"result": []}'}}
"""
_AUDIT = {"at": "2026-01-01T00:00:00Z", "run": "r", "event": "wrote", "chain": "prod", "number": 1}

_CALICO = """\
kind: ConfigMap
metadata: {name: tigera-firewall-controller}
data: {tigera.firewall.policy.selector: "all()", tigera.firewall.addressSelection: node}
"""
_UNITS = """\
- name: a
  ip: 192.0.2.7
  apikey: {secretKeyRef: {name: s, key: k}}
  packagename: p
"""
LAUGHS: Final = "a: &a [x, x]\n" + "".join(
    f"{to}: &{to} [{', '.join([f'*{of}'] * 9)}]\n" for of, to in pairwise("abcdefghij")
)
"""Nine lines that stand for a billion values."""
DEEP: Final = "[" * 3000 + "]" * 3000


def deep_pod() -> builders.Manifest:
    """As any tenant can make one: annotations are text to the API server, whatever is in them."""
    status = f'[{{"name": "x", "ips": ["10.1.0.1"], "more": {DEEP}}}]'
    return builders.pod("b", "10.1.0.2", annotations={"k8s.v1.cni.cncf.io/network-status": status})


WHOLE: Final[Mapping[str, tuple[bytes, ...]]] = {
    "selector": (
        b"app == 'web' && tier in {'dmz', \"x\"} || !has(old)",
        b"all()",
        b"a contains 'b'",
    ),
    "dump": (
        json.dumps(builders.listing(builders.pod("a", "10.1.0.1"), builders.node("n"))).encode(),
        json.dumps(builders.listing(deep_pod(), builders.node("n")), indent=4).encode(),
        b"apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b}\n---\nkind: List\n",
    ),
    "yaml": (b"a: [1, 2]\nb: {c: d}\n", b"&a a: *a\n", b"? x\n: - y\n", b"a: |\n  b\n  c\n"),
    "preview": (
        b'config firewall address\nedit "a"\nset subnet 10.0.0.1/32\nnext\nend\n',
        b'config vdom\nedit root\nconfig firewall addrgrp\nedit g\nset member "a" b\nnext\nend\n',
    ),
    "json-rpc": (json.dumps(_ANSWER).encode(),),
    "fortios": (json.dumps(_ENVELOPE).encode(), json.dumps([_ENVELOPE]).encode()),
    "kubeconfig": (json.dumps(_KUBECONFIG).encode(), b"apiVersion: v1\nkind: Config\nusers: []\n"),
    "masq-agent": (b"nonMasqueradeCIDRs: [10.0.0.0/8]\nmasqLinkLocal: false\n",),
    "calico": (_CALICO.encode(), _UNITS.encode()),
    "cassette": (_CASSETTE.encode(),),
    "state": (json.dumps({"version": 1, "rollouts": [_ROLLOUT]}).encode(), b'{"version": 1}'),
    "audit": (json.dumps(_AUDIT).encode() + b"\n",),
    "plan": (b'{"fmgsyncPlan": 1, "savedAt": "2026-01-01T00:00:00Z", "digest": "x", "adoms": []}',),
    "schedule": (b"0 1 * * *", b"*/5 1-3 1,15 JAN MON"),
}

ODD: Final = (
    b"\x00", b"\xff\xfe", b"\x1b[31m", "\u202e".encode(), "\u2028".encode(), b"\r\n", b"\t", b"'",
    b'"', b"\\", b"{", b"}", b"[", b"]", b"[" * 2000, b'{"a":' * 1000, b"(" * 2000, b"-" * 40,
    DEEP.encode(), LAUGHS.encode(), b"2026-13-45", b"\n? [a]\n: b\n", b"1:99:99", b"!!binary x",
    b"9" * 400, b"1e999", b"-0", b"NaN", b"null", b"true", b"~", b"&a ", b"*a", b"<<: ", b"!!x ",
    b"%", b"a" * 5_000, b"edit ", b"end\n", b"next\n", b"config ", b"\xed\xa0\x80",
    b"9999-99-99T99:99:99Z", b"1e308", b"---\n", b"...\n", b"@", b"\xc3\x28", "\U0001f600".encode(),
)  # fmt: skip


def broken(name: str, dice: random.Random) -> bytes:
    """One of the whole texts, with a few things done to it."""
    text = bytearray(dice.choice(WHOLE[name]))
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        at, to = sorted((dice.randint(0, len(text)), dice.randint(0, len(text))))
        match dice.randrange(6):
            case 0:
                text[at:at] = dice.choice(ODD)
            case 1:
                del text[at : min(to, at + 12)]
            case 2:
                text[at:to] = dice.choice(ODD)
            case 3:
                text[at:at] = text[at:to]
            case 4 if text:
                text[min(at, len(text) - 1)] = dice.randrange(256)
            case _:
                text = text[:at]
    return bytes(text)
