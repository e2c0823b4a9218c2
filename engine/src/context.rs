//! The filter context of a batch: sets of columns with the values that they may take, shared by all contexts or one
//! by one.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use roaring::RoaringBitmap;
use security::{Column, Relationship, Table, Target};

use crate::bound::{CrossFilterMode, MeasureRef, Scalar, Schema};
use crate::table::TableRows;

/// The code that no row has: of a value that the column does not hold.
pub const ABSENT: u32 = u32::MAX;

/// A set of codes of one target, or of tuples of codes of several.
#[derive(Clone, Debug, PartialEq)]
pub enum Set {
    Codes(Arc<RoaringBitmap>),
    /// Codes from `low` up to, not including, `high`; BLANK apart.
    Range {
        low: u32,
        high: u32,
        blank: bool,
    },
    /// Row-major, sorted, distinct.
    Tuples {
        width: usize,
        codes: Arc<Vec<u32>>,
    },
}

impl Set {
    pub fn contains(&self, tuple: &[u32]) -> bool {
        match self {
            Set::Codes(codes) => tuple.first().is_some_and(|&c| codes.contains(c)),
            Set::Range { low, high, blank } => tuple.first().is_some_and(|&c| {
                if c == 0 {
                    *blank
                } else {
                    (*low..*high).contains(&c)
                }
            }),
            Set::Tuples { width, codes } => {
                let (mut low, mut high) = (0, codes.len() / (*width).max(1));
                while low < high {
                    let middle = (low + high) / 2;
                    match codes[middle * width..(middle + 1) * width].cmp(tuple) {
                        std::cmp::Ordering::Less => low = middle + 1,
                        std::cmp::Ordering::Greater => high = middle,
                        std::cmp::Ordering::Equal => return true,
                    }
                }
                false
            }
        }
    }

    /// A set over one target from codes in any order.
    pub fn of_codes(codes: impl IntoIterator<Item = u32>) -> Set {
        Set::Codes(Arc::new(codes.into_iter().collect()))
    }

    /// A set over one target from codes that often are consecutive, as the days of a period are; beside them the blank row, which is the last.
    pub fn of_run(codes: &[u32]) -> Set {
        let known = codes.strip_suffix(&[ABSENT]).unwrap_or(codes);
        let (mut ascends, mut gaps) = (true, 0);
        for pair in known.windows(2) {
            ascends &= pair[0] < pair[1];
            gaps += usize::from(pair[0].wrapping_add(1) != pair[1]);
        }
        match known {
            [first, .., last] if ascends && gaps == 0 && known.len() == codes.len() => Set::Range {
                low: (*first).max(1),
                high: last + 1,
                blank: *first == 0,
            },
            [_, ..] if ascends && gaps <= known.len() / 16 => {
                let mut set = RoaringBitmap::new();
                for run in known.chunk_by(|a, b| a.wrapping_add(1) == *b) {
                    if let (Some(first), Some(last)) = (run.first(), run.last()) {
                        set.insert_range(*first..=*last);
                    }
                }
                Set::Codes(Arc::new(set))
            }
            _ => Set::of_codes(codes.iter().copied().filter(|&code| code != ABSENT)),
        }
    }

    /// A set of tuples from row-major codes in any order.
    pub fn of_tuples(width: usize, codes: &[u32]) -> Set {
        if width == 1 {
            return Set::of_codes(codes.iter().copied());
        }
        let mut rows: Vec<&[u32]> = codes.chunks_exact(width).collect();
        rows.sort_unstable();
        rows.dedup();
        Set::Tuples {
            width,
            codes: Arc::new(rows.concat()),
        }
    }

    /// The set as a bitmap of codes; only of one target.
    pub fn bitmap(&self) -> Arc<RoaringBitmap> {
        match self {
            Set::Codes(codes) => Arc::clone(codes),
            Set::Range { low, high, blank } => {
                let mut bits = RoaringBitmap::new();
                if low < high {
                    bits.insert_range(*low..*high);
                }
                if *blank {
                    bits.insert(0);
                }
                Arc::new(bits)
            }
            Set::Tuples { width, codes } => {
                Arc::new(codes.iter().step_by((*width).max(1)).copied().collect())
            }
        }
    }

    /// The tuples without all columns but those at `positions`.
    pub fn project(&self, positions: &[usize]) -> Set {
        match self {
            Set::Tuples { width, codes } => {
                let projected: Vec<u32> = codes
                    .chunks_exact(*width)
                    .flat_map(|row| positions.iter().map(|&p| row[p]))
                    .collect();
                Set::of_tuples(positions.len(), &projected)
            }
            single => single.clone(),
        }
    }

