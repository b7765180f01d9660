//! Messages come back as they were sent; all else is refused.

use std::fmt::Debug;

use proptest::prelude::*;

use super::children::*;
use super::control::*;
use super::*;
use crate::ids::{TargetPath, VolumeId};

fn there_and_back<T: Body + PartialEq + Debug>(body: &T) {
    let packet = encode(7, body).unwrap();
    let fds = body.descriptors();
    let message: Message<T> = decode(&packet, fds).unwrap();
    assert_eq!((message.id, &message.body), (7, body));
    assert_eq!(
        decode::<T>(&packet, fds + 1).unwrap_err(),
        WireError::Descriptors { found: fds + 1, expected: fds }
    );
    for cut in 0..packet.len() {
        assert!(decode::<T>(&packet[..cut], fds).is_err(), "{body:?} cut at {cut}");
    }
}

fn opened(path: &str) -> Event {
    let reader = Reader { pid: 7, name: "cat".to_owned(), uid: Some(0), pod: None, container: None };
    Event::Opened(Opened {
        slot: Slot::FIRST,
        generation: Generation::FIRST,
        path: path.to_owned(),
        version: u64::MAX,
        reader,
        outcome: Outcome::Denied,
        at: 1,
    })
}

#[test]
fn messages_come_back() {
    let (slot, generation) = (Slot::FIRST, Generation::FIRST);
    let volume_id = VolumeId::try_from("csi-1".to_owned()).unwrap();
    let target = TargetPath::try_from("/a/\"b".to_owned()).unwrap();
    let owner = Owner { uid: 1, gid: u32::MAX };
    for request in [
        KeeperRequest::Hello,
        KeeperRequest::Create {
            volume_id: volume_id.clone(),
            target: Some(target.clone()),
            owner,
            folder_mode: 0o555,
        },
        KeeperRequest::Show { slot },
        KeeperRequest::Meta { slot },
        KeeperRequest::Detach { place: Place::Target(target.clone()) },
        KeeperRequest::Detach { place: Place::Volume(slot) },
    ] {
        there_and_back(&request);
    }
    for reply in [
        KeeperReply::State { slots: vec![slot; 3] },
        KeeperReply::Volume(VolumeState {
            slot,
            volume_id,
            target: None,
            attached: true,
            generation: Some(generation),
            revoked: false,
        }),
        KeeperReply::Done,
        KeeperReply::Stats(VolumeStats { files: 1, bytes: 2, inodes: 3, generations: 4, handles: 5 }),
        KeeperReply::Refused(Refusal::new(Problem::Busy, "later")),
        KeeperReply::Event(opened("a\u{0}é")),
        KeeperReply::Event(Event::Lost { opens: 3 }),
    ] {
        there_and_back(&reply);
    }
    there_and_back(&ServerRequest::Begin { shape: Shape::Single, epoch: 1 });
    there_and_back(&ServerRequest::Volume { slot, owner, folder_mode: 0, revoked: true });
    there_and_back(&ServerRequest::Load { slot, generation });
    there_and_back(&ServerRequest::Serve { negotiated: Some(Negotiated::default()) });
    there_and_back(&ServerReply::SwapBegun { steps: u16::MAX, next: 0 });
    there_and_back(&ServerReply::Event(opened("x")));
    there_and_back(&MutatorRequest::Swap { slot, next: 3 });
    there_and_back(&MutatorRequest::Attach { slot, target });
    there_and_back(&MutatorReply::Done);
}

#[test]
fn other_packets_are_refused() {
    for (packet, expected) in [
        ("", WireError::Broken { column: 0 }),
        (r#"{"v":2,"id":1,"body":"hello"}"#, WireError::Version { found: 2 }),
        (r#"{"v":2,"id":1,"body":"news of version 2"}"#, WireError::Version { found: 2 }),
        (r#"{"v":1,"id":1,"body":{"show":{"slot":0}}}"#, WireError::Broken { column: 0 }),
        (r#"{"v":1,"id":1,"body":{"show":{"slot":16777216}}}"#, WireError::Broken { column: 0 }),
        (r#"{"v":1,"id":1,"body":{"show":{"slot":1,"x":1}}}"#, WireError::Broken { column: 0 }),
        (r#"{"v":1,"id":1,"body":"hello","x":1}"#, WireError::Broken { column: 0 }),
        (r#"{"v":1,"id":1,"body":"hello"} x"#, WireError::Broken { column: 0 }),
    ] {
        let got = decode::<KeeperRequest>(packet.as_bytes(), 0).map_err(|error| match error {
            // Where exactly the parser stops is its own affair.
            WireError::Broken { .. } => WireError::Broken { column: 0 },
            other => other,
        });
        assert_eq!(got, Err(expected), "{packet}");
    }
    let long = vec![b' '; MAX_MESSAGE_BYTES + 1];
    let too_long = WireError::TooLong { found: MAX_MESSAGE_BYTES + 1 };
    assert_eq!(decode::<KeeperRequest>(&long, 0), Err(too_long));
    let slots = vec![Slot::try_from(crate::ids::MAX_SLOT).unwrap(); MAX_MESSAGE_BYTES / 9 + 1];
    assert!(matches!(encode(1, &KeeperReply::State { slots }), Err(WireError::TooLong { .. })));
    let most = vec![Slot::try_from(crate::ids::MAX_SLOT).unwrap(); crate::superblock::MAX_VOLUMES];
    there_is_room(&KeeperReply::State { slots: most });
    there_is_room(&KeeperReply::Event(opened(&"\u{1}".repeat(255 * crate::path::MAX_DEPTH))));
    assert_eq!(Refusal::new(Problem::System, "é".repeat(1_000)).message.len(), MAX_REFUSAL_BYTES);
}

fn there_is_room(reply: &KeeperReply) {
    assert!(encode(u64::MAX, reply).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_packet_is_taken_or_refused(text in r#"[\{\}\[\]",:\\a-z0-9_]{0,80}"#) {
        let _ = decode::<KeeperRequest>(text.as_bytes(), 0);
        let wrapped = format!("{{\"v\":1,\"id\":1,\"body\":{text}}}");
        let _ = decode::<KeeperReply>(wrapped.as_bytes(), 0);
        let _ = decode::<ServerRequest>(wrapped.as_bytes(), 0);
    }
}
