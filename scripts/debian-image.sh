#!/usr/bin/env bash
# Makes an image like debian:trixie-slim, for where no registry has one. Needs root on Debian.
#
#   scripts/debian-image.sh TAG
set -euo pipefail
cd "$(dirname "$0")/.."
bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}

command -v mmdebstrap >/dev/null || scripts/install.sh mmdebstrap

# The mirror that this machine's own packages come from, where that is known.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
    grep --invert-match security | head -n 1 || true)

# As in the real one: packages needn't survive a power cut, and nobody reads a manual.
options=(--quiet --variant=minbase --dpkgopt=force-unsafe-io)
for unread in doc man locale; do
    options+=("--dpkgopt=path-exclude=/usr/share/$unread/*")
done
# Where a proxy answers for the package index, its certificate is among this machine's.
trust=()
if [ -e "$bundle" ]; then
    options+=("--customize-hook=upload $bundle /usr/local/share/machine.crt")
    trust=(--change 'ENV PIP_CERT=/usr/local/share/machine.crt')
fi
# By way of a file: an import of half an image would succeed.
archive=$(mktemp --suffix .tar)
trap 'rm -f "$archive"' EXIT
# shellcheck disable=SC2086 # a mirror or none
mmdebstrap "${options[@]}" trixie "$archive" $mirror
docker import "${trust[@]}" --change 'CMD ["bash"]' "$archive" "$1" >/dev/null
