//! The providers: those of this machine, and those in services against exchanges of their documented protocols.

use storage::{KeyContext, KeyRefusal};

#[cfg(feature = "aws-kms")]
mod aws;
#[cfg(feature = "azure-kv")]
mod azure;
#[cfg(feature = "gcp-kms")]
mod gcp;
#[cfg(all(feature = "env", feature = "file", feature = "passphrase"))]
mod local;
#[cfg(feature = "http")]
mod network;
#[cfg(feature = "pkcs11")]
mod pkcs11;
#[cfg(feature = "http")]
mod server;
#[cfg(feature = "vault")]
mod vault;

fn context(generation: u64) -> KeyContext {
    KeyContext {
        dataset: storage::DatasetId::from_bytes([7; 16]),
        generation,
    }
}

fn denied<T>(result: Result<T, KeyRefusal>) -> String {
    match result {
        Err(KeyRefusal::Denied(why)) => why,
        Err(KeyRefusal::Unavailable(why)) => panic!("unavailable: {why}"),
        Ok(_) => panic!("not refused"),
    }
}

#[cfg(feature = "http")]
fn unavailable<T>(result: Result<T, KeyRefusal>) -> String {
    match result {
        Err(KeyRefusal::Unavailable(why)) => why,
        Err(KeyRefusal::Denied(why)) => panic!("denied: {why}"),
        Ok(_) => panic!("there was an answer"),
    }
}
