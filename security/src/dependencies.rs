//! What the answer of a query depends on: the objects that it may read, and the key under which its answer may be given again.
//!
//! Found without binding, by the names that the query and everything behind them mention: rather too much than too little. A key that
//! says too much is found less often; one that says too little would give one user's answer to another. So names alone do not decide:
//! an answer is kept only where its evaluation was told nothing of the caller that the key does not hold.

use std::collections::BTreeSet;

use dax::{DefinitionKind, Expr, Query};
use sha2::{Digest, Sha256};
use storage::Control;

use crate::asker::{IdentityFunction, Reads, VOLATILE};
use crate::audit::{Asked, AuditError, QueryRecord};
use crate::gate::Gate;
use crate::graph::{Hidden, Reached};
use crate::names::Breadth;
use crate::objects::at;
use crate::references::References;
use crate::trees::Node;
use crate::view::View;

/// The expressions of a query, with the names of their parameters.
fn expressions_of(query: &Query) -> Vec<(&Expr, Vec<String>)> {
    let mut found: Vec<(&Expr, Vec<String>)> = Vec::new();
    for definition in &query.definitions {
        match &definition.kind {
            DefinitionKind::Measure { body, .. }
            | DefinitionKind::Var { body, .. }
            | DefinitionKind::Column { body, .. }
            | DefinitionKind::Table { body, .. } => found.push((body, Vec::new())),
            DefinitionKind::Function { function, .. } => {
                let names = function.parameters.iter().map(|p| p.name.text.clone());
                found.push((&function.body, names.collect()));
                let defaults = function
                    .parameters
                    .iter()
                    .filter_map(|p| p.default.as_ref());
                found.extend(defaults.map(|default| (default, Vec::new())));
            }
        }
    }
    for evaluate in &query.evaluates {
        found.push((&evaluate.table, Vec::new()));
        found.extend(evaluate.order_by.iter().map(|o| (&o.expr, Vec::new())));
        found.extend(evaluate.start_at.iter().map(|e| (e, Vec::new())));
    }
    found
}

/// Under what an answer may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerKey {
    pub digest: [u8; 32],
    covers: Reads,
}

impl AnswerKey {
    /// Whether the key holds all that an answer has read. One that read more is its caller's alone.
    pub fn covers(&self, reads: Reads) -> bool {
        reads.within(self.covers)
    }
}

impl Gate {
    /// All that the query reaches. None: something of it does not parse.
    fn reached_by(&self, query: &Query, breadth: Breadth) -> Option<Reached> {
        let mut all = Reached::default();
        for (expression, parameters) in expressions_of(query) {
            let found = References::of(expression, &parameters);
            let reached = self.graph.reached_by(&found, None, breadth)?;
            all.calls.extend(reached.calls);
            all.nodes.extend(reached.nodes);
        }
        Some(all)
    }

    /// The key of the query's answer over a view: equal keys have equal answers. `with` says what else the answer depends on:
    /// parameters and limits. None: the answer must not be kept, because it depends on the clock, on random numbers, or on
    /// who asks in a way that cannot be told.
    ///
    /// In the key are the gate (one generation of data under one policy), the query as it was understood, the visible rows and
    /// objects, the culture, and the value of every identity function that the query or anything behind it calls. Who asks is not.
    pub fn answer_key(&self, view: &View, query: &Query, with: &[u8]) -> Option<AnswerKey> {
        let reached = self.reached_by(query, Breadth::Any)?;
        let refused =
            |call: &String| VOLATILE.contains(&call.as_str()) || call.starts_with("info.");
        if reached.calls.iter().any(refused) {
            return None;
        }
        let mut key = Sha256::new();
        key.update(b"peristyle answer 1");
        key.update(self.number().to_le_bytes());
        key.update(view.visible_digest());
        let mut put = |bytes: &[u8]| {
            key.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
            key.update(bytes);
        };
        put(dax::dump_query(query).as_bytes());
        put(with);
        let identity = view.scope().identity();
        let mut value = |function: IdentityFunction| match function.value(identity) {
            Some(value) => {
                put(&[1]);
                put(value.as_bytes());
            }
            None => put(&[0]),
        };
        value(IdentityFunction::Culture);
        let read: BTreeSet<IdentityFunction> = reached
            .calls
            .iter()
            .filter_map(|call| IdentityFunction::named(call))
            .collect();
        for function in &read {
            value(*function);
        }
        Some(AnswerKey {
            digest: key.finalize().into(),
            covers: Reads::of(&read).and(Reads::CULTURE),
        })
    }

