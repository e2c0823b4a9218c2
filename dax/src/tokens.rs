//! Text to tokens. The lexer never fails: what it cannot read becomes an error and an `Unknown` token.

use logos::{FilterResult, Lexer, Logos};

use crate::error::{Error, ErrorKind};
use crate::tree::Span;

/// Findings beyond this number tell nobody anything new.
pub(crate) const MAX_ERRORS: usize = 100;

/// A piece of the text that the grammar knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

/// Keywords are identifiers here: DAX has no word that is reserved in every place, so the parser decides.
#[derive(Logos, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[logos(extras = Findings)]
#[logos(skip r"[ \t\r\n\x0B\x0C]+")]
pub enum TokenKind {
    #[regex(r"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")]
    #[regex(r"\.[0-9]+([eE][+-]?[0-9]+)?")]
    Number,
    #[token("\"", text)]
    Text,
    #[token("dt\"", text, ignore(case))]
    DateTime,
    #[token("'", quoted_name)]
    QuotedName,
    #[token("[", bracket)]
    Bracket,
    #[token("@", parameter)]
    Parameter,
    /// A word, or words joined by dots: `NORM.S.DIST`.
    #[regex(r"[A-Za-z_]", word)]
    #[regex(r"[^\x00-\x7F]", beyond_ascii)]
    Identifier,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("^")]
    Caret,
    #[token("&")]
    Ampersand,
    #[token("&&")]
    AndAnd,
    #[token("||")]
    OrOr,
    #[token("=")]
    Equal,
    #[token("==")]
    EqualEqual,
    #[token("<>")]
    NotEqual,
    #[token("<")]
    Less,
    #[token("<=")]
    LessEqual,
    #[token(">")]
    Greater,
    #[token(">=")]
    GreaterEqual,
    #[token(",")]
    Comma,
    #[token(";")]
    Semicolon,
    #[token("(")]
    OpenParen,
    #[token(")")]
    CloseParen,
    #[token("{")]
    OpenBrace,
    #[token("}")]
    CloseBrace,
    #[token(".")]
    Dot,
    #[token(":")]
    Colon,
    #[token("=>")]
    Arrow,
    /// Characters that begin no token; an error was reported for them.
    #[token("//", line_comment)]
    #[token("--", line_comment)]
    #[token("/*", block_comment)]
    Unknown,
    /// The end of the text. `lex` does not list it.
    End,
}

/// What the lexer collects beside the tokens.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    errors: Vec<Error>,
    comments: Vec<Span>,
}

/// Everything that a text holds.
pub(crate) struct Lexed {
    pub tokens: Vec<Token>,
    pub comments: Vec<Span>,
    pub errors: Vec<Error>,
}

/// The tokens of a text, without white space and comments, and what could not be read.
pub fn lex(text: &str) -> (Vec<Token>, Vec<Error>) {
    let lexed = scan(text);
    (lexed.tokens, lexed.errors)
}

/// The comments of a text, with their marks.
pub fn comments(text: &str) -> Vec<Span> {
    scan(text).comments
}

/// Whether a text is white space and comments alone.
pub fn says_nothing(text: &str) -> bool {
    let lexed = scan(text);
    lexed.tokens.is_empty() && lexed.errors.is_empty()
}

pub(crate) fn scan(text: &str) -> Lexed {
    if u32::try_from(text.len()).is_err() {
        let message = "the text is longer than 4 GiB";
        let error = Error::new(ErrorKind::TextTooLong, Span::default(), message);
        return Lexed {
            tokens: Vec::new(),
            comments: Vec::new(),
            errors: vec![error],
        };
    }
    let mut lexer = TokenKind::lexer(text);
    let mut tokens: Vec<Token> = Vec::new();
    while let Some(found) = lexer.next() {
        let range = lexer.span();
        let span = Span::new(range.start, range.end);
        let kind = match found {
            Ok(kind) => kind,
            Err(()) => {
                // A run of strange characters is one finding, not many.
                if let Some(last) = tokens.last_mut()
                    && last.kind == TokenKind::Unknown
                    && last.span.end == span.start
                {
                    last.span.end = span.end;
                    if let Some(error) = lexer.extras.errors.last_mut()
                        && error.span.start == last.span.start
                    {
                        error.span.end = span.end;
                    }
                    continue;
                }
                let message = strange(text.get(range.start..).unwrap_or(""));
                report(
                    &mut lexer.extras,
                    ErrorKind::UnexpectedCharacter,
                    span,
                    message,
                );
                TokenKind::Unknown
            }
        };
        tokens.push(Token { kind, span });
    }
    let Findings { errors, comments } = lexer.extras;
    Lexed {
        tokens,
        comments,
        errors,
    }
}

fn report(findings: &mut Findings, kind: ErrorKind, span: Span, message: String) {
    if findings.errors.len() < MAX_ERRORS {
        findings.errors.push(Error::new(kind, span, message));
    }
}

