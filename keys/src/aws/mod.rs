//! `aws-kms:KEY`: a symmetric key of the AWS Key Management Service.

mod credentials;
mod name;
mod sign;

use serde::{Deserialize, Serialize};
use storage::{KeyContext, KeyProvider, KeyRefusal, SecretKey, WrappedKey};
use zeroize::Zeroizing;

use crate::ProviderError;
use crate::key_id::of_another;
use crate::parameters::Parameters;
use crate::service::{
    Address, Answer, Client, Deadline, Json, Kept, Request, from_base64, key_from_text, to_base64,
};
use crate::surroundings::{Surroundings, surroundings};
use credentials::Sources;
use name::Name;
use sign::{Signing, signed};

pub(crate) const FORM: &str = "aws-kms:KEY[?region=REGION][&endpoint=https://HOST][&profile=PROFILE], KEY being an ARN, the id of a key, or alias/NAME";

const CONTENT: &str = "application/x-amz-json-1.1";

/// A key that never leaves AWS: it encrypts and decrypts for whoever IAM lets, bound to the context of the dataset.
#[derive(Debug)]
pub struct AwsKmsKey {
    client: Client,
    address: Address,
    name: Name,
    sources: Sources,
    kept: Kept<aws_credential_types::Credentials>,
}

/// What a key is bound to. It shows in the records of CloudTrail and can be asked for in policies.
#[derive(Serialize)]
struct Bound {
    #[serde(rename = "peristyle-dataset")]
    dataset: String,
    #[serde(rename = "peristyle-generation")]
    generation: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypt<'a> {
    key_id: &'a str,
    plaintext: &'a str,
    encryption_context: Bound,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypt<'a> {
    // Without it AWS takes the key that the ciphertext names, which could be anybody's.
    key_id: &'a str,
    ciphertext_blob: &'a str,
    encryption_context: Bound,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypted {
    ciphertext_blob: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypted {
    plaintext: Zeroizing<String>,
}

#[derive(Deserialize, Default)]
struct Refused {
    #[serde(default, rename = "__type")]
    kind: String,
}

impl AwsKmsKey {
    /// From what follows `aws-kms:`, such as `alias/peristyle?region=eu-central-1`.
    pub fn parse(text: &str) -> Result<AwsKmsKey, ProviderError> {
        AwsKmsKey::within(text, surroundings())
            .map_err(|why| ProviderError::wrong("aws-kms", why, FORM))
    }

    pub(crate) fn within(text: &str, surroundings: Surroundings) -> Result<AwsKmsKey, String> {
        let (key, mut parameters) = Parameters::split(text)?;
        let name = Name::parse(key, parameters.take("region"), &surroundings)?;
        let address = match parameters.take("endpoint") {
            Some(endpoint) => Address::alone(&endpoint)?,
            None => Address::alone(&name.endpoint("kms")?)?,
        };
        let profile = parameters.take("profile");
        parameters.end()?;
        Ok(AwsKmsKey {
            client: Client::new(None)?,
            address,
            sources: Sources::new(profile, surroundings),
            name,
            kept: Kept::new(),
        })
    }

    fn key_id(&self) -> String {
        format!("aws-kms:{}", self.name.key)
    }

    fn ask(&self, target: &'static str, body: &impl Serialize) -> Result<Answer, KeyRefusal> {
        let deadline = Deadline::start();
        let body = Json::write(body)?;
        let answer = self.kept.ask(
            || self.sources.fetch(&self.client, &self.name, deadline),
            |credentials| {
                let url = self.address.at("/");
                let headers = [("content-type", CONTENT), ("x-amz-target", target)];
                let added = signed(&Signing {
                    url: &url,
                    headers: &headers,
                    body: &body,
                    credentials,
                    region: &self.name.region,
                    service: "kms",
                })?;
                let mut request =
                    Request::post(url, CONTENT, body.clone()).secret("x-amz-target", target)?;
                for (name, value) in &added {
                    request = request.secret(name, value)?;
                }
                self.client.ask(&request, deadline, is_throttled)
            },
            |answer| {
                matches!(
                    kind_of(answer).as_str(),
                    "ExpiredTokenException" | "UnrecognizedClientException"
                )
            },
        )?;
        if answer.is_success() {
            Ok(answer)
        } else {
            Err(self.refusal(&answer))
        }
    }

    /// AWS's texts are not passed on, its names of errors are when we know them.
    fn refusal(&self, answer: &Answer) -> KeyRefusal {
        let key = &self.name.key;
        let why = match kind_of(answer).as_str() {
            "AccessDeniedException" => format!(
                "these credentials may not encrypt or decrypt with key {key} (AccessDeniedException)"
            ),
            "NotFoundException" => format!("there is no key {key} in {}", self.name.region),
            "DisabledException" => format!("key {key} is disabled"),
            "KMSInvalidStateException" => {
                format!("key {key} cannot be used, perhaps because it is about to be deleted")
            }
            "InvalidCiphertextException" | "IncorrectKeyException" => {
                format!("key {key} did not wrap this, or not for this dataset and generation")
            }
            "InvalidKeyUsageException" => {
                format!("key {key} is not a symmetric key for encryption")
            }
            "ExpiredTokenException" => "the credentials have expired".to_owned(),
            "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "IncompleteSignatureException"
            | "MissingAuthenticationTokenException" => {
                "the credentials are not valid, or the clock of this machine is wrong".to_owned()
            }
            _ => format!("it refuses the question with status {}", answer.status),
        };
        KeyRefusal::Denied(format!("AWS KMS at {}: {why}", self.address))
    }
}

/// AWS says "not now" with a status that says "no".
fn is_throttled(answer: &Answer) -> bool {
    matches!(
        kind_of(answer).as_str(),
        "ThrottlingException"
            | "Throttling"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "LimitExceededException"
            | "DependencyTimeoutException"
            | "KMSInternalException"
            | "KeyUnavailableException"
            | "ServiceUnavailable"
            | "InternalFailure"
    )
}

/// Such as `DisabledException`, which some answers give with a namespace before it.
fn kind_of(answer: &Answer) -> String {
    if answer.is_success() {
        return String::new();
    }
    let refused: Refused = Json::reason(&answer.body);
    refused
        .kind
        .rsplit('#')
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn bound(context: &KeyContext) -> Bound {
    Bound {
        dataset: context.dataset.to_string(),
        generation: context.generation.to_string(),
    }
}

impl KeyProvider for AwsKmsKey {
    fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal> {
        let plain = to_base64(key.bytes());
        let body = Encrypt {
            key_id: &self.name.key,
            plaintext: &plain,
            encryption_context: bound(context),
        };
        let answer = self.ask("TrentService.Encrypt", &body)?;
        let said: Encrypted = Json::read(&answer.body)?;
        let bytes = from_base64(&said.ciphertext_blob).filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or_else(|| {
            KeyRefusal::Unavailable(format!("{} does not answer as AWS KMS does", self.address))
        })?;
        Ok(WrappedKey {
            key_id: self.key_id(),
            bytes: bytes.to_vec(),
        })
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<SecretKey, KeyRefusal> {
        if !wrapped.key_id.starts_with("aws-kms:") || wrapped.bytes.is_empty() {
            return Err(of_another(&wrapped.key_id, &self.key_id()));
        }
        let blob = to_base64(&wrapped.bytes);
        let body = Decrypt {
            key_id: &self.name.key,
            ciphertext_blob: &blob,
            encryption_context: bound(context),
        };
        let answer = self.ask("TrentService.Decrypt", &body)?;
        let said: Decrypted = Json::read(&answer.body)?;
        key_from_text(&said.plaintext)
    }
}
