//! Texts: a dictionary in the order of the collation, and the spellings of those that compare equal.

use roaring::RoaringBitmap;

use crate::codes::Codes;
use crate::collation;
use crate::column::Column;
use crate::dictionary::{Domain, TextDomain, Variants};
use crate::hash::FastMap;
use crate::texts::{PlainTexts, Texts};

use super::Grown;
use super::lists::{Merged, bound};

/// `rows` are those that are there, if the new ones come behind them. None: see `super::grow`.
pub(super) fn grow(
    old: &Column,
    (known, new): (&TextDomain, &TextDomain),
    fresh: &Column,
    behind: Option<usize>,
) -> Option<Grown> {
    let mut texts = new.first.reader();
    let mut bounds = Vec::with_capacity(new.first.len());
    let mut first_is_other = false;
    for code in 1..new.first.len() as u32 {
        let text = texts.get(code as usize);
        let (place, equal) = bound(old.domain.text_bounds(text));
        first_is_other |= equal && *known.first.get(place as usize) != *text;
        bounds.push((code, (place, equal)));
    }
    let spelled = first_is_other || known.variants.is_some() || new.variants.is_some();
    if behind.is_none() && spelled {
        return None;
    }
    let merged = Merged::of(old.size(), new.first.len() as u32, bounds.iter().copied());
    let spellings = match behind {
        Some(rows) if spelled => Some(Spellings::of((known, new), &bounds, fresh, rows)),
        _ => None,
    };
    let adds = spellings.as_ref().is_some_and(|s| s.adds());
    match merged {
        Err(codes) if !adds => Some(Grown::nothing_new(old, codes)),
        Err(codes) => {
            let variants = spellings.map(|s| s.variants(known, |code| code));
            let first = known.first.clone();
            Some(Grown {
                domain: Domain::Text(TextDomain { first, variants }).into(),
                ..Grown::nothing_new(old, codes)
            })
        }
        Ok(merged) => {
            let first = merge(&known.first, &new.first, &bounds, merged.size);
            let moved = |code: u32| merged.moved.as_ref().map_or(code, |m| m[code as usize]);
            let of_fresh = |code: u32| merged.fresh[code as usize];
            let variants = spellings
                .map(|spellings| spellings.placed(moved, of_fresh))
                .map(|spellings| spellings.variants(known, moved))
                .filter(|variants| !variants.texts.is_empty());
            let domain = Domain::Text(TextDomain { first, variants });
            let distinct = merged.size - 1;
            Some(Grown::merged(old, merged, domain, distinct))
        }
    }
}

/// All texts in order, each spelled as its first row does.
fn merge(known: &Texts, new: &Texts, bounds: &[(u32, (u32, bool))], size: u32) -> Texts {
    let mut texts = PlainTexts::new();
    let (mut ours, mut theirs) = (known.reader(), new.reader());
    let mut place = 1;
    for (code, (bound, is_known)) in bounds {
        if *is_known {
            continue;
        }
        while place < *bound as usize {
            texts.push(ours.get(place));
            place += 1;
        }
        texts.push(theirs.get(*code as usize));
    }
    while place < known.len() {
        texts.push(ours.get(place));
        place += 1;
    }
    debug_assert_eq!(texts.len(), size as usize);
    Texts::new(texts)
}

/// The spellings that new rows bring, behind rows that are there.
struct Spellings {
    further: Vec<Further>,
    /// New rows that are spelled otherwise than the first row of their text, and the places of their spellings.
    rows: Vec<(u32, u32)>,
}

/// Spellings of a text besides those that it has.
struct Further {
    /// Whether the code is one of before; else it is one of the new rows, because the text itself is new.
    is_known: bool,
    code: u32,
    texts: Vec<Box<str>>,
}

