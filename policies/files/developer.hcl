# A developer of one team: full use of the team's secrets, no look at those of production.

path "secret/data/team/*" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
path "secret/metadata/team/*" {
  capabilities = ["read", "list"]
}

# Bringing back a deleted version is an update of its own path; destroying one is not granted.
path "secret/delete/team/*" {
  capabilities = ["update"]
}
path "secret/undelete/team/*" {
  capabilities = ["update"]
}

path "secret/data/team/production/*" {
  capabilities = ["deny"]
}
path "secret/metadata/team/production/*" {
  capabilities = ["list"]
}
