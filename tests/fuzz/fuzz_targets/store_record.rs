//! Damaged rows of the store: each is read or refused, and a write over it leaves rows that can be read.
#![no_main]

use std::collections::BTreeMap;

use broker_core::command::Command;
use broker_core::kv1;
use broker_core::kv2::{
    Existence, Kv2Action, Kv2Command, MountRef, Settings, config_key, data_key, decode_config, decode_data,
    decode_meta, meta_key, read_version,
};
use broker_core::row::Table;
use broker_core::secret::SecretJson;
use broker_core::testing::MemoryStore;
use broker_core::time::Time;
use libfuzzer_sys::fuzz_target;

const MOUNT: &str = "mount-id";
const PATH: &str = "app/db";

fn action(choice: u8, number: u64) -> Kv2Action {
    let json = |text: &str| SecretJson::new(text.to_owned());
    match choice % 8 {
        0 => Kv2Action::Write { data: Some(json("{\"a\":1}")), cas: None, expect: Existence::Present },
        1 => Kv2Action::Write { data: None, cas: Some(number), expect: Existence::Absent },
        2 => Kv2Action::Patch { patch: json("{\"a\":null,\"b\":2}"), cas: None },
        3 => Kv2Action::DeleteLatest,
        4 => Kv2Action::Undelete(vec![number]),
        5 => Kv2Action::Destroy(vec![number]),
        6 => Kv2Action::Metadata {
            settings: Settings { max_versions: Some(number), ..Settings::default() },
            custom_metadata: Some(BTreeMap::from([("k".to_owned(), Some("v".to_owned()))])),
            metadata_cas: None,
            merge: number % 2 == 0,
            expect: None,
        },
        _ => Kv2Action::Remove,
    }
}

fuzz_target!(|data: &[u8]| {
    let [place, choice, number, row @ ..] = data else { return };
    let mut store = MemoryStore::default();
    let now = Time::from_seconds(1_700_000_000);
    let number = u64::from(*number);
    match place % 4 {
        0 => store.put(meta_key(MOUNT, PATH), row),
        1 => store.put(config_key(MOUNT), row),
        2 => {
            store.put(data_key(MOUNT, PATH, 1), row);
            let _ = decode_data(row);
        }
        _ => {
            let _ = kv1::decode(row);
            return;
        }
    }
    if let Some(meta) = decode_meta(row) {
        let _ = read_version(&meta, Some(number), now);
        let _ = read_version(&meta, None, now);
    }
    let mount = MountRef { id: MOUNT.to_owned(), path: "secret".to_owned() };
    let command = Kv2Command { mount, path: PATH.to_owned(), now, action: action(*choice, number) };
    if store.run(&Command::Kv2(command)).is_err() {
        return;
    }
    for key in store.keys() {
        let bytes = store.get(key).unwrap_or_default();
        let readable = match key.table {
            Table::KvMeta => decode_meta(bytes).is_some(),
            Table::KvConfig => decode_config(Some(bytes)).is_some(),
            // A value that was there before is not looked at by every command.
            _ => bytes == row || decode_data(bytes).is_some(),
        };
        assert!(readable, "{key:?} cannot be read after a write that succeeded");
    }
});
