//! The main objects: model, tables, columns, measures, relationships, hierarchies, functions.

use security::Target;

use super::super::information::{Cells, ROW_NUMBER};
use super::{Catalogue, IN_ERROR, MODEL, NEEDS_ERROR, READY, numbered};
use crate::value::{DataType, Value};

/// How the tabular object model numbers types.
fn type_number(data_type: DataType) -> Value {
    Value::Integer(match data_type {
        DataType::Text => 2,
        DataType::Integer => 6,
        DataType::Double => 8,
        DataType::DateTime => 9,
        DataType::Fixed => 10,
        DataType::Boolean => 11,
        DataType::Binary => 17,
        DataType::Unknown => 19,
        DataType::Variant => 20,
    })
}

fn summarize_number(name: Option<&str>) -> i64 {
    const NAMES: [&str; 8] = [
        "default",
        "none",
        "sum",
        "min",
        "max",
        "count",
        "average",
        "distinctCount",
    ];
    let known = NAMES
        .iter()
        .position(|known| name.is_some_and(|name| known.eq_ignore_ascii_case(name)));
    known.unwrap_or(0) as i64 + 1
}

fn cardinality(many: bool) -> Value {
    Value::Integer(if many { 2 } else { 1 })
}

impl Catalogue<'_> {
    pub(super) fn model(&self) -> Vec<Vec<Value>> {
        let model = self.scope.model();
        let cells = self
            .row(MODEL)
            .text("Name", &model.name)
            .text("Description", &model.description)
            .text("Culture", &model.culture)
            .text("Collation", model.collation.as_deref().unwrap_or_default())
            .set("DefaultMode", Value::Integer(0))
            .flag(
                "DiscourageImplicitMeasures",
                model.discourage_implicit_measures,
            );
        vec![cells.cells]
    }

    pub(super) fn catalogs(&self) -> Vec<Vec<Value>> {
        let model = self.scope.model();
        let level = i64::from(model.compatibility_level);
        let cells = Cells::new(&self.layout)
            .text("CATALOG_NAME", &model.name)
            .text("DESCRIPTION", &model.description)
            .set("COMPATIBILITY_LEVEL", Value::Integer(level))
            .flag("CURRENTLY_USED", true);
        vec![cells.cells]
    }

    /// The model's own culture is one of them.
    pub(super) fn culture_names(&self) -> Vec<&str> {
        let model = self.scope.model();
        let mut names: Vec<&str> = Vec::new();
        for name in model.cultures.iter().chain(std::iter::once(&model.culture)) {
            if !name.is_empty() && !names.iter().any(|known| model::same_name(known, name)) {
                names.push(name);
            }
        }
        names
    }

    pub(super) fn cultures(&self) -> Vec<Vec<Value>> {
        let names = self.culture_names();
        let rows = names.iter().enumerate().map(|(at, name)| {
            self.row(numbered(at))
                .set("ModelID", MODEL)
                .text("Name", name)
                .cells
        });
        rows.collect()
    }

    pub(super) fn tables(&self) -> Vec<Vec<Value>> {
        let groups = self.group_tables();
        let rows = self
            .described()
            .enumerate()
            .map(|(at, (table, described))| {
                let group = groups.iter().position(|(known, _)| *known == table);
                self.row(numbered(at))
                    .set("ModelID", MODEL)
                    .text("Name", &described.name)
                    .text(
                        "DataCategory",
                        described.data_category.as_deref().unwrap_or_default(),
                    )
                    .text("Description", &described.description)
                    .flag("IsHidden", described.hidden)
                    .flag("ShowAsVariationsOnly", false)
                    .flag("IsPrivate", described.private)
                    .set("CalculationGroupID", super::place(group))
                    .flag("ExcludeFromModelRefresh", false)
                    .flag("SystemManaged", false)
                    .cells
            });
        rows.collect()
    }

    pub(super) fn columns(&self) -> Vec<Vec<Value>> {
        let rows = self.columns.iter().enumerate().map(|(at, listed)| {
            let cells = self
                .row(numbered(at))
                .set("TableID", self.table_id(listed.table))
                .set("AttributeHierarchyID", numbered(at))
                .set("State", READY)
                .set("Alignment", Value::Integer(1))
                .flag("IsDefaultLabel", false)
                .flag("IsDefaultImage", false);
            let Some(column) = listed.column else {
                return cells
                    .text("ExplicitName", ROW_NUMBER)
                    .set("ExplicitDataType", type_number(DataType::Integer))
                    .flag("IsHidden", true)
                    .flag("IsUnique", true)
                    .flag("IsKey", true)
                    .flag("IsNullable", false)
                    .set("SummarizeBy", Value::Integer(1))
                    .set("Type", Value::Integer(3))
                    .cells;
            };
            let cells = match self.scope.in_error(Target::Column(column)) {
                Some(error) => cells
                    .set("State", IN_ERROR)
                    .text("ErrorMessage", &error.to_string()),
                None => cells,
            };
            let described = self.scope.column(column);
            let of_group = self.scope.table(listed.table).calculation_group.is_some();
            let (kind, source, expression) = match &described.kind {
                model::ColumnKind::Data { source_column } => (1, source_column.as_str(), ""),
                model::ColumnKind::Calculated { expression } => (2, "", expression.as_str()),
                model::ColumnKind::RowNumber => (3, "", ""),
                model::ColumnKind::CalculatedTable { source_column } => {
                    (if of_group { 1 } else { 4 }, source_column.as_str(), "")
                }
            };
            let shown = |text: &'_ str| {
                if self.expressions {
                    text.to_string()
                } else {
                    String::new()
                }
            };
            let sort = described
                .sort_by
                .as_ref()
                .map_or(Value::Blank, |name| self.column_named(listed.table, name));
            cells
                .text("ExplicitName", &described.name)
                .set(
                    "ExplicitDataType",
                    type_number(self.scope.column_type(column)),
                )
                .text(
                    "DataCategory",
                    described.data_category.as_deref().unwrap_or_default(),
                )
                .text("Description", &described.description)
                .flag("IsHidden", described.hidden)
                .flag("IsUnique", described.unique)
                .flag("IsKey", described.key)
                .flag("IsNullable", described.nullable)
                .set(
                    "SummarizeBy",
                    Value::Integer(summarize_number(described.summarize_by.as_deref())),
                )
                .set("Type", Value::Integer(kind))
                .text("SourceColumn", &shown(source))
                .text("Expression", &shown(expression))
                .text(
                    "FormatString",
                    described.format_string.as_deref().unwrap_or_default(),
                )
                .flag("IsAvailableInMDX", true)
                .set("SortByColumnID", sort)
                .text(
                    "DisplayFolder",
                    described.display_folder.as_deref().unwrap_or_default(),
                )
                .cells
        });
        rows.collect()
    }

    /// Every column has one.
    pub(super) fn attribute_hierarchies(&self) -> Vec<Vec<Value>> {
        (0..self.columns.len())
            .map(|at| {
                self.row(numbered(at))
                    .set("ColumnID", numbered(at))
                    .set("State", READY)
                    .cells
            })
            .collect()
    }

    pub(super) fn measures(&self) -> Vec<Vec<Value>> {
        let kpis = self.kpi_measures();
        let rows = self.measures.iter().enumerate().map(|(at, &measure)| {
            let described = self.scope.measure(measure);
            let cells = self
                .row(numbered(at))
                .set("TableID", self.table_id(self.scope.measure_table(measure)))
                .text("Name", &described.name)
                .text("Description", &described.description)
                .set(
                    "DataType",
                    type_number(self.types.get(at).copied().unwrap_or(DataType::Unknown)),
                )
                .text(
                    "FormatString",
                    described.format_string.as_deref().unwrap_or_default(),
                )
                .flag("IsHidden", described.hidden)
                .set("State", READY)
                .set(
                    "KPIID",
                    super::place(kpis.iter().position(|known| *known == measure)),
                )
                .flag("IsSimpleMeasure", false)
                .text(
                    "DisplayFolder",
                    described.display_folder.as_deref().unwrap_or_default(),
                );
            if self.expressions {
                cells.text("Expression", &described.expression).cells
            } else {
                cells.cells
            }
        });
        rows.collect()
    }

    /// A relationship over a hidden column would not be there if the column were not.
    pub(super) fn relationships(&self) -> Vec<Vec<Value>> {
        let shown = self.scope.relationships().iter().filter_map(|info| {
            let (from, to) = (info.from_column?, info.to_column?);
            Some((info, from, to))
        });
        let rows = shown.enumerate().map(|(at, (info, from, to))| {
            let declared = self.declared(info.from, from, info.to, to);
            let mut cells = self
                .row(numbered(at))
                .set("ModelID", MODEL)
                .flag("IsActive", info.active)
                .set("Type", Value::Integer(1))
                .set(
                    "CrossFilteringBehavior",
                    Value::Integer(if info.both_directions { 2 } else { 1 }),
                )
                .set("FromTableID", self.table_id(info.from))
                .set("FromColumnID", self.column_id(from))
                .set("FromCardinality", cardinality(info.from_many))
                .set("ToTableID", self.table_id(info.to))
                .set("ToColumnID", self.column_id(to))
                .set("ToCardinality", cardinality(info.to_many))
                .set("State", if info.in_error { NEEDS_ERROR } else { READY });
            if let Some(declared) = declared {
                let security = match declared.security_filter {
                    model::SecurityFilter::OneDirection => 1,
                    model::SecurityFilter::BothDirections => 2,
                    model::SecurityFilter::None => 3,
                };
                let join = if declared.join_on_date_part { 2 } else { 1 };
                cells = cells
                    .text("Name", &declared.name)
                    .set("JoinOnDateBehavior", Value::Integer(join))
                    .flag(
                        "RelyOnReferentialIntegrity",
                        declared.rely_on_referential_integrity,
                    )
                    .set("SecurityFilteringBehavior", Value::Integer(security));
            }
            cells.cells
        });
        rows.collect()
    }

    /// The relationship as the model declares it.
    pub(super) fn declared(
        &self,
        from: security::Table,
        from_column: security::Column,
        to: security::Table,
        to_column: security::Column,
    ) -> Option<&model::Relationship> {
        let table = |table| self.scope.table(table).name.as_str();
        let column = |column| self.scope.column(column).name.as_str();
        self.scope.model().relationships.iter().find(|declared| {
            model::same_name(&declared.from_table, table(from))
                && model::same_name(&declared.from_column, column(from_column))
                && model::same_name(&declared.to_table, table(to))
                && model::same_name(&declared.to_column, column(to_column))
        })
    }

    pub(super) fn hierarchies(&self) -> Vec<Vec<Value>> {
        let hierarchies = self.all_hierarchies();
        let rows = hierarchies
            .iter()
            .enumerate()
            .map(|(at, (table, hierarchy))| {
                self.row(numbered(at))
                    .set("TableID", self.table_id(*table))
                    .text("Name", &hierarchy.name)
                    .text("Description", &hierarchy.description)
                    .flag("IsHidden", hierarchy.hidden)
                    .set("State", READY)
                    .text(
                        "DisplayFolder",
                        hierarchy.display_folder.as_deref().unwrap_or_default(),
                    )
                    .cells
            });
        rows.collect()
    }

    pub(super) fn levels(&self) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for (at, (table, hierarchy)) in self.all_hierarchies().into_iter().enumerate() {
            for level in &hierarchy.levels {
                rows.push(
                    self.row(numbered(rows.len()))
                        .set("HierarchyID", numbered(at))
                        .set("Ordinal", Value::Integer(i64::from(level.ordinal)))
                        .text("Name", &level.name)
                        .set("ColumnID", self.column_named(table, &level.column))
                        .cells,
                );
            }
        }
        rows
    }

    /// The functions of this engine that can be called.
    pub(super) fn functions(&self) -> Vec<Vec<Value>> {
        let built = crate::functions::all().filter(|function| {
            !matches!(
                function.body,
                crate::functions::Body::Bound(crate::functions::State::Refused(_))
            )
        });
        let offered = built.filter(|function| crate::bind::offers(self.scope, function));
        let rows = offered.map(|function| {
            let parameters = function
                .signature
                .strip_prefix(function.name)
                .unwrap_or(function.signature);
            Cells::new(&self.layout)
                .text("FUNCTION_NAME", function.name)
                .text("PARAMETER_LIST", parameters)
                .set("ORIGIN", Value::Integer(4))
                .text("INTERFACE_NAME", function.category)
                .text("CAPTION", function.name)
                .cells
        });
        // Those of the model are listed where a restriction asks for their origin.
        let own = self.scope.model().functions.iter().map(|function| {
            Cells::new(&self.layout)
                .text("FUNCTION_NAME", &function.name)
                .text("DESCRIPTION", &function.description)
                .set("ORIGIN", Value::Integer(2))
                .text("CAPTION", &function.name)
                .cells
        });
        rows.chain(own).collect()
    }

    pub(super) fn user_functions(&self) -> Vec<Vec<Value>> {
        let functions = self.scope.model().functions.iter().enumerate();
        let rows = functions.map(|(at, function)| {
            let cells = self
                .row(numbered(at))
                .set("ModelID", MODEL)
                .text("Name", &function.name)
                .text("Description", &function.description)
                .flag("IsHidden", function.hidden)
                .set("State", READY);
            if self.expressions {
                cells.text("Expression", &function.expression).cells
            } else {
                cells.cells
            }
        });
        rows.collect()
    }
}
