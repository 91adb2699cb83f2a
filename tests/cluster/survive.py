#!/usr/bin/env python3
"""A campaign of twenty small trials, while everything around it breaks: one accepted attempt a trial, history only forward.

The conductor is killed again and again at random moments (KILLS, SEED; TRIALS for more of them), Argo CD's controllers are killed once, the store is away for two
minutes, somebody else pushes to the branch meanwhile, and the conductor's Git credential expires and is replaced.
"""
import os
import random
import threading
import time
from collections import Counter
from pathlib import Path

import lab

SCENARIO = Path("tests/cluster/scenarios/survive.yaml")
TRIALS, LEECHERS, REPETITIONS = int(os.environ.get("TRIALS", "20")), 1, 1
KILLS = int(os.environ.get("KILLS", "10"))
SEED = int(os.environ.get("SEED", "1"))
STORE_AWAY_SECONDS = 120
NAMESPACE, SECRET, USER = "benchgrid-test", "deploy-git", "bench"
PASSWORDS = Path(lab.ENV["GIT_ROOT"]) / "passwords"


class Chaos(threading.Thread):
    """Something done again and again until the campaign is over."""

    def __init__(self, act):
        super().__init__(daemon=True)
        self.act, self.over, self.times = act, threading.Event(), 0

    def run(self):
        while not self.over.is_set():
            try:
                pause = self.act(self)
            except Exception as e:  # noqa: BLE001
                lab.say(f"        {self.act.__name__}: {e}")
                pause = 2
            if pause is None:
                return
            self.over.wait(pause)


def conductor_pods():
    return [p for p in lab.pods(NAMESPACE) if p["metadata"]["name"].startswith("conductor")]


def kill_conductor(chaos, draw=random.Random(SEED)):
    """At a random moment; half of the times as soon as it has pushed, when Argo CD was not told yet."""
    if chaos.times >= KILLS:
        return None
    if draw.random() < 0.5:
        tip, until = lab.head(), time.monotonic() + 20
        while lab.head() == tip and time.monotonic() < until and not chaos.over.is_set():
            time.sleep(0.005)
    for pod in conductor_pods():
        if lab.processes(pod):
            lab.kill_pod(NAMESPACE, pod["metadata"]["name"])
            chaos.times += 1
            lab.say(f"        kill {chaos.times} of the conductor")
    return draw.uniform(3, 20)


def push_beside(chaos):
    """Somebody else's commit, by compare-and-swap as a push would be."""
    chaos.times += 1
    lab.commit_on_branch({"notes.txt": f"somebody else was here {chaos.times} times\n"}, "somebody else")
    return random.Random(SEED + chaos.times).uniform(1, 12)


def ended():
    return len(lab.done("survive"))


def controllers_killed():
    names = ["argocd-application-controller", "argocd-applicationset-controller", "argocd-repo-server"]
    lab.kill_daemon(*names)
    time.sleep(3)
    lab.start_daemons()
    lab.say("        Argo CD's controllers were killed and started again")


def store_away():
    lab.stop_daemon("victoria-metrics")
    time.sleep(8)
    before = lab.show_tree("active"), ended()
    time.sleep(STORE_AWAY_SECONDS - 8)
    lab.equal("nothing ends or begins while the store is silent", (lab.show_tree("active"), ended()), before)
    lab.start_daemons()
    lab.say(f"        the store was away for {STORE_AWAY_SECONDS} s")


def credential(password):
    """The Secret that the lab names: what git's credential store reads."""
    address = lab.GIT_URL.replace("://", f"://{USER}:{password}@", 1).rsplit("/", 1)[0]
    manifest = lab.kubectl("-n", NAMESPACE, "create", "secret", "generic", SECRET, f"--from-literal=credentials={address}\n", "--dry-run=client", "-o", "yaml")
    lab.kubectl("apply", "-f", "-", input=manifest)


