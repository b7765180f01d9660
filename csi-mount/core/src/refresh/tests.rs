//! The clock as data, and what holds whatever happens.

use proptest::prelude::*;

use super::*;

const POLICY: Policy = Policy { interval: 1_000, first_wait: 100, longest_wait: 400, patience: 5_000 };

#[derive(Clone, Copy, Debug)]
enum Event {
    Fetched,
    Failed(Failure, u32),
    Changed,
    Leased(Lease),
    RenewFailed(Failure, u32),
}

fn tell(refresh: &mut Refresh, now: Millis, event: Event) {
    match event {
        Event::Fetched => refresh.fetched(now),
        Event::Failed(failure, random) => refresh.fetch_failed(now, failure, random),
        Event::Changed => refresh.changed(now),
        Event::Leased(lease) => refresh.leased(now, lease),
        Event::RenewFailed(failure, random) => refresh.renew_failed(now, failure, random),
    }
}

#[test]
fn each_event_leads_to_its_action() {
    use Event::{Changed, Failed, Fetched, Leased, RenewFailed};
    use Failure::{Absent, Away, Denied, Unusable};
    let lease = |ttl, renewable| Leased(Lease { ttl, renewable });
    for (events, asked, expected) in [
        (&[][..], 0, Action::Fetch),
        (&[(0, Fetched)], 0, Action::Wait(1_000)),
        (&[(0, Fetched)], 1_000, Action::Fetch),
        (&[(0, Fetched), (500, Changed)], 500, Action::Fetch),
        // A change right after a fetch waits for the others of its burst.
        (&[(0, Fetched), (5, Changed)], 5, Action::Wait(20)),
        (&[(0, Fetched), (5, Changed)], 20, Action::Fetch),
        // At the start only a server that is away is waited for.
        (&[(0, Failed(Away, 0))], 0, Action::Wait(50)),
        (&[(0, Failed(Away, u32::MAX))], 0, Action::Wait(99)),
        (&[(0, Failed(Away, 0)), (50, Failed(Away, 0))], 50, Action::Wait(150)),
        (&[(0, Failed(Away, 0))], 5_000, Action::GiveUp(Away)),
        (&[(0, Failed(Denied, 0))], 0, Action::GiveUp(Denied)),
        (&[(0, Failed(Absent, 0))], 0, Action::GiveUp(Absent)),
        (&[(0, Failed(Unusable, 0))], 0, Action::GiveUp(Unusable)),
        // Later nothing ends it.
        (&[(0, Fetched), (9, Failed(Denied, 0))], 9_999, Action::Fetch),
        (&[(0, Fetched), (100, Failed(Away, 0))], 100, Action::Wait(150)),
        (&[(0, Fetched), (100, Failed(Away, 0)), (130, Changed)], 130, Action::Fetch),
        (&[(0, Fetched), (100, Failed(Away, 0)), (150, Fetched)], 150, Action::Wait(1_150)),
        // Tokens.
        (&[(0, Fetched), (0, lease(0, true))], 999, Action::Wait(1_000)),
        (&[(0, Fetched), (0, lease(3_000, false))], 999, Action::Wait(1_000)),
        (&[(0, Fetched), (0, lease(900, true))], 999, Action::Wait(1_000)),
        (&[(0, Fetched), (0, lease(900, true))], 1_000, Action::Renew),
        (&[(0, Fetched), (0, lease(3_000, true)), (1_900, Fetched)], 2_000, Action::Renew),
        (
            &[(0, Fetched), (0, lease(900, true)), (990, Fetched), (1_000, RenewFailed(Away, 0))],
            1_000,
            Action::Wait(1_050),
        ),
        (
            &[(0, Fetched), (0, lease(900, true)), (990, Fetched), (1_030, RenewFailed(Denied, 0))],
            1_030,
            Action::Fetch,
        ),
        (
            &[(0, Fetched), (0, lease(900, true)), (990, Fetched), (1_000, lease(3_000, true))],
            1_000,
            Action::Wait(1_990),
        ),
    ] {
        let mut refresh = Refresh::new(POLICY, 0);
        events.iter().for_each(|(now, event)| tell(&mut refresh, *now, *event));
        assert_eq!(refresh.next(asked), expected, "{events:?} at {asked}");
    }
}

#[test]
fn waits_double_up_to_the_longest() {
    for (failures, random, expected) in [
        (0, 0, 50),
        (0, u32::MAX, 99),
        (1, 0, 100),
        (2, 1 << 31, 300),
        (3, 0, 200),
        (63, 0, 200),
        (64, 0, 200),
        (u32::MAX, u32::MAX, 399),
    ] {
        assert_eq!(backoff(&POLICY, failures, random), expected, "{failures} {random}");
    }
    let endless = Policy { first_wait: u64::MAX, longest_wait: u64::MAX, ..POLICY };
    assert!(backoff(&endless, u32::MAX, u32::MAX) <= u64::from(u32::MAX));
}

fn failure() -> impl Strategy<Value = Failure> {
    prop::sample::select(vec![Failure::Denied, Failure::Absent, Failure::Away, Failure::Unusable])
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Fetched),
        (failure(), any::<u32>()).prop_map(|(failure, random)| Event::Failed(failure, random)),
        Just(Event::Changed),
        (0_u64..100_000, any::<bool>()).prop_map(|(ttl, renewable)| Event::Leased(Lease { ttl, renewable })),
        (failure(), any::<u32>()).prop_map(|(failure, random)| Event::RenewFailed(failure, random)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn waits_end_and_what_was_shown_is_never_given_up(events in prop::collection::vec((0_u64..5_000, event()), 0..40)) {
        let mut refresh = Refresh::new(POLICY, 0);
        let (mut now, mut fetched, mut last_attempt) = (0, false, None);
        for (pause, event) in events {
            now += pause;
            tell(&mut refresh, now, event);
            fetched |= matches!(event, Event::Fetched);
            if matches!(event, Event::Fetched | Event::Failed(..)) {
                last_attempt = Some(now);
            }
            match refresh.next(now) {
                Action::Wait(until) => {
                    prop_assert!(until > now && until <= now + POLICY.interval.max(POLICY.longest_wait));
                    prop_assert!(!matches!(refresh.next(until), Action::Wait(_)), "at the end of a wait there is something to do");
                }
                Action::GiveUp(failure) => {
                    prop_assert!(!fetched);
                    prop_assert!(failure != Failure::Away || now >= POLICY.patience);
                }
                Action::Fetch => prop_assert!(last_attempt.is_none_or(|at| now >= at + MIN_GAP), "fetches follow too soon"),
                Action::Renew => {}
            }
        }
    }
}
