//! CALCULATE: the filter context of a batch, edited. Row contexts become filters first, then modifiers apply, then
//! the filter arguments, which were evaluated in the context outside.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use dax::BinaryOp;
use security::{Column, PathColumn, Relationship, Table, Target};

use super::{Evaluator, Outcome, operators};
use crate::batch::Batch;
use crate::bound::{
    CrossFilterMode, FilterArgument, Removal, Scalar, ScalarKind, Schema, TableExpr, TableKind,
};
use crate::context::{FilterContext, Item, Relations, Set};
use crate::table::TableRows;
use crate::value::{DataType, Value};
use crate::vector::{Data, Errors, Vector, merge_errors};

/// The filters that an argument gives, and the columns that lose their old filters to it.
struct Given {
    items: Vec<Rc<Item>>,
    replaces: Vec<Removal>,
    /// The relationships over which a table expands that was made under others than are in force outside.
    under: Option<Rc<Relations>>,
}

impl<'a> Evaluator<'a> {
    /// The batch inside CALCULATE, and the errors of contexts whose filters failed.
    pub fn calculate(
        &self,
        filters: &[FilterArgument],
        batch: &Rc<Batch>,
    ) -> Outcome<(Rc<Batch>, Errors)> {
        let mut errors: Errors = None;
        let mut given = Vec::new();
        for filter in filters {
            if let Some(one) = self.filter_argument(filter, batch, &mut errors)? {
                given.push(one);
            }
        }
        let mut context = self.transition(batch)?;
        self.modify(&mut context, filters, batch)?;
        // Filter arguments were evaluated outside, so they expand over the relationships that are in force there.
        let outside = &batch.filters.relations;
        for one in &given {
            let over = one.under.as_ref().unwrap_or(outside);
            for removal in &one.replaces {
                self.remove_over(&mut context, removal, over)?;
            }
        }
        for one in &given {
            let over = one.under.as_ref().unwrap_or(outside);
            for item in &one.items {
                let item = self.expanded_before(item, over, &context.relations);
                context.items.push(item);
            }
        }
        self.reopen_groups(&mut context, filters);
        Ok((batch.refiltered(context), errors))
    }

    /// The filter context with the open row contexts turned into filters.
    pub fn transition(&self, batch: &Rc<Batch>) -> Outcome<FilterContext> {
        let mut context = (*batch.filters).clone();
        for (holder, map) in batch.open_frames() {
            let Some(frame) = &holder.frame else { continue };
            let positions: Rc<[u32]> = match &map {
                None => Rc::clone(&frame.positions),
                Some(map) => map.iter().map(|&i| frame.positions[i as usize]).collect(),
            };
            let over = frame.rows.under.as_ref().unwrap_or(&context.relations);
            let over = Rc::clone(over);
            if let Some(table) = frame.schema.base
                && let Some(base) = &frame.rows.base
                && self.scope.rows_unique(table, self.control)?
            {
                let codes = base.as_slice();
                let key: Rc<[u32]> = positions.iter().map(|&p| codes[p as usize]).collect();
                if !frame.keeps {
                    self.remove_over(&mut context, &Removal::Table(table), &over)?;
                }
                let item = Item::of_rows(vec![Target::Row(table)], vec![key]);
                let item = self.expanded_before(&item, &over, &context.relations);
                context.items.push(item);
                continue;
            }
            let mut done: HashSet<Column> = HashSet::new();
            for (index, field) in frame.schema.fields.iter().enumerate() {
                let Some(column) = field.lineage else {
                    continue;
                };
                // A column in error has no values that a row could be filtered by.
                if !done.insert(column) || self.scope.in_error(Target::Column(column)).is_some() {
                    continue;
                }
                let codes = self.codes_of(&frame.rows, &frame.schema, index, column)?;
                let key: Rc<[u32]> = positions.iter().map(|&p| codes[p as usize]).collect();
                if !frame.keeps {
                    self.remove(&mut context, &Removal::Columns(vec![column]))?;
                }
                context
                    .items
                    .push(Item::of_rows(vec![Target::Column(column)], vec![key]));
            }
            if let (Some(table), Some(base)) = (frame.schema.base, &frame.rows.base) {
                let rows = base.take(&positions);
                self.transition_beyond(&mut context, table, &rows, &over, frame.keeps)?;
            }
        }
        Ok(context)
    }

