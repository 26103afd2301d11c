"""How long the answers of a night take: every question of docs/questions.md in a lab, and `explain`
from a controller that knows many pods.

    python benchmarks/answers.py [--devices 300] [--pods 150000]

Prints one line per question. The lab is simulated on the same computer, which takes its share.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import structlog
import yaml

from fmgsync.cli import story
from fmgsync.daemon import questions
from fmgsync.wiring import wiring
from tests.lab import evening
from tests.lab.questions import QUESTIONS, words_of

KNOWN_S = 300.0


def main() -> None:
    """Both parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=300)
    parser.add_argument("--pods", type=int, default=150_000)
    chosen = parser.parse_args()
    quiet = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=quiet)
    with (
        tempfile.TemporaryDirectory() as folder,
        evening.open_evening(Path(folder), chosen.devices) as estate,
    ):
        print(f"{chosen.devices} FortiGates, by looking:")
        words = words_of(estate)
        for each in QUESTIONS:
            began = time.perf_counter()
            evening.screen(each.command.format(**words))
            print(f"{time.perf_counter() - began:8.2f} s  {each.asks}")
        structlog.configure(wrapper_class=quiet)
        ask_controller(estate, chosen.pods, words)


def ask_controller(estate: story.Estate, pods: int, words: dict[str, str]) -> None:
    """A controller over the same lab, with one cluster more that is large."""
    config = yaml.safe_load(estate.config.read_text(encoding="utf-8"))
    config["clusters"].append({"name": "large", "manifests": "./large.json"})
    config["groups"].append({"name": "k8s-large", "select": "app == 'large'"})
    config["guard"] = {"maxMembers": 1_000_000}
    config["policy"] = {"mode": "observe"}
    estate.config.write_text(json.dumps(config), encoding="utf-8")
    items = [pod(number) for number in range(pods)]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    (estate.folder / "large.json").write_text(text, encoding="utf-8")
    controller = wiring.make_controller(estate.config, state_dir=estate.folder / "state-2")
    thread = threading.Thread(target=controller.run)
    thread.start()
    try:
        ends_at = time.monotonic() + KNOWN_S
        last = pod(pods - 1)["status"]["podIP"]
        while not (controller.workloads.who(last) and controller.adoms[0].last_success_at):
            if time.monotonic() > ends_at:
                raise SystemExit(f"the controller did not get ready within {KNOWN_S:.0f} s")
            time.sleep(0.2)
        print(f"explain, asked of a controller that knows {pods} pods more:")
        for question in (
            {"ip": words["ip"]},
            {"ip": last},
            {"pod": words["new"]},
            {"pod": f"shop/large-{pods - 1}"},
            {"group": "k8s-web"},
            {"device": "fgt-east-1"},
        ):
            began = time.perf_counter()
            found, _ = questions.answer(controller, question)
            print(f"{time.perf_counter() - began:8.3f} s  {found.question}: {found.answer}")
    finally:
        controller.stop()
        thread.join()


def pod(number: int) -> dict[str, Any]:
    """One of the large cluster."""
    address = f"11.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"large-{number}", "namespace": "shop", "labels": {"app": "large"}},
        "spec": {"nodeName": "node-1", "containers": [{"name": "a", "image": "a"}]},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    }


if __name__ == "__main__":
    main()
