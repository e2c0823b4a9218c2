//! SUMMARIZECOLUMNS: groups that exist together, expressions in the filter context of each group, and only the rows where
//! one of them has a value.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use security::{Column, PathColumn, Table, Target};

use super::{Evaluator, Outcome};
use crate::batch::{Batch, Frame};
use crate::bound::{
    FilterArgument, Reduction, Removal, Scalar, ScalarKind, Schema, SummarizeColumns, TableKind,
    Variable, VariableBody,
};
use crate::context::{FilterContext, Item, Shadow};
use crate::table::{ColumnRows, TableRows};
use crate::value::Value;
use crate::vector::{Errors, Vector, merge_errors};

/// Up to this many combinations of group values are simply tried; beyond, only those that the facts hold.
const DENSE_COMBINATIONS: usize = 20_000;

/// Where an expression gets its values from: it is BLANK in every group without a row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Site {
    table: Table,
    /// The expression changes filters, so the groups are those of all visible rows.
    unfiltered: bool,
}

fn is_one_column(item: &Item) -> bool {
    matches!(item.targets.as_slice(), [Target::Column(_)])
}

impl<'a> Evaluator<'a> {
    pub fn summarize_columns(
        &self,
        summarize: &SummarizeColumns,
        schema: &Rc<Schema>,
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let mut parts = Vec::new();
        let mut errors = None;
        for levels in grouping_sets(summarize) {
            let (part, failed) = self.grouping_set(summarize, &levels, batch)?;
            parts.push(part);
            errors = merge_errors(&errors, &failed);
        }
        let mut out = self.stack(parts, schema, batch)?;
        out.errors = merge_errors(&out.errors, &errors);
        Ok(out)
    }

