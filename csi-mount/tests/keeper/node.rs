//! A keeper for a test, and the test as its control process.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use csi_mount::link::{Link, LinkError};
use csi_mount::memory;
use csi_mount_core::files::Entry;
use csi_mount_core::ids::{Slot, TargetPath, VolumeId};
use csi_mount_core::image::{self, Stamp};
use csi_mount_core::path::FilePath;
use csi_mount_core::wire::control::{KeeperReply, KeeperRequest, Place};
use csi_mount_core::wire::{self, Event, Owner, Refusal};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The control process of a test: passes packets on between the keeper and the test, and ends with either.
pub fn pump(socket: &str) -> Result<(), String> {
    memory::protect_process(true).map_err(|e| e.to_string())?;
    let keeper = Link::inherited().map_err(|e| e.to_string())?;
    let stream = UnixStream::connect(socket).map_err(|e| e.to_string())?;
    // One end of a new link is given to the test: packets then stay whole.
    let (ours, theirs) = Link::pair().map_err(|e| e.to_string())?;
    rustix::io::write(&stream, &std::process::id().to_le_bytes()).map_err(|e| e.to_string())?;
    let handed = Link::from(OwnedFd::from(stream));
    handed.send(b"link", &[theirs.as_fd()]).map_err(|e| e.to_string())?;
    drop(theirs);
    thread::scope(|scope| {
        scope.spawn(|| pass(&ours, &keeper));
        pass(&keeper, &ours);
        std::process::abort()
    })
}

fn pass(from: &Link, to: &Link) {
    while let Ok(packet) = from.receive() {
        let files: Vec<_> = packet.files.iter().map(AsFd::as_fd).collect();
        if to.send(&packet.bytes, &files).is_err() {
            break;
        }
    }
    std::process::abort();
}

pub struct Node {
    pub keeper: Child,
    listener: UnixListener,
    link: Option<(u32, Link)>,
    pub folder: tempfile::TempDir,
    last: Cell<u64>,
    pub events: Vec<Event>,
}

impl Node {
    pub fn start() -> Self {
        Self::start_with(tempfile::tempdir().unwrap(), &["node"])
    }

    /// With the arguments of the keeper after its socket.
    pub fn start_with(folder: tempfile::TempDir, purpose: &[&str]) -> Self {
        let socket = folder.path().join("control.sock");
        let _old = fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let keeper = Command::new("/proc/self/exe")
            .arg("keeper")
            .arg(&socket)
            .args(purpose)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { keeper, listener, link: None, folder, last: Cell::new(0), events: Vec::new() }
    }

    /// The link of the control process that runs now.
    fn link(&mut self) -> &Link {
        while self.link.is_none() {
            let mut poll = [rustix::event::PollFd::new(&self.listener, rustix::event::PollFlags::IN)];
            let wait = rustix::event::Timespec { tv_sec: 20, tv_nsec: 0 };
            assert_eq!(rustix::event::poll(&mut poll, Some(&wait)).unwrap(), 1, "no control process came");
            let (mut stream, _) = self.listener.accept().unwrap();
            let mut pid = [0; 4];
            if stream.read_exact(&mut pid).is_err() {
                continue;
            }
            let Ok(mut packet) = Link::from(OwnedFd::from(stream)).receive() else { continue };
            let pid = u32::from_le_bytes(pid);
            // One that was ended before it was taken notice of may lie before it.
            if self.children().get("control").is_some_and(|now| u32::try_from(*now) == Ok(pid)) {
                self.link = Some((pid, Link::from(packet.files.remove(0))));
            }
        }
        &self.link.as_ref().unwrap().1
    }

    pub fn tell(&mut self, request: &KeeperRequest, file: Option<&OwnedFd>) -> Result<u64, LinkError> {
        let id = self.last.get() + 1;
        self.last.set(id);
        let files: Vec<_> = file.into_iter().map(AsFd::as_fd).collect();
        let bytes = wire::encode(id, request).unwrap();
        self.link().send(&bytes, &files)?;
        Ok(id)
    }

