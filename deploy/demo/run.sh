#!/usr/bin/env bash
# run.sh [clean]: a broker, a syncer, a mounted secret and the audit log, in a temporary folder that is gone afterwards.
# ONCE=1 walks through by itself, checks each step and ends. BIN=folder takes the programs from there and builds nothing.
# `clean` removes what a run left behind that was killed hard.
set -euo pipefail
umask 077
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/deploy/demo
patience=10 # seconds for each step that has no limit of its own

# Whoever has a broker of their own in the environment does not get the demo's requests sent there.
unset KEYREEVE_ADDR KEYREEVE_TOKEN VAULT_ADDR VAULT_TOKEN VAULT_NAMESPACE VAULT_CACERT VAULT_SKIP_VERIFY VAULT_FORMAT
unset "${!KEYREEVE_SYNCER_@}" KEYREEVE_DATA KEYREEVE_LISTEN KEYREEVE_POLICIES KEYREEVE_SEAL_FILE KEYREEVE_ROOT_TOKEN_FILE
unset KEYREEVE_TLS_CERT KEYREEVE_TLS_KEY KEYREEVE_METRICS_LISTEN KEYREEVE_READY_FILE KEYREEVE_LOG KEYREEVE_LOG_FORMAT

# Folders of earlier runs whose script is gone, with the programs that still work in them.
clean() {
    local folder pid file
    for folder in "${TMPDIR:-/tmp}"/keyreeve-demo.*; do
        [[ -O $folder && -f $folder/pid ]] || continue
        pid=$(<"$folder/pid")
        if is_ours "$pid" run.sh; then
            echo "$folder is in use by the demo with process $pid; stop it there with Ctrl-C"
            continue
        fi
        for file in "$folder"/*.pid; do
            [[ -f $file ]] && pid=$(<"$file") && is_ours "$pid" "$folder" || continue
            kill "$pid"
            within "$patience" gone "$pid" || echo "process $pid does not end; stop it with: kill -9 $pid"
        done
        rm -rf "$folder"
        echo "removed $folder"
    done
}

# Whether a process is there whose command line names the text: a number alone may belong to somebody else by now.
is_ours() {
    [[ -r /proc/$1/cmdline ]] && tr '\0' ' ' <"/proc/$1/cmdline" | grep -qF -- "$2"
}

fail() {
    echo "FAILED: $1" >&2
    for log in "$T"/*.log; do
        [[ -s $log ]] && { echo "--- the end of ${log##*/}:"; tail -n 15 "$log"; } >&2
    done
    exit 1
}

ok() {
    echo "ok: $1"
}

# within SECONDS COMMAND...: repeats the command until it succeeds.
within() {
    local until=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < until)) || return 1
        sleep 0.05
    done
}

gone() {
    [[ ! -e /proc/$1 ]]
}

if [[ ${1:-} == clean ]]; then
    clean
    exit 0
fi

# start NAME COMMAND...: runs a program in the background; its log and its number are in the folder.
start() {
    local name=$1
    shift
    "$@" >"$T/$name.log" 2>&1 </dev/null &
    echo $! >"$T/$name.pid"
}

