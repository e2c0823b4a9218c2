//! Admission: from an identity's roles to what it sees. Everything that is not plainly allowed is refused.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arrow::array::AsArray;
use dax::Expr;
use model::{
    Cardinality, CrossFilter, MetadataPermission, Model, ModelPermission, Role, TablePermission,
};
use roaring::RoaringBitmap;
use sha2::{Digest, Sha256};
use storage::{ColumnId, Control, Path, PathColumn, TableId, Target};

use crate::asker::{IdentityFunction, Reads, VOLATILE};
use crate::failed::Failed;
use crate::gate::Gate;
use crate::graph::{Graph, Hidden};
use crate::ground::{Admitted, Ground, RoleRows};
use crate::objects::{Objects, at};
use crate::references::fold;
use crate::rowset::Rows;
use crate::travel::{Reach, Travel};
use crate::trees::{Body, Node, ordinal, ordinals};
use crate::view::View;
use crate::visibility::{RoleTerm, Visible};
use crate::{CloseError, Denied, EvaluateError, Identity, Incompatibility, ReadError};

/// A role, checked when the gate closes.
#[derive(Clone)]
pub(crate) struct RolePlan {
    pub name: String,
    can_read: bool,
    filters: Vec<Arc<FilterPlan>>,
    /// The ids of its rules, for the audit.
    pub rules: Vec<String>,
    /// What the role's object permissions hide, closed over dependencies.
    hidden: Hidden,
    /// Whether it has object permissions that hide anything.
    hides: bool,
    reach: Reach,
    /// Why nobody is admitted to it, where something is in error that its filters need.
    in_error: Option<String>,
}

impl RolePlan {
    pub fn in_error(&self) -> Option<&str> {
        self.in_error.as_deref()
    }

    /// The tables that its filters stand on.
    pub fn filtered(&self) -> impl Iterator<Item = u32> {
        self.filters.iter().map(|filter| filter.table)
    }

    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// What the role hides, with all that depends on it.
    pub fn hidden(&self) -> &Hidden {
        &self.hidden
    }
}

pub(crate) struct FilterPlan {
    pub table: u32,
    pub tree: Arc<Expr>,
    /// The identity functions that it reads, anywhere in what it calls.
    reads: BTreeSet<IdentityFunction>,
    /// False when its answer depends on more than data and identity: the clock, random numbers, or what does not parse.
    keeps: bool,
}

/// Checks every role of a model: what it names must be there, its filters must parse, and what it hides must not cut relationships.
pub(crate) fn plan_roles(
    model: &Model,
    graph: &Graph,
    travel: &Travel,
    failed: &Failed,
) -> Result<Vec<RolePlan>, CloseError> {
    let plans: Vec<RolePlan> = model
        .roles
        .iter()
        .map(|role| plan_role(model, graph, travel, failed, role))
        .collect::<Result<_, _>>()?;
    if let Some(role) = plans.iter().find(|role| !role.filters.is_empty())
        && let Some(table) = travel.circle()
    {
        let table = at(&model.tables, table).map_or("", |table| table.name.as_str());
        return Err(CloseError::Role {
            role: role.name.clone(),
            why: format!(
                "row filters cannot be used while active relationships lead from table '{table}' back to it"
            ),
        });
    }
    Ok(plans)
}

