//! The decisions of KV version 2, one function an action.

use std::collections::BTreeMap;

use super::meta::{encode_config, encode_meta};
use super::value::{self, decode_data};
use super::{
    Existence, KeyMeta, Kv2Action, Kv2Command, KvSettings, MAX_MAX_VERSIONS, ReadOutcome, Settings, Version,
    check_custom_metadata, config_key, data_key, decode_config, decode_meta, meta_key, read_version,
};
use crate::command::{Change, ChangeAction, Effects, Halt, Reply};
use crate::json::merge_patch;
use crate::load::get_all;
use crate::refusal::Refusal;
use crate::row::{Mutation, Rows};
use crate::secret::SecretJson;
use crate::time::Time;

/// A key with what every action looks at.
pub(super) struct Key<'a> {
    command: &'a Kv2Command,
    config: KvSettings,
    meta: Option<KeyMeta>,
}

impl<'a> Key<'a> {
    pub(super) fn load(rows: &Rows, command: &'a Kv2Command) -> Result<Self, Halt> {
        let keys = [&config_key(&command.mount.id), &meta_key(&command.mount.id, &command.path)];
        let [config, meta] = get_all(rows, keys)?;
        let config = decode_config(config).ok_or(Refusal::Corrupt("kv2 config"))?;
        let meta =
            meta.map(|bytes| decode_meta(bytes).ok_or(Refusal::Corrupt("kv2 metadata"))).transpose()?;
        Ok(Self { command, config, meta })
    }

    fn existence(&self) -> Existence {
        if self.meta.is_some() { Existence::Present } else { Existence::Absent }
    }

    fn expect(&self, expected: Existence) -> Result<(), Refusal> {
        if self.existence() == expected { Ok(()) } else { Err(Refusal::ExistenceChanged) }
    }

    fn check_cas(&self, cas: Option<u64>) -> Result<(), Refusal> {
        let meta = self.meta.as_ref();
        let required = self.config.cas_required || meta.is_some_and(|m| m.settings.cas_required);
        match cas {
            None if required => Err(Refusal::CasRequired),
            Some(version) if version != meta.map_or(0, |m| m.current_version) => Err(Refusal::CasMismatch),
            _ => Ok(()),
        }
    }

    fn check_metadata_cas(&self, cas: Option<u64>) -> Result<(), Refusal> {
        let meta = self.meta.as_ref();
        let required =
            self.config.metadata_cas_required || meta.is_some_and(|m| m.settings.metadata_cas_required);
        match cas {
            None if required => Err(Refusal::MetadataCasRequired),
            Some(v) if v != meta.map_or(0, |m| m.metadata_version) => Err(Refusal::MetadataCasMismatch),
            _ => Ok(()),
        }
    }

    /// The metadata to change, that of a new key where there is none.
    fn into_meta(self) -> KeyMeta {
        let now = self.command.now;
        self.meta.unwrap_or_else(|| KeyMeta { created: now, updated: now, ..KeyMeta::default() })
    }

    /// Changes the versions that `pick` names, as far as they are there.
    pub(super) fn change_versions(
        self,
        pick: impl FnOnce(&KeyMeta) -> Vec<u64>,
        change: fn(&mut Version, Option<Time>, Time) -> Option<ChangeAction>,
    ) -> Effects {
        let Self { command, config, meta } = self;
        let Some(mut meta) = meta else { return Effects::default() };
        let deletion = KvSettings::deletion(&config, &meta.settings, command.now);
        let mut effects = Effects::default();
        for number in pick(&meta) {
            let Some(version) = meta.versions.get_mut(&number) else { continue };
            let Some(action) = change(version, deletion, command.now) else { continue };
            if action == ChangeAction::Destroy {
                let key = data_key(&command.mount.id, &command.path, number);
                effects.mutations.push(Mutation::Delete(key));
            }
            effects.changes.push(changed(command, number, action));
        }
        if !effects.changes.is_empty() {
            effects.mutations.push(put_meta(command, &meta));
        }
        effects
    }
}

fn changed(command: &Kv2Command, version: u64, action: ChangeAction) -> Change {
    Change::Kv2 { mount: command.mount.path.clone(), path: command.path.clone(), version, action }
}

fn put_meta(command: &Kv2Command, meta: &KeyMeta) -> Mutation {
    Mutation::Put(meta_key(&command.mount.id, &command.path), encode_meta(meta))
}

pub(super) fn latest(meta: &KeyMeta) -> Vec<u64> {
    vec![meta.current_version]
}

pub(super) fn delete(version: &mut Version, _: Option<Time>, now: Time) -> Option<ChangeAction> {
    if !version.is_live(now) {
        return None;
    }
    version.deletion = Some(now);
    Some(ChangeAction::Delete)
}

/// The time after which it deletes itself begins again now, also for a version that is alive.
pub(super) fn undelete(version: &mut Version, deletion: Option<Time>, _: Time) -> Option<ChangeAction> {
    if version.destroyed || version.deletion == deletion {
        return None;
    }
    version.deletion = deletion;
    Some(ChangeAction::Undelete)
}

pub(super) fn destroy(version: &mut Version, _: Option<Time>, _: Time) -> Option<ChangeAction> {
    let destroyed = !std::mem::replace(&mut version.destroyed, true);
    destroyed.then_some(ChangeAction::Destroy)
}

pub(super) fn write(
    key: Key<'_>,
    data: Option<&SecretJson>,
    cas: Option<u64>,
    expect: Existence,
) -> Result<Effects, Halt> {
    key.expect(expect)?;
    key.check_cas(cas)?;
    add_version(key, data)
}

