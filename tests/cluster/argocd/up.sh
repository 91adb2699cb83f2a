#!/bin/bash
# Argo CD's controllers, run as ordinary processes next to the API server.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
. "$KIT/lib.sh"
S=$STATE/argocd
mkdir -p "$S/tmp" "$S/tls" "$S/ssh" "$S/gpg/keys" "$S/gpg/source" "$S/plugins" "$S/home"
touch "$S/ssh/ssh_known_hosts"

start redis redis-server --bind 127.0.0.1 --port 6379 --save '' --appendonly no --set-proc-title no --dir "$S"

# Server side: the ApplicationSet CRD is too large for kubectl's last-applied annotation.
crds=$CLUSTER_HOME/share/argocd/crds
stamp=$STATE/argocd/crds.$(cat "$crds"/*-crd.yaml | sha256sum | cut -c1-16)
if [ ! -e "$stamp" ]; then
  kubectl apply --server-side --force-conflicts -f "$crds/application-crd.yaml" -f "$crds/applicationset-crd.yaml" -f "$crds/appproject-crd.yaml" >/dev/null
  # a CRD with no status yet makes `kubectl wait` fail rather than wait
  until_ok 60 "Argo CD's CRDs" kubectl wait --for=condition=Established --timeout=5s crd/applications.argoproj.io crd/applicationsets.argoproj.io crd/appprojects.argoproj.io
  until_ok 60 "Argo CD's API" kubectl get appprojects.argoproj.io -A
  touch "$stamp"
fi
kubectl apply -f "$KIT/argocd/config.yaml" >/dev/null
say "Argo CD's resources applied"

# HOME: git reads ~/.gitconfig. FAKE_IN_CLUSTER: https://kubernetes.default.svc means the cluster of $KUBECONFIG.
common=(env HOME="$S/home" TMPDIR="$S/tmp" XDG_CACHE_HOME="$S/home/cache" KUBECONFIG="$KUBECONFIG" ARGOCD_FAKE_IN_CLUSTER=true ARGOCD_GPG_ENABLED=false
  ARGOCD_GNUPGHOME="$S/gpg/keys" ARGOCD_GPG_DATA_PATH="$S/gpg/source" ARGOCD_TLS_DATA_PATH="$S/tls" ARGOCD_SSH_DATA_PATH="$S/ssh"
  ARGOCD_PLUGINSOCKFILEPATH="$S/plugins" ARGOCD_RECONCILIATION_TIMEOUT="$RECONCILE" ARGOCD_RECONCILIATION_JITTER=0s
  ARGOCD_CONTROLLER_REPLICAS=1)
start argocd-repo-server "${common[@]}" argocd-repo-server --redis 127.0.0.1:6379 \
  --address 127.0.0.1 --port 8081 --metrics-address 127.0.0.1 --metrics-port 8084 --logformat text --loglevel "${ARGOCD_LOGLEVEL:-info}"
start argocd-application-controller "${common[@]}" argocd-application-controller --namespace argocd --redis 127.0.0.1:6379 \
  --repo-server 127.0.0.1:8081 --metrics-port 8082 \
  --self-heal-timeout-seconds 1 --logformat text --loglevel "${ARGOCD_LOGLEVEL:-info}"
start argocd-applicationset-controller "${common[@]}" argocd-applicationset-controller --namespace argocd \
  --argocd-repo-server 127.0.0.1:8081 --policy sync \
  --metrics-addr 127.0.0.1:8085 --probe-addr 127.0.0.1:8086 --webhook-addr "$NODE_IP:$WEBHOOK_PORT" \
  --logformat text --loglevel "${ARGOCD_LOGLEVEL:-info}"
until_ok 60 "the repository server" ns curl -sf http://127.0.0.1:8084/healthz
until_ok 60 "the application controller" ns curl -sf http://127.0.0.1:8082/healthz
until_ok 60 "the ApplicationSet controller" ns curl -sf http://127.0.0.1:8085/metrics
say "Argo CD healthy"
