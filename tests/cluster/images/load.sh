#!/bin/bash
# Give every image to the container runtime. A file that has not changed since its last import is not imported again.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
. "$KIT/lib.sh"
until_ok 30 "the container runtime" ctr -a "$RUN/containerd.sock" version
mkdir -p "$STATE/loaded"
for t in "$IMAGES"/*.tar; do
  # kept per file, not per content: going back to an earlier content must import it again
  mark=$STATE/loaded/$(basename "$t" .tar)
  sum=$(sha256sum <"$t" | cut -c1-64)
  if [ "$(cat "$mark" 2>/dev/null)" != "$sum" ]; then
    ctr -a "$RUN/containerd.sock" -n k8s.io images import "$t" >/dev/null
    echo "$sum" >"$mark"
  fi
done