    /// The rows of one grouping set: of each ROLLUPADDISSUBTOTAL so many levels are shown. Rolled columns are BLANK, and flags
    /// tell of them.
    fn grouping_set(
        &self,
        summarize: &SummarizeColumns,
        levels: &[usize],
        outside: &Rc<Batch>,
    ) -> Outcome<(TableRows, Errors)> {
        let mut rolled = Vec::new();
        let mut filters = summarize.filters.clone();
        let mut group_filters = summarize.group_filters.clone();
        for (set, &level) in summarize.rollups.iter().zip(levels) {
            rolled.extend(
                set.levels
                    .iter()
                    .skip(level)
                    .flat_map(|r| r.groups.iter().copied()),
            );
            let (of_level, choosing) = match level.checked_sub(1).and_then(|k| set.levels.get(k)) {
                Some(shown) => (&shown.filters, &shown.group_filters),
                None => (&set.total_filters, &set.total_group_filters),
            };
            filters.extend(of_level.iter().cloned());
            group_filters.extend(choosing.iter().cloned());
        }
        let (batch, mut failed) = self.calculate(&filters, outside)?;
        let kept: Vec<usize> = (0..summarize.groups.len())
            .filter(|g| !rolled.contains(g))
            .collect();
        let groups: Vec<Column> = kept.iter().map(|&g| summarize.groups[g]).collect();
        let chooser = if group_filters.is_empty() {
            Rc::clone(&batch)
        } else {
            filters.extend(group_filters);
            let (chooser, errors) = self.calculate(&filters, outside)?;
            failed = merge_errors(&failed, &errors);
            chooser
        };
        let candidates = self
            .candidates(summarize, &groups, &chooser, &outside.filters)?
            .unshared();
        self.admit_rows(candidates.rows())?;
        let flat = candidates.flatten();
        let schema = Rc::new(self.schema_of_columns(&groups));
        let frame = Frame {
            id: summarize.frame,
            schema,
            rows: Rc::new(candidates.clone()),
            positions: Rc::clone(&flat.positions),
            keeps: false,
            read: RefCell::new(HashMap::new()),
        };
        let mut filters = batch.filters.take(&flat.contexts);
        filters.shadow = Some((
            Rc::new(Shadow {
                outer: Rc::clone(&batch.filters),
                rows: None,
            }),
            Rc::clone(&flat.contexts),
        ));
        filters.siblings = siblings_of(summarize);
        let given: Vec<_> = batch
            .filters
            .items
            .iter()
            .zip(&filters.items)
            .filter(|(item, _)| !outside.filters.items.iter().any(|i| Rc::ptr_eq(i, item)))
            .map(|(_, item)| Rc::clone(item))
            .collect();
        let iterated = batch.iterate(Rc::clone(&flat.contexts), filters, frame);
        let mut context = self.transition(&iterated)?;
        // The value of a group narrows a filter over several columns, and does not free the others: of the years and months that
        // are asked for together, each year keeps its own months.
        let narrowed = iterated.filters.items.iter().filter(|item| {
            let is_left = |known: &Rc<Item>| Rc::ptr_eq(known, item);
            !is_one_column(item) && !context.items.iter().any(is_left)
        });
        let narrowed: Vec<Rc<Item>> = narrowed.cloned().collect();
        context.items.extend(narrowed);
        let inner = iterated.refiltered(context);
        let inner = self.coalesced(summarize, &given, inner)?;
        let inner = self.wishing(&inner, summarize.columns.iter().map(|column| &column.expr));
        let count = flat.positions.len();
        let mut values = Vec::with_capacity(summarize.columns.len());
        for column in &summarize.columns {
            values.push(self.scalar(&column.expr, &inner)?);
        }
        let deciding: Vec<&Vector> = summarize
            .columns
            .iter()
            .zip(&values)
            .filter(|(c, _)| !c.ignore)
            .map(|(_, v)| v)
            .collect();
        // Without an expression that decides, every row stays.
        let keeps = |row: usize| {
            deciding.is_empty()
                || deciding
                    .iter()
                    .any(|v| !v.is_blank(row) || v.error(row).is_some())
        };
        let positions: Vec<u32> = (0..count as u32)
            .filter(|&row| keeps(row as usize))
            .collect();
        let mut offsets = vec![0u32];
        let mut next = 0usize;
        for i in 0..batch.len {
            let end = flat.offsets[i + 1];
            while positions.get(next).is_some_and(|&p| p < end) {
                next += 1;
            }
            offsets.push(next as u32);
        }
        let mut errors = None;
        let mut columns = Vec::new();
        for g in 0..summarize.groups.len() {
            columns.push(match kept.iter().position(|&k| k == g) {
                Some(at) => candidates.columns[at].take(&positions),
                None => ColumnRows::Values(Vector::blank(positions.len())),
            });
            for (set, &level) in summarize.rollups.iter().zip(levels) {
                if set.last_group() == Some(g) {
                    columns.extend((0..set.levels.len()).map(|k| {
                        let flag = Value::Boolean(k >= level);
                        ColumnRows::Values(Vector::constant(flag, positions.len()))
                    }));
                }
            }
        }
        for value in values {
            let mut value = value.take(&positions);
            let contexts: Vec<u32> = positions
                .iter()
                .map(|&p| flat.contexts[p as usize])
                .collect();
            errors = merge_errors(&errors, &super::iterate::by_context(&value, &contexts));
            value.errors = None;
            columns.push(ColumnRows::Values(value));
        }
        let rows = TableRows {
            offsets,
            segments: None,
            base: None,
            under: None,
            columns,
            errors,
        };
        Ok((rows, failed))
    }

