//! The audit: what an operator is told of admissions and queries. Details of failures go here, and never to the identity. Names of the
//! model may stand in a record; cells and the literals of queries never do, unless the text of queries is asked for.

mod json_lines;
#[cfg(feature = "tracing")]
mod to_tracing;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::Identity;
use crate::view::View;

pub use json_lines::{JsonLines, Sync};
#[cfg(feature = "tracing")]
pub use to_tracing::Tracing;

/// One admission, granted or refused.
#[derive(Clone, Debug)]
pub struct AdmissionRecord {
    pub at: SystemTime,
    pub user_name: Option<String>,
    pub object_id: Option<String>,
    pub roles: Vec<String>,
    /// The rules of these roles, by id: `Role/rows/Table`, `Role/hides/Table`, `Role/hides/Table/Column`.
    pub rules: Vec<String>,
    /// The number of the view, when admitted.
    pub view: Option<u64>,
    /// What the identity was told, when refused.
    pub denied: Option<String>,
    /// What the identity was not told: the message of a failed filter. Names of the model may stand here, cells never.
    pub detail: Option<String>,
    pub duration: Duration,
}

impl AdmissionRecord {
    pub(crate) fn of(identity: &Identity) -> Self {
        AdmissionRecord {
            at: SystemTime::now(),
            user_name: identity.user_name().map(str::to_owned),
            object_id: identity.user_object_id().map(str::to_owned),
            roles: identity.role_names().to_vec(),
            rules: Vec::new(),
            view: None,
            denied: None,
            detail: None,
            duration: Duration::ZERO,
        }
    }
}

/// One query, answered or not.
#[derive(Clone, Debug)]
pub struct QueryRecord {
    pub at: SystemTime,
    pub user_name: Option<String>,
    pub object_id: Option<String>,
    pub roles: Vec<String>,
    /// The rules of these roles, by id, as in the admission.
    pub rules: Vec<String>,
    /// The number of the view that the query was answered over.
    pub view: u64,
    /// What was asked: `query`, `explain`, `export` or `sql`.
    pub kind: &'static str,
    /// Tables, columns and measures that the query may read, those behind measures and functions too: names that exist for the
    /// identity. Rather too many than too few.
    pub objects: Vec<String>,
    /// Of the tables among them, how many rows the identity sees.
    pub visible_rows: Vec<(String, u64)>,
    /// Rows of all results. None without an answer.
    pub rows: Option<u64>,
    pub duration: Duration,
    /// `ok`, or the code of the error.
    pub outcome: String,
    /// HMAC-SHA-256 of the query's text under the audit's key, in hexadecimal digits.
    pub query_hash: String,
    /// The text itself, only where it was asked for.
    pub query: Option<String>,
}

/// What a query came to, as whoever ran it tells the audit.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub kind: &'static str,
    pub text: &'a str,
    /// Where the text is no DAX: makes DAX of it that mentions the same names.
    pub in_dax: Option<fn(&View, &str) -> String>,
    /// False: it was refused before it began, so it has touched nothing.
    pub began: bool,
    pub rows: Option<u64>,
    pub duration: Duration,
    pub outcome: &'a str,
}

/// A change in how it stands with the key of a dataset that was opened from disk.
#[derive(Clone, Debug)]
pub struct LeaseRecord {
    pub at: SystemTime,
    /// The identity of the dataset, for life.
    pub dataset: String,
    pub generation: u64,
    /// Which key of the provider it was opened with.
    pub key_id: String,
    /// `held`, `unreachable` or `closed`.
    pub state: &'static str,
    /// Why, when it is not held. No key stands here.
    pub detail: Option<String>,
}

/// A record could not be written. Says why, to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditError(pub String);

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the audit record could not be written: {}", self.0)
    }
}

impl std::error::Error for AuditError {}

/// Where records go. A record counts as written when the call gives no error.
pub trait AuditSink: Send + std::marker::Sync {
    fn admission(&self, record: &AdmissionRecord) -> Result<(), AuditError>;
    fn query(&self, record: &QueryRecord) -> Result<(), AuditError>;

    /// The lease of a dataset was begun, was renewed after its keeper could not be reached, or is over. A sink that does not say
    /// otherwise keeps no such records.
    fn lease(&self, _: &LeaseRecord) -> Result<(), AuditError> {
        Ok(())
    }

    /// Whether records of queries are made at all: counting visible rows takes time.
    fn wants_queries(&self) -> bool {
        true
    }
}

/// A sink, and what is asked of it.
#[derive(Clone)]
pub struct Audit {
    pub(crate) sink: Arc<dyn AuditSink>,
    required: bool,
    texts: bool,
    key: [u8; 32],
}

impl fmt::Debug for Audit {
    /// The key stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit")
            .field("required", &self.required)
            .field("texts", &self.texts)
            .finish_non_exhaustive()
    }
}

impl Audit {
    /// Records go to this sink; the key makes the hashes of query texts, so that nobody without it can try texts against them. What
    /// cannot be recorded is refused, and texts stay out, unless said otherwise.
    pub fn new(sink: Arc<dyn AuditSink>, key: [u8; 32]) -> Audit {
        Audit {
            sink,
            required: true,
            texts: false,
            key,
        }
    }

    /// Whether an admission or query fails when its record cannot be written.
    #[must_use]
    pub fn required(mut self, required: bool) -> Audit {
        self.required = required;
        self
    }

    /// Whether records hold the text of queries, literals and all.
    #[must_use]
    pub fn with_texts(mut self, texts: bool) -> Audit {
        self.texts = texts;
        self
    }

    /// Tells the sink of a lease. An error where records are required and this one could not be written.
    pub fn lease(&self, record: &LeaseRecord) -> Result<(), AuditError> {
        self.judge(self.sink.lease(record))
    }

    pub(crate) fn text_of(&self, text: &str) -> Option<String> {
        self.texts.then(|| text.to_owned())
    }

    pub(crate) fn hash_of(&self, text: &str) -> String {
        // A key of any length makes an HMAC; if the library ever thought otherwise, the record would go without its hash.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            return String::new();
        };
        mac.update(text.as_bytes());
        let bytes = mac.finalize().into_bytes();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The outcome of writing, where records are required.
    pub(crate) fn judge(&self, written: Result<(), AuditError>) -> Result<(), AuditError> {
        if self.required { written } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;
    impl AuditSink for Nowhere {
        fn admission(&self, _: &AdmissionRecord) -> Result<(), AuditError> {
            Ok(())
        }
        fn query(&self, _: &QueryRecord) -> Result<(), AuditError> {
            Ok(())
        }
    }

    #[test]
    fn hashes_need_the_key_and_debug_output_does_not_show_it() {
        // RFC 4231, test case 2, its key padded with zeros as HMAC does.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let audit = Audit::new(Arc::new(Nowhere), key);
        assert_eq!(
            audit.hash_of("what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let other = Audit::new(Arc::new(Nowhere), [1; 32]);
        assert_ne!(audit.hash_of("EVALUATE T"), other.hash_of("EVALUATE T"));
        assert!(!format!("{audit:?}").contains("key"));
    }

    #[test]
    fn texts_are_kept_only_when_asked_for() {
        let audit = Audit::new(Arc::new(Nowhere), [1; 32]);
        assert_eq!(audit.text_of("x"), None);
        assert_eq!(audit.with_texts(true).text_of("x").as_deref(), Some("x"));
    }
}
