//! Many texts in one buffer. A large dictionary is front-coded: in value order neighbours share their beginnings, and each
//! text is kept as what it does not share with the one before.

use std::borrow::Cow;
use std::cmp::Ordering;

/// Texts one after another, each found by where it ends.
#[derive(Clone, Debug)]
pub(crate) struct PlainTexts {
    bytes: String,
    ends: Ends,
}

/// Where each text ends: 32 bits wide until a text ends beyond them.
#[derive(Clone, Debug)]
enum Ends {
    Near(Vec<u32>),
    Far(Vec<u64>),
}

impl PlainTexts {
    /// With one text already there, the empty one in place 0.
    pub(crate) fn new() -> PlainTexts {
        PlainTexts {
            bytes: String::new(),
            ends: Ends::Near(vec![0]),
        }
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        let end = self.bytes.len();
        match (&mut self.ends, u32::try_from(end)) {
            (Ends::Near(ends), Ok(end)) => ends.push(end),
            (Ends::Near(ends), Err(_)) => {
                let mut far: Vec<u64> = ends.iter().map(|end| u64::from(*end)).collect();
                far.push(end as u64);
                self.ends = Ends::Far(far);
            }
            (Ends::Far(ends), _) => ends.push(end as u64),
        }
    }

    /// Gives back the room that nothing was pushed into.
    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        match &mut self.ends {
            Ends::Near(ends) => ends.shrink_to_fit(),
            Ends::Far(ends) => ends.shrink_to_fit(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match &self.ends {
            Ends::Near(ends) => ends.len(),
            Ends::Far(ends) => ends.len(),
        }
    }

    pub(crate) fn get(&self, place: usize) -> &str {
        let start = if place == 0 { 0 } else { self.end(place - 1) };
        &self.bytes[start..self.end(place)]
    }

    fn end(&self, place: usize) -> usize {
        match &self.ends {
            Ends::Near(ends) => ends[place] as usize,
            Ends::Far(ends) => ends[place] as usize,
        }
    }

    fn size(&self) -> u64 {
        let ends = match &self.ends {
            Ends::Near(ends) => size_of_val(ends.as_slice()),
            Ends::Far(ends) => size_of_val(ends.as_slice()),
        };
        (self.bytes.len() + ends) as u64
    }
}

/// Texts of a group are read from its first one on, so a group costs what a lookup may read over.
const GROUP: usize = 16;

/// Smaller dictionaries stay plain: there is little to save, and a plain text is read at once.
const WORTH_BYTES: u64 = 1 << 20;

/// Texts of which each but the first of a group is kept as the length that it shares with the one before, and the rest.
#[derive(Clone, Debug)]
pub(crate) struct FrontTexts {
    bytes: Vec<u8>,
    /// Where each group begins.
    groups: Vec<u64>,
    len: usize,
}

/// The texts of a dictionary, in value order.
#[derive(Clone, Debug)]
pub(crate) enum Texts {
    Plain(PlainTexts),
    Front(FrontTexts),
}

impl FrontTexts {
    fn new(texts: &PlainTexts) -> FrontTexts {
        let mut bytes = Vec::new();
        let mut groups = Vec::with_capacity(texts.len() / GROUP + 1);
        let mut before = "";
        for place in 0..texts.len() {
            let text = texts.get(place);
            let shared = if place % GROUP == 0 {
                groups.push(bytes.len() as u64);
                0
            } else {
                let shared = shared(before, text);
                write_length(&mut bytes, shared);
                shared
            };
            write_length(&mut bytes, text.len() - shared);
            bytes.extend_from_slice(&text.as_bytes()[shared..]);
            before = text;
        }
        bytes.shrink_to_fit();
        FrontTexts {
            bytes,
            groups,
            len: texts.len(),
        }
    }

    fn size(&self) -> u64 {
        (self.bytes.len() + size_of_val(self.groups.as_slice())) as u64
    }

