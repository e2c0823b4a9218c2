//! Numeric format strings: sections, placeholders, separators, literals.

use super::digits::Digits;
use super::locale::Words;

/// What becomes of a decimal point that no digit follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Point {
    Bare,
    Dropped,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Literal(String),
    /// A digit; `true`: shown even where the number has none.
    Digit(bool),
    Point,
    /// The exponent: its letter, whether plus is shown, the least number of digits.
    Exponent(char, bool, usize),
}

#[derive(Debug, Default)]
struct Section {
    pieces: Vec<Piece>,
    grouped: bool,
    /// The power of ten that percent signs and scaling commas mean.
    shift: i32,
    whole: usize,
    fraction: usize,
    exponent: bool,
}

/// None when the format string has nothing in it to show.
pub(super) fn format(
    number: &Digits,
    format_string: &str,
    point: Point,
    words: &Words,
) -> Option<String> {
    let sections = split(format_string);
    let first = sections.first().filter(|s| !s.is_empty())?;
    if let Some(special) = number.special {
        return Some(format!(
            "{}{special}",
            if number.negative { "-" } else { "" }
        ));
    }
    let own = |i: usize| sections.get(i).filter(|s| !s.is_empty());
    if number.negative {
        let section = Section::read(own(1).unwrap_or(first));
        let mut number = number.clone();
        section.prepare(&mut number);
        // What rounds to zero is shown as zero.
        if !number.is_zero() {
            let sign = if own(1).is_some() { "" } else { "-" };
            return Some(format!("{sign}{}", section.write(&number, point, words)));
        }
    }
    let mut shown = number.clone();
    let section = Section::read(first);
    section.prepare(&mut shown);
    if let (true, Some(zero)) = (shown.is_zero() && number.is_zero(), own(2)) {
        let section = Section::read(zero);
        section.prepare(&mut shown);
        return Some(section.write(&shown, point, words));
    }
    Some(section.write(&shown, point, words))
}

/// Sections stand between semicolons outside of quotes.
pub(super) fn split(format_string: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    let mut quoted = false;
    let mut chars = format_string.chars();
    while let Some(c) = chars.next() {
        match c {
            ';' if !quoted => {
                sections.push(String::new());
                continue;
            }
            '"' => quoted = !quoted,
            _ => {}
        }
        if let Some(section) = sections.last_mut() {
            section.push(c);
            if c == '\\' && !quoted {
                section.extend(chars.next());
            }
        }
    }
    sections
}

