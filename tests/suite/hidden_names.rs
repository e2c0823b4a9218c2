//! Hidden is the same as deleted: under a role that hides objects, any text of a query gives the same bytes as on a copy of
//! the model from which these objects, and what depends on them, were deleted by hand.

use peristyle::{Database, Identity, QueryOptions, Session};

use crate::deletion::{ADVENTURE_COST, adventure_sheets};
use crate::outcome::all_that_shows;
use crate::scratch::Scratch;
use crate::sheets::write_sheets;
use crate::world::{Hidden, delete};

/// Queries that are fine, and queries that name what is hidden, or nearly, in every place where a name can stand.
const QUERIES: &[&str] = &[
    // Nothing hidden is named.
    "EVALUATE SUMMARIZECOLUMNS('Date'[Fiscal Year], \"Sales\", [Total Sales])",
    "EVALUATE SUMMARIZECOLUMNS('Product'[Category], \"Units\", [Units], \"Customers\", [Customers])",
    "EVALUATE ROW(\"x\", COUNTROWS(Sales), \"y\", COUNTROWS('Product'))",
    "EVALUATE TOPN(3, 'Product', 'Product'[ProductKey], ASC)",
    "EVALUATE 'Sales Territory'",
    "EVALUATE TOPN(2, Sales, Sales[SalesOrderLineKey], ASC)",
    "EVALUATE SELECTCOLUMNS(TOPN(2, Sales, Sales[SalesOrderLineKey], ASC), \"p\", RELATED('Product'[Product]))",
    "EVALUATE ROW(\"x\", CALCULATE([Total Sales], ALL(Sales)), \"y\", CALCULATE([Total Sales], ALLEXCEPT('Product', 'Product'[Color])))",
    // A hidden column.
    "EVALUATE VALUES(Sales[Total Product Cost])",
    "EVALUATE VALUES('Product'[Standard Cost])",
    "EVALUATE VALUES('product'[STANDARD COST])",
    "EVALUATE ROW(\"x\", SUM(Sales[Total Product Cost]))",
    "EVALUATE ROW(\"x\", SUMX(Sales, Sales[Sales Amount] - Sales[Total Product Cost]))",
    "EVALUATE ROW(\"x\", SUMX(Sales, [Total Product Cost]))",
    "EVALUATE FILTER('Product', 'Product'[Standard Cost] > 100)",
    "EVALUATE FILTER('Product', [Standard Cost] > 100)",
    "EVALUATE CALCULATETABLE(VALUES('Product'[Color]), 'Product'[Standard Cost] > 100)",
    "EVALUATE SUMMARIZECOLUMNS('Product'[Standard Cost], \"x\", [Total Sales])",
    "EVALUATE SUMMARIZE(Sales, 'Product'[Standard Cost])",
    "EVALUATE ROW(\"x\", CALCULATE([Total Sales], ALL('Product'[Standard Cost])))",
    "EVALUATE ROW(\"x\", CALCULATE([Total Sales], ALLEXCEPT('Product', 'Product'[Standard Cost])))",
    "EVALUATE ROW(\"x\", CALCULATE([Total Sales], TREATAS({1}, 'Product'[Standard Cost])))",
    "EVALUATE TOPN(3, 'Product', 'Product'[Standard Cost], DESC)",
    "EVALUATE VALUES('Product'[Product]) ORDER BY 'Product'[Standard Cost]",
    "EVALUATE ROW(\"x\", LOOKUPVALUE('Product'[Standard Cost], 'Product'[ProductKey], 300))",
    "EVALUATE ROW(\"x\", LOOKUPVALUE('Product'[Product], 'Product'[Standard Cost], 300))",
    "EVALUATE ROW(\"x\", ISFILTERED('Product'[Standard Cost]))",
    "EVALUATE ADDCOLUMNS(Sales, \"x\", RELATED('Product'[Standard Cost]))",
    "EVALUATE SELECTCOLUMNS('Product', \"Standard Cost\", 1)",
    "EVALUATE ADDCOLUMNS(VALUES('Product'[Color]), \"Standard Cost\", [Total Sales])",
    // Nearly a hidden column.
    "EVALUATE VALUES(Sales[Total Product Cos])",
    "EVALUATE VALUES(Sales[Product Standart Cost])",
    "EVALUATE VALUES('Product'[Standard Costs])",
    "EVALUATE VALUES('Product'[Standard Colour])",
    // A hidden measure.
    "EVALUATE ROW(\"x\", [Total Cost])",
    "EVALUATE ROW(\"x\", [total cost])",
    "EVALUATE ROW(\"x\", Sales[Margin])",
    "EVALUATE ROW(\"x\", [Margin %])",
    "EVALUATE SUMMARIZECOLUMNS('Date'[Fiscal Year], \"x\", [Total Sales] - [Total Cost])",
    "EVALUATE ADDCOLUMNS(VALUES('Date'[Fiscal Year]), \"x\", CALCULATE([Margin], ALL('Date')))",
    "DEFINE VAR x = [Margin] EVALUATE ROW(\"x\", x)",
    "DEFINE VAR x = [Margin] EVALUATE ROW(\"x\", 1)",
    "DEFINE MEASURE Sales[Gain] = [Margin] * 2 EVALUATE ROW(\"x\", [Gain])",
    // Nearly a hidden measure.
    "EVALUATE ROW(\"x\", [Total Costs])",
    "EVALUATE ROW(\"x\", [Margn])",
    "EVALUATE ROW(\"x\", [Margin %%])",
    // A hidden name is free.
    "DEFINE MEASURE Sales[Total Cost] = 42 EVALUATE ROW(\"x\", [Total Cost])",
    "DEFINE MEASURE Sales[Margin] = [Total Sales] EVALUATE SUMMARIZECOLUMNS('Date'[Fiscal Year], \"x\", [Margin])",
    "DEFINE VAR Margin = 3 EVALUATE ROW(\"x\", Margin)",
    "DEFINE VAR Customer = 3 EVALUATE ROW(\"x\", Customer)",
    "DEFINE TABLE Customer = {1, 2} EVALUATE Customer",
    "DEFINE COLUMN 'Product'[Standard Cost] = 1 EVALUATE VALUES('Product'[Standard Cost])",
    // A hidden table.
    "EVALUATE Customer",
    "EVALUATE 'customer'",
    "EVALUATE VALUES(Customer[City])",
    "EVALUATE ROW(\"x\", COUNTROWS(Customer))",
    "EVALUATE ROW(\"x\", CALCULATE([Total Sales], ALL(Customer)))",
    "EVALUATE SUMMARIZECOLUMNS(Customer[Country-Region], \"x\", [Total Sales])",
    "EVALUATE ADDCOLUMNS(TOPN(2, Sales, Sales[SalesOrderLineKey], ASC), \"x\", RELATED(Customer[City]))",
    "EVALUATE ROW(\"x\", CALCULATE([Total Sales], USERELATIONSHIP(Sales[CustomerKey], Customer[CustomerKey])))",
    "EVALUATE ROW(\"x\", CALCULATE([Total Sales], CROSSFILTER(Sales[CustomerKey], Customer[CustomerKey], NONE)))",
    "EVALUATE ROW(\"x\", CALCULATE([Total Sales], REMOVEFILTERS(Customer[City])))",
    "EVALUATE RELATEDTABLE(Customer)",
    "EVALUATE ROW(\"x\", CALCULATE([Total Sales], Customer[City] = \"Seattle\"))",
    "EVALUATE Custmer",
    "EVALUATE VALUES(Customers[City])",
    "EVALUATE ROW(\"x\", [City])",
    // What describes the model.
    "EVALUATE INFO.VIEW.TABLES()",
    "EVALUATE INFO.VIEW.COLUMNS()",
    "EVALUATE INFO.VIEW.MEASURES()",
    "EVALUATE INFO.VIEW.RELATIONSHIPS()",
    "EVALUATE FILTER(INFO.VIEW.COLUMNS(), SEARCH(\"cost\", [Name], 1, 0) > 0)",
    "EVALUATE COLUMNSTATISTICS()",
    "EVALUATE INFO.TABLES()",
    "EVALUATE INFO.ROLES()",
    "EVALUATE INFO.COLUMNPERMISSIONS()",
    // Broken texts.
    "EVALUATE VALUES('Product'[Standard Cost]",
    "EVALUATE [Total Cost]",
    "EVALUATE ROW(\"x\", SUM('Product'[Standard Cost], 1))",
    "EVALUATE ROW(\"x\", [Margin] + [Nothing] + Sales[Total Product Cost])",
    "EVALUATE ROW(\"x\", MARGIN())",
];

