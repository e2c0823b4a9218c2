use std::path::{Path, PathBuf};

use crate::types::*;
use crate::{LoadErrors, TmdlFile, load, read_bim, read_tmdl, write_bim};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wide")
}

fn read(texts: &[&str]) -> Result<Model, LoadErrors> {
    let file = |(index, text): (usize, &&str)| TmdlFile {
        name: format!("{index}.tmdl"),
        text: text.to_string(),
    };
    read_tmdl(&texts.iter().enumerate().map(file).collect::<Vec<_>>())
}

fn refused(texts: &[&str], words: &str) {
    let errors = read(texts).expect_err(words).to_string();
    assert!(
        errors.contains(words),
        "{texts:?}\ngave: {errors}\nwithout: {words}"
    );
    assert!(errors.contains(".tmdl:"), "no place in {errors}");
}

const TABLE: &str = "table T\n\tcolumn A\n\t\tdataType: int64\n\tcolumn B\n\t\tdataType: string\n\tpartition T = m\n\t\tsource = 1\n";

#[test]
fn both_forms_of_the_wide_model_are_one_model() {
    let tmdl = load(&fixture()).unwrap_or_else(|errors| panic!("{errors}"));
    let path = fixture().join("wide.bim");
    let bim = load(&path).unwrap_or_else(|errors| panic!("{errors}"));
    let (mut tmdl, mut bim) = (tmdl.without_sources(), bim.without_sources());
    let by_place = |one: &Unused| (one.place.clone(), one.what.clone());
    tmdl.unused.sort_by_key(by_place);
    bim.unused.sort_by_key(by_place);
    // The TMDL fixture holds more of what an import may let go of than the other.
    assert!(bim.let_go.is_subset(&tmdl.let_go), "{:?}", bim.let_go);
    tmdl.let_go = bim.let_go.clone();
    assert_eq!(format!("{tmdl:#?}"), format!("{bim:#?}"));
    assert_eq!(tmdl, bim);
}

#[test]
fn the_wide_model_survives_writing() {
    let mut model = load(&fixture()).unwrap().without_sources();
    model.unused.clear();
    model.let_go.clear();
    let text = write_bim(&model);
    assert_eq!(read_bim(&text, "x.bim").unwrap().without_sources(), model);
}

#[test]
fn reads_the_wide_model() {
    let model = load(&fixture()).unwrap();
    assert_eq!(model.name, "Wide");
    assert_eq!(model.description, "Every construct\nof a model.");
    assert!(model.options.strict_orphans && model.discourage_implicit_measures);
    let names: Vec<&str> = model
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "Sales",
            "It's a \"Date\"",
            "Product",
            "Metrics",
            "Time Intelligence",
            "Field Parameter"
        ]
    );
    let sales = model.table("sales").unwrap();
    assert_eq!(
        sales.source,
        Source {
            file: Path::new("tables").join("Sales.tmdl").display().to_string(),
            line: Some(3)
        }
    );
    let measure = |name: &str| sales.measure(name).unwrap();
    assert_eq!(
        measure("Total Sales").display_folder.as_deref(),
        Some(" My \"Amazing\" Measures")
    );
    assert_eq!(
        measure("Sales PY").expression,
        "VAR Result =\n    CALCULATE ( [Total Sales], SAMEPERIODLASTYEAR ( 'It''s a \"Date\"'[Date] ) )\n\nRETURN\n    Result"
    );
    assert_eq!(measure("Fenced").expression, "VAR a = 1  \n\n  RETURN a");
    assert_eq!(
        measure("Fenced").format_string.as_deref(),
        Some("\"yes\";\"no\"")
    );
    assert!(
        matches!(&sales.partitions[0].kind, PartitionKind::M { file: Some(file), .. } if file == r"C:\data\Sales.parquet")
    );
    assert_eq!(
        sales.column("Untyped").unwrap().data_type,
        DataType::Unknown
    );
    let unused: Vec<String> = model
        .unused
        .iter()
        .map(|one| format!("{}: {}", one.place, one.what))
        .collect();
    assert_eq!(
        unused,
        [
            "table 'Sales' / column 'Amount': alternateOf",
            "table 'Sales' / measure 'Goal' / kpi: statusGraphic",
            "table 'Sales': refreshPolicy",
            "table 'Product' / partition 'Product' / source: schemaName",
            "culture 'en-GB': translations",
        ]
    );
}

