//! Which object depends on which, and what is hidden when some are: the object rules.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::Model;

use crate::failed::Failed;
use crate::handed::HandedOut;
use crate::names::{Breadth, Names};
use crate::references::{References, fold};
use crate::trees::{Body, Node, Trees, ordinals};

/// Objects that do not exist for somebody. Closed: what depends on a hidden object is among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Hidden(pub BTreeSet<Node>);

impl Hidden {
    pub fn has(&self, node: Node) -> bool {
        self.0.contains(&node)
    }

    /// An object exists if any role shows it. The intersection of closed sets is closed.
    pub fn shared(&self, other: &Hidden) -> Hidden {
        Hidden(self.0.intersection(&other.0).copied().collect())
    }
}

/// What one node depends on.
#[derive(Debug, Default)]
struct Needs {
    /// What it may depend on.
    nodes: BTreeSet<Node>,
    /// What of that it says: nothing else has to be computed before it.
    said: BTreeSet<Node>,
    /// Whether it says its own name.
    itself: bool,
    /// Tables of which the value may depend on every column.
    whole: BTreeSet<u32>,
    /// Calendars that it runs over: the table and the columns of each.
    calendars: Vec<BTreeSet<Node>>,
    calls: BTreeSet<String>,
    /// One of its expressions does not parse, or it is computed by a function that looks at every object, so it may depend on
    /// anything.
    unknown: bool,
}

/// What evaluating an expression may touch.
#[derive(Debug, Default)]
pub(crate) struct Reached {
    /// Functions, in lower case.
    pub calls: BTreeSet<String>,
    pub nodes: BTreeSet<Node>,
}

/// Whether nothing of a calendar is left: its table is hidden, or all its columns are.
fn is_gone(calendar: &BTreeSet<Node>, hidden: &BTreeSet<Node>) -> bool {
    let (tables, columns): (Vec<&Node>, Vec<&Node>) = calendar
        .iter()
        .partition(|node| matches!(node, Node::Table(_)));
    tables.into_iter().any(|table| hidden.contains(table))
        || !columns.is_empty() && columns.into_iter().all(|column| hidden.contains(column))
}

/// Functions that read objects which their call does not name.
pub(crate) fn reads_everything(call: &str) -> bool {
    call == "calendarauto" || call == "columnstatistics" || call.starts_with("info.")
}

/// Functions that turn the current rows into filters.
fn turns_rows_to_filters(call: &str) -> bool {
    let starts = ["calculate", "total", "openingbalance", "closingbalance"];
    call == "relatedtable" || starts.iter().any(|start| call.starts_with(start))
}

/// Expressions that are evaluated along with those that refer to them.
fn is_evaluated(node: &Node) -> bool {
    !matches!(node, Node::Table(_) | Node::Column(..))
}

/// Dependencies between the objects of a model.
pub(crate) struct Graph {
    needs: BTreeMap<Node, Needs>,
    names: Names,
    columns: Vec<u32>,
    /// A column of each table that no two rows share, where the model says so.
    keys: HashMap<u32, u32>,
    as_compatible: bool,
}

/// Key columns, and the one side of relationships. Nobody has tried whether one that is in error holds.
fn keys_of(model: &Model, names: &Names, failed: &Failed) -> HashMap<u32, u32> {
    let mut keys = HashMap::new();
    for relationship in &model.relationships {
        if failed.key_of(model, relationship).is_none()
            && relationship.to_cardinality == model::Cardinality::One
            && let Some(table) = names.tables.get(&fold(&relationship.to_table))
            && let Some(Node::Column(_, column)) =
                names.column(*table, &fold(&relationship.to_column))
        {
            keys.insert(*table, column);
        }
    }
    for (t, table) in ordinals(&model.tables) {
        for (c, column) in ordinals(&table.columns) {
            if column.key && !failed.has(Node::Column(t, c)) {
                keys.insert(t, c);
            }
        }
    }
    keys
}

impl Graph {
    pub fn of(model: &Model, trees: &Trees) -> Graph {
        let mut graph = Graph {
            needs: BTreeMap::new(),
            names: Names::of(model),
            columns: model
                .tables
                .iter()
                .map(|table| crate::trees::ordinal(table.columns.len()))
                .collect(),
            keys: HashMap::new(),
            as_compatible: model.options.as_compatible,
        };
        graph.keys = keys_of(model, &graph.names, &Failed::default());
        for (node, bodies) in trees.nodes() {
            let needs = graph.needs_of(node, bodies);
            graph.needs.insert(node, needs);
        }
        for (node, _) in trees.nodes() {
            if matches!(node, Node::Column(..) | Node::Table(_)) {
                graph.widen(node);
            }
        }
        for (t, table) in ordinals(&model.tables) {
            let columns = ordinals(&table.columns).map(|(c, _)| Node::Column(t, c));
            let measures = ordinals(&table.measures).map(|(m, _)| Node::Measure(t, m));
            for node in columns.chain(measures) {
                let needs = graph.needs.entry(node).or_default();
                needs.nodes.insert(Node::Table(t));
                needs.said.insert(Node::Table(t));
            }
            graph.needs_of_places(t, table);
        }
        graph
    }

