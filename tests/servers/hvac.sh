#!/usr/bin/env bash
# Puts a Python environment with the pinned hvac client into the cache folder, and prints its interpreter's path.
# Usage: hvac.sh [ensure|path]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
pins="$here/hvac-requirements.txt"
version=$(sed -n 's/^hvac==//p' "$pins")
cache="${XDG_CACHE_HOME:-$HOME/.cache}/keyreeve"
folder="$cache/hvac-$version"

die() { echo "hvac.sh: $1" >&2; exit 1; }

ensure() {
    [ -x "$folder/bin/python3" ] && return
    command -v python3 >/dev/null || die "python3 is missing: install python3"
    python3 -c 'import ensurepip, venv' 2>/dev/null || die "Python's venv is missing: install python3-venv"
    mkdir -p "$cache"
    scratch=$(mktemp -d "$cache/hvac.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    python3 -m venv "$scratch/env"
    "$scratch/env/bin/python3" -m pip install --quiet --disable-pip-version-check --only-binary=:all: \
        --no-deps -r "$pins" || die "pip could not fetch what $pins names"
    # Only the interpreter's path is used afterwards, so the environment may be moved.
    mv -T "$scratch/env" "$folder" 2>/dev/null || [ -x "$folder/bin/python3" ] || die "cannot write $folder"
}

case "${1:-ensure}" in
    ensure) ensure; echo "$folder/bin/python3" ;;
    path) echo "$folder/bin/python3" ;;
    *) die "unknown word '$1': use ensure or path" ;;
esac