    /// The combinations of group values to evaluate, context by context. Without expressions, what filters outside say of other tables
    /// chooses none, even where those tables are related: nothing is asked of them.
    fn candidates(
        &self,
        summarize: &SummarizeColumns,
        groups: &[Column],
        batch: &Rc<Batch>,
        outside: &FilterContext,
    ) -> Outcome<TableRows> {
        if groups.is_empty() {
            return Ok(TableRows {
                offsets: (0..=batch.len as u32).collect(),
                segments: None,
                base: None,
                under: None,
                columns: Vec::new(),
                errors: None,
            });
        }
        let several = groups
            .windows(2)
            .any(|pair| pair[0].table() != pair[1].table());
        let mut products = vec![1usize; batch.len];
        let mut dense = Vec::new();
        let mut tried = !several;
        for list in parts_of(groups) {
            let columns: Vec<Column> = list.iter().map(|&at| groups[at]).collect();
            let of_table = summarize.columns.is_empty().then(|| {
                let table = columns.first().map(|column| column.table());
                self.without_other_tables(&batch.filters, outside, table)
            });
            let filters = of_table.as_ref().unwrap_or(&batch.filters);
            let rows = self.value_rows(&columns, true, filters, batch.len)?;
            for (i, product) in products.iter_mut().enumerate() {
                *product = product.saturating_mul(rows.segment(i).len());
            }
            dense.push((list, rows));
            // As soon as there are too many combinations, the facts are asked which of them there are.
            if !tried && total(&products) > DENSE_COMBINATIONS {
                tried = true;
                if let Some(sparse) = self.sparse_candidates(summarize, groups, batch)? {
                    return Ok(sparse);
                }
            }
        }
        self.admit_rows(total(&products))?;
        self.cross(&dense, groups, batch.len)
    }

    /// The filters without those from outside that say nothing of this table.
    fn without_other_tables(
        &self,
        filters: &FilterContext,
        outside: &FilterContext,
        table: Option<Table>,
    ) -> FilterContext {
        let says = |item: &Item| {
            let edges = self.edges(item.relations(&filters.relations));
            item.targets.iter().any(|target| match target {
                Target::Column(column) => Some(column.table()) == table,
                Target::Row(of) => table.is_some_and(|t| edges.paths(*of, &[]).contains_key(&t)),
            })
        };
        // The rows of iterators outside are filters from outside too.
        let from_outside =
            |item: &Rc<Item>| item.grouping || outside.items.iter().any(|i| Rc::ptr_eq(i, item));
        let kept = filters
            .items
            .iter()
            .filter(|&item| !from_outside(item) || says(item));
        FilterContext {
            items: kept.cloned().collect(),
            ..filters.clone()
        }
    }

    fn cross(
        &self,
        parts: &[(Vec<usize>, TableRows)],
        groups: &[Column],
        contexts: usize,
    ) -> Outcome<TableRows> {
        let mut picks: Vec<Vec<u32>> = vec![Vec::new(); parts.len()];
        let mut offsets = vec![0u32];
        let watch = self.watch();
        for i in 0..contexts {
            let segments: Vec<std::ops::Range<usize>> =
                parts.iter().map(|(_, rows)| rows.segment(i)).collect();
            let total: usize = segments.iter().map(|s| s.len()).product();
            for k in 0..total {
                watch.step(1)?;
                let mut rest = k;
                for (part, segment) in segments.iter().enumerate().rev() {
                    picks[part].push((segment.start + rest % segment.len()) as u32);
                    rest /= segment.len();
                }
            }
            offsets.push(picks.first().map_or(0, |p| p.len() as u32));
        }
        let mut columns: Vec<Option<ColumnRows>> = vec![None; groups.len()];
        for ((list, rows), picks) in parts.iter().zip(&picks) {
            for (k, &at) in list.iter().enumerate() {
                columns[at] = Some(rows.columns[k].take(picks));
            }
        }
        Ok(TableRows {
            offsets,
            segments: None,
            base: None,
            under: None,
            columns: columns.into_iter().flatten().collect(),
            errors: None,
        })
    }

