//! Opening a ledger: the first start of a new store, or the seal and format of one that exists.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use broker_core::record::uuid_text;
use tokio::sync::watch;

use super::backend::{self, Db};
use super::codec::Codec;
use super::media::{Media, MemMedia};
use super::rows::META;
use super::segments::{Segments, number_of};
use super::shared::{Counters, Shared};
use super::state::{self, State};
use super::writer::{Message, Writer};
use super::{Head, Inner, LedgerOptions, OpenError, Opened, journal};
use crate::keys::{Keyring, SealError, UnsealError};

/// The newest format of stores that this program reads; also the one it writes.
const FORMAT: u32 = 1;
const FORMAT_ROW: &str = "format";
const KEYRING_ROW: &str = "keyring";

impl OpenError {
    pub(crate) fn database(error: impl Into<redb::Error>) -> Self {
        Self::Database(error.into().to_string())
    }
}

impl From<SealError> for OpenError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Missing { path } => Self::SealMissing { path },
            SealError::Random(source) => Self::Database(source.to_string()),
            SealError::Io { path, source } => Self::SealFile { path, reason: source.to_string() },
            SealError::Content { path } => Self::SealFile {
                path,
                reason: "it must be one line, keyreeve-seal-v1 and 32 bytes in base64".to_owned(),
            },
        }
    }
}

/// Opens the files, brings them up to date and starts the writer.
pub(crate) fn open(options: LedgerOptions) -> Result<(Inner, Opened), OpenError> {
    let media = options.media;
    let exists = store_exists(media.as_ref())?;
    let seal = options.seal.load(exists)?;
    if !exists {
        let store = new_store(&Keyring::generate().map_err(random)?, &seal)?;
        let created = media.replace(backend::FILE, &store).and_then(|()| media.sync_names());
        created.map_err(|source| OpenError::Io { what: "new database", source })?;
    }
    let db = Db::default();
    db.open(media.as_ref(), options.cache_bytes).map_err(OpenError::database)?;
    check_format(&db)?;
    let stored = state::load_row(&db, KEYRING_ROW)?;
    let stored = stored.ok_or_else(|| OpenError::Damaged("it has no keyring".to_owned()))?;
    let keyring = Keyring::unseal(&stored, &seal).map_err(|error| match error {
        UnsealError::WrongKey => OpenError::WrongSeal { seal: options.seal.name() },
        UnsealError::Content => OpenError::Damaged("its keyring is not understood".to_owned()),
    })?;
    let codec = Arc::new(Codec::new(&keyring).ok_or_else(|| OpenError::Damaged("its keys".to_owned()))?);
    let shared = Arc::new(Shared {
        log: uuid_text(codec.store_id()),
        segments: Arc::new(Segments::new(Arc::clone(&media))),
        media,
        codec,
        db,
        sizes: options.sizes,
        cache_bytes: options.cache_bytes,
        clock: options.clock,
        head: watch::channel(Head::default()).0,
        counters: Counters::default(),
    });
    let (state, replayed_frames) = state::replay(&shared)?;
    let opened = Opened { first_start: !exists, replayed_frames, seq: state.seq, revision: state.revision };
    Ok((start(shared, state, options.queue)?, opened))
}

fn random(error: crate::keys::NoRandomness) -> OpenError {
    OpenError::Database(error.to_string())
}

fn store_exists(media: &dyn Media) -> Result<bool, OpenError> {
    let failed = |source: io::Error| OpenError::Io { what: "folder", source };
    let names = media.names().map_err(failed)?;
    if names.iter().any(|name| name == backend::FILE) {
        return Ok(true);
    }
    match names.iter().find(|name| *name == journal::FILE || number_of(name).is_some()) {
        None => Ok(false),
        Some(name) => Err(OpenError::Damaged(format!("{} is missing, and {name} is there", backend::FILE))),
    }
}

/// The bytes of a new database. It is made in memory and put in its place as a whole, so that a crash in between
/// leaves no half of one.
fn new_store(keyring: &Keyring, seal: &crate::keys::SealKey) -> Result<Vec<u8>, OpenError> {
    let codec = Codec::new(keyring).ok_or_else(|| OpenError::Damaged("its keys".to_owned()))?;
    let sealed = keyring.seal(seal).map_err(random)?;
    let media = MemMedia::default();
    let db = Db::default();
    db.open(&media, 1 << 20).map_err(OpenError::database)?;
    let transaction = db.write_durable().map_err(OpenError::database)?;
    {
        let mut meta = transaction.open_table(META).map_err(OpenError::database)?;
        meta.insert(FORMAT_ROW, FORMAT.to_be_bytes().as_slice()).map_err(OpenError::database)?;
        meta.insert(KEYRING_ROW, sealed.as_slice()).map_err(OpenError::database)?;
    }
    state::save_first(&transaction, &codec).map_err(OpenError::database)?;
    transaction.commit().map_err(OpenError::database)?;
    db.give_up();
    let failed = |source| OpenError::Io { what: "new database", source };
    let file = media.open(backend::FILE).map_err(failed)?;
    let length = usize::try_from(file.len().map_err(failed)?).unwrap_or(0);
    let mut bytes = vec![0; length];
    file.read_at(0, &mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn check_format(db: &Db) -> Result<(), OpenError> {
    let row = state::load_row(db, FORMAT_ROW)?;
    let found = row.and_then(|bytes| bytes.first_chunk::<4>().copied()).map(u32::from_be_bytes);
    match found {
        Some(found) if found > FORMAT => Err(OpenError::Newer { found, known: FORMAT }),
        Some(_) => Ok(()),
        None => Err(OpenError::Damaged("it does not say its format".to_owned())),
    }
}

fn start(shared: Arc<Shared>, state: State, queue: usize) -> Result<Inner, OpenError> {
    let (sender, messages) = sync_channel::<Message>(queue.max(1));
    let writer = Writer::new(Arc::clone(&shared), messages, state);
    let thread = std::thread::Builder::new()
        .name("ledger-writer".to_owned())
        .spawn(move || writer.run())
        .map_err(|source| OpenError::Io { what: "writer thread", source })?;
    Ok(Inner::new(shared, sender, thread))
}
