//! Whether what an identity was admitted with still counts.

/// What vouches for an identity (a token, a ticket, a login) and can be taken back while a session lasts. Asked at the start of
/// every query of the session and every few hundredths of a second while one runs, so it must answer quickly.
pub trait StillValid: Send + Sync {
    /// False from the moment on when the session must answer no further query. A credential that cannot tell says false.
    fn still_valid(&self) -> bool;
}

/// The word of the embedding service itself: nothing revokes it but the end of the session.
#[derive(Clone, Copy, Debug)]
pub struct Unrevocable;

impl StillValid for Unrevocable {
    fn still_valid(&self) -> bool {
        true
    }
}
