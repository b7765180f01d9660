//! The steps of each piece of work, from one answer to the next.

use std::sync::Arc;

use csi_mount_core::ids::{Generation, Slot};
use csi_mount_core::wire::children::{MutatorRequest, ServerRequest};
use csi_mount_core::wire::control::KeeperReply;
use csi_mount_core::wire::{Problem, Refusal};

use super::{Answer, Call, Machine, Waiter, refusal};
use crate::keeper::jobs::{ShowStep, Work};
use crate::keeper::volumes::{File, Swap, Volume};

/// What to do next about a volume's first job.
enum Next {
    Server(ServerRequest, Option<File>),
    Mutator(MutatorRequest, Option<File>),
    Reply(KeeperReply),
    /// The volume is gone.
    Gone,
}

impl Machine {
    /// Starts the first of a volume's jobs.
    pub(super) fn begin(&mut self, slot: Slot) {
        let Some(volume) = self.volumes.get_mut(&slot) else { return };
        if let Some(next) = first_step(volume, slot) {
            self.go_on(slot, next);
        }
    }

    /// Goes on with a volume's first job, after an answer.
    pub(super) fn advance(&mut self, slot: Slot, answer: Answer) {
        let Some(volume) = self.volumes.get_mut(&slot) else { return };
        if let Some(next) = next_step(volume, slot, answer) {
            self.go_on(slot, next);
        }
    }

    fn go_on(&mut self, slot: Slot, next: Next) {
        match next {
            Next::Server(request, file) => {
                if let ServerRequest::Load { .. } = request {
                    self.make_room(slot);
                }
                self.call(Call::Server(request, file), Waiter::Volume(slot));
            }
            Next::Mutator(request, file) => self.call(Call::Mutator(request, file), Waiter::Volume(slot)),
            Next::Reply(reply) => {
                let Some(volume) = self.volumes.get_mut(&slot) else { return };
                let Some(job) = volume.jobs.pop_front() else { return };
                if matches!(job.work, Work::Create) && matches!(reply, KeeperReply::Refused(_)) {
                    self.volumes.remove(&slot);
                }
                self.reply(job.asked, reply, None);
                self.begin(slot);
            }
            Next::Gone => {
                let jobs = self.volumes.remove(&slot).map(|volume| volume.jobs).unwrap_or_default();
                for (number, job) in jobs.into_iter().enumerate() {
                    let reply = if number == 0 {
                        KeeperReply::Done
                    } else {
                        refusal(Problem::NotFound, "the volume was let go meanwhile")
                    };
                    self.reply(job.asked, reply, None);
                }
            }
        }
    }

    /// Lets the oldest image go when there are as many as there may be.
    fn make_room(&mut self, slot: Slot) {
        while let Some(generation) = self.volumes.get(&slot).and_then(Volume::surplus) {
            self.let_go(slot, generation);
        }
    }

    /// Lets an image go that is neither shown nor about to be.
    pub(super) fn let_go(&mut self, slot: Slot, generation: Generation) {
        let Some(volume) = self.volumes.get_mut(&slot) else { return };
        if !volume.needs(generation) && volume.images.remove(&generation).is_some() {
            let call = Call::Server(ServerRequest::Unload { slot, generation }, None);
            self.call(call, Waiter::Nobody);
        }
    }
}

fn first_step(volume: &mut Volume, slot: Slot) -> Option<Next> {
    let (owner, folder_mode) = (volume.owner, volume.folder_mode);
    let job = volume.jobs.front_mut()?;
    Some(match &mut job.work {
        Work::Create => {
            Next::Server(ServerRequest::Volume { slot, owner, folder_mode, revoked: false }, None)
        }
        Work::Show { step, .. } => {
            if let Some(swap) = &volume.swap {
                *step = ShowStep::Resuming;
                return Some(swapping(slot, swap));
            }
            return load(volume, slot);
        }
        Work::Attach(target) => Next::Mutator(MutatorRequest::Attach { slot, target: target.clone() }, None),
        Work::Detach(target) => Next::Mutator(MutatorRequest::Detach { target: target.clone() }, None),
        Work::Revoke(revoke) => {
            volume.revoked = *revoke;
            let request =
                if *revoke { ServerRequest::Revoke { slot } } else { ServerRequest::Restore { slot } };
            Next::Server(request, None)
        }
        Work::Drop => Next::Server(ServerRequest::Drop { slot }, None),
        Work::Stats => Next::Server(ServerRequest::Stats { slot }, None),
    })
}