    /// The rows that the current rows of a table lead to: they belong to the expanded table, and are filtered with it.
    fn transition_beyond(
        &self,
        context: &mut FilterContext,
        table: Table,
        rows: &security::Codes,
        over: &Relations,
        keeps: bool,
    ) -> Outcome<()> {
        let paths = self.edges(over).paths(table, &[]);
        let mut beyond: Vec<_> = paths.iter().filter(|(to, _)| **to != table).collect();
        beyond.sort();
        for (to, path) in beyond {
            let target = Target::Row(*to);
            let path = Arc::clone(path);
            let codes = self
                .scope
                .fetch(rows, &PathColumn { path, target }, self.control)?;
            if !keeps {
                self.remove(context, &Removal::Columns(self.scope.columns(*to)))?;
            }
            context
                .items
                .push(Item::of_rows(vec![target], vec![codes.as_slice().into()]));
        }
        Ok(())
    }

    /// The codes of a column of a table value in its model column.
    pub fn codes_of(
        &self,
        rows: &TableRows,
        schema: &Schema,
        index: usize,
        column: Column,
    ) -> Outcome<Vec<u32>> {
        match self.column_codes(rows, schema, index)? {
            Some(codes) => Ok(codes.as_slice().to_vec()),
            None => {
                let vector = self.column_vector(rows, schema, index)?;
                self.encode(column, &vector)
            }
        }
    }

    /// Codes of values in a column; ABSENT for a value that it does not hold.
    pub fn encode(&self, column: Column, values: &Vector) -> Outcome<Vec<u32>> {
        if let Data::Constant(value, n @ 2..) = &values.data {
            let one = self.encode(column, &Vector::constant(value.clone(), 1))?;
            let code = one.first().copied().unwrap_or(crate::context::ABSENT);
            return Ok(vec![code; *n]);
        }
        self.admit_texts(values.text_bytes())?;
        let data_type = self.scope.column_type(column);
        let converted = (0..values.len()).map(|i| {
            let value = values.get(i);
            Ok(lossless(&value, data_type).unwrap_or(Value::Blank))
        });
        let missing: Vec<bool> = (0..values.len())
            .map(|i| lossless(&values.get(i), data_type).is_none())
            .collect();
        let array =
            Vector::from_results(converted.collect::<Vec<_>>(), data_type).typed_array(data_type);
        let mut codes = self.scope.encode(column, &array, self.control)?;
        for (code, missing) in codes.iter_mut().zip(missing) {
            if missing {
                *code = crate::context::ABSENT;
            }
        }
        Ok(codes)
    }

    fn filter_argument(
        &self,
        filter: &FilterArgument,
        batch: &Rc<Batch>,
        errors: &mut Errors,
    ) -> Outcome<Option<Given>> {
        match filter {
            FilterArgument::Table { table, keep } => {
                let rows = self.table(table, batch)?;
                *errors = merge_errors(errors, &rows.errors);
                let items = self.items_of(&rows, &table.schema, batch.len)?;
                let replaces = if *keep {
                    Vec::new()
                } else {
                    self.replaced_by(&table.schema)
                };
                Ok(Some(Given {
                    items,
                    replaces,
                    under: rows.under,
                }))
            }
            FilterArgument::Predicate {
                columns,
                frame,
                condition,
                keep,
            } => {
                let items = match self.quick_predicate(columns, *frame, condition, batch)? {
                    Some(items) => items,
                    None => self.slow_predicate(columns, *frame, condition, batch, errors)?,
                };
                let replaces = if *keep {
                    Vec::new()
                } else {
                    vec![Removal::Columns(self.with_date_table(columns))]
                };
                Ok(Some(Given {
                    items,
                    replaces,
                    under: None,
                }))
            }
            _ => Ok(None),
        }
    }

