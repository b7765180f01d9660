//! What is mounted where, from the text of `/proc/self/mountinfo`.

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Number of the device, as `major:minor`.
    pub device: String,
    /// Type of the file system, such as `fuse.keyreeve`.
    pub kind: String,
}

/// The mount on top at a path, which is absolute and without links; `None` where nothing is mounted right there.
pub fn on_top(mountinfo: &str, at: &str) -> Option<Mount> {
    mountinfo.lines().rev().find_map(|line| {
        let mut fields = line.split(' ');
        let device = fields.nth(2)?.to_owned();
        let place = fields.nth(1)?;
        // Optional fields come before the dash.
        let kind = fields.skip_while(|field| *field != "-").nth(1)?.to_owned();
        (unescape(place) == at.as_bytes()).then_some(Mount { device, kind })
    })
}

/// Blanks, tabs, line feeds and backslashes stand as `\` with three octal digits.
fn unescape(field: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let digits = more.first_chunk::<3>().filter(|digits| digits.iter().all(|d| (b'0'..b'8').contains(d)));
        match digits {
            Some(digits) if *first == b'\\' => {
                bytes.push(digits.iter().fold(0_u8, |value, d| value.wrapping_mul(8).wrapping_add(d - b'0')));
                rest = more.get(3..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
21 28 0:20 / /proc rw,relatime - proc proc rw
30 28 0:50 / /mnt/a ro,nosuid shared:7 master:2 - fuse.keyreeve keyreeve ro,user_id=0
31 28 0:51 / /mnt/a ro,nosuid - tmpfs tmpfs ro
32 28 0:52 / /mnt/with\\040blank\\134x rw - ext4 /dev/sda rw
broken
33 28 0:53
";

    #[test]
    fn the_mount_on_top_is_found() {
        for (at, expected) in [
            ("/proc", Some(("0:20", "proc"))),
            ("/mnt/a", Some(("0:51", "tmpfs"))),
            ("/mnt/with blank\\x", Some(("0:52", "ext4"))),
            ("/mnt", None),
            ("/mnt/a/", None),
            ("", None),
        ] {
            let got = on_top(TEXT, at);
            assert_eq!(got.as_ref().map(|m| (m.device.as_str(), m.kind.as_str())), expected, "{at}");
        }
        let without_the_second = TEXT.replace("31 28 0:51 / /mnt/a", "31 28 0:51 / /mnt/b");
        assert_eq!(on_top(&without_the_second, "/mnt/a").unwrap().kind, "fuse.keyreeve");
    }
}
