//! Every DAX expression that a model holds, with its place.

use engine::Place;
use model::{CalculationGroup, ColumnKind, Measure, Model, Source, Table};
use security::Scope;

/// One expression as the model's author wrote it.
pub struct Written {
    /// As `model::check` names it: `measure 'Sales'[Total Sales]`.
    pub object: String,
    /// Which of the object's expressions, with a colon and a space; nothing for its main one.
    pub part: &'static str,
    pub source: Source,
    pub text: String,
    role: Role,
    /// The table that the expression belongs to, by name.
    table: String,
}

/// What an expression is for; with its table, that is the place as the engine knows it.
#[derive(Clone, Copy)]
enum Role {
    Measure,
    CalculatedColumn,
    CalculatedTable,
    RowFilter,
    Function,
    CalculationItem,
    FormatString,
    DetailRows,
}

impl Written {
    /// The place in the names of a scope; None where the scope does not hold the table.
    pub fn place_in(&self, scope: &Scope) -> Option<Place> {
        let table = || scope.find_table(&self.table);
        Some(match self.role {
            Role::Measure => Place::Measure(table()?),
            Role::CalculatedColumn => Place::CalculatedColumn(table()?),
            Role::CalculatedTable => Place::CalculatedTable,
            Role::RowFilter => Place::RowFilter(table()?),
            Role::Function => Place::Function,
            Role::CalculationItem => Place::CalculationItem,
            Role::FormatString => Place::FormatString,
            Role::DetailRows => Place::DetailRows(table()?),
        })
    }
}

/// All of them, roles' filters included, in the order of the model.
pub fn expressions_of(model: &Model) -> Vec<Written> {
    let mut list = Vec::new();
    for table in &model.tables {
        of_table(&mut list, table);
    }
    for function in &model.functions {
        let object = Object {
            name: format!("function '{}'", function.name),
            table: "",
            source: &function.source,
        };
        object.has(&mut list, Role::Function, "", Some(&function.expression));
    }
    for role in &model.roles {
        for permission in &role.tables {
            let table = permission.table.as_str();
            let name = format!("role '{}', table {}", role.name, quoted(table));
            let object = Object {
                name,
                table,
                source: &permission.source,
            };
            object.has(&mut list, Role::RowFilter, "", permission.filter.as_deref());
        }
    }
    list
}

/// What has expressions.
struct Object<'a> {
    name: String,
    table: &'a str,
    source: &'a Source,
}

impl Object<'_> {
    fn has(&self, list: &mut Vec<Written>, role: Role, part: &'static str, text: Option<&str>) {
        let Some(text) = text else { return };
        list.push(Written {
            object: self.name.clone(),
            part,
            source: self.source.clone(),
            text: text.to_owned(),
            role,
            table: self.table.to_owned(),
        });
    }
}

fn of_table(list: &mut Vec<Written>, table: &Table) {
    let name = table.name.as_str();
    let object = Object {
        name: format!("table {}", quoted(name)),
        table: name,
        source: &table.source,
    };
    object.has(
        list,
        Role::CalculatedTable,
        "",
        table.calculated_expression(),
    );
    object.has(
        list,
        Role::DetailRows,
        "detail rows: ",
        table.default_detail_rows.as_deref(),
    );
    for column in &table.columns {
        if let ColumnKind::Calculated { expression } = &column.kind {
            let column = Object {
                name: format!("column {}", member(name, &column.name)),
                table: name,
                source: &column.source,
            };
            column.has(list, Role::CalculatedColumn, "", Some(expression));
        }
    }
    for measure in &table.measures {
        of_measure(list, name, measure);
    }
    if let Some(group) = &table.calculation_group {
        of_group(list, table, group);
    }
}