# stop NAME: asks the program to end and waits until it has.
stop() {
    local pid
    [[ -f $T/$1.pid ]] || return 0
    pid=$(<"$T/$1.pid")
    rm -f "$T/$1.pid"
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

finish() {
    trap '' INT TERM
    stop tail
    stop mount
    stop syncer
    stop broker
    rm -rf "$T"
}

# The decoded value of a key in a Secret that the syncer wrote.
value() {
    sed -n "s/^  \"$2\": \"\(.*\)\"\$/\1/p" "$T/out/demo.$1.secret.yaml" | base64 -d
}

has() {
    [[ $(value "$1" "$2") == "$3" ]]
}

shows() {
    [[ $(cat "$T/mnt/password") == "$1" ]]
}

open_is_recorded() {
    keyreeve audit query -kind=file.open -path=secret/data/app/db -format=json | grep -q "file $T/mnt/password"
}

# Why secrets cannot be mounted on this machine; nothing where they can.
cannot_mount() {
    if [[ ! -e /dev/fuse ]]; then
        echo "/dev/fuse is not there; load the kernel module fuse, or give the container the device"
    elif ((EUID != 0)) && [[ ! -w /dev/fuse ]]; then
        echo "you may not open /dev/fuse; run as root"
    elif ((EUID != 0)) && ! command -v fusermount3 >/dev/null; then
        echo "fusermount3 is not there; install the package fuse3, or run as root"
    elif ! unshare --mount true 2>/dev/null && ((EUID == 0)); then
        echo "this container may not mount; give it the capability SYS_ADMIN"
    fi
}

denial() {
    keyreeve audit query -result=deny -path=secret/data/other -format=json | grep -q '"no-rule"'
}

if [[ -z ${BIN:-} ]]; then
    (cd "$root" && cargo build --locked --bin keyreeve-broker --bin keyreeve-syncer --bin keyreeve)
    BIN=${CARGO_TARGET_DIR:-$root/target}/debug
fi
BIN=$(cd "$BIN" && pwd)
keyreeve() {
    "$BIN/keyreeve" "$@"
}

T=$(mktemp -d "${TMPDIR:-/tmp}/keyreeve-demo.XXXXXX")
trap finish EXIT
trap 'exit 130' INT TERM
echo $$ >"$T/pid"
mkdir "$T/manifests"

start broker "$BIN/keyreeve-broker" serve --data "$T/data" --listen 127.0.0.1:0 --plain-http --ready-file "$T/ready" \
    --policies "$here/policies"
within "$patience" test -s "$T/ready" || fail "the broker did not start within $patience s"
VAULT_ADDR=$(<"$T/ready")
VAULT_TOKEN=$(<"$T/data.root-token")
export VAULT_ADDR VAULT_TOKEN
ok "the broker answers at $VAULT_ADDR, its store is encrypted in $T/data"

keyreeve kv put secret/app/db - <<<'{"username": "app", "password": "first"}' >/dev/null || fail "app/db is not written"
keyreeve kv put secret/app/config - <<<'{"level": "info", "workers": 4}' >/dev/null || fail "app/config is not written"
ok "two secrets are written"

syncer_token=$(keyreeve token create -policy=demo-syncer -ttl=24h -display-name=demo-syncer -field=token) ||
    fail "the syncer got no token"
ok "the syncer has a token of its own with the policy demo-syncer: two secrets to read, nothing else"

cp "$here"/*.yaml "$T/manifests/"
cat >"$T/manifests/store.yaml" <<YAML
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata:
  name: demo
  namespace: demo
spec:
  provider:
    vault:
      server: $VAULT_ADDR
      path: secret
      version: v2
      auth:
        tokenSecretRef:
          name: demo-token
          key: token
---
apiVersion: v1
kind: Secret
metadata:
  name: demo-token
  namespace: demo
stringData:
  token: $syncer_token
YAML
start syncer "$BIN/keyreeve-syncer" --manifests "$T/manifests" --out "$T/out"
within 5 has app-db DB_PASSWORD first || fail "the Secret app-db did not appear within 5 s"
within 5 has app-config workers 4 || fail "the Secret app-config did not appear within 5 s"
ok "the syncer has written the Secrets $T/out/demo.app-db.secret.yaml and demo.app-config.secret.yaml"

missing=$(cannot_mount)
if [[ -z $missing ]]; then
    mkdir "$T/mnt"
    app_token=$(keyreeve token create -policy=demo-app -ttl=24h -display-name=demo-app -field=token) ||
        fail "the mount got no token"
    VAULT_TOKEN=$app_token start mount "$BIN/keyreeve" mount secret/app/db "$T/mnt"
    within 5 shows first || fail "the secret was not mounted within 5 s"
    ok "the secret is mounted at $T/mnt, a file for each key, in memory only"
else
    echo "not shown: secrets as files, since $missing"
fi

if [[ ${ONCE:-} != 1 ]]; then
    cat <<TEXT

Type this in a second terminal; the file changes at once, because the change is pushed, not polled:
  export VAULT_ADDR=$VAULT_ADDR VAULT_TOKEN=\$(cat $T/data.root-token)
  $BIN/keyreeve kv put secret/app/db username=app password=second
  cat $T/out/demo.app-db.secret.yaml
  cat $T/mnt/password                                                  # the same, mounted; the log shows who opened it
  VAULT_TOKEN=\$(cat $T/syncer-token) $BIN/keyreeve kv get secret/other    # denied, and the log says why

The audit log follows; Ctrl-C ends the demo and leaves nothing behind.
TEXT
    printf '%s' "$syncer_token" >"$T/syncer-token"
    "$BIN/keyreeve" audit tail &
    echo $! >"$T/tail.pid"
    wait "$(<"$T/tail.pid")" || fail "the audit log ended"
    exit 0
fi

keyreeve kv put secret/app/db - <<<'{"username": "app", "password": "second"}' >/dev/null || fail "app/db is not changed"
within 5 has app-db DB_PASSWORD second || fail "the Secret app-db did not follow within 5 s"
ok "the secret was changed and the Secret followed, pushed"

if [[ -z $missing ]]; then
    within 5 shows second || fail "the mounted file did not follow within 5 s"
    within 5 open_is_recorded || fail "the open of the mounted file is not in the audit log"
    ok "the mounted file followed too, and the audit log says who opened it"
    keyreeve token revoke "$app_token" >/dev/null || fail "the mount's token is not revoked"
    within 5 eval "! shows second" || fail "the mounted file can still be read without its token"
    ok "the mount's token was revoked, and the file is refused"
    stop mount
fi

if VAULT_TOKEN=$syncer_token "$BIN/keyreeve" kv get secret/other >/dev/null 2>&1; then
    fail "the syncer's token may read secret/other"
fi
within 5 denial || fail "the denied read is not in the audit log with its reason"
ok "a read of secret/other with the syncer's token is denied, and the audit log says so with the reason no-rule"

within 5 eval "keyreeve audit query -kind=delivery -format=json | grep -q 'Secret demo/app-db'" ||
    fail "the delivery is not in the audit log"
ok "the audit log says which version went into which Secret"

stop syncer
stop broker
keyreeve audit verify "$T/data" >"$T/verify.log" || fail "the audit log does not verify"
ok "the broker has stopped, and its audit log verifies: $(head -n 1 "$T/verify.log")"

finish
trap - EXIT
[[ ! -e $T ]] || fail "$T is left behind"
[[ -z $(jobs -pr) ]] || fail "a program still runs"
ok "nothing is left behind"
