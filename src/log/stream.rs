//! Lines out of bytes of any size, plain or compressed by gzip.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// What is kept of a line while it is read, in bytes.
const KEPT: usize = 64 * 1024;

/// Calls `take` with each line, invalid UTF-8 replaced, and of very long lines only
/// the start. Gzip is told by its first bytes. A stream that breaks off gives what came
/// before and then the error.
pub fn lines(bytes: impl Read, mut take: impl FnMut(&str)) -> io::Result<u64> {
    let mut reader = BufReader::with_capacity(64 * 1024, bytes);
    if reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        let reader = BufReader::with_capacity(64 * 1024, MultiGzDecoder::new(reader));
        return plain(reader, &mut take);
    }
    plain(reader, &mut take)
}

fn plain(mut reader: impl BufRead, take: &mut impl FnMut(&str)) -> io::Result<u64> {
    let mut line: Vec<u8> = Vec::new();
    let mut count = 0;
    let mut give = |line: &mut Vec<u8>| {
        take(&String::from_utf8_lossy(line));
        line.clear();
        count += 1;
    };
    loop {
        let buffer = match reader.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                if !line.is_empty() {
                    give(&mut line);
                }
                return Err(error);
            }
        };
        if buffer.is_empty() {
            break;
        }
        let end = memchr::memchr(b'\n', buffer);
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let room = KEPT.saturating_sub(line.len());
        line.extend_from_slice(&part[..part.len().min(room)]);
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            give(&mut line);
        }
    }
    if !line.is_empty() {
        give(&mut line);
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(bytes: &[u8]) -> Vec<String> {
        let mut all = Vec::new();
        lines(bytes, |line| all.push(line.to_owned())).expect("readable");
        all
    }

    #[test]
    fn plain_and_compressed_lines_are_read() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"one\ntwo").expect("in memory");
        for (bytes, expect) in [
            (b"one\ntwo".to_vec(), vec!["one", "two"]),
            (b"one\n\ntwo\n".to_vec(), vec!["one", "", "two"]),
            (gzip.finish().expect("in memory"), vec!["one", "two"]),
            (b"\xff\xfe\n".to_vec(), vec!["\u{fffd}\u{fffd}"]),
            (vec![], vec![]),
        ] {
            assert_eq!(read(&bytes), expect);
        }
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let lines = read(&vec![b'a'; 1_000_000]);
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [KEPT]);
    }

    #[test]
    fn a_broken_stream_gives_what_came_before() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        gzip.write_all(&b"line\n".repeat(1000)).expect("in memory");
        let bytes = gzip.finish().expect("in memory");
        let mut count = 0;
        assert!(lines(&bytes[..bytes.len() / 2], |_| count += 1).is_err());
        assert!(count > 100, "{count}");
    }
}
