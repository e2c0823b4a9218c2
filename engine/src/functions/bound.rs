//! The functions that the binder knows by name, because they take tables or columns, or decide which of their
//! arguments are evaluated; and those that are refused by name, each with its reason.

use super::registry::{Body, Function, Parameters, State, Types};

const MANY: usize = usize::MAX;
const VISUAL: &str = "is for visual calculations only";
const UNDOCUMENTED: &str = "is not a documented function";
const DIRECT_QUERY: &str = "is for DirectQuery only";
const STORAGE: &str = "tells of storage, and storage is for operators";
const ELSEWHERE: &str = "tells of another server's own workings";
const REMOTE: &str = "needs a remote model";

/// One row a line: name, what stands after it in a signature, least and most arguments, and the reason of a refusal.
macro_rules! bound {
    ($table:ident, $category:literal: $($name:literal $arguments:literal $least:literal $most:tt $($reason:ident)?;)*) => {
        pub(super) const $table: &[Function] = &[$(Function {
            name: $name,
            category: $category,
            signature: concat!($name, $arguments),
            parameters: Parameters { least: $least, most: $most },
            types: Types::Bound,
            body: Body::Bound(bound!(@state $($reason)?)),
            source: concat!("DAX reference: ", $name),
        }),*];
    };
    (@state) => { State::Built };
    (@state $reason:ident) => { State::Refused($reason) };
}

bound! { AGGREGATION, "Aggregation":
    "APPROXIMATEDISTINCTCOUNT" "(column)" 1 1 DIRECT_QUERY;
    "AVERAGE" "(column)" 1 1;
    "AVERAGEA" "(column)" 1 1;
    "AVERAGEX" "(table, expression)" 2 2;
    "COUNT" "(column)" 1 1;
    "COUNTA" "(column)" 1 1;
    "COUNTAX" "(table, expression)" 2 2;
    "COUNTBLANK" "(column)" 1 1;
    "COUNTROWS" "([table])" 0 1;
    "COUNTX" "(table, expression)" 2 2;
    "DISTINCTCOUNT" "(column)" 1 1;
    "DISTINCTCOUNTNOBLANK" "(column)" 1 1;
    "MAX" "(column) or MAX(value, value)" 1 2;
    "MAXA" "(column)" 1 1;
    "MAXX" "(table, expression, [variant])" 2 3;
    "MIN" "(column) or MIN(value, value)" 1 2;
    "MINA" "(column)" 1 1;
    "MINX" "(table, expression, [variant])" 2 3;
    "PRODUCT" "(column)" 1 1;
    "PRODUCTX" "(table, expression)" 2 2;
    "SUM" "(column)" 1 1;
    "SUMX" "(table, expression)" 2 2;
}

bound! { DATES, "Date and time":
    "CALENDAR" "(start, end)" 2 2;
    "CALENDARAUTO" "([last month of the fiscal year])" 0 1;
}

