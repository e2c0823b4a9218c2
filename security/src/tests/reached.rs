//! What depends on what by its names alone, what is learned of it from what was handed out, and what is noted of that.

use model::Model;

use super::world::{column, rows_of, shop};
use crate::failed::Failed;
use crate::graph::Graph;
use crate::handed::{Handed, HandedOut};
use crate::names::Breadth;
use crate::references::References;
use crate::trees::{Body, Node, Trees};
use crate::*;

/// A fact without a key, whose days vary by a hierarchy, a table of days with a calendar, and expressions that reach either by other
/// ways than its name.
const MODEL: &str = r#"{"name": "m", "compatibilityLevel": 1702, "model": {"culture": "en-US", "tables": [
    {"name": "F", "columns": [
        {"name": "Cost", "dataType": "int64", "sourceColumn": "Cost"},
        {"name": "Name", "dataType": "string", "sourceColumn": "Name"},
        {"name": "Day", "dataType": "dateTime", "sourceColumn": "Day",
            "variations": [{"name": "v", "isDefault": true, "defaultHierarchy": {"table": "D", "hierarchy": "H"}}]},
        {"name": "To Date", "type": "calculated", "dataType": "int64", "expression": "TOTALYTD(1, Fiscal)"},
        {"name": "By Row", "type": "calculated", "dataType": "int64", "expression": "CALCULATE(COUNTROWS(G))"}],
     "measures": [{"name": "Total", "expression": "COUNTROWS(F)"}],
     "partitions": [{"name": "F", "source": {"type": "m", "expression": "x"}}]},
    {"name": "D", "columns": [
        {"name": "Date", "dataType": "dateTime", "sourceColumn": "Date"},
        {"name": "Year", "dataType": "int64", "sourceColumn": "Year"},
        {"name": "Month", "dataType": "int64", "sourceColumn": "Month"},
        {"name": "Name", "dataType": "string", "sourceColumn": "Name"}],
     "hierarchies": [{"name": "H", "levels": [{"ordinal": 0, "name": "Year", "column": "Year"}, {"ordinal": 1, "name": "Month", "column": "Month"}]}],
     "calendars": [{"name": "Fiscal", "calendarColumnGroups": [{"timeUnit": "year", "primaryColumn": "Year"}]}],
     "partitions": [{"name": "D", "source": {"type": "m", "expression": "x"}}]},
    {"name": "G", "columns": [{"name": "Item", "dataType": "string", "sourceColumn": "Name"}],
     "calculationGroup": {"precedence": 1, "calculationItems": [{"name": "Costs", "expression": "USERNAME() & SUM(F[Cost])"}]},
     "partitions": [{"name": "G", "source": {"type": "calculationGroup"}}]},
    {"name": "M", "columns": [
        {"name": "Id", "dataType": "int64", "sourceColumn": "Id", "isKey": true},
        {"name": "Note", "dataType": "string", "sourceColumn": "Note"}],
     "measures": [
        {"name": "Days", "expression": "COUNTROWS(TABLEOF(Fiscal))"},
        {"name": "Varied", "expression": "MAX(F[Day].[Month])"},
        {"name": "Some Month", "expression": "MAX(F[Cost].[Month])"},
        {"name": "Named", "expression": "COUNTROWS(D) + COUNTROWS(FILTER(Given(), [Name] = \"x\"))"},
        {"name": "Unsaid", "expression": "SUM([Cost])"},
        {"name": "Shadowing", "expression": "VAR F = 1 RETURN Counted(F)"},
        {"name": "Year", "expression": "USEROBJECTID()"},
        {"name": "Open", "expression": "1"}],
     "partitions": [{"name": "M", "source": {"type": "m", "expression": "x"}}]},
    {"name": "Copy", "columns": [{"name": "Name", "dataType": "string", "type": "calculatedTableColumn", "sourceColumn": "[Name]"}],
     "partitions": [{"name": "Copy", "source": {"type": "calculated", "expression": "TABLEOF(Fiscal)"}}]},
    {"name": "Part", "columns": [{"name": "Name", "dataType": "string", "type": "calculatedTableColumn", "sourceColumn": "[Name]"}],
     "partitions": [{"name": "Part", "source": {"type": "calculated", "expression": "FILTER(F, F[Name] = \"x\")"}}]}],
    "functions": [
        {"name": "Given", "expression": "() => F"},
        {"name": "Counted", "expression": "(x : ANYREF EXPR) => COUNTROWS(x)"}]
}}"#;

