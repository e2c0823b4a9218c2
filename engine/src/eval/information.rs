//! Tables that describe the view: INFO.VIEW.* over its names, and COLUMNSTATISTICS over its visible rows.

use std::rc::Rc;

use dax::Span;
use security::{
    Aggregate, AggregateOp, Aggregated, Column, Expression, PathColumn, RelationshipInfo, Scan,
    Table, Target,
};

use super::{Evaluator, Outcome, internal};
use crate::batch::Batch;
use crate::bind::Binder;
use crate::bound::{InformationTable, path_here};
use crate::error::{Error, ErrorKind};
use crate::table::{ColumnRows, TableRows};
use crate::value::{DataType, Value};
use crate::vector::Vector;

pub(crate) type Layout = Vec<(&'static str, DataType)>;

type Columns = &'static [(&'static str, DataType)];

const TABLES: Columns = &[
    ("ID", DataType::Integer),
    ("Name", DataType::Text),
    ("Model", DataType::Text),
    ("DataCategory", DataType::Text),
    ("Description", DataType::Text),
    ("IsHidden", DataType::Boolean),
    ("StorageMode", DataType::Text),
    ("TableStorage", DataType::Text),
    ("Expression", DataType::Text),
    ("ShowAsVariationsOnly", DataType::Boolean),
    ("IsPrivate", DataType::Boolean),
    ("CalculationGroupPrecedence", DataType::Integer),
    ("LineageTag", DataType::Text),
];

const COLUMNS: Columns = &[
    ("ID", DataType::Integer),
    ("Name", DataType::Text),
    ("Table", DataType::Text),
    ("DataType", DataType::Text),
    ("DataCategory", DataType::Text),
    ("Description", DataType::Text),
    ("IsHidden", DataType::Boolean),
    ("IsUnique", DataType::Boolean),
    ("IsKey", DataType::Boolean),
    ("IsNullable", DataType::Boolean),
    ("Alignment", DataType::Text),
    ("SummarizeBy", DataType::Text),
    ("ColumnStorage", DataType::Text),
    ("Type", DataType::Text),
    ("SourceColumn", DataType::Text),
    ("Expression", DataType::Text),
    ("FormatString", DataType::Text),
    ("IsAvailableInMDX", DataType::Boolean),
    ("SortByColumn", DataType::Text),
    ("GroupingBehavior", DataType::Text),
    ("SourceProviderType", DataType::Text),
    ("DisplayFolder", DataType::Text),
    ("AlternateOf", DataType::Text),
    ("LineageTag", DataType::Text),
];

const MEASURES: Columns = &[
    ("ID", DataType::Integer),
    ("Name", DataType::Text),
    ("Table", DataType::Text),
    ("Description", DataType::Text),
    ("DataType", DataType::Text),
    ("Expression", DataType::Text),
    ("FormatString", DataType::Text),
    ("IsHidden", DataType::Boolean),
    ("State", DataType::Text),
    ("KPIID", DataType::Integer),
    ("IsSimpleMeasure", DataType::Boolean),
    ("DisplayFolder", DataType::Text),
    ("DetailRowsDefinition", DataType::Text),
    ("DataCategory", DataType::Text),
    ("FormatStringDefinition", DataType::Text),
    ("LineageTag", DataType::Text),
];

const RELATIONSHIPS: Columns = &[
    ("ID", DataType::Integer),
    ("Name", DataType::Text),
    ("Relationship", DataType::Text),
    ("Model", DataType::Text),
    ("IsActive", DataType::Boolean),
    ("CrossFilteringBehavior", DataType::Text),
    ("RelyOnReferentialIntegrity", DataType::Boolean),
    ("FromTable", DataType::Text),
    ("FromColumn", DataType::Text),
    ("FromCardinality", DataType::Text),
    ("ToTable", DataType::Text),
    ("ToColumn", DataType::Text),
    ("ToCardinality", DataType::Text),
    ("State", DataType::Text),
    ("SecurityFilteringBehavior", DataType::Text),
];

/// The columns of an INFO.VIEW table, as the reference lists them. What lies in the source or in storage, and tags that only tools
/// read, are BLANK.
pub fn information_schema(table: InformationTable) -> Layout {
    match table {
        InformationTable::Tables => TABLES,
        InformationTable::Columns => COLUMNS,
        InformationTable::Measures => MEASURES,
        InformationTable::Relationships => RELATIONSHIPS,
    }
    .to_vec()
}

