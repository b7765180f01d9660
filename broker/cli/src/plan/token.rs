//! The requests of `token`.

use broker_core::json::Json;

use super::{Job, Show, json_number, json_object};
use crate::arguments::{RevokeMode, TokenCommand, TokenCreate};
use crate::pairs;
use crate::problem::Problem;
use crate::request::{Method, Request};

/// The token or accessor that a command names, as typed; `-` stands for stdin.
pub fn named(command: &TokenCommand) -> Option<&str> {
    match command {
        TokenCommand::Create(_) => None,
        TokenCommand::Lookup { whose, .. }
        | TokenCommand::Renew { whose, .. }
        | TokenCommand::Revoke { whose, .. } => whose.token.as_deref(),
        TokenCommand::Capabilities { words, .. } => match words.as_slice() {
            [token, _] => Some(token),
            _ => None,
        },
    }
}

/// What to do for a command. `subject` is the token or accessor that it names, `-` replaced by what stdin holds.
///
/// # Errors
/// Options that do not go together.
pub fn plan(command: &TokenCommand, subject: Option<&str>) -> Result<Job, Problem> {
    match command {
        TokenCommand::Create(create) => self::create(create),
        TokenCommand::Lookup { whose, field } => {
            let request = match about("lookup", subject, whose.accessor) {
                Some((path, body)) => write(path, body),
                None => Request::new(Method::Get, "auth/token/lookup-self"),
            };
            Ok(Job::new(request, Show::Lookup).only(field.clone()))
        }
        TokenCommand::Renew { whose, increment, field } => {
            let own = || ("auth/token/renew-self".to_owned(), Vec::new());
            let (path, mut body) = about("renew", subject, whose.accessor).unwrap_or_else(own);
            body.extend(increment.clone().map(|increment| ("increment", Json::string(increment))));
            Ok(Job::new(write(path, body), Show::Auth).only(field.clone()))
        }
        TokenCommand::Revoke { whose, own, mode } => revoke(subject, whose.accessor, *own, *mode),
        TokenCommand::Capabilities { words, accessor } => {
            let path = words.last().cloned().unwrap_or_default();
            capabilities(subject, *accessor, path)
        }
    }
}

