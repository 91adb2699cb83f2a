#!/bin/bash
# Build everything that tests run: Debian packages, then programs through the Go module proxy and crates.io, then images.
# What is there already and was built from the same inputs is left alone; a build that was interrupted is repeated.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOWORK=off

PACKAGES="bc busybox-static ca-certificates chromium conntrack containerd containernetworking-plugins curl fonts-dejavu-core git iproute2 iptables nftables
  openssl procps prometheus python3 python3-venv qbittorrent-nox redis-server runc victoria-metrics"
ARGOCD=github.com/argoproj/argo-cd/v3
KUSTOMIZE=sigs.k8s.io/kustomize/kustomize/v5@v5.8.1
KUBECONFORM=github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0
HELM=helm.sh/helm/v3/cmd/helm@v3.22.0
RQBIT=9.0.1   # the version of base/rqbit
FLUX="github.com/fluxcd/source-controller@v1.7.3 github.com/fluxcd/kustomize-controller@v1.7.3"   # for their CRDs alone
FLAGS=(-trimpath)
LDFLAGS="-s -w"

packages() {
  local missing=() p
  for p in $PACKAGES; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "packages: installing ${missing[*]}"
  local guard=/usr/sbin/policy-rc.d
  # 101 = "not allowed": without this the packages would start their services
  if [ ! -e $guard ]; then
    printf '#!/bin/sh\nexit 101\n' >$guard
    chmod 755 $guard
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
}

# tool NAME "WHAT IT IS MADE FROM" FUNCTION: run FUNCTION unless NAME was made from the same before. FUNCTION writes to $OUT.
tool() {
  local name=$1 stamp t=$SECONDS
  stamp=$(sha256sum <<<"$GO $2" | cut -c1-64)
  if [ -x "$BIN/$name" ] && [ "$(cat "$STAMPS/$name" 2>/dev/null)" = "$stamp" ]; then return; fi
  OUT=$BIN/.new.$name
  rm -rf "$OUT" "$STAMPS/$name"
  "$3"
  mv -f "$OUT" "$BIN/$name"
  echo "$stamp" >"$STAMPS/$name"
  echo "$name: $((SECONDS - t)) s"
}

sources() { (cd "$KIT/$1" && cat go.mod go.sum && if [ -e main.go ]; then cat main.go; fi); }

kubernetes() (
  cd "$KIT/k8s"
  local version minor at=k8s.io/component-base/version
  version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
  minor=${version#v1.} minor=${minor%%.*}
  go build "${FLAGS[@]}" -o "$OUT" -ldflags "$LDFLAGS -X $at.gitVersion=$version -X $at.gitMajor=1 -X $at.gitMinor=$minor \
-X $at.gitTreeState=clean -X k8s.io/client-go/pkg/version.gitVersion=$version" .
)

argocd() (
  cd "$KIT/argocd"
  local version from
  version=$(go list -m -f '{{.Version}}' $ARGOCD)
  go build "${FLAGS[@]}" -o "$OUT" -ldflags "$LDFLAGS -X $ARGOCD/common.version=${version#v} -X $ARGOCD/common.gitTreeState=clean" $ARGOCD/cmd
  from=$(go list -m -f '{{.Dir}}' $ARGOCD)
  rm -rf "$CLUSTER_HOME/share/argocd/crds"
  mkdir -p "$CLUSTER_HOME/share/argocd/crds"
  install -m 644 "$from"/manifests/crds/*-crd.yaml "$CLUSTER_HOME/share/argocd/crds/"
)

coredns() (cd "$KIT/coredns" && go build "${FLAGS[@]}" -ldflags "$LDFLAGS" -o "$OUT" .)

installed() { # MODULE: its program, by way of a folder of its own, since `go install` cannot name its output
  local dir=$BIN/.install
  rm -rf "$dir"
  (cd / && GOBIN=$dir go install "${FLAGS[@]}" -ldflags "$LDFLAGS" "$1")
  mv "$dir"/* "$OUT"
  rmdir "$dir"
}
kustomize() { installed $KUSTOMIZE; }
kubeconform() { installed $KUBECONFORM; }
helm() { installed $HELM; }

# made NAME "WHAT IT IS MADE FROM" PATH COMMAND...: the same for a folder or file that COMMAND makes
made() {
  local name=$1 path=$3 stamp t=$SECONDS
  stamp=$(sha256sum <<<"$2" | cut -c1-64)
  if [ -e "$path" ] && [ "$(cat "$STAMPS/$name" 2>/dev/null)" = "$stamp" ]; then return; fi
  rm -rf "$path" "$STAMPS/$name"
  "${@:4}"
  echo "$stamp" >"$STAMPS/$name"
  echo "$name: $((SECONDS - t)) s"
}

readers() {
  python3 -m venv "$PYTHON"
  "$PYTHON/bin/python" -m pip install --quiet --disable-pip-version-check -r "$KIT/requirements.txt"
}

# without default features it has no web page and no PostgreSQL; without a TLS it does not build
rqbit() {
  local work
  work=$(mktemp -d "$CLUSTER_HOME/.rqbit.XXXXXX")
  CARGO_TARGET_DIR=$work/target nice cargo install rqbit --version "$RQBIT" --locked --no-default-features --features rust-tls,prometheus \
    --quiet --no-track --root "$work"
  mv "$work/bin/rqbit" "$BIN/rqbit"
  rm -rf "$work"
}

# no part of Flux runs here: its CRDs are what docs/examples/flux is held against
flux_crds() {
  local module from
  mkdir -p "$CLUSTER_HOME/share/flux/crds"
  for module in $FLUX; do
    from=$(cd / && go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    install -m 644 "$from"/config/crd/bases/*.yaml "$CLUSTER_HOME/share/flux/crds/"
  done
}

schemas() { "$PYTHON/bin/python" "$KIT/schemas.py" "$SWAGGER" "$SCHEMAS" "$CLUSTER_HOME"/share/{argocd,flux}/crds/*.yaml; }

mkdir -p "$BIN" "$STAMPS"
# two builds at once would write the same files
exec 9>"$STAMPS/.lock"
flock 9
packages
GO=$(go env GOVERSION GOARCH)
how="${FLAGS[*]} $LDFLAGS $CGO_ENABLED"
tool kustomize "$KUSTOMIZE $how" kustomize
tool kubeconform "$KUBECONFORM $how" kubeconform
tool helm "$HELM $how" helm
tool cluster-k8s "$(sources k8s) $how" kubernetes
tool argocd "$(sources argocd) $how" argocd
tool coredns "$(sources coredns) $how" coredns
made rqbit "$RQBIT $(rustc --version)" "$BIN/rqbit" rqbit
made python "$(python3 --version) $(cat "$KIT/requirements.txt")" "$PYTHON" readers
SWAGGER=$(cd "$KIT/k8s" && go mod download k8s.io/kubernetes && go list -m -f '{{.Dir}}' k8s.io/kubernetes)/api/openapi-spec/swagger.json
made flux-crds "$FLUX" "$CLUSTER_HOME/share/flux/crds" flux_crds
made schemas "$(cat "$KIT/schemas.py" "$SWAGGER" "$CLUSTER_HOME"/share/{argocd,flux}/crds/*.yaml | sha256sum)" "$SCHEMAS" schemas
bash "$KIT/images/build.sh"

# each component is called by its name
for n in etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do ln -sf cluster-k8s "$BIN/$n"; done
for n in application-controller repo-server applicationset-controller git-ask-pass; do ln -sf argocd "$BIN/argocd-$n"; done