fn graph_of_model() -> (Model, Graph) {
    let model = model::read_bim(MODEL, "m.bim").unwrap();
    let graph = Graph::of(&model, &Trees::of(&model));
    (model, graph)
}

/// `T`, `T[Column]` or `[Measure]`.
fn node(model: &Model, name: &str) -> Node {
    let position = |found: Option<usize>| found.unwrap_or_else(|| panic!("{name}")) as u32;
    let (table, member) = name
        .trim_end_matches(']')
        .split_once('[')
        .unwrap_or((name, ""));
    if table.is_empty() {
        let mut measures = model.tables.iter().enumerate().filter_map(|(t, table)| {
            let m = table.measures.iter().position(|one| one.name == member)?;
            Some(Node::Measure(t as u32, m as u32))
        });
        return measures.next().unwrap_or_else(|| panic!("{name}"));
    }
    let t = position(model.tables.iter().position(|one| one.name == table));
    if member.is_empty() {
        return Node::Table(t);
    }
    let columns = &model.tables[t as usize].columns;
    Node::Column(
        t,
        position(columns.iter().position(|one| one.name == member)),
    )
}

#[test]
fn object_rule_2_names_reach_calendars_variations_and_what_functions_give() {
    let (model, graph) = graph_of_model();
    for (hidden, gone) in [
        ("D", "[Days]"),
        ("D[Year]", "F[To Date]"),
        // A level goes with its hierarchy, which any level loses.
        ("D[Month]", "[Varied]"),
        ("D[Year]", "[Varied]"),
        // The column has no variation that is known: some table has such a level.
        ("D[Month]", "[Some Month]"),
        // Days have names too, and what the function gives is not of them.
        ("F[Name]", "[Named]"),
        ("F[Cost]", "[Unsaid]"),
        ("F", "[Shadowing]"),
        ("D[Name]", "Copy"),
        ("F[Day]", "Part"),
        ("F[Day]", "F[By Row]"),
    ] {
        let closed = graph.close([node(&model, hidden)]);
        assert!(closed.has(node(&model, gone)), "{hidden}: {gone}");
        assert!(!closed.has(node(&model, "[Open]")), "{hidden}");
    }
}

#[test]
fn names_may_mean_what_another_view_makes_of_them() {
    let (_, graph) = graph_of_model();
    for (text, call) in [
        // Where the column is hidden, the measure of its name is meant.
        ("SUM(D[Year])", "userobjectid"),
        // A column without its table may be that of a calculation group.
        ("TREATAS({\"Costs\"}, [Item])", "username"),
    ] {
        let body = Body::expression(text);
        let calls = graph.calls_of(&body, None).unwrap();
        assert!(calls.contains(call), "{text}: {calls:?}");
        let found = References::of(body.tree.as_ref().unwrap(), &[]);
        let said = graph.reached_by(&found, Some(1), Breadth::Said).unwrap();
        assert!(!said.calls.contains(call), "{text}");
    }
}

/// What a calculation group does without a selection, it does to every measure, and so to every query.
#[test]
fn selection_expressions_are_reached_without_a_name() {
    let (mut model, graph) = graph_of_model();
    let calls = |graph: &Graph| graph.calls_of(&Body::expression("1"), None).unwrap();
    assert!(calls(&graph).is_empty());
    let group = model.tables[2].calculation_group.as_mut().unwrap();
    group.no_selection = Some(model::SelectionExpression {
        expression: "USERCULTURE()".to_owned(),
        format_expression: None,
    });
    let graph = Graph::of(&model, &Trees::of(&model));
    assert!(calls(&graph).contains("userculture"));
}

