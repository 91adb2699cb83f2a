#!/bin/bash
# Take the cluster down, and leave nothing of it: only processes that up.sh started are ended, by their ids.
# KEEP=1 leaves the state (etcd, images, repositories, metrics) so that the next up.sh continues from it.
# Ends with what clean.sh finds, and with its exit code.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
. "$KIT/lib.sh"
stop argocd-applicationset-controller argocd-application-controller argocd-repo-server redis
stop kubelet kube-proxy kube-scheduler kube-controller-manager coredns victoria-metrics git-http
say "Argo CD and the node's daemons stopped"

# Pods outlive the kubelet. Remove them through the runtime, while it still answers.
if alive containerd; then
  c() { timeout 20 ctr -a "$RUN/containerd.sock" -n k8s.io "$@"; }
  for t in $(c tasks ls -q 2>/dev/null); do c tasks kill -s SIGKILL "$t" >/dev/null 2>&1; done
  for _ in $(seq 50); do [ -z "$(c tasks ls 2>/dev/null | awk 'NR>1 && $3=="RUNNING"')" ] && break; sleep 0.1; done
  for t in $(c tasks ls -q 2>/dev/null); do c tasks rm -f "$t" >/dev/null 2>&1; done
  if [ "${KEEP:-0}" != 1 ]; then for t in $(c containers ls -q 2>/dev/null); do c containers rm "$t" >/dev/null 2>&1; done; fi
fi
say "pods removed"
stop containerd kube-apiserver etcd

# Whatever is left of what they started: a runtime that was killed leaves its shims, and those their containers.
for _ in 1 2 3 4 5; do
  left="$(marked) $(in_pods)"
  [ -n "${left// /}" ] || break
  for p in $left; do kill -9 "$p" 2>/dev/null; done
  sleep 0.2
done
say "daemons stopped"

# What the runtime and the kubelet mounted, deepest first.
awk -v home="$CLUSTER_HOME/" 'index($5, home) == 1 {print $5}' /proc/self/mountinfo | LC_ALL=C sort -r | while read -r m; do umount -l "$m" 2>/dev/null; done
# Network namespaces of pods, by the name the runtime gives them, only those of our pods.
for f in /var/run/netns/cni-*; do
  [ -e "$f" ] || continue
  if ! mountpoint -q "$f" || nsenter --net="$f" -- ip -4 -o addr show eth0 2>/dev/null | grep -q "inet ${POD_GW%.*.*}\."; then
    umount -l "$f" 2>/dev/null
    rm -f "$f"
  fi
done
ip link del "$NETNS-h" 2>/dev/null
ip netns del "$NETNS" 2>/dev/null
for c in /sys/fs/cgroup/kubepods /sys/fs/cgroup/*/kubepods; do [ -d "$c" ] && find "$c" -depth -type d -exec rmdir {} \; 2>/dev/null; done
# What is kept at fixed places outside of CLUSTER_HOME. Where there was none before, all of it is ours; where another
# runtime keeps its own, only what is known to be ours goes: links to here, records of our network, sockets nobody listens to.
if [ -s "$BEFORE" ]; then
  sed -n 's/^sysctl //p' "$BEFORE" | while read -r kv; do sysctl -qw "$kv" 2>/dev/null; done
  for d in $FIXED; do
    if ! grep -qxF "file $d" "$BEFORE"; then rm -rf --one-file-system "$d"; continue; fi
    find "$d" -lname "$CLUSTER_HOME/*" -delete
    find "$d" -name 'benchgrid-*-eth0' -delete
    find "$d" -type s | while read -r f; do if ! grep -qF " $f" /proc/net/unix; then rm -f "$f"; fi; done
  done
fi
if [ "${KEEP:-0}" != 1 ]; then rm -rf --one-file-system "$STATE" "$RUN"; fi
say "down"
exec bash "$KIT/clean.sh"