    /// The combinations that the facts hold, where every expression is BLANK without facts.
    fn sparse_candidates(
        &self,
        summarize: &SummarizeColumns,
        groups: &[Column],
        batch: &Rc<Batch>,
    ) -> Outcome<Option<TableRows>> {
        let mut sites: HashSet<Site> = HashSet::new();
        if summarize.columns.is_empty() || batch.len != 1 {
            return Ok(None);
        }
        for column in summarize.columns.iter().filter(|c| !c.ignore) {
            match self.sites(&column.expr, groups, &mut Vec::new()) {
                Some(found) => sites.extend(found),
                None => return Ok(None),
            }
        }
        let edges = self.edges(&batch.filters.relations);
        let mut minted: Vec<Vec<security::Codes>> = vec![Vec::new(); groups.len()];
        for site in sites {
            let paths = edges.paths(site.table, &[]);
            let keys: Option<Vec<PathColumn>> = groups
                .iter()
                .map(|c| {
                    paths.get(&c.table()).map(|path| PathColumn {
                        path: Arc::clone(path),
                        target: Target::Column(*c),
                    })
                })
                .collect();
            let Some(keys) = keys else { return Ok(None) };
            let unfiltered = FilterContext {
                relations: Rc::clone(&batch.filters.relations),
                ..FilterContext::default()
            };
            let filters = if site.unfiltered {
                &unfiltered
            } else {
                &*batch.filters
            };
            // What the expressions ask of the same groups is asked at once.
            let exprs = summarize.columns.iter().map(|column| &column.expr);
            let asked = self.wishing(&batch.bounded(), exprs);
            let aggregates = match &asked.wishes {
                Some(wishes) if !site.unfiltered => {
                    wishes.besides(site.table, &[]).cloned().collect()
                }
                _ => Vec::new(),
            };
            let grouped = self.grouped(filters, 1, site.table, keys, aggregates, &[])?;
            let members: Vec<u32> = grouped.list(0).collect();
            for (k, minted) in minted.iter_mut().enumerate() {
                minted.push(grouped.extra(k).take(&members));
            }
        }
        // The tuples, in order, as positions among the codes that the scans gave.
        let joined: Option<Vec<security::Codes>> = minted
            .iter()
            .map(|parts| security::Codes::concat(parts))
            .collect();
        let Some(joined) = joined else {
            return Ok(None);
        };
        let slices: Vec<&[u32]> = joined.iter().map(|codes| codes.as_slice()).collect();
        let total = slices.first().map_or(0, |s| s.len());
        let mut positions: Vec<u32> = (0..total as u32).collect();
        let key = |p: u32| slices.iter().map(move |s| s[p as usize]);
        self.watch()
            .sort(&mut positions, |a, b| key(a).cmp(key(b)))?;
        positions.dedup_by(|a, b| key(*a).eq(key(*b)));
        let count = positions.len() as u32;
        let columns = joined
            .iter()
            .map(|codes| ColumnRows::Coded(codes.take(&positions)))
            .collect();
        Ok(Some(TableRows {
            offsets: vec![0, count],
            segments: None,
            base: None,
            under: None,
            columns,
            errors: None,
        }))
    }

    /// The tables without whose rows an expression is BLANK; None where that is not known.
    fn sites(
        &self,
        expr: &Scalar,
        groups: &[Column],
        variables: &mut Vec<Variable>,
    ) -> Option<Vec<Site>> {
        let both = |a: Option<Vec<Site>>, b: Option<Vec<Site>>| -> Option<Vec<Site>> {
            let (mut a, b) = (a?, b?);
            a.extend(b);
            Some(a)
        };
        match &expr.kind {
            ScalarKind::Constant(value) if value.is_blank() => Some(Vec::new()),
            ScalarKind::Reduce {
                op, table, body, ..
            } => match &table.kind {
                TableKind::Base {
                    table,
                    blank_row: false,
                } if *op != Reduction::CountBlank
                    && body.as_ref().is_none_or(|b| b.is_of_row()) =>
                {
                    Some(vec![Site {
                        table: *table,
                        unfiltered: false,
                    }])
                }
                TableKind::Values { .. } | TableKind::Base { .. }
                    if matches!(
                        op,
                        Reduction::Sum | Reduction::Average | Reduction::Min | Reduction::Max
                    ) =>
                {
                    self.sites(body.as_ref()?, groups, variables)
                }
                _ => None,
            },
            ScalarKind::Measure { body, .. } if self.groups.is_empty() => {
                self.sites(body, groups, &mut Vec::new())
            }
            ScalarKind::Binary {
                op: dax::BinaryOp::Add | dax::BinaryOp::Subtract,
                left,
                right,
            } => both(
                self.sites(left, groups, variables),
                self.sites(right, groups, variables),
            ),
            ScalarKind::Binary {
                op: dax::BinaryOp::Multiply,
                left,
                right,
            } => self
                .sites(left, groups, variables)
                .or_else(|| self.sites(right, groups, variables)),
            ScalarKind::Binary {
                op: dax::BinaryOp::Divide,
                left,
                ..
            } => self.sites(left, groups, variables),
            ScalarKind::Negate(operand) => self.sites(operand, groups, variables),
            ScalarKind::Call {
                function,
                arguments,
            } if function.name == "DIVIDE" => self.sites(arguments.first()?, groups, variables),
            ScalarKind::If {
                then, otherwise, ..
            } => match otherwise {
                None => self.sites(then, groups, variables),
                Some(otherwise) => both(
                    self.sites(then, groups, variables),
                    self.sites(otherwise, groups, variables),
                ),
            },
            ScalarKind::Let {
                variables: list,
                body,
            } => {
                variables.extend(list.iter().cloned());
                self.sites(body, groups, variables)
            }
            ScalarKind::Variable(id) => match variables
                .iter()
                .find(|v| v.id == *id)
                .map(|v| v.body.clone())?
            {
                VariableBody::Scalar(body) => self.sites(&body, groups, variables),
                VariableBody::Table(_) => None,
            },
            ScalarKind::Calculate { body, filters } => {
                if !filters
                    .iter()
                    .all(|filter| self.leaves_groups(filter, groups))
                {
                    return None;
                }
                let found = self.sites(body, groups, variables)?;
                Some(
                    found
                        .into_iter()
                        .map(|site| Site {
                            unfiltered: site.unfiltered || !filters.is_empty(),
                            ..site
                        })
                        .collect(),
                )
            }
            _ => None,
        }
    }