#[test]
fn spaces_tabs_and_line_ends_do_not_matter() {
    let plain = read(&[TABLE]).unwrap().without_sources();
    for text in [
        TABLE.replace('\t', "    "),
        TABLE.replace('\t', "  "),
        TABLE.replace('\n', "\r\n"),
        TABLE
            .replacen("\t\t", "        ", 1)
            .replacen("\n\tcolumn B", "\n    column B", 1),
        format!("\u{feff}{TABLE}"),
        TABLE.replace("\n\t", "\n\n \n\t"),
        format!(
            "createOrReplace\n\n\t{}",
            TABLE.trim_end().replace('\n', "\n\t")
        ),
        format!(
            "database D\n\tmodel Model\n\t\t{}",
            TABLE.trim_end().replace('\n', "\n\t\t")
        )
        .replace("database D", "database"),
        TABLE
            .replace("partition", "PARTITION")
            .replace("dataType", "DATATYPE"),
    ] {
        let read = read(&[&text]).unwrap_or_else(|errors| panic!("{text}\n{errors}"));
        assert_eq!(read.without_sources(), plain, "{text}");
    }
}

#[test]
fn reads_expressions_however_they_are_laid_out() {
    let check = |measure: &str, expected: &str| {
        let text = format!("table T\n\tmeasure M = {measure}\n\t\tisHidden\n");
        let model = read(&[&text]).unwrap_or_else(|errors| panic!("{text}\n{errors}"));
        assert_eq!(model.tables[0].measures[0].expression, expected, "{text}");
        assert!(model.tables[0].measures[0].hidden);
    };
    check("1", "1");
    check("\n\t\t\t1", "1");
    check("\n\n\t\t\t1\n\n", "1");
    check("\n\t\t\t\t1 +\n\t\t\t2", "\t1 +\n2");
    check("VAR x = 1\n\t\t\tRETURN x", "VAR x = 1\nRETURN x");
    check("```\n\t\t\ta\n\n\t\t\t\tb  \n\t\t\t```", "a\n\n\tb  ");
    check("```\n  not indented\n```", "  not indented");
    check(
        "\n\t\t\t\"::= {}\" & /* isHidden */ 1",
        "\"::= {}\" & /* isHidden */ 1",
    );
}

#[test]
fn annotations_end_an_expression_however_deep_they_stand() {
    for text in [
        "function F =\n\t\t\t(\n\t\t\t\tx\n\t\t\t) =>\n\t\t\t\tx + 1\n\n\t\tannotation A = 1\n\n\t\tannotation B = 2\n",
        "function F =\n\t\t(\n\t\t\tx\n\t\t) =>\n\t\t\tx + 1\n\n        annotation A = 1\n        annotation B = 2\n",
    ] {
        let model = read(&[text]).unwrap_or_else(|errors| panic!("{text}\n{errors}"));
        assert_eq!(
            model.functions[0].expression, "(\n\tx\n) =>\n\tx + 1",
            "{text}"
        );
    }
}

#[test]
fn pieces_of_an_object_come_together() {
    let model = read(&[
        "model Model\nref table U\nref table T\n",
        TABLE,
        "table U\n\tmeasure M = 1\n",
        "table t\n\tmeasure N = 2\n",
    ])
    .unwrap();
    assert_eq!(
        model
            .tables
            .iter()
            .map(|table| table.name.as_str())
            .collect::<Vec<_>>(),
        ["U", "T"]
    );
    assert_eq!(
        (
            model.tables[1].columns.len(),
            model.tables[1].measures.len()
        ),
        (2, 1)
    );
    let model = read(&[TABLE, "ref table T\n\tref column A\n\t\tisHidden\n"]).unwrap();
    assert!(model.tables[0].columns[0].hidden);
    assert_eq!(
        read(&[TABLE, "ref table V\n"]).unwrap().unused[0].what,
        "ref table 'V', which is declared nowhere"
    );
    assert!(read(&[TABLE, "table T\n\tisHidden\n", "table T\n\tisHidden\n"]).is_ok());
    refused(
        &[
            TABLE,
            "table T\n\tdataCategory: Time\n",
            "table T\n\tdataCategory: Other\n",
        ],
        "'dataCategory' is given a second time",
    );
    refused(
        &[
            TABLE,
            "table T\n\tisHidden\n",
            "table T\n\tisHidden: false\n",
        ],
        "'isHidden' is given a second time",
    );
    refused(
        &[TABLE, "/// a\ntable T\n", "/// b\ntable T\n"],
        "described a second time",
    );
    refused(
        &[TABLE, "table T\n\tcolumn a\n"],
        "another object of the table has the same name",
    );
    refused(
        &["table T\n\tmeasure M = 1\n", "table T\n\tmeasure M = 1\n"],
        "another measure of the model",
    );
    refused(&["model A\n\tculture: a\n", "model B\n"], "a second model");
    refused(&["ref table T\n\tmeasure M = 1\n"], "declared nowhere");
}

