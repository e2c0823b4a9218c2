//! Who asks, and when: what an evaluation may be told of besides data, and what one was told.

use std::collections::BTreeSet;

use crate::Identity;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum IdentityFunction {
    UserName,
    ObjectId,
    CustomData,
    Culture,
}

impl IdentityFunction {
    pub const ALL: [IdentityFunction; 4] = [
        IdentityFunction::UserName,
        IdentityFunction::ObjectId,
        IdentityFunction::CustomData,
        IdentityFunction::Culture,
    ];

    pub fn named(function: &str) -> Option<Self> {
        match function {
            "username" | "userprincipalname" => Some(IdentityFunction::UserName),
            "userobjectid" => Some(IdentityFunction::ObjectId),
            "customdata" => Some(IdentityFunction::CustomData),
            "userculture" => Some(IdentityFunction::Culture),
            _ => None,
        }
    }

    pub fn value(self, identity: &Identity) -> Option<&str> {
        match self {
            IdentityFunction::UserName => identity.user_name(),
            IdentityFunction::ObjectId => identity.user_object_id(),
            IdentityFunction::CustomData => identity.user_custom_data(),
            IdentityFunction::Culture => identity.user_culture(),
        }
    }

    fn reads(self) -> Reads {
        match self {
            IdentityFunction::UserName => Reads::USER_NAME,
            IdentityFunction::ObjectId => Reads::OBJECT_ID,
            IdentityFunction::CustomData => Reads::CUSTOM_DATA,
            IdentityFunction::Culture => Reads::CULTURE,
        }
    }
}

/// Functions whose value depends on more than data and identity.
/// DATEVALUE takes the year of a date without one from the clock.
pub(crate) const VOLATILE: &[&str] = &[
    "now",
    "today",
    "utcnow",
    "utctoday",
    "datevalue",
    "rand",
    "randbetween",
];

/// What an evaluation was told besides its data. The evaluator notes it in the moment in which it hands it out, so nothing that
/// depends on who asks goes without a note, whatever name led there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads(u8);

impl Reads {
    pub const NOTHING: Reads = Reads(0);
    pub const USER_NAME: Reads = Reads(1);
    pub const OBJECT_ID: Reads = Reads(2);
    pub const CUSTOM_DATA: Reads = Reads(4);
    pub const CULTURE: Reads = Reads(8);
    /// The clock or random numbers.
    pub const MOMENT: Reads = Reads(16);

    #[must_use]
    pub fn and(self, other: Reads) -> Reads {
        Reads(self.0 | other.0)
    }

    /// Whether the other has all that this one has.
    pub fn within(self, other: Reads) -> bool {
        self.0 & !other.0 == 0
    }

    pub(crate) fn of(functions: &BTreeSet<IdentityFunction>) -> Reads {
        functions.iter().fold(Reads::NOTHING, |reads, function| {
            reads.and(function.reads())
        })
    }

    pub(crate) fn functions(self) -> impl Iterator<Item = IdentityFunction> {
        IdentityFunction::ALL
            .into_iter()
            .filter(move |function| function.reads().within(self))
    }
}
