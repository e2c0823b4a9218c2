//! The INFO functions that describe the model behind a view. They speak of visible names alone, and number objects by their place
//! among them; what lies in the source or in storage is BLANK.

mod dependencies;
mod objects;
mod parts;

use std::rc::Rc;
use std::sync::Arc;

use security::{Column, Measure, Scope, Table};

use super::information::{Cells, Layout, ListedColumn, listed_columns, table_of_rows};
use super::{Evaluator, Outcome, internal};
use crate::batch::Batch;
use crate::bound::Scalar;
use crate::error::{Error, ErrorKind};
use crate::table::TableRows;
use crate::value::{DataType, Value};

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Everyone,
    /// Identities that hold no roles. For others the function does not exist: it speaks of expressions, sources or permissions.
    WithoutRoles,
}

/// One INFO function.
struct Rowset {
    name: &'static str,
    audience: Audience,
    rows: fn(&Catalogue<'_>) -> Vec<Vec<Value>>,
    /// The columns in the order of the reference; `:i`, `:b`, `:d` and `:r` mark whole numbers, logical values, dates and decimal
    /// numbers, the rest is text.
    columns: &'static str,
}

macro_rules! rowsets {
    ($($name:literal $audience:ident $rows:expr => $columns:literal;)*) => {
        /// In the order of their names: they are searched by halves.
        const ROWSETS: &[Rowset] = &[$(Rowset {
            name: $name,
            audience: Audience::$audience,
            rows: $rows,
            columns: $columns,
        }),*];
    };
}

rowsets! {
    "INFO.ALTERNATEOFDEFINITIONS" WithoutRoles |_| Vec::new() =>
        "ID:i ColumnID:i BaseColumnID:i BaseTableID:i Summarization:i";
    "INFO.ANNOTATIONS" WithoutRoles |c| c.annotations() =>
        "ID:i ObjectID:i ObjectType:i Name Value ModifiedTime:d";
    "INFO.ATTRIBUTEHIERARCHIES" Everyone |c| c.attribute_hierarchies() =>
        "ID:i ColumnID:i State:i AttributeHierarchyStorageID:i ModifiedTime:d RefreshedTime:d";
    "INFO.CALCDEPENDENCY" WithoutRoles |c| c.dependencies() =>
        "DATABASE_NAME OBJECT_TYPE TABLE OBJECT EXPRESSION REFERENCED_OBJECT_TYPE REFERENCED_TABLE REFERENCED_OBJECT \
           REFERENCED_EXPRESSION QUERY";
    "INFO.CALCULATIONGROUPS" Everyone |c| c.calculation_groups() =>
        "ID:i TableID:i Description ModifiedTime:d Precedence:i";
    "INFO.CALCULATIONITEMS" Everyone |c| c.calculation_items() =>
        "ID:i CalculationGroupID:i FormatStringDefinitionID:i Name Description ModifiedTime:d State:i ErrorMessage \
           Expression Ordinal:i";
    "INFO.CALENDARCOLUMNGROUPS" Everyone |c| c.calendar_groups() =>
        "ID:i CalendarID:i TimeUnit ModifiedTime:d";
    "INFO.CALENDARCOLUMNREFERENCES" Everyone |c| c.calendar_references() =>
        "ID:i CalendarColumnGroupID:i ColumnID:i IsPrimaryColumn:b ModifiedTime:d";
    "INFO.CALENDARS" Everyone |c| c.calendars() =>
        "ID:i TableID:i Name Description LineageTag SourceLineageTag ModifiedTime:d";
    "INFO.CATALOGS" Everyone |c| c.catalogs() =>
        "CATALOG_NAME DESCRIPTION ROLES DATE_MODIFIED:d COMPATIBILITY_LEVEL:i TYPE:i VERSION:i DATABASE_ID \
           DATABASE_GUID DATE_QUERIED:d CURRENTLY_USED:b POPULARITY:r WEIGHTEDPOPULARITY:r CLIENTCACHEREFRESHPOLICY:i \
           ENCRYPTION_LEVEL CRYPTOKEY_UPDATED:d";
    "INFO.CHANGEDPROPERTIES" WithoutRoles |_| Vec::new() =>
        "ID:i ObjectID:i ObjectType:i Property";
    "INFO.COLUMNPERMISSIONS" WithoutRoles |_| Vec::new() =>
        "ID:i TablePermissionID:i ColumnID:i ModifiedTime:d MetadataPermission:i";
    "INFO.COLUMNS" Everyone |c| c.columns() =>
        "ID:i TableID:i ExplicitName InferredName ExplicitDataType:i InferredDataType:i DataCategory Description \
           IsHidden:b State:i IsUnique:b IsKey:b IsNullable:b Alignment:i TableDetailPosition:i IsDefaultLabel:b \
           IsDefaultImage:b SummarizeBy:i ColumnStorageID:i Type:i SourceColumn ColumnOriginID:i Expression FormatString \
           IsAvailableInMDX:b SortByColumnID:i AttributeHierarchyID:i ModifiedTime:d StructureModifiedTime:d \
           RefreshedTime:d SystemFlags:i KeepUniqueRows:b DisplayOrdinal:i ErrorMessage SourceProviderType DisplayFolder \
           EncodingHint:i RelatedColumnDetailsID:i AlternateOfID:i LineageTag SourceLineageTag";
    "INFO.CULTURES" Everyone |c| c.cultures() =>
        "ID:i ModelID:i Name LinguisticMetadataID:i ModifiedTime:d StructureModifiedTime:d";
    "INFO.DATACOVERAGEDEFINITIONS" WithoutRoles |_| Vec::new() =>
        "ID:i PartitionID:i Description Expression ModifiedTime:d State:i ErrorMessage";
    "INFO.DATASOURCES" WithoutRoles |_| Vec::new() =>
        "ID:i ModelID:i Name Description Type:i ConnectionString ImpersonationMode:i Account Password MaxConnections:i \
           Isolation:i Timeout:i Provider ModifiedTime:d ConnectionDetails Options Credential ContextExpression";
    "INFO.DEPENDENCIES" WithoutRoles |c| c.dependencies() =>
        "DATABASE_NAME OBJECT_TYPE TABLE OBJECT EXPRESSION REFERENCED_OBJECT_TYPE REFERENCED_TABLE REFERENCED_OBJECT \
           REFERENCED_EXPRESSION QUERY";
    "INFO.DETAILROWSDEFINITIONS" Everyone |c| c.detail_rows() =>
        "ID:i ObjectID:i ObjectType:i Expression ModifiedTime:d State:i ErrorMessage";
    "INFO.EXPRESSIONS" WithoutRoles |c| c.expressions() =>
        "ID:i ModelID:i Name Description Kind:i Expression ModifiedTime:d QueryGroupID:i ParameterValuesColumnID:i \
           MAttributes LineageTag SourceLineageTag";
    "INFO.EXTENDEDPROPERTIES" WithoutRoles |_| Vec::new() =>
        "ID:i ObjectID:i ObjectType:i Name Type:i Value ModifiedTime:d";
    "INFO.FORMATSTRINGDEFINITIONS" Everyone |c| c.format_strings() =>
        "ID:i ObjectID:i ObjectType:i Expression ModifiedTime:d State:i ErrorMessage";
    "INFO.FUNCTIONS" Everyone |c| c.functions() =>
        "FUNCTION_NAME DESCRIPTION PARAMETER_LIST RETURN_TYPE ORIGIN:i INTERFACE_NAME LIBRARY_NAME DLL_NAME HELP_FILE \
           HELP_CONTEXT OBJECT CAPTION PARAMETERINFO DIRECTQUERY_PUSHABLE VISUAL_CALCULATIONS_INFO";
    "INFO.GROUPBYCOLUMNS" Everyone |c| c.group_by_columns() =>
        "ID:i RelatedColumnDetailsID:i GroupingColumnID:i ModifiedTime:d";
    "INFO.HIERARCHIES" Everyone |c| c.hierarchies() =>
        "ID:i TableID:i Name Description IsHidden:b State:i HierarchyStorageID:i ModifiedTime:d StructureModifiedTime:d \
           RefreshedTime:d DisplayFolder HideMembers:i LineageTag SourceLineageTag";
    "INFO.KPIS" Everyone |c| c.kpis() =>
        "ID:i MeasureID:i Description TargetDescription TargetExpression TargetFormatString StatusGraphic \
           StatusDescription StatusExpression TrendGraphic TrendDescription TrendExpression ModifiedTime:d";
    "INFO.LEVELS" Everyone |c| c.levels() =>
        "ID:i HierarchyID:i Ordinal:i Name Description ColumnID:i ModifiedTime:d LineageTag SourceLineageTag";
    "INFO.LINGUISTICMETADATA" WithoutRoles |_| Vec::new() =>
        "ID:i CultureID:i Content ModifiedTime:d ContentType";
    "INFO.MEASURES" Everyone |c| c.measures() =>
        "ID:i TableID:i Name Description DataType:i Expression FormatString IsHidden:b State:i ModifiedTime:d \
           StructureModifiedTime:d KPIID:i IsSimpleMeasure:b ErrorMessage DisplayFolder DetailRowsDefinitionID:i \
           DataCategory LineageTag SourceLineageTag";
    "INFO.MODEL" Everyone |c| c.model() =>
        "ID:i Name Description StorageLocation:i DefaultMode:i DefaultDataView:i Culture Collation ModifiedTime:d \
           StructureModifiedTime:d Version:i DataAccessOptions DefaultMeasureID:i DefaultPowerBIDataSourceVersion:i \
           ForceUniqueNames:b DiscourageImplicitMeasures:b DataSourceVariablesOverrideBehavior:i \
           DataSourceDefaultMaxConnections:i SourceQueryCulture MAttributes DiscourageCompositeModels:b \
           AutomaticAggregationOptions DisableAutoExists:i VersionMarker";
    "INFO.OBJECTTRANSLATIONS" WithoutRoles |_| Vec::new() =>
        "ID:i CultureID:i ObjectID:i ObjectType:i Property Value ModifiedTime:d";
    "INFO.PARTITIONS" WithoutRoles |c| c.partitions() =>
        "ID:i TableID:i Name Description DataSourceID:i QueryDefinition State:i Type:i PartitionStorageID:i Mode:i \
           DataView:i ModifiedTime:d RefreshedTime:d SystemFlags:i ErrorMessage RetainDataTillForceCalculate:b RangeStart:d \
           RangeEnd:d RangeGranularity:i RefreshBookmark QueryGroupID:i ExpressionSourceID:i MAttributes";
    "INFO.PERSPECTIVECOLUMNS" Everyone |c| c.perspective_columns() =>
        "ID:i PerspectiveTableID:i ColumnID:i ModifiedTime:d";
    "INFO.PERSPECTIVEHIERARCHIES" Everyone |c| c.perspective_hierarchies() =>
        "ID:i PerspectiveTableID:i HierarchyID:i ModifiedTime:d";
    "INFO.PERSPECTIVEMEASURES" Everyone |c| c.perspective_measures() =>
        "ID:i PerspectiveTableID:i MeasureID:i ModifiedTime:d";
    "INFO.PERSPECTIVES" Everyone |c| c.perspectives() =>
        "ID:i ModelID:i Name Description ModifiedTime:d";
    "INFO.PERSPECTIVETABLES" Everyone |c| c.perspective_tables() =>
        "ID:i PerspectiveID:i TableID:i IncludeAll:b ModifiedTime:d";
    "INFO.QUERYGROUPS" WithoutRoles |_| Vec::new() =>
        "ID:i ModelID:i Folder Description";
    "INFO.REFRESHPOLICIES" WithoutRoles |_| Vec::new() =>
        "ID:i TableID:i PolicyType:i RollingWindowGranularity:i RollingWindowPeriods:i IncrementalGranularity:i \
           IncrementalPeriods:i IncrementalPeriodsOffset:i PollingExpression SourceExpression Mode:i";
    "INFO.RELATEDCOLUMNDETAILS" Everyone |c| c.related_details() =>
        "ID:i ColumnID:i ModifiedTime:d";
    "INFO.RELATIONSHIPS" Everyone |c| c.relationships() =>
        "ID:i ModelID:i Name IsActive:b Type:i CrossFilteringBehavior:i JoinOnDateBehavior:i \
           RelyOnReferentialIntegrity:b FromTableID:i FromColumnID:i FromCardinality:i ToTableID:i ToColumnID:i \
           ToCardinality:i State:i RelationshipStorageID:i RelationshipStorage2ID:i ModifiedTime:d RefreshedTime:d \
           SecurityFilteringBehavior:i";
    "INFO.ROLEMEMBERSHIPS" WithoutRoles |_| Vec::new() =>
        "ID:i RoleID:i MemberName MemberID:i IdentityProvider MemberType:i ModifiedTime:d";
    "INFO.ROLES" WithoutRoles |_| Vec::new() =>
        "ID:i ModelID:i Name Description ModelPermission:i ModifiedTime:d";
    "INFO.TABLEPERMISSIONS" WithoutRoles |_| Vec::new() =>
        "ID:i RoleID:i TableID:i FilterExpression ModifiedTime:d State:i ErrorMessage MetadataPermission:i";
    "INFO.TABLES" Everyone |c| c.tables() =>
        "ID:i ModelID:i Name DataCategory Description IsHidden:b TableStorageID:i ModifiedTime:d \
           StructureModifiedTime:d SystemFlags:i ShowAsVariationsOnly:b IsPrivate:b DefaultDetailRowsDefinitionID:i \
           AlternateSourcePrecedence:i RefreshPolicyID:i CalculationGroupID:i ExcludeFromModelRefresh:b LineageTag \
           SourceLineageTag SystemManaged:b";
    "INFO.USERDEFINEDFUNCTIONS" Everyone |c| c.user_functions() =>
        "ID:i ModelID:i Name Description Expression IsHidden:b State:i ErrorMessage ModifiedTime:d \
           StructureModifiedTime:d LineageTag SourceLineageTag";
    "INFO.VARIATIONS" Everyone |c| c.variations() =>
        "ID:i ColumnID:i Name Description RelationshipID:i DefaultHierarchyID:i DefaultColumnID:i IsDefault:b";
}

fn find(name: &str) -> Option<&'static Rowset> {
    let at = ROWSETS
        .binary_search_by(|rowset| rowset.name.cmp(name))
        .ok()?;
    ROWSETS.get(at)
}

