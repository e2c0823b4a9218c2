//! Tokens for Google Cloud: of a service account with a key file, or of the account of the machine.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::{Deserialize, Serialize};
use storage::KeyRefusal;
use zeroize::Zeroizing;

use crate::service::{Address, Client, Deadline, Json, Request};
use crate::surroundings::{Surroundings, secret_file};

const MACHINE: &str = "http://169.254.169.254";
const ACCOUNT: &str = "/computeMetadata/v1/instance/service-accounts/default/token";

/// Whom a token of a key file is for. Google takes tokens that an account signed itself.
const AUDIENCE: &str = "https://cloudkms.googleapis.com/";
const LIFETIME: Duration = Duration::from_secs(3600);

/// How tokens are obtained.
#[derive(Debug)]
pub(super) struct Login {
    credentials: Option<PathBuf>,
    surroundings: Surroundings,
}

/// The key file of a service account.
#[derive(Deserialize)]
struct Account {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    client_email: String,
    #[serde(default)]
    private_key_id: String,
    #[serde(default)]
    private_key: Zeroizing<String>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Zeroizing<String>,
    #[serde(default)]
    expires_in: u64,
}

impl Login {
    pub fn new(credentials: Option<String>, surroundings: Surroundings) -> Login {
        Login {
            credentials: credentials.map(PathBuf::from),
            surroundings,
        }
    }

    /// A token, and for how long it is good.
    pub fn fetch(
        &self,
        client: &Client,
        deadline: Deadline,
    ) -> Result<(Zeroizing<String>, Duration), KeyRefusal> {
        let variable = || self.surroundings.get("GOOGLE_APPLICATION_CREDENTIALS");
        let file = self.credentials.clone();
        match file.or_else(|| variable().map(|path| PathBuf::from(path.as_str()))) {
            // Signed anew each time, so that a file that was taken away is noticed.
            Some(file) => Ok((by_account(&file)?, Duration::ZERO)),
            None => self.by_machine(client, deadline),
        }
    }

    fn by_machine(
        &self,
        client: &Client,
        deadline: Deadline,
    ) -> Result<(Zeroizing<String>, Duration), KeyRefusal> {
        let address = match self.surroundings.get("GCE_METADATA_HOST") {
            Some(host) => Address::alone(&format!("http://{}", host.as_str())),
            None => Address::alone(MACHINE),
        };
        let address = address.map_err(|why| wrong(&format!("GCE_METADATA_HOST: {why}")))?;
        let request = Request::get(address.at(ACCOUNT)).secret("metadata-flavor", "Google")?;
        let answer = client.ask(&request, deadline, |_| false)?;
        if !answer.is_success() {
            return Err(wrong(&format!(
                "this machine has no service account (status {})",
                answer.status
            )));
        }
        let granted: Granted = Json::read(&answer.body)?;
        Ok((
            granted.access_token,
            Duration::from_secs(granted.expires_in),
        ))
    }
}

fn by_account(file: &std::path::Path) -> Result<Zeroizing<String>, KeyRefusal> {
    let text = secret_file(file)?;
    let shown = file.display();
    let account: Account = serde_json::from_str(&text).map_err(|_| {
        wrong(&format!(
            "{shown} does not hold the key of a service account"
        ))
    })?;
    if account.kind != "service_account" {
        return Err(wrong(&format!(
            "{shown} does not hold the key of a service account; other kinds of credentials are not acted on"
        )));
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let claims = Claims {
        iss: &account.client_email,
        sub: &account.client_email,
        aud: AUDIENCE,
        iat: now.as_secs(),
        exp: (now + LIFETIME).as_secs(),
    };
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(account.private_key_id.clone());
    let unusable = |_| wrong(&format!("the private key in {shown} cannot be used"));
    let key = EncodingKey::from_rsa_pem(account.private_key.as_bytes()).map_err(unusable)?;
    encode(&header, &claims, &key)
        .map(Zeroizing::new)
        .map_err(unusable)
}

fn wrong(why: &str) -> KeyRefusal {
    KeyRefusal::Denied(format!("no token for Google Cloud: {why}"))
}