    /// What calculated objects were computed from counts beside what their expressions name.
    pub fn learn(&mut self, model: &Model, handed: &HandedOut, failed: &Failed) {
        if !failed.is_empty() {
            self.keys = keys_of(model, &self.names, failed);
        }
        for (node, handed) in handed {
            let mut nodes = handed.nodes.clone();
            // The names of items are cells of their table.
            for table in handed.nodes.iter().filter_map(|node| match node {
                Node::Column(t, _) => Some(*t),
                _ => None,
            }) {
                let items = Node::Item(table, 0)..=Node::Item(table, u32::MAX);
                nodes.extend(self.needs.range(items).map(|(item, _)| *item));
            }
            let mut whole = BTreeSet::new();
            for table in &handed.compared {
                match self.keys.get(table) {
                    Some(key) => {
                        nodes.insert(Node::Column(*table, *key));
                    }
                    None => {
                        whole.insert(*table);
                    }
                }
            }
            nodes.remove(node);
            let needs = self.needs.entry(*node).or_default();
            needs.nodes.extend(nodes);
            needs.whole.extend(whole);
            needs.unknown |= handed.everything;
        }
    }

    /// The column of ordinals, where items have theirs by their place: the numbers of those that are left would tell how many are
    /// hidden between them.
    fn needs_of_places(&mut self, t: u32, table: &model::Table) {
        let Some(group) = &table.calculation_group else {
            return;
        };
        let placed: Vec<Node> = ordinals(&group.items)
            .filter(|(_, item)| item.ordinal.is_none())
            .map(|(i, _)| Node::Item(t, i))
            .collect();
        for (c, column) in ordinals(&table.columns) {
            let source = match &column.kind {
                model::ColumnKind::Data { source_column }
                | model::ColumnKind::CalculatedTable { source_column } => source_column,
                _ => continue,
            };
            if fold(source) == "ordinal" {
                let needs = self.needs.entry(Node::Column(t, c)).or_default();
                needs.nodes.extend(placed.iter().copied());
                needs.said.extend(placed.iter().copied());
            }
        }
    }

    /// A calculated column or table is computed before anybody asks, over everything. So it also depends on what its expression
    /// reaches without naming it: the items of calculation groups, which apply to every measure; the detail rows behind DETAILROWS;
    /// all there is, behind functions such as CALENDARAUTO.
    fn widen(&mut self, node: Node) {
        loop {
            let Some(needs) = self.needs.get(&node) else {
                return;
            };
            let reached = self.through(&needs.nodes);
            let mut calls = needs.calls.clone();
            for other in reached.iter().filter_map(|other| self.needs.get(other)) {
                calls.extend(other.calls.iter().cloned());
            }
            let measures = reached
                .iter()
                .any(|other| matches!(other, Node::Measure(..) | Node::Kpi(..)));
            let details = calls.contains("detailrows");
            let transition = measures || calls.iter().any(|call| turns_rows_to_filters(call));
            let everything = calls.iter().any(|call| reads_everything(call));
            let more: Vec<Node> = self
                .needs
                .keys()
                .filter(|other| match other {
                    Node::Item(..) | Node::Selection(..) => measures,
                    Node::DetailRows(..) => details,
                    _ => false,
                })
                .copied()
                .collect();
            let rows = if transition {
                self.rows_of(node, needs)
            } else {
                Default::default()
            };
            let Some(needs) = self.needs.get_mut(&node) else {
                return;
            };
            let before = needs.nodes.len();
            needs.nodes.extend(more.iter().chain(&rows.0));
            needs.said.extend(more.iter().chain(&rows.0));
            needs.whole.extend(rows.1);
            needs.unknown |= everything;
            if needs.nodes.len() == before {
                return;
            }
        }
    }

