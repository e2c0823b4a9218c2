//! Grouping the rows of a table value: SUMMARIZE and GROUPBY.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use security::{Table, Target};

use super::sets::{KeyColumn, group_segments};
use super::{Evaluator, Outcome, internal};
use crate::batch::{Batch, Frame, Slot};
use crate::bound::{
    FrameId, GroupColumn, Scalar, Schema, Summarize, SummarizeColumn, TableExpr, TableKind, VarId,
    Variable, VariableBody,
};
use crate::context::{Item, Relations, Set};
use crate::table::{ColumnRows, TableRows};
use crate::value::Value;
use crate::vector::{Vector, merge_errors};

/// The variable that holds the rows of the group that a GROUPBY frame is at.
pub fn current_group(frame: FrameId) -> VarId {
    frame | 0x8000_0000
}

/// A table's rows by group: the groups of context i are `offsets[i]..offsets[i + 1]`.
struct GroupedRows {
    offsets: Vec<u32>,
    /// The grouping columns, a row for each group.
    columns: Vec<ColumnRows>,
    /// Positions of the table's rows, group after group, and where each group begins.
    members: Vec<u32>,
    member_offsets: Vec<u32>,
}

impl<'a> Evaluator<'a> {
    fn group_columns(
        &self,
        rows: &TableRows,
        schema: &Schema,
        groups: &[GroupColumn],
        relations: &Relations,
    ) -> Outcome<Vec<ColumnRows>> {
        let relations = rows.under.as_deref().unwrap_or(relations);
        groups
            .iter()
            .map(|group| match group {
                GroupColumn::Field(index) => Ok(match self.column_codes(rows, schema, *index)? {
                    Some(codes) => ColumnRows::Coded(codes),
                    None => rows
                        .columns
                        .get(*index)
                        .cloned()
                        .ok_or_else(|| internal("a column that the table does not have"))?,
                }),
                GroupColumn::Related(column) => {
                    let base = rows
                        .base
                        .as_ref()
                        .ok_or_else(|| internal("a related column without rows of a table"))?;
                    let column = match schema.base {
                        Some(table) => self.in_force(table, column, relations),
                        None => column.clone(),
                    };
                    Ok(ColumnRows::Coded(self.scope.fetch(
                        base,
                        &column,
                        self.control,
                    )?))
                }
            })
            .collect()
    }

    fn group_rows(
        &self,
        rows: &TableRows,
        schema: &Schema,
        groups: &[GroupColumn],
        relations: &Relations,
    ) -> Outcome<GroupedRows> {
        let columns = self.group_columns(rows, schema, groups, relations)?;
        let keys: Vec<KeyColumn> = columns
            .iter()
            .map(|column| match column {
                ColumnRows::Coded(codes) => Ok(KeyColumn::Codes(codes.clone())),
                ColumnRows::Values(vector) => Ok(KeyColumn::Values(vector.clone())),
                ColumnRows::Base => Err(internal("a base column without base rows")),
            })
            .collect::<Outcome<_>>()?;
        let found = group_segments(
            &keys,
            rows.offsets
                .windows(2)
                .map(|w| w[0] as usize..w[1] as usize),
            &self.watch(),
        )?;
        let count = found.first_rows.len();
        let mut member_offsets = vec![0u32; count + 1];
        for &group in &found.of_row {
            member_offsets[group as usize + 1] += 1;
        }
        for g in 0..count {
            member_offsets[g + 1] += member_offsets[g];
        }
        let mut next = member_offsets.clone();
        let mut members = vec![0u32; found.of_row.len()];
        for (row, &group) in found.of_row.iter().enumerate() {
            members[next[group as usize] as usize] = row as u32;
            next[group as usize] += 1;
        }
        let columns = columns
            .iter()
            .map(|column| column.take(&found.first_rows))
            .collect();
        Ok(GroupedRows {
            offsets: found.offsets,
            columns,
            members,
            member_offsets,
        })
    }

    /// GROUPBY: extension columns aggregate over the rows of each group.
    pub fn group_by(
        &self,
        table: &TableExpr,
        groups: &[GroupColumn],
        frame: FrameId,
        columns: &[Scalar],
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let rows = self.table(table, batch)?.unshared();
        let relations = &batch.filters.relations;
        let grouped = self.group_rows(&rows, &table.schema, groups, relations)?;
        let members = rows.take(&grouped.members, grouped.member_offsets.clone());
        let mut out = TableRows {
            offsets: grouped.offsets,
            segments: None,
            base: None,
            under: None,
            columns: grouped.columns,
            errors: rows.errors.clone(),
        };
        let flat = out.flatten();
        let group_batch = batch.iterate(
            Rc::clone(&flat.contexts),
            batch.filters.take(&flat.contexts),
            self.group_frame(frame, &out, &table.schema, groups, &flat.positions),
        );
        let variable = Variable {
            id: current_group(frame),
            name: String::new(),
            body: VariableBody::Table(TableExpr {
                kind: TableKind::Empty,
                schema: Rc::clone(&table.schema),
                span: None,
            }),
        };
        let inner = group_batch.with_variables(&Rc::new(vec![variable]));
        if let Some(variables) = &inner.variables {
            let cell = OnceCell::new();
            let _ = cell.set(Slot::Table(Rc::new(TableRows {
                errors: None,
                ..members
            })));
            if let (Some(slot), Some(value)) = (variables.values.first(), cell.into_inner()) {
                let _ = slot.set(value);
            }
        }
        for column in columns {
            let mut vector = self.scalar(column, &inner)?;
            out.errors = merge_errors(
                &out.errors,
                &super::iterate::by_context(&vector, &flat.contexts),
            );
            vector.errors = None;
            out.columns.push(ColumnRows::Values(vector));
        }
        Ok(out)
    }