/// Who may call the INFO function of this name; None for a name that is none of these.
pub fn rowset_audience(name: &str) -> Option<Audience> {
    find(name).map(|rowset| rowset.audience)
}

/// Functions of constructs that this engine does not keep, with what the model says when its source has some. Where a model has
/// none, the answer is no row; where it has, no row would be wrong, and the function is refused.
const NOT_KEPT: &[(&str, &[&str])] = &[
    ("INFO.ALTERNATEOFDEFINITIONS", &["alternateOf"]),
    (
        "INFO.CHANGEDPROPERTIES",
        &["changedProperties", "changedProperty"],
    ),
    ("INFO.DATACOVERAGEDEFINITIONS", &["dataCoverageDefinition"]),
    ("INFO.DATASOURCES", &["dataSources"]),
    ("INFO.EXTENDEDPROPERTIES", &["extended property"]),
    ("INFO.LINGUISTICMETADATA", &["linguisticMetadata"]),
    ("INFO.OBJECTTRANSLATIONS", &["translations"]),
    ("INFO.QUERYGROUPS", &["queryGroups", "queryGroup"]),
    ("INFO.REFRESHPOLICIES", &["refreshPolicy"]),
];

/// Whether the model has something that this function would tell of, and that was not kept.
pub fn is_beyond_what_is_kept(scope: &Scope, name: &str) -> bool {
    let Some((_, kinds)) = NOT_KEPT.iter().find(|(known, _)| *known == name) else {
        return false;
    };
    let model = scope.model();
    let field_parameter = name == "INFO.EXTENDEDPROPERTIES"
        && model
            .tables
            .iter()
            .flat_map(|table| &table.columns)
            .any(|column| column.field_parameter);
    field_parameter || kinds.iter().any(|kind| model.let_go.contains(kind))
}

