//! Queries: DEFINE with its entities, EVALUATE with ORDER BY and START AT; and user-defined functions.

use super::cursor::Parser;
use crate::error::ErrorKind;
use crate::tokens::TokenKind;
use crate::tree::{
    Definition, DefinitionKind, Evaluate, Expr, ExprKind, Function, FunctionParameter, Name,
    OrderBy, Query, Span,
};

const ENTITIES: [&str; 5] = ["MEASURE", "VAR", "COLUMN", "TABLE", "FUNCTION"];

impl Parser<'_> {
    pub(super) fn query(&mut self) -> Query {
        let mut query = Query::default();
        let mut defined = false;
        let has_evaluate = self.has_word("EVALUATE");
        if !has_evaluate && !self.at_word("DEFINE") {
            self.missing_evaluate();
            self.stop();
        }
        loop {
            if self.kind() == TokenKind::End {
                break;
            } else if self.at_word("EVALUATE") {
                let evaluate = self.evaluate();
                query.evaluates.push(evaluate);
            } else if self.at_word("DEFINE") {
                self.check_define(defined, !query.evaluates.is_empty());
                self.advance();
                defined = true;
                self.definitions(&mut query.definitions);
            } else if !defined && query.evaluates.is_empty() && self.at_definition() {
                self.expected("DEFINE before the definitions");
                defined = true;
                self.definitions(&mut query.definitions);
            } else {
                self.expected(if query.evaluates.is_empty() {
                    "DEFINE or EVALUATE"
                } else {
                    "an operator, ORDER BY, START AT, EVALUATE or the end of the query"
                });
                while self.kind() != TokenKind::End && !self.at_statement() {
                    self.recover_to_statement();
                    if !self.at_statement() {
                        self.advance();
                    }
                }
            }
        }
        if query.evaluates.is_empty() && !has_evaluate && !self.has_errors() {
            self.missing_evaluate();
        }
        query
    }

    fn missing_evaluate(&mut self) {
        let message = "the query has no EVALUATE: a query is `EVALUATE table`, or `EVALUATE { expression }` for one value, with an optional DEFINE before it";
        self.report(ErrorKind::MissingEvaluate, self.peek().span, message);
    }

    fn check_define(&mut self, defined: bool, evaluated: bool) {
        let message = if defined {
            "a query has one DEFINE: further definitions follow one another without the word"
        } else if evaluated {
            "DEFINE stands before the first EVALUATE"
        } else {
            return;
        };
        self.report(ErrorKind::MisplacedDefine, self.peek().span, message);
    }

    /// `MPARAMETER 'Name' = value` sets a parameter of sources that are asked anew for each query, of which there are none here.
    fn source_parameter(&mut self) {
        let span = self.advance().span;
        let message = "MPARAMETER sets a parameter of a DirectQuery source; imported data were read with the parameters that they had";
        self.report(ErrorKind::UnexpectedToken, span, message);
        self.optional_table_name();
        self.definition_body();
    }

    /// The entities of a DEFINE block, in any order.
    fn definitions(&mut self, definitions: &mut Vec<Definition>) {
        while self.at_word("MPARAMETER") {
            self.source_parameter();
        }
        if self.has_errors() && !self.at_entity() {
            return;
        }
        if !self.at_entity() {
            self.expected("MEASURE, VAR, COLUMN, TABLE or FUNCTION after DEFINE");
            self.recover_to_statement();
        }
        while self.at_entity() {
            let start = self.peek().span;
            match self.definition() {
                Some(kind) => definitions.push(Definition {
                    kind,
                    span: start.to(self.end_of_last()),
                }),
                None => self.recover_to_statement(),
            }
            while self.at_word("MPARAMETER") {
                self.source_parameter();
            }
            if self.kind() != TokenKind::End && !self.at_entity() && !self.at_statement() {
                self.expected("an operator, MEASURE, VAR, COLUMN, TABLE, FUNCTION or EVALUATE");
                self.recover_to_statement();
            }
        }
    }

    fn at_entity(&self) -> bool {
        ENTITIES.iter().any(|word| self.at_word(word))
    }

    /// One entity. `None` after an error in its head.
    fn definition(&mut self) -> Option<DefinitionKind> {
        if self.eat_word("MEASURE") {
            let table = self.optional_table_name();
            let name = self.bracket_name("the name of the measure, such as `Sales[Total]`")?;
            let body = self.definition_body()?;
            Some(DefinitionKind::Measure { table, name, body })
        } else if self.eat_word("VAR") {
            let name = self.plain_name("the name of the variable")?;
            let body = self.definition_body()?;
            Some(DefinitionKind::Var { name, body })
        } else if self.eat_word("COLUMN") {
            let Some(table) = self.optional_table_name() else {
                self.expected("the name of the column with its table, such as `Sales[Margin]`");
                return None;
            };
            let name = self.bracket_name("the name of the column, such as `[Margin]`")?;
            let body = self.definition_body()?;
            Some(DefinitionKind::Column { table, name, body })
        } else if self.eat_word("TABLE") {
            let Some(name) = self.optional_table_name() else {
                self.expected("the name of the table");
                return None;
            };
            let body = self.definition_body()?;
            let shape = if self.at_words("WITH", "VISUAL") {
                Some(self.visual_shape()?)
            } else {
                None
            };
            Some(DefinitionKind::Table { name, body, shape })
        } else {
            self.advance();
            self.function_definition()
        }
    }

    fn function_definition(&mut self) -> Option<DefinitionKind> {
        if self.kind() != TokenKind::Identifier {
            self.expected("the name of the function");
            return None;
        }
        let token = self.advance();
        let name = self.name_of(token);
        self.expect_equal()?;
        let function = self.function()?;
        Some(DefinitionKind::Function { name, function })
    }

    fn optional_table_name(&mut self) -> Option<Name> {
        if !matches!(self.kind(), TokenKind::Identifier | TokenKind::QuotedName)
            || self.at_statement()
        {
            return None;
        }
        let token = self.advance();
        Some(self.name_of(token))
    }

    pub(super) fn bracket_name(&mut self, what: &str) -> Option<Name> {
        if self.kind() != TokenKind::Bracket {
            self.expected(what);
            return None;
        }
        let token = self.advance();
        Some(self.name_of(token))
    }

    fn expect_equal(&mut self) -> Option<()> {
        if self.eat(TokenKind::Equal) {
            return Some(());
        }
        self.expected("`=`");
        None
    }

    fn definition_body(&mut self) -> Option<Expr> {
        self.expect_equal()?;
        Some(self.expression().expr)
    }

    // --- EVALUATE

    fn evaluate(&mut self) -> Evaluate {
        let start = self.advance().span;
        let table = self.expression().expr;
        let mut order_by = Vec::new();
        let mut start_at = Vec::new();
        if self.at_words("ORDER", "BY") {
            self.advance();
            self.advance();
            order_by = self.comma_list(|parser| {
                let expr = parser.expression().expr;
                let descending = parser.eat_word("DESC");
                if !descending {
                    parser.eat_word("ASC");
                }
                OrderBy { expr, descending }
            });
        }
        if self.at_words("START", "AT") {
            let place = self.advance().span.to(self.advance().span);
            start_at = self.comma_list(|parser| parser.expression().expr);
            self.check_start_at(place, order_by.len(), start_at.len());
        }
        Evaluate {
            table,
            order_by,
            start_at,
            span: start.to(self.end_of_last()),
        }
    }

    fn check_start_at(&mut self, place: Span, keys: usize, values: usize) {
        if keys == 0 {
            let message = "START AT needs an ORDER BY before it";
            self.report(ErrorKind::MisplacedStartAt, place, message);
        } else if values > keys && !self.has_errors() {
            let message = format!("START AT has {values} values, but ORDER BY has {keys} keys");
            self.report(ErrorKind::MisplacedStartAt, place, message);
        }
    }

    fn comma_list<T>(&mut self, mut read: impl FnMut(&mut Self) -> T) -> Vec<T> {
        self.open_lists += 1;
        let mut items = vec![read(self)];
        while self.eat_comma() {
            items.push(read(self));
        }
        self.open_lists -= 1;
        items
    }

    // --- User-defined functions

    pub(super) fn whole_function(&mut self) -> Function {
        let function = self.function();
        if function.is_some() && self.kind() != TokenKind::End {
            self.expected("an operator or the end of the function");
        }
        self.stop();
        function.unwrap_or_else(|| {
            let span = Span::new(0, self.text.len());
            Function {
                parameters: Vec::new(),
                body: Box::new(Expr {
                    kind: ExprKind::Error,
                    span,
                }),
            }
        })
    }

    /// `(a : SCALAR VAL, b) => body`
    fn function(&mut self) -> Option<Function> {
        if !self.eat(TokenKind::OpenParen) {
            self.expected("`(` and the parameters of the function");
            return None;
        }
        let parameters = if self.kind() == TokenKind::CloseParen {
            Vec::new()
        } else {
            self.parameters()?
        };
        if !self.eat(TokenKind::CloseParen) {
            self.expected("`,` or `)` after a parameter");
            return None;
        }
        if !self.eat(TokenKind::Arrow) {
            self.expected("`=>` and the body of the function");
            return None;
        }
        let body = Box::new(self.expression().expr);
        Some(Function { parameters, body })
    }

    fn parameters(&mut self) -> Option<Vec<FunctionParameter>> {
        self.open_parens += 1;
        self.open_lists += 1;
        let mut parameters = vec![self.parameter()];
        // Published functions have a comma after the last parameter too.
        while self.eat_comma() && self.kind() != TokenKind::CloseParen {
            parameters.push(self.parameter());
        }
        self.open_lists -= 1;
        self.open_parens -= 1;
        parameters.into_iter().collect()
    }

    /// `name : TYPE SUBTYPE MODE = default`
    fn parameter(&mut self) -> Option<FunctionParameter> {
        let name = self.plain_name("the name of a parameter")?;
        let mut hints = Vec::new();
        if self.eat(TokenKind::Colon) {
            while self.kind() == TokenKind::Identifier {
                let token = self.advance();
                let hint = self.name_of(token);
                hints.push(Name {
                    text: hint.text.to_uppercase(),
                    span: hint.span,
                });
            }
            if hints.is_empty() {
                self.expected("a type such as SCALAR or ANYREF after `:`");
            }
        }
        let default = if self.eat(TokenKind::Equal) {
            Some(self.expression().expr)
        } else {
            None
        };
        Some(FunctionParameter {
            name,
            hints,
            default,
        })
    }
}
