#!/bin/sh
# Makes .venv and installs exactly what requirements/ pins, checked by hash.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Python 3.11 or newer is needed; name it with: make PYTHON=/path/to/python3" >&2
    exit 1
fi
# Debian keeps what venv needs to install pip in a package of its own.
"$python" -c 'import ensurepip, venv' 2>/dev/null || scripts/install.sh python3-venv

[ -x .venv/bin/pip ] || "$python" -m venv --clear .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
    -r requirements/run.txt -r requirements/dev.txt
ln -sf ../../scripts/supervisor .venv/bin/supervisor
