//! The filter context as the reference defines it: sets of tuples over sets of columns.

use std::collections::HashSet;
use std::rc::Rc;

use crate::data::{Col, Data};
use crate::value::Key;

/// A tuple of values of these columns must be among the tuples.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    pub columns: Vec<Col>,
    pub tuples: HashSet<Vec<Key>>,
}

impl Filter {
    /// The filter without some of its columns; None where nothing is left.
    pub fn without(&self, gone: &dyn Fn(Col) -> bool) -> Option<Filter> {
        let kept: Vec<usize> = (0..self.columns.len())
            .filter(|&k| !gone(self.columns[k]))
            .collect();
        (!kept.is_empty()).then(|| self.project(&kept))
    }

    pub fn project(&self, kept: &[usize]) -> Filter {
        Filter {
            columns: kept.iter().map(|&k| self.columns[k]).collect(),
            tuples: self
                .tuples
                .iter()
                .map(|t| kept.iter().map(|&k| t[k].clone()).collect())
                .collect(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    None,
    OneWay,
    Both,
}

/// A grouping or an iteration, as ALLSELECTED sees it.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// The context around it.
    pub outer: Context,
    /// The rows iterated, as a filter on those of their columns that the model has; None for SUMMARIZECOLUMNS.
    pub rows: Option<Filter>,
}

#[derive(Clone, Debug, Default)]
pub struct Context {
    pub filters: Vec<Rc<Filter>>,
    /// What USERELATIONSHIP activated, with the depth at which it did, and what CROSSFILTER changed: relationships by number.
    pub activated: Vec<(usize, u32)>,
    pub directions: Vec<(usize, Direction)>,
    /// What ALLSELECTED brings back: the innermost SUMMARIZECOLUMNS or iterator.
    pub shadow: Option<Rc<Shadow>>,
    /// The measure that a calculation item is applied to.
    pub selected: Option<String>,
    /// Calculation groups that have been applied.
    pub applied: Vec<usize>,
}

/// A relationship as it stands in a context.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub link: usize,
    pub forward: bool,
    pub back: bool,
    /// The depth at which USERELATIONSHIP activated it; 0 where none did.
    pub depth: u32,
}

impl Context {
    pub fn remove(&mut self, gone: &dyn Fn(Col) -> bool) {
        self.filters = self
            .filters
            .iter()
            .filter_map(|f| f.without(gone).map(Rc::new))
            .collect();
    }

    /// What USERELATIONSHIP chose, and nothing else.
    pub fn uncrossed(&self) -> Context {
        Context {
            activated: self.activated.clone(),
            ..Context::default()
        }
    }

    /// The relationships in force: active ones and activated ones, which take the place of others between the same tables.
    pub fn edges(&self, data: &Data) -> Vec<Edge> {
        let same = |a: usize, b: usize| {
            let (a, b) = (&data.links[a], &data.links[b]);
            let mut ends = [a.from.0, a.to.0];
            let mut others = [b.from.0, b.to.0];
            ends.sort_unstable();
            others.sort_unstable();
            ends == others
        };
        let mut edges = Vec::new();
        for (number, link) in data.links.iter().enumerate() {
            let depth = self.activated.iter().find(|(other, _)| *other == number);
            let in_force = if depth.is_some() {
                true
            } else {
                link.active && !self.activated.iter().any(|(other, _)| same(number, *other))
            };
            if !in_force {
                continue;
            }
            let (mut forward, mut back) = (true, link.both || link.one_to_one);
            for (changed, direction) in &self.directions {
                if *changed == number {
                    (forward, back) = match direction {
                        Direction::None => (false, false),
                        Direction::OneWay => (true, link.one_to_one),
                        Direction::Both => (true, true),
                    };
                }
            }
            edges.push(Edge {
                link: number,
                forward,
                back,
                depth: depth.map_or(0, |(_, depth)| *depth),
            });
        }
        edges
    }
}
