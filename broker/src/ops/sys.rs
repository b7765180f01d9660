//! The operations below `sys/`, one line each.

use broker_core::route::SysOp;

use crate::flow::{Context, Note, Plan};
use crate::http::error::Failure;
use crate::http::reply::{Answer, Payload};
use crate::ops::{
    audit, auth, capabilities, changes, data, leases, mounts, policy, records, remount, required_text,
    resultant, tools,
};

/// What is said to who would make the log a device; the log is always on, and where it is, is said at the start.
const NO_DEVICES: &str =
    "audit device via API; use declarative, config-based audit device management instead";

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
        SysOp::AuthMethods => Ok(read(auth::list(context))),
        SysOp::AuthMount(op) => auth::plan(context, op),
        SysOp::AuditDevices => Ok(read(data(context, "{}"))),
        SysOp::AuditEnable => Err(Failure::bad_request(format!("cannot enable {NO_DEVICES}"))),
        SysOp::AuditDisable => Err(Failure::bad_request(format!("cannot disable {NO_DEVICES}"))),
        SysOp::AuditHash(path) => Err(no_device(context, path)),
        SysOp::Lease(op) => leases::answer(context, op).map(read),
        SysOp::Hash { algorithm } => tools::hash(context, algorithm.as_deref()).map(read),
        SysOp::Random { source, bytes } => {
            tools::random(context, source.as_deref(), bytes.as_deref()).map(read)
        }
        SysOp::Remount => remount::remount(context),
        SysOp::RemountStatus(id) => remount::status(context, id).map(read),
        SysOp::ResultantAcl => Ok(read(resultant::acl(context))),
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

/// There is no device whose hash could be taken; a missing input is said first.
fn no_device(context: &Context<'_>, path: &str) -> Failure {
    match required_text(&context.request.body, "input", "the \"input\" parameter is empty") {
        Ok(_) => Failure::bad_request(format!("unknown audit backend \"{path}/\"")),
        Err(failure) => failure,
    }
}