#[test]
fn refuses_whatever_it_does_not_understand_in_roles() {
    let role = |inside: &str| format!("role R\n\tmodelPermission: read\n{inside}");
    let check = |inside: &str, words: &str| refused(&[TABLE, &role(inside)], words);
    assert!(
        read(&[
            TABLE,
            &role("\ttablePermission T = [A] = 1\n\t\tcolumnPermission B = none\n")
        ])
        .is_ok()
    );
    check("\tisHidden\n", "'isHidden' is not known here");
    check(
        "\tmodelPermission: none\n",
        "'modelPermission' is given a second time",
    );
    check(
        "\ttablePermision T = FALSE()\n",
        "'tablePermision' is not known here",
    );
    check(
        "\ttablePermission = FALSE()\n",
        "'tablePermission' is not known here",
    );
    check(
        "\ttablePermission: T\n",
        "'tablePermission' is not known here",
    );
    check("\ttablePermission\n", "'tablePermission' has no name");
    check("\ttablePermission U = FALSE()\n", "there is no such table");
    check(
        "\ttablePermission T = TRUE()\n\ttablePermission T = FALSE()\n",
        "another permission in this role",
    );
    check(
        "\ttablePermission T\n\t\tmetadataPermission: nothing\n",
        "which is none of default, none, read",
    );
    check(
        "\ttablePermission T\n\t\tfilter: x\n",
        "'filter' is not known here",
    );
    check(
        "\ttablePermission T\n\t\tcolumnPermission C = none\n",
        "the table has no such column",
    );
    check(
        "\ttablePermission T\n\t\tcolumnPermission A = hidden\n",
        "which is none of default, none, read",
    );
    check(
        "\ttablePermission T\n\t\tcolumnPermission A\n\t\t\tfoo: 1\n",
        "'foo' is not known here",
    );
    check(
        "\ttablePermission T = [A] = 1\n\t\tfilterExpression = FALSE()\n",
        "'filterExpression' is not known here",
    );
    check(
        "\ttablePermission T =\n\t\t[A] = 1\n\t\tcolumnPermission B = none\n",
        "two levels deeper",
    );
    check(
        "\tmodelPermissions: read\n\t\ttablePermission T = FALSE()\n",
        "nothing may be indented below the property",
    );
    check(
        "\t tablePermission T = FALSE()\n",
        "nothing may be indented below the property",
    );
    check(
        "\ttablePermission T\n\t\tmetadataPermission: none\n\t  tablePermission U = FALSE()\n",
        "the indentation fits neither",
    );
    refused(&[TABLE, "ref role R\n"], "declared nowhere");
    refused(&[TABLE, "role\n"], "'role' has no name");
    refused(
        &[TABLE, "roles\n\trole R\n"],
        "'roles' must be a list of objects",
    );
    refused(
        &[TABLE, "role R\n", "role R\n"],
        "another role has the same name",
    );
    refused(
        &[TABLE, "tablePermission T = FALSE()\n"],
        "is not known here",
    );
    refused(
        &[TABLE, "table U\n\ttablePermission T = FALSE()\n"],
        "is not known here",
    );
    let ignored = read(&[TABLE, &role("\tannotation Note = x\n")]).unwrap();
    assert_eq!(ignored.unused[0].what, "annotation 'Note'");
}

#[test]
fn says_what_is_malformed() {
    let check = |text: &str, words: &str| refused(&[text], words);
    check("table 'T\n", "not closed by a quote");
    check("table T U\n", "a name with spaces or points needs quotes");
    check("table T: U\n", "takes '=' and not ':'");
    check("table T = 1\n", "'table' takes no value");
    check("// note\n", "begins neither an object nor a property");
    check("= 1\n", "begins neither");
    check("table T\n\tmeasure M = ```\n\t\t1\n", "never closed");
    check("/// nothing\n", "stands before no object");
    check(
        "table T\n\t/// x\n\tisHidden: true\n",
        "a description stands before the property",
    );
    check(
        "table T\n\tisHidden: perhaps\n",
        "0.tmdl:2: table 'T': 'isHidden' must be true or false",
    );
    check(
        "relationship r\n\tfromColumn: T\n\ttoColumn: T.A\n",
        "must be a table, a point and a name",
    );
    check(
        "table T\n\tcolumn A\n\t\tsortByColumn: T.B\n",
        "must be one name",
    );
    check("table\n", "'table' has no name");
    check(
        "table T\n\t\tisHidden\n\tisPrivate\n",
        "the indentation fits neither",
    );
}

