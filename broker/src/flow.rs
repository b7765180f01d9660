//! The one road of a request: read, identify, authorize, act, make the record durable, and only then answer.

use std::sync::Arc;

use broker_core::auth::AuthRef;
use broker_core::authorize::{Authorized, authorize, authorize_below};
use broker_core::command::{Command, Reply};
use broker_core::identity::Grant;
use broker_core::kv2::Existence;
use broker_core::ledger::{Sealed, Submission};
use broker_core::reason::ReasonCode;
use broker_core::record::{Actor, Draft, Kind, Object, uuid_text};
use broker_core::route::{self, Op, RouteError, SysOp, TokenOp, Verb, capability, route};
use broker_core::token::{TokenCommand, TokenInfo};
use policies::PolicySet;

use crate::app::App;
use crate::backend::Backend;
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::http::request::{Incoming, Request, agent, read, via};
use crate::ops;
use crate::store::CommitError;

/// How often a write is decided again when its key came or went between authorization and writing.
const MAX_ATTEMPTS: usize = 4;
/// The longest part of an unreadable path that its record keeps, in bytes.
const MAX_RECORDED_PATH: usize = 1024;

/// Who is asking, verified.
pub struct Caller {
    /// The token's record.
    pub token: TokenInfo,
    /// Its policies, merged.
    pub set: Arc<PolicySet>,
}

/// What an operation sees of its request.
pub struct Context<'a> {
    /// The broker.
    pub app: &'a Arc<App>,
    /// The request.
    pub request: &'a Request,
    /// Who asks.
    pub caller: &'a Caller,
    /// The record as far as it is known.
    pub draft: &'a Draft,
}

impl Context<'_> {
    /// The id of request, record and answer.
    pub fn request_id(&self) -> String {
        uuid_text(self.request.id)
    }
}

/// What the record says about the value that was touched.
#[derive(Default)]
pub struct Note {
    /// Version read or written, 0 for none.
    pub version: u64,
    /// Names of the keys in the value.
    pub keys: Vec<String>,
    /// Keyed hash of the value.
    pub value_hmac: String,
}

/// Turns the outcome of a write into an answer; runs after the write is durable.
pub type Finish = Box<dyn FnOnce(Reply) -> Result<Answer, Failure> + Send>;

/// What an operation came to, before anything is durable or leaves.
pub enum Plan {
    /// An answer that waits for its record.
    Read(Answer, Note),
    /// A write, and how its outcome is answered.
    Write(Box<Write>),
}

/// A write that an operation decided on.
pub struct Write {
    /// The write.
    pub command: Command,
    /// What the record says.
    pub note: Note,
    /// Further records of the same request.
    pub more: Vec<Draft>,
    /// The answer.
    pub finish: Finish,
}

impl Plan {
    /// A write with one record.
    pub fn write(
        command: Command,
        note: Note,
        finish: impl FnOnce(Reply) -> Result<Answer, Failure> + Send + 'static,
    ) -> Self {
        Self::Write(Box::new(Write { command, note, more: Vec::new(), finish: Box::new(finish) }))
    }
}

/// Answers a request below `/v1/`; whatever comes out has exactly one durable record.
pub async fn handle(app: &Arc<App>, incoming: Incoming) -> Answer {
    let mut draft = first_draft(&incoming);
    let failure = match read(&incoming) {
        Err(failure) => failure,
        Ok(request) => {
            request.path.as_str().clone_into(&mut draft.object.path);
            if let Some(method) = login_method(app, &request) {
                return log_in(app, &request, &method, draft).await;
            }
            match identify(app, &request, &mut draft) {
                Err(failure) => failure,
                Ok(_) if request.help => Failure::no_help(),
                Ok(caller) => return answer(app, &request, &caller, draft).await,
            }
        }
    };
    conclude(app, draft, None, Err(failure)).await
}

/// Records a refusal that was decided before the request could be read at all.
pub async fn refuse(app: &Arc<App>, incoming: &Incoming, failure: Failure) -> Answer {
    conclude(app, first_draft(incoming), None, Err(failure)).await
}

fn first_draft(incoming: &Incoming) -> Draft {
    let path = incoming.path.strip_prefix("/v1/").unwrap_or(&incoming.path);
    let kept = path.char_indices().map_while(|(i, c)| (i < MAX_RECORDED_PATH).then_some(c)).collect();
    let mut source = incoming.source.clone();
    source.agent = agent(&incoming.headers);
    Draft {
        time: incoming.time,
        id: incoming.id,
        kind: Kind::Request,
        status: 0,
        reason: ReasonCode::Ok,
        actor: None,
        via: via(&incoming.headers),
        source,
        object: Object { path: kept, ..Object::default() },
        rule: None,
        report: None,
    }
}

