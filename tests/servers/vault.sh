#!/usr/bin/env bash
# Builds the HashiCorp Vault that the tests run against into the cache folder, and prints its path.
# Usage: vault.sh [ensure|path]. 1.13.1 is under the MPL 2.0; the licence changed later. A first run takes 5 to 15 minutes.
# With a current Go it only starts with GODEBUG=x509negativeserial=1 in its environment.
set -euo pipefail

version=1.13.1
folder="${XDG_CACHE_HOME:-$HOME/.cache}/keyreeve/vault-$version"
programs="vault vault github.com/hashicorp/vault"

. "$(dirname "$0")/go/build.sh"
main "$folder/vault" "$@"
