//! Table expressions over a batch.

use std::rc::Rc;
use std::sync::Arc;

use security::{Column, PathColumn, Table, Target};

use super::classes::Classes;
use super::shape::Wanted;
use super::watch::table_bytes;
use super::{Evaluator, Outcome, internal, operators};
use crate::batch::Batch;
use crate::bound::{FrameId, Scalar, TableExpr, TableKind};
use crate::context::{FilterContext, Kind};
use crate::table::{ColumnRows, TableRows};
use crate::vector::merge_errors;

impl<'a> Evaluator<'a> {
    pub fn table(&self, expr: &TableExpr, batch: &Rc<Batch>) -> Outcome<TableRows> {
        let _nested = self.enter()?;
        let held = self.held.get();
        let rows = self
            .table_kind(expr, batch)
            .map_err(|error| match expr.span {
                Some(span) => error.or_at(span),
                None => error,
            })?;
        self.admit_rows(rows.rows())?;
        self.keep_only(held, table_bytes(&rows))?;
        Ok(rows)
    }

    fn table_kind(&self, expr: &TableExpr, batch: &Rc<Batch>) -> Outcome<TableRows> {
        use TableKind as K;
        match &expr.kind {
            K::Base { table, blank_row } => {
                self.base_rows(*table, *blank_row, &batch.filters, batch.len)
            }
            K::Values { columns, blank_row } => {
                self.value_rows(columns, *blank_row, &batch.filters, batch.len)
            }
            K::AllRows { table, blank_row } => {
                self.base_rows(*table, *blank_row, &self.unfiltered(batch), batch.len)
            }
            K::AllValues { columns, blank_row } => {
                self.value_rows(columns, *blank_row, &self.unfiltered(batch), batch.len)
            }
            K::AllSelected { removal, table } => {
                let filters = self.all_selected(removal, batch)?;
                self.table(table, &batch.refiltered(filters))
            }
            K::Filters(column) => self.direct_filters(*column, batch),
            K::Filter {
                table,
                frame,
                condition,
            } => self.filter(table, *frame, condition, batch),
            K::Calculate { table, filters } => {
                let (inner, errors) = self.calculate(filters, batch)?;
                let mut rows = self.table(table, &inner)?;
                if inner.filters.relations != batch.filters.relations {
                    rows = rows.made_under(&inner.filters.relations);
                }
                Ok(TableRows {
                    errors: merge_errors(&rows.errors, &errors),
                    ..rows
                })
            }
            K::AddColumns {
                table,
                frame,
                columns,
            } => self.add_columns(table, *frame, columns, true, batch),
            K::SelectColumns {
                table,
                frame,
                columns,
            } => self.add_columns(table, *frame, columns, false, batch),
            K::Distinct(table) => self.distinct(table, batch),
            K::KeepFilters(table) => self.table(table, batch),
            K::Summarize(summarize) => self.summarize(summarize, &expr.schema, batch),
            K::SummarizeColumns(summarize) => {
                self.summarize_columns(summarize, &expr.schema, batch)
            }
            K::GroupBy {
                table,
                groups,
                frame,
                columns,
            } => self.group_by(table, groups, *frame, columns, batch),
            K::CrossJoin(tables) => self.cross_join(tables, batch),
            K::Generate {
                left,
                frame,
                right,
                all,
            } => self.generate(left, *frame, right, *all, batch),
            K::Union(tables) => self.union(tables, batch),
            K::Intersect(left, right) => self.intersect(left, right, true, batch),
            K::Except(left, right) => self.intersect(left, right, false, batch),
            K::NaturalJoin {
                left,
                right,
                on,
                outer,
            } => self.natural_join(left, right, on, *outer, batch),
            K::TopN {
                count,
                skip,
                table,
                frame,
                order,
            } => {
                let wanted = Wanted {
                    count,
                    skip: skip.as_deref(),
                };
                self.top_n(wanted, table, *frame, order, batch)
            }
            K::Row(values) => self.constructor(std::slice::from_ref(values), batch),
            K::Constructor(rows) => self.constructor(rows, batch),
            K::Series { start, end, step } => self.series(start, end, step.as_deref(), batch),
            K::Calendar { start, end } => self.calendar(start, end, batch),
            K::CalendarAuto {
                last_month,
                columns,
            } => self.calendar_auto(last_month.as_deref(), columns, batch),
            K::TreatAs { table } => self.treat_as(table, &expr.schema, batch),
            K::SubstituteWithIndex {
                table,
                index,
                on,
                frame,
                order,
            } => self.substitute_with_index(table, index, on, *frame, order, batch),
            K::Variable(id) => self.table_variable(batch, *id),
            K::Let { variables, body } => self.table(body, &batch.with_variables(variables)),
            K::Dates(dates) => self.dates(dates, batch),
            K::Moments(moments) => self.moments(moments, batch),
            K::NonBlank {
                values,
                frame,
                body,
                last,
            } => self.non_blank(values, *frame, body, *last, batch),
            K::Window(window) => self.window(window, batch),
            K::Regression(regression) => self.regression(regression, batch),
            K::Sample(sample) => self.sample(sample, batch),
            K::Information(table) => self.information(*table, batch),
            K::Rowset(name) => self.rowset(name, batch),
            K::QueryDependencies(text) => self.query_dependencies(text, batch),
            K::ColumnStatistics => self.column_statistics(batch),
            K::Empty => Ok(TableRows::shared(batch.len, 0, None, Vec::new())),
        }
    }