fn plan_role(
    model: &Model,
    graph: &Graph,
    travel: &Travel,
    failed: &Failed,
    role: &Role,
) -> Result<RolePlan, CloseError> {
    let wrong = |why: String| CloseError::Role {
        role: role.name.clone(),
        why,
    };
    let mut filters = Vec::new();
    let mut roots = BTreeSet::new();
    let mut rules = Vec::new();
    for permission in &role.tables {
        let table = graph.table(&permission.table).ok_or_else(|| {
            wrong(format!(
                "it speaks of table '{}', which the model does not have",
                permission.table
            ))
        })?;
        if let Some(text) = &permission.filter {
            let described = at(&model.tables, table);
            if described.is_none_or(|described| described.calculation_group.is_some()) {
                return Err(wrong(format!(
                    "it filters '{}', and the rows of a calculation group cannot be filtered",
                    permission.table
                )));
            }
            let filter = plan_filter(graph, role, permission, table, text)?;
            filters.push(Arc::new(filter));
            rules.push(format!("{}/rows/{}", role.name, permission.table));
        }
        if permission.metadata == MetadataPermission::None {
            roots.insert(Node::Table(table));
            rules.push(format!("{}/hides/{}", role.name, permission.table));
        }
        for column in permission
            .columns
            .iter()
            .filter(|column| column.metadata == MetadataPermission::None)
        {
            let ordinal = graph.column(table, &column.column).ok_or_else(|| {
                wrong(format!(
                    "it speaks of column '{}'[{}], which the model does not have",
                    permission.table, column.column
                ))
            })?;
            roots.insert(Node::Column(table, ordinal));
            let place = format!("{}/{}", permission.table, column.column);
            rules.push(format!("{}/hides/{place}", role.name));
        }
    }
    let hides = !roots.is_empty();
    let hidden = graph.close(roots);
    let mut in_error = None;
    if let Some((a, c)) = cut(model, graph, &hidden) {
        let name = |t| at(&model.tables, t).map_or("", |table| table.name.as_str());
        // Of what is in error it is not known what it would be hidden with, so it is hidden: that is no fault of the role.
        let whole = hidden.0.iter().filter(|node| !failed.has(**node));
        let whole = Hidden(whole.copied().collect());
        if failed.is_empty() || cut(model, graph, &whole).is_some() {
            return Err(wrong(format!(
                "it hides a table over which filters of '{}' reach '{}'; relate the two directly, or hide columns instead",
                name(c),
                name(a)
            )));
        }
        in_error = Some(format!(
            "a table over which filters of '{}' reach '{}' is in error, and hidden from it",
            name(c),
            name(a)
        ));
    }
    let can_read = match role.permission {
        ModelPermission::Read | ModelPermission::ReadRefresh | ModelPermission::Administrator => {
            true
        }
        ModelPermission::None | ModelPermission::Refresh => false,
    };
    let reach = travel.reach(filters.iter().map(|filter| filter.table));
    Ok(RolePlan {
        name: role.name.clone(),
        can_read,
        filters,
        rules,
        hidden,
        hides,
        reach,
        in_error,
    })
}

/// Roles whose filters cannot do what they say while something is in error: a filter stands on such a table, or would have to travel over
/// a relationship that is in error to rows that somebody can read. Without it the role would show more than it says.
pub(crate) fn refuse_over_errors(
    roles: &mut [RolePlan],
    model: &Model,
    travel: &Travel,
    failed: &Failed,
) {
    if failed.is_empty() {
        return;
    }
    let name = |t: u32| at(&model.tables, t).map_or("", |table| table.name.as_str());
    let broken: BTreeSet<u32> = ordinals(&model.relationships)
        .filter(|(_, relationship)| failed.key_of(model, relationship).is_some())
        .map(|(r, _)| r)
        .collect();
    for role in roles.iter_mut().filter(|role| role.in_error.is_none()) {
        let standing = role.filtered().find(|t| failed.has(Node::Table(*t)));
        if let Some(table) = standing {
            role.in_error = Some(format!(
                "a filter stands on the table '{}', which is in error",
                name(table)
            ));
            continue;
        }
        // Of a table that is in error itself nobody sees a row.
        let severed = travel.edges.iter().find(|edge| {
            broken.contains(&edge.relationship.0)
                && role.reach.tables.contains(&edge.source)
                && !failed.has(Node::Table(edge.target))
        });
        role.in_error = severed.map(|edge| {
            format!(
                "a filter would travel from the table '{}' to the table '{}' over a relationship that is in error",
                name(edge.source),
                name(edge.target)
            )
        });
    }
}

fn plan_filter(
    graph: &Graph,
    role: &Role,
    permission: &TablePermission,
    table: u32,
    text: &str,
) -> Result<FilterPlan, CloseError> {
    let body = Body::expression(text);
    let Some(tree) = &body.tree else {
        let place = format!(
            "role '{}', filter of table '{}'",
            role.name, permission.table
        );
        return Err(CloseError::Syntax {
            place,
            message: body.error,
        });
    };
    let calls = graph.calls_of(&body, Some(table));
    let keeps = calls
        .as_ref()
        .is_some_and(|calls| !calls.iter().any(|name| VOLATILE.contains(&name.as_str())));
    let reads = calls
        .iter()
        .flatten()
        .filter_map(|name| IdentityFunction::named(name))
        .collect();
    Ok(FilterPlan {
        table,
        tree: tree.clone(),
        reads,
        keeps,
    })
}