    /// What a table filter takes the place of.
    fn replaced_by(&self, schema: &Schema) -> Vec<Removal> {
        if let Some(table) = schema.base {
            return vec![Removal::Table(table)];
        }
        let columns: Vec<Column> = schema.fields.iter().filter_map(|f| f.lineage).collect();
        match columns.as_slice() {
            [only] => vec![Removal::Columns(self.with_date_table(&[*only]))],
            _ => vec![Removal::Columns(self.with_companions(&columns))],
        }
    }

    /// A filter on the date column of a date table, or on a date column that a relationship uses, replaces all
    /// filters on that table.
    fn with_date_table(&self, columns: &[Column]) -> Vec<Column> {
        let mut out = self.with_companions(columns);
        for column in columns {
            if self.is_date_key(*column) {
                out.extend(self.scope.columns(column.table()));
            }
        }
        out
    }

    /// A filter on a column of a calendar replaces those on the columns that bear upon the same time, and a filter on a calculation
    /// group all others on it: a visual groups by the items' ordinals too, and an item may choose another one by its name.
    fn with_companions(&self, columns: &[Column]) -> Vec<Column> {
        let mut out = columns.to_vec();
        for column in columns {
            out.extend(crate::calendars::cleared_by(self.scope, *column));
            if self.scope.table(column.table()).calculation_group.is_some() {
                out.extend(self.scope.columns(column.table()));
            }
        }
        out
    }

    pub fn is_date_key(&self, column: Column) -> bool {
        if self.scope.column_type(column) != DataType::DateTime {
            return false;
        }
        let marked = self
            .scope
            .table(column.table())
            .data_category
            .as_deref()
            .is_some_and(|c| c.eq_ignore_ascii_case("Time"));
        (marked && self.scope.column(column).key) || self.scope.is_one_end(column)
    }

    /// FILTER(ALL(columns), condition), evaluated row by row of the columns' values.
    fn slow_predicate(
        &self,
        columns: &[Column],
        frame: u32,
        condition: &Scalar,
        batch: &Rc<Batch>,
        errors: &mut Errors,
    ) -> Outcome<Vec<Rc<Item>>> {
        let schema = Rc::new(self.schema_of_columns(columns));
        let all = TableExpr {
            kind: TableKind::AllValues {
                columns: columns.to_vec(),
                blank_row: true,
            },
            schema: Rc::clone(&schema),
            span: None,
        };
        let filter = TableExpr {
            kind: TableKind::Filter {
                table: Box::new(all),
                frame,
                condition: Box::new(condition.clone()),
            },
            schema: Rc::clone(&schema),
            span: None,
        };
        if !condition.reads_context(frame) {
            // Nothing differs between the contexts: once is enough.
            let one = Batch::root(FilterContext {
                relations: Rc::clone(&batch.filters.relations),
                ..FilterContext::default()
            });
            let rows = self.table(&filter, &one)?;
            if let Some(list) = &rows.errors
                && let Some((_, failure)) = list.first()
            {
                *errors = merge_errors(
                    errors,
                    &crate::vector::errors_from(
                        (0..batch.len as u32)
                            .map(|i| (i, failure.clone()))
                            .collect(),
                    ),
                );
            }
            let rows = rows.remap(&vec![0; batch.len]);
            return self.items_of(&rows, &schema, batch.len);
        }
        let rows = self.table(&filter, batch)?;
        *errors = merge_errors(errors, &rows.errors);
        self.items_of(&rows, &schema, batch.len)
    }

    pub fn schema_of_columns(&self, columns: &[Column]) -> Schema {
        let fields = columns
            .iter()
            .map(|c| crate::bind::field_of(self.scope, *c))
            .collect();
        Schema { fields, base: None }
    }

    /// Comparisons of one column with a value of the context, and ANDs of them, become ranges of codes without a row being looked at.
    fn quick_predicate(
        &self,
        columns: &[Column],
        frame: u32,
        condition: &Scalar,
        batch: &Rc<Batch>,
    ) -> Outcome<Option<Vec<Rc<Item>>>> {
        let [column] = columns else { return Ok(None) };
        let ScalarKind::Binary { op, left, right } = &condition.kind else {
            return Ok(None);
        };
        if *op == BinaryOp::And {
            let Some(mut items) = self.quick_predicate(columns, frame, left, batch)? else {
                return Ok(None);
            };
            let Some(more) = self.quick_predicate(columns, frame, right, batch)? else {
                return Ok(None);
            };
            items.extend(more);
            return Ok(Some(items));
        }
        let of = |e: &Scalar| field_of(e, frame);
        let Some((op, _, value)) = comparison(*op, left, right, frame, of) else {
            return Ok(None);
        };
        let values = self.scalar(value, batch)?;
        if values.errors.is_some() {
            return Ok(None);
        }
        self.ranges(*column, op, &values, batch.len)
    }

