//! What a bound expression reads: the current row, other rows, the filter context.

use security::Table;

use crate::bound::*;
use crate::functions::Body;

impl Scalar {
    /// Whether the value may differ between contexts that have the same row of `own`. False only where it is certain.
    pub fn reads_context(&self, own: FrameId) -> bool {
        match &self.kind {
            ScalarKind::Constant(_) => false,
            ScalarKind::Field { frame, .. } | ScalarKind::Related { frame, .. } => *frame != own,
            ScalarKind::Call {
                function,
                arguments,
            } => {
                !matches!(function.body, Body::Scalar(_))
                    || function.is_volatile_by_row()
                    || arguments.iter().any(|a| a.reads_context(own))
            }
            ScalarKind::Binary { left, right, .. } => {
                left.reads_context(own) || right.reads_context(own)
            }
            ScalarKind::Negate(operand) | ScalarKind::Not(operand) => operand.reads_context(own),
            ScalarKind::If {
                condition,
                then,
                otherwise,
            } => {
                condition.reads_context(own)
                    || then.reads_context(own)
                    || otherwise.as_ref().is_some_and(|o| o.reads_context(own))
            }
            ScalarKind::Coalesce(parts) => parts.iter().any(|p| p.reads_context(own)),
            ScalarKind::In { values, table } => {
                let constant = match &table.kind {
                    TableKind::Constructor(rows) => {
                        !rows.iter().flatten().any(|cell| cell.reads_context(own))
                    }
                    _ => false,
                };
                !constant || values.iter().any(|v| v.reads_context(own))
            }
            _ => true,
        }
    }

    /// Numbers from the row alone: what a scan may compute by itself.
    pub fn is_of_row(&self) -> bool {
        match &self.kind {
            ScalarKind::Field { .. } | ScalarKind::Related { .. } | ScalarKind::Constant(_) => true,
            ScalarKind::Binary { left, right, .. } => left.is_of_row() && right.is_of_row(),
            _ => false,
        }
    }

    /// Whether the value comes from rows of this table alone, with the filter context as it is. `blank`: the table may have a blank row, which
    /// is none of them.
    pub fn is_about_rows_of(&self, table: Table, blank: bool) -> bool {
        use ScalarKind as K;
        let plain = match &self.kind {
            K::Calculate { filters, .. } => filters.is_empty(),
            K::Call { function, .. } => matches!(function.body, Body::Scalar(_)),
            K::MeasureFormat { .. }
            | K::SelectedMeasure
            | K::SelectedMeasureName
            | K::SelectedMeasureFormat
            | K::Filtered { .. }
            | K::WindowPlace(_)
            | K::TableText(_)
            | K::Lookup { .. }
            | K::Path { .. } => false,
            _ => true,
        };
        let (scalars, tables) = self.parts();
        plain
            && scalars.iter().all(|s| s.is_about_rows_of(table, blank))
            && tables.iter().all(|t| t.is_about_rows_of(table, blank))
    }

    /// Whether the expression reads the row of this frame anywhere.
    pub fn reads_frame(&self, id: FrameId) -> bool {
        if let ScalarKind::Field { frame, .. }
        | ScalarKind::Related { frame, .. }
        | ScalarKind::Path { frame, .. } = &self.kind
            && *frame == id
        {
            return true;
        }
        // A variable was bound outside or inside; its body is looked at where it is defined.
        let (scalars, tables) = self.parts();
        scalars.iter().any(|s| s.reads_frame(id)) || tables.iter().any(|t| t.reads_frame(id))
    }

    /// Whether a measure or CALCULATE stands anywhere in the expression.
    pub fn changes_context(&self) -> bool {
        use ScalarKind as K;
        let (scalars, tables) = self.parts();
        matches!(
            self.kind,
            K::Calculate { .. } | K::Measure { .. } | K::SelectedMeasure
        ) || scalars.iter().any(|s| s.changes_context())
            || tables.iter().any(|t| t.changes_context())
    }

