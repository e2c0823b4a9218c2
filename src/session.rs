//! A session: what one identity may see, and how it asks.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::{Answer, ErrorKind, Limits, Options, Stage, Value};
use security::{Control, StillValid, View};

use crate::catalog::Catalog;
use crate::error::Error;
use crate::pool::Lost;
use crate::runtime::{Runtime, lost};

/// What one admitted identity may see. Shared between threads as it is, or by cheap clones.
///
/// A session ends some time after its admission (an hour, unless the database says otherwise), or when the credential that it
/// was admitted with expires or is revoked; queries after that are refused with [`Error::SessionEnded`].
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    view: Arc<View>,
    runtime: Arc<Runtime>,
    client: Arc<str>,
    ends: Instant,
    credential: Arc<dyn StillValid>,
    running: Arc<Running>,
}

/// What a query takes besides its text.
#[derive(Clone, Debug)]
pub struct QueryOptions {
    /// Values of `@name`, names without the sign.
    pub parameters: Vec<(String, Value)>,
    pub limits: Limits,
    /// From the call on, waiting included. None: as long as it takes.
    pub time_limit: Option<Duration>,
}

impl Default for QueryOptions {
    fn default() -> Self {
        QueryOptions {
            parameters: Vec::new(),
            limits: Limits::default(),
            time_limit: Some(Duration::from_secs(300)),
        }
    }
}

impl QueryOptions {
    /// Gives `@name` a value.
    pub fn parameter(mut self, name: impl Into<String>, value: Value) -> Self {
        self.parameters.push((name.into(), value));
        self
    }

    /// Refuses results that would be larger.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Ends the query after this time; None for as long as it takes.
    pub fn time_limit(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.time_limit = limit.into();
        self
    }
}

/// Cancels the queries of a session, from any thread.
#[derive(Clone)]
pub struct CancelHandle {
    running: Arc<Running>,
}

impl CancelHandle {
    /// Stops what the session runs or has waiting now; later queries are not touched.
    pub fn cancel(&self) {
        for (_, control) in self.running.lock().controls.iter() {
            control.cancel();
        }
    }
}

/// The controls of the queries that run or wait.
#[derive(Default)]
struct Running {
    controls: Mutex<Controls>,
}

#[derive(Default)]
struct Controls {
    next: u64,
    controls: Vec<(u64, Control)>,
}

impl Running {
    fn lock(&self) -> MutexGuard<'_, Controls> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, control: &Control) -> Entered {
        let mut controls = self.lock();
        let number = controls.next;
        controls.next += 1;
        controls.controls.push((number, control.clone()));
        Entered {
            running: Arc::clone(self),
            number,
        }
    }
}

/// Takes the query off the list when it is over, however it ends.
struct Entered {
    running: Arc<Running>,
    number: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.running
            .lock()
            .controls
            .retain(|(number, _)| *number != self.number);
    }
}

impl Session {
    pub(crate) fn new(
        view: Arc<View>,
        runtime: Arc<Runtime>,
        client: Arc<str>,
        length: Duration,
        credential: Arc<dyn StillValid>,
    ) -> Session {
        let now = Instant::now();
        // A length beyond what the clock can count is as good as a day beyond any process.
        let ends = now
            .checked_add(length)
            .unwrap_or(now + Duration::from_secs(86_400));
        Session {
            inner: Arc::new(Inner {
                view,
                runtime,
                client,
                ends,
                credential,
                running: Arc::default(),
            }),
        }
    }

    /// Answers a query: one table per EVALUATE.
    pub fn query(&self, dax: &str) -> Result<Answer, Error> {
        self.query_with(dax, &QueryOptions::default())
    }

    /// Answers a query with parameters, limits or a time limit.
    pub fn query_with(&self, dax: &str, options: &QueryOptions) -> Result<Answer, Error> {
        self.run(dax, options, |view, dax, options, control| {
            engine::query(view.scope(), dax, options, control)
        })
    }

    /// The query as one stage of the engine sees it, as text. Nothing in it goes beyond what this session may see.
    pub fn explain(&self, stage: Stage, dax: &str) -> Result<String, Error> {
        self.explain_with(stage, dax, &QueryOptions::default())
    }

    /// The same, with parameters, limits or a time limit.
    pub fn explain_with(
        &self,
        stage: Stage,
        dax: &str,
        options: &QueryOptions,
    ) -> Result<String, Error> {
        self.run(dax, options, move |view, dax, options, control| {
            engine::explain(view.scope(), dax, stage, options, control)
        })
    }

    /// Whether the query can be understood: parsed and bound, not run.
    pub fn check(&self, dax: &str) -> Result<(), Error> {
        self.explain(Stage::Bound, dax).map(drop)
    }

    /// The names that this session may use.
    pub fn catalog(&self) -> Catalog {
        Catalog::of(self.inner.view.scope())
    }

    /// Cancels queries of this session, from another thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle {
            running: Arc::clone(&self.inner.running),
        }
    }

    /// When the session ends.
    pub fn ends(&self) -> Instant {
        self.inner.ends
    }

    fn run<T: Send + 'static>(
        &self,
        dax: &str,
        options: &QueryOptions,
        work: impl FnOnce(&View, &str, &Options, &Control) -> Result<T, engine::Error> + Send + 'static,
    ) -> Result<T, Error> {
        if Instant::now() >= self.inner.ends || !self.inner.credential.still_valid() {
            return Err(Error::SessionEnded);
        }
        // A running query does not outlive its session by more than its own time limit.
        let runtime = &self.inner.runtime;
        let control =
            runtime
                .bounded
                .control(&self.inner.client, options.time_limit, &options.limits);
        let entered = self.inner.running.enter(&control);
        let view = Arc::clone(&self.inner.view);
        let dax = dax.to_owned();
        let options = Options {
            parameters: options.parameters.clone(),
            limits: options.limits.clone(),
        };
        let own = control.clone();
        let total = Arc::clone(runtime);
        let result = runtime.pool.run(&self.inner.client, &control, move || {
            let result = work(&view, &dax, &options, &own);
            total
                .rows_scanned
                .fetch_add(own.rows_scanned(), Ordering::Relaxed);
            result
        });
        drop(entered);
        match result {
            Ok(answer) => answer.map_err(Error::Query),
            Err(Lost::Panicked) => Err(Error::Query(engine::Error::nowhere(
                ErrorKind::Internal,
                "internal error: the query was given up after a fault of the engine; other queries are not affected",
            ))),
            Err(Lost::Stopped(stopped)) => Err(Error::Query(stopped.into())),
            Err(full) => Err(lost(full)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_shared_between_threads() {
        fn check<T: Send + Sync + Clone>() {}
        check::<Session>();
        check::<CancelHandle>();
        check::<crate::Database>();
    }

    #[test]
    fn a_handle_cancels_what_runs_and_nothing_later() {
        let running = Arc::new(Running::default());
        let (first, second) = (Control::new(None), Control::new(None));
        let entered = running.enter(&first);
        CancelHandle {
            running: Arc::clone(&running),
        }
        .cancel();
        drop(entered);
        let _later = running.enter(&second);
        assert!(first.check().is_err());
        assert!(second.check().is_ok());
        assert_eq!(running.lock().controls.len(), 1);
    }
}
