//! `vault:https://HOST/MOUNT/KEY`: a key of the engine transit of HashiCorp Vault or OpenBao.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use storage::{KeyContext, KeyProvider, KeyRefusal, SecretKey, WrappedKey};
use zeroize::Zeroizing;

use crate::ProviderError;
use crate::key_id::of_another;
use crate::parameters::Parameters;
use crate::service::{
    Address, Answer, Client, Deadline, Json, Request, key_from_text, path_segment, to_base64,
};
use crate::surroundings::{Surroundings, secret_file, surroundings};

/// How it is written.
pub(crate) const FORM: &str = "vault:https://HOST[:PORT]/MOUNT/KEY[?namespace=NAMESPACE][&token-file=PATH|&token-env=NAME][&ca=PATH]";

/// Where a token is looked for unless the name says.
const TOKENS: [&str; 2] = ["VAULT_TOKEN", "BAO_TOKEN"];

/// Longer than any wrapped key of ours.
const LONGEST: usize = 4096;

/// A key that never leaves Vault: it encrypts and decrypts for whoever has a token, bound to the context of the dataset.
#[derive(Debug)]
pub struct VaultKey {
    client: Client,
    address: Address,
    mount: String,
    key: String,
    namespace: Option<String>,
    token: Token,
    surroundings: Surroundings,
}

/// Where the token is. It is looked up for each question.
#[derive(Debug)]
enum Token {
    File(PathBuf),
    Variables(Vec<String>),
}

#[derive(Serialize)]
struct Encrypt<'a> {
    plaintext: &'a str,
    associated_data: &'a str,
}

#[derive(Serialize)]
struct Decrypt<'a> {
    ciphertext: &'a str,
    associated_data: &'a str,
}

#[derive(Deserialize)]
struct Said<T> {
    data: T,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Decrypted {
    plaintext: Zeroizing<String>,
}

#[derive(Deserialize, Default)]
struct Refused {
    #[serde(default)]
    errors: Vec<String>,
}

impl VaultKey {
    /// From what follows `vault:`, such as `https://vault.example.com:8200/transit/peristyle`.
    pub fn parse(text: &str) -> Result<VaultKey, ProviderError> {
        VaultKey::within(text, surroundings())
            .map_err(|why| ProviderError::wrong("vault", why, FORM))
    }

    pub(crate) fn within(text: &str, surroundings: Surroundings) -> Result<VaultKey, String> {
        let (place, mut parameters) = Parameters::split(text)?;
        let (address, path) = Address::parse(place)?;
        let (mount, key) = path
            .strip_prefix('/')
            .and_then(|path| path.rsplit_once('/'))
            .filter(|(mount, key)| mount.split('/').all(path_segment) && path_segment(key))
            .ok_or("after the address stand the mount and the key, as in /transit/peristyle")?;
        let namespace = parameters.take("namespace");
        let token = match (parameters.take("token-file"), parameters.take("token-env")) {
            (Some(path), None) => Token::File(path.into()),
            (None, Some(name)) => Token::Variables(vec![name]),
            (None, None) => Token::Variables(TOKENS.map(str::to_owned).to_vec()),
            (Some(_), Some(_)) => {
                return Err("the token is in a file or a variable, not in both".to_owned());
            }
        };
        let roots = match parameters.take("ca") {
            Some(path) => Some(
                std::fs::read(&path)
                    .map_err(|error| format!("the file {path} cannot be read: {}", error.kind()))?,
            ),
            None => None,
        };
        parameters.end()?;
        Ok(VaultKey {
            client: Client::new(roots.as_deref())?,
            address,
            mount: mount.to_owned(),
            key: key.to_owned(),
            namespace,
            token,
            surroundings,
        })
    }

    fn key_id(&self) -> String {
        format!("vault:{}/{}", self.mount, self.key)
    }

    fn token(&self) -> Result<Zeroizing<String>, KeyRefusal> {
        match &self.token {
            Token::File(path) => secret_file(path),
            Token::Variables(names) => names
                .iter()
                .find_map(|name| self.surroundings.get(name))
                .ok_or_else(|| {
                    KeyRefusal::Denied(format!(
                        "there is no token for Vault in the environment ({})",
                        names.join(" or ")
                    ))
                }),
        }
    }

