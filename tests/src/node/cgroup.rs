//! The control groups of a node's pods, and the process that removes them and the node's folder, however the test ends.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// Where the hierarchies of control groups are mounted.
const ROOT: &str = "/sys/fs/cgroup";

/// Waits until its input closes, then removes the groups called $2 in every hierarchy and the folder $1, again and again for
/// five seconds: processes of the node may still be on their way out.
const SCRIPT: &str = r#"
read -r _
for _ in $(seq 25); do
    find "$3" -depth -type d -path "*/$2*" -exec rmdir {} + 2>/dev/null
    rm -rf "$1" 2>/dev/null
    [ -e "$1" ] || [ -n "$(find "$3" -maxdepth 2 -name "$2" 2>/dev/null)" ] || break
    sleep 0.2
done
"#;

/// Removes what a node leaves behind.
#[derive(Debug)]
pub(super) struct Janitor {
    process: Child,
    cgroup: String,
}

impl Janitor {
    /// Makes control groups named like the node's folder, one in each hierarchy, and starts the process that removes both.
    ///
    /// # Errors
    /// Not root, or no control groups here.
    pub(super) fn start(folder: &Path) -> Result<Janitor> {
        let cgroup = folder.file_name().and_then(|name| name.to_str()).context("the folder has no name")?;
        let mut command = Command::new("sh");
        // A group of its own: what ends the group of the tests must not end it first.
        command.args(["-c", SCRIPT, "janitor"]).arg(folder).args([cgroup, ROOT]).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let janitor =
            Janitor { process: command.spawn().context("sh does not start")?, cgroup: cgroup.into() };
        for root in hierarchies(Path::new(ROOT))? {
            let group = root.join(&janitor.cgroup);
            std::fs::create_dir(&group).with_context(|| format!("{}: a node needs root", group.display()))?;
        }
        Ok(janitor)
    }

    /// The control groups' name.
    pub(super) fn cgroup(&self) -> &str {
        &self.cgroup
    }

    /// Lets it begin, and waits until it is done.
    pub(super) fn finish(&mut self) {
        drop(self.process.stdin.take());
        // It ends by itself after five seconds, and says nothing.
        let _ = self.process.wait();
    }
}

/// The roots of all hierarchies: the folder itself in version 2, one for each controller in version 1.
fn hierarchies(root: &Path) -> Result<Vec<std::path::PathBuf>> {
    if root.join("cgroup.controllers").exists() {
        return Ok(vec![root.into()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).context("no control groups here")? {
        let entry = entry?;
        // Names of two controllers are links to the folder of both.
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}