bound! { FILTER, "Filter":
    "ALL" "([table or column], [column], ...)" 0 MANY;
    "ALLCROSSFILTERED" "(table)" 1 1;
    "ALLEXCEPT" "(table, column, ...)" 2 MANY;
    "ALLNOBLANKROW" "(table or column, [column], ...)" 1 MANY;
    "ALLSELECTED" "([table or column], [column], ...)" 0 MANY;
    "CALCULATE" "(expression, [filter], ...)" 1 MANY;
    "CALCULATETABLE" "(table, [filter], ...)" 1 MANY;
    "EARLIER" "(column, [number])" 1 2;
    "EARLIEST" "(column)" 1 1;
    "FILTER" "(table, condition)" 2 2;
    "FIRSTNONBLANK" "(column, expression)" 2 2;
    "FIRSTNONBLANKVALUE" "(column, expression)" 2 2;
    "INDEX" "(position, [relation], [order by], [blanks], [partition by], [match by], [reset])" 1 7;
    "KEEPFILTERS" "(expression)" 1 1;
    "LASTNONBLANK" "(column, expression)" 2 2;
    "LASTNONBLANKVALUE" "(column, expression)" 2 2;
    "LOOKUP" "(expression, column, value, ...)" 1 MANY VISUAL;
    "LOOKUPVALUE" "(result column, search column, search value, ..., [alternate result])" 3 MANY;
    "LOOKUPWITHTOTALS" "(expression, column, value, ...)" 1 MANY VISUAL;
    "MATCHBY" "([column], ...)" 0 MANY;
    "MOVINGAVERAGE" "(column, window, ...)" 1 MANY VISUAL;
    "OFFSET" "(delta, [relation], [order by], [blanks], [partition by], [match by], [reset])" 1 7;
    "ORDERBY" "([expression], [order], ...)" 0 MANY;
    "PARTITIONBY" "([column], ...)" 0 MANY;
    "RANGE" "(step, ...)" 1 MANY VISUAL;
    "RANK" "([ties], [relation], [order by], [blanks], [partition by], [match by], [reset])" 0 7;
    "REMOVEFILTERS" "([table or column], [column], ...)" 0 MANY;
    "ROWNUMBER" "([relation], [order by], [blanks], [partition by], [match by], [reset])" 0 6;
    "RUNNINGSUM" "(column, ...)" 1 MANY VISUAL;
    "SELECTEDVALUE" "(column, [alternate result])" 1 2;
    "WINDOW" "(from, [from type], to, [to type], [relation], [order by], [blanks], [partition by], [match by], [reset])" 2 10;
}

bound! { FINANCIAL, "Financial":
    "XIRR" "(table, values, dates, [guess], [alternate result])" 3 5;
    "XNPV" "(table, values, dates, rate)" 4 4;
}

bound! { INFORMATION, "Information":
    "COLUMNSTATISTICS" "()" 0 0;
    "CONTAINS" "(table, column, value, ...)" 3 MANY;
    "CONTAINSROW" "(table, value, ...)" 2 MANY;
    "HASONEFILTER" "(column)" 1 1;
    "HASONEVALUE" "(column)" 1 1;
    "ISAFTER" "(value, other, [order], ...)" 2 MANY;
    "ISCROSSFILTERED" "(table or column)" 1 1;
    "ISEMPTY" "(table)" 1 1;
    "ISERROR" "(value)" 1 1;
    "ISFILTERED" "(table or column)" 1 1;
    "ISINSCOPE" "(column)" 1 1;
    "ISONORAFTER" "(value, other, [order], ...)" 2 MANY;
    "ISSELECTEDMEASURE" "(measure, ...)" 1 MANY;
    "ISSUBTOTAL" "(column)" 1 1;
    "NAMEOF" "(table, column, measure or calendar, [part], [escaped])" 1 3;
    "NONVISUAL" "(filter)" 1 1;
    "SELECTEDMEASURE" "()" 0 0;
    "SELECTEDMEASUREFORMATSTRING" "()" 0 0;
    "SELECTEDMEASURENAME" "()" 0 0;
    "TABLEOF" "(column or measure)" 1 1;
}