    /// Tells the audit of a query. An error: the record is required, and could not be written.
    pub fn record(&self, view: &View, asked: Asked<'_>) -> Result<(), AuditError> {
        let Some(audit) = self.audit.as_ref().filter(|a| a.sink.wants_queries()) else {
            return Ok(());
        };
        let scope = view.scope();
        let identity = scope.identity();
        let (objects, tables) = match asked.began {
            true => match asked.in_dax {
                None => self.objects_of(view, asked.text),
                Some(in_dax) => self.objects_of(view, &in_dax(view, asked.text)),
            },
            false => Default::default(),
        };
        let control = Control::new(None);
        let mut visible_rows = Vec::new();
        for table in tables {
            let rows = scope
                .visible
                .count(&self.data, storage::TableId(table), &control);
            if let (Ok(rows), Some(described)) = (rows, at(&self.model.tables, table)) {
                visible_rows.push((described.name.clone(), rows));
            }
        }
        let record = QueryRecord {
            at: std::time::SystemTime::now(),
            user_name: identity.user_name().map(str::to_owned),
            object_id: identity.user_object_id().map(str::to_owned),
            roles: identity.role_names().to_vec(),
            rules: self.rules_of(identity),
            view: view.number(),
            kind: asked.kind,
            objects,
            visible_rows,
            rows: asked.rows,
            duration: asked.duration,
            outcome: asked.outcome.to_owned(),
            query_hash: audit.hash_of(asked.text),
            query: audit.text_of(asked.text),
        };
        audit.judge(audit.sink.query(&record))
    }

    /// The visible objects that a query may read, by name, and the tables that they are in.
    fn objects_of(&self, view: &View, text: &str) -> (Vec<String>, BTreeSet<u32>) {
        let parsed = dax::parse_query(text);
        if !parsed.errors.is_empty() {
            return Default::default();
        }
        let hidden: &Hidden = &view.scope().objects.hidden;
        let nodes = self.reached_by(&parsed.tree, Breadth::Said);
        let nodes = nodes.unwrap_or_default().nodes;
        let (mut names, mut tables) = (BTreeSet::new(), BTreeSet::new());
        for node in nodes.into_iter().filter(|node| !hidden.has(*node)) {
            let (table, name) = match node {
                Node::Table(t) => (t, None),
                Node::Column(t, c) => (t, Some(("column", c))),
                Node::Measure(t, m) => (t, Some(("measure", m))),
                Node::Kpi(..)
                | Node::DetailRows(..)
                | Node::Item(..)
                | Node::Selection(..)
                | Node::Function(_) => continue,
            };
            let Some(described) = at(&self.model.tables, table) else {
                continue;
            };
            if hidden.has(Node::Table(table)) {
                continue;
            }
            let member = match name {
                None => Some(String::new()),
                Some(("column", c)) => at(&described.columns, c).map(|c| format!("[{}]", c.name)),
                Some((_, m)) => at(&described.measures, m).map(|m| format!("[{}]", m.name)),
            };
            names.extend(member.map(|member| format!("'{}'{member}", described.name)));
            // A measure's home table is where it is listed, and says nothing of what it reads.
            if !matches!(node, Node::Measure(..)) {
                tables.insert(table);
            }
        }
        (names.into_iter().collect(), tables)
    }
}
