#!/bin/bash
# Bring the cluster up. Safe to repeat: what runs already is left running.
# ARGOCD=0 leaves Argo CD out.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
. "$KIT/lib.sh"
if [ "$(id -u)" != 0 ]; then echo "up.sh: needs root (network namespaces, mounts, containers)" >&2; exit 1; fi
for n in cluster-k8s argocd coredns; do
  if [ ! -x "$BIN/$n" ]; then echo "up.sh: $BIN/$n is not there; run $KIT/build.sh first" >&2; exit 1; fi
done
bash "$KIT/clean.sh" note
mkdir -p "$STATE" "$RUN" "$LOG"

bash "$KIT/pki.sh"
bash "$KIT/net.sh"
P=$STATE/pki
# many file watchers live in this cluster; down.sh puts the old value back
[ "$(sysctl -n fs.inotify.max_user_instances)" -ge 1024 ] || sysctl -qw fs.inotify.max_user_instances=1024
say "network namespace and certificates"

# --- control plane
start etcd etcd --name n --data-dir "$STATE/etcd" --unsafe-no-fsync --log-level error \
  --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 --initial-cluster n=http://127.0.0.1:2380
start kube-apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address=0.0.0.0 --advertise-address="$NODE_IP" --secure-port=6443 \
  --client-ca-file="$P/ca.crt" --tls-cert-file="$P/apiserver.crt" --tls-private-key-file="$P/apiserver.key" \
  --kubelet-certificate-authority="$P/ca.crt" --kubelet-client-certificate="$P/admin.crt" --kubelet-client-key="$P/admin.key" \
  --service-account-key-file="$P/sa.pub" --service-account-signing-key-file="$P/sa.key" --service-account-issuer=https://kubernetes.default.svc.cluster.local \
  --service-cluster-ip-range="$SVC_NET" --authorization-mode=RBAC --allow-privileged=true --event-ttl=1h \
  --endpoint-reconciler-type=lease --kubelet-preferred-address-types=InternalIP --v=1

# --- container runtime, Git and the metrics store, which need no API server
mkdir -p "$STATE/cni" "$STATE/containerd"
render containerd.toml "$STATE/containerd.toml"
render 10-pods.conflist "$STATE/cni/10-pods.conflist"
start containerd containerd --config "$STATE/containerd.toml"
bash "$KIT/git-repo.sh" "$GIT_REPO"
start git-http python3 "$KIT/git-http.py" "$GIT_ROOT" "$NODE_IP" "$GIT_PORT"
start victoria-metrics victoria-metrics -storageDataPath="$STATE/victoria-metrics" -httpListenAddr="$NODE_IP:$METRICS_PORT" -retentionPeriod=10y \
  -search.latencyOffset=0s -dedup.minScrapeInterval=1ms -memory.allowedBytes=256MB -loggerLevel=WARN

until_ok 60 "the API server" kubectl get --raw=/readyz
say "API server ready"
start kube-controller-manager kube-controller-manager --kubeconfig="$KUBECONFIG" --leader-elect=false --bind-address=127.0.0.1 \
  --root-ca-file="$P/ca.crt" --service-account-private-key-file="$P/sa.key" --cluster-cidr="$POD_NET" --allocate-node-cidrs=false \
  --kube-api-qps=200 --kube-api-burst=400 --concurrent-statefulset-syncs=10 --v=1
start kube-scheduler kube-scheduler --kubeconfig="$KUBECONFIG" --leader-elect=false --bind-address=127.0.0.1 --v=1

# --- node
bash "$KIT/images/load.sh"
say "images loaded"
render kubelet.yaml "$STATE/kubelet.yaml"
start kubelet kubelet --config="$STATE/kubelet.yaml" --kubeconfig="$KUBECONFIG" --root-dir="$STATE/kubelet" --cert-dir="$STATE/kubelet-pki" \
  --hostname-override="$NODE_NAME" --node-ip="$NODE_IP" --v=1
render kube-proxy.yaml "$STATE/kube-proxy.yaml"
start kube-proxy kube-proxy --config="$STATE/kube-proxy.yaml" --v=1
render Corefile "$STATE/Corefile"
start coredns coredns -conf "$STATE/Corefile"

until_ok 60 "the node" kubectl wait --for=condition=Ready "node/$NODE_NAME" --timeout=1s
say "node Ready"
kubectl apply -f "$KIT/conf/cluster.yaml" >/dev/null
render services.yaml "$STATE/services.yaml"
kubectl apply -f "$STATE/services.yaml" >/dev/null
until_ok 60 "the default service account" kubectl -n default get serviceaccount default
until_ok 30 "the Git server" git ls-remote "$GIT_URL"
until_ok 30 "the metrics store" curl -sf "http://$NODE_IP:$METRICS_PORT/health"

if [ "${ARGOCD:-1}" = 1 ]; then bash "$KIT/argocd/up.sh"; fi
say "up"
