//! Who opened a file, from the texts of `/proc`: process, user, pod and container.

use serde::{Deserialize, Serialize};

/// The longest name of a process in characters.
const MAX_NAME: usize = 32;

/// A process that opened a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reader {
    /// Number of the process; 0 where the kernel does not tell.
    pub pid: u32,
    /// Its name, in printable characters.
    pub name: String,
    /// The user it acts as.
    pub uid: Option<u32>,
    /// The pod it runs in.
    pub pod: Option<String>,
    /// The container it runs in.
    pub container: Option<String>,
}

impl Reader {
    /// Reads `/proc/TID/status` and `/proc/TID/cgroup`; what is missing there is missing here.
    pub fn of(tid: u32, status: &str, cgroup: &str) -> Self {
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.map(str::trim)
        };
        let number = |name: &str, at: usize| field(name)?.split_whitespace().nth(at)?.parse().ok();
        let printable = |c: char| if c.is_ascii_graphic() { c } else { '?' };
        Self {
            pid: number("Tgid", 0).unwrap_or(tid),
            name: field("Name").unwrap_or("?").chars().take(MAX_NAME).map(printable).collect(),
            // Real, effective, saved and file system user, in this order.
            uid: number("Uid", 1),
            pod: cgroup.lines().find_map(pod),
            container: cgroup.lines().find_map(container),
        }
    }

    /// One line for the audit log.
    pub fn describe(&self) -> String {
        let mut text = match self.pid {
            0 => "process of another namespace".to_owned(),
            pid => format!("process {pid} ({})", self.name),
        };
        for (name, value) in [
            ("uid", self.uid.map(|uid| uid.to_string())),
            ("pod", self.pod.clone()),
            ("container", self.container.clone()),
        ] {
            if let Some(value) = value {
                text.push_str(&format!(" {name} {value}"));
            }
        }
        text
    }
}

/// The pod's UID: `…/pod1234-…/…` of cgroupfs, or `kubepods-…-pod1234_….slice` of systemd.
fn pod(line: &str) -> Option<String> {
    line.split('/').filter(|_| line.contains("kubepods")).find_map(|segment| {
        let (_, uid) =
            segment.trim_end_matches(".slice").rsplit_once("pod").filter(|(_, uid)| !uid.is_empty())?;
        let uid = uid.replace('_', "-");
        let fits = uid.len() >= 32 && uid.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        fits.then_some(uid)
    })
}

/// The container's id: the last segment of 64 digits, with or without `RUNTIME-` before and `.scope` after it.
fn container(line: &str) -> Option<String> {
    line.rsplit('/').find_map(|segment| {
        let id = segment.trim_end_matches(".scope").rsplit('-').next()?;
        (id.len() == 64 && id.chars().all(|c| c.is_ascii_hexdigit())).then(|| id.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_pods_and_containers_are_told() {
        let id = "0123456789abcdef".repeat(4);
        let uid = "6f4c6b6e-1f5a-4b0e-9f7d-0a1b2c3d4e5f";
        let status = "Name:\tcat\nUmask:\t0022\nTgid:\t42\nPid:\t43\nUid:\t1000\t1001\t1000\t1000\n";
        let systemd = format!(
            "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice/cri-containerd-{id}.scope\n",
            uid.replace('-', "_")
        );
        let full = format!("process 42 (cat) uid 1001 pod {uid} container {id}");
        for (status, cgroup, expected) in [
            (status, systemd, full.clone()),
            (status, format!("12:cpu:/x\n1:memory:/kubepods/burstable/pod{uid}/{id}\n"), full),
            (status, "0::/user.slice/session-1.scope\n".to_owned(), "process 42 (cat) uid 1001".to_owned()),
            (
                status,
                format!("0::/system.slice/docker-{id}.scope\n"),
                format!("process 42 (cat) uid 1001 container {id}"),
            ),
            (status, "0::/kubepods/pod1/podx\n".to_owned(), "process 42 (cat) uid 1001".to_owned()),
            ("Name:\ta b\u{7}é\n", String::new(), "process 43 (a?b??)".to_owned()),
            ("", String::new(), "process 43 (?)".to_owned()),
        ] {
            assert_eq!(Reader::of(43, status, &cgroup).describe(), expected, "{status:?} {cgroup:?}");
        }
        assert_eq!(Reader::of(0, "", "").describe(), "process of another namespace");
    }
}
