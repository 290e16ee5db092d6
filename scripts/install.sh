#!/bin/sh
# Install cvalues into an environment: scripts/install.sh PYTHON [--dev] [--editable]
#
# PYTHON is the environment's interpreter. Every distribution comes from a lock and is held against
# its hashes. The build backend is installed into a folder of its own and is gone afterwards, so
# that the environment holds only what the program needs. Uses uv where it is on PATH, otherwise
# the pip of the environment, which may be as old as 23.0.
set -eu
python=$1
shift
lock=requirements.lock
editable=
for word in "$@"; do
  case $word in
    --dev) lock=requirements-dev.lock ;;
    --editable) editable=-e ;;
    *) echo "usage: scripts/install.sh PYTHON [--dev] [--editable]" >&2; exit 2 ;;
  esac
done
root=$(cd "$(dirname "$0")/.." && pwd)
backend=$(mktemp -d)
trap 'rm -rf "$backend"' EXIT INT TERM

install() {
  if command -v uv >/dev/null 2>&1; then
    uv pip install --quiet --python "$python" "$@"
  else
    # pip would compile every module of every package: 200 MB and half a minute for files that
    # are never imported. Python compiles each module when it is first imported.
    "$python" -m pip install --quiet --disable-pip-version-check --no-compile "$@"
  fi
}

install --require-hashes -r "$root/$lock"
install --require-hashes --target "$backend" -r "$root/requirements-build.lock"
PYTHONPATH=$backend install --no-deps --no-build-isolation $editable "$root"