    /// No filters; the relationships stay as they are.
    fn unfiltered(&self, batch: &Batch) -> FilterContext {
        FilterContext {
            relations: Rc::clone(&batch.filters.relations),
            ..FilterContext::default()
        }
    }

    /// The rows of a model table in each context.
    pub fn base_rows(
        &self,
        table: Table,
        blank_row: bool,
        filters: &FilterContext,
        contexts: usize,
    ) -> Outcome<TableRows> {
        let row = PathColumn {
            path: Arc::from([]),
            target: Target::Row(table),
        };
        let grouped = self.grouped(filters, contexts, table, vec![row], Vec::new(), &[])?;
        let (offsets, members) = grouped.flattened();
        let mut rows = TableRows {
            offsets,
            segments: grouped.of_context.clone(),
            base: Some(grouped.extra(0).take(&members)),
            under: None,
            columns: vec![ColumnRows::Base; self.scope.columns(table).len()],
            errors: None,
        };
        if grouped.of_context.is_none() && grouped.lists() != contexts {
            rows.segments = Some(vec![0; contexts].into());
        }
        if blank_row
            && let Some((codes, admitted)) = self.admitted_blank_row(table, filters, contexts)?
        {
            rows = append_blank(
                rows,
                &admitted,
                |base, _| {
                    base.as_ref()
                        .and_then(|base| security::Codes::concat(&[base.clone(), codes.clone()]))
                },
                None,
            )?;
        }
        Ok(rows)
    }

    /// The distinct values of columns of one table in each context.
    pub fn value_rows(
        &self,
        columns: &[Column],
        blank_row: bool,
        filters: &FilterContext,
        contexts: usize,
    ) -> Outcome<TableRows> {
        let Some(first) = columns.first() else {
            return Ok(TableRows::shared(contexts, 0, None, Vec::new()));
        };
        let table = first.table();
        let extra: Vec<PathColumn> = columns
            .iter()
            .map(|c| PathColumn {
                path: Arc::from([]),
                target: Target::Column(*c),
            })
            .collect();
        let grouped = self.grouped(filters, contexts, table, extra, Vec::new(), &[])?;
        let (offsets, members) = distinct_members(&grouped, columns.len());
        let mut rows = TableRows {
            offsets,
            segments: grouped.of_context.clone(),
            base: None,
            under: None,
            columns: (0..columns.len())
                .map(|k| ColumnRows::Coded(grouped.extra(k).take(&members)))
                .collect(),
            errors: None,
        };
        if blank_row
            && let Some((codes, mut admitted)) =
                self.admitted_blank_row(table, filters, contexts)?
        {
            // A row that holds BLANK in all these columns is the blank row's equal: the values are listed once.
            let holds_blank: Vec<bool> = rows
                .offsets
                .windows(2)
                .map(|w| (w[0]..w[1]).any(|r| rows.columns.iter().all(|c| is_blank_code(c, r))))
                .collect();
            for (i, admitted) in admitted.iter_mut().enumerate() {
                *admitted &= !holds_blank[super::sets::segment_of(&rows, i) as usize];
            }
            let blank: Vec<security::Codes> = columns
                .iter()
                .map(|c| {
                    self.scope.fetch(
                        &codes,
                        &PathColumn {
                            path: Arc::from([]),
                            target: Target::Column(*c),
                        },
                        self.control,
                    )
                })
                .collect::<Result<_, _>>()?;
            rows = append_blank(rows, &admitted, |_, _| None, Some(&blank))?;
        }
        Ok(rows)
    }

