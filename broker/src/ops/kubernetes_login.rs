//! The login of a Kubernetes service account: a token review, a decision, and a token. It needs no token itself.

use broker_core::auth::kubernetes::{
    Denial, KubernetesCommand, KubernetesRole, LoginPlace, LoginRequest, Verified, actor_name, decide, facts,
    plan_token, screen, unverified_claims,
};
use broker_core::auth::{AuthCommand, AuthMount, AuthRef};
use broker_core::command::Command;
use broker_core::identity::Facts;
use broker_core::record::{Actor, Draft, Rule};
use broker_core::route::is_role_name;
use broker_core::token::{TokenCommand, TokenInfo};
use broker_core::wire::Envelope;

use crate::app::App;
use crate::flow::{Note, Plan};
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::http::request::Request;
use crate::ops::kubernetes::{find_config, find_role};
use crate::ops::token::{auth, new_ids};
use crate::ops::{short_hash, store_failed, unknown_fields};
use crate::reviewer::Question;

/// The longest unknown role name that an answer repeats, in characters.
const MAX_NAME_SHOWN: usize = 64;

/// Decides a login; the record is completed with who logged in, and why or why not.
///
/// # Errors
/// The answer to give instead. A caller who is not let in learns only that; the record says why.
pub async fn login(app: &App, request: &Request, at: &AuthRef, draft: &mut Draft) -> Result<Plan, Failure> {
    let asked = LoginRequest::parse(&request.body).map_err(|r| Failure::from(&r))?;
    let mount = app.mounts.load().auth(&at.path).filter(|m| m.id == at.id).cloned();
    let mount = mount.ok_or_else(|| Failure::no_mount(request.path.as_str()))?;
    let role = known_role(app, &mount, &asked.role)?;
    let config = find_config(app, &mount.id).map_err(store_failed)?.ok_or_else(|| {
        Failure::bad_request(format!("auth/{0}/ has no settings; write auth/{0}/config first", mount.path))
    })?;
    if role.audience.is_empty() {
        return Err(Failure::bad_request(format!(
            "the role {:?} has no audience, so that a token for anybody would do; set `audience` on the role",
            role.name
        )));
    }
    let question =
        Question { mount: &mount, config: &config, role: &role, unverified_jwt: &asked.unverified_jwt };
    match verify(app, request, &question).await {
        Err(denial) => {
            draft.rule = Some(rule(&mount, &role, "denied", &denial.to_string()));
            Err(Failure::bad_token(denial.reason()))
        }
        Ok(verified) => {
            let bound = format!("the API server confirmed {}/{}", verified.namespace, verified.name);
            draft.rule = Some(rule(&mount, &role, "allowed", &bound));
            let facts = facts(&mount, &role, verified);
            Ok(issue(app, Allowed { request, mount: &mount, role, facts }, draft))
        }
    }
}

fn rule(mount: &AuthMount, role: &KubernetesRole, verdict: &str, why: &str) -> Rule {
    let rule = format!("{verdict}: role {:?} of auth/{}/: {why}", role.name, mount.path);
    Rule { capability: "login".to_owned(), rule }
}

fn known_role(app: &App, mount: &AuthMount, name: &str) -> Result<KubernetesRole, Failure> {
    let found = match is_role_name(name) {
        true => find_role(app, &mount.id, name).map_err(store_failed)?,
        false => None,
    };
    let shown: String = name.chars().take(MAX_NAME_SHOWN).collect();
    found.ok_or_else(|| Failure::bad_request(format!("invalid role name {shown:?}")))
}

/// Who the token belongs to: from a review of the last seconds, or from a new one.
async fn verify(app: &App, request: &Request, question: &Question<'_>) -> Result<Verified, Denial> {
    let claims = unverified_claims(question.unverified_jwt)?;
    screen(question.config, question.role, &claims)?;
    let key = question.key();
    if let Some(review) = app.reviewer.kept(&key, request.time) {
        return decide(question.role, &claims, &review);
    }
    let review = app.reviewer.review(question).await.map_err(|e| Denial::NotReviewed(e.to_string()))?;
    let verified = decide(question.role, &claims, &review)?;
    app.reviewer.keep(key, review, request.time, claims.unverified_expiry);
    Ok(verified)
}

/// A login that is let in.
struct Allowed<'a> {
    request: &'a Request,
    mount: &'a AuthMount,
    role: KubernetesRole,
    facts: Facts,
}

/// The write of the new token, and its answer.
fn issue(app: &App, login: Allowed<'_>, draft: &mut Draft) -> Plan {
    let Allowed { request, mount, role, facts } = login;
    let (text, ids) = new_ids(app, None);
    let token = plan_token(LoginPlace { mount, now: request.time, ids }, &role, facts);
    draft.actor = Some(actor(&token));
    let auth = auth(&token, &text, request.time);
    let warnings = unknown_fields(&request.body, &["role", "jwt"]);
    let request_id = broker_core::record::uuid_text(request.id);
    let command = KubernetesCommand::Login {
        mount: mount.reference(),
        role: Box::new(role),
        create: TokenCommand::Create(Box::new(token)),
    };
    Plan::write(Command::Auth(AuthCommand::Kubernetes(command)), Note::default(), move |_| {
        let envelope = Envelope { auth, warnings, ..Envelope::default() };
        Ok(Answer::json(envelope.to_text(&request_id)))
    })
}

fn actor(token: &TokenInfo) -> Actor {
    Actor {
        facts: token.facts.clone(),
        name: actor_name(&token.facts),
        accessor: token.accessor.clone(),
        token: short_hash(&token.id),
        policies: token.policies.clone(),
    }
}
