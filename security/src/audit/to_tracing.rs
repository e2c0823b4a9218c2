//! Records as events of `tracing`, for services that gather their logs that way.

use super::{AdmissionRecord, AuditError, AuditSink, LeaseRecord, QueryRecord};

/// Sends records to the subscriber of the process, under the target `peristyle::audit`. An event cannot fail: where records are
/// required, the subscriber has to keep them.
#[derive(Clone, Copy, Debug)]
pub struct Tracing;

impl AuditSink for Tracing {
    fn admission(&self, record: &AdmissionRecord) -> Result<(), AuditError> {
        tracing::info!(
            target: "peristyle::audit",
            user = record.user_name,
            object_id = record.object_id,
            roles = ?record.roles,
            rules = ?record.rules,
            view = record.view,
            denied = record.denied,
            detail = record.detail,
            seconds = record.duration.as_secs_f64(),
            "admission"
        );
        Ok(())
    }

    fn lease(&self, record: &LeaseRecord) -> Result<(), AuditError> {
        tracing::info!(
            target: "peristyle::audit",
            dataset = record.dataset,
            generation = record.generation,
            key_id = record.key_id,
            state = record.state,
            detail = record.detail,
            "lease"
        );
        Ok(())
    }

    fn query(&self, record: &QueryRecord) -> Result<(), AuditError> {
        tracing::info!(
            target: "peristyle::audit",
            user = record.user_name,
            object_id = record.object_id,
            roles = ?record.roles,
            rules = ?record.rules,
            view = record.view,
            objects = ?record.objects,
            visible_rows = ?record.visible_rows,
            rows = record.rows,
            seconds = record.duration.as_secs_f64(),
            outcome = record.outcome,
            query_hash = record.query_hash,
            query = record.query,
            "{}",
            record.kind
        );
        Ok(())
    }
}