    /// The blank row of a table, and in which contexts its filters admit it.
    fn admitted_blank_row(
        &self,
        table: Table,
        filters: &FilterContext,
        contexts: usize,
    ) -> Outcome<Option<(security::Codes, Vec<bool>)>> {
        let Some(codes) = self.blank_row(table)? else {
            return Ok(None);
        };
        let mut admitted = vec![true; contexts];
        for applied in self.applicable(filters, contexts, table, &[])? {
            let tuple: Vec<u32> = applied
                .columns
                .iter()
                .map(|column| {
                    Ok(self
                        .scope
                        .fetch(&codes, column, self.control)?
                        .as_slice()
                        .first()
                        .copied()
                        .unwrap_or(0))
                })
                .collect::<Outcome<_>>()?;
            if let Kind::Shared(set) = &applied.item.kind {
                if !set.contains(&tuple) {
                    return Ok(None);
                }
                continue;
            }
            for (i, admitted) in admitted.iter_mut().enumerate() {
                *admitted &= applied.item.admits(i, &tuple);
            }
        }
        Ok(admitted.contains(&true).then_some((codes, admitted)))
    }

    fn filter(
        &self,
        table: &TableExpr,
        frame: FrameId,
        condition: &Scalar,
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let all = Rc::new(self.table(table, batch)?);
        if let Some(found) = self.filter_by_codes(&all, table, frame, condition, batch)? {
            return Ok(found);
        }
        if let Some(classes) = self.condense(&all, table, frame, &[condition], batch)? {
            let rows = Rc::new(all.remap(&classes.representatives));
            let inner = batch.select(Rc::clone(&classes.representatives));
            let found = self.filter_rows(rows, table, frame, condition, &inner)?;
            return Ok(found.remap(&classes.of));
        }
        self.filter_rows(all, table, frame, condition, batch)
    }

    fn filter_rows(
        &self,
        all: Rc<TableRows>,
        table: &TableExpr,
        frame: FrameId,
        condition: &Scalar,
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let mut kept = Vec::new();
        let mut offsets = vec![0u32];
        let mut errors = all.errors.clone();
        for piece in self.pieces(Rc::clone(&all), batch) {
            let before = offsets.len() as u32 - 1;
            let iteration = self.iterate_rows(piece.rows, table, frame, &piece.batch)?;
            let truth = operators::booleans(&self.scalar(condition, &iteration.batch)?);
            let watch = self.watch();
            for i in 0..piece.batch.len {
                for row in iteration.flat.offsets[i]..iteration.flat.offsets[i + 1] {
                    watch.step(1)?;
                    if truth.get(row as usize).to_boolean().unwrap_or(false) {
                        kept.push(iteration.flat.positions[row as usize]);
                    }
                }
                offsets.push(kept.len() as u32);
            }
            let contexts: Vec<u32> = iteration.flat.contexts.iter().map(|c| before + c).collect();
            errors = merge_errors(&errors, &super::iterate::by_context(&truth, &contexts));
        }
        let mut rows = all.take(&kept, offsets);
        rows.errors = errors;
        Ok(rows)
    }

    fn add_columns(
        &self,
        table: &TableExpr,
        frame: FrameId,
        columns: &[Scalar],
        keep: bool,
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let rows = Rc::new(self.table(table, batch)?);
        let bodies: Vec<&Scalar> = columns.iter().collect();
        if let Some(classes) = self.condense(&rows, table, frame, &bodies, batch)? {
            let rows = Rc::new(rows.remap(&classes.representatives));
            let inner = batch.select(Rc::clone(&classes.representatives));
            let found = self.with_columns(rows, table, frame, columns, keep, &inner)?;
            return Ok(found.remap(&classes.of));
        }
        self.with_columns(rows, table, frame, columns, keep, batch)
    }

    fn with_columns(
        &self,
        rows: Rc<TableRows>,
        table: &TableExpr,
        frame: FrameId,
        columns: &[Scalar],
        keep: bool,
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let iteration = self.iterate_rows(rows, table, frame, batch)?;
        let flat = &iteration.flat;
        let mut rows = self.spread_rows(&iteration.rows, &flat.positions, flat.offsets.clone())?;
        let mut added = Vec::with_capacity(columns.len());
        for column in columns {
            // A column taken over as it is keeps its codes.
            if let crate::bound::ScalarKind::Field { frame: of, index } = &column.kind
                && *of == frame
                && let Some(codes) = self.column_codes(&rows, &table.schema, *index)?
            {
                added.push(ColumnRows::Coded(codes));
                continue;
            }
            let mut vector = self.scalar(column, &iteration.batch)?;
            rows.errors = merge_errors(
                &rows.errors,
                &super::iterate::by_context(&vector, &iteration.flat.contexts),
            );
            vector.errors = None;
            added.push(ColumnRows::Values(vector));
        }
        if keep {
            rows.columns.extend(added);
        } else {
            rows.columns = added;
            rows.base = None;
        }
        Ok(rows)
    }

