//! Tokens of Entra ID: by a secret, by a token of another identity provider, or by the identity of the machine.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use storage::KeyRefusal;
use zeroize::Zeroizing;

use crate::service::{Address, Answer, Client, Deadline, Json, Request, form, path_segment};
use crate::surroundings::{Surroundings, secret_file};

const MACHINE: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// Hosts of keys, what a token must be for, and who grants it.
const CLOUDS: &[(&str, &str)] = &[
    ("vault.azure.net", "https://login.microsoftonline.com"),
    ("managedhsm.azure.net", "https://login.microsoftonline.com"),
    ("vault.azure.cn", "https://login.chinacloudapi.cn"),
    ("managedhsm.azure.cn", "https://login.chinacloudapi.cn"),
    (
        "vault.usgovcloudapi.net",
        "https://login.microsoftonline.us",
    ),
    (
        "managedhsm.usgovcloudapi.net",
        "https://login.microsoftonline.us",
    ),
];

/// Where a key is says for whom the token is: it is sent nowhere else.
#[derive(Clone, Debug)]
pub(super) struct Cloud {
    resource: String,
    authority: &'static str,
}

impl Cloud {
    pub fn of(address: &Address) -> Result<Cloud, String> {
        let host = address.host();
        let known = CLOUDS.iter().find(|(suffix, _)| {
            let vault = host
                .strip_suffix(suffix)
                .and_then(|rest| rest.strip_suffix('.'));
            vault.is_some_and(|vault| !vault.is_empty() && !vault.contains('.'))
        });
        match (known, CLOUDS.first()) {
            (Some((suffix, authority)), _) => Ok(Cloud {
                resource: format!("https://{suffix}"),
                authority,
            }),
            // An emulator.
            (None, Some((suffix, authority))) if address.is_this_machine() => Ok(Cloud {
                resource: format!("https://{suffix}"),
                authority,
            }),
            _ => Err("its host is not VAULT.vault.azure.net or HSM.managedhsm.azure.net, nor of another cloud of Azure".to_owned()),
        }
    }
}

/// How tokens are obtained.
#[derive(Debug)]
pub(super) struct Login {
    cloud: Cloud,
    client_id: Option<String>,
    surroundings: Surroundings,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Zeroizing<String>,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: u64,
}

/// A number, or a number as text: the services of Azure differ in this.
fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }
    match Either::deserialize(from)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(|_| D::Error::custom("no number")),
    }
}

impl Login {
    pub fn new(
        cloud: Cloud,
        client_id: Option<String>,
        surroundings: Surroundings,
    ) -> Result<Login, String> {
        if client_id.as_deref().is_some_and(|id| !path_segment(id)) {
            return Err("client-id is not the id of a client".to_owned());
        }
        Ok(Login {
            cloud,
            client_id,
            surroundings,
        })
    }

    /// A token, and for how long it is good.
    pub fn fetch(
        &self,
        client: &Client,
        deadline: Deadline,
    ) -> Result<(Zeroizing<String>, Duration), KeyRefusal> {
        let get = |name: &str| self.surroundings.get(name);
        let (tenant, id) = (get("AZURE_TENANT_ID"), self.id());
        let proof = match (
            get("AZURE_CLIENT_SECRET"),
            get("AZURE_FEDERATED_TOKEN_FILE"),
        ) {
            (Some(secret), _) => Some(Proof::Secret(secret)),
            (None, Some(file)) => Some(Proof::Assertion(PathBuf::from(file.as_str()))),
            (None, None) => None,
        };
        let request = match (proof, tenant, &id) {
            (Some(proof), Some(tenant), Some(id)) => self.by_proof(&proof, &tenant, id)?,
            (Some(_), _, _) => {
                return Err(wrong(
                    "beside the secret or the token file AZURE_TENANT_ID and AZURE_CLIENT_ID must be set",
                ));
            }
            (None, _, _) => self.by_machine(id.as_deref().map(String::as_str))?,
        };
        granted(&client.ask(&request, deadline, |_| false)?)
    }

    fn id(&self) -> Option<Zeroizing<String>> {
        let named = self.client_id.clone().map(Zeroizing::new);
        named.or_else(|| self.surroundings.get("AZURE_CLIENT_ID"))
    }

    /// The flow of client credentials.
    fn by_proof(&self, proof: &Proof, tenant: &str, id: &str) -> Result<Request, KeyRefusal> {
        let authority = self.surroundings.get("AZURE_AUTHORITY_HOST");
        let authority = authority.as_ref().map_or(self.cloud.authority, |host| host);
        let address = Address::alone(authority)
            .map_err(|why| wrong(&format!("AZURE_AUTHORITY_HOST: {why}")))?;
        if !path_segment(tenant) {
            return Err(wrong("AZURE_TENANT_ID is not the id of a tenant"));
        }
        let scope = format!("{}/.default", self.cloud.resource);
        let mut fields = vec![
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("scope", &scope),
        ];
        let assertion;
        match proof {
            Proof::Secret(secret) => fields.push(("client_secret", secret)),
            Proof::Assertion(file) => {
                assertion = secret_file(file)?;
                fields.push((
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                ));
                fields.push(("client_assertion", &assertion));
            }
        }
        let url = address.at(&format!("/{tenant}/oauth2/v2.0/token"));
        Ok(Request::post(
            url,
            "application/x-www-form-urlencoded",
            form(&fields),
        ))
    }

    /// The managed identity of an app service, or of the machine.
    fn by_machine(&self, id: Option<&str>) -> Result<Request, KeyRefusal> {
        let get = |name: &str| self.surroundings.get(name);
        let service = get("IDENTITY_ENDPOINT").zip(get("IDENTITY_HEADER"));
        let (url, version) = match &service {
            Some((url, _)) => (url.as_str(), "2019-08-01"),
            None => (MACHINE, "2018-02-01"),
        };
        let (address, path) =
            Address::parse(url).map_err(|why| wrong(&format!("IDENTITY_ENDPOINT: {why}")))?;
        if path.contains('?') {
            return Err(wrong("IDENTITY_ENDPOINT has a query"));
        }
        let mut fields = vec![("api-version", version), ("resource", &self.cloud.resource)];
        fields.extend(id.map(|id| ("client_id", id)));
        let query = form(&fields);
        let query = String::from_utf8_lossy(&query);
        let request = Request::get(address.at(&format!("{path}?{query}")));
        match &service {
            Some((_, header)) => request.secret("x-identity-header", header),
            None => request.secret("metadata", "true"),
        }
    }
}

enum Proof {
    Secret(Zeroizing<String>),
    Assertion(PathBuf),
}

fn wrong(why: &str) -> KeyRefusal {
    KeyRefusal::Denied(format!("no token of Azure: {why}"))
}

fn granted(answer: &Answer) -> Result<(Zeroizing<String>, Duration), KeyRefusal> {
    if !answer.is_success() {
        return Err(wrong(&format!(
            "the credentials, or the identity of this machine, are refused with status {}",
            answer.status
        )));
    }
    let granted: Granted = Json::read(&answer.body)?;
    Ok((
        granted.access_token,
        Duration::from_secs(granted.expires_in),
    ))
}
