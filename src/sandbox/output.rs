//! Output of any length: its start and its end are kept.

use std::collections::VecDeque;

/// What was written so far.
pub(super) struct Kept {
    start: Vec<u8>,
    end: VecDeque<u8>,
    half: usize,
    /// All bytes that came.
    pub total: u64,
}

impl Kept {
    /// Keep at most `most` bytes.
    pub(super) fn new(most: usize) -> Kept {
        Kept { start: Vec::new(), end: VecDeque::new(), half: most / 2, total: 0 }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let first = bytes.len().min(self.half - self.start.len());
        let (first, rest) = bytes.split_at(first);
        self.start.extend_from_slice(first);
        let rest = rest.get(rest.len().saturating_sub(self.half)..).unwrap_or_default();
        let over = (self.end.len() + rest.len()).saturating_sub(self.half);
        self.end.drain(..over);
        self.end.extend(rest);
    }

    /// As text. Between start and end a line tells how much is left out.
    pub(super) fn text(self) -> String {
        let left_out = self.total - (self.start.len() + self.end.len()) as u64;
        let mut bytes = self.start;
        if left_out > 0 {
            bytes.extend(format!("\n[… {left_out} bytes left out …]\n").into_bytes());
        }
        bytes.extend(self.end);
        match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;

    #[test]
    fn start_and_end_are_kept() {
        for (most, pieces, expect) in [
            (8, &["ab", "cd"][..], "abcd"),
            (8, &["abcdefgh"], "abcdefgh"),
            (8, &["abcdefghi"], "abcd\n[… 1 bytes left out …]\nfghi"),
            (8, &["abc", "defgh", "ijklm", "n"], "abcd\n[… 6 bytes left out …]\nklmn"),
            (0, &["ab"], "\n[… 2 bytes left out …]\n"),
            (8, &["\u{fffd}"], "\u{fffd}"),
        ] {
            let mut kept = Kept::new(most);
            for piece in pieces {
                kept.push(piece.as_bytes());
            }
            assert_eq!(kept.text(), expect, "{most} {pieces:?}");
        }
        let mut kept = Kept::new(8);
        kept.push(b"a\xffb");
        assert_eq!(kept.text(), "a\u{fffd}b");
    }
}