    /// The first text of a group.
    fn head(&self, group: usize) -> &str {
        let mut at = self.groups[group] as usize;
        let length = read_length(&self.bytes, &mut at);
        std::str::from_utf8(&self.bytes[at..at + length]).unwrap_or_default()
    }
}

/// Bytes that two texts share at their beginnings, whole characters only.
fn shared(a: &str, b: &str) -> usize {
    let mut shared = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    while !b.is_char_boundary(shared) {
        shared -= 1;
    }
    shared
}

fn write_length(bytes: &mut Vec<u8>, length: usize) {
    let mut rest = length;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

fn read_length(bytes: &[u8], at: &mut usize) -> usize {
    let mut length = 0;
    let mut shift = 0;
    loop {
        let byte = bytes[*at];
        *at += 1;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return length;
        }
        shift += 7;
    }
}

impl Texts {
    /// Front-coded if that pays.
    pub(crate) fn new(mut texts: PlainTexts) -> Texts {
        if texts.size() >= WORTH_BYTES {
            let front = FrontTexts::new(&texts);
            if front.size() <= texts.size() / 4 * 3 {
                return Texts::Front(front);
            }
        }
        texts.shrink();
        Texts::Plain(texts)
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Texts::Plain(texts) => texts.len(),
            Texts::Front(texts) => texts.len,
        }
    }

    pub(crate) fn size(&self) -> u64 {
        match self {
            Texts::Plain(texts) => texts.size(),
            Texts::Front(texts) => texts.size(),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Texts::Plain(_) => "text dictionary",
            Texts::Front(_) => "front-coded text dictionary",
        }
    }

    /// One text. Who wants many takes a [`Reader`].
    pub(crate) fn get(&self, place: usize) -> Cow<'_, str> {
        match self {
            Texts::Plain(texts) => Cow::Borrowed(texts.get(place)),
            Texts::Front(texts) => {
                let mut unfolded = Unfolded::new(texts);
                unfolded.go_to(place);
                Cow::Owned(unfolded.text)
            }
        }
    }

    pub(crate) fn reader(&self) -> Reader<'_> {
        match self {
            Texts::Plain(texts) => Reader::Plain(texts),
            Texts::Front(texts) => Reader::Front(Unfolded::new(texts)),
        }
    }

    /// The first place from 1 on that does not come before a value, and whether it is equal. `order` compares a text with
    /// the value; texts ascend in that order.
    pub(crate) fn find(&self, order: impl Fn(&str) -> Ordering) -> (usize, bool) {
        match self {
            Texts::Plain(texts) => {
                let first = first_at(1, texts.len(), |place| order(texts.get(place)).is_ge());
                (
                    first,
                    first < texts.len() && order(texts.get(first)).is_eq(),
                )
            }
            Texts::Front(texts) => {
                // The group before the first whose head is not before the value.
                let beyond = first_at(1, texts.groups.len(), |group| {
                    order(texts.head(group)).is_ge()
                });
                let end = texts.len.min(beyond * GROUP);
                let mut unfolded = Unfolded::new(texts);
                for place in ((beyond - 1) * GROUP).max(1)..end {
                    unfolded.go_to(place);
                    let order = order(&unfolded.text);
                    if order.is_ge() {
                        return (place, order.is_eq());
                    }
                }
                (end, end < texts.len && order(texts.head(beyond)).is_eq())
            }
        }
    }
}

