//! `login`: checks a token with the server and keeps it in the token file.

use zeroize::Zeroizing;

use crate::arguments::{Format, LoginArgs};
use crate::config::{Environment, Settings};
use crate::plan::{Job, Show};
use crate::problem::Problem;
use crate::request::{Method, Request};
use crate::server::{Server, typed_token};
use crate::{input, out, show, terminal};

/// Logs in.
pub(super) async fn login(
    arguments: &LoginArgs,
    settings: &Settings,
    environment: &Environment,
) -> Result<(), Problem> {
    if arguments.method != "token" {
        return Err(Problem::Usage(format!(
            "the method {:?} is not supported here; get a token from the server in another way, then `keyreeve login -method=token`",
            arguments.method
        )));
    }
    let token = typed_token(&typed(arguments)?)?;
    let kept = Zeroizing::new(token.expose().to_owned());
    let server = Server::new(settings, Some(token))?;
    let request = Request::new(Method::Get, "auth/token/lookup-self");
    let answer = server.send(&request).await?;
    if !arguments.no_store {
        let path = environment.token_file()?;
        input::write_secret(&path, &kept)?;
        out::note(&format!("The token is kept in {}.", path.display()));
        if environment.token.is_some() {
            out::note("WARNING: KEYREEVE_TOKEN or VAULT_TOKEN is set and is used instead of it; unset it.");
        }
    }
    // The token itself is not shown: whoever logs in has it.
    let described = without_id(&answer.body.expose().to_owned().into(), settings.format)?;
    out::print(&described)
}

fn typed(arguments: &LoginArgs) -> Result<Zeroizing<Vec<u8>>, Problem> {
    match arguments.token.as_deref() {
        Some("-") => input::stdin(),
        Some(token) => {
            out::note(
                "Note: other users of this machine can see a token on a command line; leave it out to be asked for it.",
            );
            Ok(Zeroizing::new(token.as_bytes().to_vec()))
        }
        None if terminal::is_interactive() => terminal::ask("Token (nothing is shown): "),
        None => input::stdin(),
    }
}

/// The answer of a lookup without the token in it.
fn without_id(body: &Zeroizing<String>, format: Format) -> Result<Zeroizing<String>, Problem> {
    let mut json = show::parsed(body)?;
    if let broker_core::json::Json::Object(members) = &mut json
        && let Some(broker_core::json::Json::Object(data)) = members.get_mut("data")
    {
        data.remove("id");
    }
    let job = Job::new(Request::new(Method::Get, "auth/token/lookup-self"), Show::Lookup);
    Ok(show::answer(&job, &Zeroizing::new(json.to_text()), format, false)?.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_not_shown() {
        let body = r#"{"data":{"accessor":"a","id":"topsecret","ttl":60},"warnings":null}"#.to_owned().into();
        let check =
            |format, expected: &str| assert_eq!(without_id(&body, format).unwrap().as_str(), expected);
        check(Format::Table, "Key         Value\n---         -----\naccessor    a\nttl         1m\n");
        check(
            Format::Json,
            "{\n  \"data\": {\n    \"accessor\": \"a\",\n    \"ttl\": 60\n  },\n  \"warnings\": null\n}\n",
        );
    }
}
