use std::path::Path;

use crate::{Problem, Severity, TmdlFile, check, load, read_tmdl};

/// Tables A -> B -> C, many to one, each with a key K, a text X and a partition.
const CHAIN: &str = "
table A
	column K
		dataType: int64
	column X
		dataType: string
	partition A = m
		source = 1
table B
	column K
		dataType: int64
	column X
		dataType: string
	partition B = m
		source = 1
table C
	column K
		dataType: int64
	column X
		dataType: string
	partition C = m
		source = 1
relationship AB
	fromColumn: A.K
	toColumn: B.K
relationship BC
	fromColumn: B.K
	toColumn: C.K
";

fn problems(texts: &[&str]) -> Vec<Problem> {
    let files: Vec<TmdlFile> = texts
        .iter()
        .map(|text| TmdlFile {
            name: "x.tmdl".into(),
            text: text.to_string(),
        })
        .collect();
    check(&read_tmdl(&files).unwrap_or_else(|errors| panic!("{errors}")))
}

/// The chain with this addition has exactly this problem, given as `severity: object: words`.
fn has(addition: &str, expected: &str) {
    let found = problems(&[CHAIN, addition]);
    let [problem] = found.as_slice() else {
        panic!("{addition}\ngave {found:#?}")
    };
    let text = format!(
        "{}: {}: {}",
        problem.severity, problem.object, problem.message
    );
    assert!(
        text.starts_with(expected),
        "{addition}\ngave: {text}\nwanted: {expected}"
    );
}

fn fine(addition: &str) {
    assert_eq!(problems(&[CHAIN, addition]), [], "{addition}");
}

#[test]
fn finds_collations_that_are_not_followed() {
    for name in ["Latin1_General_CI_AS", "Latin1_General_100_CI_AS_KS"] {
        fine(&format!("model Model\n\tcollation: {name}\n"));
    }
    for name in [
        "Latin1_General_100_BIN2_UTF8",
        "Latin1_General_CS_AS",
        "French_CI_AI",
    ] {
        has(
            &format!("model Model\n\tcollation: {name}\n"),
            &format!("warning: model: its collation {name} is not followed"),
        );
    }
}

#[test]
fn finds_references_to_nothing() {
    fine("");
    has("table D\n", "warning: table 'D': it has no partition");
    has(
        "table D\n\tpartition P = query\n\t\tsource = x\n",
        "info: table 'D': the query source",
    );
    has(
        "table A\n\tcolumn P\n\t\tdataType: binary\n",
        "warning: column 'A'[P]: binary columns",
    );
    has(
        "table A\n\tcolumn P\n\t\tsortByColumn: Q\n",
        "error: column 'A'[P]: it is sorted by [Q]",
    );
    has(
        "table A\n\tcolumn P\n\t\tsortByColumn: P\n",
        "error: column 'A'[P]: it is sorted by itself",
    );
    has(
        "table A\n\tcolumn P\n\t\trelatedColumnDetails\n\t\t\tgroupByColumn: Q\n",
        "error: column 'A'[P]: it is grouped with [Q]",
    );
    has(
        "table A\n\tcolumn P\n\t\tisKey\n\tcolumn Q\n\t\tisKey\n",
        "error: column 'A'[Q]: the table has another key",
    );
    has(
        "table A\n\tcolumn P\n\t\tvariation V\n\t\t\trelationship: r\n",
        "warning: column 'A'[P]: variation 'V' refers to relationship 'r'",
    );
    has(
        "table A\n\tcolumn P\n\t\tvariation V\n\t\t\tdefaultHierarchy: B.H\n",
        "warning: column 'A'[P]: variation 'V' refers to hierarchy 'B'[H]",
    );
    has(
        "table A\n\thierarchy H\n\t\tlevel L\n\t\t\tcolumn: Q\n",
        "error: hierarchy 'A'[H]: level 'L' is of column [Q]",
    );
    has(
        "table A\n\thierarchy H\n",
        "error: hierarchy 'A'[H]: it has no levels",
    );
    has(
        "table A\n\tcalendar Y\n\t\tcalendarColumnGroup = year\n\t\t\tprimaryColumn: Q\n",
        "error: calendar 'A'[Y]: it refers to column [Q]",
    );
    let calendar = |name: &str, unit: &str| {
        format!("\tcalendar {name}\n\t\tcalendarColumnGroup = {unit}\n\t\t\tprimaryColumn: P\n")
    };
    has(
        &format!(
            "table A\n\tcolumn P\n{}{}",
            calendar("Y", "year"),
            calendar("Z", "month")
        ),
        "warning: calendar 'A'[Z]: column [P] stands for another unit of time",
    );
    has(
        &format!(
            "table A\n\tcolumn P\n{}table B\n\tcolumn P\n{}",
            calendar("Y", "year"),
            calendar("y", "year")
        ),
        "warning: calendar 'B'[y]: another calendar has the same name",
    );
    has(
        "perspective P\n\tperspectiveTable Q\n",
        "error: perspective 'P': it shows table 'Q'",
    );
    has(
        "perspective P\n\tperspectiveTable A\n\t\tperspectiveColumn Q\n",
        "error: perspective 'P': it shows 'A'[Q]",
    );
    has(
        "table A\n\tbanana: 1\n",
        "info: table 'A': banana is read and not acted on",
    );
}

