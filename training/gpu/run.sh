#!/bin/sh
# The one command: trains and distils the four pairs, and goes on where it stopped.
#     sh training/gpu/run.sh --minutes 9 --left 27
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONUNBUFFERED=1
exec "${PYTHON:-python3}" "$here/run.py" "$@"