    pub fn key(&self) -> Vec<u32> {
        match self {
            Set::Codes(codes) => std::iter::once(0).chain(codes.iter()).collect(),
            Set::Range { low, high, blank } => vec![1, *low, *high, u32::from(*blank)],
            Set::Tuples { codes, .. } => std::iter::once(2).chain(codes.iter().copied()).collect(),
        }
    }
}

/// Filters on some targets at once. All items of a context hold together.
#[derive(Clone, Debug)]
pub struct Item {
    pub targets: Vec<Target>,
    pub kind: Kind,
    /// Columns of the expanded table that a `Row` target no longer filters.
    pub cut: Rc<Vec<Column>>,
    /// The relationships over which a `Row` target expands, where they are not those of the filter context.
    pub under: Option<Rc<Relations>>,
    /// The values come from the current row of a grouping or an iterator: what ISINSCOPE asks for.
    pub grouping: bool,
}

#[derive(Clone, Debug)]
pub enum Kind {
    /// The same in all contexts.
    Shared(Rc<Set>),
    /// One tuple a context: a vector of codes for each target.
    Key(Vec<Rc<[u32]>>),
    /// A set a context, by index.
    Varying {
        sets: Rc<Vec<Rc<Set>>>,
        index: Rc<[u32]>,
    },
}

impl Item {
    pub fn shared(targets: Vec<Target>, set: Set) -> Rc<Item> {
        Rc::new(Item {
            targets,
            kind: Kind::Shared(Rc::new(set)),
            cut: Rc::default(),
            under: None,
            grouping: false,
        })
    }

    pub fn key(targets: Vec<Target>, codes: Vec<Rc<[u32]>>) -> Rc<Item> {
        Rc::new(Item {
            targets,
            kind: Kind::Key(codes),
            cut: Rc::default(),
            under: None,
            grouping: false,
        })
    }

    /// The values of current rows, as a context transition makes them filters.
    pub fn of_rows(targets: Vec<Target>, codes: Vec<Rc<[u32]>>) -> Rc<Item> {
        Rc::new(Item {
            targets,
            kind: Kind::Key(codes),
            cut: Rc::default(),
            under: None,
            grouping: true,
        })
    }

    /// Sets by context; equal sets are kept once, and one set for all contexts is shared.
    pub fn varying(targets: Vec<Target>, sets: Vec<Set>, index: Option<&[u32]>) -> Rc<Item> {
        let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut kept: Vec<Rc<Set>> = Vec::new();
        let of: Vec<u32> = sets
            .into_iter()
            .map(|set| {
                *known.entry(set.key()).or_insert_with(|| {
                    kept.push(Rc::new(set));
                    kept.len() as u32 - 1
                })
            })
            .collect();
        let index: Rc<[u32]> = match index {
            Some(index) => index.iter().map(|&i| of[i as usize]).collect(),
            None => of.into(),
        };
        let kind = match kept.as_slice() {
            [only] => Kind::Shared(Rc::clone(only)),
            _ => Kind::Varying {
                sets: Rc::new(kept),
                index,
            },
        };
        Rc::new(Item {
            targets,
            kind,
            cut: Rc::default(),
            under: None,
            grouping: false,
        })
    }

    /// The relationships over which the item expands in a context with these.
    pub fn relations<'r>(&'r self, of_context: &'r Relations) -> &'r Relations {
        self.under.as_deref().unwrap_or(of_context)
    }

    fn take(self: &Rc<Self>, positions: &[u32]) -> Rc<Item> {
        let kind = match &self.kind {
            Kind::Shared(_) => return Rc::clone(self),
            Kind::Key(codes) => Kind::Key(
                codes
                    .iter()
                    .map(|codes| positions.iter().map(|&p| codes[p as usize]).collect())
                    .collect(),
            ),
            Kind::Varying { sets, index } => Kind::Varying {
                sets: Rc::clone(sets),
                index: positions.iter().map(|&p| index[p as usize]).collect(),
            },
        };
        Rc::new(Item {
            targets: self.targets.clone(),
            kind,
            ..(**self).clone()
        })
    }