#[test]
fn finds_relationships_that_cannot_be() {
    let relationship = |from: &str, to: &str, rest: &str| {
        format!("relationship R\n\tisActive: false\n\tfromColumn: {from}\n\ttoColumn: {to}\n{rest}")
    };
    fine(&relationship("A.X", "C.X", ""));
    fine(&relationship("A.X", "C.X", "\tfromCardinality: one\n"));
    fine(&relationship("A.X", "C.X", "\ttoCardinality: many\n"));
    has(
        "relationship AC\n\tfromColumn: A.K\n\ttoColumn: C.K\n",
        "warning: relationship 'AC': rows of 'A' lead to 'C' over it and over 'AB'",
    );
    has(
        &relationship("A.Q", "C.X", ""),
        "error: relationship 'R': its end 'A'[Q] does not exist",
    );
    has(
        &relationship("A.X", "D.X", ""),
        "error: relationship 'R': its end 'D'[X] does not exist",
    );
    has(
        &relationship("A.X", "A.X", ""),
        "error: relationship 'R': it relates a table to itself",
    );
    has(
        &relationship("A.X", "C.K", ""),
        "warning: relationship 'R': its ends have different types, and a number finds the text that it is written as: 'A'[X] is text",
    );
    has(
        &format!(
            "{}table C\n\tcolumn D\n\t\tdataType: dateTime\n",
            relationship("A.K", "C.D", "")
        ),
        "warning: relationship 'R': its ends have different types, and no number finds a date: 'A'[K] is a whole number",
    );
    let day = "table C\n\tcolumn D\n\t\tdataType: dateTime\n";
    has(
        &format!("{}{day}", relationship("A.X", "C.D", "")),
        "error: relationship 'R': its ends cannot be compared: 'A'[X] is text",
    );
    has(
        &relationship(
            "A.X",
            "C.X",
            "\tfromCardinality: one\n\ttoCardinality: many\n",
        ),
        "error: relationship 'R': its many side",
    );
    has(
        &relationship("A.X", "C.X", "\tjoinOnDateBehavior: datePartOnly\n"),
        "error: relationship 'R': it compares the day alone",
    );
    let decimal = "table C\n\tcolumn N\n\t\tdataType: double\n";
    has(
        &format!("{}{decimal}", relationship("A.K", "C.N", "")),
        "warning: relationship 'R': its ends have different types",
    );
}

#[test]
fn finds_expressions_that_do_not_parse() {
    fine("table A\n\tmeasure M = SUM ( A[K] )\n");
    has("table A\n\tmeasure M = 1 +\n", "error: measure 'A'[M]: ");
    has(
        "table A\n\tmeasure M\n",
        "warning: measure 'A'[M]: it has no expression",
    );
    has(
        "table A\n\tcolumn C =\n",
        "warning: column 'A'[C]: it has no expression",
    );
    has(
        "table A\n\tcolumn C\n\t\ttype: calculated\n",
        "warning: column 'A'[C]: it has no expression",
    );
    has(
        "table A\n\tmeasure M = // SUM ( A[K] )\n",
        "warning: measure 'A'[M]: it has no expression",
    );
    has(
        "table A\n\tmeasure M = 1\n\t\tformatStringDefinition = (\n",
        "error: measure 'A'[M]: format string: ",
    );
    has(
        "table A\n\tmeasure M = 1\n\t\tdetailRowsDefinition = )\n",
        "error: measure 'A'[M]: detail rows: ",
    );
    has(
        "table A\n\tmeasure M = 1\n\t\tkpi\n\t\t\tstatusExpression = )\n",
        "error: measure 'A'[M]: KPI status: ",
    );
    has("table A\n\tcolumn P = 1 +\n", "error: column 'A'[P]: ");
    has(
        "table D\n\tpartition D = calculated\n\t\tsource = FILTER (\n",
        "error: table 'D': ",
    );
    has("function F = (a) =>\n", "error: function 'F': ");
    fine("function F = (a : SCALAR, b) => a + b\n");
    let group = |item: &str| {
        format!("table G\n\tcalculationGroup\n\t\tcalculationItem I = {item}\n\tcolumn Name\n")
    };
    fine(&group("SELECTEDMEASURE ()"));
    has(
        &group("SELECTEDMEASURE ("),
        "error: calculation item 'G'[I]: ",
    );
    let found = problems(&[
        "table A\n\tmeasure M =\n\t\t\tVAR x = 1\n\t\t\tRETURN x +\n\tpartition A = m\n\t\tsource = 1\n",
    ]);
    let excerpt = found[0].excerpt.clone().unwrap();
    assert_eq!(excerpt.text, "VAR x = 1\nRETURN x +");
    assert!(
        found[0]
            .to_string()
            .contains("x.tmdl:2: error: measure 'A'[M]: "),
        "{}",
        found[0]
    );
    assert!(
        found[0].to_string().contains("(line 2, column"),
        "{}",
        found[0]
    );
}

