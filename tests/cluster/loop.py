#!/usr/bin/env python3
"""The whole loop, unattended: two scenarios compiled and pushed, one root Application applied, nothing else done by hand.

The smoke scenario must end with every cell measured; beside it a cell whose system can never become ready must end as
failed after its one retry, with the reason, and must not hold up the others. The smallest cell of the heterogeneous
scenario runs with them: unlike nodes, versions and links in one network; and one cell of two systems, of which one is measured and the other
transfers beside it without a pause.
"""
import re
import time

import lab
import trace

SMOKE, NEVER, UNLIKE = "matrices/smoke.yaml", "tests/cluster/never-ready.yaml", "matrices/heterogeneous.yaml"
BESIDE = "matrices/two-systems.yaml"
# as the smoke scenario has it: 2 x 2, one seeder and two leechers
CELLS, LEECHERS, REPETITIONS = 4, 2, 2
RETRIES = 1
# links of the heterogeneous scenario's smallest cell, by group: up and down in Mbit/s
LINKS = {"origin": (100, 100), "stable": (20, 50), "next": (10, 50)}
UNLIKE_LEECHERS, UNLIKE_REPETITIONS = 2, 2
# of the two systems' busy cell: leechers of the measured one, and everything that runs
BESIDE_LEECHERS, BESIDE_REPETITIONS = 1, 2
BESIDE_PODS = {"bittorrent-seed-0", "bittorrent-leech-0", "web-origin-0", "web-client-0"}
# of a link's rate, what a transfer of full packets sees; and how near the baseline must come (docs/methodology.md)
PAYLOAD_SHARE, TOLERANCE = 0.9564, 0.1
LIMIT_SECONDS = 1500


def watch(wanted):
    """Until so many attempts ended. Gives back the most that were ever deployed at once, and what the two systems' coordinator said last."""
    most, told, said = 0, -1, ""

    def over():
        nonlocal most, told, said
        active = lab.active()
        most = max(most, len(active))
        for attempt in active:
            if attempt["scenario"] == "two-systems":
                said = lab.coordinator_said(attempt["attempt"]) or said
        ended = sorted(lab.done(), key=lambda e: e["ended"])
        if len(ended) != told:
            told = len(ended)
            lab.say(f"        {told} of {wanted} ended" + "".join(f", the last: {e['slug']} {e['outcome']}" for e in ended[-1:]))
        return len(ended) >= wanted and not lab.active()

    try:
        lab.wait_until("every attempt ended", LIMIT_SECONDS, over, every=1)
    except TimeoutError as e:
        lab.check("every attempt ended", False, e)
    return most, said


def check_never_ready(scenario):
    ended = sorted(lab.done(scenario), key=lambda e: e["number"])
    lab.equal("the broken cell was tried as often as allowed", [(e["trial"], e["number"]) for e in ended],
              [(1, n + 1) for n in range(RETRIES + 1)])
    for e in ended:
        lab.equal(f"{e['attempt']}: failed, with its reason", (e["outcome"], e["reason"]), ("failed", "not-ready"))
        lab.check(f"{e['attempt']}: and in words", e["detail"], e)
        lab.equal(f"{e['attempt']}: made no record", (e["records"], len(lab.records(e["attempt"]))), (0, 0))


def smallest_cell():
    """Leave the heterogeneous scenario with its smallest cell, once; without delays where the kernel has no netem."""
    lab.prepare_source()
    text = (lab.SOURCE / UNLIKE).read_text()
    mobile = re.search(r"(?m)^ *- \{name: mobile.*\n", text)[0]
    lab.edit_source(UNLIKE, ("networkSize: [3, 11]", "networkSize: [3]"), (mobile, ""), ("    fileSize: 5MB\n", "    fileSize: 5MB\n    trials: 1\n"))
    if not lab.has_netem():
        lab.say("        this kernel has no netem: the heterogeneous cell runs without its latencies")
        text = (lab.SOURCE / UNLIKE).read_text()
        lab.edit_source(UNLIKE, (text, re.sub(r", latency: \w+", "", text)))


