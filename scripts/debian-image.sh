#!/usr/bin/env bash
# Makes an image like debian:trixie-slim, for where no registry has one. Needs root on Debian.
#
#   scripts/debian-image.sh TAG
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}

command -v debootstrap >/dev/null || scripts/install.sh debootstrap

# The mirror that this machine's own packages come from, where that is known.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
    grep --invert-match security | head -n 1 || true)

root=$(mktemp -d)
trap 'rmdir "$root"' EXIT

# Runs in a namespace of its own: what is mounted there goes with it, however this ends.
make_root() {
    mount -t tmpfs none "$root"
    # shellcheck disable=SC2086 # an argument or none
    debootstrap --variant=minbase trixie "$root" $mirror >&2
    # As in the real one: packages needn't survive a power cut, and nobody reads a manual.
    cat >"$root/etc/dpkg/dpkg.cfg.d/slim" <<END
force-unsafe-io
path-exclude /usr/share/doc/*
path-exclude /usr/share/man/*
path-exclude /usr/share/locale/*
END
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/usr/share/{doc,man,locale}/*
    # Where a proxy answers for the package index, its certificate is among this machine's.
    if [ -e "$bundle" ]; then
        install -D -m 644 "$bundle" "$root/etc/ssl/certs/machine.crt"
    fi
    tar --create --one-file-system --directory "$root" .
}

export -f make_root
export root mirror bundle
trust=()
[ ! -e "$bundle" ] || trust=(--change 'ENV PIP_CERT=/etc/ssl/certs/machine.crt')
unshare --mount bash -euo pipefail -c make_root |
    docker import "${trust[@]}" --change 'CMD ["bash"]' - "$1" >/dev/null
