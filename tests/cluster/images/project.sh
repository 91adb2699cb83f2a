#!/bin/bash
# Make the project's own images from its built programs: project.sh BINDIR (where benchgrid and benchgrid-probe are).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
. "$KIT/images/lib.sh"
bindir=${1:?usage: project.sh BINDIR}
for p in benchgrid benchgrid-probe; do
  if [ ! -x "$bindir/$p" ]; then echo "project.sh: $bindir/$p is not there; build it first: cargo build --release" >&2; exit 1; fi
done
mkdir -p "$IMAGES" "$STAMPS"
same project "$(sha256sum "$bindir/benchgrid" "$bindir/benchgrid-probe" "$KIT"/images/{mkimage.py,lib.sh,project.sh} | cut -c1-64) $REGISTRY $(dpkg-query -W)" \
  "$IMAGES/benchgrid.tar" "$IMAGES/benchgrid-probe.tar" && exit
t=$SECONDS

# No user here: a pod says who runs it, and the link shaping of a pod needs root.
image benchgrid-probe benchgrid-probe:test --program "$bindir/benchgrid-probe:/benchgrid-probe" "${ACCOUNTS[@]}" --dir /tmp --entrypoint /benchgrid-probe

# benchgrid fetches and pushes by the git program; HTTP needs these parts of it and no others. Git asks its store of credentials by a shell.
core=$(git --exec-path)
image benchgrid benchgrid:test --program "$bindir/benchgrid:/usr/bin/benchgrid" --program "$(command -v git)" \
  --program "$core/git-remote-http" --link git-remote-http:"$core/git-remote-https" --link "$(command -v git):$core/git" \
  --link "$(command -v git):$core/git-credential-store" --program /bin/dash:/bin/sh --link git:/usr/bin/git-upload-pack --link git:/usr/bin/git-receive-pack --dir /usr/share/git-core/templates \
  --add /etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt "${ACCOUNTS[@]}" --dir /tmp \
  --env HOME=/tmp --user 1000:1000 --entrypoint /usr/bin/benchgrid
made project
echo "project images: $((SECONDS - t)) s"
