MARK=BENCHGRID_CLUSTER=$CLUSTER_HOME

# marked: the ids of all processes that up.sh started, and of those they started, containers aside.
marked() {
  local p
  for p in $(grep -laszxF -- "$MARK" /proc/[0-9]*/environ 2>/dev/null); do p=${p#/proc/}; echo "${p%/environ}"; done
}

# in_pods: the ids of all processes in containers.
in_pods() { find /sys/fs/cgroup/kubepods /sys/fs/cgroup/*/kubepods -name cgroup.procs -exec cat {} + 2>/dev/null | sort -un; }

# what the kubelet (and up.sh, the last one) changes for the whole machine
SYSCTLS="vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes fs.inotify.max_user_instances"

# the paths of containerd, CNI and the kubelet that no setting moves
FIXED="/run/containerd /opt/containerd /var/lib/cni /var/log/containers /var/log/pods /var/lib/kubelet /run/kubernetes"

# start NAME COMMAND...: run a daemon in the cluster's network namespace, with a pid file and a log.
start() {
  local name=$1; shift
  if alive "$name"; then return 0; fi
  # setsid so that a signal to the caller's process group does not reach the daemon;
  # the mark is inherited by whatever it starts, so that down.sh and clean.sh know those too; a lock must not be
  setsid nsenter --net="/var/run/netns/$NETNS" -- env "$MARK" "$@" </dev/null >>"$LOG/$name.log" 2>&1 9>&- &
  local pid=$!
  # remember the start time too, so that a recycled pid is never mistaken for ours
  echo "$pid $(awk '{print $22}' "/proc/$pid/stat" 2>/dev/null)" >"$RUN/$name.pid"
}

# alive NAME: is the process in the pid file still the one we started?
alive() {
  local pid born
  [ -s "$RUN/$1.pid" ] || return 1
  read -r pid born <"$RUN/$1.pid"
  [ -n "$born" ] && [ "$(awk '{print $22}' "/proc/$pid/stat" 2>/dev/null)" = "$born" ]
}

# stop NAME...: ask all of them to end, and after a few seconds end those that have not.
stop() {
  local n pid born i left
  for n in "$@"; do if alive "$n"; then read -r pid born <"$RUN/$n.pid"; kill "$pid" 2>/dev/null; fi; done
  for i in $(seq 30); do
    left=0; for n in "$@"; do if alive "$n"; then left=1; fi; done
    [ $left = 0 ] && break; sleep 0.1
  done
  for n in "$@"; do
    if alive "$n"; then read -r pid born <"$RUN/$n.pid"; kill -9 "$pid" 2>/dev/null; fi
    rm -f "$RUN/$n.pid"
  done
}

# until_ok SECONDS WHAT COMMAND...: poll five times a second.
until_ok() {
  local limit=$1 what=$2 deadline; shift 2
  deadline=$((SECONDS + limit))
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $deadline ]; then echo "gave up after ${limit}s: $what" >&2; return 1; fi
    sleep 0.2
  done
}

# render NAME FILE: fill in a template of conf/. A file that would stay the same is not touched:
# kube-proxy ends itself when its configuration file is written to.
render() {
  local out
  out=$(sed -e "s|@STATE@|$STATE|g; s|@RUN@|$RUN|g; s|@REGISTRY@|$REGISTRY|g; s|@CNI_BIN@|$CNI_BIN|g" \
    -e "s|@POD_NET@|$POD_NET|g; s|@POD_GW@|$POD_GW|g; s|@DNS_IP@|$DNS_IP|g; s|@NODE_IP@|$NODE_IP|g" \
    -e "s|@METRICS_PORT@|$METRICS_PORT|g; s|@NODE_NAME@|$NODE_NAME|g; s|@KUBECONFIG@|$KUBECONFIG|g" "$KIT/conf/$1")
  [ -e "$2" ] && [ "$out" = "$(cat "$2")" ] || printf '%s\n' "$out" >"$2"
}

ns() { nsenter --net="/var/run/netns/$NETNS" -- "$@"; }
T0=${T0:-$(date +%s.%N)}; export T0
say() { printf '%6.1fs  %s\n' "$(echo "$(date +%s.%N) - $T0" | bc)" "$*"; }