    /// The item on the targets at `positions` only.
    pub fn project(&self, positions: &[usize]) -> Item {
        let targets = positions.iter().map(|&p| self.targets[p]).collect();
        let kind = match &self.kind {
            Kind::Shared(set) => Kind::Shared(Rc::new(set.project(positions))),
            Kind::Key(codes) => {
                Kind::Key(positions.iter().map(|&p| Rc::clone(&codes[p])).collect())
            }
            Kind::Varying { sets, index } => {
                let sets = sets
                    .iter()
                    .map(|set| Rc::new(set.project(positions)))
                    .collect();
                Kind::Varying {
                    sets: Rc::new(sets),
                    index: Rc::clone(index),
                }
            }
        };
        Item {
            targets,
            kind,
            ..self.clone()
        }
    }

    /// Whether context `i` admits this tuple of codes.
    pub fn admits(&self, i: usize, tuple: &[u32]) -> bool {
        match &self.kind {
            Kind::Shared(set) => set.contains(tuple),
            Kind::Key(codes) => codes
                .iter()
                .zip(tuple)
                .all(|(codes, code)| codes[i] == *code),
            Kind::Varying { sets, index } => sets[index[i] as usize].contains(tuple),
        }
    }
}

/// What USERELATIONSHIP and CROSSFILTER changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Relations {
    /// With what each weighs where several ways lead to a table.
    pub activated: Vec<(Relationship, u32)>,
    pub cross: Vec<(Relationship, CrossFilterMode)>,
}

impl Relations {
    /// What an activated relationship weighs: more, the further inside it is named. None: it is not activated.
    pub fn weight(&self, relationship: Relationship) -> Option<u32> {
        let mut activated = self.activated.iter();
        let found = activated.find(|(known, _)| *known == relationship);
        found.map(|(_, weight)| *weight)
    }

    /// What USERELATIONSHIP chose, without what CROSSFILTER says of how filters flow.
    pub fn uncrossed(&self) -> Relations {
        Relations {
            activated: self.activated.clone(),
            cross: Vec::new(),
        }
    }

    /// What the relationships weigh that the next CALCULATE activates.
    pub fn next_weight(&self) -> u32 {
        let weights = self.activated.iter().map(|(_, weight)| *weight);
        weights.max().unwrap_or(0) + 1
    }

    /// Makes the weights as small as their order allows: what is activated twice is no other state than what is activated once.
    pub fn compact(&mut self) {
        let mut weights: Vec<u32> = self.activated.iter().map(|(_, weight)| *weight).collect();
        weights.sort_unstable();
        weights.dedup();
        for (_, weight) in &mut self.activated {
            let lighter = weights.partition_point(|known| *known < *weight);
            *weight = lighter as u32 + 1;
        }
    }
}

/// The filter context as it was before an iterator, or SUMMARIZECOLUMNS, gave its rows to a context transition: what ALLSELECTED
/// brings back.
#[derive(Debug)]
pub struct Shadow {
    /// Aligned with the contexts that the iterator ran in.
    pub outer: Rc<FilterContext>,
    /// The rows iterated; None for SUMMARIZECOLUMNS.
    pub rows: Option<Iterated>,
}

/// The rows that an iterator goes through.
#[derive(Debug)]
pub struct Iterated {
    pub rows: Rc<TableRows>,
    pub schema: Rc<Schema>,
    /// The fields that are columns of the model, with their places.
    pub columns: Vec<(usize, Column)>,
    /// They stand under KEEPFILTERS: what filtered their columns before holds beside them.
    pub keeps: bool,
}

/// What calculation items see.
#[derive(Clone, Debug)]
pub struct Selected {
    pub measure: MeasureRef,
    pub body: Rc<Scalar>,
}

#[derive(Clone, Debug, Default)]
pub struct FilterContext {
    pub items: Vec<Rc<Item>>,
    pub relations: Rc<Relations>,
    /// With the context of the outer batch that each context here came from.
    pub shadow: Option<(Rc<Shadow>, Rc<[u32]>)>,
    pub selected: Option<Rc<Selected>>,
    /// Calculation groups whose item has been applied to the selected measure.
    pub applied: Rc<Vec<Table>>,
    /// The measures that SUMMARIZECOLUMNS evaluates in the same contexts: the same items apply to them.
    pub siblings: Option<Rc<Vec<Rc<Scalar>>>>,
}

impl FilterContext {
    pub fn take(&self, positions: &[u32]) -> FilterContext {
        FilterContext {
            items: self.items.iter().map(|item| item.take(positions)).collect(),
            shadow: self.shadow.as_ref().map(|(shadow, map)| {
                (
                    Rc::clone(shadow),
                    positions.iter().map(|&p| map[p as usize]).collect(),
                )
            }),
            ..self.clone()
        }
    }
}
