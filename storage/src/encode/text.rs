//! Texts: what is distinct within a dictionary of the file is numbered once, and rows only carry the numbers.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType as ArrowType, Int32Type};
use roaring::RoaringBitmap;

use crate::DataType;
use crate::codes::{Code, Codes, with_codes};
use crate::collation::{collation_key, compare_keys, order_prefix};
use crate::column::Column;
use crate::dictionary::{Domain, TextDomain, Variants};
use crate::hash::FastMap;
use crate::texts::{PlainTexts, Texts};

/// Texts of some rows, and the codes of blocks of rows that count among them.
#[derive(Default)]
pub(crate) struct TextPieces {
    words: Vec<Words>,
    /// The place in `words`, and for each row 0 for BLANK or the number of its word, counted from 1.
    blocks: Vec<(usize, Codes)>,
    /// What the last of `words` was copied from, kept so that its address stays its own.
    source: Option<StringArray>,
}

/// Some texts, not in order. Equal ones may be among them, and ones that no row has.
struct Words {
    texts: PlainTexts,
    used: Vec<bool>,
}

impl TextPieces {
    pub(super) fn push(&mut self, block: &StringArray) {
        let mut numbers: FastMap<&str, u32> = FastMap::default();
        let mut texts = PlainTexts::new();
        let codes: Vec<u32> = block
            .iter()
            .map(|text| match text {
                None => 0,
                Some(text) => *numbers.entry(text).or_insert_with(|| {
                    texts.push(text);
                    texts.len() as u32 - 1
                }),
            })
            .collect();
        texts.shrink();
        let used = vec![true; texts.len()];
        let codes = Codes::pack(texts.len() as u32, codes.into_iter());
        self.source = None;
        self.blocks.push((self.words.len(), codes));
        self.words.push(Words { texts, used });
    }

    pub(super) fn push_numbered(&mut self, array: &ArrayRef) -> bool {
        let Some(array) = array.as_dictionary_opt::<Int32Type>() else {
            return false;
        };
        if *array.values().data_type() != ArrowType::Utf8 || array.values().null_count() > 0 {
            return false;
        }
        let values = array.values().as_string::<i32>();
        if !self
            .source
            .as_ref()
            .is_some_and(|source| same(source, values))
        {
            self.words.push(Words {
                texts: copied(values),
                used: vec![false; values.len() + 1],
            });
            self.source = Some(values.clone());
        }
        let place = self.words.len() - 1;
        let used = &mut self.words[place].used;
        let keys = array.keys();
        let size = values.len() as u32 + 1;
        let codes = match keys.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => Codes::pack(size, keys.values().iter().map(|key| *key as u32 + 1)),
            Some(nulls) => {
                let rows = keys.values().iter().zip(nulls.iter());
                Codes::pack(
                    size,
                    rows.map(|(key, valid)| if valid { *key as u32 + 1 } else { 0 }),
                )
            }
        };
        with_codes!(&codes, codes => codes.iter().for_each(|code| used[code.wide() as usize] = true));
        self.blocks.push((place, codes));
        true
    }

    pub(super) fn append(&mut self, later: TextPieces) {
        let shift = self.words.len();
        self.words.extend(later.words);
        self.blocks.extend(
            later
                .blocks
                .into_iter()
                .map(|(place, codes)| (place + shift, codes)),
        );
        self.source = None;
    }

    pub(super) fn finish(self, rows: usize) -> Column {
        let TextPieces { words, blocks, .. } = self;
        let (ids, spellings) = intern(&words);
        let order = in_order(&spellings);
        let mut codes = vec![0u32; spellings.len()];
        let mut first = PlainTexts::new();
        let mut groups: Vec<(u32, Vec<u32>)> = Vec::new();
        let mut rest = order.as_slice();
        while let Some((id, key)) = rest.first() {
            let same = rest.iter().take_while(|(_, other)| other == key).count();
            let code = first.len() as u32;
            rest[..same]
                .iter()
                .for_each(|(id, _)| codes[*id as usize] = code);
            if same > 1 {
                let group = rest[..same].iter().map(|(id, _)| *id).collect();
                groups.push((code, group));
            }
            first.push(spellings[*id as usize]);
            rest = &rest[same..];
        }
        drop(order);
        let variants = Spelled::new(groups, &ids, &blocks).map(|spelled| {
            // A code is spelled as its first row is.
            let mut spelled_first = PlainTexts::new();
            for code in 1..first.len() {
                let id = spelled.first_of(code as u32);
                spelled_first.push(id.map_or_else(|| first.get(code), |id| spellings[id as usize]));
            }
            first = spelled_first;
            spelled.variants(&spellings, &ids, &blocks)
        });
        let first = Texts::new(first);
        let size = first.len() as u32;
        let mut out = Codes::room(size, rows);
        let mut turned: (usize, Vec<u32>) = (usize::MAX, Vec::new());
        for (place, block) in blocks {
            if turned.0 != place {
                let table = ids[place]
                    .iter()
                    .map(|id| codes.get(*id as usize).copied().unwrap_or(0));
                turned = (place, table.collect());
            }
            out.extend(&block, |code| turned.1[code as usize]);
        }
        let domain = Domain::Text(TextDomain { first, variants });
        Column::new(DataType::Text, out, domain, size - 1)
    }
}

