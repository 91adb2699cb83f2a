"""What an agent takes beside its node: one download with an agent, one without, at the same time on links of their own.

Needs root and iproute2: a seeder, two leechers and a coordinator live in network namespaces on one bridge. Both
leechers are the built-in control node; the agent drives one of them, the other gets the same order by hand.
"""

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

RATE = 50_000_000
SIZE = 100_000_000
LINKS = {"seeder": ("10.9.3.1", 4 * RATE), "watched": ("10.9.3.2", RATE), "alone": ("10.9.3.3", RATE)}
CENTRE = "10.9.3.254"
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Seen:
    """Of one download: seconds with and without an agent; of the agent: shares of a processor, seconds, MiB."""
    watched: float
    alone: float
    sampling: float
    verifying: float
    memory: float


class Bed:
    def __init__(self, program, folder):
        self.program, self.folder, self.children = program, Path(folder), []
        self.prefix = f"bgb{os.getpid()}-"

    def __enter__(self):
        self.centre = self.namespace("centre")
        self.ip("-n", self.centre, "link", "add", "br0", "type", "bridge")
        self.ip("-n", self.centre, "address", "add", f"{CENTRE}/24", "dev", "br0")
        self.ip("-n", self.centre, "link", "set", "br0", "up")
        for name, (address, rate) in LINKS.items():
            self.node(name, address, rate)
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.kill()
            child.wait()
        for name in [*LINKS, "centre"]:
            subprocess.run(["ip", "netns", "del", self.prefix + name], check=False)

    def namespace(self, name):
        self.ip("netns", "add", self.prefix + name)
        self.ip("-n", self.prefix + name, "link", "set", "lo", "up")
        return self.prefix + name

    def node(self, name, address, rate):
        namespace = self.namespace(name)
        self.ip("-n", self.centre, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        self.ip("-n", self.centre, "link", "set", name, "master", "br0", "up")
        self.ip("-n", namespace, "address", "add", f"{address}/24", "dev", "eth0")
        self.ip("-n", namespace, "link", "set", "eth0", "up")
        self.ip("-n", namespace, "route", "add", "default", "via", CENTRE)
        subprocess.run([*self.inside(name), "shape", f"--up={rate}", f"--down={rate}"], check=True, capture_output=True)
        self.data(name).mkdir()
        self.start(name, "http-node", f"--data={self.data(name)}")

    def ip(self, *arguments):
        subprocess.run(["ip", *arguments], check=True)

    def data(self, name):
        return self.folder / name

    def inside(self, name):
        return ["ip", "netns", "exec", self.prefix + name, self.program]

    def start(self, name, *arguments, stdout=subprocess.DEVNULL):
        child = subprocess.Popen([*self.inside(name), *arguments], stdout=stdout, stderr=subprocess.DEVNULL)
        self.children.append(child)
        return child

    def agent(self, pod, name):
        address = LINKS[name][0]
        return self.start(name, "agent", f"--coordinator=http://{CENTRE}:7070", f"--attempt={ATTEMPT}", "--system=c",
                          f"--group={pod.split('-')[1]}", f"--pod={pod}", f"--host={address}", "--driver=http",
                          "--api=http://127.0.0.1:8080", f"--data={self.data(name)}")

    def measure(self):
        """One attempt at a cell of one seeder and one leecher, and the same download by hand."""
        (self.folder / "cell.json").write_text(json.dumps(cell()))
        self.agent("c-seed-0", "seeder")
        agent = self.agent("c-load-0", "watched")
        self.start("centre", "coordinator", f"--cell={self.folder / 'cell.json'}", f"--attempt={ATTEMPT}")
        while not (part := next(self.data("watched").glob(".*.part"), None)):
            time.sleep(0.005)
        began, before = time.perf_counter(), processors(agent.pid)
        whole = part.name[1:].rsplit(".", 2)[0]
        self.order("alone", whole)
        alone_began = time.perf_counter()
        watched = alone = None
        while watched is None or alone is None:
            time.sleep(0.01)
            now = time.perf_counter()
            if watched is None and (self.data("watched") / whole).exists():
                watched, after = now - began, processors(agent.pid)
            if alone is None and (self.data("alone") / whole).exists():
                alone = now - alone_began
        while (self.data("watched") / whole).exists():
            time.sleep(0.01)
        return Seen(watched, alone, (after - before) / watched, processors(agent.pid) - after, peak(agent.pid))

    def order(self, name, whole):
        """The order that a driver gives."""
        order = {"name": whole, "bytes": SIZE, "from": [f"http://{LINKS['seeder'][0]}:8080"]}
        subprocess.run(["ip", "netns", "exec", self.prefix + name, "curl", "-sf", "-H", "Content-Type: application/json",
                        "-d", json.dumps(order), "http://127.0.0.1:8080/fetch"], check=True)


ATTEMPT = "bg-bench-0123456789-abcdef-t1a1"


def cell():
    def group(name, role, rate):
        return {"name": name, "role": role, "replicas": 1,
                "link": {"upBitsPerSecond": rate, "downBitsPerSecond": rate, "latencySeconds": 0.0}}
    return {
        "protocol": 1, "lab": "bench", "scenario": "bench", "cell": "0123456789", "digest": "abcdef" * 10 + "abcd",
        "levels": {}, "shaping": "tc",
        "measure": {"fileSize": SIZE, "repetitions": 1, "warmup": 0, "readySeconds": 60.0, "gateSeconds": 60.0,
                    "stalledSeconds": 60.0, "transferDeadlineSeconds": 120.0, "idleSeconds": 1.0, "coolDownSeconds": 0.0,
                    "baselineBytes": 0, "fluidBoundSeconds": None},
        "systems": [{"name": "c", "driver": "http", "seeders": 1,
                     "groups": [group("seed", "seeder", 4 * RATE), group("load", "leecher", RATE)]}],
        "store": {"write": "http://127.0.0.1:9", "read": "http://127.0.0.1:9"},
    }


def processors(pid):
    """Seconds of processors that a process took."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak(pid):
    """Most memory that it held, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