fn identify(app: &App, request: &Request, draft: &mut Draft) -> Result<Caller, Failure> {
    let Some(presented) = &request.token else { return Err(Failure::bad_token(ReasonCode::NoToken)) };
    let found = ops::token::find(app, &presented.0, request.time)?;
    let token = found.ok_or_else(|| Failure::bad_token(ReasonCode::BadToken))?;
    let grant = Grant { policies: token.policies.clone() };
    draft.actor = Some(Actor {
        facts: token.facts.clone(),
        name: token.display_name.clone(),
        accessor: token.accessor.clone(),
        token: ops::short_hash(&token.id),
        policies: grant.policies.clone(),
    });
    let set = app.policies.now().set(&grant.policies);
    Ok(Caller { token, set })
}

/// The auth method that a request logs in with; such a request needs no token.
fn login_method(app: &App, request: &Request) -> Option<AuthRef> {
    let method = route::login(request.verb, &request.path, &app.mounts.load());
    method.filter(|_| !request.help)
}

async fn log_in(app: &Arc<App>, request: &Request, method: &AuthRef, mut draft: Draft) -> Answer {
    draft.kind = Kind::Login;
    draft.object.mount = format!("auth/{}", method.path);
    for _ in 0..MAX_ATTEMPTS {
        let mut draft = draft.clone();
        let plan = ops::kubernetes_login::login(app, request, method, &mut draft).await;
        if let Ok(answer) = commit(app, draft, None, plan).await {
            return answer;
        }
    }
    conclude(app, draft, None, Err(Failure::busy())).await
}

async fn answer(app: &Arc<App>, request: &Request, caller: &Caller, draft: Draft) -> Answer {
    let limited = caller.token.num_uses > 0;
    let id = caller.token.id.clone();
    let count_use =
        || limited.then(|| Command::Token(TokenCommand::Use { id: id.clone(), now: request.time }));
    for _ in 0..MAX_ATTEMPTS {
        let mut draft = draft.clone();
        let plan = plan(app, request, caller, &mut draft).await;
        if let Ok(answer) = commit(app, draft, count_use(), plan).await {
            return answer;
        }
    }
    conclude(app, draft, count_use(), Err(Failure::busy())).await
}

/// Decides what a request comes to, its policy asked first.
async fn plan(
    app: &Arc<App>,
    request: &Request,
    caller: &Caller,
    draft: &mut Draft,
) -> Result<Plan, Failure> {
    let routed = route(request.verb, &request.path, &app.mounts.load());
    if let Ok(op) = &routed {
        draft.kind = op.kind();
        if let Op::Kv(kv) = op {
            draft.object.mount.clone_from(&kv.mount.path);
        }
    }
    let existence = match &routed {
        Ok(Op::Kv(op)) if op.needs_existence() => Backend::of(app, op).existence(op)?,
        Ok(Op::Token(TokenOp::RoleWrite(name))) => ops::roles::existence(app, name)?,
        Ok(Op::Auth(op)) => ops::kubernetes::existence(app, op)?,
        _ => Existence::Present,
    };
    let allowed = match routed {
        Ok(Op::Sys(SysOp::Preflight(mount))) => preflight(app, caller, mount)?,
        routed => {
            let needed = capability(request.verb, existence == Existence::Present);
            let checked = authorize(&caller.set, &request.path, needed, routed).map_err(|denied| {
                draft.rule = Some(denied.rule);
                Failure::denied(denied.reason)
            })?;
            draft.rule = Some(checked.rule().clone());
            if let Err(error) = checked.op() {
                return Err(no_route(*error, request));
            }
            checked.narrow(Result::ok).ok_or_else(Failure::internal)?
        }
    };
    draft.rule = Some(allowed.rule().clone());
    let context = Context { app, request, caller, draft };
    dispatch(&context, allowed, existence).await
}

fn preflight(app: &App, caller: &Caller, path: String) -> Result<Authorized<Op>, Failure> {
    let mounts = app.mounts.load();
    let Some((mount, _)) = mounts.resolve(&path) else { return Err(Failure::preflight(&path)) };
    let op = Op::Sys(SysOp::Preflight(mount.path.clone()));
    authorize_below(&caller.set, &mount.path, op).map_err(|_| Failure::preflight(&path))
}

