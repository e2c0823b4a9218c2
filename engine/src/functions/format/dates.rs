//! Date format strings: runs of letters that stand for the parts of a date.

use super::locale::Words;
use super::texts;
use crate::functions::calendar;
use crate::value::EPOCH_DAYS;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Piece<'f> {
    Literal(&'f str),
    /// What a backslash protects.
    Escaped(&'f str),
    /// A letter in lower case and how often it stands.
    Part(char, usize),
    /// How the halves of the day are written.
    Half(&'static str, &'static str),
}

/// The marks of the halves of the day, longest first, with what they show by the case of their letters; empty means what the locale
/// writes.
const HALVES: [(&str, [&str; 2], [&str; 2]); 3] = [
    ("am/pm", ["AM", "PM"], ["am", "pm"]),
    ("ampm", ["", ""], ["", ""]),
    ("a/p", ["A", "P"], ["a", "p"]),
];

/// What a format string that has no name shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Number,
    Date,
    Text,
}

/// The first thing that a format string means decides: a digit, a part of a date, or a place for a character.
pub(super) fn kind(format_string: &str) -> Kind {
    for piece in read(format_string) {
        match piece {
            Piece::Part(..) | Piece::Half(..) => return Kind::Date,
            Piece::Literal(text) if text.starts_with(['0', '#', '.', '%']) => return Kind::Number,
            Piece::Escaped(text) if text.starts_with(['0', '#', '.', '%']) => return Kind::Number,
            // What is quoted begins with its quotation mark here.
            Piece::Literal(text) if text.starts_with(texts::MARKS) => return Kind::Text,
            Piece::Literal(_) | Piece::Escaped(_) => {}
        }
    }
    Kind::Number
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
            (Some(Piece::Escaped(&after[..escaped])), &after[escaped..])
        }
        '"' => {
            let after = &rest[step..];
            let end = after.find('"').unwrap_or(after.len());
            // A quoted digit is no placeholder; kind looks at the first character, so quotes end here.
            let piece = if end == 0 {
                None
            } else {
                Some(Piece::Literal(&rest[..end + step]))
            };
            (piece, after.get(end + 1..).unwrap_or(""))
        }
        _ => {
            // No letter has more than six forms. Counting a run to its end at each of its letters would take the square of its length.
            let run = rest
                .chars()
                .take(LONGEST_PART)
                .take_while(|next| next.eq_ignore_ascii_case(&c))
                .count();
            let lower = c.to_ascii_lowercase();
            let most = match (lower, most_letters(lower).min(run)) {
                // A year has two digits or four: three letters are the short year and the day of the year.
                ('y', 3) => 2,
                (_, most) => most,
            };
            if most == 0 || (lower == 't' && run < 5) {
                return (Some(Piece::Literal(&rest[..step])), &rest[step..]);
            }
            (Some(Piece::Part(lower, most)), &rest[most..])
        }
    }
}

/// The most letters that make one part.
const LONGEST_PART: usize = 6;

/// How many of a letter belong together; 0 for letters that mean nothing.
fn most_letters(letter: char) -> usize {
    match letter {
        'd' => LONGEST_PART,
        'm' | 'y' => 4,
        't' => 5,
        'h' | 'n' | 's' | 'w' => 2,
        'c' | 'q' => 1,
        _ => 0,
    }
}

/// None: the pattern asks for a form that the locale is not known to have.
pub(super) fn format(micros: i64, pattern: &str, words: &Words) -> Option<String> {
    let pieces = read(pattern);
    if words.long_date.is_none() && pieces.contains(&Piece::Part('d', 6)) {
        return None;
    }
    Some(written(micros, pieces, words))
}

fn written(micros: i64, pieces: Vec<Piece<'_>>, words: &Words) -> String {
    let moment = Moment::new(
        micros,
        pieces.iter().any(|p| matches!(p, Piece::Half(..))),
        words,
    );
    let mut out = String::new();
    let mut after_hour = false;
    for piece in pieces {
        match piece {
            Piece::Literal("/") => out.push(words.date_separator),
            Piece::Literal(":") => out.push(words.time_separator),
            Piece::Escaped(text) => out.push_str(text),
            Piece::Literal(text) => out.push_str(
                text.strip_prefix('"')
                    .filter(|t| !t.is_empty())
                    .unwrap_or(text),
            ),
            Piece::Half(morning, afternoon) => {
                let [first, second] = words.halves;
                // A locale that counts to 24 may write nothing.
                out.push_str(match (moment.hour < 12, morning.is_empty()) {
                    (true, true) => first,
                    (false, true) => second,
                    (true, false) => morning,
                    (false, false) => afternoon,
                })
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
pub(super) fn general(micros: i64, words: &Words) -> String {
    let (day, time) = calendar::split(micros);
    let date = || written(micros, read(&words.short_date), words);
    let clock = || written(micros, read(words.long_time), words);
    match (day == -EPOCH_DAYS, time < 1_000_000) {
        // Day zero stands for no date, and its midnight is a time.
        (true, _) => clock(),
        (false, true) => date(),
        (false, false) => format!("{} {}", date(), clock()),
    }
}

struct Moment<'w> {
    words: &'w Words,
    days: i64,
    date: calendar::Civil,
    hour: i64,
    minute: i64,
    second: i64,
    twelve_hours: bool,
}

impl<'w> Moment<'w> {
    fn new(micros: i64, twelve_hours: bool, words: &'w Words) -> Moment<'w> {
        let (days, time) = calendar::split(micros);
        let seconds = time / 1_000_000;
        Moment {
            words,
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
        let (month, weekday) = (
            (self.date.month - 1) as usize,
            calendar::weekday(self.days) as usize,
        );
        let date = || {
            let pattern = &self.words.complete_date;
            written(self.days * 86_400_000_000, read(pattern), self.words)
        };
        let mark = self.words.time_separator;
        let time = || {
            format!(
                "{:02}{mark}{:02}{mark}{:02}",
                self.hour, self.minute, self.second
            )
        };
        let day_of_year = self.days - calendar::days(self.date.year, 1, 1);
        let text = match (letter, count) {
            ('c', _) => match (
                self.days == -EPOCH_DAYS,
                self.hour + self.minute + self.second == 0,
            ) {
                (true, _) => time(),
                (false, true) => date(),
                (false, false) => format!("{} {}", date(), time()),
            },
            ('d', 1 | 2) => padded(self.date.day),
            ('d', 3) => self.words.short_weekdays[weekday].to_string(),
            ('d', 4) => self.words.weekdays[weekday].to_string(),
            ('d', 5) => date(),
            ('d', _) => {
                let pattern = self.words.long_date.unwrap_or_default();
                let words = Words {
                    months: self.words.months_of_dates,
                    ..self.words.clone()
                };
                written(self.days * 86_400_000_000, read(pattern), &words)
            }
            ('w', 1) => (calendar::weekday(self.days) + 1).to_string(),
            ('w', _) => {
                ((day_of_year + calendar::weekday(calendar::days(self.date.year, 1, 1))) / 7 + 1)
                    .to_string()
            }
            ('m', 1 | 2) => padded(self.date.month),
            ('m', 3) => self.words.short_months[month].to_string(),
            ('m', _) => self.words.months[month].to_string(),
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
