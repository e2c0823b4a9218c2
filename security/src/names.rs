//! The names of a model, and what an expression may mean by the names that it mentions.

use std::collections::{BTreeSet, HashMap};

use model::Model;

use crate::references::{References, fold};
use crate::trees::{Node, ordinals};

/// How much a mention may mean. Each finds all that the one before it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Breadth {
    /// What it says: for the order in which things are computed, and for the record of what was asked.
    Said,
    /// What it could say, for what has to be hidden: a column in brackets may be one of a table that is not mentioned.
    Possible,
    /// Whatever it could say under any view, for what answers depend on. A view that hides a column gives its name to a measure.
    Any,
}

/// Names of the model, folded, to what they name.
pub(crate) struct Names {
    pub tables: HashMap<String, u32>,
    pub columns: HashMap<(u32, String), u32>,
    columns_anywhere: HashMap<String, Vec<Node>>,
    measures: HashMap<String, Node>,
    functions: HashMap<String, Node>,
    /// A calendar's table, and the columns that it speaks of.
    calendars: HashMap<String, BTreeSet<Node>>,
    /// The tables behind the variations of a column, and what has to be there for each: the levels of its hierarchy.
    varied: HashMap<Node, Vec<(u32, BTreeSet<Node>)>>,
}

/// Functions that give the table in which a measure or a calendar stands, though their call does not name it.
const HOMES: &[&str] = &["tableof", "detailrows"];

impl Names {
    pub fn of(model: &Model) -> Names {
        let mut names = Names {
            tables: HashMap::new(),
            columns: HashMap::new(),
            columns_anywhere: HashMap::new(),
            measures: HashMap::new(),
            functions: HashMap::new(),
            calendars: HashMap::new(),
            varied: HashMap::new(),
        };
        for (t, table) in ordinals(&model.tables) {
            names.tables.insert(fold(&table.name), t);
            for (c, column) in ordinals(&table.columns) {
                let name = fold(&column.name);
                let anywhere = names.columns_anywhere.entry(name.clone());
                anywhere.or_default().push(Node::Column(t, c));
                names.columns.insert((t, name), c);
            }
            names.add_measures(t, table);
            names.add_calendars(t, table);
        }
        for (f, function) in ordinals(&model.functions) {
            let name = fold(&function.name);
            names.functions.insert(name, Node::Function(f));
        }
        names.add_variations(model);
        names
    }

    fn add_variations(&mut self, model: &Model) {
        for (t, table) in ordinals(&model.tables) {
            for (c, column) in ordinals(&table.columns) {
                let behind = column.variations.iter();
                let behind: Vec<_> = behind.filter_map(|one| self.behind(model, one)).collect();
                if !behind.is_empty() {
                    self.varied.insert(Node::Column(t, c), behind);
                }
            }
        }
    }

    fn behind(&self, model: &Model, variation: &model::Variation) -> Option<(u32, BTreeSet<Node>)> {
        let hierarchy = variation.default_hierarchy.as_ref();
        let (name, _) = hierarchy.or(variation.default_column.as_ref())?;
        let t = *self.tables.get(&fold(name))?;
        let tables = model.table(name).into_iter();
        let levels = tables
            .flat_map(|table| &table.hierarchies)
            .filter(|one| hierarchy.is_some_and(|(_, name)| model::same_name(&one.name, name)))
            .flat_map(|one| &one.levels)
            .filter_map(|level| self.column(t, &fold(&level.column)));
        Some((t, levels.collect()))
    }

    fn add_measures(&mut self, t: u32, table: &model::Table) {
        for (m, measure) in ordinals(&table.measures) {
            let name = fold(&measure.name);
            if measure.kpi.is_some() {
                for (part, word) in [(0, "goal"), (1, "status"), (2, "trend")] {
                    let name = format!("_{name} {word}");
                    self.measures.entry(name).or_insert(Node::Kpi(t, m, part));
                }
            }
            self.measures.insert(name, Node::Measure(t, m));
        }
    }

    fn add_calendars(&mut self, t: u32, table: &model::Table) {
        for calendar in &table.calendars {
            let groups = calendar.groups.iter();
            let spoken = groups.flat_map(|group| group.primary.iter().chain(&group.associated));
            let mut nodes: BTreeSet<Node> = spoken
                .filter_map(|column| self.column(t, &fold(column)))
                .collect();
            nodes.insert(Node::Table(t));
            let known = self.calendars.entry(fold(&calendar.name)).or_default();
            known.extend(nodes);
        }
    }

