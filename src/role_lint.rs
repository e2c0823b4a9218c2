//! What the roles of a model come to, said to the person who writes them. docs/role-lint.md lists the codes.

use model::{Model, Problem, Role, Severity};
use security::{Incompatibility, RoleReview};

/// Names listed in one message; beyond them their number says enough.
const MOST_NAMES: usize = 12;

/// Findings about each role, in the order of the model.
pub(crate) fn findings(model: &Model) -> Vec<Problem> {
    let reviews = security::review_roles(model);
    let mut findings = Vec::new();
    for (role, review) in model.roles.iter().zip(&reviews) {
        let mut add =
            |severity, code, message| findings.push(finding(role, severity, code, message));
        for (others, why) in refused_groups(review, model.roles.len()) {
            add(
                Severity::Warning,
                "role-pair-refused",
                format!("whoever holds this role and {others} is refused: {why}"),
            );
        }
        if !review.kept_columns.is_empty() {
            add(
                Severity::Warning,
                "role-derived-kept",
                format!(
                    "calculated columns that are derived from what the role hides stay visible: {}",
                    columns(&review.kept_columns)
                ),
            );
        }
        if !review.alone.is_empty() {
            add(
                Severity::Warning,
                "role-filter-alone",
                format!(
                    "no active relationship carries its filter to another table, so other tables may show all rows: {}",
                    tables(&review.alone)
                ),
            );
        }
        if !review.lost_measures.is_empty() {
            add(
                Severity::Info,
                "role-loses-measures",
                format!(
                    "measures that do not exist for it, because of what it hides: {}",
                    list(review.lost_measures.iter().map(|name| format!("[{name}]")))
                ),
            );
        }
        if !review.lost_columns.is_empty() {
            add(
                Severity::Info,
                "role-derived-hidden",
                format!(
                    "calculated columns that vanish with what they are derived from: {}",
                    columns(&review.lost_columns)
                ),
            );
        }
        if !review.listable.is_empty() {
            add(
                Severity::Info,
                "role-listable",
                format!(
                    "every row of these may be listed, because filters run from the one side to the many side only: {}",
                    tables(&review.listable)
                ),
            );
        }
    }
    findings
}

fn finding(role: &Role, severity: Severity, code: &'static str, message: String) -> Problem {
    Problem {
        severity,
        code: Some(code),
        place: role.source.clone(),
        object: format!("role '{}'", role.name),
        message,
        excerpt: None,
    }
}

/// The roles that cannot be held together with this one, for each reason.
fn refused_groups(review: &RoleReview, roles: usize) -> Vec<(String, &'static str)> {
    let reasons = [
        (
            Incompatibility::TravellingFilter,
            "a row filter travels over a many-to-many or bothDirections relationship",
        ),
        (
            Incompatibility::RowsAndObjects,
            "one has row filters and another has object permissions",
        ),
        (
            Incompatibility::CutRelationships,
            "together they cut a chain of relationships",
        ),
    ];
    let mut groups = Vec::new();
    for (reason, why) in reasons {
        let others: Vec<&str> = review
            .refused_with
            .iter()
            .filter(|(_, found)| *found == reason)
            .map(|(name, _)| name.as_str())
            .collect();
        if others.is_empty() {
            continue;
        }
        let named = if others.len() > 1 && others.len() + 1 == roles {
            "any other role".to_owned()
        } else {
            list(others.iter().map(|name| format!("'{name}'")))
        };
        groups.push((named, why));
    }
    groups
}

fn tables(names: &[String]) -> String {
    list(names.iter().map(|name| format!("'{name}'")))
}

fn columns(names: &[(String, String)]) -> String {
    list(
        names
            .iter()
            .map(|(table, column)| format!("'{table}'[{column}]")),
    )
}

fn list(names: impl ExactSizeIterator<Item = String>) -> String {
    let count = names.len();
    let mut shown: Vec<String> = names.take(MOST_NAMES).collect();
    if count > MOST_NAMES {
        shown.push(format!("and {} more", count - MOST_NAMES));
    }
    shown.join(", ")
}