/// Both read the same files.
fn check_role(role: &str, hidden: &[Hidden]) {
    let Some((model, sheets)) = adventure_sheets() else {
        return;
    };
    let files = Scratch::new("hidden-names");
    write_sheets(&sheets, files.path());
    let import = |name: &str, model: &model::Model| {
        let file = files.path().join(name);
        std::fs::write(&file, model::write_bim(model)).expect("a model");
        Database::import(&file, files.path()).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let mut copy = model.clone();
    delete(&mut copy, hidden);
    copy.roles.retain(|role| role.name == "Everything");
    let (secured, copy) = (import("secured.bim", &model), import("copy.bim", &copy));
    let admit = |database: &Database, role: &str| {
        database
            .session(Identity::user("ana@adventure-works.example").role(role))
            .expect("a role of the model")
    };
    compare(
        &admit(&secured, role),
        &admit(&copy, "Everything"),
        &admit(&secured, "Everything"),
    );
}

fn compare(secured: &Session, copy: &Session, open: &Session) {
    let mut differ = Vec::new();
    let mut hides = 0;
    for dax in QUERIES {
        let all = |session: &Session| all_that_shows(session, dax, &QueryOptions::default());
        let (secured, copy) = (all(secured), all(copy));
        hides += usize::from(secured != all(open));
        if secured != copy {
            let line = secured.lines().zip(copy.lines()).find(|(a, b)| a != b);
            differ.push(format!("{dax}: {line:?}"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(
        hides > 15,
        "only {hides} queries tell the role from one that hides nothing"
    );
    assert_eq!(
        format!("{:?}", secured.catalog()),
        format!("{:?}", copy.catalog())
    );
}

#[test]
fn no_cost_answers_to_the_byte_as_a_model_without_costs() {
    check_role("No cost", ADVENTURE_COST);
}

#[test]
fn no_customers_answers_to_the_byte_as_a_model_without_customers() {
    check_role("No customers", &[Hidden::Table("Customer")]);
}
