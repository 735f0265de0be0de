#!/bin/sh
# Make the gate's environment in a folder, from the hashed lock: install.sh FOLDER [PYTHON]
# Once for each state of the lock; a second call finds it ready.
set -eu
folder=$1
python=${2:-python3}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
ready="$folder/.ready-$(cksum < "$root/requirements.txt" | cut -d ' ' -f 1)"
if [ -e "$ready" ]; then
  exit 0
fi
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "problem: Python %d.%d is too old\n    fix: name one from 3.11 on" % sys.version_info[:2])'
"$python" -m venv --clear "$folder"
"$folder/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes --no-deps \
  -r "$root/requirements.txt"
touch "$ready"
