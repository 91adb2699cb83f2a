#!/usr/bin/env python3
"""One link of the chain is broken at a time; done/ must say which.

Wrong store address, probe image missing, tracker blocked, link not shaped; at last a store that takes everything and keeps nothing. Each in a copy of scenarios/fault.yaml with a name of its
own, so that the copies share nothing; the lab gives no second try.
"""
import subprocess
import sys
import threading
import time
from pathlib import Path

import lab

TEMPLATE = Path("tests/cluster/scenarios/fault.yaml")


def scenario(name):
    """A copy of the scenario under another name."""
    lab.prepare_source()
    path = TEMPLATE.with_name(f"fault-{name}.yaml")
    text = (lab.SOURCE / TEMPLATE).read_text()
    (lab.SOURCE / path).write_text(text.replace("name: fault\n", f"name: fault-{name}\n"))
    lab.commit_source(f"break: {name}")
    return path


def ended(name, seconds):
    """The one attempt at the copy's cell, once it is in done/."""
    return lab.wait_until(f"fault-{name} is in done/", seconds, lambda: lab.done(f"fault-{name}"), every=1)[0]


def expect(name, seconds, reason, *words):
    try:
        attempt = ended(name, seconds)
    except TimeoutError as e:
        lab.check(f"{name}: ended", False, e)
        return
    lab.equal(f"{name}: failed, and why", (attempt["outcome"], attempt["reason"]), ("failed", reason))
    missing = [w for w in words if w not in attempt["detail"]]
    lab.check(f"{name}: the detail says what is broken", not missing, f"{missing} not in: {attempt['detail']}")
    lab.say(f"        {attempt['detail']}")


def tracker_blocked():
    """Nobody reaches a coordinator's tracker any more."""
    rule = ["FORWARD", "-p", "tcp", "--dport", "6969", "-j", "DROP"]
    return (lambda: node("iptables", "-I", *rule)), (lambda: node("iptables", "-D", *rule))


def node(*args, ok=(0,)):
    """A command in the node's network namespace."""
    return lab.command("nsenter", f"--net=/var/run/netns/{lab.ENV['NETNS']}", "--", *args, ok=ok)


class Unshape(threading.Thread):
    """Takes the queueing disciplines off every pod's link as soon as they are set."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stopped = threading.Event()

    def run(self):
        while not self.stopped.wait(0.1):
            for netns in Path("/var/run/netns").glob("cni-*"):
                for kind in (["root"], ["ingress"]):
                    subprocess.run(["nsenter", f"--net={netns}", "--", "tc", "qdisc", "del", "dev", "eth0", *kind], capture_output=True)


def measured(name):
    attempt = ended(name, 240)
    lab.equal(f"{name}: measured", (attempt["outcome"], attempt["reason"]), ("measured", "ok"))


def store():
    nowhere = f"http://{lab.ENV['NODE_IP']}:9"
    lab.compile_and_push(scenario("store"), write=nowhere)
    expect("store", 300, "store", nowhere)
    lab.set_lab(write=lab.STORE)


def image():
    probe = f"{lab.ENV['REGISTRY']}/benchgrid-probe"
    lab.compile_and_push(scenario("image"), probe=f"{probe}:absent")
    expect("image", 400, "not-ready", f"{probe}:absent")
    lab.set_lab(probe=f"{probe}:test")


def tracker():
    block, unblock = tracker_blocked()
    block()
    try:
        lab.compile_and_push(scenario("tracker"))
        expect("tracker", 300, "gate", "tracker http://coordinator:6969")
    finally:
        unblock()


def unshaped():
    unshape = Unshape()
    unshape.start()
    try:
        lab.compile_and_push(scenario("unshaped"))
        expect("unshaped", 300, "baseline", "Mbit/s")
    finally:
        unshape.stopped.set()
        unshape.join()


def conductor_said():
    return lab.kubectl("-n", "benchgrid-test", "logs", "-l", "app.kubernetes.io/name=conductor", "--tail=-1")


def dropping():
    """After two attempts that left nothing, no third is admitted, though two trials wait; the reason is said. Mended, they go on."""
    name, port = "fault-dropping", 9428
    nowhere = f"http://{lab.ENV['NODE_IP']}:{port}"
    lab.shell(f'start dropping-store python3 "$KIT/dropping-store.py" "$NODE_IP" {port}')
    path = scenario("dropping")
    lab.edit_source(path, ("trials: 1\n", "trials: 4\n"))
    lab.compile_and_push(path, write=nowhere, read=nowhere)
    two = lab.wait_until("two attempts ended", 1200, lambda: len(lab.done(name)) >= 2 and not lab.active() and lab.done(name), every=1)
    for attempt in two:
        lab.equal(f"{attempt['attempt']}: failed, and why", (attempt["outcome"], attempt["reason"], attempt["records"]), ("failed", "store", 0))
    # a third would be admitted within a tick or two of the last place that is free
    lab.wait_until("their namespaces are gone", 60, lambda: not lab.cell_namespaces())
    why = lab.wait_until("the conductor says why it admits nothing", 30, lambda: next((
        line for line in conductor_said().splitlines() if "the last two attempts left nothing in the store" in line), None))
    lab.check("it names both attempts and their reason", all(a["attempt"] in why for a in two) and "store" in why, why)
    time.sleep(15)
    lab.equal("nothing more was admitted", (len(lab.done(name)), lab.active()), (2, []))
    lab.equal("status says so too", "the last two attempts left nothing in the store" in lab.benchgrid("status", "--git", lab.GIT_URL, cwd=lab.SOURCE), True)
    lab.compile_and_push(path, write=lab.STORE, read=lab.STORE)
    lab.shell("stop dropping-store")
    lab.wait_until("with the store mended it goes on", 300, lambda: any(a["outcome"] == "measured" for a in lab.done(name)), every=1)


FAULTS = {f.__name__: f for f in (store, image, tracker, unshaped, dropping)}


def main():
    """All faults, or those named on the command line."""
    lab.check_addresses()
    # the first compile brings the conductor; nothing is broken in it
    lab.compile_and_push(scenario("none"), retries=0)
    lab.apply_root()
    measured("none")
    for name in sys.argv[1:] or FAULTS:
        FAULTS[name]()
    lab.compile_and_push(scenario("mended"))
    measured("mended")
    lab.check_empty()


lab.run(main)
