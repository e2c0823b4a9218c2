//! Planning that can be stopped. Every rule that DataFusion changes a plan by looks at the control first, at each node that it is given: what
//! `bounds` lets pass may still take seconds.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{AnalyzerRule, ApplyOrder, Optimizer, OptimizerConfig, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::{PhysicalOptimizer, PhysicalOptimizerContext};
use datafusion::physical_plan::ExecutionPlan;
use security::Control;

use crate::error::carry_read;

type Analyzes = dyn AnalyzerRule + Send + Sync;
type Optimizes = dyn OptimizerRule + Send + Sync;
type Arranges = dyn PhysicalOptimizerRule + Send + Sync;

/// A rule that looks at the control before it changes anything.
struct Looking<R: ?Sized> {
    control: Control,
    rule: Arc<R>,
}

impl<R: ?Sized> Looking<R> {
    fn look(&self) -> Result<()> {
        let looked = self.control.check();
        looked.map_err(|stopped| carry_read(stopped.into()))
    }
}

impl<R: ?Sized> fmt::Debug for Looking<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Looking")
    }
}

/// The rules of an analyzer, which look.
pub(crate) fn analyzing(rules: Vec<Arc<Analyzes>>, control: &Control) -> Vec<Arc<Analyzes>> {
    let looking = |rule| -> Arc<Analyzes> {
        let control = control.clone();
        Arc::new(Looking::<Analyzes> { control, rule })
    };
    rules.into_iter().map(looking).collect()
}

/// The rules by which DataFusion makes a logical plan better.
pub(crate) fn optimizing(control: &Control) -> Vec<Arc<Optimizes>> {
    let looking = |rule| -> Arc<Optimizes> {
        let control = control.clone();
        Arc::new(Looking::<Optimizes> { control, rule })
    };
    Optimizer::new().rules.into_iter().map(looking).collect()
}

/// The rules by which it makes operators better.
pub(crate) fn arranging(control: &Control) -> Vec<Arc<Arranges>> {
    let looking = |rule| -> Arc<Arranges> {
        let control = control.clone();
        Arc::new(Looking::<Arranges> { control, rule })
    };
    let rules = PhysicalOptimizer::new().rules;
    rules.into_iter().map(looking).collect()
}

impl AnalyzerRule for Looking<Analyzes> {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        self.look()?;
        self.rule.analyze(plan, config)
    }
}

impl OptimizerRule for Looking<Optimizes> {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.rule.apply_order()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        self.look()?;
        self.rule.rewrite(plan, config)
    }
}

impl PhysicalOptimizerRule for Looking<Arranges> {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.look()?;
        self.rule.optimize(plan, config)
    }

    fn optimize_with_context(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: &dyn PhysicalOptimizerContext,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.look()?;
        self.rule.optimize_with_context(plan, context)
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}
