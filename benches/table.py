"""What was seen beside what is allowed, as Markdown."""

import os


class Table:
    def __init__(self):
        self.sizes = []
        self.budgets = []
        self.broken = False

    def size(self, cells, ours, theirs):
        """How a matrix of so many cells went."""
        self.sizes.append([f"{cells:,}", f"{ours.wall:.3f}", f"{ours.cpu:.3f}", f"{ours.memory:.0f}",
                           f"{theirs.wall:.3f}", f"{theirs.cpu:.3f}", f"{ours.wall / theirs.wall:.2f}"])

    def ratio(self, what, first, second, allowed):
        """One time over another."""
        detail = f"{first / second:.2f} ({shown(first)} : {shown(second)})"
        self.line(what, f"{allowed}", detail, first / second <= allowed)

    def limit(self, what, seen, allowed, unit):
        self.line(what, f"{allowed} {unit}", f"{seen:.0f} {unit}", seen <= allowed)

    def stated(self, what, seen):
        """What has no budget."""
        self.budgets.append([what, "", seen, "stated"])

    def missing(self, what, tool):
        """A budget that can't be looked at here."""
        self.budgets.append([what, "", f"{tool} is not here", "not measured"])
        self.broken = self.broken or os.environ.get("CI") == "true"

    def line(self, what, allowed, seen, fits):
        self.budgets.append([what, allowed, seen, "ok" if fits else "OVER"])
        self.broken = self.broken or not fits

    def text(self):
        return "\n".join([
            *rows(["cells", "seconds", "of processors", "MiB", "git: seconds", "of processors", "ratio"], self.sizes), "",
            *rows(["budget", "at most", "seen", ""], self.budgets),
        ])


def rows(head, lines):
    """A Markdown table."""
    return [f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines]]


def shown(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
