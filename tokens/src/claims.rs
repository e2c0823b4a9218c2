//! Claims: what a token says, read strictly into types.

use security::Identity;

use crate::error::TokenError;
use crate::json::{Json, Object};
use crate::scope::{Scope, Scopes};

/// The version and the type of tokens that this verifier reads.
pub(crate) const VERSION: &str = "0.2.0";
pub(crate) const TYPE: &str = "embed";

/// Every claim that is read. A claim that differs from one of these in case only is a mistake or a trick, and refused.
pub(crate) const KNOWN: [&str; 15] = [
    "ver",
    "type",
    "aud",
    "iss",
    "wcn",
    "wid",
    "rid",
    "username",
    "roles",
    "scp",
    "exp",
    "nbf",
    "iat",
    "jti",
    "customData",
];

const MOST_ROLES: usize = 64;

/// How a form writes times.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    /// JWT: whole seconds since 1970.
    Seconds,
    /// PASETO: text such as 2026-11-22T08:00:00+00:00.
    Text,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub audience: String,
    pub issuer: String,
    pub workspace_collection: Option<String>,
    pub workspace: Option<String>,
    pub report: Option<String>,
    pub username: Option<String>,
    pub roles: Vec<String>,
    pub custom_data: Option<String>,
    pub scopes: Scopes,
    pub token_id: Option<String>,
    /// Seconds since 1970.
    pub expires: i64,
    pub not_before: Option<i64>,
    pub issued: Option<i64>,
}

impl Claims {
    pub fn read(object: &Object, times: Times) -> Result<Claims, TokenError> {
        refuse_look_alikes(object)?;
        let reader = Reader { object, times };
        reader.exactly("ver", VERSION)?;
        reader.exactly("type", TYPE)?;
        Ok(Claims {
            audience: reader.required_text("aud")?,
            issuer: reader.required_text("iss")?,
            workspace_collection: reader.text("wcn")?,
            workspace: reader.text("wid")?,
            report: reader.text("rid")?,
            username: reader.text("username")?,
            roles: reader.roles()?,
            custom_data: reader.text("customData")?,
            scopes: reader.scopes()?,
            token_id: reader.text("jti")?,
            expires: reader
                .time("exp")?
                .ok_or(TokenError::claim("exp", "is missing"))?,
            not_before: reader.time("nbf")?,
            issued: reader.time("iat")?,
        })
    }

    pub fn identity(&self) -> Identity {
        let identity = match &self.username {
            Some(name) => Identity::user(name),
            None => Identity::anonymous(),
        };
        let identity = match &self.custom_data {
            Some(data) => identity.custom_data(data),
            None => identity,
        };
        identity.roles(self.roles.iter().cloned())
    }
}

fn refuse_look_alikes(object: &Object) -> Result<(), TokenError> {
    for name in object.keys() {
        let known = KNOWN
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(name));
        if let Some(known) = known
            && known != name
        {
            return Err(TokenError::claim(known, "is written in another case"));
        }
    }
    Ok(())
}

struct Reader<'a> {
    object: &'a Object,
    times: Times,
}

impl Reader<'_> {
    /// An optional text: never empty, and without control characters, which logs and terminals act on.
    fn text(&self, claim: &'static str) -> Result<Option<String>, TokenError> {
        match self.object.get(claim) {
            None => Ok(None),
            Some(Json::Text(text)) => sound_text(claim, text).map(Some),
            Some(_) => Err(TokenError::claim(claim, "is not text")),
        }
    }

    fn required_text(&self, claim: &'static str) -> Result<String, TokenError> {
        self.text(claim)?
            .ok_or(TokenError::claim(claim, "is missing"))
    }

    fn exactly(&self, claim: &'static str, wanted: &'static str) -> Result<(), TokenError> {
        if self.required_text(claim)? == wanted {
            Ok(())
        } else {
            Err(TokenError::claim(
                claim,
                "has a value that is not supported",
            ))
        }
    }

    /// One role, or a list of roles. Whether they exist is for the gate to say.
    fn roles(&self) -> Result<Vec<String>, TokenError> {
        let wrong = || TokenError::claim("roles", "is neither text nor a list of texts");
        let items = match self.object.get("roles") {
            None => return Ok(Vec::new()),
            Some(text @ Json::Text(_)) => std::slice::from_ref(text),
            Some(Json::List(items)) => items.as_slice(),
            Some(_) => return Err(wrong()),
        };
        if items.is_empty() {
            return Err(TokenError::claim("roles", "is empty"));
        }
        if items.len() > MOST_ROLES {
            return Err(TokenError::claim("roles", "has too many items"));
        }
        let mut roles: Vec<String> = Vec::new();
        for item in items {
            let Json::Text(role) = item else {
                return Err(wrong());
            };
            let role = sound_text("roles", role)?;
            if roles.contains(&role) {
                return Err(TokenError::claim("roles", "names a role twice"));
            }
            roles.push(role);
        }
        Ok(roles)
    }

    /// Names of scopes with single spaces between them.
    fn scopes(&self) -> Result<Scopes, TokenError> {
        self.required_text("scp")?
            .split(' ')
            .map(|name| {
                Scope::named(name)
                    .ok_or(TokenError::claim("scp", "has a scope that does not exist"))
            })
            .collect()
    }

    fn time(&self, claim: &'static str) -> Result<Option<i64>, TokenError> {
        let seconds = match (self.object.get(claim), self.times) {
            (None, _) => return Ok(None),
            (Some(Json::Whole(seconds)), Times::Seconds) => *seconds,
            (Some(Json::Text(text)), Times::Text) => chrono::DateTime::parse_from_rfc3339(text)
                .map_err(|_| TokenError::claim(claim, "is not a time"))?
                .timestamp(),
            (Some(_), Times::Seconds) => {
                return Err(TokenError::claim(claim, "is not a whole number of seconds"));
            }
            (Some(_), Times::Text) => return Err(TokenError::claim(claim, "is not a time")),
        };
        if seconds < 0 {
            return Err(TokenError::claim(claim, "is before 1970"));
        }
        Ok(Some(seconds))
    }
}

/// Texts of claims reach DAX as data and people as messages.
fn sound_text(claim: &'static str, text: &str) -> Result<String, TokenError> {
    if text.trim().is_empty() {
        return Err(TokenError::claim(claim, "is empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(TokenError::claim(claim, "has a control character"));
    }
    Ok(text.to_owned())
}
