//! What a row of the registry says, and how a row is found.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::OnceLock;

use security::{Control, Reads};

use crate::error::Failure;
use crate::value::{DataType, Value};
use crate::watch::BLOCK;

/// One DAX function.
#[derive(Debug)]
pub struct Function {
    /// In upper case, dots included.
    pub name: &'static str,
    /// As the DAX reference sorts it: "Text", "Math and trig", ...
    pub category: &'static str,
    /// For messages and documentation: `LEFT(text, [count])`.
    pub signature: &'static str,
    pub parameters: Parameters,
    /// The type of the result.
    pub types: Types,
    pub body: Body,
    /// Where the semantics come from: a page of the DAX reference, or a named formula.
    pub source: &'static str,
}

impl Function {
    /// How many of so many arguments no comma may leave out: those before the first that the signature has in brackets. Where it has
    /// none, all, unless others stand behind those that repeat.
    pub fn required(&self, count: usize) -> usize {
        if !self.signature.contains('[') && !self.signature.contains("..., ") {
            return count;
        }
        let parameters = self.signature.split(',');
        let before = parameters.take_while(|p| !p.contains('[')).count();
        before.min(self.parameters.least)
    }

    /// Whether two calls with the same arguments in one query may differ.
    pub fn is_volatile_by_row(&self) -> bool {
        matches!(self.name, "RAND" | "RANDBETWEEN")
    }

    /// What a call takes, in rows of a scan, the characters of its arguments aside. Distributions and securities are sums of many
    /// terms, so many that there is a look at each call.
    pub fn steps(&self) -> usize {
        match self.category {
            "Statistical" | "Financial" => BLOCK + 1,
            _ => 8,
        }
    }
}

/// How many arguments a function takes.
#[derive(Clone, Copy, Debug)]
pub struct Parameters {
    pub least: usize,
    /// `usize::MAX`: any number.
    pub most: usize,
}

impl Parameters {
    pub const fn exactly(n: usize) -> Self {
        Parameters { least: n, most: n }
    }
    pub const fn between(least: usize, most: usize) -> Self {
        Parameters { least, most }
    }
    pub const fn at_least(least: usize) -> Self {
        Parameters {
            least,
            most: usize::MAX,
        }
    }
}

/// The type of a function's result.
#[derive(Clone, Copy, Debug)]
pub enum Types {
    Always(DataType),
    /// That of the first argument.
    First,
    /// Computed from the types of the arguments (Unknown for an argument that is always BLANK).
    From(fn(&[DataType]) -> DataType),
    /// Tables, or decided by the binder.
    Bound,
}

/// Answers some values with one.
pub type ScalarFunction = fn(&[Value], &Environment) -> Result<Value, Failure>;

/// How a function is evaluated.
#[derive(Clone, Copy, Debug)]
pub enum Body {
    /// A scalar function of its arguments, value by value. An argument left out between others arrives as BLANK; those left out at
    /// the end are not there.
    Scalar(ScalarFunction),
    /// The binder knows it: it takes tables, columns, or decides which arguments are evaluated.
    Bound(State),
}

/// Of functions that the binder knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Built,
    /// Refused by name, with this reason.
    Refused(&'static str),
}

/// What a scalar function may read besides its arguments. Everything is fixed for the length of a query, and what was read is noted:
/// who else may be given the answer follows from that.
#[derive(Clone, Debug)]
pub struct Environment {
    clock: Clock,
    asker: Asker,
    /// Seed of RAND and RANDBETWEEN; each call draws the next number from it.
    random: Cell<u64>,
    told: Rc<Cell<Reads>>,
    /// Where functions look whose work grows faster than what they are given. The evaluator lends its own.
    pub control: Control,
}

/// Who asks, as functions show it.
#[derive(Clone, Debug, Default)]
pub struct Asker {
    /// For example `en-US`.
    pub culture: String,
    /// What FORMAT speaks where it is not told.
    pub model_culture: String,
    pub user_name: Option<String>,
    pub user_principal_name: Option<String>,
    pub user_object_id: Option<String>,
    pub custom_data: Option<String>,
}

impl Environment {
    pub fn new(clock: Clock, asker: Asker, seed: u64) -> Environment {
        Environment {
            clock,
            asker,
            random: Cell::new(seed),
            told: Rc::default(),
            control: Control::new(None),
        }
    }

    fn note(&self, reads: Reads) {
        self.told.set(self.told.get().and(reads));
    }

    /// What was read so far, here and through clones.
    pub fn told(&self) -> Reads {
        self.told.get()
    }

    pub fn clock(&self) -> Clock {
        self.note(Reads::MOMENT);
        self.clock
    }

    pub fn culture(&self) -> &str {
        self.note(Reads::CULTURE);
        &self.asker.culture
    }

    /// That of the model, which is the same for everybody.
    pub fn model_culture(&self) -> &str {
        &self.asker.model_culture
    }

    pub fn user_name(&self) -> &Option<String> {
        self.note(Reads::USER_NAME);
        &self.asker.user_name
    }

    pub fn user_principal_name(&self) -> &Option<String> {
        self.note(Reads::USER_NAME);
        &self.asker.user_principal_name
    }

    pub fn user_object_id(&self) -> &Option<String> {
        self.note(Reads::OBJECT_ID);
        &self.asker.user_object_id
    }

    pub fn custom_data(&self) -> &Option<String> {
        self.note(Reads::CUSTOM_DATA);
        &self.asker.custom_data
    }

    /// A failure when the query has to stop.
    pub fn look(&self) -> Result<(), Failure> {
        Ok(self.control.check()?)
    }

    /// The same, under the control of a query.
    pub fn under(self, control: Control) -> Environment {
        Environment { control, ..self }
    }

    /// The next random number: its bits.
    pub fn random(&self) -> u64 {
        self.note(Reads::MOMENT);
        let state = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(state);
        state
    }

    /// Goes on drawing random numbers where another environment stopped.
    pub fn go_on_from(&self, other: &Environment) {
        self.random.set(other.random.get());
    }
}

/// The moment at which the query began.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Microseconds since 1970, UTC.
    pub utc: i64,
    /// Microseconds since 1970, on the wall clock of this machine.
    pub local: i64,
}

/// All rows, in the order of their categories.
pub fn all() -> impl Iterator<Item = &'static Function> {
    super::TABLES.iter().flat_map(|table| table.iter())
}

/// Why a function is refused; None for one that is built.
pub fn state_of(function: &Function) -> Option<&'static str> {
    match function.body {
        Body::Bound(State::Refused(why)) => Some(why),
        _ => None,
    }
}

/// The row of a function, by its name without case.
pub fn find(name: &str) -> Option<&'static Function> {
    static INDEX: OnceLock<HashMap<&'static str, &'static Function>> = OnceLock::new();
    let index = INDEX.get_or_init(|| all().map(|function| (function.name, function)).collect());
    index.get(name.to_ascii_uppercase().as_str()).copied()
}