def credential_expires():
    PASSWORDS.write_text(f"{USER}:second\n")
    time.sleep(5)
    before = lab.show_tree("active"), ended()
    time.sleep(15)
    lab.equal("nothing is pushed with a credential that expired", (lab.show_tree("active"), ended()), before)
    credential("second")
    lab.say("        the credential expired, and was replaced")
    # the kubelet brings a changed Secret into the pod in its own time
    lab.wait_until("the conductor pushes with the new credential", 180, lambda: (lab.show_tree("active"), ended()) != before)


# after so many attempts ended
EVENTS = [(3, controllers_killed), (7, store_away), (12, credential_expires)]


def forward_only():
    """Every move of the branch, from the reference's log, was to a descendant."""
    moves = [line.split()[:2] for line in (lab.GIT_DIR / "logs/refs/heads" / lab.BRANCH).read_text().splitlines()]
    lab.check("the branch's moves were logged", len(moves) > TRIALS, len(moves))
    backward = [m for m in moves if set(m[0]) != {"0"} and lab.git("merge-base", "--is-ancestor", *m, ok=(0, 1), status=True)]
    lab.equal("the branch only ever moved forward", backward, [])
    return len(moves)


def check_accepted():
    done = lab.done("survive")
    wanted = {(c["id"], t) for c in lab.cells("survive") for t in range(1, c["trials"] + 1)}
    accepted = Counter((e["cell"], e["trial"]) for e in done if e["outcome"] == "measured")
    lab.equal("every trial has one accepted attempt", accepted, Counter(wanted))
    lab.equal("no name was used twice", len({e["attempt"] for e in done}), len(done))
    for e in done:
        if e["outcome"] == "measured":
            lab.check_measured(e, LEECHERS, REPETITIONS)
        else:
            lab.say(f"        {e['attempt']}: {e['outcome']} {e['reason']}: {e['detail']}")
    return done


def main():
    lab.git("config", "core.logAllRefUpdates", "always")
    PASSWORDS.unlink(missing_ok=True)
    lab.edit_source(lab.LAB_FILE, ("conductor:\n", f"conductor:\n    gitSecret: {SECRET}\n"))
    if TRIALS != 20:
        lab.edit_source(SCENARIO, ("trials: 10", f"trials: {TRIALS // 2}"))
    lab.compile_and_push(SCENARIO, concurrency=2, retries=3)
    lab.equal("trials", sum(c["trials"] for c in lab.cells("survive")), TRIALS)
    PASSWORDS.write_text(f"{USER}:first\n")
    lab.apply_root()
    lab.wait_until("the conductor's namespace is there", 60, lambda: lab.kubectl("get", "namespace", NAMESPACE))
    credential("first")
    began = time.monotonic()
    chaos = [Chaos(kill_conductor), Chaos(push_beside)]
    lab.wait_until("the first cell runs", 120, lab.active)
    for c in chaos:
        c.start()
    for count, event in EVENTS:
        lab.wait_until(f"{count} attempts ended", 600, lambda count=count: ended() >= count, every=1)
        event()
    measured = lambda: len([e for e in lab.done("survive") if e["outcome"] == "measured"])  # noqa: E731
    try:
        lab.wait_until("every trial is measured", 900, lambda: measured() >= TRIALS and not lab.active(), every=1)
        lab.wait_until(f"the conductor was killed {KILLS} times", 60 * KILLS, lambda: chaos[0].times >= KILLS, every=1)
    finally:
        for c in chaos:
            c.over.set()
        for c in chaos:
            c.join(30)
    done = check_accepted()
    moves = forward_only()
    lab.say(f"SEEN    {chaos[0].times} kills (seed {SEED}), {chaos[1].times} commits of somebody else, {moves} moves of the branch, "
            f"{len(done)} attempts for {TRIALS} trials, {time.monotonic() - began:.0f} s")
    lab.check_empty()
    PASSWORDS.unlink(missing_ok=True)


lab.run(main)
