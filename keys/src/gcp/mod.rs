//! `gcp-kms:projects/P/locations/L/keyRings/R/cryptoKeys/K`: a symmetric key of Google Cloud KMS.

mod login;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::{KeyContext, KeyProvider, KeyRefusal, SecretKey, WrappedKey};
use zeroize::Zeroizing;

use crate::ProviderError;
use crate::key_id::of_another;
use crate::parameters::Parameters;
use crate::service::{
    Address, Answer, Client, Deadline, Json, Kept, Request, from_base64, path_segment, to_base64,
};
use crate::surroundings::{Surroundings, surroundings};
use login::Login;

pub(crate) const FORM: &str = "gcp-kms:projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY[?credentials=PATH][&endpoint=https://HOST]";

const SERVICE: &str = "https://cloudkms.googleapis.com";

/// A key that never leaves Google Cloud: it encrypts and decrypts for whoever IAM lets, bound to the context of the dataset.
#[derive(Debug)]
pub struct GcpKmsKey {
    client: Client,
    address: Address,
    name: String,
    login: Login,
    kept: Kept<Zeroizing<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Encrypt<'a> {
    plaintext: &'a str,
    additional_authenticated_data: &'a str,
    plaintext_crc32c: String,
    additional_authenticated_data_crc32c: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Decrypt<'a> {
    ciphertext: &'a str,
    additional_authenticated_data: &'a str,
    ciphertext_crc32c: String,
    additional_authenticated_data_crc32c: String,
}

/// The checksums say that nothing was damaged on the way; each is a number as text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Encrypted {
    name: String,
    ciphertext: String,
    ciphertext_crc32c: String,
    #[serde(default)]
    verified_plaintext_crc32c: bool,
    #[serde(default)]
    verified_additional_authenticated_data_crc32c: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Decrypted {
    plaintext: Zeroizing<String>,
    plaintext_crc32c: String,
}

#[derive(Deserialize, Default)]
struct Refused {
    #[serde(default)]
    error: Value,
}

impl GcpKmsKey {
    /// From what follows `gcp-kms:`.
    pub fn parse(text: &str) -> Result<GcpKmsKey, ProviderError> {
        GcpKmsKey::within(text, surroundings())
            .map_err(|why| ProviderError::wrong("gcp-kms", why, FORM))
    }

    pub(crate) fn within(text: &str, surroundings: Surroundings) -> Result<GcpKmsKey, String> {
        let (name, mut parameters) = Parameters::split(text)?;
        let parts: Vec<&str> = name.split('/').collect();
        let good = match parts.as_slice() {
            [
                "projects",
                project,
                "locations",
                location,
                "keyRings",
                ring,
                "cryptoKeys",
                key,
            ] => {
                // Projects of a domain have a colon.
                let project = project.split(':').all(path_segment);
                project && [location, ring, key].iter().all(|part| path_segment(part))
            }
            _ => false,
        };
        if !good {
            return Err("after gcp-kms: stands the name of a key, without a version".to_owned());
        }
        let endpoint = parameters.take("endpoint");
        let address = Address::alone(endpoint.as_deref().unwrap_or(SERVICE))?;
        let login = Login::new(parameters.take("credentials"), surroundings);
        parameters.end()?;
        Ok(GcpKmsKey {
            client: Client::new(None)?,
            address,
            name: name.to_owned(),
            login,
            kept: Kept::new(),
        })
    }

    fn key_id(&self) -> String {
        format!("gcp-kms:{}", self.name)
    }

    fn ask(
        &self,
        operation: &str,
        body: &impl Serialize,
        deadline: Deadline,
    ) -> Result<Answer, KeyRefusal> {
        let url = self.address.at(&format!("/v1/{}:{operation}", self.name));
        let body = Json::write(body)?;
        let answer = self.kept.ask(
            || self.login.fetch(&self.client, deadline),
            |token| {
                let bearer = Zeroizing::new(format!("Bearer {}", token.as_str()));
                let request = Request::post(url.clone(), "application/json", body.clone());
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
        let said = refused.error.get("status").and_then(Value::as_str);
        let is = |status| said == Some(status);
        let why = match answer.status {
            _ if is("FAILED_PRECONDITION") => {
                "the key, or the version that wrapped this, is disabled or destroyed".to_owned()
            }
            401 => "it does not take our token".to_owned(),
            403 => format!(
                "these credentials may not {operation} with this key, or the API is not enabled"
            ),
            404 => "there is no such key".to_owned(),
            400 => "the key did not wrap this, or not for this dataset and generation".to_owned(),
            status => format!("it refuses the question with status {status}"),
        };
        KeyRefusal::Denied(format!("Google Cloud KMS, key {}: {why}", self.name))
    }

    fn damaged(&self) -> KeyRefusal {
        KeyRefusal::Unavailable(format!(
            "the exchange with {} was damaged on the way: a checksum is wrong",
            self.address
        ))
    }
}

fn checksum(bytes: &[u8]) -> String {
    crc32c::crc32c(bytes).to_string()
}

impl KeyProvider for GcpKmsKey {
    fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal> {
        let (context, plain) = (context.to_bytes(), to_base64(key.bytes()));
        let body = Encrypt {
            plaintext: &plain,
            additional_authenticated_data: &to_base64(&context),
            plaintext_crc32c: checksum(key.bytes()),
            additional_authenticated_data_crc32c: checksum(&context),
        };
        let answer = self.ask("encrypt", &body, Deadline::start())?;
        let said: Encrypted = Json::read(&answer.body)?;
        let bytes = from_base64(&said.ciphertext).filter(|bytes| !bytes.is_empty());
        let whole = said.verified_plaintext_crc32c
            && said.verified_additional_authenticated_data_crc32c
            // The name of the version that was used.
            && said.name.strip_prefix(&self.name).is_some_and(|rest| rest.starts_with("/cryptoKeyVersions/"));
        match bytes {
            Some(bytes) if whole && checksum(&bytes) == said.ciphertext_crc32c => Ok(WrappedKey {
                key_id: self.key_id(),
                bytes: bytes.to_vec(),
            }),
            _ => Err(self.damaged()),
        }
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<SecretKey, KeyRefusal> {
        if !wrapped.key_id.starts_with("gcp-kms:") || wrapped.bytes.is_empty() {
            return Err(of_another(&wrapped.key_id, &self.key_id()));
        }
        let context = context.to_bytes();
        let body = Decrypt {
            ciphertext: &to_base64(&wrapped.bytes),
            additional_authenticated_data: &to_base64(&context),
            ciphertext_crc32c: checksum(&wrapped.bytes),
            additional_authenticated_data_crc32c: checksum(&context),
        };
        let answer = self.ask("decrypt", &body, Deadline::start())?;
        let said: Decrypted = Json::read(&answer.body)?;
        let plain = from_base64(&said.plaintext).ok_or_else(|| self.damaged())?;
        if checksum(&plain) != said.plaintext_crc32c {
            return Err(self.damaged());
        }
        SecretKey::copied(&plain)
            .ok_or_else(|| KeyRefusal::Denied("what it decrypts to is no key of ours".to_owned()))
    }
}
