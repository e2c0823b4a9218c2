//! Tokens: from what a service vouches for to an identity.
//!
//! - A service holds a [`Minter`] and hands its users short-lived tokens that carry who they are and which roles they have: a
//!   signed JWT, or PASETO v4.local, which whoever carries it cannot read.
//! - A [`Verifier`] turns such a token into [`Accepted`]: an identity, the time until which it counts, and a credential that a
//!   session asks at the start of every query, so that a revoked key or token stops at the next one.
//! - A [`Key`] says which algorithm it is for; nothing in a token can choose another. Keys overlap in time, for rotation.
//! - A [`KeyRing`] is the same in a file that only its owner may read.
//!
//! Everything here fails closed, and no error repeats what a token says.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod claims;
mod error;
mod json;
mod jwt;
mod key;
mod mint;
mod paseto;
mod revocation;
mod ring;
mod scope;
#[cfg(test)]
mod tests;
mod verifier;

pub use error::{KeyError, MintError, RingError, TokenError};
pub use key::{Algorithm, Key};
pub use mint::{Grant, Minted, Minter};
pub use revocation::Revocations;
pub use ring::{KeyRing, new_ring};
pub use scope::{Scope, Scopes};
pub use verifier::{Accepted, Verifier};
