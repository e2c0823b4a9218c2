//! Making tokens, for the service that vouches for its users.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::claims::{TYPE, VERSION};
use crate::error::{MintError, TokenError};
use crate::key::{Algorithm, Key, seconds};
use crate::scope::{Scope, Scopes};
use crate::{jwt, paseto};

const LONGEST_LIFE: Duration = Duration::from_secs(3600);

/// What a token is to say.
#[derive(Clone, Debug, Default)]
pub struct Grant {
    username: Option<String>,
    roles: Vec<String>,
    custom_data: Option<String>,
    scopes: Vec<Scope>,
    workspace_collection: Option<String>,
    workspace: Option<String>,
    report: Option<String>,
    token_id: Option<String>,
    lifetime: Option<Duration>,
}

impl Grant {
    /// A grant that allows this and nothing more.
    pub fn new(scope: Scope) -> Grant {
        Grant {
            scopes: vec![scope],
            ..Grant::default()
        }
    }

    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Grant {
        self.scopes.push(scope);
        self
    }

    #[must_use]
    pub fn username(mut self, name: impl Into<String>) -> Grant {
        self.username = Some(name.into());
        self
    }

    #[must_use]
    pub fn role(mut self, name: impl Into<String>) -> Grant {
        self.roles.push(name.into());
        self
    }

    #[must_use]
    pub fn custom_data(mut self, data: impl Into<String>) -> Grant {
        self.custom_data = Some(data.into());
        self
    }

    /// `wcn`
    #[must_use]
    pub fn workspace_collection(mut self, name: impl Into<String>) -> Grant {
        self.workspace_collection = Some(name.into());
        self
    }

    /// `wid`
    #[must_use]
    pub fn workspace(mut self, id: impl Into<String>) -> Grant {
        self.workspace = Some(id.into());
        self
    }

    /// `rid`
    #[must_use]
    pub fn report(mut self, id: impl Into<String>) -> Grant {
        self.report = Some(id.into());
        self
    }

    /// `jti`; a random one unless said here.
    #[must_use]
    pub fn token_id(mut self, id: impl Into<String>) -> Grant {
        self.token_id = Some(id.into());
        self
    }

    /// An hour unless said here, and no more than that.
    #[must_use]
    pub fn lifetime(mut self, life: Duration) -> Grant {
        self.lifetime = Some(life);
        self
    }
}

/// A token, and what its maker may want to remember of it.
#[derive(Clone)]
pub struct Minted {
    pub token: String,
    /// For revoking it.
    pub token_id: String,
    pub expires: SystemTime,
}

/// Makes tokens with one key.
pub struct Minter {
    key: Arc<Key>,
    audience: String,
    issuer: String,
}

impl Minter {
    pub fn new(
        key: impl Into<Arc<Key>>,
        audience: impl Into<String>,
        issuer: impl Into<String>,
    ) -> Minter {
        Minter {
            key: key.into(),
            audience: audience.into(),
            issuer: issuer.into(),
        }
    }

    pub fn mint(&self, grant: &Grant) -> Result<Minted, MintError> {
        self.mint_at(grant, SystemTime::now())
    }

    /// The same at another time than now.
    pub fn mint_at(&self, grant: &Grant, now: SystemTime) -> Result<Minted, MintError> {
        let life = grant.lifetime.unwrap_or(LONGEST_LIFE);
        if life > LONGEST_LIFE {
            return Err(MintError::Refused(TokenError::LivesTooLong));
        }
        if !self.key.is_in_force(now) {
            return Err(MintError::Refused(TokenError::KeyOutOfTime));
        }
        let token_id = match &grant.token_id {
            Some(id) => id.clone(),
            None => random_id()?,
        };
        let expires = now + life;
        let claims = self.claims(grant, &token_id, now, expires);
        check_claims(&claims, self.key.algorithm())?;
        let payload = Value::Object(claims).to_string();
        let token = match self.key.algorithm() {
            Algorithm::V4Local => paseto::seal(payload.as_bytes(), &self.key),
            _ => jwt::seal(payload.as_bytes(), &self.key),
        };
        Ok(Minted {
            token: token.ok_or(MintError::CannotSign)?,
            token_id,
            expires,
        })
    }

    fn claims(
        &self,
        grant: &Grant,
        token_id: &str,
        now: SystemTime,
        expires: SystemTime,
    ) -> Map<String, Value> {
        let time = |time: SystemTime| match self.key.algorithm() {
            Algorithm::V4Local => json!(DateTime::<Utc>::from(time).to_rfc3339()),
            _ => json!(seconds(time)),
        };
        let mut claims = Map::new();
        let mut say = |claim: &str, value: Value| {
            claims.insert(claim.to_owned(), value);
        };
        say("ver", json!(VERSION));
        say("type", json!(TYPE));
        say("aud", json!(self.audience));
        say("iss", json!(self.issuer));
        let scopes: Scopes = grant.scopes.iter().copied().collect();
        say("scp", json!(scopes.to_string()));
        say("jti", json!(token_id));
        say("iat", time(now));
        say("nbf", time(now));
        say("exp", time(expires));
        let optional = [
            ("wcn", &grant.workspace_collection),
            ("wid", &grant.workspace),
            ("rid", &grant.report),
            ("username", &grant.username),
            ("customData", &grant.custom_data),
        ];
        for (claim, value) in optional {
            if let Some(value) = value {
                say(claim, json!(value));
            }
        }
        if !grant.roles.is_empty() {
            say("roles", json!(grant.roles));
        }
        claims
    }
}

/// What a verifier would refuse is refused where it is made.
fn check_claims(claims: &Map<String, Value>, algorithm: Algorithm) -> Result<(), MintError> {
    let times = match algorithm {
        Algorithm::V4Local => crate::claims::Times::Text,
        _ => crate::claims::Times::Seconds,
    };
    let text = Value::Object(claims.clone()).to_string();
    crate::json::read_object(text.as_bytes(), "payload")
        .and_then(|object| crate::claims::Claims::read(&object, times))
        .map(drop)
        .map_err(MintError::Refused)
}

/// 128 random bits as text.
fn random_id() -> Result<String, MintError> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| MintError::Random)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
