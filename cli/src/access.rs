//! From arguments to a database and a session.

use std::path::Path;
use std::sync::Arc;

use peristyle::{AdmissionRecord, AuditSink, Database, Error, Identity};

use crate::args::{Access, IdentityArgs};
use crate::progress::ImportBar;

/// Imports the data, with a progress bar where a person watches.
pub fn open(access: &Access) -> Result<Database, Error> {
    import(&access.model, access.data.as_deref())
}

/// The same for whoever asks nothing.
pub fn import(model: &Path, data: Option<&Path>) -> Result<Database, Error> {
    let bar = ImportBar::new();
    let builder = Database::builder(model)
        .progress(&bar)
        .audit(Arc::new(Operator));
    let builder = match data {
        Some(folder) => builder.data(folder),
        None => builder,
    };
    let result = builder.import();
    bar.finish();
    result
}

/// The identity that the arguments describe.
pub fn identity(args: &IdentityArgs) -> Identity {
    let mut identity = match &args.user {
        Some(user) => Identity::user(user),
        None => Identity::anonymous(),
    };
    if let Some(data) = &args.custom_data {
        identity = identity.custom_data(data);
    }
    if let Some(id) = &args.object_id {
        identity = identity.object_id(id);
    }
    if let Some(culture) = &args.culture {
        identity = identity.culture(culture);
    }
    identity.roles(args.roles.iter().cloned())
}

/// Whoever runs this command imported the data, and so is the operator: it is told why a role's filter failed.
struct Operator;

impl AuditSink for Operator {
    fn admission(&self, record: &AdmissionRecord) {
        if let Some(detail) = &record.detail {
            eprintln!("for the operator: {detail}");
        }
    }
}