/// The function's name as it lasts, and its columns.
pub fn rowset_schema(name: &str) -> Option<(&'static str, Layout)> {
    let rowset = find(name)?;
    let layout = rowset.columns.split_ascii_whitespace().map(|column| {
        let (name, kind) = column.split_once(':').unwrap_or((column, ""));
        let data_type = match kind {
            "i" => DataType::Integer,
            "b" => DataType::Boolean,
            "d" => DataType::DateTime,
            "r" => DataType::Double,
            _ => DataType::Text,
        };
        (name, data_type)
    });
    Some((rowset.name, layout.collect()))
}

/// What the view shows, numbered.
pub(super) struct Catalogue<'s> {
    scope: &'s Scope,
    /// Whether expressions are shown.
    expressions: bool,
    layout: Layout,
    tables: Vec<Table>,
    columns: Vec<ListedColumn>,
    measures: Vec<Measure>,
    /// What the measures give, where that is asked for.
    types: Vec<DataType>,
}

/// The functions that tell what a query depends on, where they are given its text.
pub fn tells_of_queries(name: &str) -> bool {
    matches!(name, OF_QUERIES | "INFO.DEPENDENCIES")
}

const OF_QUERIES: &str = "INFO.CALCDEPENDENCY";

/// How long the text of such a query may be: reading it does not stop in between.
const MOST_TEXT: usize = 1 << 18;

