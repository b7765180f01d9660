# The mount of the demo: one secret, what changes in it, and records of who opened it.
path "secret/data/app/db" {
  capabilities = ["read"]
}
path "sys/keyreeve/changes" {
  capabilities = ["read"]
}
path "sys/keyreeve/records" {
  capabilities = ["create", "update"]
}
