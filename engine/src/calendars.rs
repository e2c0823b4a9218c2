//! Calendars of the model: which columns of a table tell which unit of time, and which units a filter on one of them bears upon.

use model::{Calendar, same_name};
use security::{Column, Scope, Table};

/// What a column of a calendar tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    Year,
    Semester,
    SemesterOfYear,
    Quarter,
    QuarterOfYear,
    QuarterOfSemester,
    Month,
    MonthOfYear,
    MonthOfSemester,
    MonthOfQuarter,
    Week,
    WeekOfYear,
    WeekOfSemester,
    WeekOfQuarter,
    WeekOfMonth,
    Date,
    DayOfYear,
    DayOfSemester,
    DayOfQuarter,
    DayOfMonth,
    DayOfWeek,
}

use Unit as U;

/// Every unit, its name in models, and the units that follow from it: who knows the month knows the quarter.
const UNITS: [(Unit, &str, &[Unit]); 21] = [
    (U::Year, "year", &[]),
    (U::Semester, "semester", &[U::Year, U::SemesterOfYear]),
    (U::SemesterOfYear, "semesterofyear", &[]),
    (U::Quarter, "quarter", &[U::Semester, U::QuarterOfYear]),
    (
        U::QuarterOfYear,
        "quarterofyear",
        &[U::SemesterOfYear, U::QuarterOfSemester],
    ),
    (U::QuarterOfSemester, "quarterofsemester", &[]),
    (U::Month, "month", &[U::Quarter, U::MonthOfYear]),
    (
        U::MonthOfYear,
        "monthofyear",
        &[U::QuarterOfYear, U::MonthOfSemester],
    ),
    (
        U::MonthOfSemester,
        "monthofsemester",
        &[U::QuarterOfSemester, U::MonthOfQuarter],
    ),
    (U::MonthOfQuarter, "monthofquarter", &[]),
    (U::Week, "week", &[U::Year, U::WeekOfYear]),
    (
        U::WeekOfYear,
        "weekofyear",
        &[U::QuarterOfYear, U::WeekOfSemester],
    ),
    (
        U::WeekOfSemester,
        "weekofsemester",
        &[U::QuarterOfSemester, U::WeekOfQuarter],
    ),
    (U::WeekOfQuarter, "weekofquarter", &[U::WeekOfMonth]),
    (U::WeekOfMonth, "weekofmonth", &[]),
    (
        U::Date,
        "date",
        &[U::Month, U::Week, U::DayOfYear, U::DayOfWeek],
    ),
    (
        U::DayOfYear,
        "dayofyear",
        &[U::MonthOfYear, U::WeekOfYear, U::DayOfSemester],
    ),
    (
        U::DayOfSemester,
        "dayofsemester",
        &[U::MonthOfSemester, U::WeekOfSemester, U::DayOfQuarter],
    ),
    (
        U::DayOfQuarter,
        "dayofquarter",
        &[U::MonthOfQuarter, U::WeekOfQuarter, U::DayOfMonth],
    ),
    (U::DayOfMonth, "dayofmonth", &[U::WeekOfMonth]),
    (U::DayOfWeek, "dayofweek", &[]),
];

impl Unit {
    pub fn read(text: &str) -> Option<Unit> {
        let text: String = text
            .chars()
            .filter(|c| c.is_alphabetic())
            .flat_map(char::to_lowercase)
            .collect();
        let text = if text == "day" { "date" } else { &text };
        UNITS
            .iter()
            .find(|(_, name, _)| *name == text)
            .map(|(unit, ..)| *unit)
    }

    /// The units that follow from this one, near and far, and the unit itself.
    fn implied(self) -> Vec<Unit> {
        let mut found = vec![self];
        let mut at = 0;
        while let Some(unit) = found.get(at).copied() {
            at += 1;
            for (_, _, next) in UNITS.iter().filter(|(u, ..)| *u == unit) {
                let new: Vec<Unit> = next
                    .iter()
                    .filter(|u| !found.contains(u))
                    .copied()
                    .collect();
                found.extend(new);
            }
        }
        found
    }