/// The first of start..end for which `reached` holds, which once it holds it goes on doing; end if it never does.
fn first_at(start: usize, end: usize, reached: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (start, end);
    while low < high {
        let middle = low + (high - low) / 2;
        if reached(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// Reads texts, one after another or here and there; the next one is near at hand.
pub(crate) enum Reader<'a> {
    Plain(&'a PlainTexts),
    Front(Unfolded<'a>),
}

impl Reader<'_> {
    pub(crate) fn get(&mut self, place: usize) -> &str {
        match self {
            Reader::Plain(texts) => texts.get(place),
            Reader::Front(unfolded) => {
                unfolded.go_to(place);
                &unfolded.text
            }
        }
    }
}

/// One text of front-coded ones, whole, and where the next is to be read.
pub(crate) struct Unfolded<'a> {
    texts: &'a FrontTexts,
    text: String,
    /// The place after that of the text; 0: there is none yet.
    next: usize,
    at: usize,
}

impl<'a> Unfolded<'a> {
    fn new(texts: &'a FrontTexts) -> Unfolded<'a> {
        Unfolded {
            texts,
            text: String::new(),
            next: 0,
            at: 0,
        }
    }

    fn go_to(&mut self, place: usize) {
        let group = place / GROUP;
        let near = self.next > group * GROUP && self.next <= place + 1;
        if !near {
            self.next = group * GROUP;
            self.at = self.texts.groups[group] as usize;
        }
        while self.next <= place {
            self.step();
        }
    }

    fn step(&mut self) {
        let bytes = &self.texts.bytes;
        let shared = if self.next.is_multiple_of(GROUP) {
            0
        } else {
            read_length(bytes, &mut self.at)
        };
        let length = read_length(bytes, &mut self.at);
        let rest = &bytes[self.at..self.at + length];
        self.text.truncate(shared);
        // Only whole characters are shared, so the rest is text too.
        self.text
            .push_str(std::str::from_utf8(rest).unwrap_or_default());
        self.at += length;
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(texts: &[String]) -> PlainTexts {
        let mut plain = PlainTexts::new();
        texts.iter().for_each(|text| plain.push(text));
        plain
    }

    /// Both ways to keep these texts, which ascend, agree in everything.
    fn check(texts: &[String]) {
        let front = Texts::Front(FrontTexts::new(&plain(texts)));
        let plain = Texts::Plain(plain(texts));
        assert_eq!(front.len(), plain.len());
        let mut reader = front.reader();
        let count = front.len();
        let places = (0..count)
            .chain((0..count).rev())
            .chain((0..count).map(|i| i * 7919 % count));
        for place in places {
            assert_eq!(front.get(place), plain.get(place), "{place}");
            assert_eq!(reader.get(place), plain.get(place), "{place}");
        }
        for text in texts {
            for value in [
                text.clone(),
                format!("{text}\0"),
                text.chars().skip(1).collect(),
            ] {
                let order = |other: &str| other.cmp(&value);
                assert_eq!(front.find(order), plain.find(order), "{value:?}");
            }
        }
        for value in ["", "\u{10ffff}"] {
            let order = |other: &str| other.cmp(value);
            assert_eq!(front.find(order), plain.find(order), "{value:?}");
        }
    }

    #[test]
    fn front_coded_texts_are_the_same_texts() {
        check(&[]);
        check(&["a".to_string()]);
        check(&["".to_string(), "a".to_string()]);
        for count in [14, 15, 16, 17, 31, 32, 33, 1000] {
            check(
                &(0..count)
                    .map(|i| format!("Customer#{i:09}"))
                    .collect::<Vec<_>>(),
            );
        }
        // Characters that share bytes but are not the same, and texts longer than a byte can count.
        let mut odd: Vec<String> = (0..300u32)
            .filter_map(|i| char::from_u32(0xe0 + i * 37))
            .flat_map(|c| {
                [
                    format!("{c}"),
                    format!("x{c}y"),
                    format!("{}{c}", "long ".repeat(60)),
                ]
            })
            .collect();
        odd.sort();
        odd.dedup();
        check(&odd);
    }

    #[test]
    fn large_dictionaries_are_front_coded_where_it_pays() {
        let names: Vec<String> = (0..80_000).map(|i| format!("Customer#{i:09}")).collect();
        let before = plain(&names).size();
        let kept = Texts::new(plain(&names));
        assert_eq!(kept.name(), "front-coded text dictionary");
        assert!(kept.size() * 3 < before, "{} of {before}", kept.size());
        assert_eq!(Texts::new(plain(&names[..1000])).name(), "text dictionary");
        // Nothing is shared where every text begins its own way.
        let unlike: Vec<String> = (0..60_000u32)
            .map(|i| format!("{:016x}", u64::from(i).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
            .collect();
        assert_eq!(Texts::new(plain(&unlike)).name(), "text dictionary");
    }
}