def check_unlike(scenario):
    """Each group had its own link, measured; both versions' groups downloaded from the origin."""
    ended = lab.done(scenario)
    lab.equal("the heterogeneous cell ended, once", len(ended), 1)
    lab.check_measured(ended[0], UNLIKE_LEECHERS, UNLIKE_REPETITIONS)
    for direction, index in (("up", 0), ("down", 1)):
        seen = {}
        for series in lab.export(f'benchgrid_baseline_{direction}_bytes_per_second{{attempt="{ended[0]["attempt"]}"}}'):
            seen.setdefault(series["metric"]["group"], []).extend(series["values"])
        for group, rates in LINKS.items():
            lab.check(f"{group}: {direction} {rates[index]} Mbit/s, measured before the transfers",
                      seen.get(group) and all(abs(v * 8 / (rates[index] * 1e6 * PAYLOAD_SHARE) - 1) <= TOLERANCE for v in seen[group]), seen)


def busy_cell():
    """Leave the scenario of two systems with the cell whose neighbour transfers, once."""
    lab.edit_source(BESIDE, ("neighbour: [none, idle, busy]", "neighbour: [busy]"), ("fileSize: [5MB, 20MB]", "fileSize: [5MB]"),
                    ('    fileSize: "{{ fileSize }}"\n', '    fileSize: "{{ fileSize }}"\n    trials: 1\n'), ("    baseline: none\n", "    baseline: busy\n"))


def check_beside(scenario, said):
    """One system measured, the other busy beside it; records of the one alone, links of both proven."""
    ended = lab.done(scenario)
    lab.equal("the cell of two systems ended, once", len(ended), 1)
    records = lab.check_measured(ended[0], BESIDE_LEECHERS, BESIDE_REPETITIONS)
    lab.equal("records are of the measured system alone", {r["system"] for r in records}, {"bittorrent"})
    proven = {s["metric"]["node"] for s in lab.export(f'benchgrid_node_info{{attempt="{ended[0]["attempt"]}"}}')}
    lab.equal("the store knows the nodes of both systems", proven, BESIDE_PODS)
    transfers = re.findall(r"background web: transfer (\d+): 1 of 1 downloads succeeded", said)
    lab.check("the other system transferred all the time", len(transfers) >= BESIDE_REPETITIONS, said[-3000:])


def main():
    lab.check_addresses()
    smoke, never, unlike, beside = (lab.scenario_name(path) for path in (SMOKE, NEVER, UNLIKE, BESIDE))
    smallest_cell()
    busy_cell()
    lab.compile_and_push(SMOKE, NEVER, UNLIKE, BESIDE, concurrency=1, retries=RETRIES)
    cells, broken = lab.cells(smoke), lab.cells(never)
    lab.equal("cells of the heterogeneous scenario", len(lab.cells(unlike)), 1)
    lab.equal("cells of the smoke scenario", len(cells), CELLS)
    lab.equal("cells that can't become ready", len(broken), 1)

    lab.apply_root()
    conductor = lab.wait_until("the conductor runs in the cluster, deployed by Argo CD", 120, lab.conductor)
    began = time.monotonic()
    most, said = watch(len(cells) + 2 + len(broken) * (1 + RETRIES))
    lab.equal("attempts at one time, at most", most, 1)
    # the cell that can't become ready takes what `ready` gives it, which no forecast counts
    lab.say(f"SEEN    forecast without the broken cell {lab.forecast(SMOKE, UNLIKE, BESIDE):.0f} s, taken with it {time.monotonic() - began:.0f} s")
    lab.say(f"SEEN    an attempt of the smoke scenario beside its transfers, median: {lab.overhead(lab.done(smoke)):.1f} s")

    ended = lab.done(smoke)
    lab.equal("every cell of the smoke scenario ended, once", sorted(e["cell"] for e in ended), sorted(c["id"] for c in cells))
    for e in ended:
        lab.check_measured(e, LEECHERS, REPETITIONS)
    check_never_ready(never)
    check_unlike(unlike)
    check_beside(beside, said)
    lab.check_empty()
    lab.equal("it was one and the same conductor", (lab.conductor() or conductor)["metadata"]["uid"], conductor["metadata"]["uid"])

    folder = lab._work / "report"
    text = lab.report(smoke, folder)
    print(text, flush=True)
    lab.check_report(text, len(cells))
    trace.check_chain(folder, SMOKE)
    lab.check_archive(smoke, folder)
    rows = lab.table(lab.report(unlike))
    lab.equal("the report of unlike nodes has a row for each group that downloads", {r["leechers"] for r in rows}, {"all", "stable", "next"})


lab.run(main)
