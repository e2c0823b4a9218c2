//! Names in SQL compare without case, quoted or not, as everywhere in a semantic model.
//!
//! DataFusion compares names letter by letter. So every word of a statement is spelled the way the model spells it, or the way the statement spelled it
//! first; keywords are recognized apart from their spelling.

use std::collections::HashMap;

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use security::Scope;

/// One spelling for all spellings of a name that differ in case alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    spelled: HashMap<String, String>,
}

impl Names {
    /// The names that a scope shows, and no others.
    pub fn of(scope: &Scope) -> Names {
        let mut names = Names::default();
        for table in scope.tables() {
            names.spell(&scope.table(table).name);
            for column in scope.columns(table) {
                names.spell(&scope.column(column).name);
            }
        }
        names
    }

    /// The one spelling of a name; a name that is new keeps its own from now on.
    pub fn spell(&mut self, name: &str) -> String {
        let known = self.spelled.entry(fold(name));
        known.or_insert_with(|| name.to_owned()).clone()
    }

    /// The one spelling of a name that is known already.
    pub fn spelling<'a>(&'a self, name: &'a str) -> &'a str {
        self.spelled
            .get(&fold(name))
            .map_or(name, |known| known.as_str())
    }

    pub fn spell_tokens(&mut self, tokens: &mut [TokenWithSpan]) {
        for token in tokens {
            if let Token::Word(word) = &mut token.token {
                word.value = self.spell(&word.value);
            }
        }
    }
}

fn fold(name: &str) -> String {
    name.to_lowercase()
}
