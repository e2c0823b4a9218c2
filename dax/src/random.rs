//! Random trees for tests: the same seed gives the same tree.

use crate::tree::{
    BinaryOp, Definition, DefinitionKind, Evaluate, Expr, ExprKind, Function, FunctionParameter,
    Name, OrderBy, Query, Span, UnaryOp,
};

const WORDS: [&str; 12] = [
    "Sales",
    "x",
    "_y1",
    "Größe",
    "Order",
    "DESC",
    "Table",
    "Measure",
    "a_rather_long_name",
    "start",
    "BY",
    "dt",
];
const NAMES: [&str; 10] = [
    "Sales",
    "Sales Order",
    "It's",
    "a]b",
    "x",
    "Größe",
    "2020",
    "Date",
    "a.b",
    "a rather long name for a column",
];
const FUNCTIONS: [&str; 9] = [
    "SUM",
    "NORM.S.DIST",
    "ROW",
    "SUMMARIZE",
    "own_function",
    "TRUE",
    "T.INV.2T",
    "TABLE",
    "AND",
];
const TEXTS: [&str; 6] = [
    "",
    "a",
    "a\"b",
    "two\nlines",
    "ünï",
    "a text that is long enough to matter for a line",
];
const INFIX: [BinaryOp; 16] = [
    BinaryOp::Or,
    BinaryOp::And,
    BinaryOp::Equal,
    BinaryOp::StrictEqual,
    BinaryOp::NotEqual,
    BinaryOp::Less,
    BinaryOp::LessEqual,
    BinaryOp::Greater,
    BinaryOp::GreaterEqual,
    BinaryOp::In,
    BinaryOp::Concat,
    BinaryOp::Add,
    BinaryOp::Subtract,
    BinaryOp::Multiply,
    BinaryOp::Divide,
    BinaryOp::Power,
];

