//! The parser's place in the text, its errors, and how it finds its way after one.

use crate::error::{Error, ErrorKind};
use crate::tokens::{Lexed, MAX_ERRORS, Token, TokenKind};
use crate::tree::{Name, Span};

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    tokens: Vec<Token>,
    /// For every opening bracket the place of its closing one; 0 for all else and for brackets left open.
    partners: Vec<usize>,
    at: usize,
    errors: Vec<Error>,
    /// The token that the last error was about: a second error about it would be an echo.
    blamed: Option<usize>,
    /// The text broke off inside a name, text or comment, so that its end surprises nobody.
    broken_off: bool,
    semicolon_reported: bool,
    stopped: bool,
    /// How many expressions are being read inside one another.
    pub(super) level: usize,
    /// How many of the constructs being read are closed by `)`, closed by `}`, separated by commas.
    pub(super) open_parens: usize,
    pub(super) open_braces: usize,
    pub(super) open_lists: usize,
    pub(super) constants: Constants,
}

/// Where in a call of DATATABLE this is: the values of its rows may be left out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Constants {
    No,
    Arguments,
    Rows,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, lexed: Lexed) -> Self {
        let broken_off = lexed.errors.iter().any(|error| {
            use ErrorKind::*;
            matches!(
                error.kind,
                TextTooLong | UnterminatedText | UnterminatedName | UnterminatedComment
            )
        });
        let mut parser = Parser {
            text,
            partners: Vec::new(),
            tokens: lexed.tokens,
            at: 0,
            errors: lexed.errors,
            blamed: None,
            broken_off,
            semicolon_reported: false,
            stopped: false,
            level: 0,
            open_parens: 0,
            open_braces: 0,
            open_lists: 0,
            constants: Constants::No,
        };
        parser.partners = parser.find_partners();
        parser
    }

    /// The errors in the order of the text.
    pub(super) fn into_errors(mut self) -> Vec<Error> {
        self.errors.sort_by_key(|error| error.span.start);
        self.errors
    }

    pub(super) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    // --- Looking and moving.

    pub(super) fn peek_at(&self, ahead: usize) -> Token {
        let end = || Token {
            kind: TokenKind::End,
            span: Span::new(self.text.len(), self.text.len()),
        };
        self.tokens
            .get(self.at + ahead)
            .copied()
            .unwrap_or_else(end)
    }

    pub(super) fn peek(&self) -> Token {
        self.peek_at(0)
    }

    pub(super) fn kind(&self) -> TokenKind {
        self.peek().kind
    }

    pub(super) fn advance(&mut self) -> Token {
        let token = self.peek();
        if token.kind != TokenKind::End {
            self.at += 1;
        }
        token
    }

    pub(super) fn eat(&mut self, kind: TokenKind) -> bool {
        let found = self.kind() == kind;
        if found {
            self.advance();
        }
        found
    }

    /// The end of the token before this place.
    pub(super) fn end_of_last(&self) -> Span {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        last.map_or(Span::default(), |token| Span {
            start: token.span.end,
            end: token.span.end,
        })
    }

    pub(super) fn slice(&self, span: Span) -> &'a str {
        self.text
            .get(span.start as usize..span.end as usize)
            .unwrap_or("")
    }

    pub(super) fn word_at(&self, ahead: usize, word: &str) -> bool {
        let token = self.peek_at(ahead);
        token.kind == TokenKind::Identifier && self.slice(token.span).eq_ignore_ascii_case(word)
    }

    pub(super) fn at_word(&self, word: &str) -> bool {
        self.word_at(0, word)
    }

    /// `ORDER BY`, `START AT`.
    pub(super) fn at_words(&self, first: &str, second: &str) -> bool {
        self.word_at(0, first) && self.word_at(1, second)
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.advance();
        }
        found
    }

    /// Whether the text has this word anywhere as a word of its own.
    pub(super) fn has_word(&self, word: &str) -> bool {
        let is_word = |token: &Token| token.kind == TokenKind::Identifier;
        self.tokens
            .iter()
            .any(|token| is_word(token) && self.slice(token.span).eq_ignore_ascii_case(word))
    }

    /// A comma. A semicolon is read as one, after a word about it.
    pub(super) fn eat_comma(&mut self) -> bool {
        if self.kind() == TokenKind::Semicolon {
            if !self.semicolon_reported {
                let message = "found `;` between arguments: DAX here separates arguments by commas";
                self.report(ErrorKind::Semicolon, self.peek().span, message);
                self.semicolon_reported = true;
            }
            self.advance();
            return true;
        }
        self.eat(TokenKind::Comma)
    }

    pub(super) fn at_comma(&self) -> bool {
        matches!(self.kind(), TokenKind::Comma | TokenKind::Semicolon)
    }

    // --- Errors.

    pub(super) fn report(&mut self, kind: ErrorKind, span: Span, message: impl Into<String>) {
        if self.stopped {
            return;
        }
        self.errors.push(Error::new(kind, span, message));
        if self.errors.len() >= MAX_ERRORS {
            let message = format!("parsing stopped here, after {MAX_ERRORS} errors");
            self.errors.push(Error::new(
                ErrorKind::TooManyErrors,
                self.peek().span,
                message,
            ));
            self.stop();
        }
    }

    /// Reports that this place needs something else than it has.
    pub(super) fn expected(&mut self, what: &str) {
        self.expected_as(ErrorKind::UnexpectedToken, what);
    }

    pub(super) fn expected_expression(&mut self, what: &str) {
        self.expected_as(ErrorKind::ExpectedExpression, what);
    }

    fn expected_as(&mut self, kind: ErrorKind, what: &str) {
        let token = self.peek();
        let known = match token.kind {
            TokenKind::Unknown => true,
            TokenKind::End => self.broken_off,
            _ => false,
        };
        if known || self.blamed == Some(self.at) {
            return;
        }
        let kind = if token.kind == TokenKind::End {
            ErrorKind::UnexpectedEnd
        } else {
            kind
        };
        let message = format!(
            "expected {what}, found {}{}",
            self.describe(token),
            self.hint()
        );
        self.report(kind, token.span, message);
        self.blamed = Some(self.at);
    }

    /// Keeps the next token out of the errors: it surprises only because of the error just reported.
    pub(super) fn excuse_next(&mut self) {
        self.blamed = Some(self.at);
    }

    /// Gives up: the rest of the text is not read, and nothing more is reported.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
        self.at = self.tokens.len();
    }

    fn describe(&self, token: Token) -> String {
        let source = self.slice(token.span);
        let shown: String = if source.chars().count() > 40 {
            source.chars().take(40).chain(['…']).collect()
        } else {
            source.to_owned()
        };
        match token.kind {
            TokenKind::End => "the end of the text".to_owned(),
            TokenKind::Identifier | TokenKind::QuotedName => format!("the name `{shown}`"),
            TokenKind::Number => format!("the number `{shown}`"),
            TokenKind::Text => format!("the text `{shown}`"),
            _ => format!("`{shown}`"),
        }
    }

    /// What people of other languages probably meant.
    fn hint(&self) -> &'static str {
        if self.at_word("AND") {
            "; the operator is written &&"
        } else if self.at_word("OR") {
            "; the operator is written ||"
        } else {
            ""
        }
    }

    // --- Names.

    /// The name in a token, without its quotes or brackets.
    pub(super) fn name_of(&mut self, token: Token) -> Name {
        let source = self.slice(token.span);
        let text = match token.kind {
            TokenKind::QuotedName => unquote(source, "'", '\''),
            TokenKind::Bracket => unquote(source, "[", ']'),
            TokenKind::Parameter => source.trim_start_matches('@').to_owned(),
            _ => source.to_owned(),
        };
        if text.is_empty() && !self.broken_off {
            self.report(
                ErrorKind::EmptyName,
                token.span,
                format!("the name in `{source}` is empty"),
            );
        }
        Name {
            text,
            span: token.span,
        }
    }

    // --- Recovery.

    /// Skips to where reading can go on: a comma or closing bracket that somebody waits for, or the next clause.
    /// Brackets that are opened and closed on the way are skipped whole.
    pub(super) fn recover(&mut self) {
        loop {
            match self.kind() {
                TokenKind::End => return,
                TokenKind::Comma | TokenKind::Semicolon if self.open_lists > 0 => return,
                TokenKind::CloseParen if self.open_parens > 0 => return,
                TokenKind::CloseBrace if self.open_braces > 0 => return,
                TokenKind::Identifier if self.at_clause() => return,
                _ => self.skip(),
            }
        }
    }

    /// Skips to the next definition, DEFINE or EVALUATE.
    pub(super) fn recover_to_statement(&mut self) {
        while self.kind() != TokenKind::End && !self.at_statement() && !self.at_definition() {
            self.skip();
        }
    }

    /// Whether the bracket at this place has its closing bracket.
    pub(super) fn is_closed(&self) -> bool {
        self.partners
            .get(self.at)
            .is_some_and(|partner| *partner > 0)
    }

    fn skip(&mut self) {
        self.at = match self.partners.get(self.at) {
            Some(partner) if *partner > self.at => partner + 1,
            _ => self.at + 1,
        };
    }

    /// Whether a clause begins here that no expression can contain at this place.
    pub(super) fn at_clause(&self) -> bool {
        self.kind() == TokenKind::Identifier
            && (self.at_statement()
                || self.at_definition()
                || self.at_word("RETURN")
                || self.at_words("ORDER", "BY")
                || self.at_words("START", "AT"))
    }

    /// EVALUATE or DEFINE.
    pub(super) fn at_statement(&self) -> bool {
        self.at_word("EVALUATE") || self.at_word("DEFINE")
    }

    /// Whether a definition begins here, or the VAR of an expression. The words are names elsewhere, so what follows
    /// them counts.
    pub(super) fn at_definition(&self) -> bool {
        self.definition_at(0)
    }

    pub(super) fn definition_at(&self, ahead: usize) -> bool {
        use TokenKind::*;
        let kinds = [1, 2, 3].map(|next| self.peek_at(ahead + next).kind);
        if self.word_at(ahead, "VAR") {
            matches!(kinds, [Identifier, Equal, _])
        } else if self.word_at(ahead, "MEASURE") || self.word_at(ahead, "COLUMN") {
            matches!(
                kinds,
                [Bracket, Equal, _] | [Identifier | QuotedName, Bracket, Equal]
            )
        } else if self.word_at(ahead, "TABLE") {
            matches!(kinds, [Identifier | QuotedName, Equal, _])
        } else if self.word_at(ahead, "FUNCTION") {
            matches!(kinds, [Identifier, Equal, _])
        } else {
            false
        }
    }

    /// Whether this is a place in the name that people write before a measure: `Total Sales = ...`, `[Total] := ...`.
    pub(super) fn in_name_of_definition(&self) -> bool {
        use TokenKind::*;
        let kinds = self.tokens.iter().map(|token| token.kind);
        let before = kinds.take_while(|kind| *kind != Equal);
        let names = [Identifier, QuotedName, Bracket, Number, Colon];
        let mut count = 0;
        for kind in before {
            if !names.contains(&kind) {
                return false;
            }
            count += 1;
        }
        // AND and OR between names are operators that were meant.
        self.at < count && count < self.tokens.len() && self.hint().is_empty()
    }

    fn find_partners(&self) -> Vec<usize> {
        let mut partners = vec![0; self.tokens.len()];
        let mut open: Vec<(TokenKind, usize)> = Vec::new();
        let (mut parens, mut braces) = (0usize, 0usize);
        for (at, token) in self.tokens.iter().enumerate() {
            let opener = match token.kind {
                TokenKind::OpenParen => {
                    parens += 1;
                    open.push((token.kind, at));
                    continue;
                }
                TokenKind::OpenBrace => {
                    braces += 1;
                    open.push((token.kind, at));
                    continue;
                }
                // A bracket left open does not reach into the next statement.
                TokenKind::Identifier
                    if self.slice(token.span).eq_ignore_ascii_case("EVALUATE") =>
                {
                    open.clear();
                    (parens, braces) = (0, 0);
                    continue;
                }
                TokenKind::CloseParen if parens > 0 => TokenKind::OpenParen,
                TokenKind::CloseBrace if braces > 0 => TokenKind::OpenBrace,
                _ => continue,
            };
            while let Some((kind, place)) = open.pop() {
                let count = if kind == TokenKind::OpenParen {
                    &mut parens
                } else {
                    &mut braces
                };
                *count -= 1;
                if kind == opener {
                    if let Some(partner) = partners.get_mut(place) {
                        *partner = at;
                    }
                    break;
                }
            }
        }
        partners
    }
}

/// Takes the marks off and undoes the doubling of the closing one. The closing mark is absent when the text broke off.
pub(super) fn unquote(source: &str, opening: &str, closing: char) -> String {
    let inner = source.strip_prefix(opening).unwrap_or(source);
    let inner = inner.strip_suffix(closing).unwrap_or(inner);
    let pair: String = [closing; 2].iter().collect();
    inner.replace(&pair, closing.encode_utf8(&mut [0; 4]))
}