/// The columns of COLUMNSTATISTICS.
pub fn column_statistics_schema() -> Layout {
    vec![
        ("Table Name", DataType::Text),
        ("Column Name", DataType::Text),
        ("Min", DataType::Variant),
        ("Max", DataType::Variant),
        ("Cardinality", DataType::Integer),
        ("Max Length", DataType::Integer),
    ]
}

/// The name of the column of row numbers that every table is listed with, as tools for the vendor's engine know it.
pub(super) const ROW_NUMBER: &str = "RowNumber-2662979B-1795-4F74-8F37-6A1BA8059B61";

/// A column as it is listed; None: the table's row numbers, which are shown and hold nothing to read.
#[derive(Clone, Copy)]
pub(super) struct ListedColumn {
    pub table: Table,
    pub column: Option<Column>,
}

/// All visible columns but the query's, and before those of each table its row numbers.
pub(super) fn listed_columns(scope: &security::Scope) -> Vec<ListedColumn> {
    let of_table = |table| {
        let columns = scope.columns(table).into_iter();
        let own = columns.filter(|column| !scope.is_added_column(*column));
        std::iter::once(None)
            .chain(own.map(Some))
            .map(move |column| ListedColumn { table, column })
    };
    let tables = scope.tables().filter(|table| !scope.is_added_table(*table));
    tables.flat_map(of_table).collect()
}

/// A row under construction: cells by the name of their column, BLANK where nothing is said.
pub(super) struct Cells<'l> {
    layout: &'l Layout,
    pub cells: Vec<Value>,
}

impl<'l> Cells<'l> {
    pub fn new(layout: &'l Layout) -> Self {
        Cells {
            layout,
            cells: vec![Value::Blank; layout.len()],
        }
    }

    pub fn set(mut self, name: &str, value: Value) -> Self {
        if let Some(at) = self.layout.iter().position(|(known, _)| *known == name) {
            self.cells[at] = value;
        }
        self
    }

    /// Empty text is BLANK.
    pub fn text(self, name: &str, text: &str) -> Self {
        if text.is_empty() {
            self
        } else {
            self.set(name, Value::text(text))
        }
    }

    pub fn flag(self, name: &str, flag: bool) -> Self {
        self.set(name, Value::Boolean(flag))
    }
}

/// The names that the vendor's tools show for data types.
fn type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Text => "Text",
        DataType::Integer => "Integer",
        DataType::Double => "Number",
        DataType::Fixed => "Currency",
        DataType::DateTime => "DateTime",
        DataType::Boolean => "Boolean",
        DataType::Binary => "Binary",
        DataType::Unknown | DataType::Variant => "Variant",
    }
}

/// A word of the model as tools show it: `distinctCount` as `DistinctCount`.
fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next();
    first
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect()
}

fn id(position: usize) -> Value {
    Value::Integer(position as i64 + 1)
}

pub(super) fn table_of_rows(layout: &Layout, rows: Vec<Vec<Value>>, contexts: usize) -> TableRows {
    let columns = layout.iter().enumerate().map(|(k, (_, data_type))| {
        let cells = rows
            .iter()
            .map(|row| Ok(row.get(k).cloned().unwrap_or(Value::Blank)));
        ColumnRows::Values(Vector::from_results(cells, *data_type))
    });
    TableRows::shared(contexts, rows.len(), None, columns.collect())
}

impl<'a> Evaluator<'a> {
    /// INFO.VIEW.TABLES, COLUMNS, MEASURES and RELATIONSHIPS of the view.
    pub fn information(&self, table: InformationTable, batch: &Rc<Batch>) -> Outcome<TableRows> {
        let layout = information_schema(table);
        let rows = match table {
            InformationTable::Tables => self
                .scope
                .tables()
                .filter(|table| !self.scope.is_added_table(*table))
                .enumerate()
                .map(|(position, table)| self.table_cells(&layout, position, table))
                .collect(),
            InformationTable::Columns => listed_columns(self.scope)
                .into_iter()
                .enumerate()
                .map(|(position, listed)| match listed.column {
                    Some(column) => self.column_cells(&layout, position, column),
                    None => self.row_number_cells(&layout, position, listed.table),
                })
                .collect(),
            InformationTable::Measures => self.measure_rows(&layout),
            InformationTable::Relationships => {
                // Over a hidden column: the relationship would not be there if the column were not.
                let shown = self
                    .scope
                    .relationships()
                    .iter()
                    .filter(|info| info.from_column.is_some() && info.to_column.is_some());
                shown
                    .enumerate()
                    .filter_map(|(position, info)| self.relationship_cells(&layout, position, info))
                    .collect()
            }
        };
        Ok(table_of_rows(&layout, rows, batch.len))
    }