#[test]
fn finds_what_roles_would_not_do() {
    let role = |inside: &str| format!("role R\n\tmodelPermission: read\n{inside}");
    fine(&role("\ttablePermission A = [X] = \"a\"\n"));
    has(
        "role R\n",
        "warning: role 'R': its model permission does not allow reading",
    );
    has(
        &role("\ttablePermission A = [X] =\n"),
        "error: role 'R' on 'A': ",
    );
    has(
        &role("\ttablePermission A = [X] = CUSTOMDATA ()\n"),
        "warning: role 'R' on 'A': absent custom data is BLANK",
    );
    has(
        &role("\ttablePermission A = VAR c = customdata() RETURN TRUE && c = [X]\n"),
        "warning: role 'R' on 'A': absent custom data",
    );
    fine(&role("\ttablePermission A = [X] == CUSTOMDATA ()\n"));
    has(
        &role("\ttablePermission A\n"),
        "warning: role 'R' on 'A': the permission says nothing",
    );
    let found = problems(&[
        CHAIN,
        &role("\ttablePermission A = NOT ( [X] = CUSTOMDATA () )\n"),
    ]);
    let excerpt = found[0].excerpt.clone().unwrap();
    let part = &excerpt.text[excerpt.span.start as usize..excerpt.span.end as usize];
    assert!(
        part.contains("[X] = CUSTOMDATA ()") && !part.contains("NOT"),
        "{part}"
    );
    let group = "table G\n\tcalculationGroup\n\t\tcalculationItem I = 1\n\tcolumn Name\n";
    has(
        &format!("{group}{}", role("\ttablePermission G = FALSE ()\n")),
        "error: role 'R' on 'G': the rows of a calculation group",
    );
    let mut model = read_tmdl(&[TmdlFile {
        name: "x".into(),
        text: format!("{CHAIN}{}", role("\ttablePermission A = TRUE ()\n")),
    }])
    .unwrap();
    model.roles.push(model.roles[0].clone());
    model.tables.remove(0);
    model.relationships.clear();
    let messages: Vec<String> = check(&model)
        .into_iter()
        .map(|problem| problem.message)
        .collect();
    assert_eq!(
        messages,
        [
            "another role has the same name",
            "there is no such table",
            "there is no such table"
        ]
    );
}

#[test]
fn finds_chains_that_a_hidden_table_cuts() {
    let hide = |tables: &[&str]| {
        let permissions = tables
            .iter()
            .map(|table| format!("\ttablePermission {table}\n\t\tmetadataPermission: none\n"));
        format!(
            "role R\n\tmodelPermission: read\n{}",
            permissions.collect::<String>()
        )
    };
    fine(&hide(&["A"]));
    fine(&hide(&["C"]));
    fine(&hide(&["B", "C"]));
    fine(&hide(&["A", "B"]));
    has(
        &hide(&["B"]),
        "error: role 'R': it hides table 'B', which cuts the chain of relationships from 'C' to 'A'",
    );
    let direct = "relationship AC\n\tfromColumn: A.K\n\ttoColumn: C.K\n";
    has(
        &format!("{direct}{}", hide(&["B"])),
        "warning: relationship 'AC': rows of 'A' lead to 'C' over it and over 'AB'",
    );
    let inactive = direct.replace("AC\n", "AC\n\tisActive: false\n");
    has(
        &format!("{inactive}{}", hide(&["B"])),
        "error: role 'R': it hides table 'B'",
    );
    // Two facts that share a hidden dimension have no chain through it.
    let fact = "table D\n\tcolumn K\n\t\tdataType: int64\n\tpartition D = m\n\t\tsource = 1\nrelationship DC\n\tfromColumn: D.K\n\ttoColumn: C.K\n";
    fine(&format!("{fact}{}", hide(&["C"])));
    let both = format!(
        "{fact}\tcrossFilteringBehavior: bothDirections\n{}",
        hide(&["C"])
    );
    has(
        &both,
        "error: role 'R': it hides table 'C', which cuts the chain of relationships from 'D' to",
    );
}

