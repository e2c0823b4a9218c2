//! Which wider scan to run in place of a scan, so that the same question with other values on a slicer needs no scan.
//!
//! Two things are remembered. For each visibility and shape (a table, keys, aggregates) what was asked lately: the filters, as digests. And for
//! each shape, over all for whom the same objects exist and row filters bear on the same tables, which columns changed from one question to
//! the next: templates, which hold columns and costs, and never anything of the values of a filter.

use std::collections::{BTreeSet, VecDeque};

use storage::{Filter, PathColumn, Scan};

/// Questions of one shape that are remembered of one visibility, and wider scans made for it.
const MOST_RECENT: usize = 6;
const MOST_WIDES: usize = 6;
const MOST_TEMPLATES: usize = 8;
/// Filters and keys of a scan for which a wider one is looked for.
const MOST_PARTS: usize = 12;
/// Columns besides the keys that may have changed at one time, and that a template is open in.
const MOST_CHANGED: usize = 3;
const MOST_OPEN: usize = 4;
/// Wider scans that are never used may cost so many times what the last one did.
const CREDIT: i64 = 3;

/// What is remembered of one shape takes no more bytes, about.
pub(crate) const REMEMBERED_BYTES: u64 = 24 << 10;

/// One filter: its columns, and a digest of all it says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub columns: Vec<PathColumn>,
    pub digest: [u8; 32],
}

/// What one visibility has asked in one shape.
#[derive(Default)]
pub(crate) struct Looks {
    recent: VecDeque<Look>,
    wides: VecDeque<Wide>,
}

struct Look {
    parts: Vec<Part>,
    /// What its scan cost.
    cost: i64,
}

/// A wider scan that was made.
#[derive(Clone)]
pub(crate) struct Wide {
    /// The filters that it has.
    fixed: Vec<[u8; 32]>,
    keys: BTreeSet<PathColumn>,
    template: u64,
    /// Where its cube is kept. None: it has none, for it would be too large.
    pub cube: Option<[u8; 32]>,
}

/// The columns of a shape that change, and those of the filters that do not.
#[derive(Debug)]
pub(crate) struct Template {
    number: u64,
    fixed: Vec<Vec<PathColumn>>,
    open: BTreeSet<PathColumn>,
    /// What cubes have saved, less what they cost more to make than what was asked.
    balance: i64,
    /// What a scan as it was asked costs, and what the wider one did.
    narrow: i64,
    wide: i64,
}

/// The templates of one shape.
#[derive(Default)]
pub(crate) struct Shape {
    templates: Vec<Template>,
    made: u64,
}

/// What to do about a scan.
pub(crate) enum Choice {
    /// Ask the cube with this key; the filters at these places are in it.
    Kept {
        wide: Wide,
        fixed: Vec<bool>,
    },
    /// Make a cube: the scan that has the filters at these places, by all these keys.
    Make {
        template: u64,
        fixed: Vec<bool>,
        keys: BTreeSet<PathColumn>,
    },
    AsAsked,
}

/// The filters of a scan with their digests. None: there are too many.
pub(crate) fn parts(scan: &Scan, digests: &[[u8; 32]]) -> Option<Vec<Part>> {
    let part = |(filter, digest): (&Filter, &[u8; 32])| Part {
        columns: match filter {
            Filter::In { column, .. } => vec![column.clone()],
            Filter::Tuples { columns, .. } => columns.clone(),
        },
        digest: *digest,
    };
    let parts: Vec<Part> = scan.filters.iter().zip(digests).map(part).collect();
    let columns: usize = parts.iter().map(|part| part.columns.len()).sum();
    (columns <= MOST_PARTS && scan.keys.len() <= MOST_PARTS).then_some(parts)
}

/// Which parts are among these filters.
fn among(parts: &[Part], fixed: &[[u8; 32]]) -> Vec<bool> {
    let is_fixed = |part: &Part| fixed.contains(&part.digest);
    parts.iter().map(is_fixed).collect()
}

fn digests(parts: &[Part], fixed: &[bool]) -> Vec<[u8; 32]> {
    let fixed = parts.iter().zip(fixed).filter(|(_, fixed)| **fixed);
    fixed.map(|(part, _)| part.digest).collect()
}

