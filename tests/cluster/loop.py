#!/usr/bin/env python3
"""The whole loop, unattended: two scenarios compiled and pushed, one root Application applied, nothing else done by hand.

The smoke scenario must end with every cell measured; beside it a cell whose system can never become ready must end as
failed after its one retry, with the reason, and must not hold up the others.
"""
import lab
import trace

SMOKE, NEVER = "matrices/smoke.yaml", "tests/cluster/never-ready.yaml"
# as the smoke scenario has it: 2 x 2, one seeder and two leechers
CELLS, LEECHERS, REPETITIONS = 4, 2, 2
RETRIES = 1
LIMIT_SECONDS = 1500


def watch(wanted):
    """Until so many attempts ended. Gives back the most that were ever deployed at once."""
    most, told = 0, -1

    def over():
        nonlocal most, told
        most = max(most, len(lab.active()))
        ended = sorted(lab.done(), key=lambda e: e["ended"])
        if len(ended) != told:
            told = len(ended)
            lab.say(f"        {told} of {wanted} ended" + "".join(f", the last: {e['slug']} {e['outcome']}" for e in ended[-1:]))
        return len(ended) >= wanted and not lab.active()

    try:
        lab.wait_until("every attempt ended", LIMIT_SECONDS, over, every=1)
    except TimeoutError as e:
        lab.check("every attempt ended", False, e)
    return most


def check_never_ready(scenario):
    ended = sorted(lab.done(scenario), key=lambda e: e["number"])
    lab.equal("the broken cell was tried as often as allowed", [(e["trial"], e["number"]) for e in ended],
              [(1, n + 1) for n in range(RETRIES + 1)])
    for e in ended:
        lab.equal(f"{e['attempt']}: failed, with its reason", (e["outcome"], e["reason"]), ("failed", "not-ready"))
        lab.check(f"{e['attempt']}: and in words", e["detail"], e)
        lab.equal(f"{e['attempt']}: made no record", (e["records"], len(lab.records(e["attempt"]))), (0, 0))


def main():
    lab.check_addresses()
    smoke, never = lab.scenario_name(SMOKE), lab.scenario_name(NEVER)
    lab.compile_and_push(SMOKE, NEVER, concurrency=1, retries=RETRIES)
    cells, broken = lab.cells(smoke), lab.cells(never)
    lab.equal("cells of the smoke scenario", len(cells), CELLS)
    lab.equal("cells that can't become ready", len(broken), 1)

    lab.apply_root()
    conductor = lab.wait_until("the conductor runs in the cluster, deployed by Argo CD", 120, lab.conductor)
    most = watch(len(cells) + len(broken) * (1 + RETRIES))
    lab.equal("attempts at one time, at most", most, 1)

    ended = lab.done(smoke)
    lab.equal("every cell of the smoke scenario ended, once", sorted(e["cell"] for e in ended), sorted(c["id"] for c in cells))
    for e in ended:
        lab.check_measured(e, LEECHERS, REPETITIONS)
    check_never_ready(never)
    lab.check_empty()
    lab.equal("it was one and the same conductor", (lab.conductor() or conductor)["metadata"]["uid"], conductor["metadata"]["uid"])

    folder = lab._work / "report"
    text = lab.report(smoke, folder)
    print(text, flush=True)
    lab.check_report(text, len(cells))
    trace.check_chain(folder, SMOKE)


lab.run(main)