    /// What a row of the tables that an expression may iterate over becomes when it turns into a filter: its key, where the table
    /// has one, else all its columns.
    fn rows_of(&self, node: Node, needs: &Needs) -> (BTreeSet<Node>, BTreeSet<u32>) {
        let home = match node {
            Node::Column(t, _) => Some(t),
            _ => None,
        };
        let mentioned = needs.nodes.iter().filter_map(|node| match node {
            Node::Table(t) => Some(*t),
            _ => None,
        });
        let (mut keys, mut whole) = (BTreeSet::new(), BTreeSet::new());
        for table in mentioned.chain(home) {
            match self.keys.get(&table) {
                Some(key) => {
                    keys.insert(Node::Column(table, *key));
                }
                None => {
                    whole.insert(table);
                }
            }
        }
        keys.remove(&node);
        (keys, whole)
    }

    fn needs_of(&self, node: Node, bodies: &[Body]) -> Needs {
        let mut needs = Needs::default();
        let home = match node {
            Node::Table(_) | Node::Function(_) => None,
            Node::Column(t, _)
            | Node::Measure(t, _)
            | Node::Kpi(t, ..)
            | Node::DetailRows(t, _)
            | Node::Item(t, _)
            | Node::Selection(t, _) => Some(t),
        };
        match node {
            Node::Kpi(t, m, _) | Node::DetailRows(t, Some(m)) => {
                needs.nodes.insert(Node::Measure(t, m));
                needs.said.insert(Node::Measure(t, m));
            }
            Node::DetailRows(t, None) | Node::Item(t, _) | Node::Selection(t, _) => {
                needs.nodes.insert(Node::Table(t));
                needs.said.insert(Node::Table(t));
            }
            Node::Table(_) | Node::Column(..) | Node::Measure(..) | Node::Function(_) => {}
        }
        for body in bodies {
            match body.references() {
                Some(found) => {
                    let names = &self.names;
                    needs
                        .said
                        .extend(names.resolve(&found, home, Breadth::Said));
                    let possible = names.resolve(&found, home, Breadth::Possible);
                    needs.nodes.extend(possible);
                    // What is computed over all data depends on a calendar's columns. A measure runs over the calendar that its
                    // view shows, which may have lost some.
                    if matches!(node, Node::Column(..) | Node::Table(_) | Node::Function(_)) {
                        needs.nodes.extend(names.calendars(&found));
                    }
                    needs.calendars.extend(names.each_calendar(&found).cloned());
                    if found.whole_homes {
                        needs.whole.extend(names.homes(&found));
                    }
                    needs.whole.extend(
                        found
                            .whole
                            .iter()
                            .filter_map(|name| self.names.tables.get(name)),
                    );
                    needs.calls.extend(found.calls);
                }
                None => needs.unknown = true,
            }
        }
        // A recursive mention says nothing new.
        needs.itself = needs.said.contains(&node);
        needs.nodes.remove(&node);
        needs.said.remove(&node);
        needs
    }

    /// What is hidden when these are: everything that depends on one of them, transitively.
    pub fn close(&self, roots: impl IntoIterator<Item = Node>) -> Hidden {
        let mut hidden: BTreeSet<Node> = roots.into_iter().collect();
        if hidden.is_empty() {
            return Hidden::default();
        }
        loop {
            let more: Vec<Node> = self
                .needs
                .iter()
                .filter(|(node, needs)| {
                    !hidden.contains(node) && self.depends(**node, needs, &hidden)
                })
                .map(|(node, _)| *node)
                .collect();
            if more.is_empty() {
                return Hidden(hidden);
            }
            hidden.extend(more);
        }
    }

    fn depends(&self, node: Node, needs: &Needs, hidden: &BTreeSet<Node>) -> bool {
        if let Node::Column(table, _) = node
            && self.as_compatible
        {
            // As Analysis Services has it: a calculated column stays when what it is computed from is hidden.
            return hidden.contains(&Node::Table(table));
        }
        if needs.unknown || needs.nodes.iter().any(|needed| hidden.contains(needed)) {
            return true;
        }
        // Whoever sees nothing of a calendar does not learn its name from an expression over it.
        if needs
            .calendars
            .iter()
            .any(|calendar| is_gone(calendar, hidden))
        {
            return true;
        }
        // Calculated columns and tables are computed over all columns; other expressions run over the visible ones.
        matches!(node, Node::Column(..) | Node::Table(_))
            && self
                .whole_tables(needs)
                .into_iter()
                .any(|table| self.hides_column_of(table, hidden))
    }

    fn hides_column_of(&self, table: u32, hidden: &BTreeSet<Node>) -> bool {
        hidden.contains(&Node::Table(table))
            || hidden
                .range(Node::Column(table, 0)..=Node::Column(table, u32::MAX))
                .next()
                .is_some()
    }

