//! What is taken back before its time, and the credential that a session asks.

use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};
use std::time::SystemTime;

use security::StillValid;

/// Keys and tokens that no longer count. Shared by verifiers and by the sessions that came of them: what is revoked here is
/// refused from the next query on.
#[derive(Debug, Default)]
pub struct Revocations {
    lists: RwLock<Lists>,
}

#[derive(Debug, Default)]
struct Lists {
    keys: BTreeSet<String>,
    tokens: BTreeSet<String>,
}

impl Revocations {
    /// No token of this key counts any more, and no session that came of one goes on.
    pub fn revoke_key(&self, id: impl Into<String>) {
        self.change(|lists| lists.keys.insert(id.into()));
    }

    /// The token with this id (`jti`) counts no more.
    pub fn revoke_token(&self, id: impl Into<String>) {
        self.change(|lists| lists.tokens.insert(id.into()));
    }

    pub fn is_key_revoked(&self, id: &str) -> bool {
        self.holds(|lists| lists.keys.contains(id))
    }

    pub fn is_token_revoked(&self, id: &str) -> bool {
        self.holds(|lists| lists.tokens.contains(id))
    }

    fn change(&self, change: impl FnOnce(&mut Lists) -> bool) {
        match self.lists.write() {
            Ok(mut lists) => change(&mut lists),
            // The lists only grow: what a failed writer left behind is still true.
            Err(poisoned) => change(&mut poisoned.into_inner()),
        };
    }

    /// A list that cannot be read might hold anything.
    fn holds(&self, question: impl FnOnce(&Lists) -> bool) -> bool {
        self.lists.read().map_or(true, |lists| question(&lists))
    }
}

/// The token behind a session, without its text.
pub(crate) struct Credential {
    pub revocations: Arc<Revocations>,
    pub key_id: String,
    pub token_id: Option<String>,
    /// The nearer of the token's end and the key's.
    pub ends: SystemTime,
}

impl StillValid for Credential {
    fn still_valid(&self) -> bool {
        SystemTime::now() < self.ends
            && !self.revocations.is_key_revoked(&self.key_id)
            && !self
                .token_id
                .as_deref()
                .is_some_and(|id| self.revocations.is_token_revoked(id))
    }
}