#[test]
fn object_rule_2_what_was_handed_out_is_a_dependency() {
    let learned = |handed: &dyn Fn(&Model) -> Handed, hidden: &str| {
        let (model, mut graph) = graph_of_model();
        let note = node(&model, "M[Note]");
        assert!(!graph.close([node(&model, hidden)]).has(note), "{hidden}");
        graph.learn(
            &model,
            &HandedOut::from([(note, handed(&model))]),
            &Failed::default(),
        );
        graph.close([node(&model, hidden)]).has(note)
    };
    let nodes = |names: &'static [&str]| {
        move |model: &Model| Handed {
            nodes: names.iter().map(|name| node(model, name)).collect(),
            ..Handed::default()
        }
    };
    let compared = |table: u32| {
        move |_: &Model| Handed {
            compared: [table].into(),
            ..Handed::default()
        }
    };
    let everything = |_: &Model| Handed {
        everything: true,
        ..Handed::default()
    };
    for (hidden, gone) in [("F[Cost]", true), ("F", true), ("D[Year]", false)] {
        assert_eq!(learned(&nodes(&["F[Cost]"]), hidden), gone, "{hidden}");
    }
    // The names of items are cells of their table, and an item goes with what it reads.
    assert!(learned(&nodes(&["G[Item]"]), "F[Cost]"));
    // Rows of a table without a key differ by all its columns, and others by their key.
    for (table, hidden, gone) in [
        (0, "F[Name]", true),
        (0, "M[Id]", false),
        (3, "F[Name]", false),
        (3, "M[Id]", true),
    ] {
        assert_eq!(learned(&compared(table), hidden), gone, "{hidden}");
    }
    assert!(learned(&everything, "D[Year]"));
}

#[test]
fn what_a_lent_scope_hands_out_is_noted() {
    let gate = shop().gate();
    let control = Control::new(None);
    let noted = |ask: &dyn Fn(&Scope)| {
        let objects = gate.every_object.clone();
        let data = Some(gate.data.clone());
        let scope = Scope::new(
            objects,
            gate.everything.clone(),
            data,
            Identity::user("ana"),
        );
        let scope = scope.noting();
        ask(&scope);
        scope.notes().unwrap().handed()
    };
    let product = |scope: &Scope| scope.find_table("Product").unwrap();
    let color = noted(&|scope| {
        let color = column(scope, "Product", "Color");
        scope.code_end(color, &control).unwrap();
    });
    assert_eq!(color.nodes, [Node::Column(1, 2)].into());
    let rows = noted(&|scope| {
        scope
            .scan_rows(&rows_of(scope, "Product"), &control)
            .unwrap();
    });
    assert_eq!(rows.nodes, [Node::Table(1)].into());
    let compared = noted(&|scope| {
        scope.rows_unique(product(scope), &control).unwrap();
    });
    assert_eq!(compared.compared, [1].into());
    let everything = noted(&|scope| scope.note_call("INFO.COLUMNS"));
    assert!(everything.everything && !rows.everything);
}

/// The lent view of all rows is the only one that gives all of them.
#[test]
fn row_rule_4_all_rows_are_lent_where_all_are_visible() {
    let gate = shop().filter("R", "Country", "[Name] = \"DE\"").gate();
    let view = gate.admit(Identity::user("ana").role("R")).unwrap();
    let scope = view.scope();
    for (table, lent) in [("Country", false), ("Access", true)] {
        let handle = scope.find_table(table).unwrap();
        let first = scope.columns(handle)[0];
        let codes = scope.every_code(first, &Control::new(None));
        assert_eq!(codes.is_ok(), lent, "{table}");
        assert_eq!(scope.every_row(handle).is_ok(), lent, "{table}");
        assert_eq!(scope.count_rows(handle).is_ok(), lent, "{table}");
    }
}
