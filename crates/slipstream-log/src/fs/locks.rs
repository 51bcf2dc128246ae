//! The system's table of locks: which process has a file.

/// The process that has this file's lock alone, where the system reports it.
pub(super) fn holder((device, inode): (u64, u64)) -> Option<u32> {
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| holder_by(line, device, inode))
}

/// The process that has this file's lock alone, if this line of /proc/locks says so:
/// `1: FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF`.
fn holder_by(line: &str, device: u64, inode: u64) -> Option<u32> {
    let mut words = line.split_ascii_whitespace().skip(1);
    if words.next()? != "FLOCK" || words.nth(1)? != "WRITE" {
        return None;
    }
    // Zero for a process that is not to be seen from here.
    let pid = words.next()?.parse().ok().filter(|pid| *pid != 0)?;
    let mut place = words.next()?.split(':');
    let mut number = || u64::from_str_radix(place.next()?, 16).ok();
    let there = (number()? << 32) | number()?;
    (there == device && place.next()?.parse() == Ok(inode)).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::holder_by;

    #[test]
    fn a_line_of_the_systems_locks_tells_who_has_a_file_alone() {
        let (device, inode) = ((0xfd << 32) | 1, 1234);
        let told = |line: &str| holder_by(line, device, inode);
        assert_eq!(told("1: FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF"), Some(4711));
        for line in [
            "1: FLOCK  ADVISORY  READ 4711 fd:01:1234 0 EOF",
            "1: POSIX  ADVISORY  WRITE 4711 fd:01:1234 0 EOF",
            "1: -> FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF",
            "1: FLOCK  ADVISORY  WRITE 0 fd:01:1234 0 EOF",
            "1: FLOCK  ADVISORY  WRITE 4711 fd:02:1234 0 EOF",
            "1: FLOCK  ADVISORY  WRITE 4711 fd:01:12345 0 EOF",
            "1: FLOCK",
            "",
        ] {
            assert_eq!(told(line), None, "{line}");
        }
    }
}
