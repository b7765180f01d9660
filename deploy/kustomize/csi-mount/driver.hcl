# Policy of the node driver's own login. It reads no secret: values are read with each volume's own token.

# What changes, by name and version.
path "sys/keyreeve/changes" { capabilities = ["read"] }
# Which changes it is told of: those of all secrets in engines with one word as their mount, of tokens, and of policies.
path "+/metadata/*" { capabilities = ["read"] }
path "sys/keyreeve/changes/tokens" { capabilities = ["read"] }
path "sys/policies/acl/*" { capabilities = ["read"] }
# Opens of files, for the audit log.
path "sys/keyreeve/records" { capabilities = ["create", "update"] }
# Its own token.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
