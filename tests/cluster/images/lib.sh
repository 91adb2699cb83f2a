# Shared by the scripts that make images.

# what a program that asks who it is, or resolves a name, wants to find
ACCOUNTS=(
  --text $'/etc/passwd=root:x:0:0:root:/:/sbin/nologin\nnode:x:1000:1000:node:/tmp:/sbin/nologin\n'
  --text $'/etc/group=root:x:0:\nnode:x:1000:\n'
  --text $'/etc/nsswitch.conf=passwd: files\ngroup: files\nhosts: files dns\n'
)

# image FILE NAME:TAG OPTION...
image() { python3 "$KIT/images/mkimage.py" -o "$IMAGES/$1.tar" -t "$REGISTRY/$2" "${@:3}"; }

# same NAME INPUTS FILE...: were these files made from these inputs? Remembers the answer for `made`.
same() {
  local f
  STAMP=$(sha256sum <<<"$2" | cut -c1-64)
  for f in "${@:3}"; do [ -s "$f" ] || return 1; done
  [ "$(cat "$STAMPS/$1" 2>/dev/null)" = "$STAMP" ]
}
made() { echo "$STAMP" >"$STAMPS/$1"; }
