//! The requests of `policy`.

use broker_core::json::Json;

use super::{Job, Show, json_object};
use crate::request::{Method, Request};

fn path(name: &str) -> String {
    format!("sys/policies/acl/{}", policy_name(name))
}

/// A policy's name as servers keep it.
pub fn policy_name(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Reads a policy.
pub fn read(name: &str) -> Job {
    Job::new(Request::new(Method::Get, path(name)), Show::PolicyText)
}

/// Lists the names.
pub fn list() -> Job {
    Job::new(Request::new(Method::List, "sys/policies/acl"), Show::Names)
}

/// Writes a policy.
pub fn write(name: &str, text: &str) -> Job {
    let body = json_object([("policy", Json::string(text))]).to_secret();
    let done = format!("Success! Uploaded policy: {}", policy_name(name));
    Job::new(Request::with_body(Method::Put, path(name), body), Show::Done(done))
}

/// Deletes a policy.
pub fn delete(name: &str) -> Job {
    let done = format!("Success! Deleted policy: {}", policy_name(name));
    Job::new(Request::new(Method::Delete, path(name)), Show::Done(done))
}

#[cfg(test)]
mod tests {
    use super::super::tests::line;
    use super::*;

    #[test]
    fn requests() {
        let check = |job: Job, expected: &str| assert_eq!(line(&job.request), expected);
        check(read(" App"), "GET sys/policies/acl/app");
        check(list(), "LIST sys/policies/acl");
        check(delete("app"), "DELETE sys/policies/acl/app");
        check(write("App", "path \"a\" {}\n"), r#"PUT sys/policies/acl/app {"policy":"path \"a\" {}\n"}"#);
        assert_eq!(write("App", "").show, Show::Done("Success! Uploaded policy: app".to_owned()));
    }
}