/// Two visible tables (reached, filtering) whose filters only meet through hidden ones, if there are such.
pub(crate) fn cut(model: &Model, graph: &Graph, hidden: &Hidden) -> Option<(u32, u32)> {
    let mut ways: Vec<(u32, u32)> = Vec::new();
    for relationship in model
        .relationships
        .iter()
        .filter(|relationship| relationship.active)
    {
        let ends = (
            graph.table(&relationship.from_table),
            graph.table(&relationship.to_table),
        );
        let (Some(from), Some(to)) = ends else {
            continue;
        };
        ways.push((to, from));
        let one_to_one = (relationship.from_cardinality, relationship.to_cardinality)
            == (Cardinality::One, Cardinality::One);
        if one_to_one || relationship.cross_filter == CrossFilter::BothDirections {
            ways.push((from, to));
        }
    }
    let is_hidden = |table: u32| hidden.has(Node::Table(table));
    let reach = |start: u32, through_hidden: bool| {
        let mut reached = BTreeSet::from([start]);
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            for (source, target) in &ways {
                if *source == at
                    && (through_hidden || !is_hidden(*target))
                    && reached.insert(*target)
                {
                    open.push(*target);
                }
            }
        }
        reached
    };
    if !hidden.0.iter().any(|node| matches!(node, Node::Table(_))) {
        return None;
    }
    let visible = (0..ordinal(model.tables.len())).filter(|table| !is_hidden(*table));
    visible.into_iter().find_map(|start| {
        let (all, open) = (reach(start, true), reach(start, false));
        all.difference(&open)
            .find(|table| !is_hidden(**table))
            .map(|lost| (*lost, start))
    })
}

/// What admissions share. Nothing in here decides anything: whatever is missing is worked out again.
#[derive(Default)]
pub(crate) struct Caches {
    answers: Mutex<Answers>,
    visible: Mutex<HashMap<[u8; 32], Weak<Visible>>>,
}

/// A filter of a role, and the values of the identity functions that it reads.
type AnswerKey = (u32, u32, Vec<Option<String>>);

/// The latest answers of filters.
#[derive(Default)]
struct Answers {
    known: HashMap<AnswerKey, Admitted>,
    order: VecDeque<AnswerKey>,
}

/// Answers are row sets, of which the large ones are kept elsewhere: this many cost little, and users who come back are admitted at
/// once.
const ANSWERS: usize = 4_096;