impl<'a> Evaluator<'a> {
    pub fn rowset(&self, name: &str, batch: &Rc<Batch>) -> Outcome<TableRows> {
        let (rowset, (_, layout)) = find(name)
            .zip(rowset_schema(name))
            .ok_or_else(|| internal("an INFO function without columns"))?;
        let types = match rowset.name {
            "INFO.MEASURES" => self.measure_types(),
            _ => Vec::new(),
        };
        let catalogue = self.catalogue(layout, types);
        let rows = (rowset.rows)(&catalogue);
        Ok(table_of_rows(&catalogue.layout, rows, batch.len))
    }

    fn catalogue(&self, layout: Layout, types: Vec<DataType>) -> Catalogue<'a> {
        Catalogue {
            scope: self.scope,
            expressions: self.shows_expressions(),
            layout,
            tables: (self.scope.tables())
                .filter(|table| !self.scope.is_added_table(*table))
                .collect(),
            columns: listed_columns(self.scope),
            measures: self.scope.measures(),
            types,
        }
    }

    /// What the text of a query names. The text is computed, so what is wrong with it is not shown.
    pub fn query_dependencies(&self, text: &Scalar, batch: &Rc<Batch>) -> Outcome<TableRows> {
        let (_, layout) = rowset_schema(OF_QUERIES)
            .ok_or_else(|| internal("an INFO function without columns"))?;
        let catalogue = self.catalogue(layout, Vec::new());
        let refused = |why: &str| Error::nowhere(ErrorKind::Argument, why);
        let texts = self.scalar(text, batch)?;
        let mut asked: Option<Arc<str>> = None;
        for context in 0..batch.len {
            self.control.check()?;
            let Value::Text(text) = texts.at(context)? else {
                return Err(refused("the query that is asked about must be text"));
            };
            if asked.as_ref().is_some_and(|first| *first != text) {
                return Err(refused("the query that is asked about must be one text"));
            }
            asked = Some(text);
        }
        let rows = match asked {
            None => Vec::new(),
            Some(text) if text.len() > MOST_TEXT => {
                let message =
                    format!("the query that is asked about has more than {MOST_TEXT} bytes");
                return Err(Error::nowhere(ErrorKind::Limit, message));
            }
            Some(text) => {
                let found = catalogue.dependencies_of_query(&text);
                let rows =
                    found.ok_or_else(|| refused("the query that is asked about is not DAX"))?;
                // Every row shows the text, twice.
                self.charge_text(rows.len().saturating_mul(2 * text.len()))?;
                rows
            }
        };
        Ok(table_of_rows(&catalogue.layout, rows, batch.len))
    }
}