    /// Columns whose values are read from base rows become columns of codes, so that rows of several origins can stand together.
    pub fn detached(&self, rows: TableRows, schema: &crate::bound::Schema) -> Outcome<TableRows> {
        let mut columns = Vec::with_capacity(rows.columns.len());
        for index in 0..rows.columns.len() {
            columns.push(match self.column_codes(&rows, schema, index)? {
                Some(codes) => ColumnRows::Coded(codes),
                None => rows.columns[index].clone(),
            });
        }
        Ok(TableRows {
            columns,
            base: None,
            ..rows
        })
    }
}

/// The members of each list with their first occurrence only, by the asked-for keys: contexts with sets that vary may reach the same
/// values through several groups.
pub(super) fn distinct_members(
    grouped: &super::group::Grouped,
    width: usize,
) -> (Vec<u32>, Vec<u32>) {
    let columns: Vec<&[u32]> = (0..width).map(|k| grouped.extra_codes(k)).collect();
    let key = |g: u32| columns.iter().map(move |column| column[g as usize]);
    let mut offsets = vec![0u32];
    let mut members = Vec::new();
    if grouped.distinct {
        return grouped.flattened();
    }
    for d in 0..grouped.lists() {
        let mut list: Vec<u32> = grouped.list(d).collect();
        let ascending = list.windows(2).all(|pair| key(pair[0]).lt(key(pair[1])));
        if !ascending {
            list.sort_by(|a, b| key(*a).cmp(key(*b)));
            list.dedup_by(|a, b| key(*a).eq(key(*b)));
        }
        members.extend(list);
        offsets.push(members.len() as u32);
    }
    (offsets, members)
}

/// Puts the blank row behind the rows of the contexts that admit it.
fn append_blank(
    rows: TableRows,
    admitted: &[bool],
    extend_base: impl Fn(&Option<security::Codes>, ()) -> Option<security::Codes>,
    blank: Option<&[security::Codes]>,
) -> Outcome<TableRows> {
    let end = rows.rows() as u32;
    let extended = TableRows {
        offsets: vec![0, end + 1],
        segments: None,
        base: extend_base(&rows.base, ()),
        under: rows.under.clone(),
        columns: match blank {
            None => rows.columns.clone(),
            Some(blank) => rows
                .columns
                .iter()
                .zip(blank)
                .map(|(column, blank)| match column {
                    ColumnRows::Coded(codes) => {
                        security::Codes::concat(&[codes.clone(), blank.clone()])
                            .map(ColumnRows::Coded)
                    }
                    _ => None,
                })
                .collect::<Option<_>>()
                .ok_or_else(|| internal("the blank row does not fit its table"))?,
        },
        errors: rows.errors.clone(),
    };
    let shared = admitted.iter().all(|a| *a)
        && rows
            .segments
            .as_ref()
            .is_some_and(|s| s.iter().all(|&k| k == 0))
        && rows.offsets.len() == 2;
    if shared {
        return Ok(TableRows {
            segments: rows.segments.clone(),
            ..extended
        });
    }
    // Contexts that shared their rows share them with the blank row too.
    let segments: Vec<u32> = (0..admitted.len())
        .map(|i| super::sets::segment_of(&rows, i))
        .collect();
    let flags: Vec<u32> = admitted.iter().map(|a| u32::from(*a)).collect();
    let classes = Classes::of_columns(&[&segments, &flags], admitted.len());
    let (mut offsets, mut positions) = (vec![0u32], Vec::new());
    let mut add = |i: usize| {
        positions.extend(rows.segment(i).map(|r| r as u32));
        if admitted[i] {
            positions.push(end);
        }
        offsets.push(positions.len() as u32);
    };
    match &classes {
        None => (0..admitted.len()).for_each(&mut add),
        Some(classes) => classes
            .representatives
            .iter()
            .for_each(|&i| add(i as usize)),
    }
    Ok(TableRows {
        segments: classes.map(|classes| classes.of),
        ..extended.take(&positions, offsets)
    })
}

/// Whether a row of a column of codes is BLANK.
fn is_blank_code(column: &ColumnRows, row: u32) -> bool {
    matches!(column, ColumnRows::Coded(codes) if codes.as_slice().get(row as usize) == Some(&0))
}
