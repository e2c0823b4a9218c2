//! The verifier: from the text of a token to an identity, or a refusal.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use security::{Identity, StillValid};

use crate::claims::{Claims, Times};
use crate::error::{KeyError, TokenError};
use crate::json::read_object;
use crate::key::{Key, seconds, time_of};
use crate::revocation::{Credential, Revocations};
use crate::scope::{Scope, Scopes};
use crate::{jwt, paseto};

/// Clocks of two machines may differ by this much at most.
const MOST_SKEW: Duration = Duration::from_secs(60);

const LONGEST_LIFE: Duration = Duration::from_secs(3600);

/// HTTP servers refuse longer headers than this.
const LONGEST_TOKEN: usize = 8 * 1024;

/// Accepts tokens: a fixed set of keys, one audience, one issuer. To change the keys make another one over the same
/// [`Revocations`].
pub struct Verifier {
    keys: BTreeMap<String, Key>,
    audience: String,
    issuer: String,
    skew: Duration,
    longest_life: Duration,
    token_id_needed: bool,
    workspace_collection: Option<String>,
    workspace: Option<String>,
    revocations: Arc<Revocations>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("keys", &self.keys.keys())
            .field("audience", &self.audience)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// Accepts tokens that one of these keys made, for exactly this audience and from exactly this issuer.
    pub fn new(
        keys: impl IntoIterator<Item = Key>,
        audience: impl Into<String>,
        issuer: impl Into<String>,
        revocations: Arc<Revocations>,
    ) -> Result<Verifier, KeyError> {
        let (audience, issuer) = (audience.into(), issuer.into());
        if audience.is_empty() {
            return Err(KeyError::Incomplete("the audience"));
        }
        if issuer.is_empty() {
            return Err(KeyError::Incomplete("the issuer"));
        }
        let mut by_id = BTreeMap::new();
        for key in keys {
            if by_id.insert(key.id().to_owned(), key).is_some() {
                return Err(KeyError::SameId);
            }
        }
        if by_id.is_empty() {
            return Err(KeyError::Incomplete("the set of keys"));
        }
        Ok(Verifier {
            keys: by_id,
            audience,
            issuer,
            skew: Duration::from_secs(30),
            longest_life: LONGEST_LIFE,
            token_id_needed: false,
            workspace_collection: None,
            workspace: None,
            revocations,
        })
    }

    /// How far the clock of the issuer may be off: 30 seconds unless said here, and never more than 60.
    #[must_use]
    pub fn skew(mut self, skew: Duration) -> Verifier {
        self.skew = skew.min(MOST_SKEW);
        self
    }

    /// How long a token may live: an hour unless said here.
    #[must_use]
    pub fn longest_life(mut self, life: Duration) -> Verifier {
        self.longest_life = life;
        self
    }

    /// Refuses tokens without an id (`jti`), which could not be revoked one by one.
    #[must_use]
    pub fn need_token_id(mut self) -> Verifier {
        self.token_id_needed = true;
        self
    }

    /// Accepts only tokens whose `wcn` is exactly this.
    #[must_use]
    pub fn only_workspace_collection(mut self, name: impl Into<String>) -> Verifier {
        self.workspace_collection = Some(name.into());
        self
    }

    /// Accepts only tokens whose `wid` is exactly this.
    #[must_use]
    pub fn only_workspace(mut self, id: impl Into<String>) -> Verifier {
        self.workspace = Some(id.into());
        self
    }

    /// What is revoked. Revoking is thread-safe and counts from the next query on.
    pub fn revocations(&self) -> &Arc<Revocations> {
        &self.revocations
    }

    /// The identity that a token carries, if the token is sound, counts now, and allows what is needed; [`Scope::DatasetRead`]
    /// for queries.
    pub fn verify(&self, token: &str, needed: Scope) -> Result<Accepted, TokenError> {
        self.verify_at(token, needed, SystemTime::now())
    }

    /// The same at another time than now.
    pub fn verify_at(
        &self,
        token: &str,
        needed: Scope,
        now: SystemTime,
    ) -> Result<Accepted, TokenError> {
        // The cheapest tests come first: nothing is parsed before its size is known.
        if token.len() > LONGEST_TOKEN {
            return Err(TokenError::TooLong {
                limit: LONGEST_TOKEN,
            });
        }
        let (payload, key, times) = if token.starts_with(paseto::PREFIX) {
            let parts = paseto::take_apart(token)?;
            let key = self.key(&parts.key_id, now)?;
            (paseto::open(&parts, key)?, key, Times::Text)
        } else {
            let parts = jwt::take_apart(token)?;
            let key = self.key(&parts.key_id, now)?;
            (jwt::open(&parts, key)?, key, Times::Seconds)
        };
        let claims = Claims::read(&read_object(&payload, "payload")?, times)?;
        self.check_addressee(&claims)?;
        let ends = self.check_times(&claims, now)?;
        if let Some(id) = &claims.token_id
            && self.revocations.is_token_revoked(id)
        {
            return Err(TokenError::TokenRevoked);
        }
        if !claims.scopes.allow(needed) {
            return Err(TokenError::Scope { needed });
        }
        let ends = key.not_after().map_or(ends, |until| until.min(ends));
        Ok(Accepted {
            identity: claims.identity(),
            key_id: key.id().to_owned(),
            ends,
            claims,
            revocations: Arc::clone(&self.revocations),
        })
    }