impl Answers {
    fn keep(&mut self, key: AnswerKey, rows: Admitted) {
        if self.known.insert(key.clone(), rows).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > ANSWERS {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

impl Gate {
    pub(crate) fn view_of(
        &self,
        identity: Identity,
        control: &Control,
        detail: &mut Option<String>,
    ) -> Result<Arc<View>, Denied> {
        self.check_open()?;
        let roles = self.roles_of(&identity)?;
        let in_error = roles
            .iter()
            .find_map(|(_, role)| Some((role, role.in_error()?)));
        if let Some((role, why)) = in_error {
            *detail = Some(format!("role '{}': {why}", role.name));
            return Err(Denied::FilterFailed {
                role: role.name.clone(),
            });
        }
        let hidden = roles.iter().map(|(_, role)| &role.hidden).fold(
            None,
            |shared: Option<Hidden>, hidden| {
                Some(shared.map_or_else(|| hidden.clone(), |shared| shared.shared(hidden)))
            },
        );
        let hidden = hidden.unwrap_or_default();
        let objects = self.objects_without(&hidden, &roles)?;
        let visible = if roles.is_empty() {
            self.everything.clone()
        } else {
            self.visible_to(&identity, &roles, control, detail)?
        };
        let failed = |error: ReadError| match error {
            ReadError::Stopped(stopped) => Denied::Stopped(stopped),
            _ => Denied::FilterFailed {
                role: roles
                    .first()
                    .map_or_else(String::new, |(_, role)| role.name.clone()),
            },
        };
        let visible = self
            .without_hidden_items(&hidden, visible)
            .map_err(failed)?;
        let scans = self.scans.clone();
        Ok(Arc::new(View::new(
            objects,
            visible,
            self.data.clone(),
            identity,
            scans,
        )))
    }

    /// The ids of the rules of the roles that an identity asks for.
    pub(crate) fn rules_of(&self, identity: &Identity) -> Vec<String> {
        let asked = |role: &&RolePlan| identity.role_names().contains(&role.name);
        let roles = self.roles.iter().filter(asked);
        roles.flat_map(|role| role.rules.iter().cloned()).collect()
    }

    /// The roles that the identity asks for, if it may hold them together.
    fn roles_of(&self, identity: &Identity) -> Result<Vec<(u32, &RolePlan)>, Denied> {
        let mut roles = Vec::new();
        for name in identity.role_names() {
            let found = ordinals(&self.roles).find(|(_, role)| role.name == *name);
            let (r, role) = found.ok_or_else(|| Denied::UnknownRole(name.clone()))?;
            if !role.can_read {
                return Err(Denied::NotAllowed { role: name.clone() });
            }
            let reads = role.filters.iter().flat_map(|filter| &filter.reads);
            refuse_without(identity, reads.copied(), role)?;
            roles.push((r, role));
        }
        if roles.is_empty() && !self.roles.is_empty() {
            return Err(Denied::NoRole);
        }
        refuse_incompatible(&roles)?;
        Ok(roles)
    }

    fn objects_without(
        &self,
        hidden: &Hidden,
        roles: &[(u32, &RolePlan)],
    ) -> Result<Arc<Objects>, Denied> {
        if hidden.0.is_empty() {
            return Ok(self.every_object.clone());
        }
        let mut known = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(objects) = known.get(hidden) {
            return Ok(objects.clone());
        }
        // Each role alone cuts nothing, but what two of them hide together may.
        if roles.len() > 1 && cut(&self.model, &self.graph, hidden).is_some() {
            return Err(incompatible(roles, Incompatibility::CutRelationships));
        }
        let objects = Arc::new(Objects::of(
            &self.model,
            &self.trees,
            hidden,
            &self.failed,
            |id| self.data.is_related(id),
        ));
        known.insert(hidden.clone(), objects.clone());
        Ok(objects)
    }

    /// The rows that the roles admit, united.
    fn visible_to(
        &self,
        identity: &Identity,
        roles: &[(u32, &RolePlan)],
        control: &Control,
        detail: &mut Option<String>,
    ) -> Result<Arc<Visible>, Denied> {
        let mut admitted = Vec::new();
        let mut key = Sha256::new();
        for (r, role) in roles {
            key.update(r.to_le_bytes());
            admitted.push(self.rows_of(identity, *r, role, control, detail, &mut key)?);
        }
        let key: [u8; 32] = key.finalize().into();
        let known = self
            .caches
            .visible
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .and_then(Weak::upgrade);
        if let Some(visible) = known {
            return Ok(visible);
        }
        let ground = &self.ground;
        let mut terms: Vec<Vec<RoleTerm>> = Vec::new();
        for ((_, role), rows) in roles.iter().zip(&admitted) {
            terms.push(
                ground
                    .role_terms(rows, control)
                    .map_err(|error| failed_filter(role, error, detail))?,
            );
        }
        let mut restricted: Option<BTreeSet<u32>> = None;
        for (_, role) in roles {
            let reached = &role.reach.tables;
            restricted =
                Some(restricted.map_or_else(|| reached.clone(), |tables| &tables & reached));
        }
        let visible = Arc::new(Visible::union(
            ground,
            &terms,
            restricted.unwrap_or_default(),
        ));
        let mut known = self
            .caches
            .visible
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ANSWERS {
            known.retain(|_, visible| visible.strong_count() > 0);
        }
        known.insert(key, Arc::downgrade(&visible));
        Ok(visible)
    }

    /// What each filter of a role admits.
    fn rows_of(
        &self,
        identity: &Identity,
        r: u32,
        role: &RolePlan,
        control: &Control,
        detail: &mut Option<String>,
        key: &mut Sha256,
    ) -> Result<RoleRows, Denied> {
        let mut own: BTreeMap<u32, Vec<(Target, Rows)>> = BTreeMap::new();
        for (f, filter) in ordinals(&role.filters) {
            let values = filter
                .reads
                .iter()
                .map(|function| function.value(identity).map(str::to_owned))
                .collect();
            let answer_key: AnswerKey = (r, f, values);
            let known = self
                .caches
                .answers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .known
                .get(&answer_key)
                .cloned();
            let rows = match known {
                Some(rows) => rows,
                None => {
                    let (told, found) = self.ground.filter(filter, identity, control);
                    // Who lacks what the filter asked for is refused, whatever came of it.
                    refuse_without(identity, told.functions(), role)?;
                    let found = found.map_err(|error| match control.check() {
                        Err(stopped) => Denied::Stopped(stopped),
                        Ok(()) => {
                            *detail = Some(self.told_to_operator(role, filter, &error));
                            Denied::FilterFailed {
                                role: role.name.clone(),
                            }
                        }
                    })?;
                    // The key holds what the filter's names say that it reads. What has read more is not kept under it.
                    let repeats = filter.keeps && told.within(Reads::of(&filter.reads));
                    let rows = Ground::admitted(filter, identity, found, repeats);
                    if repeats {
                        let mut answers = self
                            .caches
                            .answers
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner);
                        answers.keep(answer_key, rows.clone());
                    }
                    rows
                }
            };
            key.update(filter.table.to_le_bytes());
            for (target, rows) in rows.iter() {
                key.update(format!("{target:?}"));
                key.update(rows.digest);
            }
            let own = own.entry(filter.table).or_default();
            own.extend(rows.iter().cloned());
        }
        Ok(RoleRows { own })
    }

    /// Which filter failed, and why: for the audit, and never for the identity.
    fn told_to_operator(
        &self,
        role: &RolePlan,
        filter: &FilterPlan,
        error: &EvaluateError,
    ) -> String {
        let table = at(&self.model.tables, filter.table).map_or("", |table| table.name.as_str());
        format!(
            "role '{}', filter of table '{table}': {}",
            role.name, error.message
        )
    }

    /// Items of calculation groups are rows too: hidden items leave the rows of their table.
    fn without_hidden_items(
        &self,
        hidden: &Hidden,
        visible: Arc<Visible>,
    ) -> Result<Arc<Visible>, ReadError> {
        let mut visible = visible;
        for (t, table) in ordinals(&self.model.tables) {
            let Some(group) = &table.calculation_group else {
                continue;
            };
            if hidden.has(Node::Table(t))
                || !ordinals(&group.items).any(|(i, _)| hidden.has(Node::Item(t, i)))
            {
                continue;
            }
            let shown = ordinals(&group.items).filter(|(i, _)| !hidden.has(Node::Item(t, *i)));
            let shown: BTreeSet<String> = shown.map(|(_, item)| fold(&item.name)).collect();
            let total = self.data.rows(TableId(t)).ok_or(ReadError::NoData)?;
            let text = |column: &u32| {
                self.data.column_type(ColumnId {
                    table: TableId(t),
                    column: *column,
                }) == Some(model::DataType::Text)
            };
            let mut rows = RoaringBitmap::new();
            if let Some(column) = (0..ordinal(table.columns.len())).find(text) {
                let every: Vec<u32> = (0..total).collect();
                let here = PathColumn {
                    path: Path::here(),
                    target: Target::Column(column),
                };
                let codes = self.data.fetch(TableId(t), &every, &here, &[])?;
                let names = self.data.decode(
                    ColumnId {
                        table: TableId(t),
                        column,
                    },
                    &codes,
                    None,
                )?;
                let names = names.as_string_opt::<i32>();
                let is_shown =
                    |name: Option<&str>| name.is_some_and(|name| shown.contains(&fold(name)));
                let positions = names
                    .into_iter()
                    .flatten()
                    .enumerate()
                    .filter(|(_, name)| is_shown(*name));
                rows.extend(positions.map(|(row, _)| ordinal(row)));
            }
            let found = self.ground.sets.of_bitmap(&rows, total.saturating_add(1));
            let rows = found.rows(|| None);
            visible = Arc::new(visible.narrowed(&self.ground, t, &rows));
        }
        Ok(visible)
    }
}

/// A filter that reads the caller's name or id would compare with BLANK where there is none.
fn refuse_without(
    identity: &Identity,
    reads: impl Iterator<Item = IdentityFunction>,
    role: &RolePlan,
) -> Result<(), Denied> {
    let role = &role.name;
    for function in reads {
        match function {
            IdentityFunction::UserName if identity.user_name().is_none() => {
                return Err(Denied::NeedsUserName { role: role.clone() });
            }
            IdentityFunction::ObjectId if identity.user_object_id().is_none() => {
                return Err(Denied::NeedsObjectId { role: role.clone() });
            }
            _ => {}
        }
    }
    Ok(())
}

fn failed_filter(role: &RolePlan, error: ReadError, detail: &mut Option<String>) -> Denied {
    match error {
        ReadError::Stopped(stopped) => Denied::Stopped(stopped),
        error => {
            *detail = Some(format!("role '{}': {error}", role.name));
            Denied::FilterFailed {
                role: role.name.clone(),
            }
        }
    }
}

fn incompatible(roles: &[(u32, &RolePlan)], why: Incompatibility) -> Denied {
    Denied::Incompatible {
        roles: roles.iter().map(|(_, role)| role.name.clone()).collect(),
        why,
    }
}

/// Row rule 7: combinations of roles that have no meaning as a union of rows.
pub(crate) fn refuse_incompatible(roles: &[(u32, &RolePlan)]) -> Result<(), Denied> {
    if roles.len() < 2 {
        return Ok(());
    }
    if roles.iter().any(|(_, role)| role.reach.hard) {
        return Err(incompatible(roles, Incompatibility::TravellingFilter));
    }
    let mixed = roles.iter().any(|(r, role)| {
        !role.filters.is_empty() && roles.iter().any(|(other, plan)| other != r && plan.hides)
    });
    if mixed {
        return Err(incompatible(roles, Incompatibility::RowsAndObjects));
    }
    Ok(())
}
