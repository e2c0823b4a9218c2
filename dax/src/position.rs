//! Byte offsets to lines and columns, as people count them.

/// Where the lines of a text begin, for many questions about one text.
#[derive(Clone, Debug)]
pub struct LineMap<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> LineMap<'a> {
    pub fn new(text: &'a str) -> Self {
        let after_breaks = text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .map(|(at, _)| at + 1);
        LineMap {
            text,
            starts: std::iter::once(0).chain(after_breaks).collect(),
        }
    }

    /// The line and the column of a byte offset, both counted from 1; the column counts characters.
    /// An offset beyond the text, or inside a character, is taken back to the nearest character before it.
    pub fn line_column(&self, offset: u32) -> (u32, u32) {
        let mut offset = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self
            .starts
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or(0);
        let column = self.text.get(start..offset).unwrap_or("").chars().count() + 1;
        (clamp(line), clamp(column))
    }
}

/// The line and the column of one byte offset; see [`LineMap::line_column`].
pub fn line_column(text: &str, offset: u32) -> (u32, u32) {
    LineMap::new(text).line_column(offset)
}

fn clamp(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let text = "aé\nb\r\n\nçd";
        let check = |offset: usize, expected: (u32, u32)| {
            assert_eq!(
                line_column(text, offset as u32),
                expected,
                "offset {offset}"
            );
        };
        check(0, (1, 1));
        check(1, (1, 2));
        check(2, (1, 2)); // inside é
        check(3, (1, 3));
        check(4, (2, 1));
        check(7, (3, 1));
        check(8, (4, 1));
        check(10, (4, 2));
        check(11, (4, 3));
        check(999, (4, 3));
    }
}
