"""Processes and what they take."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass

# no settings of the machine's or the user's, no clean-up behind our back
ENVIRONMENT = {
    **os.environ,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_COUNT": "3",
    "GIT_CONFIG_KEY_0": "gc.auto", "GIT_CONFIG_VALUE_0": "0",
    "GIT_CONFIG_KEY_1": "user.name", "GIT_CONFIG_VALUE_1": "bench",
    "GIT_CONFIG_KEY_2": "user.email", "GIT_CONFIG_VALUE_2": "bench@example.com",
}


@dataclass
class Usage:
    """Seconds on the clock, seconds of processors, and the most memory in MiB."""
    wall: float
    cpu: float
    memory: float

    def __add__(self, other):
        return Usage(self.wall + other.wall, self.cpu + other.cpu, max(self.memory, other.memory))


def run(command, folder=None):
    """Runs a command that must succeed; what it took, its children that it waited for included."""
    with open(os.devnull, "w") as nothing:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=nothing, stderr=subprocess.PIPE, text=True)
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {process.returncode}\n{errors}")
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def output(command, folder=None, given=None):
    """What a command that must succeed prints, to which something may be given."""
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, text=True, input=given)
    return done.stdout


def fastest(usages):
    """The one of several that took least time."""
    return min(usages, key=lambda usage: usage.wall)
