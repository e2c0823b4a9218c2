//! Calculated columns and tables that cannot be put in an order, because each needs the next and the last needs the first.

use std::collections::BTreeSet;

use model::Model;

use crate::graph::Graph;
use crate::objects::at;
use crate::trees::{Node, Trees};

/// A calculated column, or without one a calculated table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalculatedObject {
    pub table: String,
    pub column: Option<String>,
}

/// A circle of calculated objects of a model, before there is data: the first is named once more at the end. Empty where there is none.
pub fn circle(model: &Model) -> Vec<CalculatedObject> {
    let trees = Trees::of(model);
    let graph = Graph::of(model, &trees);
    let mut pending: BTreeSet<Node> = calculated(&trees).collect();
    loop {
        let ready = |node: &Node| before(&graph, *node, &pending).is_empty();
        let ready: Vec<Node> = pending.iter().copied().filter(ready).collect();
        if ready.is_empty() {
            break;
        }
        for node in &ready {
            pending.remove(node);
        }
    }
    let walked = walk(&graph, &pending);
    walked
        .into_iter()
        .filter_map(|node| object(model, node))
        .collect()
}

/// Calculated objects whose expressions name what may be themselves. Whether it is, only binding tells: names have other meanings too.
pub fn may_read_themselves(model: &Model) -> Vec<CalculatedObject> {
    let trees = Trees::of(model);
    let graph = Graph::of(model, &trees);
    calculated(&trees)
        .filter(|node| graph.reads_itself(*node))
        .filter_map(|node| object(model, node))
        .collect()
}

fn calculated(trees: &Trees) -> impl Iterator<Item = Node> + '_ {
    trees
        .nodes()
        .map(|(node, _)| node)
        .filter(|node| matches!(node, Node::Column(..) | Node::Table(_)))
}

fn object(model: &Model, node: Node) -> Option<CalculatedObject> {
    let (t, c) = match node {
        Node::Table(t) => (t, None),
        Node::Column(t, c) => (t, Some(c)),
        _ => return None,
    };
    let table = at(&model.tables, t)?;
    let column = match c {
        Some(c) => Some(at(&table.columns, c)?.name.clone()),
        None => None,
    };
    Some(CalculatedObject {
        table: table.name.clone(),
        column,
    })
}

/// The pending objects that must come before this one.
pub(crate) fn before(graph: &Graph, node: Node, pending: &BTreeSet<Node>) -> BTreeSet<Node> {
    let mut before: BTreeSet<Node> = graph.reads(node).intersection(pending).copied().collect();
    if let Node::Column(t, _) = node
        && pending.contains(&Node::Table(t))
    {
        before.insert(Node::Table(t));
    }
    before
}

/// One circle among pending objects, none of which is ready.
pub(crate) fn walk(graph: &Graph, pending: &BTreeSet<Node>) -> Vec<Node> {
    let mut walked: Vec<Node> = Vec::new();
    let mut at = pending.first().copied();
    while let Some(node) = at {
        if let Some(start) = walked.iter().position(|walked| *walked == node) {
            walked.drain(..start);
            walked.push(node);
            break;
        }
        walked.push(node);
        at = before(graph, node, pending).first().copied();
    }
    walked
}