    pub fn try_ask(
        &mut self,
        request: &KeeperRequest,
        file: Option<&OwnedFd>,
    ) -> Result<Result<(KeeperReply, Vec<OwnedFd>), Refusal>, LinkError> {
        let id = self.tell(request, file)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some((got, reply, files)) = self.receive(left)? else { panic!("no answer to {request:?}") };
            if let KeeperReply::Refused(refusal) = &reply
                && got != id
            {
                println!("refused meanwhile: {refusal}");
            }
            if got == id {
                return Ok(match reply {
                    KeeperReply::Refused(refusal) => Err(refusal),
                    reply => Ok((reply, files)),
                });
            }
        }
    }

    /// The next message that is no event; events are kept.
    fn receive(&mut self, wait: Duration) -> Result<Option<(u64, KeeperReply, Vec<OwnedFd>)>, LinkError> {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let link = self.link();
            let mut poll = [rustix::event::PollFd::new(link, rustix::event::PollFlags::IN)];
            let left = rustix::event::Timespec::try_from(left).unwrap();
            if rustix::event::poll(&mut poll, Some(&left)).unwrap() == 0 {
                return Ok(None);
            }
            let packet = match link.receive() {
                Ok(packet) => packet,
                Err(error) => {
                    self.link = None;
                    return Err(error);
                }
            };
            let message = wire::decode::<KeeperReply>(&packet.bytes, packet.files.len()).unwrap();
            match message.body {
                KeeperReply::Event(event) => self.events.push(event),
                reply => return Ok(Some((message.id, reply, packet.files))),
            }
        }
    }

    /// Takes the events that come within a time.
    pub fn hear(&mut self, wait: Duration) {
        assert!(self.receive(wait).unwrap().is_none());
    }

    pub fn ask(&mut self, request: &KeeperRequest, file: Option<&OwnedFd>) -> Result<KeeperReply, Refusal> {
        self.try_ask(request, file).expect("the control process lives").map(|(reply, _)| reply)
    }

    pub fn target(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("target-{number}"))
    }

    pub fn create(&mut self, number: usize) -> Slot {
        let target = self.target(number).to_str().unwrap().to_owned();
        let request = KeeperRequest::Create {
            volume_id: VolumeId::try_from(format!("csi-{number}")).unwrap(),
            target: Some(TargetPath::try_from(target).unwrap()),
            owner: Owner { uid: 7, gid: 8 },
            folder_mode: 0o555,
        };
        match self.ask(&request, Some(&memory::sealed("meta", b"notes").unwrap())) {
            Ok(KeeperReply::Created { slot }) => slot,
            other => panic!("{other:?}"),
        }
    }

    pub fn show(&mut self, slot: Slot, files: &[(&str, &str)], version: u64) {
        let image = image(files, version);
        match self.ask(&KeeperRequest::Show { slot }, Some(&image)) {
            Ok(KeeperReply::Shown { .. }) => {}
            other => panic!("{other:?}"),
        }
    }

    pub fn done(&mut self, request: &KeeperRequest) {
        if let Err(refusal) = self.ask(request, None) {
            panic!("{request:?}: {refusal}");
        }
    }

    /// A volume that is shown and mounted.
    pub fn publish(&mut self, number: usize, files: &[(&str, &str)]) -> (Slot, PathBuf) {
        let slot = self.create(number);
        self.show(slot, files, 1);
        self.done(&KeeperRequest::Attach { slot });
        (slot, self.target(number))
    }

    pub fn unpublish(&mut self, slot: Slot) {
        self.done(&KeeperRequest::Detach { place: Place::Volume(slot) });
        self.done(&KeeperRequest::Drop { slot });
    }

    /// The numbers of the children by their role.
    pub fn children(&self) -> BTreeMap<String, i32> {
        let pid = self.keeper.id();
        let tasks = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        let role = |pid: i32| {
            let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
            Some(line.split('\0').nth(1)?.to_owned())
        };
        tasks
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .filter_map(|pid| Some((role(pid)?, pid)))
            .collect()
    }

    /// kill -9 of a child, waiting until another one has its place.
    pub fn kill(&mut self, roles: &[&str]) {
        let before = self.children();
        for role in roles {
            kill(before[*role]);
            if *role == "control" {
                self.link = None;
            }
        }
        eventually("the children are there again", || {
            let now = self.children();
            roles.iter().all(|role| now.get(*role).is_some_and(|pid| *pid != before[*role]))
        });
    }

    /// Ends it as a container's end does.
    pub fn stop(mut self) {
        self.link = None;
        kill(i32::try_from(self.keeper.id()).unwrap());
        self.keeper.wait().unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        kill(i32::try_from(self.keeper.id()).unwrap());
        let _dead = self.keeper.wait();
        for (_, at) in mounts_below(self.folder.path()) {
            let _gone = rustix::mount::unmount(&at, rustix::mount::UnmountFlags::DETACH);
        }
    }
}

pub fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    let _dead = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

pub fn image(files: &[(&str, &str)], version: u64) -> OwnedFd {
    let entry = |(path, content): &(&str, &str)| Entry {
        path: FilePath::of_segments(path.split('/')).unwrap(),
        bytes: content.as_bytes().to_vec().into(),
        mode: 0o444,
    };
    let stamp = Stamp { version, modified: 1_790_000_000 + version };
    memory::sealed("image", &image::encode(files.iter().map(entry).collect(), stamp).unwrap()).unwrap()
}

/// What is mounted below a folder, the latest first.
pub fn mounts_below(folder: &Path) -> Vec<(String, String)> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let below = format!("{}/", folder.display());
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        let at = *fields.get(4)?;
        (at.starts_with(&below) || at == folder.to_str()?).then(|| (line.to_owned(), at.to_owned()))
    };
    table.lines().rev().filter_map(line).collect()
}

/// Waits until something is as it should be, 10 s at most.
pub fn eventually(what: &str, check: impl Fn() -> bool) {
    for _ in 0..5_000 {
        if check() {
            return;
        }
        thread::sleep(Duration::from_millis(2));
    }
    panic!("not within 10 s: {what}");
}