fn no_route(error: RouteError, request: &Request) -> Failure {
    match error {
        RouteError::NoMount => Failure::no_mount(request.path.as_str()),
        RouteError::UnsupportedPath => Failure::unsupported_path(),
        RouteError::UnsupportedOperation => Failure::unsupported_operation(),
        RouteError::VersionedRoot => Failure::versioned_root(),
        RouteError::NotVersioned => Failure::not_versioned(match request.verb {
            Verb::Read => "get",
            Verb::Write => "put",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
            Verb::List | Verb::Scan => "list",
        }),
    }
}

async fn dispatch(
    context: &Context<'_>,
    allowed: Authorized<Op>,
    existence: Existence,
) -> Result<Plan, Failure> {
    match allowed.op().clone() {
        Op::Kv(op) => {
            let backend = Backend::of(context.app, &op);
            let allowed = allowed.narrow(|_| Some(op)).ok_or_else(Failure::internal)?;
            backend.plan(context, &allowed, existence).await
        }
        Op::Token(op) => ops::token::plan(context, op),
        Op::Sys(op) => ops::sys::plan(context, &op),
        Op::Auth(op) => ops::kubernetes::plan(context, &op),
    }
}

/// The key came or went meanwhile: decide again.
struct Again;

async fn commit(
    app: &Arc<App>,
    mut draft: Draft,
    token_use: Option<Command>,
    plan: Result<Plan, Failure>,
) -> Result<Answer, Again> {
    let write = match plan {
        Ok(Plan::Write(write)) => write,
        Ok(Plan::Read(answer, note)) => {
            return Ok(conclude(app, noted(draft, note), token_use, Ok(answer)).await);
        }
        Err(failure) => return Ok(conclude(app, draft, token_use, Err(failure)).await),
    };
    let request_id = uuid_text(draft.id);
    let kind = draft.kind;
    draft = noted(draft, write.note);
    draft.status = 204;
    let refused = draft.clone();
    let submission = Submission { token_use, command: Some(write.command), draft, more: write.more };
    let outcome = match app.ledger.commit(submission).await {
        Err(CommitError::Again) => return Err(Again),
        // A write that could not be stored may still be recorded as refused.
        Err(error) => return Ok(conclude(app, refused, None, Err(unrecorded(&error))).await),
        Ok(committed) => match committed.outcome {
            Ok(reply) => (write.finish)(reply),
            Err(refusal) if matches!(kind, Kind::SecretWrite | Kind::MetadataWrite) => {
                Err(missing_is_bodyless(&refusal))
            }
            Err(refusal) => Err(Failure::from(&refusal)),
        },
    };
    let reason = outcome.as_ref().map_or_else(|f| f.reason, |_| ReasonCode::Ok);
    app.metrics.count(kind, reason);
    Ok(outcome.unwrap_or_else(|failure| Answer::failure(&failure, &request_id)))
}

/// Patching something that is not there is answered without a body, as Vault does.
fn missing_is_bodyless(refusal: &broker_core::refusal::Refusal) -> Failure {
    let failure = Failure::from(refusal);
    if failure.status == 404 { failure.without_body() } else { failure }
}

fn noted(mut draft: Draft, note: Note) -> Draft {
    draft.object.version = note.version;
    draft.object.keys = note.keys;
    draft.object.value_hmac = note.value_hmac;
    draft
}

/// Makes the record durable and only then gives the answer out.
async fn conclude(
    app: &Arc<App>,
    mut draft: Draft,
    token_use: Option<Command>,
    outcome: Result<Answer, Failure>,
) -> Answer {
    let request_id = uuid_text(draft.id);
    draft.reason = match &outcome {
        Ok(answer) if answer.status == 404 => ReasonCode::NotFound,
        Ok(_) => ReasonCode::Ok,
        Err(failure) => failure.reason,
    };
    let answer = outcome.unwrap_or_else(|failure| Answer::failure(&failure, &request_id));
    draft.status = answer.status;
    let (kind, reason) = (draft.kind, draft.reason);
    let sealed = Sealed::new(answer, &draft);
    let committed = app.ledger.commit(Submission { token_use, ..Submission::record(draft) }).await;
    let released = committed.map_err(|error| unrecorded(&error)).and_then(|committed| {
        committed.outcome.map_err(|refusal| Failure::from(&refusal))?;
        sealed.release(&committed.durable).map_err(|_| Failure::internal())
    });
    app.metrics.count(kind, released.as_ref().map_or_else(|f| f.reason, |_| reason));
    released.unwrap_or_else(|failure| Answer::failure(&failure, &request_id))
}

fn unrecorded(error: &CommitError) -> Failure {
    match error {
        CommitError::Busy | CommitError::Again => Failure::busy(),
        CommitError::Storage | CommitError::Closed => Failure::storage(),
    }
}