    /// The units whose filters give way to a filter on this one: those that follow from it, and all from which one of these follows.
    fn cleared(self) -> Vec<Unit> {
        let implied = self.implied();
        UNITS
            .iter()
            .map(|(unit, ..)| *unit)
            .filter(|unit| unit.implied().iter().any(|u| implied.contains(u)))
            .collect()
    }
}

/// A calendar by its name, with the table that it stands in.
pub fn find<'s>(scope: &'s Scope, name: &str) -> Option<(Table, &'s Calendar)> {
    scope.tables().find_map(|table| {
        let calendars = &scope.table(table).calendars;
        let calendar = calendars.iter().find(|c| same_name(&c.name, name))?;
        Some((table, calendar))
    })
}

/// The columns whose filters give way to a new filter on this column, by the calendars of its table.
pub fn cleared_by(scope: &Scope, column: Column) -> Vec<Column> {
    let table = column.table();
    let calendars = &scope.table(table).calendars;
    let name = &scope.column(column).name;
    let sorted_by = |tagged: &str| {
        let tagged = scope.find_column(table, tagged)?;
        scope.column(tagged).sort_by.clone()
    };
    let tags = |calendar: &'_ Calendar| -> Vec<(Unit, String)> {
        let mut tags = Vec::new();
        for group in &calendar.groups {
            let Some(unit) = group.unit.as_deref().and_then(Unit::read) else {
                continue;
            };
            for tagged in group.primary.iter().chain(&group.associated) {
                tags.extend(sorted_by(tagged).map(|sort| (unit, sort)));
                tags.push((unit, tagged.clone()));
            }
        }
        tags
    };
    let tags: Vec<(Unit, String)> = calendars.iter().flat_map(tags).collect();
    let Some((unit, _)) = tags.iter().find(|(_, tagged)| same_name(tagged, name)) else {
        // What only relates to time says nothing else of it than the column that sorts it.
        let sort = sorted_by(name).filter(|_| relates_to_time(calendars, name));
        let sort = sort.and_then(|sort| scope.find_column(table, &sort));
        return sort.into_iter().collect();
    };
    let cleared = unit.cleared();
    let mut columns: Vec<Column> = Vec::new();
    for (_, tagged) in tags.iter().filter(|(unit, _)| cleared.contains(unit)) {
        let found = scope.find_column(table, tagged);
        columns.extend(found.filter(|column| !columns.contains(column)));
    }
    columns
}

/// Whether a calendar has this column in a group without a unit.
fn relates_to_time(calendars: &[Calendar], name: &str) -> bool {
    calendars
        .iter()
        .flat_map(|calendar| &calendar.groups)
        .filter(|group| group.unit.is_none())
        .flat_map(|group| &group.associated)
        .any(|related| same_name(related, name))
}

#[cfg(test)]
mod tests {
    use super::Unit;

    fn check(unit: Unit, kept: &[Unit]) {
        let cleared = unit.cleared();
        let all = super::UNITS.iter().map(|(unit, ..)| *unit);
        let found: Vec<Unit> = all.filter(|u| !cleared.contains(u)).collect();
        assert_eq!(found, kept, "{unit:?}");
    }

    #[test]
    fn a_filter_clears_what_bears_upon_it() {
        check(Unit::Date, &[]);
        // A quarter decides the year and the month of the year, and says nothing of the month's place in its quarter.
        check(
            Unit::Quarter,
            &[
                Unit::MonthOfQuarter,
                Unit::WeekOfQuarter,
                Unit::WeekOfMonth,
                Unit::DayOfQuarter,
                Unit::DayOfMonth,
                Unit::DayOfWeek,
            ],
        );
        check(
            Unit::DayOfWeek,
            &super::UNITS
                .iter()
                .map(|(unit, ..)| *unit)
                .filter(|unit| !matches!(unit, Unit::DayOfWeek | Unit::Date))
                .collect::<Vec<_>>(),
        );
    }

    #[test]
    fn names_of_units_are_read_as_models_write_them() {
        assert_eq!(Unit::read("monthOfYear"), Some(Unit::MonthOfYear));
        assert_eq!(
            Unit::read("quarterOfSemester"),
            Some(Unit::QuarterOfSemester)
        );
        assert_eq!(Unit::read("Day"), Some(Unit::Date));
        assert_eq!(Unit::read("fortnight"), None);
    }
}
