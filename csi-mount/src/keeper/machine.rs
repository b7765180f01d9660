//! What the keeper does about requests, answers and deaths. It decides only: what is to be sent is handed out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use csi_mount_core::ids::{Slot, TargetPath, VolumeId};
use csi_mount_core::superblock::MAX_VOLUMES;
use csi_mount_core::wire::children::{
    MutatorReply, MutatorRequest, Negotiated, ServerReply, ServerRequest, Shape,
};
use csi_mount_core::wire::control::{KeeperReply, KeeperRequest, Place};
use csi_mount_core::wire::{Event, Owner, Problem, Refusal, VolumeStats};

use super::jobs::{Asked, Job, ShowStep, Work};
use super::volumes::{File, Volume};

mod work;

/// Requests that may wait for others of the same volume.
const MAX_WAITING: usize = 16;

/// A message to send.
#[derive(Debug)]
pub enum Out {
    /// To the server.
    Server(u64, ServerRequest, Option<File>),
    /// To the mutator.
    Mutator(u64, MutatorRequest, Option<File>),
    /// To the control process.
    Control(u64, KeeperReply, Option<File>),
}

/// What was asked of another process and is not answered yet.
#[derive(Debug)]
struct Pending {
    call: Call,
    owner: Waiter,
    /// Whether the process that runs now has it.
    sent: bool,
}

