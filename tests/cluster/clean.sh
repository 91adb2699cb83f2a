#!/bin/bash
# Is the machine as it was before the cluster came up?
#   clean.sh         print what is left behind, one line each; exit 1 when there is something
#   clean.sh note    write down how the machine is now, to compare with later (up.sh does this)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
. "$KIT/lib.sh"

boot() { echo "boot $(cat /proc/sys/kernel/random/boot_id)"; }

# What the cluster, or a program it is made of, adds to the machine outside of CLUSTER_HOME.
machine() {
  local d k
  ip -o link show | awk -F': ' '{sub(/@.*/, "", $2); print "interface " $2}'
  ip route show | sed 's/^/route /'
  # those of pods; other tests may be making namespaces of their own meanwhile
  find /var/run/netns -mindepth 1 -name 'cni-*' -printf 'network namespace %f\n' 2>/dev/null || true
  if command -v nft >/dev/null; then echo "firewall $(nft -s list ruleset | sha256sum | cut -c1-16)"; fi
  for k in $SYSCTLS; do echo "sysctl $k=$(sysctl -n "$k" 2>/dev/null)"; done
  for d in $FIXED; do find "$d" -printf 'file %p\n' 2>/dev/null || true; done
  awk '$5 ~ "^/(var/)?run/(netns/cni-|containerd/)" || $5 ~ "^/var/lib/kubelet/" {print "mount " $5}' /proc/self/mountinfo
}

# What must not be there, whatever the machine was like before.
ours() {
  local p
  for p in $(marked); do echo "process $p $(tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | cut -c1-100)"; done
  for p in $(in_pods); do echo "process $p in a container: $(tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | cut -c1-100)"; done
  awk -v home="$CLUSTER_HOME/" 'index($5, home) == 1 {print "mount " $5}' /proc/self/mountinfo
  find /sys/fs/cgroup -maxdepth 2 -name 'kubepods*' -printf 'cgroup %p\n' 2>/dev/null
  if [ -e "/var/run/netns/$NETNS" ]; then echo "network namespace $NETNS"; fi
  if ip link show "$NETNS-h" >/dev/null 2>&1; then echo "interface $NETNS-h"; fi
}

left() {
  ours
  # a note of before the last start of the machine says nothing
  if [ -s "$BEFORE" ] && [ "$(head -n 1 "$BEFORE")" = "$(boot)" ]; then
    LC_ALL=C comm -13 <(tail -n +2 "$BEFORE" | LC_ALL=C sort) <(machine | LC_ALL=C sort)
  fi
}

case ${1:-} in
note)
  # while something of ours is there, the older note is the truer one
  if [ -z "$(ours)" ] || [ ! -s "$BEFORE" ]; then
    mkdir -p "$(dirname "$BEFORE")"
    { boot; machine; } >"$BEFORE.new"
    mv "$BEFORE.new" "$BEFORE"
  fi
  ;;
'')
  found=$(left | LC_ALL=C sort -u)
  if [ -n "$found" ]; then
    sed 's/^/left behind: /' <<<"$found"
    exit 1
  fi
  ;;
*) echo "usage: clean.sh [note]" >&2; exit 2 ;;
esac
