//! Who asks: what `/proc` tells about the thread behind a request of the kernel.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use csi_mount_core::reader::Reader;
use csi_mount_core::refresh::Millis;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::clock;

/// Processes that are remembered at most.
const MAX_KNOWN: usize = 256;
/// How long a process is remembered: it may become another program meanwhile, but not another process.
const MEMORY: Millis = 1_000;

/// Readers that were met a moment ago. A program that opens a hundred files is looked up once.
#[derive(Debug, Default)]
pub struct Readers(Mutex<HashMap<u32, Known>>);

#[derive(Debug)]
struct Known {
    reader: Reader,
    /// The user that the kernel named.
    uid: u32,
    /// Tells whether the process is still the same one.
    process: OwnedFd,
    until: Millis,
}

impl Known {
    fn holds(&self, uid: u32) -> bool {
        let mut ended = [PollFd::new(&self.process, PollFlags::IN)];
        self.uid == uid
            && self.until > clock::now()
            && matches!(poll(&mut ended, Some(&Timespec::default())), Ok(0))
    }
}

impl Readers {
    /// The reader behind a thread that acts as a user. It waits for our reply, so that its number cannot be another's meanwhile.
    pub fn reader(&self, tid: u32, uid: u32) -> Reader {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&tid).filter(|known| known.holds(uid)) {
            return known.reader.clone();
        }
        let reader = look(tid);
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        // Only the first thread of a process can be remembered so.
        let pid = Pid::from_raw(tid.cast_signed()).filter(|_| reader.pid == tid);
        match pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) {
            Some(process) => {
                let until = clock::now().saturating_add(MEMORY);
                known.insert(tid, Known { reader: reader.clone(), uid, process, until });
            }
            None => drop(known.remove(&tid)),
        }
        reader
    }

    /// Lets those go that were met too long ago.
    pub fn forget(&self) {
        let now = clock::now();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, known| known.until > now);
    }
}

fn look(tid: u32) -> Reader {
    // 0 is a process of another pid namespace; there is no `/proc/0`, and nothing is told about it.
    let text = |name: &str| {
        let bytes = std::fs::read(format!("/proc/{tid}/{name}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Reader::of(tid, &text("status"), &text("cgroup"))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn this_process_is_told_and_strangers_are_not() {
        let own = std::process::id();
        let name = std::fs::read_to_string("/proc/self/status").unwrap();
        let name = name.lines().next().unwrap().trim_start_matches("Name:\t").to_owned();
        let readers = Readers::default();
        for _ in 0..2 {
            let reader = readers.reader(own, 0);
            assert!(reader.describe().starts_with(&format!("process {own} (")), "{name}");
            assert!(reader.uid.is_some());
        }
        assert_eq!(readers.reader(0, 0).describe(), "process of another namespace");
    }

    #[test]
    fn nobody_is_taken_for_a_process_that_has_ended() {
        let readers = Readers::default();
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        let named = |readers: &Readers| readers.reader(pid, 0).name;
        while named(&Readers::default()) != "cat" {}
        assert_eq!(named(&readers), "cat");
        child.kill().unwrap();
        child.wait().unwrap();
        // Its number is free now: what was known of it is not told of whoever has it next.
        assert_eq!(named(&readers), "?");
    }

    #[test]
    fn another_user_of_the_same_process_is_looked_up() {
        let readers = Readers::default();
        let own = std::process::id();
        readers.reader(own, 0);
        let known = |uid| readers.0.lock().unwrap().get(&own).is_some_and(|known| known.holds(uid));
        assert!(known(0) && !known(1));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let readers = Readers::default();
        for tid in 0..2_000 {
            readers.reader(tid, 0);
        }
        assert!(readers.0.lock().unwrap().len() <= MAX_KNOWN);
    }
}
