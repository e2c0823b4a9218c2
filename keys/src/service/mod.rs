//! What the providers of keys in services share: one small HTTP client, and how answers are read.

mod address;
mod client;
mod deadline;
#[cfg(any(feature = "aws-kms", feature = "azure-kv", feature = "gcp-kms"))]
mod kept;
mod text;

pub(crate) use address::Address;
#[cfg(any(feature = "vault", feature = "azure-kv", feature = "gcp-kms"))]
pub(crate) use address::path_segment;
pub(crate) use client::{Answer, Client, Request};
pub(crate) use deadline::Deadline;
#[cfg(any(feature = "aws-kms", feature = "azure-kv", feature = "gcp-kms"))]
pub(crate) use kept::Kept;
pub(crate) use text::Json;
#[cfg(any(feature = "aws-kms", feature = "azure-kv"))]
pub(crate) use text::form;
#[cfg(any(feature = "aws-kms", feature = "gcp-kms"))]
pub(crate) use text::from_base64;
#[cfg(any(feature = "vault", feature = "aws-kms"))]
pub(crate) use text::key_from_text;
#[cfg(any(feature = "vault", feature = "aws-kms", feature = "gcp-kms"))]
pub(crate) use text::to_base64;
#[cfg(feature = "azure-kv")]
pub(crate) use text::{from_base64url, to_base64url};
