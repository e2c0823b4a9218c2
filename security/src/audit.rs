//! The audit: what an operator is told of admissions. Details of failures go here, and never to the identity.

use crate::Identity;

/// One admission, granted or refused.
#[derive(Clone, Debug)]
pub struct AdmissionRecord {
    pub user_name: Option<String>,
    pub object_id: Option<String>,
    pub roles: Vec<String>,
    /// The number of the view, when admitted.
    pub view: Option<u64>,
    /// What the identity was told, when refused.
    pub denied: Option<String>,
    /// What the identity was not told: the message of a failed filter. Names of the model may stand here, cells never.
    pub detail: Option<String>,
}

impl AdmissionRecord {
    pub(crate) fn of(identity: &Identity) -> Self {
        AdmissionRecord {
            user_name: identity.user_name().map(str::to_owned),
            object_id: identity.user_object_id().map(str::to_owned),
            roles: identity.role_names().to_vec(),
            view: None,
            denied: None,
            detail: None,
        }
    }
}

/// Where records of admissions go.
pub trait AuditSink: Send + Sync {
    fn admission(&self, record: &AdmissionRecord);
}