    /// Expressions may name what is hidden, and say how figures come about: identities under roles do not get them.
    pub fn shows_expressions(&self) -> bool {
        self.scope.identity().role_names().is_empty()
    }

    fn table_cells(&self, layout: &Layout, position: usize, table: Table) -> Vec<Value> {
        let described = self.scope.table(table);
        let mut cells = Cells::new(layout)
            .set("ID", id(position))
            .text("Name", &described.name)
            .text("Model", &self.scope.model().name)
            .text(
                "DataCategory",
                described.data_category.as_deref().unwrap_or_default(),
            )
            .text("Description", &described.description)
            .flag("IsHidden", described.hidden)
            .text("StorageMode", "Import")
            .flag("ShowAsVariationsOnly", false)
            .flag("IsPrivate", described.private);
        if let Some(group) = &described.calculation_group {
            cells = cells.set(
                "CalculationGroupPrecedence",
                Value::Integer(group.precedence),
            );
        }
        let calculated = described
            .partitions
            .iter()
            .find_map(|partition| match &partition.kind {
                model::PartitionKind::Calculated { expression } => Some(expression),
                _ => None,
            });
        if let Some(expression) = calculated.filter(|_| self.shows_expressions()) {
            cells = cells.text("Expression", expression);
        }
        cells.cells
    }

    fn row_number_cells(&self, layout: &Layout, position: usize, table: Table) -> Vec<Value> {
        Cells::new(layout)
            .set("ID", id(position))
            .text("Name", ROW_NUMBER)
            .text("Table", &self.scope.table(table).name)
            .text("DataType", type_name(DataType::Integer))
            .flag("IsHidden", true)
            .flag("IsUnique", true)
            .flag("IsKey", true)
            .flag("IsNullable", false)
            .text("Alignment", "Default")
            .text("SummarizeBy", "Default")
            .text("Type", "RowNumber")
            .text("GroupingBehavior", "GroupOnValue")
            .cells
    }

    fn column_cells(&self, layout: &Layout, position: usize, column: Column) -> Vec<Value> {
        let described = self.scope.column(column);
        let of_group = self.scope.table(column.table()).calculation_group.is_some();
        let (kind, expression) = match &described.kind {
            model::ColumnKind::Data { .. } => ("Data", ""),
            // No expression computes them, though none of them lies in a source.
            model::ColumnKind::CalculatedTable { .. } if of_group => ("Data", ""),
            model::ColumnKind::Calculated { expression } => ("Calculated", expression.as_str()),
            model::ColumnKind::CalculatedTable { .. } => ("CalculatedTableColumn", ""),
            model::ColumnKind::RowNumber => ("RowNumber", ""),
        };
        let cells = Cells::new(layout)
            .set("ID", id(position))
            .text("Name", &described.name)
            .text("Table", &self.scope.table(column.table()).name)
            .text("DataType", type_name(self.scope.column_type(column)))
            .text(
                "DataCategory",
                described.data_category.as_deref().unwrap_or_default(),
            )
            .text("Description", &described.description)
            .flag("IsHidden", described.hidden)
            .flag("IsUnique", described.unique)
            .flag("IsKey", described.key)
            .flag("IsNullable", described.nullable)
            .text("Alignment", "Default")
            .text(
                "SummarizeBy",
                &capitalized(described.summarize_by.as_deref().unwrap_or("default")),
            )
            .text("Type", kind)
            .text(
                "FormatString",
                described.format_string.as_deref().unwrap_or_default(),
            )
            .text(
                "SortByColumn",
                described.sort_by.as_deref().unwrap_or_default(),
            )
            .text(
                "GroupingBehavior",
                if described.group_by.is_empty() {
                    "GroupOnValue"
                } else {
                    "GroupOnEntityKey"
                },
            )
            .text(
                "DisplayFolder",
                described.display_folder.as_deref().unwrap_or_default(),
            );
        if self.shows_expressions() {
            cells.text("Expression", expression).cells
        } else {
            cells.cells
        }
    }

