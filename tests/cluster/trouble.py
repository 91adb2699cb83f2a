#!/usr/bin/env python3
"""Six cells: a system that fails, an image that nobody has, a node killed in the middle, a store that is away for a while, two that go well.

The campaign must end by itself: good cells measured, the others failed with the right reason and their logs, nothing left in the cluster.
"""
import re
import threading
import time
from pathlib import Path

import lab

SCENARIO = Path("tests/cluster/scenarios/trouble.yaml")
LEECHERS, REPETITIONS, RETRIES = 1, 2, 1
OUTAGE_SECONDS = 45
# attempts: four cells measured (one of them at its second try), two given up after both tries
ATTEMPTS = 4 + 1 + 2 * (1 + RETRIES)


def case(entry):
    return entry["slug"].removeprefix("case-")


def in_the_middle(name, number=1):
    """The attempt at that cell, once its first transfers are recorded and the next ones run."""
    def ready():
        for attempt in lab.active("trouble"):
            if case(attempt) == name and attempt["number"] == number and '"kind":"download"' in lab.coordinator_said(attempt["attempt"]):
                return attempt
    attempt = lab.wait_until(f"{name}: its first transfer is recorded", 900, ready, every=0.5)
    time.sleep(4)
    return attempt["attempt"]


def kill_a_node():
    attempt = in_the_middle("killed")
    lab.kill_pod(attempt, "http-origin-0")
    lab.say(f"        killed: http-origin-0 of {attempt}")


def store_outage():
    attempt = in_the_middle("outage")
    lab.stop_daemon("victoria-metrics")
    lab.say(f"        the store is away, {attempt} runs")
    began, tip = time.monotonic(), lab.head()
    # whatever was being decided when the store went may still be pushed
    time.sleep(8)
    tip = lab.head()
    time.sleep(max(0, OUTAGE_SECONDS - (time.monotonic() - began)))
    lab.equal("while the store is silent, the branch stays as it is", lab.head(), tip)
    lab.start_daemons()
    lab.say("        the store is back")


class Fault(threading.Thread):
    """Something that happens beside the campaign; what goes wrong in it is a failed check."""

    def __init__(self, what):
        super().__init__(daemon=True)
        self.what = what

    def run(self):
        try:
            self.what()
        except Exception as e:  # noqa: BLE001
            lab.check(f"{self.what.__name__} went as meant", False, f"{type(e).__name__}: {e}")


def check_failed(entry, reasons, words):
    name = f"{case(entry)}, try {entry['number']}"
    lab.check(f"{name}: failed, and why", entry["outcome"] == "failed" and entry["reason"] in reasons, (entry["outcome"], entry["reason"]))
    missing = [w for w in words if w not in entry["detail"]]
    lab.check(f"{name}: in words", not missing, f"{missing} not in: {entry['detail']}")
    path = f"done/trouble/{entry['slug']}/{entry['attempt']}.log"
    if not lab.check(f"{name}: its logs are on the branch", path in lab.ls("done/trouble"), lab.ls("done/trouble")):
        return ""
    return lab.show(path)


def main():
    lab.compile_and_push(SCENARIO, concurrency=2, retries=RETRIES)
    lab.apply_root()
    faults = [Fault(kill_a_node), Fault(store_outage)]
    for fault in faults:
        fault.start()
    lab.wait_until("every attempt ended", 1200, lambda: len(lab.done("trouble")) >= ATTEMPTS and not lab.active(), every=2)
    for fault in faults:
        fault.join(30)

    ended = sorted(lab.done("trouble"), key=lambda e: (e["slug"], e["number"]))
    for e in ended:
        lab.say(f"        {case(e)} {e['number']}: {e['outcome']} {e['reason']}: {e['detail']}")
    lab.equal("attempts in all", len(ended), ATTEMPTS)
    measured = [e for e in ended if e["outcome"] == "measured"]
    lab.equal("measured, each once", sorted(map(case, measured)), ["calm", "killed", "other", "outage"])
    for e in measured:
        lab.check_measured(e, LEECHERS, REPETITIONS)
        lab.equal(f"{case(e)}: at this try", e["number"], 2 if case(e) == "killed" else 1)
    for e in ended:
        if e["outcome"] == "measured":
            continue
        if case(e) == "failing":
            log = check_failed(e, ["not-ready"], ["failing-nodes-0"])
            lab.check("failing: the log has the program's own words", "--no-such-option" in log, log[-2000:])
        elif case(e) == "unpullable":
            log = check_failed(e, ["not-ready"], ["registry.example.invalid/no-such-image:1"])
            lab.check("unpullable: the log says what it waits for", re.search("ErrImagePull|ImagePullBackOff", log), log[-2000:])
        else:
            log = check_failed(e, ["invalid", "transfer-failed"], ["http-origin-0"])
            lab.check("killed: the log has the coordinator's own words", "coordinator" in log, log[-2000:])
    lab.check_empty()
    print(lab.report("trouble"), flush=True)


lab.run(main)
