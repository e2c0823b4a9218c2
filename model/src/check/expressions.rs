//! Every expression must parse.

use super::{Findings, Severity, member, quoted};
use crate::types::{ColumnKind, Model, Source, Table};

pub(super) fn check(model: &Model, findings: &mut Findings) {
    for table in &model.tables {
        check_table(table, findings);
    }
    for function in &model.functions {
        let object = format!("function '{}'", function.name);
        let errors = dax::parse_function(&function.expression).errors;
        report(
            findings,
            &function.source,
            &object,
            "",
            &function.expression,
            errors,
        );
    }
}

fn check_table(table: &Table, findings: &mut Findings) {
    let name = &table.name;
    let mut one = |place: &Source, object: String, part: &str, text: Option<&str>| {
        if let Some(text) = text {
            expression(findings, place, &object, part, text);
        }
    };
    let object = format!("table {}", quoted(name));
    one(
        &table.source,
        object.clone(),
        "",
        table.calculated_expression(),
    );
    one(
        &table.source,
        object,
        "detail rows: ",
        table.default_detail_rows.as_deref(),
    );
    for column in &table.columns {
        if let ColumnKind::Calculated { expression } = &column.kind {
            one(
                &column.source,
                format!("column {}", member(name, &column.name)),
                "",
                Some(expression),
            );
        }
    }
    for measure in &table.measures {
        let object = format!("measure {}", member(name, &measure.name));
        one(
            &measure.source,
            object.clone(),
            "",
            Some(&measure.expression),
        );
        one(
            &measure.source,
            object.clone(),
            "format string: ",
            measure.format_expression.as_deref(),
        );
        one(
            &measure.source,
            object.clone(),
            "detail rows: ",
            measure.detail_rows.as_deref(),
        );
        if let Some(kpi) = &measure.kpi {
            one(
                &measure.source,
                object.clone(),
                "KPI target: ",
                kpi.target.as_deref(),
            );
            one(
                &measure.source,
                object.clone(),
                "KPI status: ",
                kpi.status.as_deref(),
            );
            one(&measure.source, object, "KPI trend: ", kpi.trend.as_deref());
        }
    }
    let Some(group) = &table.calculation_group else {
        return;
    };
    for item in &group.items {
        let object = format!("calculation item {}", member(name, &item.name));
        one(&table.source, object.clone(), "", Some(&item.expression));
        one(
            &table.source,
            object,
            "format string: ",
            item.format_expression.as_deref(),
        );
    }
    for (part, selection) in [
        ("no selection: ", &group.no_selection),
        ("several selections: ", &group.multiple_selection),
    ] {
        if let Some(selection) = selection {
            let object = format!("calculation group {}", quoted(name));
            one(
                &table.source,
                object.clone(),
                part,
                Some(&selection.expression),
            );
            one(
                &table.source,
                object,
                &format!("{part}format string: "),
                selection.format_expression.as_deref(),
            );
        }
    }
}

/// One expression, and its tree if it parses.
pub(super) fn expression(
    findings: &mut Findings,
    place: &Source,
    object: &str,
    part: &str,
    text: &str,
) -> Option<dax::Expr> {
    if dax::says_nothing(text) {
        let message = format!("{part}it has no expression");
        // Editors save a measure, a column or an item that somebody has only begun, and the rest of the model does not need it.
        let begun = ["measure ", "column ", "calculation item "];
        if begun.iter().any(|kind| object.starts_with(kind)) {
            findings.warning(place, object, message);
        } else {
            findings.error(place, object, message);
        }
        return None;
    }
    let parsed = dax::parse_expression(text);
    let good = parsed.errors.is_empty();
    report(findings, place, object, part, text, parsed.errors);
    good.then_some(parsed.tree)
}

fn report(
    findings: &mut Findings,
    place: &Source,
    object: &str,
    part: &str,
    text: &str,
    errors: Vec<dax::Error>,
) {
    for error in errors {
        findings.within(
            Severity::Error,
            place,
            object,
            format!("{part}{}", error.message),
            text,
            error.span,
        );
    }
}