    pub(super) fn ranges(
        &self,
        column: Column,
        op: BinaryOp,
        values: &Vector,
        contexts: usize,
    ) -> Outcome<Option<Vec<Rc<Item>>>> {
        let Some(sets) = self.code_ranges(column, op, values, contexts)? else {
            return Ok(None);
        };
        let item = if sets.len() == contexts {
            Item::varying(vec![Target::Column(column)], sets, None)
        } else {
            Item::varying(vec![Target::Column(column)], sets, Some(&vec![0; contexts]))
        };
        Ok(Some(vec![item]))
    }

    /// The codes of a column that compare so with a value: a range for each context, or one for all where the value is a constant.
    pub(super) fn code_ranges(
        &self,
        column: Column,
        op: BinaryOp,
        values: &Vector,
        contexts: usize,
    ) -> Outcome<Option<Vec<Set>>> {
        let data_type = self.scope.column_type(column);
        let constant = matches!(values.data, crate::vector::Data::Constant(..));
        let n = if constant { contexts.min(1) } else { contexts };
        let mut keys = Vec::with_capacity(n);
        for i in 0..n {
            let value = values.get(i);
            let key = if value.is_blank() {
                zero_of(data_type)
            } else {
                lossless(&value, data_type)
            };
            match key {
                Some(key) => keys.push(key),
                None => return Ok(None),
            }
        }
        let array =
            Vector::from_results(keys.into_iter().map(Ok), data_type).typed_array(data_type);
        let bounds = self.scope.bounds(column, &array, self.control)?;
        let mut sets = Vec::with_capacity(n);
        for (i, (low, high)) in bounds.into_iter().enumerate() {
            let value = values.get(i);
            let blank = matches!(
                operators::one(op, &Value::Blank, &value),
                Ok(Value::Boolean(true))
            );
            let (low, high) = match op {
                BinaryOp::StrictEqual if value.is_blank() => (1, 1),
                BinaryOp::Equal | BinaryOp::StrictEqual => (low, high),
                BinaryOp::Less => (1, low),
                BinaryOp::LessEqual => (1, high),
                BinaryOp::Greater => (high, self.end_of(column)?),
                _ => (low, self.end_of(column)?),
            };
            sets.push(Set::Range { low, high, blank });
        }
        Ok(Some(sets))
    }

    /// One past the last code of a column that a filter can admit.
    fn end_of(&self, column: Column) -> Outcome<u32> {
        Ok(self.scope.code_end(column, self.control)?)
    }

    /// The filters that a table's rows are, context by context.
    pub fn items_of(
        &self,
        rows: &TableRows,
        schema: &Schema,
        contexts: usize,
    ) -> Outcome<Vec<Rc<Item>>> {
        let (targets, columns): (Vec<Target>, Vec<Vec<u32>>) = match (schema.base, &rows.base) {
            (Some(table), Some(base)) => (vec![Target::Row(table)], vec![base.as_slice().to_vec()]),
            _ => {
                let mut pairs: Vec<(Target, Vec<u32>)> = Vec::new();
                for (index, field) in schema.fields.iter().enumerate() {
                    let Some(column) = field.lineage else {
                        continue;
                    };
                    if !pairs.iter().any(|(t, _)| *t == Target::Column(column)) {
                        pairs.push((
                            Target::Column(column),
                            self.codes_of(rows, schema, index, column)?,
                        ));
                    }
                }
                pairs.into_iter().unzip()
            }
        };
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let one_row_each =
            rows.segments.is_none() && rows.offsets.windows(2).all(|w| w[1] == w[0] + 1);
        if one_row_each && contexts > 1 {
            return Ok(vec![Item::key(
                targets,
                columns.into_iter().map(Rc::from).collect(),
            )]);
        }
        let width = columns.len();
        let sets: Vec<Set> = rows
            .offsets
            .windows(2)
            .map(|w| {
                let range = w[0] as usize..w[1] as usize;
                match columns.as_slice() {
                    [codes] => Set::of_run(&codes[range]),
                    _ => Set::of_tuples(
                        width,
                        &range
                            .flat_map(|r| columns.iter().map(move |codes| codes[r]))
                            .collect::<Vec<_>>(),
                    ),
                }
            })
            .collect();
        let index: Vec<u32> = match &rows.segments {
            Some(segments) => segments.to_vec(),
            None => (0..contexts as u32).collect(),
        };
        Ok(vec![Item::varying(targets, sets, Some(&index))])
    }

