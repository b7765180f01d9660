//! The operations below `sys/`, one line each.

use broker_core::route::SysOp;

use crate::flow::{Context, Note, Plan};
use crate::http::error::Failure;
use crate::http::reply::{Answer, Payload};
use crate::ops::{audit, capabilities, changes, data, doubled, mounts, policy, records};

/// Carries an operation out, or decides on its write.
///
/// # Errors
/// The answer to give instead.
pub fn plan(context: &Context<'_>, op: &SysOp) -> Result<Plan, Failure> {
    let read = |answer: Answer| Plan::Read(answer, Note::default());
    match op {
        SysOp::Mounts => mounts::list(context).map(read),
        SysOp::Mount(path) => mounts::one(context, path).map(read),
        SysOp::Enable(path) => mounts::enable(context, path),
        SysOp::Disable(path) => mounts::disable(context, path),
        SysOp::Tuning(path) => mounts::tuning(context, path).map(read),
        SysOp::Tune(path) => mounts::tune(context, path),
        SysOp::Preflight(path) => mounts::preflight(context, path).map(read),
        SysOp::UiMounts => mounts::visible(context).map(read),
        SysOp::Policies { legacy } => Ok(read(policy::list(context, *legacy))),
        SysOp::Policy { name, legacy } => policy::one(context, name, *legacy).map(read),
        SysOp::PolicyWrite { name, legacy } => policy::write(context, name, *legacy),
        SysOp::PolicyDelete { name } => policy::delete(context, name),
        SysOp::Capabilities(whose) => capabilities::ask(context, *whose).map(read),
        SysOp::AuthMethods => Ok(read(doubled(context, mounts::auth_methods()))),
        SysOp::AuditDevices => Ok(read(data(context, "{}"))),
        SysOp::Metrics => {
            let body = Payload::Text("text/plain; version=0.0.4", context.app.metrics.text());
            Ok(read(Answer { status: 200, body }))
        }
        SysOp::Audit => audit::query(context).map(read),
        SysOp::AuditTree => Ok(read(audit::tree(context))),
        SysOp::AuditSchema => {
            let body = Payload::Text("application/schema+json", broker_core::record::SCHEMA.to_owned());
            Ok(read(Answer { status: 200, body }))
        }
        SysOp::Changes => changes::follow(context).map(read),
        SysOp::Records => records::take(context),
    }
}