type Members = Vec<(&'static str, Json)>;

fn write(path: impl Into<String>, members: Members) -> Request {
    Request::with_body(Method::Put, path, json_object(members).to_secret())
}

/// Path and body for a token or accessor that is named; `None` for the token in use.
fn about(operation: &str, subject: Option<&str>, accessor: bool) -> Option<(String, Members)> {
    let subject = Json::string(subject?);
    Some(match accessor {
        true => (format!("auth/token/{operation}-accessor"), vec![("accessor", subject)]),
        false => (format!("auth/token/{operation}"), vec![("token", subject)]),
    })
}

fn create(create: &TokenCreate) -> Result<Job, Problem> {
    let path = match (&create.role, create.orphan) {
        (Some(_), true) => {
            return Err(Problem::Usage("-orphan and -role do not go together: the role decides".to_owned()));
        }
        (Some(role), false) => format!("auth/token/create/{role}"),
        (None, true) => "auth/token/create-orphan".to_owned(),
        (None, false) => "auth/token/create".to_owned(),
    };
    let metadata = match create.metadata.as_slice() {
        [] => None,
        words => Some(pairs::texts("metadata", words)?),
    };
    let text = |text: &Option<String>| text.clone().map(Json::string);
    let names = create.policy.iter().map(Json::string).collect();
    let members = [
        ("policies", (!create.policy.is_empty()).then_some(Json::Array(names))),
        ("ttl", text(&create.ttl)),
        ("explicit_max_ttl", text(&create.explicit_max_ttl)),
        ("period", text(&create.period)),
        ("display_name", text(&create.display_name)),
        ("meta", metadata),
        ("num_uses", create.use_limit.map(json_number)),
        ("no_default_policy", create.no_default_policy.then_some(Json::Bool(true))),
        ("renewable", create.renewable.map(Json::Bool)),
        ("type", text(&create.kind)),
    ];
    let members = members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    Ok(Job::new(write(path, members), Show::Auth).only(create.field.clone()))
}

fn revoke(
    subject: Option<&str>,
    accessor: bool,
    own: bool,
    mode: Option<RevokeMode>,
) -> Result<Job, Problem> {
    let request = match (subject, own, mode) {
        (None, true, _) => Request::new(Method::Put, "auth/token/revoke-self"),
        (None, false, _) => {
            return Err(Problem::Usage(
                "name the token to revoke, or end the one in use with -self".to_owned(),
            ));
        }
        (Some(token), _, Some(RevokeMode::Orphan)) => {
            write("auth/token/revoke-orphan", vec![("token", Json::string(token))])
        }
        (subject, _, None) => {
            let (path, body) = about("revoke", subject, accessor).unwrap_or_default();
            write(path, body)
        }
    };
    Ok(Job::new(request, Show::Done("Success! Revoked token (if it existed)".to_owned())))
}

fn capabilities(subject: Option<&str>, accessor: bool, path: String) -> Result<Job, Problem> {
    let (suffix, mut body): (_, Members) = match (subject, accessor) {
        (None, true) => return Err(Problem::Usage("name the accessor before the path".to_owned())),
        (None, false) => ("-self", Vec::new()),
        (Some(accessor), true) => ("-accessor", vec![("accessor", Json::string(accessor))]),
        (Some(token), false) => ("", vec![("token", Json::string(token))]),
    };
    body.push(("paths", Json::Array(vec![Json::string(path)])));
    Ok(Job::new(write(format!("sys/capabilities{suffix}"), body), Show::Capabilities))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::tests::line;
    use super::*;
    use crate::arguments::{Cli, Command};
    use crate::testing::words;

    fn run(typed: &str) -> Result<String, String> {
        let cli = Cli::try_parse_from(words(typed)).map_err(|e| e.to_string())?;
        let Command::Token(command) = cli.command else { panic!("{typed}") };
        let subject = named(&command).map(|word| if word == "-" { "from-stdin" } else { word });
        let job = plan(&command, subject).map_err(|e| e.to_string())?;
        let field = job.field.map(|field| format!(" field {field}")).unwrap_or_default();
        Ok(format!("{}{field}", line(&job.request)))
    }

    #[test]
    fn requests() {
        let check = |typed: &str, expected: &str| assert_eq!(run(typed).as_deref(), Ok(expected), "{typed}");
        check("token create", "PUT auth/token/create {}");
        check(
            "token create -policy=a,b -policy=c -ttl=1h -explicit-max-ttl=2h -display-name=n -metadata=k=v -use-limit=3",
            r#"PUT auth/token/create {"display_name":"n","explicit_max_ttl":"2h","meta":{"k":"v"},"num_uses":3,"policies":["a","b","c"],"ttl":"1h"}"#,
        );
        check(
            "token create -orphan -period=1h -no-default-policy -renewable=false -type=service -field=token",
            r#"PUT auth/token/create-orphan {"no_default_policy":true,"period":"1h","renewable":false,"type":"service"} field token"#,
        );
        check("token create -role=r", "PUT auth/token/create/r {}");
        check("token lookup", "GET auth/token/lookup-self");
        check("token lookup -field=ttl T", r#"PUT auth/token/lookup {"token":"T"} field ttl"#);
        check("token lookup -", r#"PUT auth/token/lookup {"token":"from-stdin"}"#);
        check("token lookup -accessor A", r#"PUT auth/token/lookup-accessor {"accessor":"A"}"#);
        check("token renew", "PUT auth/token/renew-self {}");
        check("token renew -increment=30m", r#"PUT auth/token/renew-self {"increment":"30m"}"#);
        check("token renew -i 30m T", r#"PUT auth/token/renew {"increment":"30m","token":"T"}"#);
        check("token renew -accessor A", r#"PUT auth/token/renew-accessor {"accessor":"A"}"#);
        check("token revoke -self", "PUT auth/token/revoke-self");
        check("token revoke T", r#"PUT auth/token/revoke {"token":"T"}"#);
        check("token revoke -mode=orphan T", r#"PUT auth/token/revoke-orphan {"token":"T"}"#);
        check("token revoke -accessor A", r#"PUT auth/token/revoke-accessor {"accessor":"A"}"#);
        check("token capabilities p/q", r#"PUT sys/capabilities-self {"paths":["p/q"]}"#);
        check("token capabilities T p", r#"PUT sys/capabilities {"paths":["p"],"token":"T"}"#);
        check(
            "token capabilities -accessor A p",
            r#"PUT sys/capabilities-accessor {"accessor":"A","paths":["p"]}"#,
        );
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let check = |typed: &str, expected: &str| {
            let text = run(typed).unwrap_err();
            assert!(text.contains(expected), "{typed}: {text}");
        };
        check("token revoke", "name the token to revoke");
        check("token revoke -self T", "cannot be used with");
        check("token lookup -accessor", "TOKEN");
        check("token create -orphan -role=r", "do not go together");
        check("token create -metadata=x", "-metadata \"x\" is not name=text");
        check("token capabilities -accessor p", "name the accessor");
    }
}
