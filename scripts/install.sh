#!/bin/sh
# Installs Debian packages. Where it may not, says what is missing and how to get it.
#
#   scripts/install.sh PACKAGE…
set -eu

may_install() {
    [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends \
        -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" 9>&-
}

if ! may_install; then
    echo "Missing: $*. Only root on Debian gets that by itself." >&2
    echo "On Debian: sudo apt-get install $*. Elsewhere: what those packages contain." >&2
    exit 1
fi

# Tests that run side by side may all want something; apt's own locks are not all waited for.
exec 9>/run/supervisor-install.lock
flock 9

# A service in a package would be started with it, and nobody would stop it.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi

echo "Installing $* …"
# The package lists of a fresh machine are empty, those of an old one outdated: both fail at once.
apt_install "$@" >/dev/null 2>&1 || { apt-get update --quiet=2 && apt_install "$@" >/dev/null; }