    /// The types of what the measures give, one each: as declared, else as their expressions say. Any, where a calculation item may
    /// come between; unknown, where an expression does not bind.
    pub(super) fn measure_types(&self) -> Vec<DataType> {
        let scope = self.scope;
        let mut tables = scope.tables();
        let has_items = tables.any(|table| scope.table(table).calculation_group.is_some());
        let mut binder = Binder::new(scope, &[]).under(self.control);
        let types = scope.measures().into_iter().map(|measure| {
            let declared = scope.measure(measure).data_type;
            if has_items {
                return DataType::Variant;
            }
            if declared != DataType::Unknown {
                return declared;
            }
            let bound = binder.measure(measure, Span::default());
            bound.map_or(DataType::Unknown, |bound| bound.data_type)
        });
        types.collect()
    }

    fn measure_rows(&self, layout: &Layout) -> Vec<Vec<Value>> {
        let types = self.measure_types();
        let rows = self
            .scope
            .measures()
            .into_iter()
            .enumerate()
            .map(|(position, measure)| {
                let described = self.scope.measure(measure);
                let cells = Cells::new(layout)
                    .set("ID", id(position))
                    .text("Name", &described.name)
                    .text(
                        "Table",
                        &self.scope.table(self.scope.measure_table(measure)).name,
                    )
                    .text("Description", &described.description)
                    .text(
                        "DataType",
                        type_name(types.get(position).copied().unwrap_or(DataType::Unknown)),
                    )
                    .text(
                        "FormatString",
                        described.format_string.as_deref().unwrap_or_default(),
                    )
                    .flag("IsHidden", described.hidden)
                    .text("State", "Ready")
                    .text(
                        "DisplayFolder",
                        described.display_folder.as_deref().unwrap_or_default(),
                    );
                if !self.shows_expressions() {
                    return cells.cells;
                }
                cells
                    .text("Expression", &described.expression)
                    .text(
                        "DetailRowsDefinition",
                        described.detail_rows.as_deref().unwrap_or_default(),
                    )
                    .text(
                        "FormatStringDefinition",
                        described.format_expression.as_deref().unwrap_or_default(),
                    )
                    .cells
            });
        rows.collect()
    }

    fn relationship_cells(
        &self,
        layout: &Layout,
        position: usize,
        info: &RelationshipInfo,
    ) -> Option<Vec<Value>> {
        let (from_table, to_table) = (
            &self.scope.table(info.from).name,
            &self.scope.table(info.to).name,
        );
        let (from_column, to_column) = (
            &self.scope.column(info.from_column?).name,
            &self.scope.column(info.to_column?).name,
        );
        let same = |a: &str, b: &str| security::fold_text(a) == security::fold_text(b);
        let declared = self.scope.model().relationships.iter().find(|declared| {
            same(&declared.from_table, from_table)
                && same(&declared.from_column, from_column)
                && same(&declared.to_table, to_table)
                && same(&declared.to_column, to_column)
        });
        let end = |many: bool| if many { "Many" } else { "One" };
        let sign = |many: bool| if many { '*' } else { '1' };
        let arrow = if info.both_directions { "<->" } else { "<-" };
        let relationship = format!(
            "'{from_table}'[{from_column}] {}{arrow}{} '{to_table}'[{to_column}]",
            sign(info.from_many),
            sign(info.to_many)
        );
        let mut cells = Cells::new(layout)
            .set("ID", id(position))
            .text("Relationship", &relationship)
            .text("Model", &self.scope.model().name)
            .flag("IsActive", info.active)
            .text(
                "CrossFilteringBehavior",
                if info.both_directions {
                    "BothDirections"
                } else {
                    "OneDirection"
                },
            )
            .text("FromTable", from_table)
            .text("FromColumn", from_column)
            .text("FromCardinality", end(info.from_many))
            .text("ToTable", to_table)
            .text("ToColumn", to_column)
            .text("ToCardinality", end(info.to_many))
            .text(
                "State",
                if info.in_error {
                    "DependencyError"
                } else {
                    "Ready"
                },
            );
        if let Some(declared) = declared {
            let security = match declared.security_filter {
                model::SecurityFilter::OneDirection => "OneDirection",
                model::SecurityFilter::BothDirections => "BothDirections",
                model::SecurityFilter::None => "None",
            };
            cells = cells
                .text("Name", &declared.name)
                .flag(
                    "RelyOnReferentialIntegrity",
                    declared.rely_on_referential_integrity,
                )
                .text("SecurityFilteringBehavior", security);
        }
        Some(cells.cells)
    }

