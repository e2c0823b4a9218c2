//! Which groups have a value at all: a sum of nothing but BLANK is BLANK, and not zero.

/// Which groups have a value other than BLANK.
#[derive(Clone)]
pub(super) enum Seen {
    /// All that have rows: no value is BLANK.
    Rows,
    Flags(Vec<bool>),
}

impl Seen {
    pub(super) fn merge(&mut self, other: Seen, here: impl Fn(usize) -> usize) {
        if let (Seen::Flags(mine), Seen::Flags(theirs)) = (self, other) {
            let theirs = theirs.into_iter().enumerate();
            theirs.for_each(|(group, seen)| mine[here(group)] |= seen);
        }
    }

    pub(super) fn grow(&mut self, groups: usize) {
        if let Seen::Flags(flags) = self {
            extend(flags, groups, false);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Seen::Rows => 0,
            Seen::Flags(flags) => flags.len(),
        }
    }

    pub(super) fn mark(&mut self, ids: &[u32], blank: Option<&[bool]>) {
        let Seen::Flags(seen) = self else { return };
        match (blank, ids.is_empty()) {
            (None, true) => seen[0] = true,
            (None, false) => ids.iter().for_each(|id| seen[*id as usize] = true),
            (Some(blank), true) => seen[0] |= blank.contains(&false),
            (Some(blank), false) => {
                ids.iter()
                    .zip(blank)
                    .for_each(|(id, blank)| seen[*id as usize] |= !blank);
            }
        }
    }

    /// Whether the one group has values among some rows more.
    pub(super) fn mark_one(&mut self, has: bool) {
        if let Seen::Flags(seen) = self {
            seen[0] |= has;
        }
    }

    pub(super) fn has(&self, group: usize, rows: u64) -> bool {
        match self {
            Seen::Rows => rows > 0,
            Seen::Flags(flags) => flags[group],
        }
    }
}

/// Makes room for so many groups.
pub(super) fn extend<T: Clone>(values: &mut Vec<T>, len: usize, with: T) {
    if values.len() < len {
        values.resize(len, with);
    }
}