    /// Tables read as a whole, through measures and functions too.
    fn whole_tables(&self, needs: &Needs) -> BTreeSet<u32> {
        let mut whole = needs.whole.clone();
        for node in self.through(&needs.nodes) {
            whole.extend(
                self.needs
                    .get(&node)
                    .into_iter()
                    .flat_map(|needs| needs.whole.iter().copied()),
            );
        }
        whole
    }

    /// The measures, functions and other expressions among these, and those that they use in turn: what is evaluated along with an
    /// expression.
    fn through(&self, nodes: &BTreeSet<Node>) -> BTreeSet<Node> {
        self.through_what(nodes, |needs| &needs.nodes)
    }

    fn through_what(
        &self,
        nodes: &BTreeSet<Node>,
        of: fn(&Needs) -> &BTreeSet<Node>,
    ) -> BTreeSet<Node> {
        let evaluated = is_evaluated;
        let mut reached = BTreeSet::new();
        let mut open: Vec<Node> = nodes
            .iter()
            .filter(|node| evaluated(node))
            .copied()
            .collect();
        while let Some(node) = open.pop() {
            if reached.insert(node)
                && let Some(needs) = self.needs.get(&node)
            {
                open.extend(of(needs).iter().filter(|node| evaluated(node)));
            }
        }
        reached
    }

    /// Whether computing a node may call a function, which is given in lower case, through measures and functions too.
    pub fn may_call(&self, node: Node, function: &str) -> bool {
        let Some(needs) = self.needs.get(&node) else {
            return true;
        };
        let through = self.through(&needs.nodes);
        let others = through.iter().filter_map(|other| self.needs.get(other));
        std::iter::once(needs)
            .chain(others)
            .any(|needs| needs.calls.contains(function))
    }

    /// Everything that evaluating an expression may call, in lower case: its own calls, and those of measures and functions.
    /// None when one of these does not parse.
    pub fn calls_of(&self, body: &Body, home: Option<u32>) -> Option<BTreeSet<String>> {
        let found = body.references()?;
        let reached = self.reached_by(&found, home, Breadth::Any);
        reached.map(|reached| reached.calls)
    }

    /// Everything that evaluating what mentions these may call and read. None when something of it does not parse.
    pub fn reached_by(
        &self,
        found: &References,
        home: Option<u32>,
        breadth: Breadth,
    ) -> Option<Reached> {
        let mut calls = found.calls.clone();
        let mut reached = BTreeSet::new();
        let resolved = self.names.resolve(found, home, breadth);
        let mut open: Vec<Node> = resolved.into_iter().collect();
        // What a calculation group does without a selection, it does to every measure.
        open.extend(
            self.needs
                .keys()
                .filter(|node| matches!(node, Node::Selection(..))),
        );
        while let Some(node) = open.pop() {
            if !reached.insert(node) {
                continue;
            }
            match node {
                // Who mentions a calculation group may select any of its items.
                Node::Table(t) | Node::Column(t, _) => {
                    open.extend(
                        self.needs
                            .range(Node::Item(t, 0)..=Node::Item(t, u32::MAX))
                            .map(|(node, _)| *node),
                    );
                }
                _ => {
                    let needs = self.needs.get(&node)?;
                    if needs.unknown {
                        return None;
                    }
                    calls.extend(needs.calls.iter().cloned());
                    open.extend(match breadth {
                        Breadth::Said => needs.said.iter(),
                        Breadth::Possible | Breadth::Any => needs.nodes.iter(),
                    });
                }
            }
            if open.is_empty() && calls.contains("detailrows") {
                // Whose detail rows are meant, the call need not name.
                let details = self.needs.keys();
                open.extend(
                    details
                        .filter(|node| matches!(node, Node::DetailRows(..)))
                        .filter(|node| !reached.contains(node)),
                );
            }
        }
        Some(Reached {
            calls,
            nodes: reached,
        })
    }

    /// The stored objects (columns and tables) that computing a calculated one reads, through measures and functions.
    pub fn reads(&self, node: Node) -> BTreeSet<Node> {
        let mut reads = BTreeSet::new();
        let Some(needs) = self.needs.get(&node) else {
            return reads;
        };
        let own = needs.said.iter().copied();
        let through = self.through_what(&needs.said, |needs| &needs.said);
        let theirs = through
            .iter()
            .filter_map(|node| self.needs.get(node))
            .flat_map(|needs| needs.said.iter().copied());
        for found in own.chain(theirs) {
            match found {
                Node::Table(_) | Node::Column(..) => {
                    reads.insert(found);
                }
                _ => {}
            }
        }
        // A table read as a whole is read with all its columns; its own, a calculated column cannot wait for.
        let home = if let Node::Column(table, _) = node {
            Some(table)
        } else {
            None
        };
        for table in self
            .whole_tables(needs)
            .into_iter()
            .filter(|table| Some(*table) != home)
        {
            reads.extend((0..self.columns_of(table)).map(|column| Node::Column(table, column)));
        }
        reads.remove(&node);
        reads
    }