fn columns_of<'p>(
    parts: &'p [Part],
    fixed: &'p [bool],
) -> impl Iterator<Item = &'p PathColumn> + 'p {
    let loose = parts.iter().zip(fixed).filter(|(_, fixed)| !**fixed);
    loose.flat_map(|(part, _)| &part.columns)
}

impl Wide {
    /// Which filters of the scan the wider one has, if the others read its keys alone.
    fn fits(&self, parts: &[Part]) -> Option<Vec<bool>> {
        let has = |digest: &[u8; 32]| parts.iter().any(|part| part.digest == *digest);
        let fixed = among(parts, &self.fixed);
        let fits = self.fixed.iter().all(has)
            && columns_of(parts, &fixed).all(|column| self.keys.contains(column));
        fits.then_some(fixed)
    }
}

impl Template {
    /// Which filters of a scan with these keys stay as they are, if the others read what is open. Of several filters of one column the
    /// first ones stay: a visual's own come before those that a report adds.
    fn fits(&self, parts: &[Part], keys: &[PathColumn]) -> Option<Vec<bool>> {
        let mut left = self.fixed.clone();
        let mut take = |part: &Part| {
            let place = left.iter().position(|columns| *columns == part.columns);
            place.map(|place| left.swap_remove(place)).is_some()
        };
        let fixed: Vec<bool> = parts.iter().map(&mut take).collect();
        let opens = |column: &PathColumn| self.open.contains(column) || keys.contains(column);
        (left.is_empty() && columns_of(parts, &fixed).all(opens)).then_some(fixed)
    }

    fn is_overdrawn(&self) -> bool {
        self.balance + CREDIT * self.wide < 0
    }

    /// The keys of its wider scan.
    fn keys(&self, parts: &[Part], fixed: &[bool], keys: &[PathColumn]) -> BTreeSet<PathColumn> {
        let columns = keys.iter().chain(columns_of(parts, fixed));
        columns.chain(&self.open).cloned().collect()
    }
}

impl Looks {
    /// A wider scan that answers this one, or is known to be too large to.
    fn wide(&self, parts: &[Part]) -> Option<(Wide, Vec<bool>)> {
        let fits = |wide: &Wide| Some((wide.clone(), wide.fits(parts)?));
        let kept = self.wides.iter().filter(|wide| wide.cube.is_some());
        kept.rev().find_map(fits)
    }

    fn refused(&self, fixed: &[[u8; 32]], keys: &BTreeSet<PathColumn>) -> bool {
        let same = |wide: &Wide| wide.cube.is_none() && wide.fixed == fixed && wide.keys == *keys;
        self.wides.iter().any(same)
    }

    /// The question asked lately that is most like this one: which filters both have, the columns of the others, and what it cost.
    fn nearest(
        &self,
        parts: &[Part],
        keys: &[PathColumn],
    ) -> Option<(Vec<bool>, BTreeSet<PathColumn>, i64)> {
        let difference = |look: &Look| {
            let theirs: Vec<[u8; 32]> = look.parts.iter().map(|part| part.digest).collect();
            let fixed = among(parts, &theirs);
            let mine: Vec<[u8; 32]> = parts.iter().map(|part| part.digest).collect();
            let others = among(&look.parts, &mine);
            let changed = columns_of(parts, &fixed).chain(columns_of(&look.parts, &others));
            let changed: BTreeSet<PathColumn> =
                changed.filter(|c| !keys.contains(c)).cloned().collect();
            let same = fixed.iter().all(|f| *f) && others.iter().all(|f| *f);
            (!same).then_some((fixed, changed, look.cost))
        };
        let near = self.recent.iter().rev().filter_map(difference);
        near.min_by_key(|(fixed, changed, _)| {
            let loose = fixed.iter().filter(|fixed| !**fixed).count();
            (changed.len(), loose)
        })
    }

    /// Whether something was asked that the same wider scan would have answered.
    fn would_have(&self, fixed: &[[u8; 32]], template: &Template, keys: &[PathColumn]) -> bool {
        self.recent.iter().any(|look| {
            let stays = template.fits(&look.parts, keys);
            stays.is_some_and(|stays| digests(&look.parts, &stays) == fixed)
        })
    }

