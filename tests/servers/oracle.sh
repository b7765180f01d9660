#!/usr/bin/env bash
# Builds the template oracle of tests/oracle into the cache folder, and prints its path. Its folder's name has the sum of its
# source, so that another source is another program. Usage: oracle.sh [ensure|path]. A first run takes under a minute.
set -euo pipefail

source_folder=$(cd "$(dirname "$0")/../oracle" && pwd)
# At addresses of its own in each process, so that what prints an address gives itself away.
build_mode=-buildmode=pie
sum=$(cat "$source_folder"/{main.go,go.mod,go.sum} - <<<"$build_mode" | sha256sum | cut -c1-12)
folder="${XDG_CACHE_HOME:-$HOME/.cache}/keyreeve/oracle-$sum"
programs="oracle ../../oracle ."

. "$(dirname "$0")/go/build.sh"
need_gigabytes=1
main "$folder/oracle" "$@"
