//! Measures by columns under filters, asked for by handles: how another language has measures evaluated.

use std::fmt::Write;
use std::sync::Arc;

use roaring::RoaringBitmap;
use security::{Column, Control, Measure, Scope, Target};

use crate::answer::{AnswerTable, Options};
use crate::bind::Wanted;
use crate::context::{FilterContext, Item, Set};
use crate::error::{Error, ErrorKind};
use crate::eval::Evaluator;
use crate::query::{bind, bind_with, environment, parse, run_under};
use crate::value::DataType;

/// Measures for each combination of values of some columns.
#[derive(Clone, Debug)]
pub struct Grouped {
    /// None: one row.
    pub keys: Vec<Column>,
    pub measures: Vec<Measure>,
    /// Which codes of a column the filter context admits; 0 is BLANK.
    pub filters: Vec<(Column, Arc<RoaringBitmap>)>,
}

/// A row for each combination for which a measure is not BLANK: the keys, and then the measures. And how many scans were asked for.
pub fn grouped(
    scope: &Scope,
    asked: &Grouped,
    options: &Options,
    control: &Control,
) -> Result<(AnswerTable, u64), Error> {
    let query = parse(&text(scope, &asked.keys, &asked.measures))?;
    let bound = bind_with(scope, &query, options, control, Wanted::All)?;
    let mut evaluator = Evaluator::new(scope, control, &options.limits, environment(scope));
    let items = asked.filters.iter().map(|(column, codes)| {
        Item::shared(vec![Target::Column(*column)], Set::Codes(Arc::clone(codes)))
    });
    let context = FilterContext {
        items: items.collect(),
        ..FilterContext::default()
    };
    let tables = run_under(&mut evaluator, bound, context)?;
    let table = tables.into_iter().next().ok_or_else(no_answer)?;
    Ok((table, evaluator.scans.get()))
}

/// The types that measures are bound with: Unknown or Variant where only evaluation tells.
pub fn measure_types(scope: &Scope, measures: &[Measure]) -> Result<Vec<DataType>, Error> {
    let query = parse(&text(scope, &[], measures))?;
    let bound = bind(scope, &query, &Options::default(), &Control::new(None))?;
    let evaluate = bound.evaluates.first().ok_or_else(no_answer)?;
    let fields = evaluate.table.schema.fields.iter();
    Ok(fields.map(|field| field.data_type).collect())
}

fn no_answer() -> Error {
    Error::nowhere(
        ErrorKind::Internal,
        "internal error: measures without an answer",
    )
}

/// The same as a query: names are those of handles, and quoted.
fn text(scope: &Scope, keys: &[Column], measures: &[Measure]) -> String {
    let mut text = String::from(if keys.is_empty() {
        "EVALUATE ROW("
    } else {
        "EVALUATE SUMMARIZECOLUMNS("
    });
    let mut comma = "";
    for key in keys {
        let (table, column) = (scope.table(key.table()), scope.column(*key));
        let name = full_name(&table.name, &column.name);
        let _ = write!(text, "{comma}{name}");
        comma = ", ";
    }
    for (place, measure) in measures.iter().enumerate() {
        let home = scope.table(scope.measure_table(*measure));
        let name = full_name(&home.name, &scope.measure(*measure).name);
        let _ = write!(text, "{comma}\"m{place}\", {name}");
        comma = ", ";
    }
    text.push(')');
    text
}

fn full_name(table: &str, name: &str) -> String {
    format!(
        "'{}'[{}]",
        table.replace('\'', "''"),
        name.replace(']', "]]")
    )
}
