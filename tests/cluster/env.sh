# Settings shared by every script. Override any of them in the environment.
KIT=${KIT:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)}
# Everything the cluster writes is below CLUSTER_HOME, outside the repository, so that built tools outlive a checkout.
CLUSTER_HOME=${CLUSTER_HOME:-${BENCHGRID_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/benchgrid}/cluster}
BIN=${BIN:-$CLUSTER_HOME/bin}                     # built programs
STAMPS=${STAMPS:-$CLUSTER_HOME/stamps}            # what each of them was built from
SCHEMAS=${SCHEMAS:-$CLUSTER_HOME/share/schemas}   # of Kubernetes and Argo CD, for kubeconform
PYTHON=${PYTHON:-$CLUSTER_HOME/python}            # a virtual environment with the YAML readers of the tests
IMAGES=${IMAGES:-$CLUSTER_HOME/images}            # container images, one tar each
STATE=${STATE:-$CLUSTER_HOME/state}               # certificates, etcd, kubelet, containerd, metrics
RUN=${RUN:-$CLUSTER_HOME/run}                     # pid files and sockets
LOG=${LOG:-$CLUSTER_HOME/log}
BEFORE=${BEFORE:-$CLUSTER_HOME/before}            # how the machine was before up.sh, see clean.sh

NETNS=${NETNS:-benchgrid}                         # the whole cluster lives in this network namespace; at most 13 letters
HOST_IP=${HOST_IP:-10.89.0.1}                     # our end of the veth pair
NODE_IP=${NODE_IP:-10.89.0.2}                     # the node, the API server, the metrics store, the Git server
POD_NET=${POD_NET:-10.88.0.0/16}
POD_GW=${POD_GW:-10.88.0.1}
SVC_NET=${SVC_NET:-10.96.0.0/16}
API_SVC_IP=${API_SVC_IP:-10.96.0.1}
DNS_IP=${DNS_IP:-10.96.0.10}
NODE_NAME=${NODE_NAME:-node-1}
METRICS_PORT=${METRICS_PORT:-8428}                # VictoriaMetrics, on NODE_IP
WEBHOOK_PORT=${WEBHOOK_PORT:-7000}                # the ApplicationSet controller's webhook, on NODE_IP
REGISTRY=${REGISTRY:-cluster.local}               # prefix of the images that images/ builds; needs a dot

GIT_ROOT=${GIT_ROOT:-$STATE/git}                  # bare repositories, served by git-http.py
GIT_PORT=${GIT_PORT:-3000}                        # on NODE_IP
GIT_REPO=${GIT_REPO:-lab.git}                     # the one that up.sh creates
GIT_URL=${GIT_URL:-http://$NODE_IP:$GIT_PORT/$GIT_REPO}

CNI_BIN=${CNI_BIN:-/usr/lib/cni}                  # where Debian's containernetworking-plugins are
RECONCILE=${RECONCILE:-120s}                      # Argo CD's own polling; slow, so that what a push event does can be told apart

export KUBECONFIG=${KUBECONFIG:-$STATE/admin.kubeconfig}
export PATH=$BIN:$PATH:/usr/sbin:/sbin
