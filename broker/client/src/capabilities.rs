//! What a session's own token may do, asked without touching any secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::CallError;
use crate::session::{Method, Session};

/// Path that answers.
const PATH: &str = "sys/capabilities-self";

#[derive(Serialize)]
struct Question<'a> {
    paths: &'a [String],
}

/// The members of the answer that are lists of capabilities: one for each path asked for.
#[derive(Deserialize)]
#[serde(untagged)]
enum Member {
    Capabilities(Vec<String>),
    Other(serde::de::IgnoredAny),
}

impl Session {
    /// What the session's token may do with each of these paths, such as `secret/data/app/db`: `read`, `list`, `root`, or
    /// `deny` for nothing at all. A path that the server does not name is not in the answer.
    ///
    /// # Errors
    /// [`CallError`]; `Denied` also where the token may not even ask.
    pub async fn capabilities_self(
        &self,
        paths: &[String],
    ) -> Result<BTreeMap<String, Vec<String>>, CallError> {
        let problem = "cannot be asked about: the question is no JSON";
        let body = serde_json::to_string(&Question { paths })
            .map_err(|_| CallError::Path { path: PATH.to_owned(), problem })?;
        let answer = self.call(Method::Post, PATH, &[], Some(&body)).await?;
        let lying = || CallError::Lying { status: answer.status, what: "the body names no capabilities" };
        let members: BTreeMap<String, Member> =
            answer.data().and_then(|data| serde_json::from_str(data).ok()).ok_or_else(lying)?;
        let mut found = BTreeMap::new();
        for path in paths {
            if let Some(Member::Capabilities(names)) = members.get(path) {
                found.insert(path.clone(), names.clone());
            }
        }
        Ok(found)
    }
}
