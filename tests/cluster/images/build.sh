#!/bin/bash
# Make the images that do not depend on the project's own programs: the pause process, a shell with a few tools, qBittorrent.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
. "$KIT/images/lib.sh"
mkdir -p "$IMAGES" "$BIN" "$STAMPS"
cd "$KIT/images"
# closures are made of installed libraries, so any upgrade of a package may change an image
same images "$(cat mkimage.py build.sh lib.sh pause/main.go) $REGISTRY $(dpkg-query -W) $(go env GOVERSION)" \
  "$IMAGES/pause.tar" "$IMAGES/tools.tar" "$IMAGES/qbittorrent-nox.tar" && exit
t=$SECONDS

CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$BIN/pause" pause/main.go
image pause pause:1 --add "$BIN/pause:/pause" --entrypoint /pause --user 65535:65535

links=()
for c in $(busybox --list); do [ "$c" = busybox ] || links+=(--link "busybox:/bin/$c"); done
image tools tools:1 --add /bin/busybox:/bin/busybox "${links[@]}" "${ACCOUNTS[@]}" --dir /tmp --cmd /bin/sh

# its libraries, and nothing else: no plugin of Qt is needed for what it does here
image qbittorrent-nox qbittorrent-nox:test --program /usr/bin/qbittorrent-nox "${ACCOUNTS[@]}" --dir /tmp \
  --env HOME=/tmp --user 1000:1000 --entrypoint qbittorrent-nox
made images
echo "images: $((SECONDS - t)) s"