fn swapping(slot: Slot, swap: &Swap) -> Next {
    Next::Mutator(MutatorRequest::Swap { slot, next: swap.next }, Some(Arc::clone(&swap.plan)))
}

/// Gives the new image its number and the server its bytes.
fn load(volume: &mut Volume, slot: Slot) -> Option<Next> {
    let next = volume.next_generation();
    let Some(Work::Show { image, step }) = volume.jobs.front_mut().map(|job| &mut job.work) else {
        return None;
    };
    let Some(generation) = next else {
        let message = "the volume has changed too often; restart the pod";
        return Some(Next::Reply(refusal(Problem::Limit, message)));
    };
    let image = Arc::clone(image);
    *step = ShowStep::Loading(generation);
    volume.latest = Some(generation);
    volume.images.insert(generation, Arc::clone(&image));
    Some(Next::Server(ServerRequest::Load { slot, generation }, Some(image)))
}

fn next_step(volume: &mut Volume, slot: Slot, answer: Answer) -> Option<Next> {
    let job = volume.jobs.front_mut()?;
    if let Work::Show { step, .. } = &job.work {
        let step = *step;
        return show(volume, slot, step, answer);
    }
    let refused = match answer {
        Answer::Refused(refusal) => Some(refusal),
        Answer::Stats(stats) => return Some(Next::Reply(KeeperReply::Stats(stats))),
        Answer::Done | Answer::SwapBegun { .. } => None,
    };
    Some(match (&job.work, refused) {
        // It is not there: that was wanted.
        (Work::Drop, Some(Refusal { problem: Problem::NotFound, .. }) | None) => Next::Gone,
        (_, Some(refusal)) => Next::Reply(KeeperReply::Refused(refusal)),
        (Work::Create, None) => Next::Reply(KeeperReply::Created { slot }),
        (Work::Attach(_), None) => {
            volume.attached = true;
            Next::Reply(KeeperReply::Attached)
        }
        (Work::Detach(_), None) => {
            volume.attached = false;
            Next::Reply(KeeperReply::Detached)
        }
        _ => Next::Reply(KeeperReply::Done),
    })
}

fn show(volume: &mut Volume, slot: Slot, step: ShowStep, answer: Answer) -> Option<Next> {
    let (next, request) = match (step, answer) {
        (ShowStep::Loading(generation), Answer::Refused(refusal)) => {
            volume.images.remove(&generation);
            return Some(Next::Reply(KeeperReply::Refused(refusal)));
        }
        (_, Answer::Refused(refusal)) => return Some(Next::Reply(KeeperReply::Refused(refusal))),
        (ShowStep::Resuming, _) => (ShowStep::Resumed, Next::Server(ServerRequest::EndSwap { slot }, None)),
        (ShowStep::Resumed, _) => {
            volume.shown = volume.swap.take().map(|swap| swap.to);
            return load(volume, slot);
        }
        (ShowStep::Loading(generation), _) if volume.shown.is_none() => {
            (ShowStep::First(generation), Next::Server(ServerRequest::Show { slot, generation }, None))
        }
        (ShowStep::Loading(to), _) => {
            (ShowStep::Beginning(to), Next::Server(ServerRequest::BeginSwap { slot, to }, None))
        }
        (ShowStep::Beginning(to), Answer::SwapBegun { next, plan }) => {
            let swap = volume.swap.insert(Swap { to, plan, next });
            (ShowStep::Swapping(to), swapping(slot, swap))
        }
        (ShowStep::Swapping(to), _) => {
            (ShowStep::Ending(to), Next::Server(ServerRequest::EndSwap { slot }, None))
        }
        (ShowStep::First(generation) | ShowStep::Ending(generation), _) => {
            volume.swap = None;
            volume.shown = Some(generation);
            return Some(Next::Reply(KeeperReply::Shown { generation }));
        }
        (ShowStep::New | ShowStep::Beginning(_), _) => {
            return Some(Next::Reply(refusal(Problem::System, "the server and the keeper do not agree")));
        }
    };
    if let Some(Work::Show { step, .. }) = volume.jobs.front_mut().map(|job| &mut job.work) {
        *step = next;
    }
    Some(request)
}
