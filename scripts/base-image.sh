#!/bin/sh
# Makes a small image out of Debian's static busybox, so that no image registry is needed.
#
#   scripts/base-image.sh TAG
set -eu
cd "$(dirname "$0")/.."

is_static() {
    [ -x /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1
}

is_static || scripts/install.sh busybox-static

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -m 1777 "$root/tmp"
mkdir "$root/bin" "$root/etc"
cp /bin/busybox "$root/bin/busybox"
for applet in $(busybox --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"

tar --create --directory "$root" --owner 0 --group 0 . |
    docker import --change 'CMD ["/bin/sh"]' - "$1" >/dev/null
