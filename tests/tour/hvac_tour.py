"""Runs the tour's operations with hvac: the operations as JSON on stdin, an answer per line on stdout."""

import json
import os
import sys

import hvac

MOUNT = "secret"


def operations(client):
    """Each operation that hvac has, by its name."""
    kv, token, system = client.secrets.kv.v2, client.auth.token, client.sys
    return {
        "kv-put": lambda o: kv.create_or_update_secret(o["path"], o["data"], cas=o.get("cas"), mount_point=MOUNT),
        "kv-get": lambda o: kv.read_secret_version(
            o["path"], version=o.get("version"), mount_point=MOUNT, raise_on_deleted_version=True
        ),
        "kv-patch": lambda o: kv.patch(o["path"], o["data"], mount_point=MOUNT),
        "kv-list": lambda o: kv.list_secrets(o["path"], mount_point=MOUNT),
        "kv-delete": lambda o: kv.delete_latest_version_of_secret(o["path"], mount_point=MOUNT),
        "kv-delete-versions": lambda o: kv.delete_secret_versions(o["path"], o["versions"], mount_point=MOUNT),
        "kv-undelete": lambda o: kv.undelete_secret_versions(o["path"], o["versions"], mount_point=MOUNT),
        "kv-destroy": lambda o: kv.destroy_secret_versions(o["path"], o["versions"], mount_point=MOUNT),
        "kv-metadata-get": lambda o: kv.read_secret_metadata(o["path"], mount_point=MOUNT),
        "kv-metadata-put": lambda o: kv.update_metadata(
            o["path"],
            max_versions=o["max_versions"],
            cas_required=o["cas_required"],
            custom_metadata=o["custom_metadata"],
            mount_point=MOUNT,
        ),
        "kv-metadata-delete": lambda o: kv.delete_metadata_and_all_versions(o["path"], mount_point=MOUNT),
        "policy-write": lambda o: system.create_or_update_policy(o["policy"], o["rules"]),
        "policy-read": lambda o: system.read_policy(o["policy"]),
        "policy-list": lambda o: system.list_policies(),
        "policy-delete": lambda o: system.delete_policy(o["policy"]),
        "token-create": lambda o: token.create(
            policies=o["policies"],
            ttl=o["ttl"],
            meta=o.get("meta"),
            display_name=o.get("display_name", "token"),
            no_default_policy=o.get("no_default_policy", False),
        ),
        "token-lookup": lambda o: token.lookup(o["token"]),
        "token-lookup-self": lambda o: token.lookup_self(),
        "token-renew": lambda o: token.renew(o["token"], increment=o["increment"]),
        "token-renew-self": lambda o: token.renew_self(increment=o["increment"]),
        "token-revoke": lambda o: token.revoke(o["token"]),
        "token-revoke-self": lambda o: token.revoke_self(),
        "token-capabilities": lambda o: system.get_capabilities([o["path"]], token=o["token"]),
        "token-capabilities-self": lambda o: system.get_capabilities([o["path"]]),
    }


def main():
    tokens = {"root": os.environ["TOUR_TOKEN"]}
    for operation in json.load(sys.stdin):
        client = hvac.Client(url=os.environ["TOUR_ADDR"], token=tokens.get(operation.get("as", "root"), "none"))
        if "token" in operation:
            operation["token"] = tokens.get(operation["token"], "none")
        action = operations(client).get(operation["do"])
        line = {"name": operation["name"], "outcome": "unsupported", "answer": None}
        if action is not None:
            try:
                answer = action(operation)
                line["outcome"] = "done"
                line["answer"] = answer if isinstance(answer, (dict, list)) else {"status": answer.status_code}
                if "save" in operation:
                    tokens[operation["save"]] = answer["auth"]["client_token"]
            except hvac.exceptions.VaultError as error:
                line["outcome"] = "failed"
                line["answer"] = {"type": type(error).__name__, "errors": error.errors}
        print(json.dumps(line), flush=True)


main()