    /// The expressions and tables directly inside.
    pub fn parts(&self) -> (Vec<&Scalar>, Vec<&TableExpr>) {
        use ScalarKind as K;
        let mut s: Vec<&Scalar> = Vec::new();
        let mut t: Vec<&TableExpr> = Vec::new();
        match &self.kind {
            K::Constant(_)
            | K::Field { .. }
            | K::Related { .. }
            | K::Variable(_)
            | K::SelectedMeasure
            | K::SelectedMeasureName
            | K::SelectedMeasureFormat => {}
            K::Filtered { .. } | K::Path { .. } => {}
            K::Let { variables, body } => {
                variable_parts(variables, &mut s, &mut t);
                s.push(body);
            }
            K::Call { arguments, .. } | K::Coalesce(arguments) => s.extend(arguments),
            K::Binary { left, right, .. } => s.extend([&**left, &**right]),
            K::Negate(x) | K::Not(x) | K::IsError(x) | K::Error(x) => s.push(x),
            K::In { values, table } => {
                s.extend(values);
                t.push(table);
            }
            K::If {
                condition,
                then,
                otherwise,
            } => {
                s.extend([&**condition, &**then]);
                s.extend(otherwise.as_deref());
            }
            K::Switch {
                subject,
                cases,
                otherwise,
            } => {
                s.push(subject);
                s.extend(cases.iter().flat_map(|(a, b)| [a, b]));
                s.extend(otherwise.as_deref());
            }
            K::IfError { value, otherwise } => s.extend([&**value, &**otherwise]),
            K::Reduce { table, body, .. } => {
                t.push(table);
                s.extend(body.as_deref());
            }
            K::ConcatenateX {
                table,
                body,
                delimiter,
                order,
                ..
            } => {
                t.push(table);
                s.push(body);
                s.extend(delimiter.as_deref());
                s.extend(order.iter().map(|o| &o.expr));
            }
            K::RankX(rank) => {
                t.push(&rank.table);
                s.push(&rank.body);
                s.extend(rank.value.as_ref());
            }
            K::Statistic(statistic) => {
                t.push(&statistic.table);
                s.extend(&statistic.columns);
                s.extend(&statistic.arguments);
            }
            K::WindowPlace(window) => window.parts(&mut s, &mut t),
            K::TableText(text) => {
                t.push(&text.table);
                s.extend(text.most_rows.as_ref());
                if let TextForm::Csv { delimiter, headers } = &text.form {
                    s.extend(delimiter.as_ref());
                    s.extend(headers.as_ref());
                }
            }
            K::Calculate { body, filters } => {
                s.push(body);
                filter_parts(filters, &mut s, &mut t);
            }
            K::Measure { measure, body } | K::MeasureFormat { measure, body } => {
                s.push(body);
                s.extend(measure.computed_format.as_deref());
            }
            K::TableValue(table) | K::IsEmpty(table) => t.push(table),
            K::Lookup {
                search, otherwise, ..
            } => {
                s.extend(search.iter().map(|(_, value)| value));
                s.extend(otherwise.as_deref());
            }
            K::Contains { table, search } => {
                t.push(table);
                s.extend(search.iter().map(|(_, value)| value));
            }
            K::OnOrAfter { terms, .. } => s.extend(terms.iter().flat_map(|(a, b, _)| [a, b])),
        }
        (s, t)
    }
}

impl TableExpr {
    fn is_about_rows_of(&self, table: Table, blank: bool) -> bool {
        use TableKind as K;
        let plain = match &self.kind {
            K::Base {
                table: of,
                blank_row,
            } => *of == table && !(blank && *blank_row),
            K::Values { columns, blank_row } => {
                columns.iter().all(|column| column.table() == table) && !(blank && *blank_row)
            }
            K::Filter { .. }
            | K::Distinct(_)
            | K::Constructor(_)
            | K::Row(_)
            | K::Variable(_)
            | K::AddColumns { .. }
            | K::SelectColumns { .. } => true,
            _ => false,
        };
        let (scalars, tables) = self.parts();
        plain
            && scalars.iter().all(|s| s.is_about_rows_of(table, blank))
            && tables.iter().all(|t| t.is_about_rows_of(table, blank))
    }

    pub fn reads_frame(&self, id: FrameId) -> bool {
        let (scalars, tables) = self.parts();
        scalars.iter().any(|s| s.reads_frame(id)) || tables.iter().any(|t| t.reads_frame(id))
    }

    fn changes_context(&self) -> bool {
        let (scalars, tables) = self.parts();
        matches!(self.kind, TableKind::Calculate { .. })
            || scalars.iter().any(|s| s.changes_context())
            || tables.iter().any(|t| t.changes_context())
    }

