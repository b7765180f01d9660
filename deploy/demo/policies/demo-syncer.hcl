# What the demo's syncer may do, and nothing more: read two secrets, hear that they changed, say where they went.
path "secret/data/app/+" {
  capabilities = ["read"]
}

path "sys/keyreeve/changes" {
  capabilities = ["read"]
}

path "sys/keyreeve/records" {
  capabilities = ["update"]
}
