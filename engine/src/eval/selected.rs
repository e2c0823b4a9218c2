//! ALLSELECTED: each column gets back what the innermost iterator over it goes through, or what filtered it around the
//! grouping of SUMMARIZECOLUMNS.

use std::collections::HashSet;
use std::rc::Rc;

use security::{Column, PathColumn, Target};

use super::{Evaluator, Outcome};
use crate::batch::Batch;
use crate::bound::{Removal, Schema, path_here};
use crate::context::{FilterContext, Item, Iterated, Relations};
use crate::table::{ColumnRows, TableRows};

impl<'a> Evaluator<'a> {
    /// The context in which ALLSELECTED, as a table, lists its rows.
    pub fn all_selected(&self, removal: &Removal, batch: &Rc<Batch>) -> Outcome<FilterContext> {
        let mut context = (*batch.filters).clone();
        let grouped = self.restore_selected(&mut context, removal, batch)?;
        // Of one column, where nothing is grouped, filters of other columns leave no value out.
        if let (Removal::Columns(columns), false) = (removal, grouped)
            && columns.len() == 1
        {
            context.items = self.items_on(&context, &|column| columns.contains(&column))?;
        }
        Ok(context)
    }

    /// Brings back, column by column, the innermost of the iterators and groupings that concern it; a column that none concerns
    /// keeps its filter. Says whether there is a grouping.
    pub fn restore_selected(
        &self,
        context: &mut FilterContext,
        removal: &Removal,
        batch: &Rc<Batch>,
    ) -> Outcome<bool> {
        let everything = *removal == Removal::Everything;
        let wanted = self.removed_columns(removal, &context.relations);
        let mut restored: HashSet<Column> = HashSet::new();
        let mut items: Vec<Rc<Item>> = Vec::new();
        let mut grouping = None;
        let mut next = batch.filters.shadow.clone();
        while let Some((shadow, map)) = next {
            let Some(iterated) = &shadow.rows else {
                grouping = Some(shadow.outer.take(&map));
                break;
            };
            let mut columns = self.columns_of_rows(iterated, &shadow.outer.relations);
            columns.retain(|c| (everything || wanted.contains(c)) && !restored.contains(c));
            if !columns.is_empty() {
                let relations = &shadow.outer.relations;
                let mut found = self.rows_on(iterated, &columns, relations, &map, batch.len)?;
                if iterated.keeps {
                    let outer = shadow.outer.take(&map);
                    found.extend(self.items_on(&outer, &|column| columns.contains(&column))?);
                }
                let now = &context.relations;
                items.extend(
                    found
                        .iter()
                        .map(|item| self.expanded_before(item, relations, now)),
                );
                restored.extend(columns);
            }
            next = shadow.outer.shadow.as_ref().map(|(outer, outer_map)| {
                (
                    Rc::clone(outer),
                    map.iter()
                        .map(|&i| outer_map[i as usize])
                        .collect::<Rc<[u32]>>(),
                )
            });
        }
        let grouped = grouping.is_some();
        match grouping {
            Some(outer) => {
                self.remove(context, removal)?;
                let kept = self.items_on(&outer, &|column| {
                    (everything || wanted.contains(&column)) && !restored.contains(&column)
                })?;
                let now = Rc::clone(&context.relations);
                let kept = kept.iter();
                let kept = kept.map(|item| self.expanded_before(item, &outer.relations, &now));
                context.items.extend(kept);
            }
            None => {
                let mut freed: Vec<Column> = restored.into_iter().collect();
                freed.sort();
                self.remove(context, &Removal::Columns(freed))?;
            }
        }
        context.items.extend(items);
        Ok(grouped)
    }

    /// The columns that the rows of an iterator would filter: of rows of a table those of the expanded table.
    fn columns_of_rows(&self, iterated: &Iterated, relations: &Relations) -> HashSet<Column> {
        let own = iterated.columns.iter().map(|(_, column)| *column);
        let relations = iterated.rows.under.as_deref().unwrap_or(relations);
        match (iterated.schema.base, &iterated.rows.base) {
            (Some(table), Some(_)) => own.chain(self.expanded_columns(table, relations)).collect(),
            _ => own.collect(),
        }
    }

    /// The rows of an iterator as filters on some of their columns.
    fn rows_on(
        &self,
        iterated: &Iterated,
        columns: &HashSet<Column>,
        relations: &Relations,
        map: &[u32],
        contexts: usize,
    ) -> Outcome<Vec<Rc<Item>>> {
        let seen = iterated.rows.remap(map);
        let relations = iterated.rows.under.as_deref().unwrap_or(relations);
        if let (Some(table), Some(_)) = (iterated.schema.base, &seen.base) {
            let mut kept = Vec::new();
            for item in self.items_of(&seen, &iterated.schema, contexts)? {
                kept.extend(self.kept_of_rows(&item, table, columns, relations)?);
            }
            return Ok(kept);
        }
        let mut fields = Vec::new();
        let mut kept = Vec::new();
        for (index, column) in &iterated.columns {
            if !columns.contains(column) {
                continue;
            }
            let codes = match (&seen.columns[*index], &seen.base) {
                (ColumnRows::Base, Some(base)) => Some(self.scope.fetch(
                    base,
                    &PathColumn {
                        path: path_here(),
                        target: Target::Column(*column),
                    },
                    self.control,
                )?),
                (ColumnRows::Coded(codes), _) => Some(codes.clone()),
                _ => None,
            };
            kept.push(codes.map_or_else(|| seen.columns[*index].clone(), ColumnRows::Coded));
            fields.push(crate::bind::field_of(self.scope, *column));
        }
        let schema = Schema { fields, base: None };
        let seen = TableRows {
            columns: kept,
            base: None,
            ..seen
        };
        self.items_of(&seen, &schema, contexts)
    }

    /// What the filters of a context say of some columns.
    fn items_on(
        &self,
        context: &FilterContext,
        wanted: &dyn Fn(Column) -> bool,
    ) -> Outcome<Vec<Rc<Item>>> {
        let mut kept = Vec::new();
        for item in &context.items {
            if let [Target::Row(table)] = item.targets.as_slice() {
                let relations = item.relations(&context.relations);
                let columns: HashSet<Column> = self
                    .expanded_columns(*table, relations)
                    .into_iter()
                    .filter(|column| wanted(*column))
                    .collect();
                kept.extend(self.kept_of_rows(item, *table, &columns, relations)?);
                continue;
            }
            let positions: Vec<usize> = (0..item.targets.len())
                .filter(|&p| matches!(item.targets[p], Target::Column(column) if wanted(column)))
                .collect();
            if positions.len() == item.targets.len() {
                kept.push(Rc::clone(item));
            } else if !positions.is_empty() {
                kept.push(Rc::new(item.project(&positions)));
            }
        }
        Ok(kept)
    }
}