/// Whether two arrays are the same memory.
fn same(a: &StringArray, b: &StringArray) -> bool {
    a.len() == b.len()
        && a.value_offsets().as_ptr() == b.value_offsets().as_ptr()
        && a.value_data().as_ptr() == b.value_data().as_ptr()
}

fn copied(values: &StringArray) -> PlainTexts {
    let mut texts = PlainTexts::new();
    values
        .iter()
        .for_each(|text| texts.push(text.unwrap_or("")));
    texts.shrink();
    texts
}

/// No spelling: BLANK, or a word that no row has.
const NONE: u32 = u32::MAX;

/// For each of the words the number of its spelling, and the spellings in order of first mention.
fn intern(words: &[Words]) -> (Vec<Vec<u32>>, Vec<&str>) {
    let mut numbers: FastMap<&str, u32> = FastMap::default();
    let mut spellings = Vec::new();
    let mut ids = Vec::with_capacity(words.len());
    for words in words {
        let mut own = Vec::with_capacity(words.texts.len());
        own.push(NONE);
        for place in 1..words.texts.len() {
            own.push(if words.used[place] {
                let text = words.texts.get(place);
                *numbers.entry(text).or_insert_with(|| {
                    spellings.push(text);
                    spellings.len() as u32 - 1
                })
            } else {
                NONE
            });
        }
        ids.push(own);
    }
    (ids, spellings)
}

/// The numbers of the spellings in the order of the collation, with their keys.
fn in_order<'a>(spellings: &[&'a str]) -> Vec<(u32, Cow<'a, str>)> {
    let keys = spellings.iter().map(|text| collation_key(text));
    let mut order: Vec<(u128, u32, Cow<'a, str>)> = (0..)
        .zip(keys)
        .map(|(number, key)| (order_prefix(&key), number, key))
        .collect();
    // The first bytes of what orders a text tell most of them apart, in a fraction of the time of comparing them.
    order.sort_unstable_by(|(p, a, x), (q, b, y)| {
        let order = p.cmp(q).then_with(|| compare_keys(x, y));
        order.then(a.cmp(b))
    });
    order.into_iter().map(|(_, id, key)| (id, key)).collect()
}

/// Codes that rows spell in several ways.
struct Spelled {
    /// Ascending by code: the spellings of each, that of its first row first.
    groups: Vec<(u32, Vec<u32>)>,
    /// By spelling, its place in its group; 0 for all others too.
    places: FastMap<u32, u32>,
}

impl Spelled {
    fn new(
        mut groups: Vec<(u32, Vec<u32>)>,
        ids: &[Vec<u32>],
        blocks: &[(usize, Codes)],
    ) -> Option<Spelled> {
        if groups.is_empty() {
            return None;
        }
        let mut rows: FastMap<u32, u32> = groups
            .iter()
            .flat_map(|(_, group)| group)
            .map(|id| (*id, u32::MAX))
            .collect();
        let mut row = 0u32;
        for (place, codes) in blocks {
            for code in codes.iter() {
                if let Some(first) = rows.get_mut(&ids[*place][code as usize]) {
                    *first = (*first).min(row);
                }
                row += 1;
            }
        }
        let mut places = FastMap::default();
        for (_, group) in &mut groups {
            group.sort_unstable_by_key(|id| rows[id]);
            places.extend((0u32..).zip(group.iter()).map(|(place, id)| (*id, place)));
        }
        Some(Spelled { groups, places })
    }

    fn first_of(&self, code: u32) -> Option<u32> {
        let place = self
            .groups
            .binary_search_by_key(&code, |(code, _)| *code)
            .ok()?;
        self.groups[place].1.first().copied()
    }

    fn variants(
        &self,
        spellings: &[&str],
        ids: &[Vec<u32>],
        blocks: &[(usize, Codes)],
    ) -> Variants {
        let mut rows = RoaringBitmap::new();
        let mut used = Vec::new();
        let mut row = 0u32;
        for (place, codes) in blocks {
            for code in codes.iter() {
                if let Some(place) = self
                    .places
                    .get(&ids[*place][code as usize])
                    .filter(|p| **p > 0)
                {
                    rows.insert(row);
                    used.push(*place);
                }
                row += 1;
            }
        }
        rows.optimize();
        let most = used.iter().copied().max().unwrap_or(0);
        let texts = self.groups.iter().map(|(code, group)| {
            let further = group[1..].iter().map(|id| spellings[*id as usize].into());
            (*code, further.collect())
        });
        Variants {
            texts: texts.collect(),
            rows,
            places: Codes::pack(most + 1, used.into_iter()),
        }
    }
}
