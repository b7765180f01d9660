# An auditor: reads the audit log and its proofs, and nothing else.

path "sys/keyreeve/audit" {
  capabilities = ["read"]
}
path "sys/keyreeve/audit/*" {
  capabilities = ["read"]
}
