//! A text's lines by number.

use std::ops::Range;

/// A text with the places where its lines start, found once.
pub(crate) struct Lines<'t> {
    text: &'t [u8],
    /// Of every line, and the end of the text if it does not end in a line feed.
    starts: Vec<u32>,
}

impl<'t> Lines<'t> {
    /// Finds the lines. What lies behind 4 GiB is no line.
    pub(crate) fn new(text: &'t [u8]) -> Self {
        let mut starts = Vec::with_capacity(text.len() / 24 + 2);
        starts.push(0);
        let feeds = memchr::memchr_iter(b'\n', text);
        starts.extend(feeds.map_while(|at| u32::try_from(at + 1).ok()));
        let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        if starts.last() != Some(&end) {
            starts.push(end + u32::from(end < u32::MAX));
        }
        Lines { text, starts }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Where the line at `index`, from 0, lies, without its line feed.
    pub(crate) fn span(&self, index: usize) -> Option<Range<usize>> {
        let start = *self.starts.get(index)? as usize;
        let end = *self.starts.get(index + 1)? as usize - 1;
        Some(start..end.min(self.text.len()))
    }

    /// The line at `index`, from 0, without its line feed.
    pub(crate) fn get(&self, index: usize) -> Option<&'t [u8]> {
        self.text.get(self.span(index)?)
    }

    /// The lines from `index` on, from 0.
    pub(crate) fn from(&self, index: usize) -> impl Iterator<Item = &'t [u8]> {
        (index..self.len()).filter_map(|at| self.get(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_between_line_feeds() {
        let all = |text: &'static str| {
            let lines = Lines::new(text.as_bytes());
            let all: Vec<_> =
                lines.from(0).map(|line| std::str::from_utf8(line).unwrap()).collect();
            assert_eq!(all.len(), lines.len());
            all
        };
        assert_eq!(all(""), Vec::<&str>::new());
        assert_eq!(all("a"), ["a"]);
        assert_eq!(all("a\n"), ["a"]);
        assert_eq!(all("a\n\nb\r\n"), ["a", "", "b\r"]);
        assert_eq!(all("\n"), [""]);
    }
}
