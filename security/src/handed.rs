//! What an evaluation over all rows was handed out. The names in an expression say what it means to read; this says what it did read,
//! whatever the names resolved to. So a calculated object is known by what it was computed from, and a role's filter by what it asked
//! about the caller.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use storage::{ColumnId, TableId};

use crate::asker::Reads;
use crate::trees::Node;

/// What computing one calculated object was handed out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Handed {
    /// Columns whose values it saw, and tables whose rows it went over.
    pub nodes: BTreeSet<Node>,
    /// Tables of which it asked whether their rows differ.
    pub compared: BTreeSet<u32>,
    /// It called a function that looks at every object, or nothing is known of it.
    pub everything: bool,
}

/// By calculated column or table.
pub(crate) type HandedOut = BTreeMap<Node, Handed>;

/// What a lent scope notes while it is used.
#[derive(Default)]
pub(crate) struct Notes(Mutex<(Handed, Reads)>);

impl Notes {
    fn lock(&self) -> MutexGuard<'_, (Handed, Reads)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn column(&self, id: ColumnId) {
        let node = Node::Column(id.table.0, id.column);
        self.lock().0.nodes.insert(node);
    }

    pub fn table(&self, id: TableId) {
        self.lock().0.nodes.insert(Node::Table(id.0));
    }

    pub fn compared(&self, id: TableId) {
        self.lock().0.compared.insert(id.0);
    }

    pub fn everything(&self) {
        self.lock().0.everything = true;
    }

    pub fn reads(&self, reads: Reads) {
        let mut notes = self.lock();
        notes.1 = notes.1.and(reads);
    }

    pub fn told(&self) -> Reads {
        self.lock().1
    }

    pub fn handed(&self) -> Handed {
        self.lock().0.clone()
    }
}

/// As text, for the disk: an object a line, with what it was computed from.
pub(crate) fn write(handed: &HandedOut) -> String {
    let mut text = String::new();
    for (node, handed) in handed {
        let Some(node) = word(node) else { continue };
        text.push_str(&node);
        if handed.everything {
            text.push_str(" all");
        }
        for found in handed.nodes.iter().filter_map(word) {
            text.push(' ');
            text.push_str(&found);
        }
        for table in &handed.compared {
            text.push_str(&format!(" r{table}"));
        }
        text.push('\n');
    }
    text
}

fn word(node: &Node) -> Option<String> {
    match node {
        Node::Table(t) => Some(format!("t{t}")),
        Node::Column(t, c) => Some(format!("c{t}.{c}")),
        _ => None,
    }
}

/// None: it is not what `write` writes.
pub(crate) fn read(text: &str) -> Option<HandedOut> {
    let mut all = HandedOut::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let node = node_of(words.next()?)?;
        let mut handed = Handed::default();
        for word in words {
            if word == "all" {
                handed.everything = true;
            } else if let Some(table) = word.strip_prefix('r') {
                handed.compared.insert(table.parse().ok()?);
            } else {
                handed.nodes.insert(node_of(word)?);
            }
        }
        all.insert(node, handed);
    }
    Some(all)
}

fn node_of(word: &str) -> Option<Node> {
    if let Some(table) = word.strip_prefix('t') {
        return Some(Node::Table(table.parse().ok()?));
    }
    let (table, column) = word.strip_prefix('c')?.split_once('.')?;
    Some(Node::Column(table.parse().ok()?, column.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let one = Handed {
            nodes: [Node::Table(3), Node::Column(3, 14)].into(),
            compared: [5].into(),
            everything: false,
        };
        let all = Handed {
            everything: true,
            ..Handed::default()
        };
        let handed: HandedOut = [(Node::Column(1, 2), one), (Node::Table(7), all)].into();
        assert_eq!(write(&handed), "t7 all\nc1.2 t3 c3.14 r5\n");
        assert_eq!(read(&write(&handed)), Some(handed));
        for wrong in ["x1", "c1", "t1 u2", "t-1", "t1  t2"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