    /// The expressions and tables directly inside.
    pub fn parts(&self) -> (Vec<&Scalar>, Vec<&TableExpr>) {
        use TableKind as K;
        let mut s: Vec<&Scalar> = Vec::new();
        let mut t: Vec<&TableExpr> = Vec::new();
        match &self.kind {
            K::Base { .. }
            | K::Values { .. }
            | K::AllRows { .. }
            | K::AllValues { .. }
            | K::Filters(_)
            | K::Variable(_) => {}
            K::Information(_) | K::Rowset(_) | K::ColumnStatistics | K::Empty => {}
            K::Window(window) => window.parts(&mut s, &mut t),
            K::Regression(regression) => {
                t.push(&regression.table);
                s.extend(&regression.columns);
            }
            K::Sample(sample) => {
                t.push(&sample.table);
                s.push(&sample.count);
                s.extend(sample.order.iter().map(|o| &o.expr));
                s.extend(&sample.columns);
            }
            K::AllSelected { table, .. }
            | K::Distinct(table)
            | K::KeepFilters(table)
            | K::TreatAs { table } => t.push(table),
            K::Filter {
                table, condition, ..
            } => {
                t.push(table);
                s.push(condition);
            }
            K::Calculate { table, filters } => {
                t.push(table);
                filter_parts(filters, &mut s, &mut t);
            }
            K::AddColumns { table, columns, .. }
            | K::SelectColumns { table, columns, .. }
            | K::GroupBy { table, columns, .. } => {
                t.push(table);
                s.extend(columns);
            }
            K::Summarize(summarize) => {
                t.push(&summarize.table);
                s.extend(summarize.columns.iter().filter_map(|c| {
                    if let SummarizeColumn::Expression(e) = c {
                        Some(e)
                    } else {
                        None
                    }
                }));
            }
            K::SummarizeColumns(summarize) => {
                filter_parts(&summarize.filters, &mut s, &mut t);
                filter_parts(&summarize.group_filters, &mut s, &mut t);
                for set in &summarize.rollups {
                    filter_parts(&set.total_filters, &mut s, &mut t);
                    filter_parts(&set.total_group_filters, &mut s, &mut t);
                    for level in &set.levels {
                        filter_parts(&level.filters, &mut s, &mut t);
                        filter_parts(&level.group_filters, &mut s, &mut t);
                    }
                }
                s.extend(summarize.columns.iter().map(|c| &c.expr));
            }
            K::CrossJoin(tables) | K::Union(tables) => t.extend(tables),
            K::Generate { left, right, .. }
            | K::Intersect(left, right)
            | K::Except(left, right)
            | K::NaturalJoin { left, right, .. } => t.extend([&**left, &**right]),
            K::TopN {
                count,
                skip,
                table,
                order,
                ..
            } => {
                s.push(count);
                s.extend(skip.as_deref());
                t.push(table);
                s.extend(order.iter().map(|o| &o.expr));
            }
            K::Row(values) => s.extend(values),
            K::Constructor(rows) => s.extend(rows.iter().flatten()),
            K::Series { start, end, step } => {
                s.extend([&**start, &**end]);
                s.extend(step.as_deref());
            }
            K::QueryDependencies(text) => s.push(text),
            K::Calendar { start, end } => s.extend([&**start, &**end]),
            K::CalendarAuto { last_month, .. } => s.extend(last_month.as_deref()),
            K::SubstituteWithIndex {
                table,
                index,
                order,
                ..
            } => {
                t.extend([&**table, &**index]);
                s.extend(order.iter().map(|o| &o.expr));
            }
            K::Let { variables, body } => {
                variable_parts(variables, &mut s, &mut t);
                t.push(body);
            }
            K::Dates(dates) => {
                t.extend([&dates.dates, &dates.all]);
                s.extend(&dates.arguments);
            }
            K::Moments(moments) => {
                t.extend([&moments.selected, &moments.all]);
                s.extend(&moments.arguments);
            }
            K::NonBlank { values, body, .. } => {
                t.push(values);
                s.push(body);
            }
        }
        (s, t)
    }
}

impl Window {
    fn parts<'e>(&'e self, s: &mut Vec<&'e Scalar>, t: &mut Vec<&'e TableExpr>) {
        t.push(&self.table);
        match &self.function {
            WindowFunction::Offset(at) | WindowFunction::Index(at) => s.push(at),
            WindowFunction::Range { from, to } => s.extend([&from.at, &to.at]),
            WindowFunction::Rank { .. } | WindowFunction::RowNumber => {}
        }
        s.extend(self.order.iter().map(|o| &o.expr));
        s.extend(&self.partition);
        s.extend(&self.matching);
        for column in &self.current {
            s.push(&column.of_row);
            s.extend(column.outer.as_ref());
        }
    }
}

fn variable_parts<'e>(
    variables: &'e [Variable],
    s: &mut Vec<&'e Scalar>,
    t: &mut Vec<&'e TableExpr>,
) {
    for variable in variables {
        match &variable.body {
            VariableBody::Scalar(body) => s.push(body),
            VariableBody::Table(body) => t.push(body),
        }
    }
}

fn filter_parts<'e>(
    filters: &'e [FilterArgument],
    s: &mut Vec<&'e Scalar>,
    t: &mut Vec<&'e TableExpr>,
) {
    for filter in filters {
        match filter {
            FilterArgument::Table { table, .. } => t.push(table),
            FilterArgument::Predicate { condition, .. } => s.push(condition),
            _ => {}
        }
    }
}