    pub fn column(&self, table: u32, name: &str) -> Option<Node> {
        self.columns
            .get(&(table, name.to_owned()))
            .map(|c| Node::Column(table, *c))
    }

    fn columns_named(&self, name: &str) -> impl Iterator<Item = Node> + '_ {
        let found = self.columns_anywhere.get(name);
        found.into_iter().flatten().copied()
    }

    /// The calendars that are mentioned: the table and the columns of each.
    pub fn each_calendar<'n>(
        &'n self,
        found: &References,
    ) -> impl Iterator<Item = &'n BTreeSet<Node>> + use<'n> {
        let named = found.tables.iter().map(|name| self.calendars.get(name));
        named.collect::<Vec<_>>().into_iter().flatten()
    }

    /// All of them together.
    pub fn calendars<'n>(&'n self, found: &References) -> impl Iterator<Item = Node> + use<'n> {
        self.each_calendar(found).flatten().copied()
    }

    /// The tables in which the mentioned measures and calendars stand, where a function that gives them is called.
    pub fn homes(&self, found: &References) -> BTreeSet<u32> {
        if !HOMES.iter().any(|name| found.calls.contains(*name)) {
            return BTreeSet::new();
        }
        let members = found.qualified.iter().map(|(_, name)| name);
        let measures = members.chain(&found.brackets);
        let of_measures = measures.filter_map(|name| match self.measures.get(name)? {
            Node::Measure(t, _) | Node::Kpi(t, ..) => Some(*t),
            _ => None,
        });
        let of_calendars = self.calendars(found).filter_map(|node| match node {
            Node::Table(t) => Some(t),
            _ => None,
        });
        of_measures.chain(of_calendars).collect()
    }

    /// What the mentions may mean. `home`: the table in whose row context they stand.
    pub fn resolve(
        &self,
        found: &References,
        home: Option<u32>,
        breadth: Breadth,
    ) -> BTreeSet<Node> {
        let mut nodes: BTreeSet<Node> = found
            .calls
            .iter()
            .filter_map(|name| self.functions.get(name))
            .copied()
            .collect();
        let calls_functions = !nodes.is_empty();
        let mut mentioned = self.homes(found);
        let qualifying = found.qualified.iter().map(|(table, _)| table);
        let varied = found.variations.iter().map(|(table, ..)| table);
        // A variable that stands in the place of a function's parameter is a table there, if a table has its name.
        let substituted = breadth == Breadth::Any || breadth > Breadth::Said && calls_functions;
        let shadowed = found.shadowed.iter().filter(|_| substituted);
        for name in found.tables.iter().chain(qualifying).chain(shadowed) {
            mentioned.extend(self.tables.get(name));
        }
        nodes.extend(mentioned.iter().map(|table| Node::Table(*table)));
        nodes.extend(varied.filter_map(|name| Some(Node::Table(*self.tables.get(name)?))));
        mentioned.extend(home);
        for (table, name) in &found.qualified {
            let table = self.tables.get(table);
            let column = table.and_then(|table| self.column(*table, name));
            if breadth == Breadth::Any || column.is_none() {
                nodes.extend(self.measures.get(name));
            }
            nodes.extend(column);
        }
        for (table, column, level) in &found.variations {
            let table = self.tables.get(table);
            let base = table.and_then(|table| self.column(*table, column));
            nodes.extend(base);
            let behind = base.and_then(|base| self.varied.get(&base));
            let mut resolved = false;
            for (table, levels) in behind.into_iter().flatten() {
                if let Some(level) = self.column(*table, level) {
                    nodes.extend([Node::Table(*table), level]);
                    nodes.extend(levels);
                    resolved = true;
                }
            }
            if !resolved {
                // A level of some date table; whichever it is, its column has the level's name.
                nodes.extend(self.columns_named(level));
            }
        }
        for name in &found.brackets {
            let measure = self.measures.get(name).copied();
            let columns = mentioned.iter().filter_map(|t| self.column(*t, name));
            let columns: Vec<Node> = columns.collect();
            // A function of the model may give a table that the text does not mention. And a column that none of the mentioned
            // tables has, that is no measure, and that the expression does not make, is one of another table.
            let unsaid = columns.is_empty() && measure.is_none() && !found.made.contains(name);
            let anywhere = match breadth {
                Breadth::Said => calls_functions,
                Breadth::Possible => calls_functions || unsaid,
                Breadth::Any => true,
            };
            nodes.extend(measure);
            nodes.extend(columns);
            nodes.extend(self.columns_named(name).filter(|_| anywhere));
        }
        nodes
    }
}
