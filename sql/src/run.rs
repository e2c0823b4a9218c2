//! One statement, from its text to its rows, on the thread that asks.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType as ArrowType, Field, Schema};
use datafusion::common::{DataFusionError, ParamValues};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{
    SendableRecordBatchStream, SessionState, SessionStateBuilder, SessionStateDefaults,
};
use datafusion::logical_expr::{AggregateUDF, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::resolve_grouping_function::ResolveGroupingFunction;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;
use datafusion::physical_plan::{ExecutionPlan, displayable, execute_stream};
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{ObjectName, Statement};
use engine::{Error, ErrorKind, Statistics};
use security::{Control, ReadError, View};
use tokio::runtime::Runtime;

use crate::analyze::Collate;
use crate::answer::{Answer, plain, plain_schema, text_bytes};
use crate::bounds;
use crate::catalog::{self, CATALOG, Catalogs, SCHEMA};
use crate::copies;
use crate::error::{of_planning, of_running, unknown_table};
use crate::functions;
use crate::fuse;
use crate::growth::{self, CountJoined};
use crate::kept::{self, Plans};
use crate::look;
use crate::measure;
use crate::memory::Memory;
use crate::names::Names;
use crate::options::Options;
use crate::patterns::{self, BoundPatterns};
use crate::planning;
use crate::reader::Reader;
use crate::shape;
use crate::statement::{self, Request};
use crate::times::{Times, Types};
use crate::types::{fault, scalar};
use crate::walls;

/// Answers a statement over what a view shows, with the plans that are kept beside it. It runs whole on this thread, and looks at the control at
/// every batch.
pub fn query(
    view: &Arc<View>,
    plans: &Plans,
    text: &str,
    options: &Options,
    control: &Control,
) -> Result<Answer, Error> {
    let started = Instant::now();
    let key = kept::key(text, options);
    let reader_of = |names| {
        let (view, control) = (Arc::clone(view), control.clone());
        Arc::new(Reader::new(view, control, names, options))
    };
    // What is planned already has no names left to look up.
    let reader = reader_of(Names::default());
    if let Some(plan) = plans.find(&key, &reader) {
        let found = started.elapsed();
        let answer = runtime()?.block_on(run(&reader, plan))?;
        return Ok(told(answer, &reader, ("find", found), started));
    }
    let mut names = Names::of(view.scope());
    let mut request = statement::read(text, &mut names)?;
    if let Request::Query(statement) | Request::Explain(statement) = &mut request {
        shape::settle(statement)?;
        let scope = view.scope();
        let columns = |name: &str| {
            scope
                .find_table(name)
                .map(|table| scope.columns(table).len())
        };
        // The lists of the information schema have fewer.
        bounds::of_statement(statement, &|name| columns(name).unwrap_or(10))?;
    }
    let reader = reader_of(names);
    let parsed = started.elapsed();
    let answer = match request {
        Request::ShowTables => listed(catalog::tables(&reader)),
        Request::ShowColumns(table) => columns_of(&reader, &table),
        Request::Explain(statement) => runtime()?.block_on(async {
            let Planned { plan, .. } = plan(&reader, *statement, options).await?;
            let state = running_state(&reader, &plan)?;
            let physical = operators(&state, &plan).await?;
            explained(&plan, &physical)
        }),
        Request::Query(statement) => runtime()?.block_on(async {
            let planned = plan(&reader, *statement, options).await?;
            if planned.steady {
                plans.keep(key, &planned.plan);
            }
            run(&reader, planned.plan).await
        }),
    }?;
    Ok(told(answer, &reader, ("parse", parsed), started))
}

fn told(
    mut answer: Answer,
    reader: &Reader,
    first: (&'static str, Duration),
    started: Instant,
) -> Answer {
    answer.statistics.scans = reader.scans();
    answer.statistics.stages = vec![first, ("run", started.elapsed().saturating_sub(first.1))];
    answer
}

fn runtime() -> Result<Runtime, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.map_err(|_| fault("the operating system gives no event queue"))
}

async fn run(reader: &Arc<Reader>, plan: LogicalPlan) -> Result<Answer, Error> {
    let control = &reader.control;
    let plan = look::into_joins(plan, control).map_err(of_planning)?;
    let state = running_state(reader, &plan)?;
    let physical = operators(&state, &plan).await?;
    let texts = reader.texts();
    let physical = walls::watched(physical, control, &texts).map_err(of_planning)?;
    copies::of_constants(&plan, &texts).map_err(of_planning)?;
    let _made = growth::expressions(&plan, state.config().batch_size(), control)?;
    let stream = execute_stream(physical, state.task_ctx()).map_err(of_running)?;
    collect(stream, reader).await
}

/// A statement as a plan over the view.
struct Planned {
    plan: LogicalPlan,
    /// Whether it means the same whenever it runs.
    steady: bool,
}

async fn plan(
    reader: &Arc<Reader>,
    statement: Statement,
    options: &Options,
) -> Result<Planned, Error> {
    let mut statement = statement;
    let measures = measure::functions(reader.scope(), &mut statement)?;
    let state = planning_state(reader, measures)?;
    let statement = SqlStatement::Statement(Box::new(statement));
    let plan = state
        .statement_to_plan(statement)
        .await
        .map_err(of_planning)?;
    let plan = with_parameters(plan, options)?;
    walls::check(&plan)?;
    let steady = kept::is_steady(&plan);
    let plan = state.optimize(&plan).map_err(of_planning)?;
    patterns::check(&plan)?;
    let plan = fuse::rewrite(plan, reader).map_err(of_planning)?;
    measure::none_left(&plan)?;
    Ok(Planned { plan, steady })
}

/// A plan as operators.
async fn operators(
    state: &SessionState,
    plan: &LogicalPlan,
) -> Result<Arc<dyn ExecutionPlan>, Error> {
    let planner = DefaultPhysicalPlanner::default();
    let physical = planner.create_physical_plan(plan, state).await;
    physical.map_err(of_planning)
}

/// What every run of a statement needs: where its memory is counted, and settings.
fn base(reader: &Reader) -> Result<SessionStateBuilder, Error> {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(Memory::of(&reader.control)))
        .with_disk_manager_builder(
            DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled),
        )
        .build_arc()
        .map_err(of_planning)?;
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false)
        .with_default_catalog_and_schema(CATALOG, SCHEMA);
    let settings = config.options_mut();
    // Every word is spelled as the model spells it already.
    settings.sql_parser.enable_ident_normalization = false;
    settings.optimizer.enable_dynamic_filter_pushdown = false;
    Ok(SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime))
}