    fn key(&self, id: &str, now: SystemTime) -> Result<&Key, TokenError> {
        let key = self.keys.get(id).ok_or(TokenError::UnknownKey)?;
        if self.revocations.is_key_revoked(key.id()) {
            return Err(TokenError::KeyRevoked);
        }
        if !key.is_in_force(now) {
            return Err(TokenError::KeyOutOfTime);
        }
        Ok(key)
    }

    fn check_addressee(&self, claims: &Claims) -> Result<(), TokenError> {
        let another = |claim| TokenError::claim(claim, "names another");
        if claims.audience != self.audience {
            return Err(another("aud"));
        }
        if claims.issuer != self.issuer {
            return Err(another("iss"));
        }
        if self.workspace_collection.is_some()
            && claims.workspace_collection != self.workspace_collection
        {
            return Err(another("wcn"));
        }
        if self.workspace.is_some() && claims.workspace != self.workspace {
            return Err(another("wid"));
        }
        if self.token_id_needed && claims.token_id.is_none() {
            return Err(TokenError::claim("jti", "is missing"));
        }
        Ok(())
    }

    /// Until when the token counts.
    fn check_times(&self, claims: &Claims, now: SystemTime) -> Result<SystemTime, TokenError> {
        let now = seconds(now);
        let skew = i64::try_from(self.skew.as_secs()).unwrap_or(0);
        let longest = i64::try_from(self.longest_life.as_secs()).unwrap_or(i64::MAX);
        let ends = claims.expires.saturating_add(skew);
        if now >= ends {
            return Err(TokenError::Expired);
        }
        let later = |time: Option<i64>| time.is_some_and(|time| time > now.saturating_add(skew));
        if later(claims.not_before) || later(claims.issued) {
            return Err(TokenError::NotYetValid);
        }
        // Counted from when the token says that it began, and at the least from now: leaving out `iat` lengthens no life.
        let begun = claims.issued.or(claims.not_before).unwrap_or(now);
        let lives_from = |from: i64| claims.expires.saturating_sub(from);
        if lives_from(begun) > longest || lives_from(now) > longest.saturating_add(skew) {
            return Err(TokenError::LivesTooLong);
        }
        if claims.not_before.is_some_and(|from| claims.expires <= from) {
            return Err(TokenError::claim("exp", "is not later than nbf"));
        }
        time_of(ends).ok_or(TokenError::LivesTooLong)
    }
}

/// A token that was accepted.
#[derive(Clone)]
pub struct Accepted {
    identity: Identity,
    key_id: String,
    ends: SystemTime,
    claims: Claims,
    revocations: Arc<Revocations>,
}

impl fmt::Debug for Accepted {
    /// Custom data may be a secret between the service and its model.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("key_id", &self.key_id)
            .field("token_id", &self.claims.token_id)
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}

impl Accepted {
    /// Who asks, with the roles that the service gives it. Whether the roles exist is for the gate to say.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// From when on the token no longer counts, the allowance for clocks included.
    pub fn ends(&self) -> SystemTime {
        self.ends
    }

    pub fn scopes(&self) -> &Scopes {
        &self.claims.scopes
    }

    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    pub fn token_id(&self) -> Option<&str> {
        self.claims.token_id.as_deref()
    }

    pub fn workspace_collection(&self) -> Option<&str> {
        self.claims.workspace_collection.as_deref()
    }

    pub fn workspace(&self) -> Option<&str> {
        self.claims.workspace.as_deref()
    }

    pub fn report(&self) -> Option<&str> {
        self.claims.report.as_deref()
    }

    /// For `Database::session_until`: says no from the moment on when the token or its key is revoked or expires.
    pub fn credential(&self) -> Arc<dyn StillValid> {
        Arc::new(Credential {
            revocations: Arc::clone(&self.revocations),
            key_id: self.key_id.clone(),
            token_id: self.claims.token_id.clone(),
            ends: self.ends,
        })
    }
}