impl Spellings {
    fn of(
        (known, new): (&TextDomain, &TextDomain),
        bounds: &[(u32, (u32, bool))],
        fresh: &Column,
        start: usize,
    ) -> Spellings {
        let mut found = Spellings {
            further: Vec::new(),
            rows: Vec::new(),
        };
        // By code of the new rows the place of each of its spellings, where they are not all the first.
        let mut places: FastMap<u32, Vec<u32>> = FastMap::default();
        for (code, (place, is_known)) in bounds {
            let is_known = *is_known;
            let of_new = new.variants.as_ref().and_then(|v| v.of(*code));
            if !is_known {
                if let Some(more) = of_new {
                    found.further.push(Further {
                        is_known,
                        code: *code,
                        texts: more.to_vec(),
                    });
                    places.insert(*code, (0..=more.len() as u32).collect());
                }
                continue;
            }
            let (ours, theirs) = (
                known.first.get(*place as usize),
                new.first.get(*code as usize),
            );
            let of_known = known.variants.as_ref().and_then(|v| v.of(*place));
            if ours == theirs && of_new.is_none() {
                continue;
            }
            let mut all: Vec<Box<str>> = vec![(&*ours).into()];
            all.extend(of_known.into_iter().flatten().cloned());
            let before = all.len();
            let own = std::iter::once(&*theirs).chain(of_new.into_iter().flatten().map(|s| &**s));
            let own: Vec<u32> = own
                .map(|text| match all.iter().position(|known| **known == *text) {
                    Some(place) => place as u32,
                    None => {
                        all.push(text.into());
                        all.len() as u32 - 1
                    }
                })
                .collect();
            debug_assert!(all.iter().all(|t| collation::compare(t, &all[0]).is_eq()));
            places.insert(*code, own);
            if all.len() > before {
                found.further.push(Further {
                    is_known,
                    code: *place,
                    texts: all.split_off(before),
                });
            }
        }
        found.rows = rows_of(&places, new, fresh, start);
        found
    }

    /// Whether there is anything to note.
    fn adds(&self) -> bool {
        !self.further.is_empty() || !self.rows.is_empty()
    }

    /// With the codes of all texts together, in the place of those of before and of the new rows.
    fn placed(self, moved: impl Fn(u32) -> u32, of_fresh: impl Fn(u32) -> u32) -> Spellings {
        let further = self.further.into_iter().map(|further| Further {
            is_known: true,
            code: match further.is_known {
                true => moved(further.code),
                false => of_fresh(further.code),
            },
            texts: further.texts,
        });
        Spellings {
            further: further.collect(),
            ..self
        }
    }

    /// The spellings of before, whose codes have moved, and these.
    fn variants(self, known: &TextDomain, moved: impl Fn(u32) -> u32) -> Variants {
        let mut texts: Vec<(u32, Vec<Box<str>>)> = Vec::new();
        let mut rows = RoaringBitmap::new();
        let mut places: Vec<u32> = Vec::new();
        if let Some(variants) = &known.variants {
            let of_known = variants.texts.iter();
            texts.extend(of_known.map(|(code, more)| (moved(*code), more.clone())));
            rows = variants.rows.clone();
            places.extend(variants.places.iter());
        }
        for Further {
            code, texts: more, ..
        } in self.further
        {
            match texts.binary_search_by_key(&code, |(code, _)| *code) {
                Ok(place) => texts[place].1.extend(more),
                Err(place) => texts.insert(place, (code, more)),
            }
        }
        for (row, place) in self.rows {
            rows.insert(row);
            places.push(place);
        }
        rows.optimize();
        let most = places.iter().copied().max().unwrap_or(0);
        Variants {
            texts,
            rows,
            places: Codes::pack(most + 1, places.into_iter()),
        }
    }
}

/// The rows whose spelling is not the first, `start` rows being there before them.
fn rows_of(
    places: &FastMap<u32, Vec<u32>>,
    new: &TextDomain,
    fresh: &Column,
    start: usize,
) -> Vec<(u32, u32)> {
    if places.is_empty() {
        return Vec::new();
    }
    let mut rows = Vec::new();
    for (row, code) in (0u32..).zip(fresh.iter_codes()) {
        let Some(places) = places.get(&code) else {
            continue;
        };
        let own = new.variants.as_ref().filter(|v| v.rows.contains(row));
        let own = own.map_or(0, |v| v.places.get(v.rows.rank(row) as usize - 1));
        let place = places[own as usize];
        if place > 0 {
            rows.push((start as u32 + row, place));
        }
    }
    rows
}