/// The message for a character that begins no token, with the usual reason for its being there.
fn strange(rest: &str) -> String {
    let first = rest.chars().next().unwrap_or(' ');
    let hint = match first {
        '!' => "; DAX writes <> for \"not equal\" and NOT for negation",
        '|' => "; the logical \"or\" is ||",
        '\u{201C}' | '\u{201D}' | '\u{201E}' => "; text stands between straight quotes: \"",
        '\u{2018}' | '\u{2019}' => "; table names stand between straight quotes: '",
        '\u{2013}' | '\u{2014}' | '\u{2212}' => "; the minus sign is -",
        ']' => "; there is no [ before it",
        '%' => "; DAX has no percent sign, divide by 100",
        '@' => "; a parameter is an @ followed by its name",
        _ => "",
    };
    let shown = if first.is_control() {
        first.escape_default().to_string()
    } else {
        first.to_string()
    };
    format!("unexpected character `{shown}`{hint}")
}

fn span_of(lexer: &Lexer<'_, TokenKind>) -> Span {
    let range = lexer.span();
    Span::new(range.start, range.end)
}

/// Consumes up to the closing mark; a doubled mark stands for itself. Tells whether there was a closing mark;
/// without one the rest of the text is consumed, so that a text with a million opening marks is read once.
fn close(lexer: &mut Lexer<'_, TokenKind>, mark: u8) -> bool {
    let rest = lexer.remainder().as_bytes();
    let mut bytes = rest.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if *byte != mark {
            continue;
        }
        if rest.get(at + 1) == Some(&mark) {
            bytes.next();
        } else {
            lexer.bump(at + 1);
            return true;
        }
    }
    lexer.bump(rest.len());
    false
}

fn text(lexer: &mut Lexer<'_, TokenKind>) {
    if !close(lexer, b'"') {
        let message = "this text has no end: a closing \" is missing".to_owned();
        let span = span_of(lexer);
        report(
            &mut lexer.extras,
            ErrorKind::UnterminatedText,
            span,
            message,
        );
    }
}

fn quoted_name(lexer: &mut Lexer<'_, TokenKind>) {
    if !close(lexer, b'\'') {
        let message = "this name has no end: a closing ' is missing".to_owned();
        let span = span_of(lexer);
        report(
            &mut lexer.extras,
            ErrorKind::UnterminatedName,
            span,
            message,
        );
    }
}

fn bracket(lexer: &mut Lexer<'_, TokenKind>) {
    if !close(lexer, b']') {
        let message = "this name has no end: a closing ] is missing".to_owned();
        let span = span_of(lexer);
        report(
            &mut lexer.extras,
            ErrorKind::UnterminatedName,
            span,
            message,
        );
    }
}

fn parameter(lexer: &mut Lexer<'_, TokenKind>) -> bool {
    let length = word_length(lexer.remainder());
    lexer.bump(length);
    length > 0
}

fn word(lexer: &mut Lexer<'_, TokenKind>) {
    bump_word(lexer);
}

/// Beyond ASCII there are letters, and there is white space: the byte-order mark and the non-breaking space come
/// along when people paste.
fn beyond_ascii(lexer: &mut Lexer<'_, TokenKind>) -> FilterResult<(), ()> {
    match lexer.slice().chars().next() {
        Some(c) if c == '\u{FEFF}' || c == '\u{200B}' || c.is_whitespace() => FilterResult::Skip,
        Some(c) if c.is_alphabetic() => {
            bump_word(lexer);
            FilterResult::Emit(())
        }
        _ => FilterResult::Error(()),
    }
}

/// Consumes the rest of a word and the words that dots join to it.
fn bump_word(lexer: &mut Lexer<'_, TokenKind>) {
    let rest = lexer.remainder();
    let mut length = word_length(rest);
    while let Some(after_dot) = rest.get(length..).and_then(|tail| tail.strip_prefix('.')) {
        match word_length(after_dot) {
            0 => break,
            more => length += 1 + more,
        }
    }
    lexer.bump(length);
}

fn word_length(rest: &str) -> usize {
    rest.find(|c: char| !is_word_part(c)).unwrap_or(rest.len())
}

/// Combining marks belong to the letter before them.
fn is_word_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || matches!(c, '\u{300}'..='\u{36F}')
}

/// Whether a name can stand without quotes.
pub(crate) fn is_plain_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name.chars().all(is_word_part)
}

fn line_comment(lexer: &mut Lexer<'_, TokenKind>) -> logos::Skip {
    let rest = lexer.remainder();
    lexer.bump(rest.find('\n').unwrap_or(rest.len()));
    let span = span_of(lexer);
    lexer.extras.comments.push(span);
    logos::Skip
}

/// Block comments nest: whoever puts a larger comment around a smaller one closes both.
/// The length counts from behind the first opening.
fn comment_length(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut open = 1_usize;
    let mut at = 0;
    while let Some(pair) = bytes.get(at..at + 2) {
        match pair {
            b"/*" => {
                open += 1;
                at += 2;
            }
            b"*/" => {
                open -= 1;
                at += 2;
                if open == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
    None
}

fn block_comment(lexer: &mut Lexer<'_, TokenKind>) -> logos::Skip {
    let rest = lexer.remainder();
    match comment_length(rest) {
        Some(length) => lexer.bump(length),
        None => {
            lexer.bump(rest.len());
            let span = span_of(lexer);
            let message = "this comment has no end: */ is missing".to_owned();
            report(
                &mut lexer.extras,
                ErrorKind::UnterminatedComment,
                span,
                message,
            );
        }
    }
    let span = span_of(lexer);
    lexer.extras.comments.push(span);
    logos::Skip
}
