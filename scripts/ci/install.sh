#!/bin/sh
# Create the environment in a folder from the hashed lock: install.sh FOLDER [PYTHON]
# Does nothing if it is up to date with the lock and made by that interpreter. A folder X-load has the
# lock of make load, and X-docs that of make docs, which no other command needs.
set -eu
folder=$1
python=${2:-python3}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
case $folder in
  *-load) lock=requirements-load.txt ;;
  *-docs) lock=requirements-docs.txt ;;
  *) lock=requirements.txt ;;
esac
ready="$folder/.ready-$(cksum < "$root/$lock" | cut -d ' ' -f 1)"
# The tree can be imported in it: by a path from there where the environment is a part of the tree, so
# that both can be moved and copied.
link() {
  for site in "$(CDPATH='' cd -- "$folder" && pwd)"/lib/python*/site-packages; do
    [ -d "$site" ] || continue
    case $site in
      "$root"/*) to=$(printf '%s' "${site#"$root"/}" | sed 's#[^/][^/]*#..#g') ;;
      *) to=$root ;;
    esac
    lines=$(printf '%s\n' "$to" "$to/generated")
    if [ "$(cat "$site/contract_tests.pth" 2> /dev/null)" != "$lines" ]; then
      printf '%s\n' "$lines" > "$site/contract_tests.pth.$$"
      mv "$site/contract_tests.pth.$$" "$site/contract_tests.pth"
    fi
  done
}
made_by() {
  "$1" -I -c 'import os, sys; print(os.path.realpath(sys._base_executable), sys.version)'
}
if [ -n "${2:-}" ] && ! named=$(made_by "$python"); then
  echo "problem: $python is not a Python interpreter
    fix: give the path of Python 3.11 or newer" >&2
  exit 4
fi
# If the interpreter was removed since, the environment is made again.
if [ -e "$ready" ] && [ -x "$folder/bin/python" ]; then
  if [ -z "${2:-}" ] || [ "$named" = "$(made_by "$folder/bin/python")" ]; then
    link
    exit 0
  fi
fi
# One at a time: who comes second waits here, and finds it made. The lock is one of the kernel, on the
# folder above; this script and all that it starts hold it, and when they have ended, however, it is gone.
hold='import fcntl, os, sys
above = os.open(sys.argv[1], os.O_RDONLY)
os.set_inheritable(above, True)
try:
    fcntl.flock(above, fcntl.LOCK_EX)
except OSError:
    pass  # a file system without locks
os.execv("/bin/sh", ["sh", *sys.argv[2:]])'
if [ -z "${3:-}" ]; then
  "$python" -I -c 'import sys; sys.version_info < (3, 11) and sys.exit(print("problem: Python %d.%d is too old\n    fix: give the path of Python 3.11 or newer" % sys.version_info[:2], file=sys.stderr) or 4)'
  mkdir -p "$(dirname -- "$folder")"
  exec "$python" -I -c "$hold" "$(dirname -- "$folder")" "$0" "$folder" "${2:-}" held
fi
echo "setting up $folder (once for each $lock and Python)" >&2
rm -f "$ready"
"$python" -m venv --clear "$folder"
"$folder/bin/python" -m pip install -qq --no-compile --disable-pip-version-check --require-hashes --no-deps \
  -r "$root/$lock"
link
touch "$ready"
