//! What a token allows: a closed set.

use std::collections::BTreeSet;
use std::fmt;

/// One thing that a token may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    DatasetRead,
    DatasetWrite,
    DatasetReadWrite,
    ReportRead,
    ReportReadWrite,
    WorkspaceReportCreate,
    WorkspaceReportCopy,
}

impl Scope {
    pub const ALL: [Scope; 7] = [
        Scope::DatasetRead,
        Scope::DatasetWrite,
        Scope::DatasetReadWrite,
        Scope::ReportRead,
        Scope::ReportReadWrite,
        Scope::WorkspaceReportCreate,
        Scope::WorkspaceReportCopy,
    ];

    /// As tokens write it.
    pub fn name(self) -> &'static str {
        match self {
            Scope::DatasetRead => "Dataset.Read",
            Scope::DatasetWrite => "Dataset.Write",
            Scope::DatasetReadWrite => "Dataset.ReadWrite",
            Scope::ReportRead => "Report.Read",
            Scope::ReportReadWrite => "Report.ReadWrite",
            Scope::WorkspaceReportCreate => "Workspace.Report.Create",
            Scope::WorkspaceReportCopy => "Workspace.Report.Copy",
        }
    }

    /// The scope of exactly this name.
    pub fn named(name: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// What comes with it at once: a report cannot be read without its data.
    fn implies(self) -> &'static [Scope] {
        match self {
            Scope::DatasetReadWrite => &[Scope::DatasetRead, Scope::DatasetWrite],
            Scope::ReportReadWrite => &[Scope::ReportRead],
            Scope::ReportRead => &[Scope::DatasetRead],
            _ => &[],
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The scopes of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// What the token says or what follows from it.
    pub fn allow(&self, wanted: Scope) -> bool {
        let mut open: Vec<Scope> = self.0.iter().copied().collect();
        while let Some(scope) = open.pop() {
            if scope == wanted {
                return true;
            }
            open.extend(scope.implies());
        }
        false
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As the token says it, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Scopes(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.iter().enumerate() {
            write!(f, "{}{scope}", if at == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}
