//! `azure-kv:https://VAULT.vault.azure.net/keys/NAME`: a key of Azure Key Vault or of a managed HSM.

mod login;
mod wrapped;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use storage::{KeyContext, KeyProvider, KeyRefusal, SecretKey, WrappedKey, seal, unseal};
use zeroize::Zeroizing;

use crate::ProviderError;
use crate::key_id::of_another;
use crate::parameters::Parameters;
use crate::service::{
    Address, Answer, Client, Deadline, Json, Kept, Request, from_base64url, path_segment,
    to_base64url,
};
use crate::surroundings::{Surroundings, surroundings};
use login::{Cloud, Login};
use wrapped::Wrapped;

pub(crate) const FORM: &str = "azure-kv:https://VAULT.vault.azure.net/keys/NAME[?algorithm=RSA-OAEP-256|A256KW][&client-id=ID]";

const VERSION: &str = "api-version=7.4";

/// How a key of an RSA pair signs what it wrapped: whoever has the public key could wrap.
const SIGNATURE: &str = "PS256";

/// A key that never leaves Azure. It wraps a key of its own for each generation, under which ours is sealed with the context of the
/// dataset, for Azure's wrapping knows no context.
#[derive(Debug)]
pub struct AzureKey {
    client: Client,
    address: Address,
    name: String,
    algorithm: Algorithm,
    login: Login,
    kept: Kept<Zeroizing<String>>,
}

/// Set by the name of the provider, and never read from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// A pair of keys. What is wrapped is signed too.
    Rsa,
    /// A symmetric key, which managed HSMs have. Its wrapping authenticates.
    Aes,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Algorithm::Rsa => "RSA-OAEP-256",
            Algorithm::Aes => "A256KW",
        }
    }
}

#[derive(Serialize)]
struct Operation<'a> {
    alg: &'a str,
    value: &'a str,
}

#[derive(Deserialize)]
struct Done {
    kid: String,
    value: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Verified {
    value: bool,
}

#[derive(Deserialize, Default)]
struct Refused {
    #[serde(default)]
    error: Value,
}

impl AzureKey {
    /// From what follows `azure-kv:`, such as `https://contoso.vault.azure.net/keys/peristyle`.
    pub fn parse(text: &str) -> Result<AzureKey, ProviderError> {
        AzureKey::within(text, surroundings())
            .map_err(|why| ProviderError::wrong("azure-kv", why, FORM))
    }

    pub(crate) fn within(text: &str, surroundings: Surroundings) -> Result<AzureKey, String> {
        let (place, mut parameters) = Parameters::split(text)?;
        let (address, path) = Address::parse(place)?;
        let cloud = Cloud::of(&address)?;
        let name = path
            .strip_prefix("/keys/")
            .filter(|name| path_segment(name))
            .ok_or("after the address stands /keys/NAME, without a version")?;
        let algorithm = match parameters.take("algorithm").as_deref() {
            None | Some("RSA-OAEP-256") => Algorithm::Rsa,
            Some("A256KW") => Algorithm::Aes,
            Some(_) => return Err("algorithm is RSA-OAEP-256 or A256KW".to_owned()),
        };
        let client_id = parameters.take("client-id");
        parameters.end()?;
        Ok(AzureKey {
            client: Client::new(None)?,
            name: name.to_owned(),
            algorithm,
            login: Login::new(cloud, client_id, surroundings)?,
            address,
            kept: Kept::new(),
        })
    }

    /// One operation with the key, in a version or in the current one.
    fn ask(
        &self,
        version: Option<&str>,
        operation: &str,
        body: &impl Serialize,
        deadline: Deadline,
    ) -> Result<Answer, KeyRefusal> {
        let version = version.map_or_else(String::new, |version| format!("/{version}"));
        let name = &self.name;
        let path = format!("/keys/{name}{version}/{operation}?{VERSION}");
        let body = Json::write(body)?;
        let answer = self.kept.ask(
            || self.login.fetch(&self.client, deadline),
            |token| {
                let bearer = Zeroizing::new(format!("Bearer {}", token.as_str()));
                let request =
                    Request::post(self.address.at(&path), "application/json", body.clone());
                let request = request.secret("authorization", &bearer)?;
                self.client.ask(&request, deadline, |_| false)
            },
            |answer| answer.status == 401,
        )?;
        if answer.is_success() {
            Ok(answer)
        } else {
            Err(self.refusal(operation, &answer))
        }
    }

    fn refusal(&self, operation: &str, answer: &Answer) -> KeyRefusal {
        let refused: Refused = Json::reason(&answer.body);
        let at = |place: &str| refused.error.pointer(place).and_then(Value::as_str);
        let is = |code| [at("/code"), at("/innererror/code")].contains(&Some(code));
        let name = &self.name;
        let why = match answer.status {
            _ if is("KeyDisabled") => format!("key {name} is disabled"),
            404 => format!("there is no key {name}, or not in the version that wrapped this"),
            401 => "it does not take our token".to_owned(),
            403 => format!("these credentials have no right to {operation} with key {name}"),
            status => format!("it refuses to {operation} with key {name} (status {status})"),
        };
        KeyRefusal::Denied(format!("Azure at {}: {why}", self.address))
    }