    fn ask(
        &self,
        what: &str,
        body: &impl Serialize,
        deadline: Deadline,
    ) -> Result<Answer, KeyRefusal> {
        let url = self
            .address
            .at(&format!("/v1/{}/{what}/{}", self.mount, self.key));
        let mut request = Request::post(url, "application/json", Json::write(body)?)
            .secret("x-vault-token", &self.token()?)?
            // Agents and proxies of Vault can be told to refuse what does not say so: it keeps web pages from asking.
            .secret("x-vault-request", "true")?;
        if let Some(namespace) = &self.namespace {
            request = request.secret("x-vault-namespace", namespace)?;
        }
        let answer = self.client.ask(&request, deadline, |_| false)?;
        if answer.is_success() {
            Ok(answer)
        } else {
            Err(self.refusal(what, &answer))
        }
    }

    /// Vault's own texts are looked at and not passed on: whatever stands between it and us could quote the question in them.
    fn refusal(&self, what: &str, answer: &Answer) -> KeyRefusal {
        let refused: Refused = Json::reason(&answer.body);
        let says = |part: &str| refused.errors.iter().any(|error| error.contains(part));
        let key = self.key_id();
        let why = match answer.status {
            401 | 403 => format!(
                "its token is not valid, or not any more, or has no right to update {}/{what}/{}",
                self.mount, self.key
            ),
            404 if says("namespace") => "it knows no such namespace".to_owned(),
            404 => format!("nothing is mounted at {}/", self.mount),
            _ if says("key not found") => format!("it has no key {key}"),
            _ if says("too old") => {
                format!("{key} no longer decrypts with the version that wrapped this")
            }
            _ if says("too new") => format!("{key} does not have the version that wrapped this"),
            _ if says("authentication failed") => {
                format!("{key} did not wrap this, or not for this dataset and generation")
            }
            _ if says("non-AEAD") => {
                format!("{key} is of a type that cannot bind a context; use aes256-gcm96")
            }
            _ if says("missing 'context'") => {
                format!("{key} is a derived key; use one that is not")
            }
            status => format!("it refuses the question with status {status}"),
        };
        KeyRefusal::Denied(format!("Vault at {}: {why}", self.address))
    }

    fn decrypt(
        &self,
        ciphertext: &str,
        context: &[u8],
        deadline: Deadline,
    ) -> Result<SecretKey, KeyRefusal> {
        let bound = to_base64(context);
        let body = Decrypt {
            ciphertext,
            associated_data: &bound,
        };
        let answer = self.ask("decrypt", &body, deadline)?;
        let said: Said<Decrypted> = Json::read(&answer.body)?;
        key_from_text(&said.data.plaintext)
    }
}

impl KeyProvider for VaultKey {
    fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal> {
        let deadline = Deadline::start();
        let (plain, bound) = (to_base64(key.bytes()), to_base64(&context.to_bytes()));
        let body = Encrypt {
            plaintext: &plain,
            associated_data: &bound,
        };
        let answer = self.ask("encrypt", &body, deadline)?;
        let said: Said<Encrypted> = Json::read(&answer.body)?;
        let wrapped = said.data.ciphertext;
        if !is_ciphertext(&wrapped) {
            return Err(KeyRefusal::Unavailable(format!(
                "{} does not answer as Vault does",
                self.address
            )));
        }
        // Versions of Vault that do not know associated data ignore it, and would unwrap anything for anybody.
        match self.decrypt(&wrapped, b"peristyle/another context", deadline) {
            Err(KeyRefusal::Denied(_)) => {}
            Err(unavailable) => return Err(unavailable),
            Ok(_) => {
                return Err(KeyRefusal::Denied(format!(
                    "Vault at {} does not bind keys to a context (associated_data); a newer version does",
                    self.address
                )));
            }
        }
        Ok(WrappedKey {
            key_id: self.key_id(),
            bytes: wrapped.into_bytes(),
        })
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<SecretKey, KeyRefusal> {
        let ciphertext = std::str::from_utf8(&wrapped.bytes).ok();
        let ciphertext = ciphertext.filter(|text| is_ciphertext(text));
        match ciphertext {
            // Mounts are moved and keys restored under other names: whether it is the key, Vault alone can tell.
            Some(text) if wrapped.key_id.starts_with("vault:") => {
                self.decrypt(text, &context.to_bytes(), Deadline::start())
            }
            _ => Err(of_another(&wrapped.key_id, &self.key_id())),
        }
    }
}

/// `vault:v1:` and Base64. From the disk come bytes that nobody has authenticated.
fn is_ciphertext(text: &str) -> bool {
    let parts = text
        .strip_prefix("vault:v")
        .and_then(|rest| rest.split_once(':'));
    let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    text.len() <= LONGEST
        && parts.is_some_and(|(version, bytes)| {
            !version.is_empty()
                && version.bytes().all(|b| b.is_ascii_digit())
                && bytes.bytes().all(base64)
        })
}
