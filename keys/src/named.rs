//! From the name of a provider to the provider.

use std::sync::Arc;

use storage::KeyProvider;
use zeroize::Zeroizing;

use crate::ProviderError;

/// How each kind is written.
pub(crate) const KINDS: &[&str] = &[
    #[cfg(feature = "file")]
    "file:PATH",
    #[cfg(feature = "env")]
    "env:NAME",
    #[cfg(feature = "passphrase")]
    "passphrase:",
    #[cfg(feature = "vault")]
    "vault:https://HOST/MOUNT/KEY",
    #[cfg(feature = "aws-kms")]
    "aws-kms:KEY",
    #[cfg(feature = "azure-kv")]
    "azure-kv:https://VAULT.vault.azure.net/keys/NAME",
    #[cfg(feature = "gcp-kms")]
    "gcp-kms:projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY",
    #[cfg(feature = "pkcs11")]
    "pkcs11:token=TOKEN;object=KEY?module-path=PATH",
];

/// Kinds that this program can be built with.
const OTHERS: &[&str] = &[
    "file",
    "env",
    "passphrase",
    "vault",
    "aws-kms",
    "azure-kv",
    "gcp-kms",
    "pkcs11",
];

/// Asks the person for a passphrase. An error is a text for that person.
pub type Asking<'a> = &'a dyn Fn() -> Result<Zeroizing<String>, String>;

/// The provider that a name such as `file:/etc/peristyle/key` means. The name itself must not hold a key: it stands in histories and
/// lists of processes.
pub fn provider(name: &str, ask: Asking<'_>) -> Result<Arc<dyn KeyProvider>, ProviderError> {
    let (kind, rest) = name.split_once(':').unwrap_or((name, ""));
    let malformed = |expected| ProviderError::Malformed {
        name: name.to_owned(),
        expected,
    };
    match kind {
        #[cfg(feature = "file")]
        "file" if rest.is_empty() => Err(malformed("file:PATH")),
        #[cfg(feature = "file")]
        "file" => Ok(Arc::new(crate::FileKey::new(rest))),
        #[cfg(feature = "env")]
        "env" if rest.is_empty() => Err(malformed("env:NAME")),
        #[cfg(feature = "env")]
        "env" => Ok(Arc::new(crate::EnvironmentKey::new(rest))),
        // A passphrase on the command line would be in everybody's list of processes.
        #[cfg(feature = "passphrase")]
        "passphrase" if !rest.is_empty() => Err(malformed("passphrase:, and asked for")),
        #[cfg(feature = "passphrase")]
        "passphrase" => {
            let passphrase = ask().map_err(|why| ProviderError::NoPassphrase { why })?;
            Ok(Arc::new(crate::PassphraseKey::new(passphrase)))
        }
        #[cfg(feature = "vault")]
        "vault" => Ok(Arc::new(crate::VaultKey::parse(rest)?)),
        #[cfg(feature = "aws-kms")]
        "aws-kms" => Ok(Arc::new(crate::AwsKmsKey::parse(rest)?)),
        #[cfg(feature = "azure-kv")]
        "azure-kv" => Ok(Arc::new(crate::AzureKey::parse(rest)?)),
        #[cfg(feature = "gcp-kms")]
        "gcp-kms" => Ok(Arc::new(crate::GcpKmsKey::parse(rest)?)),
        #[cfg(feature = "pkcs11")]
        "pkcs11" => Ok(Arc::new(crate::Pkcs11Key::parse(rest)?)),
        kind if OTHERS.contains(&kind) => Err(ProviderError::NotBuiltIn {
            kind: kind.to_owned(),
        }),
        _ => Err(ProviderError::Unknown {
            kind: kind.to_owned(),
        }),
    }
}