impl<'s> Catalogue<'s> {
    /// A row with its number; the rest is BLANK until it is set.
    fn row(&self, id: Value) -> Cells<'_> {
        Cells::new(&self.layout).set("ID", id)
    }

    fn table_id(&self, table: Table) -> Value {
        place(self.tables.iter().position(|known| *known == table))
    }

    fn column_id(&self, column: Column) -> Value {
        place(
            self.columns
                .iter()
                .position(|known| known.column == Some(column)),
        )
    }

    fn measure_id(&self, measure: Measure) -> Value {
        place(self.measures.iter().position(|known| *known == measure))
    }

    /// A column of a table by its name.
    fn column_named(&self, table: Table, name: &str) -> Value {
        self.scope
            .find_column(table, name)
            .map_or(Value::Blank, |column| self.column_id(column))
    }

    fn described(&self) -> impl Iterator<Item = (Table, &'s model::Table)> + '_ {
        self.tables
            .iter()
            .map(|&table| (table, self.scope.table(table)))
    }

    /// All hierarchies with their tables; their numbers are their places.
    fn all_hierarchies(&self) -> Vec<(Table, &'s model::Hierarchy)> {
        self.described()
            .flat_map(|(table, described)| described.hierarchies.iter().map(move |h| (table, h)))
            .collect()
    }
}

/// Numbers count from 1; BLANK for what is not there.
fn place(position: Option<usize>) -> Value {
    position.map_or(Value::Blank, |at| Value::Integer(at as i64 + 1))
}

fn numbered(at: usize) -> Value {
    place(Some(at))
}

/// The model is the only one.
const MODEL: Value = Value::Integer(1);

/// Everything that can be named is ready, unless it is in error.
const READY: Value = Value::Integer(1);

/// The number of a column whose expression does not work; which of the vendor's errors it is, nobody keeps.
const IN_ERROR: Value = Value::Integer(5);

/// The number of what needs such a column.
const NEEDS_ERROR: Value = Value::Integer(7);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_columns_differ() {
        for pair in ROWSETS.windows(2) {
            assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
        }
        for rowset in ROWSETS {
            let (_, layout) = rowset_schema(rowset.name).unwrap();
            let mut names: Vec<&str> = layout.iter().map(|(name, _)| *name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), layout.len(), "{}", rowset.name);
        }
    }
}