fn of_measure(list: &mut Vec<Written>, table: &str, measure: &Measure) {
    let name = format!("measure {}", member(table, &measure.name));
    let object = Object {
        name,
        table,
        source: &measure.source,
    };
    object.has(list, Role::Measure, "", Some(&measure.expression));
    object.has(
        list,
        Role::FormatString,
        "format string: ",
        measure.format_expression.as_deref(),
    );
    object.has(
        list,
        Role::DetailRows,
        "detail rows: ",
        measure.detail_rows.as_deref(),
    );
    if let Some(kpi) = &measure.kpi {
        object.has(list, Role::Measure, "KPI target: ", kpi.target.as_deref());
        object.has(list, Role::Measure, "KPI status: ", kpi.status.as_deref());
        object.has(list, Role::Measure, "KPI trend: ", kpi.trend.as_deref());
    }
}

fn of_group(list: &mut Vec<Written>, table: &Table, group: &CalculationGroup) {
    let named = |name: String| Object {
        name,
        table: &table.name,
        source: &table.source,
    };
    for item in &group.items {
        let object = named(format!(
            "calculation item {}",
            member(&table.name, &item.name)
        ));
        object.has(list, Role::CalculationItem, "", Some(&item.expression));
        object.has(
            list,
            Role::FormatString,
            "format string: ",
            item.format_expression.as_deref(),
        );
    }
    let object = named(format!("calculation group {}", quoted(&table.name)));
    if let Some(selection) = &group.no_selection {
        object.has(
            list,
            Role::CalculationItem,
            "no selection: ",
            Some(&selection.expression),
        );
        let format = selection.format_expression.as_deref();
        object.has(
            list,
            Role::FormatString,
            "no selection: format string: ",
            format,
        );
    }
    if let Some(selection) = &group.multiple_selection {
        object.has(
            list,
            Role::CalculationItem,
            "several selections: ",
            Some(&selection.expression),
        );
        let format = selection.format_expression.as_deref();
        object.has(
            list,
            Role::FormatString,
            "several selections: format string: ",
            format,
        );
    }
}

pub(crate) fn quoted(table: &str) -> String {
    format!("'{}'", table.replace('\'', "''"))
}

pub(crate) fn member(table: &str, name: &str) -> String {
    format!("{}[{}]", quoted(table), name.replace(']', "]]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{
        CalculationItem, Column, Kpi, Partition, PartitionKind, SelectionExpression,
        TablePermission, UserFunction,
    };

    #[test]
    fn no_expression_is_overlooked() {
        let text = |n: u32| Some(format!("expression {n}"));
        let written = |n: u32| format!("expression {n}");
        let kpi = Kpi {
            target: text(4),
            status: text(5),
            trend: text(6),
        };
        let measure = Measure {
            expression: written(1),
            format_expression: text(2),
            detail_rows: text(3),
            kpi: Some(kpi),
            ..Measure::default()
        };
        let item = CalculationItem {
            expression: written(9),
            format_expression: text(10),
            ..CalculationItem::default()
        };
        let selection = |n| {
            Some(SelectionExpression {
                expression: written(n),
                format_expression: text(n + 1),
            })
        };
        let group = CalculationGroup {
            items: vec![item],
            no_selection: selection(11),
            multiple_selection: selection(13),
            ..CalculationGroup::default()
        };
        let kind = ColumnKind::Calculated {
            expression: written(0),
        };
        let partition = PartitionKind::Calculated {
            expression: written(7),
        };
        let table = Table {
            columns: vec![Column {
                kind,
                ..Column::default()
            }],
            measures: vec![measure],
            partitions: vec![Partition {
                name: String::new(),
                mode: None,
                kind: partition,
            }],
            default_detail_rows: text(8),
            calculation_group: Some(group),
            ..Table::default()
        };
        let permission = TablePermission {
            filter: text(16),
            ..TablePermission::default()
        };
        let model = Model {
            tables: vec![table],
            functions: vec![UserFunction {
                expression: written(15),
                ..UserFunction::default()
            }],
            roles: vec![model::Role {
                tables: vec![permission],
                ..model::Role::default()
            }],
            ..Model::default()
        };
        let found: Vec<String> = expressions_of(&model).into_iter().map(|e| e.text).collect();
        assert_eq!(
            found,
            [7, 8, 0]
                .into_iter()
                .chain(1..=6)
                .chain(9..=16)
                .map(written)
                .collect::<Vec<_>>()
        );
    }
}
