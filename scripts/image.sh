#!/bin/sh
# Builds the container image. Where no registry has its base, one is made on the spot.
#
#   scripts/image.sh TAG [OPTION…]    options are those of docker build
#
# STAND_IN names the base that is made on the spot; it is kept, so that the next build is quick.
set -eu
cd "$(dirname "$0")/.."
base=debian:trixie-slim
stand_in=${STAND_IN:-supervisor-base:trixie-slim}
tag=$1
shift

is_here() { docker image inspect "$1" >/dev/null 2>&1; }

if ! is_here "$base" && ! docker pull --quiet "$base" >/dev/null 2>&1; then
    is_here "$stand_in" || scripts/debian-image.sh "$stand_in"
    base=$stand_in
fi
version=$(sed -n 's/^version = //p' setup.cfg)
revision=$(git describe --always --dirty --abbrev=40 2>/dev/null || echo unknown)

# The host's network, for mirrors and proxies that listen on its loopback address.
exec docker build --network host --build-arg http_proxy --build-arg https_proxy --build-arg no_proxy \
    --build-arg "BASE=$base" --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
    --tag "$tag" "$@" .
