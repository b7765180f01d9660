//! Messages of every size with open files beside them, over a real socket.

use std::os::fd::AsFd;

use super::*;
use crate::memory;

#[test]
fn messages_and_open_files_arrive_as_they_were_sent() {
    let (one, other) = Link::pair().unwrap();
    let file = memory::sealed("test", b"content").unwrap();
    for (length, files) in [(1, 0), (5, 1), (1_000, MAX_FILES), (MAX_BYTES, 2)] {
        let bytes: Vec<u8> = (0..length).map(|n| n as u8).collect();
        one.send(&bytes, &vec![file.as_fd(); files]).unwrap();
        let packet = other.receive().unwrap();
        assert_eq!((packet.bytes, packet.files.len()), (bytes, files));
        for file in packet.files {
            assert!(rustix::io::fcntl_getfd(&file).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
            assert_eq!(&*memory::Mapping::of(file.as_fd(), 100).unwrap(), b"content");
        }
    }
}

#[test]
fn what_is_over_the_limits_is_refused_and_an_end_is_told() {
    let (one, other) = Link::pair().unwrap();
    let file = memory::sealed("test", b"x").unwrap();
    for (length, files) in [(0, 0), (MAX_BYTES + 1, 0), (1, MAX_FILES + 1)] {
        let refused = one.send(&vec![0; length], &vec![file.as_fd(); files]);
        assert!(matches!(refused, Err(LinkError::TooLarge { .. })), "{length} {files}");
    }
    rustix::net::send(&one, &vec![0; MAX_BYTES + 1], SendFlags::empty()).unwrap();
    assert!(matches!(other.receive(), Err(LinkError::TooLarge { .. })));
    assert!(matches!(other.try_receive(), Err(LinkError::WouldBlock)));
    let full = (0..10_000).find_map(|_| one.try_send(&[0; 1_000], &[]).err());
    assert!(matches!(full, Some(LinkError::WouldBlock)), "{full:?}");
    drop(other);
    assert!(matches!(one.send(b"x", &[]), Err(LinkError::Closed)));
    assert!(matches!(one.receive(), Err(LinkError::Closed)));
}