    /// A scan was run as it was asked.
    pub fn asked(&mut self, parts: Vec<Part>, cost: i64) {
        self.recent.retain(|look| look.parts != parts);
        if self.recent.len() >= MOST_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(Look { parts, cost });
    }

    /// A wider scan was run. Without a cube it was too large.
    pub fn made(
        &mut self,
        parts: &[Part],
        fixed: &[bool],
        keys: BTreeSet<PathColumn>,
        template: u64,
        cube: Option<[u8; 32]>,
    ) {
        if self.wides.len() >= MOST_WIDES {
            self.wides.pop_front();
        }
        self.wides.push_back(Wide {
            fixed: digests(parts, fixed),
            keys,
            template,
            cube,
        });
    }

    /// Its cube is kept no longer.
    pub fn lost(&mut self, cube: &[u8; 32]) {
        self.wides.retain(|wide| wide.cube.as_ref() != Some(cube));
    }
}

impl Shape {
    /// What to do about a scan, and what follows from it for others of its shape.
    pub fn choose(&mut self, looks: &Looks, parts: &[Part], keys: &[PathColumn]) -> Choice {
        if let Some((wide, fixed)) = looks.wide(parts) {
            return Choice::Kept { wide, fixed };
        }
        self.learn(looks, parts, keys);
        // The widest first: what it answers no other has to.
        self.templates
            .sort_by_key(|template| std::cmp::Reverse(template.open.len()));
        for template in &mut self.templates {
            let Some(fixed) = template.fits(parts, keys) else {
                continue;
            };
            let wide_keys = template.keys(parts, &fixed, keys);
            let stays = digests(parts, &fixed);
            if looks.refused(&stays, &wide_keys) {
                continue;
            }
            let returns = looks.would_have(&stays, template, keys);
            if template.is_overdrawn() {
                // What it would have saved had it been made.
                template.balance += if returns { template.narrow } else { 0 };
                continue;
            }
            // Whoever has asked it before is likely to ask again. For others it is done where it has paid.
            if returns || template.balance > 0 {
                return Choice::Make {
                    template: template.number,
                    fixed,
                    keys: wide_keys,
                };
            }
        }
        Choice::AsAsked
    }

    /// Finds out from the question asked before what changes.
    fn learn(&mut self, looks: &Looks, parts: &[Part], keys: &[PathColumn]) {
        let Some((fixed, open, cost)) = looks.nearest(parts, keys) else {
            return;
        };
        let refused = |template: &Template, fixed: &[bool]| {
            let wide_keys = template.keys(parts, fixed, keys);
            looks.refused(&digests(parts, fixed), &wide_keys)
        };
        // What has changed is open in it.
        let knows = |template: &Template| {
            let fixed = template.fits(parts, keys).filter(|f| !refused(template, f));
            !template.is_overdrawn()
                && fixed.is_some_and(|f| looks.would_have(&digests(parts, &f), template, keys))
        };
        if open.len() > MOST_CHANGED || self.templates.iter().any(knows) {
            return;
        }
        let stays = parts.iter().zip(&fixed).filter(|(_, fixed)| **fixed);
        let stays: Vec<Vec<PathColumn>> = stays.map(|(part, _)| part.columns.clone()).collect();
        let may_grow = |template: &&Template| {
            let fixed = template.fits(parts, keys);
            !template.is_overdrawn() && !fixed.is_some_and(|fixed| refused(template, &fixed))
        };
        let mut growing = self.templates.iter().filter(may_grow);
        let joined = growing.find_map(|template| joined(template, &stays, &open, parts, keys));
        let (fixed, open) = joined.unwrap_or((stays, open));
        let is_known = |t: &Template| t.fixed == fixed && t.open == open;
        if self.templates.iter().any(is_known) {
            return;
        }
        if self.templates.len() >= MOST_TEMPLATES {
            let worst = self.templates.iter().enumerate();
            if let Some((place, _)) = worst.min_by_key(|(_, template)| template.balance) {
                self.templates.remove(place);
            }
        }
        self.made += 1;
        self.templates.push(Template {
            number: self.made,
            fixed,
            open,
            balance: 0,
            narrow: cost,
            wide: 0,
        });
    }

    fn template(&mut self, number: u64) -> Option<&mut Template> {
        let mut templates = self.templates.iter_mut();
        templates.find(|template| template.number == number)
    }

