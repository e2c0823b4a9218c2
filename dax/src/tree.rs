//! The syntax tree: what was written, with the span of every piece.
//!
//! The tree keeps no layout. Names are kept as written; whether a name exists is the binder's question.

/// A half-open range of bytes in the source text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        // Texts beyond 4 GiB are refused by the lexer, so the clamp is never reached.
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span {
            start: clamp(start),
            end: clamp(end),
        }
    }

    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Span {
        Span {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// An identifier without its quotes or brackets: `'Sales Order'` is `Sales Order`, `[Total]` is `Total`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub text: String,
    pub span: Span,
}

/// A whole query: `DEFINE ... EVALUATE ... EVALUATE ...`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub definitions: Vec<Definition>,
    pub evaluates: Vec<Evaluate>,
}

/// One entity of a DEFINE block.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    pub kind: DefinitionKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum DefinitionKind {
    /// `MEASURE 'Table'[Name] = expression`; the table may be left out.
    Measure {
        table: Option<Name>,
        name: Name,
        body: Expr,
    },
    /// `VAR Name = expression`
    Var { name: Name, body: Expr },
    /// `COLUMN 'Table'[Name] = expression`
    Column { table: Name, name: Name, body: Expr },
    /// `TABLE Name = expression [WITH VISUAL SHAPE ...]`
    Table {
        name: Name,
        body: Expr,
        shape: Option<VisualShape>,
    },
    /// `FUNCTION Name = (a : SCALAR VAL, b) => expression`
    Function { name: Name, function: Function },
}

/// `WITH VISUAL SHAPE AXIS ... [DENSIFY "name"]`: how a visual lays out the rows of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct VisualShape {
    pub axes: Vec<Axis>,
    /// The column that tells the rows that are added, one for each place of the visual that has none.
    pub densify: Option<Name>,
}

/// `AXIS ROWS GROUP [Year] TOTAL [IsYearTotal] ... ORDER BY [Year] ...`
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub name: Name,
    /// The levels of the axis, the highest first.
    pub groups: Vec<AxisGroup>,
    pub order: Vec<AxisOrder>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AxisGroup {
    pub columns: Vec<Name>,
    /// The column that is TRUE in the rows that are subtotals over this group.
    pub total: Option<Name>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AxisOrder {
    pub column: Name,
    pub descending: bool,
}

/// The parameters and body of a user-defined function. Models store the same text in their `functions`.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    pub parameters: Vec<FunctionParameter>,
    pub body: Box<Expr>,
}

/// `name : TYPE SUBTYPE MODE`, every hint kept as written, in upper case.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionParameter {
    pub name: Name,
    pub hints: Vec<Name>,
    pub default: Option<Expr>,
}

/// `EVALUATE table [ORDER BY ...] [START AT ...]`
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluate {
    pub table: Expr,
    pub order_by: Vec<OrderBy>,
    pub start_at: Vec<Expr>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OrderBy {
    pub expr: Expr,
    pub descending: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A whole number that fits i64.
    Integer(i64),
    /// Any other number, as a decimal number.
    Double(f64),
    /// Text, its doubled quotes undone.
    Text(String),
    /// `dt"2020-01-31"`, `dt"2020-01-31T10:00:00"`: the text inside the quotes.
    DateTime(String),
    /// `@name`
    Parameter(Name),
    /// A bare word or a quoted name that is not followed by `[` or `(`: a table, a variable,
    /// or a keyword argument such as ASC, DENSE, or BOTH. `quoted` tells `'Sales'` from `Sales`.
    Identifier {
        name: Name,
        quoted: bool,
    },
    /// `'Table'[Column]` or `Table[Column]`: a column or a measure with its table.
    Qualified {
        table: Name,
        column: Name,
    },
    /// `[Name]`: a measure, or a column of the row context.
    Bracket(Name),
    /// `'T'[C].[Date]`: a level of the date variation of a column.
    Variation {
        table: Name,
        column: Name,
        level: Name,
    },
    /// A function call. An argument left out (`f(a,,b)`) is `ExprKind::Omitted`.
    /// Dotted names (`NORM.S.DIST`, `INFO.VIEW.TABLES`) are one name.
    Call {
        name: Name,
        args: Vec<Expr>,
    },
    /// An argument left out, or a value of DATATABLE.
    Omitted,
    Unary {
        op: UnaryOp,
        operand: Box<Expr>,
    },
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `(a, b)`: a row constructor, at least two values; `(a)` is `a`. The tuple of `(a, b) IN ...` too.
    Row(Vec<Expr>),
    /// `{ 1, 2 }` or `{ (1, "a"), (2, "b") }`: each element is a value or a Row.
    Table(Vec<Expr>),
    /// `VAR a = ... VAR b = ... RETURN ...`
    Let {
        vars: Vec<(Name, Expr)>,
        body: Box<Expr>,
    },
    /// What could not be parsed. An error with a span was reported for it.
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    Plus,
    Minus,
    Not,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    Or,
    And,
    Equal,
    StrictEqual,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Concat,
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

impl UnaryOp {
    /// How tightly the operator binds; see [`BinaryOp::precedence`]. The sign binds less tightly than `^`, so
    /// `-2 ^ 2` is -4, and `NOT a = b` negates the comparison.
    pub fn precedence(self) -> u8 {
        match self {
            UnaryOp::Not => 3,
            UnaryOp::Plus | UnaryOp::Minus => 8,
        }
    }
}

impl BinaryOp {
    /// How tightly the operator binds: the higher, the tighter. Operators of equal precedence group from the left,
    /// `^` too.
    pub fn precedence(self) -> u8 {
        match self {
            BinaryOp::Or => 1,
            BinaryOp::And => 2,
            BinaryOp::Equal
            | BinaryOp::StrictEqual
            | BinaryOp::NotEqual
            | BinaryOp::Less
            | BinaryOp::LessEqual
            | BinaryOp::Greater
            | BinaryOp::GreaterEqual
            | BinaryOp::In => 4,
            BinaryOp::Concat => 5,
            BinaryOp::Add | BinaryOp::Subtract => 6,
            BinaryOp::Multiply | BinaryOp::Divide => 7,
            BinaryOp::Power => 9,
        }
    }

    /// The operator as DAX writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Or => "||",
            BinaryOp::And => "&&",
            BinaryOp::Equal => "=",
            BinaryOp::StrictEqual => "==",
            BinaryOp::NotEqual => "<>",
            BinaryOp::Less => "<",
            BinaryOp::LessEqual => "<=",
            BinaryOp::Greater => ">",
            BinaryOp::GreaterEqual => ">=",
            BinaryOp::In => "IN",
            BinaryOp::Concat => "&",
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "/",
            BinaryOp::Power => "^",
        }
    }
}