    /// The version in the id of a key, such as `https://contoso.vault.azure.net/keys/peristyle/0123456789abcdef`.
    fn version_in<'a>(&self, kid: &'a str) -> Option<&'a str> {
        let (before, version) = kid.rsplit_once('/')?;
        let ours = before.ends_with(&format!("/keys/{}", self.name));
        (ours && is_version(version)).then_some(version)
    }

    fn strange(&self) -> KeyRefusal {
        KeyRefusal::Unavailable(format!(
            "{} does not answer as Azure Key Vault does",
            self.address
        ))
    }

    /// What the inner key seals under, and what is signed: everything that an unwrapping will believe.
    fn bound_to(&self, version: &str, context: &KeyContext) -> Vec<u8> {
        let mut bytes = format!(
            "peristyle azure-kv 1\n{}\n{version}\n",
            self.algorithm.name()
        )
        .into_bytes();
        bytes.extend(context.to_bytes());
        bytes
    }

    fn digest_of(&self, wrapped: &Wrapped, context: &KeyContext) -> String {
        let mut bytes = self.bound_to(&wrapped.version, context);
        for part in [&wrapped.wrapped, &wrapped.sealed] {
            bytes.push(b'\n');
            bytes.extend_from_slice(part.as_bytes());
        }
        to_base64url(digest(&SHA256, &bytes).as_ref()).to_string()
    }

    fn sign(
        &self,
        wrapped: &Wrapped,
        context: &KeyContext,
        deadline: Deadline,
    ) -> Result<String, KeyRefusal> {
        let digest = self.digest_of(wrapped, context);
        let body = Operation {
            alg: SIGNATURE,
            value: &digest,
        };
        let answer = self.ask(Some(&wrapped.version), "sign", &body, deadline)?;
        let said: Done = Json::read(&answer.body)?;
        match from_base64url(&said.value) {
            Some(bytes) if bytes.len() >= 256 => Ok(said.value.to_string()),
            _ => Err(self.strange()),
        }
    }

    fn verify(
        &self,
        wrapped: &Wrapped,
        context: &KeyContext,
        deadline: Deadline,
    ) -> Result<(), KeyRefusal> {
        let digest = self.digest_of(wrapped, context);
        let signature = wrapped.signature.as_deref().unwrap_or_default();
        let body = json!({ "alg": SIGNATURE, "digest": digest, "value": signature });
        let answer = self.ask(Some(&wrapped.version), "verify", &body, deadline)?;
        let said: Verified = Json::read(&answer.body)?;
        if said.value {
            Ok(())
        } else {
            Err(self.not_ours())
        }
    }

    fn not_ours(&self) -> KeyRefusal {
        KeyRefusal::Denied(format!(
            "key {} did not wrap this, or not for this dataset and generation",
            self.name
        ))
    }
}

/// Versions are 32 hexadecimal digits. From the disk come bytes that nobody has authenticated, and they become a part of an address.
fn is_version(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

impl KeyProvider for AzureKey {
    fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal> {
        let deadline = Deadline::start();
        let failed = |error: storage::AtRestError| KeyRefusal::Unavailable(error.to_string());
        let inner = SecretKey::random().map_err(failed)?;
        let value = to_base64url(inner.bytes());
        let body = Operation {
            alg: self.algorithm.name(),
            value: &value,
        };
        let answer = self.ask(None, "wrapkey", &body, deadline)?;
        let said: Done = Json::read(&answer.body)?;
        let version = self.version_in(&said.kid).ok_or_else(|| self.strange())?;
        if from_base64url(&said.value).is_none_or(|bytes| bytes.len() < 40) {
            return Err(self.strange());
        }
        let sealed = seal(&inner, &self.bound_to(version, context), key.bytes()).map_err(failed)?;
        let mut wrapped = Wrapped {
            algorithm: self.algorithm.name().to_owned(),
            version: version.to_owned(),
            wrapped: said.value.to_string(),
            sealed: to_base64url(&sealed).to_string(),
            signature: None,
        };
        if self.algorithm == Algorithm::Rsa {
            wrapped.signature = Some(self.sign(&wrapped, context, deadline)?);
        }
        Ok(WrappedKey {
            key_id: format!("azure-kv:{}/{version}", self.name),
            bytes: wrapped.to_bytes()?,
        })
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<SecretKey, KeyRefusal> {
        let deadline = Deadline::start();
        let another = || {
            let ours = format!("azure-kv:{} with {}", self.name, self.algorithm.name());
            of_another(&wrapped.key_id, &ours)
        };
        let inside = Wrapped::from_bytes(&wrapped.bytes)
            .filter(|_| wrapped.key_id.starts_with("azure-kv:"))
            .filter(|inside| {
                inside.algorithm == self.algorithm.name() && is_version(&inside.version)
            })
            .ok_or_else(another)?;
        // Before anything is decrypted: what nobody of ours has signed is not looked into.
        if self.algorithm == Algorithm::Rsa {
            self.verify(&inside, context, deadline)?;
        }
        let body = Operation {
            alg: self.algorithm.name(),
            value: &inside.wrapped,
        };
        let answer = self.ask(Some(&inside.version), "unwrapkey", &body, deadline)?;
        let said: Done = Json::read(&answer.body)?;
        let inner = from_base64url(&said.value).and_then(|bytes| SecretKey::copied(&bytes));
        let sealed = from_base64url(&inside.sealed);
        let (Some(inner), Some(sealed)) = (inner, sealed) else {
            return Err(self.not_ours());
        };
        let plain = unseal(&inner, &self.bound_to(&inside.version, context), &sealed);
        plain
            .and_then(|plain| SecretKey::copied(&plain))
            .ok_or_else(|| self.not_ours())
    }
}
