#!/bin/bash
# Make a bare repository for the Git server, unless it is there: git-repo.sh NAME.git...
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
mkdir -p "$GIT_ROOT"
for name in "$@"; do
  repo=$GIT_ROOT/$name
  if [ -e "$repo/HEAD" ]; then continue; fi
  # made beside and renamed, so that no half repository is ever served
  rm -rf "$repo.new"
  git init -q --bare -b main "$repo.new"
  git -C "$repo.new" config http.receivepack true
  mv "$repo.new" "$repo"
done
