//! Requests signed by Signature Version 4.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use ring::digest::{SHA256, digest};
use storage::KeyRefusal;

pub(super) struct Signing<'a> {
    pub url: &'a str,
    pub headers: &'a [(&'static str, &'static str)],
    pub body: &'a [u8],
    pub credentials: &'a Credentials,
    pub region: &'a str,
    pub service: &'a str,
}

/// The headers that a POST gets by its signature.
pub(super) fn signed(what: &Signing<'_>) -> Result<Vec<(&'static str, String)>, KeyRefusal> {
    let failed = || {
        KeyRefusal::Denied("the question to AWS cannot be signed with these credentials".to_owned())
    };
    let identity = what.credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(what.region)
        .name(what.service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| failed())?
        .into();
    // The signer gets a digest and never sees the body: it can be told by a variable to log bodies.
    let hash: String = digest(&SHA256, what.body)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let request = SignableRequest::new(
        "POST",
        what.url,
        what.headers.iter().copied(),
        SignableBody::Precomputed(hash),
    );
    let signed = sign(request.map_err(|_| failed())?, &params).map_err(|_| failed())?;
    let (instructions, _) = signed.into_parts();
    let (headers, _) = instructions.into_parts();
    Ok(headers
        .iter()
        .map(|header| (header.name(), header.value().to_owned()))
        .collect())
}