/// For a statement that is planned: its functions are in the plan.
fn running_state(reader: &Reader, plan: &LogicalPlan) -> Result<SessionState, Error> {
    let rules = match fuse::is_all(plan) {
        // Rows come sorted, cut and named from one scan: there is nothing to arrange better.
        true => Vec::new(),
        false => planning::arranging(&reader.control),
    };
    Ok(base(reader)?.with_physical_optimizer_rules(rules).build())
}

fn planning_state(
    reader: &Arc<Reader>,
    measures: Vec<Arc<AggregateUDF>>,
) -> Result<SessionState, Error> {
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> = vec![
        Arc::new(Times),
        Arc::new(ResolveGroupingFunction::new()),
        Arc::new(TypeCoercion::new()),
        Arc::new(CountJoined(reader.texts())),
        Arc::new(BoundPatterns),
    ];
    if reader.collates() {
        rules.push(Arc::new(Collate));
    }
    let builder = base(reader)?
        .with_catalog_list(Arc::new(Catalogs(Arc::clone(reader))))
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .with_scalar_functions(functions::scalar())
        .with_aggregate_functions(functions::aggregate().into_iter().chain(measures).collect())
        .with_window_functions(functions::window());
    let builder = builder
        .with_type_planner(Arc::new(Types))
        .with_analyzer_rules(planning::analyzing(rules, &reader.control))
        .with_optimizer_rules(planning::optimizing(&reader.control));
    let mut state = builder.build();
    // What the clock says is the same in the whole statement.
    state.mark_start_execution();
    Ok(state)
}