bound! { INFO, "INFO":
    "INFO.ALTERNATEOFDEFINITIONS" "([restriction, value], ...)" 0 MANY;
    "INFO.ANNOTATIONS" "([restriction, value], ...)" 0 MANY;
    "INFO.ATTRIBUTEHIERARCHIES" "([restriction, value], ...)" 0 MANY;
    "INFO.ATTRIBUTEHIERARCHYSTORAGES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.CALCDEPENDENCY" "([restriction, value], ...)" 0 MANY;
    "INFO.CALCULATIONGROUPS" "([restriction, value], ...)" 0 MANY;
    "INFO.CALCULATIONITEMS" "([restriction, value], ...)" 0 MANY;
    "INFO.CALENDARCOLUMNGROUPS" "([restriction, value], ...)" 0 MANY;
    "INFO.CALENDARCOLUMNREFERENCES" "([restriction, value], ...)" 0 MANY;
    "INFO.CALENDARS" "([restriction, value], ...)" 0 MANY;
    "INFO.CATALOGS" "([restriction, value], ...)" 0 MANY;
    "INFO.CHANGEDPROPERTIES" "([restriction, value], ...)" 0 MANY;
    "INFO.COLUMNPARTITIONSTORAGES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.COLUMNPERMISSIONS" "([restriction, value], ...)" 0 MANY;
    "INFO.COLUMNS" "([restriction, value], ...)" 0 MANY;
    "INFO.COLUMNSTORAGES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.CSDLMETADATA" "([restriction, value], ...)" 0 MANY ELSEWHERE;
    "INFO.CULTURES" "([restriction, value], ...)" 0 MANY;
    "INFO.DATACOVERAGEDEFINITIONS" "([restriction, value], ...)" 0 MANY;
    "INFO.DATASOURCES" "([restriction, value], ...)" 0 MANY;
    "INFO.DELTATABLEMETADATASTORAGES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.DEPENDENCIES" "([restriction, value], ...)" 0 MANY;
    "INFO.DETAILROWSDEFINITIONS" "([restriction, value], ...)" 0 MANY;
    "INFO.DICTIONARYSTORAGES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.EXCLUDEDARTIFACTS" "([restriction, value], ...)" 0 MANY ELSEWHERE;
    "INFO.EXPRESSIONS" "([restriction, value], ...)" 0 MANY;
    "INFO.EXTENDEDPROPERTIES" "([restriction, value], ...)" 0 MANY;
    "INFO.FORMATSTRINGDEFINITIONS" "([restriction, value], ...)" 0 MANY;
    "INFO.FUNCTIONS" "([restriction, value], ...)" 0 MANY;
    "INFO.GENERALSEGMENTMAPSEGMENTMETADATASTORAGES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.GROUPBYCOLUMNS" "([restriction, value], ...)" 0 MANY;
    "INFO.HIERARCHIES" "([restriction, value], ...)" 0 MANY;
    "INFO.HIERARCHYSTORAGES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.KPIS" "([restriction, value], ...)" 0 MANY;
    "INFO.LEVELS" "([restriction, value], ...)" 0 MANY;
    "INFO.LINGUISTICMETADATA" "([restriction, value], ...)" 0 MANY;
    "INFO.MEASURES" "([restriction, value], ...)" 0 MANY;
    "INFO.MODEL" "([restriction, value], ...)" 0 MANY;
    "INFO.OBJECTTRANSLATIONS" "([restriction, value], ...)" 0 MANY;
    "INFO.PARQUETFILESTORAGES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.PARTITIONS" "([restriction, value], ...)" 0 MANY;
    "INFO.PARTITIONSTORAGES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.PERSPECTIVECOLUMNS" "([restriction, value], ...)" 0 MANY;
    "INFO.PERSPECTIVEHIERARCHIES" "([restriction, value], ...)" 0 MANY;
    "INFO.PERSPECTIVEMEASURES" "([restriction, value], ...)" 0 MANY;
    "INFO.PERSPECTIVES" "([restriction, value], ...)" 0 MANY;
    "INFO.PERSPECTIVETABLES" "([restriction, value], ...)" 0 MANY;
    "INFO.PROPERTIES" "([restriction, value], ...)" 0 MANY ELSEWHERE;
    "INFO.QUERYGROUPS" "([restriction, value], ...)" 0 MANY;
    "INFO.REFRESHPOLICIES" "([restriction, value], ...)" 0 MANY;
    "INFO.RELATEDCOLUMNDETAILS" "([restriction, value], ...)" 0 MANY;
    "INFO.RELATIONSHIPINDEXSTORAGES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.RELATIONSHIPS" "([restriction, value], ...)" 0 MANY;
    "INFO.RELATIONSHIPSTORAGES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.ROLEMEMBERSHIPS" "([restriction, value], ...)" 0 MANY;
    "INFO.ROLES" "([restriction, value], ...)" 0 MANY;
    "INFO.SEGMENTMAPSTORAGES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.SEGMENTSTORAGES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.STORAGEFILES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.STORAGEFOLDERS" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.STORAGETABLECOLUMNS" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.STORAGETABLECOLUMNSEGMENTS" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.STORAGETABLES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.TABLEPERMISSIONS" "([restriction, value], ...)" 0 MANY;
    "INFO.TABLES" "([restriction, value], ...)" 0 MANY;
    "INFO.TABLESTORAGES" "([restriction, value], ...)" 0 MANY STORAGE;
    "INFO.USERDEFINEDFUNCTIONS" "([restriction, value], ...)" 0 MANY;
    "INFO.VARIATIONS" "([restriction, value], ...)" 0 MANY;
    "INFO.VIEW.COLUMNS" "()" 0 0;
    "INFO.VIEW.MEASURES" "()" 0 0;
    "INFO.VIEW.RELATIONSHIPS" "()" 0 0;
    "INFO.VIEW.TABLES" "()" 0 0;
}

