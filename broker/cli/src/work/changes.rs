//! `changes`: follows the broker's change stream.

use broker_client::{Change, ChangeEvent, ChangeKind};
use broker_core::json::Json;

use super::Session;
use crate::arguments::Format;
use crate::out;
use crate::plan::{json_number, json_object};
use crate::problem::Problem;
use crate::request::{Method, Request};
use crate::show::yaml;

/// Prints changes as they come, until the server ends or the token does.
pub(super) async fn follow(after: Option<u64>, session: &Session<'_>) -> Result<(), Problem> {
    let mut after = after;
    loop {
        let request = Request::new(Method::Get, "sys/keyreeve/changes");
        let opened = session.server.session().changes(after).await;
        let mut stream = opened.map_err(|error| session.server.changes_problem(&request, error))?;
        loop {
            let event = stream.next().await;
            match event.map_err(|error| session.server.stream_problem(&error, stream.cursor()))? {
                ChangeEvent::Ready { .. } => {}
                ChangeEvent::Change(change) => out::print(&line(&change, session.settings.format))?,
                ChangeEvent::Lagged { revision } => {
                    after = Some(revision);
                    break;
                }
                ChangeEvent::Gone { revision } => {
                    out::note(&format!(
                        "Changes before revision {revision} are not kept any more and are left out."
                    ));
                    after = Some(revision);
                    break;
                }
                ChangeEvent::TokenEnded { .. } => {
                    return Err(Problem::Refused(
                        "the token has ended; log in again with `keyreeve login`".to_owned(),
                    ));
                }
                ChangeEvent::End { revision } => {
                    out::note(&format!("The server has ended the stream after revision {revision}."));
                    return Ok(());
                }
            }
        }
    }
}

/// A change's type, its members besides the revision, and what it is about in one text.
fn parts(kind: &ChangeKind) -> (&'static str, Vec<(&'static str, Json)>, String) {
    match kind {
        ChangeKind::Kv2 { mount, path, version, action } => {
            let members = vec![
                ("mount", Json::string(mount)),
                ("path", Json::string(path)),
                ("version", json_number(version)),
                ("action", Json::string(action)),
            ];
            let version = if *version == 0 { String::new() } else { format!(" v{version}") };
            ("kv2", members, format!("{mount}/{path}{version} {action}"))
        }
        ChangeKind::Kv1 { mount, path, action } => {
            let members = vec![
                ("mount", Json::string(mount)),
                ("path", Json::string(path)),
                ("action", Json::string(action)),
            ];
            ("kv1", members, format!("{mount}/{path} {action}"))
        }
        ChangeKind::TokenRevoked { accessor } => {
            ("token-revoked", vec![("accessor", Json::string(accessor))], accessor.clone())
        }
        ChangeKind::PolicyChanged { name } => {
            ("policy-changed", vec![("name", Json::string(name))], name.clone())
        }
        ChangeKind::MountChanged { mount } => {
            ("mount-changed", vec![("mount", Json::string(mount))], mount.clone())
        }
        ChangeKind::Unknown => {
            ("unknown", Vec::new(), "of a kind that this program does not know".to_owned())
        }
    }
}

fn line(change: &Change, format: Format) -> String {
    let (kind, members, text) = parts(&change.kind);
    if format == Format::Table {
        let clean: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        return format!("{:>6}  {kind:<14}  {clean}\n", change.revision);
    }
    let first = [("revision", json_number(change.revision)), ("type", Json::string(kind))];
    let json = json_object(first.into_iter().chain(members));
    match format {
        Format::Yaml => format!("---\n{}", yaml::document(&json).as_str()),
        _ => json.to_text() + "\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_lines() {
        let check = |kind: ChangeKind, table: &str, json: &str| {
            let change = Change { revision: 7, kind };
            assert_eq!(line(&change, Format::Table), format!("     7  {table}\n"));
            assert_eq!(line(&change, Format::Json), format!("{{{json}}}\n"));
        };
        let (mount, path) = (|| "secret".to_owned(), || "app".to_owned());
        check(
            ChangeKind::Kv2 { mount: mount(), path: path(), version: 3, action: "write".to_owned() },
            "kv2             secret/app v3 write",
            r#""action":"write","mount":"secret","path":"app","revision":7,"type":"kv2","version":3"#,
        );
        check(
            ChangeKind::Kv2 { mount: mount(), path: path(), version: 0, action: "remove".to_owned() },
            "kv2             secret/app remove",
            r#""action":"remove","mount":"secret","path":"app","revision":7,"type":"kv2","version":0"#,
        );
        check(
            ChangeKind::Kv1 { mount: mount(), path: path(), action: "delete".to_owned() },
            "kv1             secret/app delete",
            r#""action":"delete","mount":"secret","path":"app","revision":7,"type":"kv1""#,
        );
        check(
            ChangeKind::TokenRevoked { accessor: "x".to_owned() },
            "token-revoked   x",
            r#""accessor":"x","revision":7,"type":"token-revoked""#,
        );
        check(
            ChangeKind::PolicyChanged { name: "p".to_owned() },
            "policy-changed  p",
            r#""name":"p","revision":7,"type":"policy-changed""#,
        );
        check(
            ChangeKind::MountChanged { mount: mount() },
            "mount-changed   secret",
            r#""mount":"secret","revision":7,"type":"mount-changed""#,
        );
    }
}
