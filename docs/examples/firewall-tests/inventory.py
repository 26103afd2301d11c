"""Which FortiGates of an ADOM are reachable? A client of our own, without fmgsync."""

import requests


def reachable(host: str, user: str, password: str, adom: str, ca_file: str) -> dict[str, bool]:
    """Device -> whether FortiManager reaches it."""

    def call(method: str, param: dict[str, object], session: str | None) -> dict[str, object]:
        body = {"id": 1, "method": method, "params": [param], "verbose": 1, "session": session}
        answer = requests.post(f"https://{host}/jsonrpc", json=body, verify=ca_file, timeout=30)
        answer.raise_for_status()
        return answer.json()

    data = {"user": user, "passwd": password}
    session = call("exec", {"url": "/sys/login/user", "data": data}, None)["session"]
    url, fields = f"/dvmdb/adom/{adom}/device", ["name", "conn_status"]
    rows = call("get", {"url": url, "fields": fields}, session)["result"][0]["data"]
    call("exec", {"url": "/sys/logout"}, session)
    return {row["name"]: row["conn_status"] == "up" for row in rows}