fn with_parameters(plan: LogicalPlan, options: &Options) -> Result<LogicalPlan, Error> {
    if options.parameters.is_empty() {
        return Ok(plan);
    }
    let values = options.parameters.iter();
    let named = values.map(|(name, value)| (name.clone(), scalar(value).into()));
    plan.with_param_values(ParamValues::Map(named.collect()))
        .map_err(of_planning)
}

async fn collect(mut stream: SendableRecordBatchStream, reader: &Reader) -> Result<Answer, Error> {
    let schema = plain_schema(&stream.schema());
    let (control, limits) = (&reader.control, &reader.limits);
    let texts = reader.texts();
    let (mut batches, mut rows) = (Vec::new(), 0usize);
    let (mut charge, mut held) = (control.no_charge(), 0usize);
    loop {
        // Operators give way now and then; then it is seen whether the statement may go on.
        let next = poll_fn(|context| match control.check() {
            Err(stopped) => Poll::Ready(Err(Error::from(ReadError::Stopped(stopped)))),
            Ok(()) => stream.as_mut().poll_next(context).map(Ok),
        })
        .await?;
        let Some(batch) = next else { break };
        let batch = batch.map_err(of_running)?;
        rows = rows.saturating_add(batch.num_rows());
        if rows > limits.result_rows {
            return Err(Error::nowhere(
                ErrorKind::Limit,
                format!("the result has more than {} rows", limits.result_rows),
            ));
        }
        texts.make(text_bytes(&batch))?;
        let batch = plain(&batch, &schema)?;
        held = held.saturating_add(batch.get_array_memory_size());
        let counted = charge.set(held);
        counted.map_err(|stopped| Error::from(ReadError::Stopped(stopped)))?;
        batches.push(batch);
    }
    // Asked once more at the end, so that no answer comes of work that was cut short.
    control
        .check()
        .map_err(|stopped| Error::from(ReadError::Stopped(stopped)))?;
    Ok(Answer {
        schema,
        batches,
        statistics: Statistics::default(),
    })
}

/// What is planned, without any figure: only what the text and the visible names say.
fn explained(plan: &LogicalPlan, physical: &Arc<dyn ExecutionPlan>) -> Result<Answer, Error> {
    let kinds = StringArray::from(vec!["logical_plan", "physical_plan"]);
    let texts = StringArray::from(vec![
        plan.display_indent().to_string(),
        displayable(physical.as_ref()).indent(false).to_string(),
    ]);
    let fields = vec![
        Field::new("plan_type", ArrowType::Utf8, true),
        Field::new("plan", ArrowType::Utf8, true),
    ];
    let arrays: Vec<ArrayRef> = vec![Arc::new(kinds), Arc::new(texts)];
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
    listed(batch.map_err(DataFusionError::from))
}

fn columns_of(reader: &Reader, name: &ObjectName) -> Result<Answer, Error> {
    let parts: Vec<String> = name
        .0
        .iter()
        .map(|part| {
            part.as_ident()
                .map_or_else(|| part.to_string(), |ident| ident.value.clone())
        })
        .collect();
    let table = match parts.as_slice() {
        [table] => Some(table),
        [schema, table] if schema.eq_ignore_ascii_case(SCHEMA) => Some(table),
        [catalog, schema, table]
            if catalog.eq_ignore_ascii_case(CATALOG) && schema.eq_ignore_ascii_case(SCHEMA) =>
        {
            Some(table)
        }
        _ => None,
    };
    let found = table.and_then(|table| reader.scope().find_table(table));
    match found {
        Some(table) => listed(catalog::columns(reader, Some(table))),
        None => Err(unknown_table(&parts.join("."))),
    }
}

fn listed(batch: Result<RecordBatch, DataFusionError>) -> Result<Answer, Error> {
    let batch = batch.map_err(of_planning)?;
    let schema = plain_schema(&batch.schema());
    Ok(Answer {
        batches: vec![plain(&batch, &schema)?],
        schema,
        statistics: Statistics::default(),
    })
}
