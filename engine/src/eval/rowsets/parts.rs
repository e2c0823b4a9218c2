//! What belongs to the main objects: perspectives, calculation groups, calendars, KPIs, variations, definitions, annotations.

use security::{Measure, Table};

use super::{Catalogue, MODEL, READY, numbered, place};
use crate::value::Value;

/// How the tabular object model numbers the kinds of objects that others belong to.
const OF_MODEL: Value = Value::Integer(1);
const OF_TABLE: Value = Value::Integer(3);
const OF_COLUMN: Value = Value::Integer(4);
const OF_MEASURE: Value = Value::Integer(8);
const OF_ITEM: Value = Value::Integer(47);

/// A table in a perspective: the perspective, the table, and the names of its members, or all.
type Member<'s> = (usize, Table, &'s Option<Vec<String>>);

impl Catalogue<'_> {
    pub(super) fn perspectives(&self) -> Vec<Vec<Value>> {
        let perspectives = self.scope.model().perspectives.iter().enumerate();
        let rows = perspectives.map(|(at, perspective)| {
            self.row(numbered(at))
                .set("ModelID", MODEL)
                .text("Name", &perspective.name)
                .cells
        });
        rows.collect()
    }

    fn perspective_members(&self) -> Vec<Member<'_>> {
        let mut members = Vec::new();
        for (at, perspective) in self.scope.model().perspectives.iter().enumerate() {
            for (name, within) in &perspective.tables {
                if let Some(table) = self.scope.find_table(name) {
                    members.push((at, table, within));
                }
            }
        }
        members
    }

    pub(super) fn perspective_tables(&self) -> Vec<Vec<Value>> {
        let members = self.perspective_members();
        let rows = members.iter().enumerate().map(|(at, (of, table, within))| {
            self.row(numbered(at))
                .set("PerspectiveID", numbered(*of))
                .set("TableID", self.table_id(*table))
                .flag("IncludeAll", within.is_none())
                .cells
        });
        rows.collect()
    }

    /// The members of one kind: those named, or all of the table.
    fn members(
        &self,
        id: &'static str,
        of_table: impl Fn(Table) -> Vec<(String, Value)>,
    ) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for (at, (_, table, within)) in self.perspective_members().into_iter().enumerate() {
            for (name, number) in of_table(table) {
                let named = within
                    .as_ref()
                    .is_none_or(|names| names.iter().any(|known| model::same_name(known, &name)));
                if named {
                    rows.push(
                        self.row(numbered(rows.len()))
                            .set("PerspectiveTableID", numbered(at))
                            .set(id, number)
                            .cells,
                    );
                }
            }
        }
        rows
    }

    pub(super) fn perspective_columns(&self) -> Vec<Vec<Value>> {
        self.members("ColumnID", |table| {
            let columns = self.scope.columns(table).into_iter();
            columns
                .map(|c| (self.scope.column(c).name.clone(), self.column_id(c)))
                .collect()
        })
    }

    pub(super) fn perspective_measures(&self) -> Vec<Vec<Value>> {
        self.members("MeasureID", |table| {
            let measures = self.measures.iter().copied();
            measures
                .filter(|m| self.scope.measure_table(*m) == table)
                .map(|m| (self.scope.measure(m).name.clone(), self.measure_id(m)))
                .collect()
        })
    }

    pub(super) fn perspective_hierarchies(&self) -> Vec<Vec<Value>> {
        let hierarchies = self.all_hierarchies();
        self.members("HierarchyID", |table| {
            let all = hierarchies.iter().enumerate();
            all.filter(|(_, (of, _))| *of == table)
                .map(|(at, (_, hierarchy))| (hierarchy.name.clone(), numbered(at)))
                .collect()
        })
    }

    pub(super) fn group_tables(&self) -> Vec<(Table, &model::CalculationGroup)> {
        self.described()
            .filter_map(|(table, described)| Some((table, described.calculation_group.as_ref()?)))
            .collect()
    }

    pub(super) fn calculation_groups(&self) -> Vec<Vec<Value>> {
        let groups = self.group_tables();
        let rows = groups.iter().enumerate().map(|(at, (table, group))| {
            self.row(numbered(at))
                .set("TableID", self.table_id(*table))
                .set("Precedence", Value::Integer(group.precedence))
                .cells
        });
        rows.collect()
    }

    pub(super) fn calculation_items(&self) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for (at, (_, group)) in self.group_tables().into_iter().enumerate() {
            for (position, item) in group.items.iter().enumerate() {
                let ordinal = item.ordinal.unwrap_or(position as i64);
                let cells = self
                    .row(numbered(rows.len()))
                    .set("CalculationGroupID", numbered(at))
                    .text("Name", &item.name)
                    .text("Description", &item.description)
                    .set("State", READY)
                    .set("Ordinal", Value::Integer(ordinal));
                rows.push(if self.expressions {
                    cells.text("Expression", &item.expression).cells
                } else {
                    cells.cells
                });
            }
        }
        rows
    }

    fn all_calendars(&self) -> Vec<(Table, &model::Calendar)> {
        self.described()
            .flat_map(|(table, described)| described.calendars.iter().map(move |c| (table, c)))
            .collect()
    }

    pub(super) fn calendars(&self) -> Vec<Vec<Value>> {
        let calendars = self.all_calendars();
        let rows = calendars.iter().enumerate().map(|(at, (table, calendar))| {
            self.row(numbered(at))
                .set("TableID", self.table_id(*table))
                .text("Name", &calendar.name)
                .cells
        });
        rows.collect()
    }

    pub(super) fn calendar_groups(&self) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for (at, (_, calendar)) in self.all_calendars().into_iter().enumerate() {
            for group in &calendar.groups {
                rows.push(
                    self.row(numbered(rows.len()))
                        .set("CalendarID", numbered(at))
                        .text("TimeUnit", group.unit.as_deref().unwrap_or_default())
                        .cells,
                );
            }
        }
        rows
    }

    pub(super) fn calendar_references(&self) -> Vec<Vec<Value>> {
        let (mut rows, mut group_number) = (Vec::new(), 0);
        for (table, calendar) in self.all_calendars() {
            for group in &calendar.groups {
                let primary = group.primary.iter().map(|name| (name, true));
                let others = group.associated.iter().map(|name| (name, false));
                for (name, is_primary) in primary.chain(others) {
                    let column = self.column_named(table, name);
                    if column.is_blank() {
                        continue;
                    }
                    rows.push(
                        self.row(numbered(rows.len()))
                            .set("CalendarColumnGroupID", numbered(group_number))
                            .set("ColumnID", column)
                            .flag("IsPrimaryColumn", is_primary)
                            .cells,
                    );
                }
                group_number += 1;
            }
        }
        rows
    }

    pub(super) fn kpi_measures(&self) -> Vec<Measure> {
        let measures = self.measures.iter().copied();
        measures
            .filter(|m| self.scope.measure(*m).kpi.is_some())
            .collect()
    }

    pub(super) fn kpis(&self) -> Vec<Vec<Value>> {
        let rows = self
            .kpi_measures()
            .into_iter()
            .enumerate()
            .map(|(at, measure)| {
                let cells = self
                    .row(numbered(at))
                    .set("MeasureID", self.measure_id(measure));
                match &self.scope.measure(measure).kpi {
                    Some(kpi) if self.expressions => {
                        let text = |part: &Option<String>| part.clone().unwrap_or_default();
                        cells
                            .text("TargetExpression", &text(&kpi.target))
                            .text("StatusExpression", &text(&kpi.status))
                            .text("TrendExpression", &text(&kpi.trend))
                            .cells
                    }
                    _ => cells.cells,
                }
            });
        rows.collect()
    }

    pub(super) fn variations(&self) -> Vec<Vec<Value>> {
        let hierarchies = self.all_hierarchies();
        let mut rows = Vec::new();
        for listed in &self.columns {
            let Some(column) = listed.column else {
                continue;
            };
            for variation in &self.scope.column(column).variations {
                let hierarchy = variation
                    .default_hierarchy
                    .as_ref()
                    .and_then(|(table, name)| {
                        let table = self.scope.find_table(table)?;
                        hierarchies
                            .iter()
                            .position(|(of, h)| *of == table && model::same_name(&h.name, name))
                    });
                let default = variation.default_column.as_ref().and_then(|(table, name)| {
                    Some(self.column_named(self.scope.find_table(table)?, name))
                });
                rows.push(
                    self.row(numbered(rows.len()))
                        .set("ColumnID", self.column_id(column))
                        .text("Name", &variation.name)
                        .set("DefaultHierarchyID", place(hierarchy))
                        .set("DefaultColumnID", default.unwrap_or(Value::Blank))
                        .flag("IsDefault", variation.is_default)
                        .cells,
                );
            }
        }
        rows
    }

    /// Columns that others go with when they are grouped by.
    fn grouped_columns(&self) -> Vec<security::Column> {
        let columns = self.columns.iter().filter_map(|listed| listed.column);
        columns
            .filter(|column| !self.scope.column(*column).group_by.is_empty())
            .collect()
    }

    pub(super) fn related_details(&self) -> Vec<Vec<Value>> {
        let rows = self
            .grouped_columns()
            .into_iter()
            .enumerate()
            .map(|(at, column)| {
                self.row(numbered(at))
                    .set("ColumnID", self.column_id(column))
                    .cells
            });
        rows.collect()
    }

    pub(super) fn group_by_columns(&self) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for (at, column) in self.grouped_columns().into_iter().enumerate() {
            for name in &self.scope.column(column).group_by {
                rows.push(
                    self.row(numbered(rows.len()))
                        .set("RelatedColumnDetailsID", numbered(at))
                        .set("GroupingColumnID", self.column_named(column.table(), name))
                        .cells,
                );
            }
        }
        rows
    }

    /// Definitions that belong to an object: its number, its kind, and the expression where that is shown.
    fn definitions(&self, found: Vec<(Value, Value, &str)>) -> Vec<Vec<Value>> {
        let rows = found
            .into_iter()
            .enumerate()
            .map(|(at, (object, kind, expression))| {
                let cells = self
                    .row(numbered(at))
                    .set("ObjectID", object)
                    .set("ObjectType", kind)
                    .set("State", READY);
                if self.expressions {
                    cells.text("Expression", expression).cells
                } else {
                    cells.cells
                }
            });
        rows.collect()
    }

    pub(super) fn detail_rows(&self) -> Vec<Vec<Value>> {
        let tables = self.described().filter_map(|(table, described)| {
            let text = described.default_detail_rows.as_deref()?;
            Some((self.table_id(table), OF_TABLE, text))
        });
        let measures = self.measures.iter().filter_map(|&measure| {
            let text = self.scope.measure(measure).detail_rows.as_deref()?;
            Some((self.measure_id(measure), OF_MEASURE, text))
        });
        self.definitions(tables.chain(measures).collect())
    }

    pub(super) fn format_strings(&self) -> Vec<Vec<Value>> {
        let mut found: Vec<(Value, Value, &str)> = Vec::new();
        for &measure in &self.measures {
            if let Some(text) = &self.scope.measure(measure).format_expression {
                found.push((self.measure_id(measure), OF_MEASURE, text));
            }
        }
        let items = self
            .group_tables()
            .into_iter()
            .flat_map(|(_, group)| &group.items);
        for (at, item) in items.enumerate() {
            if let Some(text) = &item.format_expression {
                found.push((numbered(at), OF_ITEM, text));
            }
        }
        self.definitions(found)
    }

    pub(super) fn annotations(&self) -> Vec<Vec<Value>> {
        let model = self.scope.model();
        let mut found: Vec<(Value, Value, &str, &str)> = Vec::new();
        fn noted<'n>(
            found: &mut Vec<(Value, Value, &'n str, &'n str)>,
            id: Value,
            kind: Value,
            notes: &'n std::collections::BTreeMap<String, String>,
        ) {
            found.extend(
                notes
                    .iter()
                    .map(|(name, text)| (id.clone(), kind.clone(), name.as_str(), text.as_str())),
            );
        }
        noted(&mut found, MODEL, OF_MODEL, &model.annotations);
        for (table, described) in self.described() {
            noted(
                &mut found,
                self.table_id(table),
                OF_TABLE,
                &described.annotations,
            );
        }
        for column in self.columns.iter().filter_map(|listed| listed.column) {
            let notes = &self.scope.column(column).annotations;
            noted(&mut found, self.column_id(column), OF_COLUMN, notes);
        }
        for &measure in &self.measures {
            let notes = &self.scope.measure(measure).annotations;
            noted(&mut found, self.measure_id(measure), OF_MEASURE, notes);
        }
        let rows = found
            .into_iter()
            .enumerate()
            .map(|(at, (id, kind, name, text))| {
                self.row(numbered(at))
                    .set("ObjectID", id)
                    .set("ObjectType", kind)
                    .text("Name", name)
                    .text("Value", text)
                    .cells
            });
        rows.collect()
    }

    /// Shared Power Query expressions.
    pub(super) fn expressions(&self) -> Vec<Vec<Value>> {
        let expressions = self.scope.model().expressions.iter().enumerate();
        let rows = expressions.map(|(at, named)| {
            self.row(numbered(at))
                .set("ModelID", MODEL)
                .text("Name", &named.name)
                .set("Kind", Value::Integer(0))
                .text("Expression", &named.text)
                .cells
        });
        rows.collect()
    }

    pub(super) fn partitions(&self) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for (table, described) in self.described() {
            for partition in &described.partitions {
                let (kind, text) = match &partition.kind {
                    model::PartitionKind::Calculated { expression } => (2, expression.as_str()),
                    model::PartitionKind::M { expression, .. } => (4, expression.as_str()),
                    model::PartitionKind::CalculationGroup => (7, ""),
                    model::PartitionKind::Other { text, .. } => (5, text.as_str()),
                };
                rows.push(
                    self.row(numbered(rows.len()))
                        .set("TableID", self.table_id(table))
                        .text("Name", &partition.name)
                        .text("QueryDefinition", text)
                        .set("State", READY)
                        .set("Type", Value::Integer(kind))
                        .set("Mode", Value::Integer(0))
                        .cells,
                );
            }
        }
        rows
    }
}
