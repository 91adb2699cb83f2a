#!/bin/bash
# A network namespace for the cluster, and a veth pair by which this machine reaches it.
# Nothing in it has a route to the outside. Every step can be repeated, so that an interrupted run is completed by the next.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
. "$KIT/lib.sh"
if [ ! -e "/var/run/netns/$NETNS" ]; then ip netns add "$NETNS"; fi
if ! ip link show "$NETNS-h" >/dev/null 2>&1; then ip link add "$NETNS-h" type veth peer name "$NETNS-n" netns "$NETNS"; fi
ip addr replace "$HOST_IP/30" dev "$NETNS-h"
ip link set "$NETNS-h" up
ns ip addr replace "$NODE_IP/30" dev "$NETNS-n"
ns ip link set "$NETNS-n" up
ns ip link set lo up
# ClusterIPs need some route to leave by before the service proxy rewrites them
ns ip route replace "$SVC_NET" dev lo
ip route replace "$POD_NET" via "$NODE_IP"
# these are per network namespace; the machine's own stay as they were
ns sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.disable_ipv6=1
ns sysctl -qw net.bridge.bridge-nf-call-iptables=1