    fn group_frame(
        &self,
        id: FrameId,
        rows: &TableRows,
        schema: &Schema,
        groups: &[GroupColumn],
        positions: &Rc<[u32]>,
    ) -> Frame {
        let fields = groups
            .iter()
            .map(|group| self.group_field(schema, group))
            .collect();
        Frame {
            id,
            schema: Rc::new(Schema { fields, base: None }),
            rows: Rc::new(rows.clone()),
            positions: Rc::clone(positions),
            keeps: false,
            read: RefCell::new(HashMap::new()),
        }
    }

    fn group_field(&self, schema: &Schema, group: &GroupColumn) -> crate::bound::Field {
        match group {
            GroupColumn::Field(index) => schema.fields[*index].clone(),
            GroupColumn::Related(column) => match column.target {
                Target::Column(column) => crate::bind::field_of(self.scope, column),
                Target::Row(_) => {
                    crate::bound::Field::extension("", crate::value::DataType::Integer)
                }
            },
        }
    }

    /// SUMMARIZE: the groups of a table's rows, with expressions evaluated in the filter context of each group. ROLLUP adds
    /// the subtotals.
    pub fn summarize(
        &self,
        summarize: &Summarize,
        schema: &Rc<Schema>,
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let rows = OnceCell::new();
        let all: Vec<usize> = (0..summarize.groups.len()).collect();
        let mut parts = Vec::new();
        let mut rolled: Vec<usize> = Vec::new();
        parts.push(self.summarize_set(summarize, &rows, &all, batch)?);
        for set in summarize.rollup.iter().rev() {
            rolled.extend(set);
            let kept: Vec<usize> = all
                .iter()
                .copied()
                .filter(|g| !rolled.contains(g))
                .collect();
            parts.push(self.summarize_set(summarize, &rows, &kept, batch)?);
        }
        self.stack(parts, schema, batch)
    }

    /// Whether the expressions are the same where only the grouping columns filter them, and not the rows of the groups. A column of
    /// another table filters the rows that were grouped by it where filters come to them the way on which the rows found it.
    fn groups_suffice(&self, summarize: &Summarize, table: Table, relations: &Relations) -> bool {
        let paths = self.edges(relations).paths(table, &[]);
        let filters = |group: &GroupColumn| match group {
            GroupColumn::Field(_) => true,
            GroupColumn::Related(column) => paths
                .get(&self.table_of(column.target))
                .is_some_and(|path| *path == self.in_force(table, column, relations).path),
        };
        let relationships = self.scope.relationships().iter();
        let mut one_ends = relationships
            .filter(|r| !r.to_many && r.to == table || !r.from_many && r.from == table);
        let blank = one_ends.next().is_some();
        let suffices = |column: &SummarizeColumn| match column {
            SummarizeColumn::Expression(expr) => expr.is_about_rows_of(table, blank),
            SummarizeColumn::IsSubtotal(_) => true,
        };
        // A calculation item may put anything around a measure.
        summarize.columns.is_empty()
            || self.groups.is_empty()
                && summarize.columns.iter().all(suffices)
                && summarize.groups.iter().all(filters)
    }