#[test]
fn malformed_text_is_an_error_and_never_a_panic() {
    let mut nested = String::new();
    for depth in 0..2000 {
        nested.push_str(&format!("{}a\n", " ".repeat(depth)));
    }
    refused(&[&nested], "nests too deep");
    for folder in ["", "tables", "roles"] {
        for entry in std::fs::read_dir(fixture().join("definition").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let Ok(text) = std::fs::read_to_string(&path) else {
                continue;
            };
            for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
                let _ = read(&[&text[..at]]);
                for insert in ["\n", "\t", "'", "=", ":", "\"", "```", "é"]
                    .into_iter()
                    .filter(|_| at % 7 == 0)
                {
                    let _ = read(&[&format!("{}{insert}{}", &text[..at], &text[at..])]);
                }
            }
        }
    }
}

#[test]
fn finds_the_model_in_a_project() {
    let root = std::env::temp_dir().join(format!("peristyle-model-{}", std::process::id()));
    let project = root.join("Shop.SemanticModel");
    std::fs::create_dir_all(project.join("definition/tables")).unwrap();
    std::fs::create_dir_all(root.join("Shop.Report")).unwrap();
    std::fs::write(
        project.join("definition/database.tmdl"),
        "database\n\tcompatibilityLevel: 1600\n",
    )
    .unwrap();
    std::fs::write(project.join("definition/tables/T.tmdl"), TABLE).unwrap();
    for path in [root.clone(), project.clone(), project.join("definition")] {
        assert_eq!(load(&path).unwrap().name, "Shop", "{}", path.display());
    }
    std::fs::write(
        project.join(".platform"),
        r#"{ "metadata": { "type": "SemanticModel", "displayName": "The shop" } }"#,
    )
    .unwrap();
    assert_eq!(
        load(&root.join("Shop.SemanticModel")).unwrap().name,
        "The shop"
    );
    std::fs::write(project.join("definition.pbism"), "{ \"version\": \"4.2\" }").unwrap();
    assert_eq!(
        load(&project.join("definition.pbism")).unwrap().name,
        "The shop"
    );
    std::fs::write(root.join("Shop.pbix"), "PK").unwrap();
    assert!(
        load(&root.join("Shop.pbix"))
            .unwrap_err()
            .to_string()
            .contains("save the file as a Power BI project")
    );
    assert!(
        load(&root.join("Shop.Report"))
            .unwrap_err()
            .to_string()
            .contains("neither model.bim nor .tmdl")
    );
    std::fs::write(root.join("Shop.Report/database.json"), "{}").unwrap();
    assert!(
        load(&root.join("Shop.Report"))
            .unwrap_err()
            .to_string()
            .contains("saved in pieces")
    );
    std::fs::write(project.join("Model.bim"), "{}").unwrap();
    assert!(
        load(&project)
            .unwrap_err()
            .to_string()
            .contains("both model.bim and definition")
    );
    assert!(
        load(&root.join("absent.bim"))
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
    for broken in [&[0xff, 0x7b, 0x00][..], &[0xff, 0xfe, 0x7b][..]] {
        std::fs::write(root.join("x.bim"), broken).unwrap();
        assert!(
            load(&root.join("x.bim"))
                .unwrap_err()
                .to_string()
                .contains("neither UTF-8 text nor")
        );
    }
    let units = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
    let little = |text: &str| {
        units(text)
            .into_iter()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    let big = |text: &str| {
        units(text)
            .into_iter()
            .flat_map(u16::to_be_bytes)
            .collect::<Vec<u8>>()
    };
    let text = r#"{ "name": "Zoë", "compatibilityLevel": 1600, "model": {} }"#;
    let marked = format!("\u{feff}{text}");
    for bytes in [little(&marked), big(&marked), little(text)] {
        std::fs::write(root.join("x.bim"), bytes).unwrap();
        assert_eq!(load(&root.join("x.bim")).unwrap().name, "Zoë");
    }
    std::fs::remove_dir_all(&root).unwrap();
}