#[derive(Clone, Debug)]
enum Call {
    Server(ServerRequest, Option<File>),
    Mutator(MutatorRequest, Option<File>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiter {
    /// The job that is under way for a volume.
    Volume(Slot),
    /// The control process, for a place that no volume is known for.
    Place(Asked),
    /// The server's restart.
    Restart,
    /// The new mutator, which waits until the server knows it.
    Introduction,
    /// Nobody.
    Nobody,
}

/// What another process answered.
#[derive(Debug)]
enum Answer {
    Done,
    SwapBegun { next: u16, plan: File },
    Stats(VolumeStats),
    Refused(Refusal),
}

/// The keeper's mind.
#[derive(Debug)]
pub struct Machine {
    shape: Shape,
    /// The one place of a file system that shows a single volume.
    single: Option<TargetPath>,
    volumes: BTreeMap<Slot, Volume>,
    next_slot: Option<Slot>,
    pending: BTreeMap<u64, Pending>,
    last_id: u64,
    control: u64,
    listening: bool,
    serving: bool,
    epoch: u32,
    mutator: Option<u32>,
    mutator_known: bool,
    /// The mutator that the newest server was told of when it started.
    introduced: Option<u32>,
    /// Requests with smaller numbers were there when the newest server was told everything.
    told_before: u64,
    negotiated: Option<Negotiated>,
    events: Vec<Event>,
    out: Vec<Out>,
}

fn refusal(problem: Problem, message: &str) -> KeeperReply {
    KeeperReply::Refused(Refusal::new(problem, message))
}

impl Machine {
    /// Without volumes; `single` is the place where the one volume of that shape is mounted.
    pub fn new(shape: Shape, single: Option<TargetPath>) -> Self {
        Self {
            shape,
            single,
            volumes: BTreeMap::new(),
            next_slot: Some(Slot::FIRST),
            pending: BTreeMap::new(),
            last_id: 0,
            control: 0,
            listening: false,
            serving: false,
            epoch: 0,
            mutator: None,
            mutator_known: false,
            introduced: None,
            told_before: 0,
            negotiated: None,
            events: Vec::new(),
            out: Vec::new(),
        }
    }

    /// What is to be sent, in order.
    pub fn take_out(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }

    /// What happened, for the control process.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Whether a server serves.
    pub const fn is_serving(&self) -> bool {
        self.serving
    }

    /// Whether the control process takes events.
    pub const fn is_listening(&self) -> bool {
        self.listening
    }

    /// Whether the kernel and some server agreed once; before that a dead server cannot be replaced.
    pub const fn has_served(&self) -> bool {
        self.negotiated.is_some()
    }

    /// A new control process is there; answers to the one before are dropped.
    pub fn control_started(&mut self) {
        self.control = self.control.saturating_add(1);
        self.listening = false;
        self.out.retain(|out| !matches!(out, Out::Control(..)));
    }

    /// The server is gone.
    pub fn server_ended(&mut self) {
        self.serving = false;
        self.out.retain(|out| !matches!(out, Out::Server(..)));
        self.pending.retain(|_, pending| !matches!(pending.owner, Waiter::Restart | Waiter::Introduction));
        for pending in self.pending.values_mut().filter(|pending| matches!(pending.call, Call::Server(..))) {
            pending.sent = false;
        }
    }

    /// A new server is there: it is told everything.
    pub fn server_started(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
        let mut told = vec![(ServerRequest::Begin { shape: self.shape, epoch: self.epoch }, None)];
        told.extend(self.mutator.map(|pid| (ServerRequest::Mutator { pid }, None)));
        self.introduced = self.mutator;
        self.told_before = self.last_id.saturating_add(1);
        for (slot, volume) in &self.volumes {
            told.extend(volume.retell(*slot));
        }
        told.push((ServerRequest::Serve { negotiated: self.negotiated }, None));
        for (request, file) in told {
            let id = self.next_id();
            let call = Call::Server(request, file);
            self.emit(id, &call);
            self.pending.insert(id, Pending { call, owner: Waiter::Restart, sent: true });
        }
    }

    /// The mutator is gone.
    pub fn mutator_ended(&mut self) {
        self.mutator = None;
        self.mutator_known = false;
        self.out.retain(|out| !matches!(out, Out::Mutator(..)));
        for pending in self.pending.values_mut().filter(|pending| matches!(pending.call, Call::Mutator(..))) {
            pending.sent = false;
        }
    }

    /// A new mutator is there. It gets work once the server knows it.
    pub fn mutator_started(&mut self, pid: u32) {
        self.mutator = Some(pid);
        if self.serving {
            self.call(Call::Server(ServerRequest::Mutator { pid }, None), Waiter::Introduction);
        }
    }

    /// Asks the server for a sign of life; any answer is one.
    pub fn ping(&mut self) {
        if self.serving {
            self.call(Call::Server(ServerRequest::Stats { slot: Slot::FIRST }, None), Waiter::Nobody);
        }
    }

    fn next_id(&mut self) -> u64 {
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }

    fn emit(&mut self, id: u64, call: &Call) {
        self.out.push(match call.clone() {
            Call::Server(request, file) => Out::Server(id, request, file),
            Call::Mutator(request, file) => Out::Mutator(id, request, file),
        });
    }

    fn call(&mut self, call: Call, owner: Waiter) {
        let id = self.next_id();
        self.pending.insert(id, Pending { call, owner, sent: false });
        self.flush();
    }

    /// Sends what waits for a process that is ready now.
    fn flush(&mut self) {
        let (serving, known) = (self.serving, self.mutator_known);
        let ready = |call: &Call| match call {
            Call::Server(..) => serving,
            Call::Mutator(..) => known,
        };
        let mut calls = Vec::new();
        for (id, pending) in &mut self.pending {
            if !pending.sent && ready(&pending.call) {
                pending.sent = true;
                calls.push((*id, pending.call.clone()));
            }
        }
        for (id, call) in calls {
            self.emit(id, &call);
        }
    }

    /// The server's word; `file` is what came with it.
    pub fn server_said(&mut self, id: u64, reply: ServerReply, file: Option<File>) {
        let answer = match (reply, file) {
            (ServerReply::Event(event), _) => return self.events.push(event),
            (ServerReply::Unused { slot, generation }, _) => return self.let_go(slot, generation),
            (ServerReply::Serving { negotiated }, _) => return self.server_serves(id, negotiated),
            (ServerReply::SwapBegun { next, .. }, Some(plan)) => Answer::SwapBegun { next, plan },
            (ServerReply::SwapBegun { .. } | ServerReply::Done, _) => Answer::Done,
            (ServerReply::Stats(stats), _) => Answer::Stats(stats),
            (ServerReply::Refused(refusal), _) => Answer::Refused(refusal),
        };
        self.answered(id, answer);
    }

    /// The mutator's word.
    pub fn mutator_said(&mut self, id: u64, reply: MutatorReply) {
        self.answered(
            id,
            match reply {
                MutatorReply::Done => Answer::Done,
                MutatorReply::Refused(refusal) => Answer::Refused(refusal),
            },
        );
    }

    fn server_serves(&mut self, id: u64, negotiated: Negotiated) {
        self.pending.remove(&id);
        self.negotiated = Some(negotiated);
        self.serving = true;
        self.mutator_known = self.mutator.is_some() && self.introduced == self.mutator;
        if let Some(pid) = self.mutator.filter(|_| !self.mutator_known) {
            self.call(Call::Server(ServerRequest::Mutator { pid }, None), Waiter::Introduction);
        }
        // What the restart has told already is not told twice.
        let told_before = self.told_before;
        let told = |id: u64, pending: &Pending| {
            id < told_before
                && matches!(
                    pending.call,
                    Call::Server(ServerRequest::Volume { .. } | ServerRequest::Load { .. }, _)
                )
                && matches!(pending.owner, Waiter::Volume(_))
        };
        let done: Vec<u64> = self.pending.iter().filter(|(id, p)| told(**id, p)).map(|(id, _)| *id).collect();
        for id in done {
            self.answered(id, Answer::Done);
        }
        self.flush();
    }

    fn answered(&mut self, id: u64, answer: Answer) {
        let Some(pending) = self.pending.remove(&id) else { return };
        match (pending.owner, answer) {
            (Waiter::Volume(slot), answer) => self.advance(slot, answer),
            (Waiter::Place(asked), Answer::Refused(refusal)) => {
                self.reply(asked, KeeperReply::Refused(refusal), None);
            }
            (Waiter::Place(asked), _) => self.reply(asked, KeeperReply::Detached, None),
            (Waiter::Introduction, Answer::Done) => {
                // It may have died meanwhile; then the next one is introduced too.
                if let Call::Server(ServerRequest::Mutator { pid }, _) = pending.call {
                    self.mutator_known |= self.mutator == Some(pid);
                    self.flush();
                }
            }
            (Waiter::Restart | Waiter::Introduction, Answer::Refused(refusal)) => {
                tracing::error!(%refusal, request = ?pending.call, "the new server does not take something over");
            }
            (Waiter::Restart | Waiter::Introduction | Waiter::Nobody, _) => {}
        }
    }

    fn reply(&mut self, asked: Asked, reply: KeeperReply, file: Option<File>) {
        // Whoever asked may be gone; the next one asks what there is.
        if asked.by == self.control {
            self.out.push(Out::Control(asked.id, reply, file));
        }
    }

    /// A request of the control process; `file` is what came with it.
    pub fn asked(&mut self, id: u64, request: KeeperRequest, file: Option<File>) {
        let asked = Asked { id, by: self.control };
        match (request, file) {
            (KeeperRequest::Hello, _) => {
                self.listening = true;
                let slots = self.volumes.keys().copied().collect();
                self.reply(asked, KeeperReply::State { slots }, None);
            }
            (KeeperRequest::Recall { slot }, _) => match self.volumes.get(&slot) {
                Some(volume) => {
                    let (state, meta) = (volume.state(slot), Arc::clone(&volume.meta));
                    self.reply(asked, KeeperReply::Volume(state), Some(meta));
                }
                None => self.unknown(asked),
            },
            (KeeperRequest::Create { volume_id, target, owner, folder_mode }, Some(meta)) => {
                self.create(asked, (volume_id, target), (owner, folder_mode), meta);
            }
            (KeeperRequest::Meta { slot }, Some(meta)) => match self.volumes.get_mut(&slot) {
                Some(volume) => {
                    volume.meta = meta;
                    self.reply(asked, KeeperReply::Done, None);
                }
                None => self.unknown(asked),
            },
            (KeeperRequest::Show { slot }, Some(image)) => {
                self.queue(slot, asked, Work::Show { image, step: ShowStep::New });
            }
            (KeeperRequest::Attach { slot }, _) => self.attach(slot, asked),
            (KeeperRequest::Revoke { slot }, _) => self.queue(slot, asked, Work::Revoke(true)),
            (KeeperRequest::Restore { slot }, _) => self.queue(slot, asked, Work::Revoke(false)),
            (KeeperRequest::Detach { place }, _) => self.detach(asked, place),
            (KeeperRequest::Drop { slot }, _) => self.queue(slot, asked, Work::Drop),
            (KeeperRequest::Stats { slot }, _) => self.queue(slot, asked, Work::Stats),
            (
                KeeperRequest::Create { .. } | KeeperRequest::Meta { .. } | KeeperRequest::Show { .. },
                None,
            ) => {
                self.reply(asked, refusal(Problem::Invalid, "the request came without its open file"), None);
            }
        }
    }

    fn unknown(&mut self, asked: Asked) {
        self.reply(asked, refusal(Problem::NotFound, "no such volume; publish it again"), None);
    }

    fn create(
        &mut self,
        asked: Asked,
        (id, target): (VolumeId, Option<TargetPath>),
        (owner, folder_mode): (Owner, u16),
        meta: File,
    ) {
        let taken = |v: &Volume| v.id == id || (v.target.is_some() && v.target == target);
        let no = if self.volumes.values().any(taken) {
            Some((Problem::Exists, "the volume or its target is there already"))
        } else if self.volumes.len() >= MAX_VOLUMES
            || (self.shape == Shape::Single && !self.volumes.is_empty())
        {
            Some((Problem::Limit, "this node has as many volumes as it may; move pods to another node"))
        } else {
            None
        };
        if let Some((problem, message)) = no {
            return self.reply(asked, refusal(problem, message), None);
        }
        let Some(slot) = self.next_slot else {
            let message = "all numbers of volumes are used up; restart the driver's pod on this node";
            return self.reply(asked, refusal(Problem::Limit, message), None);
        };
        self.next_slot = slot.next();
        let target = target.or_else(|| self.single.clone());
        let volume = Volume {
            id,
            target,
            owner,
            folder_mode,
            meta,
            attached: false,
            revoked: false,
            shown: None,
            latest: None,
            images: BTreeMap::new(),
            swap: None,
            jobs: VecDeque::new(),
        };
        self.volumes.insert(slot, volume);
        self.queue(slot, asked, Work::Create);
    }

    fn attach(&mut self, slot: Slot, asked: Asked) {
        match self.volumes.get(&slot).map(|volume| volume.target.clone()) {
            Some(Some(target)) => self.queue(slot, asked, Work::Attach(target)),
            Some(None) => self.reply(asked, refusal(Problem::Invalid, "the volume has no target"), None),
            None => self.unknown(asked),
        }
    }

    fn detach(&mut self, asked: Asked, place: Place) {
        let known = match &place {
            Place::Volume(slot) => {
                self.volumes.get(slot).and_then(|volume| Some((*slot, volume.target.clone()?)))
            }
            Place::Target(target) => {
                let mut volumes = self.volumes.iter();
                let slot = volumes.find(|(_, volume)| volume.target.as_ref() == Some(target));
                slot.map(|(slot, _)| (*slot, target.clone()))
            }
        };
        match (known, place) {
            (Some((slot, target)), _) => self.queue(slot, asked, Work::Detach(target)),
            (None, Place::Target(target)) => {
                let call = Call::Mutator(MutatorRequest::Detach { target }, None);
                self.call(call, Waiter::Place(asked));
            }
            (None, Place::Volume(_)) => self.unknown(asked),
        }
    }

    fn queue(&mut self, slot: Slot, asked: Asked, work: Work) {
        let Some(volume) = self.volumes.get_mut(&slot) else { return self.unknown(asked) };
        if volume.jobs.len() >= MAX_WAITING {
            let message = "too many changes of this volume are under way; try again";
            return self.reply(asked, refusal(Problem::Busy, message), None);
        }
        volume.jobs.push_back(Job { asked, work });
        if volume.jobs.len() == 1 {
            self.begin(slot);
        }
    }
}