    /// ALL and REMOVEFILTERS, ALLSELECTED, USERELATIONSHIP and CROSSFILTER. Those that choose relationships come first, so that ALL of a table
    /// frees the table as it is expanded inside: over a relationship that is chosen, and over none that is cut.
    fn modify(
        &self,
        context: &mut FilterContext,
        filters: &[FilterArgument],
        batch: &Rc<Batch>,
    ) -> Outcome<()> {
        let mut relations: Relations = (*context.relations).clone();
        let weight = relations.next_weight();
        for filter in filters {
            match filter {
                FilterArgument::UseRelationship(handle, way) => {
                    relations.activated.retain(|(known, _)| known != handle);
                    let info = self.scope.relationship(*handle);
                    // The innermost USERELATIONSHIP between two tables wins.
                    relations.activated.retain(|(known, _)| {
                        let other = self.scope.relationship(*known);
                        !matches!((info, other), (Some(a), Some(b)) if (a.from == b.from && a.to == b.to) || (a.from == b.to && a.to == b.from))
                    });
                    relations.activated.push((*handle, weight));
                    let crossed = filters.iter().any(|other| {
                        matches!(other, FilterArgument::CrossFilter(known, _) if known == handle)
                    });
                    if let Some(way) = way
                        && !crossed
                    {
                        relations.cross.retain(|(known, _)| known != handle);
                        relations
                            .cross
                            .push((*handle, both_ways(filters, *handle, *way)));
                    }
                }
                FilterArgument::CrossFilter(handle, mode) => {
                    relations.cross.retain(|(known, _)| known != handle);
                    relations.cross.push((*handle, *mode));
                }
                _ => {}
            }
        }
        relations.compact();
        self.change_relations(context, Rc::new(relations));
        for filter in filters {
            match filter {
                FilterArgument::Remove(removal) => self.remove(context, removal)?,
                FilterArgument::AllSelected(removal) => {
                    self.restore_selected(context, removal, batch)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Other relationships come into force. Filters on rows that are there already stay what they say.
    fn change_relations(&self, context: &mut FilterContext, relations: Rc<Relations>) {
        let before = std::mem::replace(&mut context.relations, relations);
        if before != context.relations {
            let items = context.items.iter();
            context.items = items
                .map(|item| self.expanded_before(item, &before, &context.relations))
                .collect();
        }
    }

    /// A filter of a context with the relationships `before`, in one with those `after`: rows filter what they expanded to.
    pub(super) fn expanded_before(
        &self,
        item: &Rc<Item>,
        before: &Rc<Relations>,
        after: &Relations,
    ) -> Rc<Item> {
        let ([Target::Row(table)], None) = (item.targets.as_slice(), &item.under) else {
            return Rc::clone(item);
        };
        let paths = |relations: &Relations| self.edges(relations).paths(*table, &[]);
        if **before == *after || paths(before) == paths(after) {
            return Rc::clone(item);
        }
        Rc::new(Item {
            under: Some(Rc::clone(before)),
            ..(**item).clone()
        })
    }

    /// A filter on a calculation group makes its item apply anew.
    fn reopen_groups(&self, context: &mut FilterContext, filters: &[FilterArgument]) {
        if context.applied.is_empty() {
            return;
        }
        let mut touched: Vec<Table> = Vec::new();
        for filter in filters {
            match filter {
                FilterArgument::Table { table, .. } => touched.extend(
                    table
                        .schema
                        .fields
                        .iter()
                        .filter_map(|f| f.lineage)
                        .map(|c| c.table()),
                ),
                FilterArgument::Predicate { columns, .. } => {
                    touched.extend(columns.iter().map(|c| c.table()))
                }
                _ => {}
            }
        }
        let kept: Vec<Table> = context
            .applied
            .iter()
            .copied()
            .filter(|t| !touched.contains(t))
            .collect();
        context.applied = Rc::new(kept);
    }

    pub fn removed_columns(&self, removal: &Removal, relations: &Relations) -> HashSet<Column> {
        match removal {
            Removal::Everything | Removal::Reaching(_) => HashSet::new(),
            Removal::Table(table) => self
                .expanded_columns(*table, relations)
                .into_iter()
                .collect(),
            Removal::Columns(columns) => columns.iter().copied().collect(),
            Removal::TableExcept(table, kept, whole) => {
                let mut removed: HashSet<Column> = self
                    .expanded_columns(*table, relations)
                    .into_iter()
                    .filter(|c| !kept.contains(c))
                    .collect();
                for &table in whole {
                    for column in self.expanded_columns(table, relations) {
                        removed.remove(&column);
                    }
                }
                removed
            }
        }
    }

    /// Takes the filters off some columns.
    pub fn remove(&self, context: &mut FilterContext, removal: &Removal) -> Outcome<()> {
        let relations = Rc::clone(&context.relations);
        self.remove_over(context, removal, &relations)
    }

    /// The same, where a table expands over these relationships.
    fn remove_over(
        &self,
        context: &mut FilterContext,
        removal: &Removal,
        relations: &Relations,
    ) -> Outcome<()> {
        if *removal == Removal::Everything {
            context.items.clear();
            return Ok(());
        }
        if context.items.is_empty() {
            return Ok(());
        }
        if let Removal::Reaching(table) = removal {
            let sources = self.sources_of_filters(*table, relations);
            context.items.retain(|item| {
                !item
                    .targets
                    .iter()
                    .any(|t| sources.contains(&self.table_of(*t)))
            });
            return Ok(());
        }
        let removed = self.removed_columns(removal, relations);
        let mut items = Vec::with_capacity(context.items.len());
        for item in &context.items {
            if let [Target::Row(table)] = item.targets.as_slice() {
                let relations = item.relations(&context.relations);
                items.extend(self.remove_from_rows(item, *table, &removed, relations)?);
                continue;
            }
            let positions: Vec<usize> = (0..item.targets.len())
                .filter(|&p| !matches!(item.targets[p], Target::Column(c) if removed.contains(&c)))
                .collect();
            if positions.len() == item.targets.len() {
                items.push(Rc::clone(item));
            } else if !positions.is_empty() {
                items.push(Rc::new(item.project(&positions)));
            }
        }
        context.items = items;
        Ok(())
    }

    /// A filter on rows stands for all columns of the expanded table; what is left of it after some columns are freed.
    fn remove_from_rows(
        &self,
        item: &Rc<Item>,
        table: Table,
        removed: &HashSet<Column>,
        relations: &Relations,
    ) -> Outcome<Option<Rc<Item>>> {
        let own = self.scope.columns(table);
        let covered = self.expanded_columns(table, relations);
        let freed: Vec<Column> = covered
            .iter()
            .copied()
            .filter(|c| removed.contains(c))
            .collect();
        if freed.is_empty() {
            return Ok(Some(Rc::clone(item)));
        }
        if !own.iter().any(|c| removed.contains(c)) {
            // The rows' own columns still filter; only the filter's way to the freed tables ends.
            let mut cut = (*item.cut).clone();
            cut.extend(freed);
            return Ok(Some(Rc::new(Item {
                cut: Rc::new(cut),
                ..(**item).clone()
            })));
        }
        let left: Vec<Column> = covered
            .iter()
            .copied()
            .filter(|c| !removed.contains(c) && !item.cut.contains(c))
            .collect();
        self.rows_as_columns(item, table, &left, relations)
    }

    /// What a filter on rows says of some columns of the expanded table. None: nothing, of no column.
    pub fn kept_of_rows(
        &self,
        item: &Rc<Item>,
        table: Table,
        wanted: &HashSet<Column>,
        relations: &Relations,
    ) -> Outcome<Option<Rc<Item>>> {
        let mut covered = self.expanded_columns(table, relations);
        covered.retain(|c| !item.cut.contains(c));
        let kept: Vec<Column> = covered
            .iter()
            .copied()
            .filter(|c| wanted.contains(c))
            .collect();
        if kept.len() == covered.len() {
            return Ok(Some(Rc::clone(item)));
        }
        self.rows_as_columns(item, table, &kept, relations)
    }

    fn rows_as_columns(
        &self,
        item: &Rc<Item>,
        table: Table,
        columns: &[Column],
        relations: &Relations,
    ) -> Outcome<Option<Rc<Item>>> {
        if columns.is_empty() {
            return Ok(None);
        }
        let edges = self.edges(relations);
        let paths = edges.paths(table, &[]);
        let towards: Vec<PathColumn> = columns
            .iter()
            .filter_map(|c| {
                paths.get(&c.table()).map(|path| PathColumn {
                    path: Arc::clone(path),
                    target: Target::Column(*c),
                })
            })
            .collect();
        Ok(Some(Rc::new(self.convert_rows(item, table, &towards)?)))
    }
}

/// The way of a one-to-one relationship that USERELATIONSHIP names: one, or both where it is named once for each.
fn both_ways(
    filters: &[FilterArgument],
    relationship: Relationship,
    way: CrossFilterMode,
) -> CrossFilterMode {
    let other = filters.iter().any(|filter| {
        matches!(filter, FilterArgument::UseRelationship(handle, Some(named)) if *handle == relationship && *named != way)
    });
    if other { CrossFilterMode::Both } else { way }
}

/// The place of a column of the frame's row.
pub(super) fn field_of(expr: &Scalar, frame: u32) -> Option<usize> {
    match expr.kind {
        ScalarKind::Field { frame: of, index } if of == frame => Some(index),
        _ => None,
    }
}

/// A comparison of what `field` finds of the frame's row with something else that does not read the row: the operator as the field
/// stands on the left, the field, and what it is compared with.
pub(super) fn comparison<'e, T>(
    op: BinaryOp,
    left: &'e Scalar,
    right: &'e Scalar,
    frame: u32,
    field: impl Fn(&Scalar) -> Option<T>,
) -> Option<(BinaryOp, T, &'e Scalar)> {
    let (op, index, value) = match (field(left), field(right)) {
        (Some(index), None) => (op, index, right),
        (None, Some(index)) => (mirrored(op), index, left),
        _ => return None,
    };
    let ordered = matches!(
        op,
        BinaryOp::Equal
            | BinaryOp::StrictEqual
            | BinaryOp::Less
            | BinaryOp::LessEqual
            | BinaryOp::Greater
            | BinaryOp::GreaterEqual
    );
    (ordered && !value.reads_frame(frame)).then_some((op, index, value))
}

fn mirrored(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessEqual => BinaryOp::GreaterEqual,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterEqual => BinaryOp::LessEqual,
        other => other,
    }
}

/// What BLANK compares as.
fn zero_of(data_type: DataType) -> Option<Value> {
    Some(match data_type {
        DataType::Integer => Value::Integer(0),
        DataType::Fixed => Value::Fixed(0),
        DataType::Double => Value::Double(0.0),
        DataType::Boolean => Value::Boolean(false),
        DataType::DateTime => Value::from_days(0.0)?,
        DataType::Text => Value::text(""),
        _ => return None,
    })
}

/// The value in another type, if nothing is lost. Text and numbers do not become one another.
pub fn lossless(value: &Value, data_type: DataType) -> Option<Value> {
    if value.is_blank() || value.data_type() == Some(data_type) {
        return Some(value.clone());
    }
    if matches!(value, Value::Text(_) | Value::Boolean(_))
        || matches!(data_type, DataType::Text | DataType::Boolean)
    {
        return None;
    }
    let converted = crate::convert::to_type(value, data_type)?;
    (crate::value::compare(&converted, value) == Some(std::cmp::Ordering::Equal))
        .then_some(converted)
}