    /// One grouping set: the columns rolled up are BLANK. `listed` are the table's rows once they were needed.
    fn summarize_set(
        &self,
        summarize: &Summarize,
        listed: &OnceCell<TableRows>,
        kept: &[usize],
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let schema = &summarize.table.schema;
        let groups: Vec<GroupColumn> = kept.iter().map(|&g| summarize.groups[g].clone()).collect();
        let by_rows = match summarize.table.kind {
            TableKind::Base {
                table,
                blank_row: false,
            } => !self.groups_suffice(summarize, table, &batch.filters.relations),
            TableKind::Base { .. } => false,
            _ => true,
        };
        let scanned = match summarize.table.kind {
            TableKind::Base {
                table,
                blank_row: false,
            } if !by_rows => self.scanned_groups(table, &groups, batch)?,
            _ => None,
        };
        let (keys, members) = match scanned {
            Some(keys) => (keys, None),
            None => {
                if listed.get().is_none() {
                    let _ = listed.set(self.table(&summarize.table, batch)?.unshared());
                }
                let rows = listed.get().ok_or_else(|| internal("rows were not kept"))?;
                let relations = &batch.filters.relations;
                let grouped = self.group_rows(rows, schema, &groups, relations)?;
                let keys = TableRows {
                    offsets: grouped.offsets.clone(),
                    segments: None,
                    base: None,
                    under: None,
                    columns: grouped.columns.clone(),
                    errors: rows.errors.clone(),
                };
                (keys, Some((rows, grouped)))
            }
        };
        let flat = keys.flatten();
        let count = flat.positions.len();
        let mut out = keys.clone();
        out.columns = (0..summarize.groups.len())
            .map(|g| match kept.iter().position(|&k| k == g) {
                Some(at) => keys.columns[at].clone(),
                None => ColumnRows::Values(Vector::blank(count)),
            })
            .collect();
        if summarize.columns.is_empty() {
            return Ok(out);
        }
        let frame = self.group_frame(summarize.frame, &keys, schema, &groups, &flat.positions);
        let iterated = batch.iterate(
            Rc::clone(&flat.contexts),
            batch.filters.take(&flat.contexts),
            frame,
        );
        let mut context = self.transition(&iterated)?;
        // The rows of a group filter the expressions, with all that they expand to: an expression that frees the grouping column
        // keeps the others, and counts in a related table what the rows lead to.
        if let Some((rows, grouped)) = &members
            && by_rows
        {
            if let (Some(table), Some(base)) = (schema.base, &rows.base) {
                let codes = base.as_slice();
                let sets = (0..count).map(|g| {
                    let members = &grouped.members[grouped.member_offsets[g] as usize
                        ..grouped.member_offsets[g + 1] as usize];
                    Set::of_codes(members.iter().map(|&m| codes[m as usize]))
                });
                let item = Item::varying(vec![Target::Row(table)], sets.collect(), None);
                let over = rows.under.as_ref().unwrap_or(&context.relations);
                let item = self.expanded_before(&item, over, &context.relations);
                context.items.push(item);
            } else {
                // Of other tables the columns that are the model's filter together.
                let of_groups = rows.take(&grouped.members, grouped.member_offsets.clone());
                context
                    .items
                    .extend(self.items_of(&of_groups, schema, count)?);
            }
        }
        let inner = iterated.refiltered(context);
        for column in &summarize.columns {
            let vector = match column {
                SummarizeColumn::IsSubtotal(group) => {
                    Vector::constant(Value::Boolean(!kept.contains(group)), count)
                }
                SummarizeColumn::Expression(expr) => {
                    let mut vector = self.scalar(expr, &inner)?;
                    out.errors = merge_errors(
                        &out.errors,
                        &super::iterate::by_context(&vector, &flat.contexts),
                    );
                    vector.errors = None;
                    vector
                }
            };
            out.columns.push(ColumnRows::Values(vector));
        }
        Ok(out)
    }

    /// Tables of one schema under one another, context by context.
    pub fn stack(
        &self,
        mut parts: Vec<TableRows>,
        schema: &Rc<Schema>,
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        if parts.len() == 1
            && let Some(only) = parts.pop()
        {
            return Ok(only);
        }
        let mut starts = Vec::with_capacity(parts.len());
        let mut total = 0u32;
        for part in &parts {
            starts.push(total);
            total += part.rows() as u32;
        }
        let mut columns = Vec::with_capacity(schema.fields.len());
        for index in 0..schema.fields.len() {
            columns.push(self.stack_column(&parts, schema, index)?);
        }
        let errors = parts
            .iter()
            .fold(None, |errors, part| merge_errors(&errors, &part.errors));
        let stacked = TableRows {
            offsets: vec![0, total],
            segments: None,
            base: None,
            under: None,
            columns,
            errors,
        };
        let (mut positions, mut offsets) = (Vec::with_capacity(total as usize), vec![0u32]);
        for i in 0..batch.len {
            for (part, start) in parts.iter().zip(&starts) {
                positions.extend(part.segment(i).map(|r| start + r as u32));
            }
            offsets.push(positions.len() as u32);
        }
        Ok(stacked.take(&positions, offsets))
    }

    fn stack_column(
        &self,
        parts: &[TableRows],
        schema: &Schema,
        index: usize,
    ) -> Outcome<ColumnRows> {
        let codes: Option<Vec<security::Codes>> = parts
            .iter()
            .map(|part| self.column_codes(part, schema, index))
            .collect::<Outcome<Option<_>>>()?;
        if let Some(codes) = codes
            && let Some(joined) = security::Codes::concat(&codes)
        {
            return Ok(ColumnRows::Coded(joined));
        }
        let vectors: Vec<Vector> = parts
            .iter()
            .map(|part| self.column_vector(part, schema, index))
            .collect::<Outcome<_>>()?;
        self.admit_texts(vectors.iter().map(Vector::text_bytes).sum())?;
        Ok(ColumnRows::Values(Vector::concat(&vectors)))
    }
}