    /// COLUMNSTATISTICS: least and greatest value, number of different values and longest text of every visible column, over the
    /// visible rows.
    pub fn column_statistics(&self, batch: &Rc<Batch>) -> Outcome<TableRows> {
        if !batch.filters.items.is_empty() {
            return Err(Error::nowhere(
                ErrorKind::Evaluation,
                "COLUMNSTATISTICS does not work under filters",
            ));
        }
        self.scope.lists_all()?;
        let mut rows = Vec::new();
        let tables = self.scope.tables();
        let own = tables.filter(|table| !self.scope.is_added_table(*table));
        for table in own.filter(|table| self.scope.in_error(Target::Row(*table)).is_none()) {
            rows.extend(self.table_statistics(table)?);
        }
        Ok(table_of_rows(&column_statistics_schema(), rows, batch.len))
    }

    /// The length of the longest visible text; BLANK for other types.
    fn longest_text(&self, column: Column) -> Outcome<Value> {
        if self.scope.column_type(column) != DataType::Text {
            return Ok(Value::Blank);
        }
        let here = PathColumn {
            path: path_here(),
            target: Target::Column(column),
        };
        let values = self.scan(&Scan {
            table: column.table(),
            filters: Vec::new(),
            keys: vec![here],
            aggregates: Vec::new(),
        })?;
        let texts = self.decode(&values.keys[0])?;
        let lengths = (0..texts.len()).filter_map(|i| match texts.get(i) {
            Value::Text(text) => Some(text.chars().count() as i64),
            _ => None,
        });
        Ok(lengths.max().map_or(Value::Blank, Value::Integer))
    }

    /// One scan for the table, and one for each column of text: for its lengths.
    fn table_statistics(&self, table: Table) -> Outcome<Vec<Vec<Value>>> {
        let columns: Vec<Column> = listed_columns(self.scope)
            .into_iter()
            .filter(|listed| listed.table == table)
            .filter_map(|listed| listed.column)
            // There is nothing to count in a column in error.
            .filter(|column| self.scope.in_error(Target::Column(*column)).is_none())
            .collect();
        let here = |column: Column| PathColumn {
            path: path_here(),
            target: Target::Column(column),
        };
        let operations = [
            AggregateOp::Min,
            AggregateOp::Max,
            AggregateOp::DistinctCount,
        ];
        let aggregate = |op: AggregateOp, column: Column| Aggregate {
            op,
            argument: Some(Expression::Column(here(column))),
        };
        let number_of_rows = Aggregate {
            op: AggregateOp::Rows,
            argument: None,
        };
        let aggregates = columns
            .iter()
            .flat_map(|&column| operations.map(|op| aggregate(op, column)))
            .chain(std::iter::once(number_of_rows))
            .collect();
        let groups = self.scan(&Scan {
            table,
            filters: Vec::new(),
            keys: Vec::new(),
            aggregates,
        })?;
        let Some(Aggregated::Count(count)) = groups.aggregates.last() else {
            return Err(internal("a table without its number of rows"));
        };
        let mut rows = Vec::with_capacity(columns.len() + 1);
        rows.push(vec![
            Value::text(self.scope.table(table).name.as_str()),
            Value::text(ROW_NUMBER),
            Value::Blank,
            Value::Blank,
            Value::Integer(count.first().copied().unwrap_or(0) as i64),
            Value::Blank,
        ]);
        for (column, found) in columns
            .iter()
            .zip(groups.aggregates.chunks_exact(operations.len()))
        {
            let (Aggregated::Codes(least), Aggregated::Codes(greatest), Aggregated::Count(count)) =
                (&found[0], &found[1], &found[2])
            else {
                return Err(internal("a column without statistics"));
            };
            let longest = self.longest_text(*column)?;
            rows.push(vec![
                Value::text(self.scope.table(table).name.as_str()),
                Value::text(self.scope.column(*column).name.as_str()),
                self.decode(least)?.get(0),
                self.decode(greatest)?.get(0),
                Value::Integer(count.first().copied().unwrap_or(0) as i64),
                longest,
            ]);
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_under_their_names() {
        let layout = information_schema(InformationTable::Measures);
        let cells = Cells::new(&layout)
            .text("Name", "Margin")
            .flag("IsHidden", true)
            .text("Description", "")
            .cells;
        let check = |name: &str, expected: Value| {
            let at = layout.iter().position(|(known, _)| *known == name).unwrap();
            assert_eq!(cells[at], expected, "{name}");
        };
        check("Name", Value::text("Margin"));
        check("IsHidden", Value::Boolean(true));
        check("Description", Value::Blank);
        check("Expression", Value::Blank);
    }
}
