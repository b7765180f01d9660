//! Who asks: what `/proc` tells about the thread behind a request of the kernel.

use csi_mount_core::reader::Reader;

/// The reader behind a thread. It waits for our reply, so that its number cannot be another's meanwhile.
pub fn reader(tid: u32) -> Reader {
    // 0 is a process of another pid namespace; there is no `/proc/0`, and nothing is told about it.
    let text = |name: &str| {
        let bytes = std::fs::read(format!("/proc/{tid}/{name}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Reader::of(tid, &text("status"), &text("cgroup"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_told_and_strangers_are_not() {
        let own = std::process::id();
        let name = std::fs::read_to_string("/proc/self/status").unwrap();
        let name = name.lines().next().unwrap().trim_start_matches("Name:\t").to_owned();
        assert!(reader(own).describe().starts_with(&format!("process {own} (")), "{name}");
        assert!(reader(own).uid.is_some());
        assert_eq!(reader(0).describe(), "process of another namespace");
    }
}
