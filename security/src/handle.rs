//! Handles: how the engine names what a scope shows. Small values with private fields, minted only by a [`Scope`].
//!
//! A handle bears the number of its scope, and an ordinal among the objects that the scope shows: so a handle says nothing
//! about hidden objects, not even how many there are.
//!
//! Codes cannot be made up, which is what keeps the values of hidden rows where they are:
//!
//! ```compile_fail
//! let codes = peristyle_security::Codes { scope: 1, of: todo!(), codes: vec![1, 2, 3].into() };
//! ```
//!
//! ```compile_fail
//! let table = peristyle_security::Table { scope: 1, ordinal: 0 };
//! ```
//!
//! [`Scope`]: crate::Scope

use std::sync::Arc;

use crate::request::Target;

/// A table that a scope shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Table {
    pub(crate) scope: u64,
    pub(crate) ordinal: u32,
}

/// A column that a scope shows, or the hidden key column of a relationship that it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Column {
    pub(crate) scope: u64,
    pub(crate) table: u32,
    /// Ordinals from the number of visible columns on are hidden key columns.
    pub(crate) ordinal: u32,
}

impl Column {
    pub fn table(&self) -> Table {
        Table {
            scope: self.scope,
            ordinal: self.table,
        }
    }
}

/// A measure that a scope shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Measure {
    pub(crate) scope: u64,
    pub(crate) ordinal: u32,
}

/// A relationship between two tables that a scope shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Relationship {
    pub(crate) scope: u64,
    pub(crate) ordinal: u32,
}

/// Codes of a column, or row numbers of a table, all of visible rows. Only scans and fetches make them. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Codes {
    pub(crate) scope: u64,
    pub(crate) of: Target,
    pub(crate) codes: Arc<[u32]>,
}

impl Codes {
    /// Whose codes these are.
    pub fn of(&self) -> Target {
        self.of
    }

    pub fn len(&self) -> usize {
        self.codes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    pub fn as_slice(&self) -> &[u32] {
        &self.codes
    }

    /// The codes at these positions. A position beyond the end gives a code that no row has: reading it later is an
    /// error, and never another row's value.
    pub fn take(&self, positions: &[u32]) -> Codes {
        let codes = positions
            .iter()
            .map(|position| {
                usize::try_from(*position)
                    .ok()
                    .and_then(|p| self.codes.get(p))
                    .copied()
                    .unwrap_or(storage::ABSENT)
            })
            .collect();
        Codes {
            scope: self.scope,
            of: self.of,
            codes,
        }
    }

    /// So many codes from `start` on, or those of them that there are.
    pub fn slice(&self, start: usize, len: usize) -> Codes {
        let codes = self.codes.iter().skip(start).take(len).copied();
        Codes {
            scope: self.scope,
            of: self.of,
            codes: codes.collect(),
        }
    }

    /// One after the other. None for no parts, and for parts that are codes of different things.
    pub fn concat(parts: &[Codes]) -> Option<Codes> {
        let first = parts.first()?;
        if parts
            .iter()
            .any(|part| part.of != first.of || part.scope != first.scope)
        {
            return None;
        }
        let codes = parts
            .iter()
            .flat_map(|part| part.codes.iter().copied())
            .collect();
        Some(Codes {
            scope: first.scope,
            of: first.of,
            codes,
        })
    }
}
