"""Enforces NetworkPolicies on the test cluster's one node, as far as cells use them; what it does not know is an error, not left out.

A stand-in, since no network plugin that does so can be had from the registries: it shows that cells work behind their policies and that
these keep them apart, by this reading of https://kubernetes.io/docs/concepts/services-networking/network-policies/ and no other.
Packets between pods cross the bridge through the kernel's `forward` hook, those to the node through `input`; what the node itself
sends is let through, as the documentation has it.
"""
import json
import threading

import lab

TABLE = "benchgrid_policies"


def node(*args, input=None):
    """A command in the node's network namespace."""
    return lab.command("nsenter", f"--net=/var/run/netns/{lab.ENV['NETNS']}", "--", *args, input=input)


def known(what, *keys):
    """The object, in which nothing else may stand."""
    others = set(what) - set(keys)
    if others:
        raise ValueError(f"the enforcer does not know {', '.join(sorted(others))} of a NetworkPolicy")
    return what


def selected(pods, namespace, selector):
    """Pods of a namespace that a selector means."""
    labels = known(selector, "matchLabels").get("matchLabels", {})
    return [p for p in pods if p["metadata"]["namespace"] == namespace and labels.items() <= p["metadata"].get("labels", {}).items()]


def address(pod):
    return pod["status"]["podIP"]


def matches(pods, namespace, rule, direction):
    """What one rule lets through, as nft says it: {peers} x {ports}."""
    known(rule, {"ingress": "from", "egress": "to"}[direction], "ports")
    side = {"ingress": "saddr", "egress": "daddr"}[direction]
    peers = rule.get("from", rule.get("to"))
    to = [""]
    if peers:
        to = []
        for peer in peers:
            block = known(peer, "podSelector", "ipBlock").get("ipBlock")
            found = [known(block, "cidr")["cidr"]] if block else [address(p) for p in selected(pods, namespace, peer["podSelector"])]
            to += [f"ip {side} {one} " for one in found]
    ports = [f"{known(p, 'port', 'protocol').get('protocol', 'TCP').lower()} dport {int(p['port'])} " for p in rule.get("ports", [])] or [""]
    return [f"{a}{b}return" for a in to for b in ports]


def ruleset(pods, policies):
    """The node's table: for each pod that a policy selects, what it may receive and send; everything else is dropped."""
    pods = [p for p in pods if p["status"].get("podIP") and not p["spec"].get("hostNetwork")]
    chains = {}
    for policy in policies:
        spec, namespace = known(policy["spec"], "podSelector", "policyTypes", "ingress", "egress"), policy["metadata"]["namespace"]
        for pod in selected(pods, namespace, spec["podSelector"]):
            for direction in map(str.lower, spec["policyTypes"]):
                rules = chains.setdefault((direction, address(pod)), [])
                rules += [m for rule in spec.get(direction, []) for m in matches(pods, namespace, rule, direction)]
    name = lambda key: f"{key[0]}_{key[1].replace('.', '_')}"  # noqa: E731
    text = [f"table ip {TABLE}", f"delete table ip {TABLE}", f"table ip {TABLE} {{"]
    for key, rules in sorted(chains.items()):
        text += [f" chain {name(key)} {{", *(f"  {rule}" for rule in sorted(set(rules))), "  counter drop", " }"]
    judged = [f"  ip {'daddr' if key[0] == 'ingress' else 'saddr'} {key[1]} jump {name(key)}" for key in sorted(chains)]
    # a pod is behind its policies from its first instant: one that is not known yet may do nothing
    everyone = ", ".join(sorted({lab.ENV["POD_GW"], *map(address, pods)}))
    strangers = [f"  ip {side} {lab.ENV['POD_NET']} ip {side} != {{ {everyone} }} counter drop" for side in ("saddr", "daddr")]
    for hook in ("forward", "input"):
        text += [f" chain {hook} {{", f"  type filter hook {hook} priority -1; policy accept;", "  ct state established,related accept", *judged, *strangers, " }"]
    return "\n".join([*text, "}", ""])


class Enforcer(threading.Thread):
    """Keeps the node's rules as the cluster's policies are, until it is stopped."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stopped, self.error, self.current = threading.Event(), None, None

    def run(self):
        try:
            while not self.stopped.wait(0.5):
                found = json.loads(lab.kubectl("get", "pods,networkpolicies", "--all-namespaces", "-o", "json"))["items"]
                text = ruleset([o for o in found if o["kind"] == "Pod"], [o for o in found if o["kind"] == "NetworkPolicy"])
                if text != self.current:
                    node("nft", "-f", "-", input=text)
                    self.current = text
        except Exception as e:  # noqa: BLE001
            self.error = e

    def __enter__(self):
        self.start()
        lab.wait_until("the enforcer has set its rules", 20, lambda: self.current or self.error)
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join()
        lab.check("the enforcer knew all of every policy", self.error is None, self.error)
        node("nft", "delete", "table", "ip", TABLE)
