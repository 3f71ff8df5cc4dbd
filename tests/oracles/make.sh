#!/bin/sh
# Remakes the random models and every expected value, from nothing but pinned
# packages. The arguments are expect.py's: `make.sh --only mini` remakes one.
#   PATCHBAY_ORACLES_VENV   an environment that has the packages already
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${PATCHBAY_ORACLES_VENV:-$here/../.venv}

if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
if [ -z "${PATCHBAY_ORACLES_VENV:-}" ]; then
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
fi

# One thread and one code path, so that a machine writes the same bytes each time.
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
"$venv/bin/python" "$here/models.py"
"$venv/bin/python" "$here/expect.py" "$@"
"$venv/bin/python" "$here/patching.py" "$@"
"$venv/bin/python" "$here/full_size.py" "$@"
"$venv/bin/python" "$here/verify.py" "$@"
"$venv/bin/python" "$here/exported.py" "$@"
"$venv/bin/python" "$here/formulas.py"