bound! { LOGICAL, "Logical":
    "AND" "(condition, condition)" 2 2;
    "COALESCE" "(value, value, ...)" 2 MANY;
    "IF" "(condition, value if true, [value if false])" 2 3;
    "IF.EAGER" "(condition, value if true, [value if false])" 2 3;
    "IFERROR" "(value, value if error)" 2 2;
    "OR" "(condition, condition)" 2 2;
    "SWITCH" "(expression, value, result, ..., [else])" 3 MANY;
}

bound! { OTHER, "Other":
    "ERROR" "(message)" 1 1;
    "EVALUATEANDLOG" "(value, [label], [rows])" 1 3;
    "EXTERNALMEASURE" "(name, type, source)" 3 3 REMOTE;
    "TOCSV" "(table, [rows], [delimiter], [headers])" 1 4;
    "TOJSON" "(table, [rows])" 1 2;
}

bound! { PARENT_CHILD, "Parent and child":
    "PATH" "(id column, parent column)" 2 2;
}

bound! { RELATIONSHIP, "Relationship":
    "CROSSFILTER" "(column, column, direction)" 3 3;
    "RELATED" "(column)" 1 1;
    "RELATEDTABLE" "(table)" 1 1;
    "USERELATIONSHIP" "(column, column)" 2 2;
}

bound! { STATISTICAL, "Statistical":
    "GEOMEAN" "(column)" 1 1;
    "GEOMEANX" "(table, expression)" 2 2;
    "LINEST" "(column of y, column of x, ..., [constant])" 2 MANY;
    "LINESTX" "(table, y, x, ..., [constant])" 3 MANY;
    "MEDIAN" "(column)" 1 1;
    "MEDIANX" "(table, expression)" 2 2;
    "PERCENTILE.EXC" "(column, k)" 2 2;
    "PERCENTILE.INC" "(column, k)" 2 2;
    "PERCENTILEX.EXC" "(table, expression, k)" 3 3;
    "PERCENTILEX.INC" "(table, expression, k)" 3 3;
    "RANK.EQ" "(value, column, [order])" 2 3;
    "RANKX" "(table, expression, [value], [order], [ties])" 2 5;
    "SAMPLE" "(count, table, [order by, order], ...)" 2 MANY;
    "SAMPLEAXISWITHLOCALMINMAX" "(count, table, axis, measure, ..., resolution)" 4 MANY;
    "SAMPLECARTESIANPOINTSBYCOVER" "(count, table, x, y, [radius, ratio, ratio])" 4 7;
    "STDEV.P" "(column)" 1 1;
    "STDEV.S" "(column)" 1 1;
    "STDEVX.P" "(table, expression)" 2 2;
    "STDEVX.S" "(table, expression)" 2 2;
    "VAR.P" "(column)" 1 1;
    "VAR.S" "(column)" 1 1;
    "VARX.P" "(table, expression)" 2 2;
    "VARX.S" "(table, expression)" 2 2;
}