#[test]
fn the_models_at_hand_have_no_errors() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wide");
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let models = [
        fixture,
        shared.join("data/adventure-works-2020"),
        shared.join("dax/goldens-model"),
    ];
    for path in models.iter().filter(|path| path.is_dir()) {
        let found = check(&load(path).unwrap());
        let errors: Vec<String> = found
            .iter()
            .filter(|one| one.severity == Severity::Error)
            .map(Problem::to_string)
            .collect();
        assert_eq!(errors, Vec::<String>::new());
    }
}

/// The codes of the findings about one filter.
#[test]
fn finds_filters_that_show_more_than_they_seem_to() {
    let check = |filter: &str, expected: &[&str]| {
        let role = format!("role R\n\tmodelPermission: read\n\ttablePermission A = {filter}\n");
        let found: Vec<_> = problems(&[CHAIN, &role])
            .into_iter()
            .filter_map(|problem| problem.code)
            .collect();
        assert_eq!(found, expected, "{filter}");
    };
    check("[X] = \"a\"", &[]);
    check("FALSE()", &[]);
    check("[X] IN { \"a\", \"b\" } || [X] = \"c\"", &[]);
    check("IF([X] = \"a\", TRUE(), FALSE())", &[]);
    check(
        "SWITCH(TRUE(), [X] = \"a\", TRUE(), [X] = \"b\", TRUE())",
        &[],
    );

    check("[X] = CUSTOMDATA()", &["role-blank-custom-data"]);
    check(
        "CUSTOMDATA() = [X] && [X] > \"a\"",
        &["role-blank-custom-data"],
    );
    check("NOT ISBLANK(CUSTOMDATA()) && [X] = CUSTOMDATA()", &[]);
    check("[X] == CUSTOMDATA()", &[]);

    let lookup = "LOOKUPVALUE(B[X], B[Y], USERNAME())";
    check(&format!("[X] = {lookup}"), &["role-blank-lookup"]);
    check(
        &format!("VAR v = {lookup} VAR w = v RETURN [X] = w"),
        &["role-blank-lookup"],
    );
    check(
        &format!("VAR v = {lookup} RETURN NOT ISBLANK(v) && [X] = v"),
        &[],
    );
    check(&format!("[X] == {lookup}"), &[]);
    check("[X] = SELECTEDVALUE(B[X])", &["role-blank-lookup"]);
    check("[X] = SELECTEDVALUE(B[X], \"none\")", &[]);

    check(
        "USERNAME() = \"ana@contoso.example\"",
        &["role-constant-user"],
    );
    check(
        "USERPRINCIPALNAME() IN { \"a\", \"b\" }",
        &["role-constant-user"],
    );
    check(
        "VAR u = USERNAME() RETURN [X] = \"a\" || u == \"boss\"",
        &["role-constant-user"],
    );
    check("CUSTOMDATA() = \"admin\"", &["role-constant-user"]);
    check("[X] = USERNAME()", &[]);
    check(
        "SWITCH(USERNAME(), \"boss\", [X] = \"a\", FALSE())",
        &["role-constant-user"],
    );

    check("[X] = \"a\" || TRUE()", &["role-always-true"]);
    check(
        "OR([X] = \"a\", [X] = \"b\" || TRUE()) && [X] = \"c\"",
        &["role-falls-through", "role-falls-through"],
    );
    check(
        "IF([X] = \"a\", [X] = \"b\", TRUE())",
        &["role-falls-through"],
    );
    check(
        "SWITCH([X], \"a\", FALSE(), TRUE())",
        &["role-falls-through"],
    );
    check("IFERROR([X] = 1, TRUE())", &["role-falls-through"]);
    check(
        "VAR other = TRUE() RETURN IF([X] = \"a\", FALSE(), other)",
        &["role-falls-through"],
    );
    check("TRUE()", &["role-always-true"]);
    check("1 = 1", &["role-always-true"]);
    check("NOT FALSE()", &["role-always-true"]);
    check("VAR all = TRUE() RETURN all", &["role-always-true"]);

    check("[X] <> \"a\"", &["role-not-equal"]);
    check("[X] <> \"\"", &[]);
    check("[X] <> BLANK()", &[]);
    check("NOT ISBLANK([X]) && [X] <> \"a\"", &[]);
}