    /// A scan was run as it was asked.
    pub fn asked(&mut self, parts: &[Part], keys: &[PathColumn], cost: i64) {
        for template in &mut self.templates {
            if template.fits(parts, keys).is_some() {
                template.narrow += (cost - template.narrow) / 4;
            }
        }
    }

    /// A wider scan was run in its place at this cost. None: it was given up. Gives what the scan would have cost.
    pub fn made(&mut self, template: u64, cost: Option<i64>) -> i64 {
        let Some(template) = self.template(template) else {
            return 0;
        };
        template.wide = cost.unwrap_or(template.narrow);
        let spent = cost.map_or(template.narrow, |cost| cost - template.narrow);
        template.balance -= spent.max(0);
        template.narrow
    }

    /// A cube has answered at this cost. Gives what the scan would have cost.
    pub fn used(&mut self, wide: &Wide, cost: i64) -> i64 {
        let Some(template) = self.template(wide.template) else {
            return 0;
        };
        template.balance += (template.narrow - cost).max(0);
        template.narrow
    }
}

/// A template that is open in what either is, if that is not too much.
fn joined(
    template: &Template,
    stays: &[Vec<PathColumn>],
    open: &BTreeSet<PathColumn>,
    parts: &[Part],
    keys: &[PathColumn],
) -> Option<(Vec<Vec<PathColumn>>, BTreeSet<PathColumn>)> {
    let mut left = stays.to_vec();
    let mut both = template.fixed.clone();
    both.retain(|columns| {
        let place = left.iter().position(|other| other == columns);
        place.map(|place| left.swap_remove(place)).is_some()
    });
    let wider = Template {
        number: 0,
        open: template.open.union(open).cloned().collect(),
        fixed: both,
        balance: 0,
        narrow: 0,
        wide: 0,
    };
    // What it answered before it must still answer.
    let opens = |column: &PathColumn| wider.open.contains(column) || keys.contains(column);
    let mut dropped = template.fixed.clone();
    for columns in &wider.fixed {
        let place = dropped.iter().position(|other| other == columns)?;
        dropped.swap_remove(place);
    }
    let fits = wider.open.len() <= MOST_OPEN
        && dropped.iter().flatten().all(opens)
        && wider.fits(parts, keys).is_some();
    fits.then_some((wider.fixed, wider.open))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scans::tests::column;
    use storage::Target;

    /// Filters as column and value.
    fn parts(filters: &[(u32, u8)]) -> Vec<Part> {
        let part = |(of, value): &(u32, u8)| Part {
            columns: vec![column(*of)],
            digest: [*value ^ (*of as u8) << 4; 32],
        };
        filters.iter().map(part).collect()
    }

    /// One visibility that asks, at these costs, and what is done.
    struct Asking {
        looks: Looks,
        narrow: i64,
        wide: i64,
        fits: bool,
        keys: Vec<PathColumn>,
    }

    impl Asking {
        fn new(narrow: i64, wide: i64) -> Asking {
            Asking {
                looks: Looks::default(),
                narrow,
                wide,
                fits: true,
                keys: vec![column(9)],
            }
        }

        /// `-` is a scan as asked, the columns of a wider one as they are, and `=` an answer from one.
        fn ask(&mut self, shape: &mut Shape, filters: &[(u32, u8)]) -> String {
            let parts = parts(filters);
            match shape.choose(&self.looks, &parts, &self.keys) {
                Choice::Kept { wide, .. } => {
                    let cost = shape.used(&wide, 1);
                    self.looks.asked(parts, cost);
                    "=".to_owned()
                }
                Choice::Make {
                    template,
                    fixed,
                    keys,
                } => {
                    let open = keys.iter().map(|key| match key.target {
                        Target::Column(of) => of.to_string(),
                        Target::Row => "row".to_owned(),
                    });
                    let open = open.collect::<Vec<_>>().join(" ");
                    let cube = self.fits.then_some([1; 32]);
                    self.looks.made(&parts, &fixed, keys, template, cube);
                    let cost = shape.made(template, self.fits.then_some(self.wide));
                    self.looks.asked(parts, cost);
                    open
                }
                Choice::AsAsked => {
                    shape.asked(&parts, &self.keys, self.narrow);
                    self.looks.asked(parts, self.narrow);
                    "-".to_owned()
                }
            }
        }

        fn check(&mut self, shape: &mut Shape, asked: &[(&[(u32, u8)], &str)]) {
            for (filters, expected) in asked {
                assert_eq!(self.ask(shape, filters), *expected, "{filters:?}");
            }
        }
    }

    #[test]
    fn columns_that_change_are_opened_at_the_second_look() {
        Asking::new(10, 12).check(
            &mut Shape::default(),
            &[
                (&[(1, 1), (2, 1)], "-"),
                (&[(1, 1), (2, 2)], "2 9"),
                (&[(1, 1), (2, 3)], "="),
                (&[(1, 1)], "="),
                // A column more, and then both.
                (&[(1, 1), (2, 3), (3, 1)], "2 3 9"),
                (&[(1, 1), (3, 2)], "="),
                // What stayed changes too.
                (&[(1, 2), (3, 2)], "1 2 3 9"),
                (&[(1, 7), (2, 7), (3, 7)], "="),
                // Keys count for nothing.
                (&[(1, 7), (9, 1)], "="),
            ],
        );
    }

    #[test]
    fn of_two_filters_of_one_column_the_first_stays() {
        Asking::new(10, 12).check(
            &mut Shape::default(),
            &[
                (&[(1, 1)], "-"),
                (&[(1, 1), (1, 2)], "1 9"),
                (&[(1, 1), (1, 3)], "="),
            ],
        );
    }

    #[test]
    fn questions_that_have_little_in_common_teach_nothing() {
        Asking::new(10, 12).check(
            &mut Shape::default(),
            &[
                (&[(1, 1), (2, 1), (3, 1), (4, 1)], "-"),
                (&[(1, 2), (2, 2), (3, 2), (4, 2)], "-"),
                (&[(5, 1), (6, 2), (7, 2), (8, 2)], "-"),
            ],
        );
    }

    #[test]
    fn what_has_paid_is_done_for_others_at_first_sight() {
        let mut shape = Shape::default();
        let slicers: [&[(u32, u8)]; 3] = [&[(2, 1)], &[(2, 2)], &[(2, 3)]];
        let asked = |how: [&'static str; 3]| slicers.into_iter().zip(how).collect::<Vec<_>>();
        Asking::new(10, 18).check(&mut shape, &asked(["-", "2 9", "="]));
        Asking::new(10, 18).check(&mut shape, &asked(["2 9", "=", "="]));
        // Whoever never comes back is not helped, and so fewer are.
        for _ in 0..3 {
            Asking::new(10, 18).ask(&mut shape, slicers[0]);
        }
        assert_eq!(Asking::new(10, 18).ask(&mut shape, slicers[0]), "-");
    }

    #[test]
    fn what_costs_more_than_it_saves_is_given_up() {
        let mut shape = Shape::default();
        let made = |shape: &mut Shape| {
            let mut asking = Asking::new(1, 1000);
            let answers = [(2, 1), (2, 2)].map(|filter| asking.ask(shape, &[filter]));
            answers.iter().filter(|how| *how != "-").count()
        };
        let made: usize = (0..200).map(|_| made(&mut shape)).sum();
        assert!((2..8).contains(&made), "{made}");
    }

    #[test]
    fn what_is_too_large_is_not_tried_again() {
        let mut shape = Shape::default();
        let mut asking = Asking::new(10, 12);
        asking.fits = false;
        asking.check(
            &mut shape,
            &[(&[(2, 1)], "-"), (&[(2, 2)], "2 9"), (&[(2, 3)], "-")],
        );
        // It is for others to find out for themselves.
        Asking::new(10, 12).check(&mut shape, &[(&[(2, 1)], "-"), (&[(2, 2)], "2 9")]);
    }

    #[test]
    fn a_cube_that_is_gone_is_made_again() {
        let mut shape = Shape::default();
        let mut asking = Asking::new(10, 12);
        asking.check(
            &mut shape,
            &[(&[(2, 1)], "-"), (&[(2, 2)], "2 9"), (&[(2, 3)], "=")],
        );
        asking.looks.lost(&[1; 32]);
        asking.check(&mut shape, &[(&[(2, 4)], "2 9")]);
    }
}