bound! { TABLE, "Table manipulation":
    "ADDCOLUMNS" "(table, name, expression, ...)" 3 MANY;
    "ADDMISSINGITEMS" "([show all column], ..., table, [group column], ..., [filter], ...)" 2 MANY;
    "CROSSJOIN" "(table, table, ...)" 1 MANY;
    "CURRENTGROUP" "()" 0 0;
    "DATATABLE" "(name, type, ..., {{value, ...}, ...})" 3 MANY;
    "DETAILROWS" "(measure)" 1 1;
    "DISTINCT" "(column or table)" 1 1;
    "EXCEPT" "(table, table)" 2 2;
    "FILTERS" "(column)" 1 1;
    "GENERATE" "(table, table)" 2 2;
    "GENERATEALL" "(table, table)" 2 2;
    "GENERATESERIES" "(start, end, [step])" 2 3;
    "GROUPBY" "(table, [column], ..., [name, expression], ...)" 1 MANY;
    "IGNORE" "(expression)" 1 1;
    "INTERSECT" "(table, table)" 2 2;
    "NATURALINNERJOIN" "(table, table)" 2 2;
    "NATURALLEFTOUTERJOIN" "(table, table)" 2 2;
    "ROLLUP" "(column, ...)" 1 MANY;
    "ROLLUPADDISSUBTOTAL" "([filter], column, name, [filter], ...)" 2 MANY;
    "ROLLUPGROUP" "(column, ...)" 1 MANY;
    "ROLLUPISSUBTOTAL" "([filter], column, subtotal column, [filter], ...)" 2 MANY;
    "ROW" "(name, expression, ...)" 2 MANY;
    "SELECTCOLUMNS" "(table, [name], expression, ...)" 2 MANY;
    "SUBSTITUTEWITHINDEX" "(table, name, index table, order by, [order], ...)" 4 MANY;
    "SUMMARIZE" "(table, [column], ..., [name, expression], ...)" 1 MANY;
    "SUMMARIZECOLUMNS" "([column], ..., [filter table], ..., [name, expression], ...)" 0 MANY;
    "TOPN" "(count, table, [order by, order], ...)" 2 MANY;
    "TOPNSKIP" "(count, skipped, table, [order by, order], ...)" 3 MANY;
    "TREATAS" "(table, column, ...)" 2 MANY;
    "UNION" "(table, table, ...)" 2 MANY;
    "VALUES" "(table or column)" 1 1;
}

