//! Expressions: operators by precedence, and the forms between them.

use super::cursor::{Constants, Parser, unquote};
use super::{MAX_NESTING, MAX_TREE_DEPTH};
use crate::error::ErrorKind;
use crate::tokens::{Token, TokenKind};
use crate::tree::{BinaryOp, Expr, ExprKind, Name, Span, UnaryOp};

/// An expression and how deep its tree is.
pub(super) struct Node {
    pub(super) expr: Expr,
    depth: usize,
}

/// An operator that waits for its right operand.
#[derive(Clone, Copy)]
struct Pending {
    operator: Operator,
    span: Span,
}

#[derive(Clone, Copy)]
enum Operator {
    Prefix(UnaryOp),
    Infix(BinaryOp),
}

impl Operator {
    fn precedence(self) -> u8 {
        match self {
            Operator::Prefix(op) => op.precedence(),
            Operator::Infix(op) => op.precedence(),
        }
    }
}

/// The list of nodes that a bracket encloses.
struct Enclosed {
    items: Vec<Expr>,
    depth: usize,
    end: Span,
}

impl Parser<'_> {
    /// Written down, a formula begins with an equals sign, which models keep without it.
    pub(super) fn whole_expression(&mut self) -> Expr {
        self.eat(TokenKind::Equal);
        let node = self.expression();
        if self.kind() != TokenKind::End {
            self.expected(if self.in_name_of_definition() {
                "the expression alone, without its name and the `=` before it"
            } else {
                "an operator or the end of the expression"
            });
            self.stop();
        }
        node.expr
    }

    /// Reads an expression up to the first token that cannot continue it.
    ///
    /// Operators wait on a stack of their own: recursion happens only for what stands inside brackets, calls and
    /// variable blocks, so that the nesting limit bounds the stack whatever the operators are.
    pub(super) fn expression(&mut self) -> Node {
        if self.level >= MAX_NESTING {
            let message =
                format!("expressions are nested more than {MAX_NESTING} levels deep here");
            self.report(ErrorKind::TooDeep, self.peek().span, message);
            self.stop();
            return gap(self.peek().span);
        }
        self.level += 1;
        let mut operands: Vec<Node> = Vec::new();
        let mut operators: Vec<Pending> = Vec::new();
        loop {
            while let Some(op) = self.prefix_operator() {
                let span = self.advance().span;
                operators.push(Pending {
                    operator: Operator::Prefix(op),
                    span,
                });
            }
            let operand = self.operand();
            operands.push(operand);
            let Some(op) = self.infix_operator() else {
                break;
            };
            self.reduce(&mut operands, &mut operators, op.precedence());
            let span = self.advance().span;
            operators.push(Pending {
                operator: Operator::Infix(op),
                span,
            });
        }
        self.reduce(&mut operands, &mut operators, 0);
        self.level -= 1;
        operands.pop().unwrap_or_else(|| gap(self.peek().span))
    }

    /// Gives the waiting operators that bind at least as tightly as `precedence` their operands. Operators of equal
    /// precedence group from the left, all of them.
    fn reduce(&mut self, operands: &mut Vec<Node>, operators: &mut Vec<Pending>, precedence: u8) {
        while let Some(pending) = operators.pop_if(|last| last.operator.precedence() >= precedence)
        {
            let Some(right) = operands.pop() else { return };
            let node = match pending.operator {
                Operator::Prefix(op) => {
                    let span = pending.span.to(right.expr.span);
                    let kind = ExprKind::Unary {
                        op,
                        operand: Box::new(right.expr),
                    };
                    self.node(kind, span, right.depth)
                }
                Operator::Infix(op) => {
                    let Some(left) = operands.pop() else { return };
                    let span = left.expr.span.to(right.expr.span);
                    let kind = ExprKind::Binary {
                        op,
                        left: Box::new(left.expr),
                        right: Box::new(right.expr),
                    };
                    self.node(kind, span, left.depth.max(right.depth))
                }
            };
            operands.push(node);
        }
    }

    /// Every inner node is made here, so that no tree is deeper than the limit.
    fn node(&mut self, kind: ExprKind, span: Span, below: usize) -> Node {
        if below > MAX_TREE_DEPTH {
            let message = format!(
                "this expression has more than {MAX_TREE_DEPTH} operators and calls inside one another"
            );
            let place = Span {
                start: span.start,
                end: span.start.saturating_add(1).min(span.end),
            };
            self.report(ErrorKind::TooDeep, place, message);
            self.stop();
            return gap(span);
        }
        Node {
            expr: Expr { kind, span },
            depth: below + 1,
        }
    }

    fn prefix_operator(&self) -> Option<UnaryOp> {
        match self.kind() {
            TokenKind::Plus => Some(UnaryOp::Plus),
            TokenKind::Minus => Some(UnaryOp::Minus),
            TokenKind::Identifier if self.at_word("NOT") => Some(UnaryOp::Not),
            _ => None,
        }
    }

    fn infix_operator(&self) -> Option<BinaryOp> {
        let op = match self.kind() {
            TokenKind::OrOr => BinaryOp::Or,
            TokenKind::AndAnd => BinaryOp::And,
            TokenKind::Equal => BinaryOp::Equal,
            TokenKind::EqualEqual => BinaryOp::StrictEqual,
            TokenKind::NotEqual => BinaryOp::NotEqual,
            TokenKind::Less => BinaryOp::Less,
            TokenKind::LessEqual => BinaryOp::LessEqual,
            TokenKind::Greater => BinaryOp::Greater,
            TokenKind::GreaterEqual => BinaryOp::GreaterEqual,
            TokenKind::Identifier if self.at_word("IN") => BinaryOp::In,
            TokenKind::Ampersand => BinaryOp::Concat,
            TokenKind::Plus => BinaryOp::Add,
            TokenKind::Minus => BinaryOp::Subtract,
            TokenKind::Star => BinaryOp::Multiply,
            TokenKind::Slash => BinaryOp::Divide,
            TokenKind::Caret => BinaryOp::Power,
            _ => return None,
        };
        Some(op)
    }

    /// What stands between operators.
    fn operand(&mut self) -> Node {
        let token = self.peek();
        let kind = match token.kind {
            TokenKind::Identifier => return self.word(),
            TokenKind::OpenParen => return self.parenthesized(),
            TokenKind::OpenBrace => return self.table_constructor(),
            TokenKind::QuotedName => return self.quoted_name(),
            TokenKind::Number => self.number(token),
            TokenKind::Text => ExprKind::Text(unquote(self.slice(token.span), "\"", '"')),
            TokenKind::DateTime => {
                let source = self.slice(token.span);
                ExprKind::DateTime(unquote(source.get(2..).unwrap_or(""), "\"", '"'))
            }
            TokenKind::Parameter => ExprKind::Parameter(self.name_of(token)),
            TokenKind::Bracket => ExprKind::Bracket(self.name_of(token)),
            _ => return self.missing_expression(),
        };
        self.advance();
        leaf(kind, token.span)
    }

    /// Reports that a value is missing, and skips what stands in its place.
    fn missing_expression(&mut self) -> Node {
        let place = self.peek().span;
        self.expected_expression("an expression");
        self.recover();
        gap(place)
    }

    fn number(&mut self, token: Token) -> ExprKind {
        let source = self.slice(token.span);
        if let Ok(whole) = source.parse::<i64>() {
            return ExprKind::Integer(whole);
        }
        match source.parse::<f64>() {
            Ok(number) if number.is_finite() => ExprKind::Double(number),
            _ => {
                let message =
                    format!("the number `{source}` is beyond the range of decimal numbers");
                self.report(ErrorKind::InvalidNumber, token.span, message);
                ExprKind::Error
            }
        }
    }

    /// A word begins a call, a column, a variable block, or is a name of its own.
    fn word(&mut self) -> Node {
        if self.at_word("VAR") {
            return self.variables();
        }
        // In `Measure MEASURE [x] = 1` the first word is the table that an expression needs, and the second begins
        // the definition, although the first could begin one too.
        let definition_follows = self.definition_at(0) && self.definition_at(1);
        if (self.at_clause() && !definition_follows) || self.at_word("IN") {
            return self.missing_expression();
        }
        match self.peek_at(1).kind {
            TokenKind::OpenParen => self.call(),
            TokenKind::Bracket => self.qualified(),
            _ => {
                let token = self.advance();
                let mut name = self.name_of(token);
                self.order_of_blanks(&mut name);
                if name.text.contains('.') {
                    let message = format!(
                        "expected `(` after the function name `{0}`; a table of this name is written '{0}'",
                        name.text
                    );
                    self.report(ErrorKind::UnexpectedToken, token.span, message);
                    self.excuse_next();
                    return gap(token.span);
                }
                let span = name.span;
                leaf(
                    ExprKind::Identifier {
                        name,
                        quoted: false,
                    },
                    span,
                )
            }
        }
    }

    /// `DESC BLANKS LAST`, as ORDERBY takes it, is one argument: the words are read as one name.
    fn order_of_blanks(&mut self, name: &mut Name) {
        let directed =
            name.text.eq_ignore_ascii_case("ASC") || name.text.eq_ignore_ascii_case("DESC");
        let place = self.peek_at(1);
        let placed = place.kind == TokenKind::Identifier
            && ["DEFAULT", "FIRST", "LAST"]
                .iter()
                .any(|word| self.slice(place.span).eq_ignore_ascii_case(word));
        if !directed || !placed || !self.at_word("BLANKS") {
            return;
        }
        self.advance();
        let last = self.advance();
        let place = self.slice(last.span).to_string();
        name.text = format!("{} BLANKS {place}", name.text);
        name.span = name.span.to(last.span);
    }

    fn quoted_name(&mut self) -> Node {
        if self.peek_at(1).kind == TokenKind::Bracket {
            return if self.slice(self.peek().span) == "''" {
                self.column_of_no_table()
            } else {
                self.qualified()
            };
        }
        let token = self.advance();
        let name = self.name_of(token);
        leaf(ExprKind::Identifier { name, quoted: true }, token.span)
    }

    /// `''[Column]`: how tools write a column that a query or a table constructor has named and that no table holds.
    fn column_of_no_table(&mut self) -> Node {
        let first = self.advance();
        let second = self.advance();
        let name = self.name_of(second);
        leaf(ExprKind::Bracket(name), first.span.to(second.span))
    }

    /// `Table[Column]`, and `Table[Column].[Level]`.
    fn qualified(&mut self) -> Node {
        let first = self.advance();
        let table = self.name_of(first);
        let second = self.advance();
        let column = self.name_of(second);
        let span = first.span.to(second.span);
        if !self.eat(TokenKind::Dot) {
            return leaf(ExprKind::Qualified { table, column }, span);
        }
        if self.kind() != TokenKind::Bracket {
            self.expected("a level such as `[Month]` after the dot");
            return gap(span);
        }
        let third = self.advance();
        let level = self.name_of(third);
        leaf(
            ExprKind::Variation {
                table,
                column,
                level,
            },
            span.to(third.span),
        )
    }

    fn call(&mut self) -> Node {
        let token = self.advance();
        let name = self.name_of(token);
        let constants = match name.text.eq_ignore_ascii_case("DATATABLE") {
            true => Constants::Arguments,
            false => Constants::No,
        };
        let outside = std::mem::replace(&mut self.constants, constants);
        let enclosed = self.enclosed(TokenKind::CloseParen, true);
        self.constants = outside;
        let kind = ExprKind::Call {
            name,
            args: enclosed.items,
        };
        self.node(kind, token.span.to(enclosed.end), enclosed.depth)
    }

    /// `(a)` is `a`, with the brackets in its span; `(a, b)` is a row.
    fn parenthesized(&mut self) -> Node {
        let start = self.peek().span;
        let mut enclosed = self.enclosed(TokenKind::CloseParen, false);
        let span = start.to(enclosed.end);
        if enclosed.items.len() > 1 {
            return self.node(ExprKind::Row(enclosed.items), span, enclosed.depth);
        }
        match enclosed.items.pop() {
            Some(inner) => Node {
                expr: Expr {
                    kind: inner.kind,
                    span,
                },
                depth: enclosed.depth,
            },
            None => gap(span),
        }
    }

    fn table_constructor(&mut self) -> Node {
        let start = self.peek().span;
        let outside = self.constants;
        self.constants = match outside {
            Constants::Arguments => Constants::Rows,
            _ => Constants::No,
        };
        let enclosed = self.enclosed(TokenKind::CloseBrace, outside == Constants::Rows);
        self.constants = outside;
        self.node(
            ExprKind::Table(enclosed.items),
            start.to(enclosed.end),
            enclosed.depth,
        )
    }

    /// Reads an opening bracket, expressions between commas, and the closing bracket. Only arguments may be left out, and
    /// values of DATATABLE.
    fn enclosed(&mut self, close: TokenKind, arguments: bool) -> Enclosed {
        // The tokens after a bracket that is never closed are no arguments: one error says so, not one for each.
        let closed = self.is_closed();
        let mut reported = false;
        self.advance();
        self.count_open(close, 1);
        let mut items = Vec::new();
        let mut depth = 0;
        if !(arguments && self.kind() == close) {
            loop {
                let node = if arguments && (self.at_comma() || self.kind() == close) {
                    let place = self.peek().span.start;
                    leaf(
                        ExprKind::Omitted,
                        Span {
                            start: place,
                            end: place,
                        },
                    )
                } else {
                    self.expression()
                };
                depth = depth.max(node.depth);
                items.push(node.expr);
                if self.eat_comma() {
                    continue;
                }
                if self.kind() == close {
                    break;
                }
                if closed || !reported {
                    self.expected(if close == TokenKind::CloseParen {
                        "`,` or `)`"
                    } else {
                        "`,` or `}`"
                    });
                    reported = true;
                }
                self.recover();
                if !self.eat_comma() {
                    break;
                }
            }
        }
        self.count_open(close, -1);
        let end = if self.kind() == close {
            self.advance().span
        } else {
            self.end_of_last()
        };
        Enclosed { items, depth, end }
    }

    fn count_open(&mut self, close: TokenKind, change: isize) {
        let open = if close == TokenKind::CloseParen {
            &mut self.open_parens
        } else {
            &mut self.open_braces
        };
        *open = open.saturating_add_signed(change);
        self.open_lists = self.open_lists.saturating_add_signed(change);
    }

    /// `VAR a = ... VAR b = ... RETURN ...`
    fn variables(&mut self) -> Node {
        let start = self.peek().span;
        let mut vars = Vec::new();
        let mut depth = 0;
        while self.eat_word("VAR") {
            if let Some((name, value)) = self.variable() {
                depth = depth.max(value.depth);
                vars.push((name, value.expr));
            }
            if !self.at_word("VAR") && !self.at_word("RETURN") {
                self.expected("an operator, VAR or RETURN");
                self.recover();
            }
        }
        if !self.eat_word("RETURN") {
            return gap(start.to(self.end_of_last()));
        }
        let body = self.expression();
        let span = start.to(body.expr.span);
        let depth = depth.max(body.depth);
        self.node(
            ExprKind::Let {
                vars,
                body: Box::new(body.expr),
            },
            span,
            depth,
        )
    }

    /// `a = ...`, after VAR.
    fn variable(&mut self) -> Option<(Name, Node)> {
        let name = self.plain_name("the name of a variable")?;
        if !self.eat(TokenKind::Equal) {
            self.expected("`=` after the name of the variable");
            self.recover();
            return None;
        }
        let value = self.expression();
        Some((name, value))
    }

    /// A name without quotes and dots. Without one, reports it and skips ahead.
    pub(super) fn plain_name(&mut self, what: &str) -> Option<Name> {
        let token = self.peek();
        let plain = token.kind == TokenKind::Identifier
            && !self.slice(token.span).contains('.')
            && !self.at_clause();
        if !plain {
            self.expected(&format!("{what}, of letters, digits and underscores"));
            self.recover();
            return None;
        }
        self.advance();
        Some(self.name_of(token))
    }
}

fn leaf(kind: ExprKind, span: Span) -> Node {
    Node {
        expr: Expr { kind, span },
        depth: 1,
    }
}

/// Stands for what could not be read.
fn gap(span: Span) -> Node {
    leaf(ExprKind::Error, span)
}