pub(super) fn patch(
    rows: &Rows,
    key: Key<'_>,
    patch: &SecretJson,
    cas: Option<u64>,
) -> Result<Effects, Halt> {
    let meta = key.meta.as_ref().ok_or(Refusal::NotFound)?;
    key.check_cas(cas)?;
    let ReadOutcome::Live(latest) = read_version(meta, None, key.command.now) else {
        return Err(Refusal::NotFound.into());
    };
    let row = rows.get(&data_key(&key.command.mount.id, &key.command.path, latest.version))?;
    let stored = row.and_then(decode_data).ok_or(Refusal::Corrupt("kv2 value"))?;
    let mut merged = value::parse(stored.json.as_ref().map_or("null", SecretJson::expose))?;
    merge_patch(&mut merged, &value::parse(patch.expose())?);
    add_version(key, Some(&merged.to_secret()))
}

fn add_version(key: Key<'_>, data: Option<&SecretJson>) -> Result<Effects, Halt> {
    let (command, config) = (key.command, key.config);
    let row = value::encode(data)?;
    let mut meta = key.into_meta();
    let deletion = KvSettings::deletion(&config, &meta.settings, command.now);
    let version = Version { created: command.now, deletion, destroyed: false };
    let dropped = meta.add_version(version, KvSettings::kept(&config, &meta.settings));
    let number = meta.current_version;
    let row_key = |n| data_key(&command.mount.id, &command.path, n);
    let mut mutations: Vec<Mutation> = dropped.into_iter().map(|n| Mutation::Delete(row_key(n))).collect();
    mutations.push(Mutation::Put(row_key(number), row));
    mutations.push(put_meta(command, &meta));
    Ok(Effects {
        mutations,
        changes: vec![changed(command, number, ChangeAction::Write)],
        reply: Reply::Version(meta.info(number, &version)),
    })
}

pub(super) fn metadata(key: Key<'_>) -> Result<Effects, Halt> {
    let command = key.command;
    let Kv2Action::Metadata { settings, custom_metadata, metadata_cas, merge, expect } = &command.action
    else {
        return Ok(Effects::default());
    };
    if *merge && key.meta.is_none() {
        return Err(Refusal::NotFound.into());
    }
    if *settings == Settings::default() && custom_metadata.is_none() {
        return Ok(Effects::default());
    }
    if let Some(expected) = expect {
        key.expect(*expected)?;
    }
    key.check_metadata_cas(*metadata_cas)?;
    check_settings(settings)?;
    if let Some(seconds) = settings.delete_version_after.filter(|s| *s < 0) {
        let name = "delete_version_after";
        let text =
            format!("error converting input for field {name:?}: cannot provide negative value '{seconds}'");
        return Err(Refusal::Invalid(text).into());
    }
    let mut meta = key.into_meta();
    if let Some(given) = custom_metadata {
        let old = if *merge { meta.custom_metadata.take().unwrap_or_default() } else { BTreeMap::new() };
        let custom = merge_custom(old, given, *merge);
        check_custom_metadata(&custom)?;
        meta.custom_metadata = Some(custom);
    }
    meta.settings = meta.settings.with(settings);
    meta.metadata_version += 1;
    Ok(Effects {
        mutations: vec![put_meta(command, &meta)],
        changes: vec![changed(command, 0, ChangeAction::Metadata)],
        reply: Reply::Done,
    })
}

/// Lays the given keys over the old ones. In a merge a `None` removes, otherwise it is an empty (invalid) value.
fn merge_custom(
    mut custom: BTreeMap<String, String>,
    given: &BTreeMap<String, Option<String>>,
    merge: bool,
) -> BTreeMap<String, String> {
    for (name, value) in given {
        match value {
            None if merge => custom.remove(name),
            value => custom.insert(name.clone(), value.clone().unwrap_or_default()),
        };
    }
    custom
}

fn check_settings(given: &Settings) -> Result<(), Refusal> {
    match given.max_versions {
        Some(n) if n > MAX_MAX_VERSIONS => Err(Refusal::Invalid(format!(
            "max_versions is {n}; at most {MAX_MAX_VERSIONS} versions are kept"
        ))),
        _ => Ok(()),
    }
}

pub(super) fn remove(key: Key<'_>) -> Effects {
    let command = key.command;
    let Some(meta) = key.meta else { return Effects::default() };
    // Row by row: other keys may lie below this one.
    let row_key = |n: &u64| data_key(&command.mount.id, &command.path, *n);
    let mut mutations: Vec<Mutation> = meta.versions.keys().map(|n| Mutation::Delete(row_key(n))).collect();
    mutations.push(Mutation::Delete(meta_key(&command.mount.id, &command.path)));
    Effects { mutations, changes: vec![changed(command, 0, ChangeAction::Remove)], reply: Reply::Done }
}

pub(super) fn config(rows: &Rows, command: &Kv2Command, given: &Settings) -> Result<Effects, Halt> {
    check_settings(given)?;
    let key = config_key(&command.mount.id);
    let old = decode_config(rows.get(&key)?).ok_or(Refusal::Corrupt("kv2 config"))?;
    let new = old.with(given);
    if new == old {
        return Ok(Effects::default());
    }
    Ok(Effects {
        mutations: vec![Mutation::Put(key, encode_config(new))],
        changes: vec![Change::MountChanged { mount: command.mount.path.clone() }],
        reply: Reply::Done,
    })
}