bound! { TIME_INTELLIGENCE, "Time intelligence":
    "CLOSINGBALANCEMONTH" "(expression, dates or calendar, [filter])" 2 3;
    "CLOSINGBALANCEQUARTER" "(expression, dates or calendar, [filter])" 2 3;
    "CLOSINGBALANCEWEEK" "(expression, calendar, [filter])" 2 3;
    "CLOSINGBALANCEYEAR" "(expression, dates or calendar, [filter], [year end])" 2 4;
    "DATEADD" "(dates or calendar, number, interval, [extension], [truncation])" 3 5;
    "DATESBETWEEN" "(dates or calendar, start, end)" 3 3;
    "DATESINPERIOD" "(dates or calendar, start, number, interval, [end behavior])" 4 5;
    "DATESMTD" "(dates or calendar)" 1 1;
    "DATESQTD" "(dates or calendar)" 1 1;
    "DATESWTD" "(calendar)" 1 1;
    "DATESYTD" "(dates or calendar, [year end])" 1 2;
    "ENDOFMONTH" "(dates or calendar)" 1 1;
    "ENDOFQUARTER" "(dates or calendar)" 1 1;
    "ENDOFWEEK" "(calendar)" 1 1;
    "ENDOFYEAR" "(dates or calendar, [year end])" 1 2;
    "FIRSTDATE" "(dates or calendar)" 1 1;
    "LASTDATE" "(dates or calendar)" 1 1;
    "NEXTDAY" "(dates or calendar)" 1 1;
    "NEXTMONTH" "(dates or calendar)" 1 1;
    "NEXTQUARTER" "(dates or calendar)" 1 1;
    "NEXTWEEK" "(calendar)" 1 1;
    "NEXTYEAR" "(dates or calendar, [year end])" 1 2;
    "OPENINGBALANCEMONTH" "(expression, dates or calendar, [filter])" 2 3;
    "OPENINGBALANCEQUARTER" "(expression, dates or calendar, [filter])" 2 3;
    "OPENINGBALANCEWEEK" "(expression, calendar, [filter])" 2 3;
    "OPENINGBALANCEYEAR" "(expression, dates or calendar, [filter], [year end])" 2 4;
    "PARALLELPERIOD" "(dates or calendar, number, interval)" 3 3;
    "PREVIOUSDAY" "(dates or calendar)" 1 1;
    "PREVIOUSMONTH" "(dates or calendar)" 1 1;
    "PREVIOUSQUARTER" "(dates or calendar)" 1 1;
    "PREVIOUSWEEK" "(calendar)" 1 1;
    "PREVIOUSYEAR" "(dates or calendar, [year end])" 1 2;
    "SAMEPERIODLASTYEAR" "(dates or calendar)" 1 1;
    "STARTOFMONTH" "(dates or calendar)" 1 1;
    "STARTOFQUARTER" "(dates or calendar)" 1 1;
    "STARTOFWEEK" "(calendar)" 1 1;
    "STARTOFYEAR" "(dates or calendar, [year end])" 1 2;
    "TOTALMTD" "(expression, dates or calendar, [filter])" 2 3;
    "TOTALQTD" "(expression, dates or calendar, [filter])" 2 3;
    "TOTALWTD" "(expression, calendar, [filter])" 2 3;
    "TOTALYTD" "(expression, dates or calendar, [filter], [year end])" 2 4;
}

bound! { TEXT, "Text":
    "CONCATENATEX" "(table, expression, [delimiter], [order by, order], ...)" 2 MANY;
}

bound! { UNDOCUMENTED_NAMES, "Undocumented":
    "ALLSELECTEDAPPLY" "(...)" 0 MANY UNDOCUMENTED;
    "ALLSELECTEDREMOVE" "(...)" 0 MANY UNDOCUMENTED;
    "ALWAYSAPPLY" "(...)" 0 MANY UNDOCUMENTED;
    "COLLAPSE" "(...)" 0 MANY VISUAL;
    "COLLAPSEALL" "(...)" 0 MANY VISUAL;
    "DEPENDON" "(...)" 0 MANY UNDOCUMENTED;
    "EXPAND" "(...)" 0 MANY VISUAL;
    "EXPANDALL" "(...)" 0 MANY VISUAL;
    "FILTERCLUSTER" "(...)" 0 MANY UNDOCUMENTED;
    "FIRST" "(...)" 0 MANY VISUAL;
    "GROUPCROSSAPPLY" "(...)" 0 MANY UNDOCUMENTED;
    "GROUPCROSSAPPLYTABLE" "(...)" 0 MANY UNDOCUMENTED;
    "ISATLEVEL" "(...)" 0 MANY VISUAL;
    "LAST" "(...)" 0 MANY VISUAL;
    "NEXT" "(...)" 0 MANY VISUAL;
    "NONFILTER" "(...)" 0 MANY UNDOCUMENTED;
    "PREVIOUS" "(...)" 0 MANY VISUAL;
    "SHADOWCLUSTER" "(...)" 0 MANY UNDOCUMENTED;
}