    /// Whether a filter argument leaves the filters on the group columns as they are.
    fn leaves_groups(&self, filter: &FilterArgument, groups: &[Column]) -> bool {
        let free = |columns: &[Column]| {
            !columns
                .iter()
                .any(|c| groups.iter().any(|g| g.table() == c.table()))
        };
        match filter {
            FilterArgument::Predicate { columns, .. } => free(columns),
            FilterArgument::Table { table, .. } => {
                table.schema.base.is_none()
                    && free(
                        &table
                            .schema
                            .fields
                            .iter()
                            .filter_map(|f| f.lineage)
                            .collect::<Vec<_>>(),
                    )
            }
            FilterArgument::Remove(Removal::Columns(columns)) => free(columns),
            // Which relationships are in force is not known here, so all count.
            FilterArgument::Remove(Removal::Table(table)) => {
                let leads = |group: &Column| self.could_lead(*table, group.table());
                !groups.iter().any(leads)
            }
            _ => false,
        }
    }
}

fn total(products: &[usize]) -> usize {
    products.iter().copied().fold(0, usize::saturating_add)
}

/// The groups of each table, as places among the groups.
fn parts_of(groups: &[Column]) -> Vec<Vec<usize>> {
    let mut parts: Vec<(Table, Vec<usize>)> = Vec::new();
    for (at, column) in groups.iter().enumerate() {
        match parts.iter_mut().find(|(table, _)| *table == column.table()) {
            Some((_, list)) => list.push(at),
            None => parts.push((column.table(), vec![at])),
        }
    }
    parts.into_iter().map(|(_, list)| list).collect()
}

/// The measures among the expressions, where there are several.
fn siblings_of(summarize: &SummarizeColumns) -> Option<Rc<Vec<Rc<Scalar>>>> {
    let measures = summarize.columns.iter().filter_map(|c| match &c.expr.kind {
        ScalarKind::Measure { body, .. } => Some(Rc::clone(body)),
        _ => None,
    });
    let measures: Vec<Rc<Scalar>> = measures.collect();
    (measures.len() > 1).then(|| Rc::new(measures))
}

/// All combinations of the levels of the rollups, from the detail to the grand total.
fn grouping_sets(summarize: &SummarizeColumns) -> Vec<Vec<usize>> {
    let mut sets = vec![Vec::new()];
    for rollup in &summarize.rollups {
        sets = sets
            .iter()
            .flat_map(|levels: &Vec<usize>| {
                (0..=rollup.levels.len()).rev().map(move |level| {
                    let mut longer = levels.clone();
                    longer.push(level);
                    longer
                })
            })
            .collect();
    }
    sets
}