    /// Whether computing an object reads that object, by its name or through measures and functions.
    pub fn reads_itself(&self, node: Node) -> bool {
        self.needs.get(&node).is_some_and(|needs| {
            let through = self.through_what(&needs.said, |needs| &needs.said);
            let mut theirs = through.iter().filter_map(|node| self.needs.get(node));
            needs.itself || theirs.any(|needs| needs.said.contains(&node))
        })
    }

    pub fn table(&self, name: &str) -> Option<u32> {
        self.names.tables.get(&fold(name)).copied()
    }

    pub fn column(&self, table: u32, name: &str) -> Option<u32> {
        self.names.columns.get(&(table, fold(name))).copied()
    }

    /// The number of columns of a table.
    pub fn columns_of(&self, table: u32) -> u32 {
        usize::try_from(table)
            .ok()
            .and_then(|table| self.columns.get(table))
            .copied()
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fact with a cost, and calculated objects that reach the cost without naming it.
    fn model() -> Model {
        let text = r#"{"name": "m", "compatibilityLevel": 1600, "model": {"culture": "en-US", "tables": [
            {"name": "F", "columns": [
                {"name": "Cost", "dataType": "int64", "sourceColumn": "Cost"},
                {"name": "Amount", "dataType": "int64", "sourceColumn": "Amount"},
                {"name": "By Item", "type": "calculated", "dataType": "int64", "expression": "CALCULATE([Total], G[Name] = \"Costs\")"},
                {"name": "By Detail", "type": "calculated", "dataType": "int64", "expression": "SUMX(DETAILROWS([Total]), [c])"},
                {"name": "Plain", "type": "calculated", "dataType": "int64", "expression": "F[Amount] + 1"}],
             "measures": [{"name": "Total", "expression": "SUM(F[Amount])", "detailRowsDefinition": {"expression": "SELECTCOLUMNS(F, \"c\", F[Cost])"}}],
             "partitions": [{"name": "F", "source": {"type": "m", "expression": "x"}}]},
            {"name": "G", "columns": [{"name": "Name", "dataType": "string", "sourceColumn": "Name"}, {"name": "Place", "dataType": "int64", "sourceColumn": "Ordinal"}],
             "calculationGroup": {"precedence": 1, "calculationItems": [{"name": "Costs", "expression": "SUM(F[Cost])"}, {"name": "Same", "expression": "SELECTEDMEASURE()"}]},
             "partitions": [{"name": "G", "source": {"type": "calculationGroup"}}]},
            {"name": "Days", "columns": [{"name": "Date", "dataType": "dateTime", "type": "calculatedTableColumn", "sourceColumn": "[Date]"}],
             "partitions": [{"name": "Days", "source": {"type": "calculated", "expression": "CALENDARAUTO()"}}]},
            {"name": "Names", "columns": [{"name": "Name", "dataType": "string", "type": "calculatedTableColumn", "sourceColumn": "[Name]"}],
             "partitions": [{"name": "Names", "source": {"type": "calculated", "expression": "SELECTCOLUMNS(INFO.VIEW.COLUMNS(), \"Name\", [Name])"}}]}
        ]}}"#;
        model::read_bim(text, "m.bim").unwrap()
    }

    #[test]
    fn object_rule_2_what_is_reached_without_a_name_is_a_dependency_too() {
        let model = model();
        let trees = Trees::of(&model);
        let graph = Graph::of(&model, &trees);
        let hidden = graph.close([Node::Column(0, 0)]);
        for (node, gone) in [
            (Node::Column(0, 1), false),
            (Node::Column(0, 2), true),
            (Node::Column(0, 3), true),
            (Node::Column(0, 4), false),
            (Node::Measure(0, 0), false),
            (Node::Item(1, 0), true),
            (Node::Item(1, 1), false),
            (Node::Column(1, 0), false),
            (Node::Column(1, 1), true),
            (Node::Table(2), true),
            (Node::Table(3), true),
        ] {
            assert_eq!(hidden.has(node), gone, "{node:?}");
        }
        assert_eq!(graph.close([]), Hidden::default());
    }
}
