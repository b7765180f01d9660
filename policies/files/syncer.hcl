# The syncer's own token: what has changed, and word of what was delivered. It reads no secret with it;
# values are fetched with the credentials of each store.

path "secret/metadata/*" {
  capabilities = ["read", "list"]
}
path "sys/keyreeve/changes" {
  capabilities = ["read"]
}
path "sys/keyreeve/records" {
  capabilities = ["update"]
}
