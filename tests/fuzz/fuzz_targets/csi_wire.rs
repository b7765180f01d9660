//! Messages between the node driver's processes, plans and images of any bytes: understood the same way again, or refused.
#![no_main]

use std::sync::Arc;

use csi_mount_core::image::{Image, NodeKind};
use csi_mount_core::superblock::plan;
use csi_mount_core::wire::children::{MutatorReply, MutatorRequest, ServerReply, ServerRequest};
use csi_mount_core::wire::control::{KeeperReply, KeeperRequest};
use csi_mount_core::wire::{self, Body};
use libfuzzer_sys::fuzz_target;

fn message<T: Body + PartialEq + std::fmt::Debug>(bytes: &[u8], descriptors: usize) {
    let Ok(message) = wire::decode::<T>(bytes, descriptors) else { return };
    // Escapes and blanks may make it shorter or longer than it came.
    let Ok(again) = wire::encode(message.id, &message.body) else { return };
    assert_eq!(wire::decode::<T>(&again, descriptors), Ok(message));
}

fn image(bytes: &[u8]) {
    let Ok(image) = Image::decode(Arc::new(bytes.to_vec())) else { return };
    for (index, node) in image.nodes().iter().enumerate() {
        let index = u16::try_from(index).expect("an image has few nodes");
        assert!(image.path(index).split('/').all(|part| part != ".."), "{}", image.path(index));
        match &node.kind {
            NodeKind::Folder(children) => {
                for child in children {
                    let child_node = image.node(*child).expect("a folder has only nodes that are there");
                    assert_eq!(
                        (child_node.parent, image.child(index, &child_node.name)),
                        (index, Some(*child))
                    );
                }
                assert!(image.read(index, 0, 1).is_none(), "a folder has no content");
            }
            NodeKind::File { start, end, .. } => {
                let chunk = image.read(index, 0, u32::MAX).expect("a file can be read");
                assert_eq!(chunk.bytes(), &bytes[*start..*end]);
                assert!(image.read(index, u64::MAX, u32::MAX).is_some_and(|chunk| chunk.bytes().is_empty()));
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let descriptors = usize::from(first >> 4 & 3);
    match first & 7 {
        0 => message::<KeeperRequest>(rest, descriptors),
        1 => message::<KeeperReply>(rest, descriptors),
        2 => message::<ServerRequest>(rest, descriptors),
        3 => message::<ServerReply>(rest, descriptors),
        4 => message::<MutatorRequest>(rest, descriptors),
        5 => message::<MutatorReply>(rest, descriptors),
        6 => {
            if let Ok(steps) = plan::decode(rest) {
                let again = plan::encode(&steps).expect("what was a plan is one");
                assert_eq!(plan::decode(&again), Ok(steps));
            }
        }
        _ => image(rest),
    }
});
