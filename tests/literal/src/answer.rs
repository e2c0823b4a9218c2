//! A whole query over data.

use std::collections::HashMap;

use dax::{DefinitionKind, Expr, parse_expression, parse_query};

use crate::data::Data;
use crate::eval::{Evaluator, Group, Place};
use crate::value::{Failure, Result, Value};

/// The rows of each EVALUATE.
pub type Answer = Vec<Vec<Vec<Value>>>;

pub fn answer(data: &Data, dax: &str) -> Result<Answer> {
    let parsed = parse_query(dax);
    if let Some(first) = parsed.errors.first() {
        return Err(Failure::Error(format!("{first:?}")));
    }
    let mut evaluator = Evaluator::new(data)?;
    let mut place = Place::default();
    for definition in &parsed.tree.definitions {
        match &definition.kind {
            DefinitionKind::Measure { name, body, .. } => {
                evaluator
                    .measures
                    .insert(name.text.to_lowercase(), body.clone());
            }
            DefinitionKind::Var { name, body } => {
                place = evaluator.with_variables(&[(name.clone(), body.clone())], &place)
            }
            other => return Err(Failure::Unknown(format!("{other:?}"))),
        }
    }
    parsed
        .tree
        .evaluates
        .iter()
        .map(|evaluate| {
            evaluator
                .table(&evaluate.table, &place)
                .map(|table| table.rows)
        })
        .collect()
}

fn parsed(text: &str) -> Result<Expr> {
    let parsed = parse_expression(text);
    match parsed.errors.first() {
        Some(first) => Err(Failure::Error(format!("{first:?}"))),
        None => Ok(parsed.tree),
    }
}

impl<'d> Evaluator<'d> {
    pub fn new(data: &'d Data) -> Result<Evaluator<'d>> {
        let (mut measures, mut groups) = (HashMap::new(), Vec::new());
        for (number, table) in data.model.tables.iter().enumerate() {
            for measure in &table.measures {
                measures.insert(measure.name.to_lowercase(), parsed(&measure.expression)?);
            }
            if let Some(group) = &table.calculation_group {
                let items = group
                    .items
                    .iter()
                    .map(|item| Ok((item.name.clone(), parsed(&item.expression)?)));
                groups.push(Group {
                    table: number,
                    precedence: group.precedence,
                    items: items.collect::<Result<_>>()?,
                });
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.precedence));
        Ok(Evaluator {
            data,
            measures,
            groups,
        })
    }
}
