//! The syncer in a cluster, pure: what is observed through the API, what follows from it, and when.
//!
//! The way of one object: [`Queue`] says when, [`read_external_secret`] and [`read_secret`] read what is there,
//! [`triage`] says whether to ask the store, [`gate`] whether it may be asked, and [`plan_cluster`] what to write.

mod bucket;
mod condition;
mod event;
mod index;
mod lease;
mod manager;
mod observe;
mod ownership;
mod patch;
mod plan;
mod queue;
mod secret;
mod store;
mod store_spec;
mod text;
mod time;

pub use bucket::Bucket;
pub use condition::{Condition, READY, set_condition};
pub use event::{Event, EventWrite, Involved, MAX_MESSAGE, Recorder, event_body, event_patch};
pub use index::{Change, Index, Row, RowError, SecretRow, StoreKey, read_row, read_secret_row};
pub use lease::{Lease, LeaseAction, LeaseTimes, LeaseWatch, lease_body, read_lease};
pub use manager::{field_manager, field_managers};
pub use observe::{ExternalSecret, Intent, Meta, ObserveError, Status, read_external_secret, read_meta};
pub use patch::{FINALIZER, adopt_patch, finalizer_patch, first_finalizer_patch, status_patch};
pub use plan::{
    Actions, COMPONENT, Moment, Requeue, SecretAction, Step, Triage, plan_cluster, triage, write_failed,
};
pub use queue::{Lane, Outcome, Queue, Taken, backoff};
pub use secret::{Owner, TargetSecret, read_config_map, read_secret, read_source_secret, secret_body};
pub use store::{
    ClusterStore, Gate, StoreChange, StoreStatus, Validation, gate, plan_store, read_store, refuse_all,
    store_status_patch,
};
pub use store_spec::{Auth, CaSource, Conditions, JwtSource, StoreSpec};
pub use text::vault_refusal;
pub use time::{format_micro_time, format_time, parse_time};
