use std::io::{self, BufRead, Error, ErrorKind, Read};

/// Longest line that is read: a series of the store with some hundred thousand values.
const LONGEST: u64 = 64 << 20;

/// One line.
pub(super) struct Line<'a> {
    /// Which, from 1.
    pub(super) number: usize,
    /// Without its end.
    pub(super) text: &'a [u8],
    /// Whether its end was there: what was cut short ends without it.
    pub(super) ended: bool,
}

/// The lines of something, one in memory at a time.
pub(super) struct Lines<R> {
    reader: R,
    /// How many were read.
    pub(super) number: usize,
    text: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, number: 0, text: Vec::new() }
    }

    /// The next one.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.text.clear();
        let read = self.reader.by_ref().take(LONGEST).read_until(b'\n', &mut self.text)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let ended = self.text.last() == Some(&b'\n');
        if !ended && read as u64 == LONGEST {
            return Err(Error::new(ErrorKind::InvalidData, format!("a line has more than {} MiB", LONGEST >> 20)));
        }
        let text = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        Ok(Some(Line { number: self.number, text: text.strip_suffix(b"\r").unwrap_or(text), ended }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_one_by_one() {
        let mut lines = Lines::new(&b"a\r\n\nlast"[..]);
        let mut seen = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            seen.push((line.number, String::from_utf8(line.text.to_vec()).unwrap(), line.ended));
        }
        assert_eq!(seen, [(1, "a".to_owned(), true), (2, String::new(), true), (3, "last".to_owned(), false)]);
    }

    #[test]
    fn a_line_without_an_end_does_not_fill_memory() {
        let mut lines = Lines::new(io::BufReader::new(io::repeat(b'x')));
        assert_eq!(lines.next().err().map(|error| error.to_string()).as_deref(), Some("a line has more than 64 MiB"));
    }
}