/// A generator after xorshift: small, and good enough to reach every form of the tree.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // Neighbouring seeds must not give neighbouring trees, and the state must not be zero.
        Random(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    fn name(&mut self) -> Name {
        named(self.pick(&NAMES))
    }

    fn word(&mut self) -> Name {
        named(self.pick(&WORDS))
    }

    fn list(&mut self, least: usize, depth: usize) -> Vec<Expr> {
        let count = least + self.below(4);
        (0..count).map(|_| self.expr(depth)).collect()
    }

    /// Any expression.
    pub(crate) fn expr(&mut self, depth: usize) -> Expr {
        if depth == 0 {
            return self.leaf();
        }
        let kind = match self.below(14) {
            0..=2 => return self.leaf(),
            3..=5 => ExprKind::Call {
                name: named(self.pick(&FUNCTIONS)),
                args: self.arguments(depth - 1),
            },
            6 => ExprKind::Row(self.list(2, depth - 1)),
            7 => ExprKind::Table(self.list(1, depth - 1)),
            8 => {
                let vars = (0..1 + self.below(2))
                    .map(|_| (self.word(), self.expr(depth - 1)))
                    .collect();
                ExprKind::Let {
                    vars,
                    body: Box::new(self.expr(depth - 1)),
                }
            }
            9 => self.unary(depth, Self::expr),
            _ => self.binary(depth, Self::expr),
        };
        bare(kind)
    }

    /// Operators over words.
    pub(crate) fn operators(&mut self, depth: usize) -> Expr {
        if depth == 0 {
            let name = named(self.pick(&["a", "b", "c"]));
            return bare(ExprKind::Identifier {
                name,
                quoted: false,
            });
        }
        let kind = if self.below(3) == 0 {
            self.unary(depth, Self::operators)
        } else {
            self.binary(depth, Self::operators)
        };
        bare(kind)
    }

    fn unary(&mut self, depth: usize, below: fn(&mut Self, usize) -> Expr) -> ExprKind {
        let op = [UnaryOp::Plus, UnaryOp::Minus, UnaryOp::Not][self.below(3)];
        ExprKind::Unary {
            op,
            operand: Box::new(below(self, depth - 1)),
        }
    }

    fn binary(&mut self, depth: usize, below: fn(&mut Self, usize) -> Expr) -> ExprKind {
        let op = INFIX[self.below(INFIX.len())];
        let left = Box::new(below(self, depth - 1));
        ExprKind::Binary {
            op,
            left,
            right: Box::new(below(self, depth - 1)),
        }
    }

    fn arguments(&mut self, depth: usize) -> Vec<Expr> {
        let mut args = self.list(0, depth);
        // A lone argument left out is no argument.
        if args.len() > 1 && self.below(4) == 0 {
            let at = self.below(args.len());
            args[at] = bare(ExprKind::Omitted);
        }
        args
    }

    fn leaf(&mut self) -> Expr {
        let kind = match self.below(11) {
            0 => ExprKind::Integer(self.below(1_000) as i64),
            1 => ExprKind::Integer(i64::MAX - self.below(10) as i64),
            2 => ExprKind::Double(self.below(1_000_000) as f64 / 1_000.0),
            3 => ExprKind::Double(
                10f64.powi(self.below(600) as i32 - 300) * (1.0 + self.below(1_000) as f64 / 7.0),
            ),
            4 => ExprKind::Text(self.pick(&TEXTS).to_owned()),
            5 => ExprKind::DateTime("2020-01-31T10:00:00".to_owned()),
            6 => ExprKind::Parameter(named("Region")),
            7 => ExprKind::Identifier {
                name: self.word(),
                quoted: false,
            },
            8 => ExprKind::Identifier {
                name: self.name(),
                quoted: true,
            },
            9 => ExprKind::Qualified {
                table: self.name(),
                column: self.name(),
            },
            _ if self.below(3) == 0 => ExprKind::Variation {
                table: self.name(),
                column: self.name(),
                level: self.name(),
            },
            _ => ExprKind::Bracket(self.name()),
        };
        bare(kind)
    }

    pub(crate) fn query(&mut self) -> Query {
        let definitions = (0..self.below(4)).map(|_| self.definition()).collect();
        let evaluates = (0..1 + self.below(2)).map(|_| self.evaluate()).collect();
        Query {
            definitions,
            evaluates,
        }
    }

    fn definition(&mut self) -> Definition {
        let depth = self.below(4);
        let kind = match self.below(6) {
            0 => DefinitionKind::Measure {
                table: None,
                name: self.name(),
                body: self.expr(depth),
            },
            1 => DefinitionKind::Measure {
                table: Some(self.name()),
                name: self.name(),
                body: self.expr(depth),
            },
            2 => DefinitionKind::Var {
                name: self.word(),
                body: self.expr(depth),
            },
            3 => DefinitionKind::Column {
                table: self.name(),
                name: self.name(),
                body: self.expr(depth),
            },
            4 => DefinitionKind::Table {
                name: self.name(),
                body: self.expr(depth),
                shape: None,
            },
            _ => {
                let parameters = (0..self.below(3)).map(|_| self.parameter()).collect();
                let function = Function {
                    parameters,
                    body: Box::new(self.expr(depth)),
                };
                DefinitionKind::Function {
                    name: named(self.pick(&["F", "My.Function", "f_1"])),
                    function,
                }
            }
        };
        Definition {
            kind,
            span: Span::default(),
        }
    }

    fn parameter(&mut self) -> FunctionParameter {
        let hints = ["SCALAR", "INT64", "VAL"][..self.below(4)]
            .iter()
            .map(|hint| named(hint))
            .collect();
        let default = if self.below(3) == 0 {
            Some(self.expr(1))
        } else {
            None
        };
        FunctionParameter {
            name: self.word(),
            hints,
            default,
        }
    }

    fn evaluate(&mut self) -> Evaluate {
        let keys = self.below(3);
        let order_by = (0..keys)
            .map(|_| OrderBy {
                expr: self.expr(2),
                descending: self.below(2) == 0,
            })
            .collect();
        let start_at = (0..self.below(keys + 1)).map(|_| self.leaf()).collect();
        Evaluate {
            table: self.expr(3),
            order_by,
            start_at,
            span: Span::default(),
        }
    }
}

fn named(text: &str) -> Name {
    Name {
        text: text.to_owned(),
        span: Span::default(),
    }
}

fn bare(kind: ExprKind) -> Expr {
    Expr {
        kind,
        span: Span::default(),
    }
}