impl Section {
    fn read(text: &str) -> Section {
        let mut section = Section::default();
        // Commas scale where no further digit follows them on their side of the point; else they group.
        let (mut commas, mut behind_point) = (0, false);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '0' | '#' => {
                    section.grouped |= commas > 0 && section.whole > 0 && !behind_point;
                    commas = 0;
                    *(if behind_point {
                        &mut section.fraction
                    } else {
                        &mut section.whole
                    }) += 1;
                    section.pieces.push(Piece::Digit(c == '0'));
                }
                '.' if !behind_point => {
                    section.shift -= 3 * std::mem::take(&mut commas);
                    behind_point = true;
                    section.pieces.push(Piece::Point);
                }
                '.' => {}
                ',' => commas += 1,
                '%' => {
                    section.shift += 2;
                    section.literal('%');
                }
                'E' | 'e'
                    if section.whole + section.fraction > 0
                        && matches!(chars.peek(), Some('+' | '-'))
                        && !section.exponent =>
                {
                    let plus = chars.next() == Some('+');
                    let mut least = 0;
                    while let Some(place) = chars.next_if(|next| matches!(next, '0' | '#')) {
                        least += usize::from(place == '0');
                    }
                    section.exponent = true;
                    section.pieces.push(Piece::Exponent(c, plus, least));
                }
                '\\' => {
                    if let Some(escaped) = chars.next() {
                        section.literal(escaped);
                    }
                }
                '"' => {
                    for quoted in chars.by_ref().take_while(|quoted| *quoted != '"') {
                        section.literal(quoted);
                    }
                }
                other => section.literal(other),
            }
        }
        if section.whole + section.fraction > 0 {
            section.shift -= 3 * commas;
        }
        section
    }

    fn literal(&mut self, c: char) {
        if let Some(Piece::Literal(text)) = self.pieces.last_mut() {
            text.push(c);
        } else {
            self.pieces.push(Piece::Literal(c.to_string()));
        }
    }

    /// Scales and rounds the number as this section shows it.
    fn prepare(&self, number: &mut Digits) {
        if self.exponent {
            return;
        }
        number.shift(self.shift);
        if self.whole + self.fraction > 0 || self.pieces.contains(&Piece::Point) {
            number.round(self.fraction as i32);
        }
    }

    fn write(&self, number: &Digits, point: Point, words: &Words) -> String {
        let mut number = number.clone();
        let mut exponent = 0;
        if self.exponent {
            number.shift(self.shift);
            // Rounding may carry into a further digit, which moves the exponent once more.
            for _ in 0..2 {
                let power = if number.is_zero() {
                    0
                } else {
                    number.exponent() + 1 - self.whole as i32
                };
                number.shift(-power);
                exponent += power;
                number.round(self.fraction as i32);
            }
        }
        let whole = number.whole();
        let fraction = number.fraction(self.fraction);
        // These are asked at each place, and would take the square of the length if they were found there.
        let forced = self.least_whole_digits();
        let told = fraction
            .bytes()
            .rposition(|b| b != b'0')
            .map_or(0, |at| at + 1);
        let last_zero = self.pieces.iter().rposition(|p| *p == Piece::Digit(true));
        let zero_follows = |at: usize| last_zero.is_some_and(|last| last >= at);
        let mut out = String::new();
        let (mut whole_at, mut fraction_at, mut behind_point) = (0, 0, false);
        for (i, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Digit(_) if !behind_point => {
                    self.write_whole(&whole, (whole_at, forced), words, &mut out);
                    whole_at += 1;
                }
                Piece::Digit(_) => {
                    if fraction_at < told || zero_follows(i) {
                        out.extend(
                            fraction
                                .as_bytes()
                                .get(fraction_at)
                                .copied()
                                .map(char::from),
                        );
                    }
                    fraction_at += 1;
                }
                Piece::Point => {
                    if self.whole == 0 {
                        out.push_str(&whole);
                    }
                    let followed = self.fraction == 0 || told > 0 || zero_follows(i);
                    if followed || point == Point::Bare {
                        out.push_str(words.decimal);
                    }
                    behind_point = true;
                }
                Piece::Exponent(letter, plus, least) => {
                    let sign = if exponent < 0 {
                        "-"
                    } else if *plus {
                        "+"
                    } else {
                        ""
                    };
                    let digits = exponent.abs().to_string();
                    out.push(*letter);
                    out.push_str(sign);
                    out.extend(std::iter::repeat_n('0', least.saturating_sub(digits.len())));
                    out.push_str(&digits);
                }
            }
        }
        out
    }

    /// What stands at one of the whole digits: the first also takes all digits that have no place of their own.
    fn write_whole(
        &self,
        whole: &str,
        (at, forced): (usize, usize),
        words: &Words,
        out: &mut String,
    ) {
        let shown = whole.len().max(forced);
        let right = self.whole - at;
        // Digits counted from the right: this place shows those from `high` down to `right`.
        let high = if at == 0 { shown.max(right) } else { right };
        for position in (right..=high).rev() {
            if position > shown {
                continue;
            }
            out.push(if position <= whole.len() {
                whole[whole.len() - position..]
                    .chars()
                    .next()
                    .unwrap_or('0')
            } else {
                '0'
            });
            if self.grouped && position > 1 && position % 3 == 1 {
                out.push_str(words.thousands);
            }
        }
    }

    /// From the first 0 on, every place before the point shows a digit.
    fn least_whole_digits(&self) -> usize {
        let places = self
            .pieces
            .iter()
            .filter_map(|p| {
                if let Piece::Digit(zero) = p {
                    Some(*zero)
                } else {
                    None
                }
            })
            .take(self.whole);
        places
            .enumerate()
            .find(|(_, zero)| *zero)
            .map_or(0, |(i, _)| self.whole - i)
    }
}
