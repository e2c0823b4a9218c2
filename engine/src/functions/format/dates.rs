//! Date format strings: runs of letters that stand for the parts of a date.

use crate::functions::calendar::{self, MONTHS, WEEKDAYS};
use crate::value::EPOCH_DAYS;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Piece<'f> {
    Literal(&'f str),
    /// A letter in lower case and how often it stands.
    Part(char, usize),
    /// How the halves of the day are written.
    Half(&'static str, &'static str),
}

/// The marks of the halves of the day, longest first. The case of the letters decides between the first two.
const HALVES: [(&str, [&str; 2], [&str; 2]); 3] = [
    ("am/pm", ["AM", "PM"], ["am", "pm"]),
    ("ampm", ["AM", "PM"], ["AM", "PM"]),
    ("a/p", ["A", "P"], ["a", "p"]),
];

/// Whether the first thing that a format string means is a part of a date, rather than a digit.
pub(super) fn is_date_format(format_string: &str) -> bool {
    for piece in read(format_string) {
        match piece {
            Piece::Part(..) | Piece::Half(..) => return true,
            Piece::Literal(text) if text.starts_with(['0', '#', '.', '%']) => return false,
            Piece::Literal(_) => {}
        }
    }
    false
}

fn read(format_string: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = format_string;
    while let Some(c) = rest.chars().next() {
        let (piece, after) = next(c, rest);
        pieces.extend(piece);
        rest = after;
    }
    pieces
}

fn next(c: char, rest: &str) -> (Option<Piece<'_>>, &str) {
    if let Some((mark, upper, lower)) = HALVES.iter().find(|(mark, ..)| {
        rest.get(..mark.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(mark))
    }) {
        let [morning, afternoon] = if c == 'a' { lower } else { upper };
        return (Some(Piece::Half(morning, afternoon)), &rest[mark.len()..]);
    }
    let step = c.len_utf8();
    match c {
        '\\' => {
            let after = &rest[step..];
            let escaped = after.chars().next().map_or(0, char::len_utf8);
            (Some(Piece::Literal(&after[..escaped])), &after[escaped..])
        }
        '"' => {
            let after = &rest[step..];
            let end = after.find('"').unwrap_or(after.len());
            // A quoted digit is no placeholder; is_date_format looks at the first character, so quotes end here.
            let piece = if end == 0 {
                None
            } else {
                Some(Piece::Literal(&rest[..end + step]))
            };
            (piece, after.get(end + 1..).unwrap_or(""))
        }
        _ => {
            let run = rest
                .chars()
                .take_while(|next| next.eq_ignore_ascii_case(&c))
                .count();
            let lower = c.to_ascii_lowercase();
            let most = most_letters(lower).min(run);
            if most == 0 || (lower == 't' && run < 5) {
                return (Some(Piece::Literal(&rest[..step])), &rest[step..]);
            }
            (Some(Piece::Part(lower, most)), &rest[most..])
        }
    }
}

/// How many of a letter belong together; 0 for letters that mean nothing.
fn most_letters(letter: char) -> usize {
    match letter {
        'd' => 6,
        'm' | 'y' => 4,
        't' => 5,
        'h' | 'n' | 's' | 'w' => 2,
        'c' | 'q' => 1,
        _ => 0,
    }
}

pub(super) fn format(micros: i64, pattern: &str) -> String {
    let pieces = read(pattern);
    let moment = Moment::new(micros, pieces.iter().any(|p| matches!(p, Piece::Half(..))));
    let mut out = String::new();
    let mut after_hour = false;
    for piece in pieces {
        match piece {
            Piece::Literal(text) => out.push_str(
                text.strip_prefix('"')
                    .filter(|t| !t.is_empty())
                    .unwrap_or(text),
            ),
            Piece::Half(morning, afternoon) => {
                out.push_str(if moment.hour < 12 { morning } else { afternoon })
            }
            Piece::Part(letter, count) => {
                // Minutes are written as m too, right behind hours.
                let letter = if letter == 'm' && count <= 2 && after_hour {
                    'n'
                } else {
                    letter
                };
                moment.write(letter, count, &mut out);
                after_hour = letter == 'h';
            }
        }
    }
    out
}

/// The date and time as they are shown when no form is asked for: what is zero is left out.
pub(super) fn general(micros: i64) -> String {
    let (day, time) = calendar::split(micros);
    match (day == -EPOCH_DAYS, time < 1_000_000) {
        (true, false) => format(micros, "h:nn:ss AM/PM"),
        (_, true) => format(micros, "m/d/yyyy"),
        _ => format(micros, "m/d/yyyy h:nn:ss AM/PM"),
    }
}

struct Moment {
    days: i64,
    date: calendar::Civil,
    hour: i64,
    minute: i64,
    second: i64,
    twelve_hours: bool,
}

impl Moment {
    fn new(micros: i64, twelve_hours: bool) -> Moment {
        let (days, time) = calendar::split(micros);
        let seconds = time / 1_000_000;
        Moment {
            days,
            date: calendar::civil(days),
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            twelve_hours,
        }
    }

    fn write(&self, letter: char, count: usize, out: &mut String) {
        let padded = |number: i64| {
            if count >= 2 {
                format!("{number:02}")
            } else {
                number.to_string()
            }
        };
        let month = MONTHS[(self.date.month - 1) as usize];
        let weekday = WEEKDAYS[calendar::weekday(self.days) as usize];
        let date = || {
            format!(
                "{:02}/{:02}/{:04}",
                self.date.month, self.date.day, self.date.year
            )
        };
        let time = || format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second);
        let day_of_year = self.days - calendar::days(self.date.year, 1, 1);
        let text = match (letter, count) {
            ('c', _) => match (
                self.days == -EPOCH_DAYS,
                self.hour + self.minute + self.second == 0,
            ) {
                (_, true) => date(),
                (true, false) => time(),
                _ => format!("{} {}", date(), time()),
            },
            ('d', 1 | 2) => padded(self.date.day),
            ('d', 3) => weekday[..3].to_string(),
            ('d', 4) => weekday.to_string(),
            ('d', 5) => date(),
            ('d', _) => format!("{weekday}, {month} {}, {}", self.date.day, self.date.year),
            ('w', 1) => (calendar::weekday(self.days) + 1).to_string(),
            ('w', _) => {
                ((day_of_year + calendar::weekday(calendar::days(self.date.year, 1, 1))) / 7 + 1)
                    .to_string()
            }
            ('m', 1 | 2) => padded(self.date.month),
            ('m', 3) => month[..3].to_string(),
            ('m', _) => month.to_string(),
            ('q', _) => ((self.date.month + 2) / 3).to_string(),
            ('y', 1) => (day_of_year + 1).to_string(),
            ('y', 2) => format!("{:02}", self.date.year % 100),
            ('y', _) => format!("{:04}", self.date.year),
            ('h', _) if self.twelve_hours => padded((self.hour + 11) % 12 + 1),
            ('h', _) => padded(self.hour),
            ('n', _) => padded(self.minute),
            ('s', _) => padded(self.second),
            ('t', _) => time(),
            _ => String::new(),
        };
        out.push_str(&text);
    }
}
