//! The queries that the oracles run over: the files of the retail fixture, and a list for Adventure Works.

use std::fs;
use std::path::Path;

use peristyle::{QueryOptions, Value};

pub struct Query {
    pub name: String,
    pub text: String,
}

impl Query {
    /// Whether the query says in which order its rows come.
    pub fn ordered(&self) -> bool {
        self.text.to_uppercase().contains("ORDER BY")
    }
}

/// The values that the queries with parameters take.
pub fn options() -> QueryOptions {
    QueryOptions::default().parameter("year", Value::Integer(2023))
}

/// Every query of `fixtures/retail/queries`, and a few that look for what a filter may leave behind.
pub fn retail() -> Vec<Query> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail/queries");
    let mut queries: Vec<Query> = fs::read_dir(&folder)
        .expect("the queries of the retail fixture")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "dax"))
        .map(|path| Query {
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            text: fs::read_to_string(&path).expect("a query"),
        })
        .collect();
    assert!(queries.len() > 50, "{}", queries.len());
    queries.extend(named(PROBES));
    queries.sort_by(|a, b| a.name.cmp(&b.name));
    queries
}

pub fn adventure_works() -> Vec<Query> {
    named(ADVENTURE_WORKS)
}

fn named(queries: &[(&str, &str)]) -> Vec<Query> {
    queries
        .iter()
        .map(|(name, text)| Query {
            name: (*name).to_owned(),
            text: (*text).to_owned(),
        })
        .collect()
}

/// Queries over the retail model that try to learn of rows that are not there: counts, totals, values, statistics.
const PROBES: &[(&str, &str)] = &[
    (
        "probe-counts",
        "EVALUATE ROW(\"o\", COUNTROWS(Orders), \"p\", COUNTROWS(Products), \"c\", COUNTROWS(Customers), \"s\", COUNTROWS(Stores), \
         \"d\", COUNTROWS(Dates), \"a\", COUNTROWS(Accounts), \"b\", COUNTROWS(Balances), \"n\", COUNTROWS('Order Notes'), \
         \"u\", COUNTROWS('User Regions'), \"r\", COUNTROWS(Rates), \"g\", COUNTROWS(Regions), \"k\", COUNTROWS('Account Customers'))",
    ),
    (
        "probe-all",
        "EVALUATE ROW(\"all\", CALCULATE([Sales], ALL()), \"orders\", CALCULATE([Sales], ALL(Orders)), \
         \"stores\", COUNTROWS(ALL(Stores)), \"no blank\", COUNTROWS(ALLNOBLANKROW(Stores)), \"except\", \
         CALCULATE([Sales], ALLEXCEPT(Orders, Orders[Quantity])), \"crossed\", COUNTROWS(CROSSJOIN(ALL(Stores[Region]), ALL(Categories[Category]))))",
    ),
    (
        "probe-treatas",
        "EVALUATE ROW(\"x\", CALCULATE([Sales], TREATAS({\"Norway\", \"Germany\", \"France\"}, Stores[Country])), \
         \"y\", COUNTROWS(TREATAS({\"Norway\", \"Germany\", \"Nowhere\"}, Stores[Country])))",
    ),
    (
        "probe-blank-rows",
        "EVALUATE ROW(\"stores\", COUNTROWS(VALUES(Stores[Store Key])) - COUNTROWS(DISTINCT(Stores[Store Key])), \
         \"products\", COUNTROWS(VALUES(Products[Product Key])) - COUNTROWS(DISTINCT(Products[Product Key])), \
         \"customers\", COUNTROWS(VALUES(Customers)) - COUNTROWS(DISTINCT(Customers)), \
         \"dates\", COUNTROWS(VALUES(Dates[Date])) - COUNTROWS(DISTINCT(Dates[Date])), \
         \"categories\", COUNTROWS(VALUES(Categories[Category])) - COUNTROWS(DISTINCT(Categories[Category])), \
         \"regions\", COUNTROWS(VALUES(Regions[Region])) - COUNTROWS(DISTINCT(Regions[Region])))",
    ),
    ("probe-column-statistics", "EVALUATE COLUMNSTATISTICS()"),
    (
        "probe-extremes",
        "EVALUATE ROW(\"a\", MIN(Orders[Net Amount]), \"b\", MAX(Orders[Net Amount]), \"c\", MIN(Customers[Customer]), \"d\", MAX(Customers[Joined]), \
         \"e\", MAX(Customers[Birth Date]), \"f\", AVERAGE(Customers[Credit Limit]), \"g\", DISTINCTCOUNT(Customers[City]), \"h\", MAX(Stores[Square Meters]))",
    ),
    (
        "probe-lookup",
        "EVALUATE ROW(\"a\", LOOKUPVALUE(Stores[Store], Stores[Store Key], 1), \"b\", LOOKUPVALUE(Stores[Store], Stores[Store Key], 6), \
         \"c\", LOOKUPVALUE(Customers[City], Customers[Customer Key], 7), \"d\", CONTAINS(Stores, Stores[Country], \"Norway\"))",
    ),
    (
        "probe-regions",
        "EVALUATE SUMMARIZECOLUMNS(Regions[Region], \"Sales\", [Sales], \"Stores\", COUNTROWS(Stores), \"Staff\", COUNTROWS(Orders))",
    ),
    (
        "probe-price-band",
        "EVALUATE SUMMARIZECOLUMNS(Products[Price Band], \"Sales\", [Sales], \"Products\", COUNTROWS(Products))",
    ),
    ("probe-customers", "EVALUATE Customers"),
    (
        "probe-bridge",
        "EVALUATE SUMMARIZECOLUMNS(Customers[Country], \"Accounts\", [Account Count], \"Shared\", [Shared Accounts], \"Closing\", [Closing Balance])",
    ),
    (
        "probe-accounts",
        "EVALUATE ADDCOLUMNS(Accounts, \"Holders\", COUNTROWS(RELATEDTABLE('Account Customers')), \"Balance\", [Last Balance])",
    ),
    (
        "probe-rates",
        "EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], Currencies[Currency], \"Rate\", [Average Rate], \"Closing\", [Closing Rate])",
    ),
    (
        "probe-rank-of-stores",
        "EVALUATE ADDCOLUMNS(VALUES(Stores[Store]), \"Rank\", RANKX(ALL(Stores[Store]), [Sales]), \"Of\", COUNTROWS(ALL(Stores[Store])))",
    ),
    (
        "probe-division",
        "EVALUATE ROW(\"a\", 1 / COUNTROWS(Stores), \"b\", IFERROR(1 / ([Order Lines] - COUNTROWS(ALL(Orders))), -1))",
    ),
    (
        "probe-view-tables",
        "EVALUATE INFO.VIEW.TABLES() EVALUATE INFO.VIEW.RELATIONSHIPS()",
    ),
    (
        "probe-existence",
        "EVALUATE ROW(\"a\", CALCULATE([Sales], Customers[Customer Key] = 7), \"b\", COUNTROWS(FILTER(ALL(Customers), Customers[Customer Key] = 8)), \
         \"c\", CONTAINS(Customers, Customers[Customer Key], 9), \"d\", CALCULATE([Sales], Customers[Customer Key] IN {10, 11}), \
         \"e\", CALCULATE([Sales], TREATAS({12, 13}, Orders[Customer Key])), \"f\", COUNTROWS(INTERSECT(ALL(Customers[Customer Key]), {14})), \
         \"g\", CALCULATE([Sales], KEEPFILTERS(TREATAS({(15, \"Consumer\")}, Customers[Customer Key], Customers[Segment]))), \
         \"h\", CALCULATE([Sales], Orders[Order Number] = 500048), \"i\", COUNTROWS(CALCULATETABLE(Orders, Orders[Product Key] = 3)))",
    ),
    (
        "probe-existence-in-visuals",
        "EVALUATE SUMMARIZECOLUMNS(Customers[Segment], TREATAS({7, 8, 9, 10}, Customers[Customer Key]), \"x\", COUNTROWS(Customers)) \
         EVALUATE SUMMARIZECOLUMNS(Products[Color], TREATAS({\"Mountain Bike 101\", \"nothing\"}, Products[Product]), \"x\", [Sales]) \
         EVALUATE CALCULATETABLE(VALUES(Stores[Country]), Stores[Store Key] = 5) \
         EVALUATE SUMMARIZECOLUMNS(Dates[Year], DATESBETWEEN(Dates[Date], DATE(2022, 1, 1), DATE(2022, 1, 31)), \"x\", [Sales])",
    ),
    (
        "probe-time",
        "EVALUATE ROW(\"a\", CALCULATE([Sales], PREVIOUSYEAR(Dates[Date])), \"b\", CALCULATE([Sales], DATESYTD(Dates[Date])), \
         \"c\", CALCULATE(MAX(Dates[Date]), LASTDATE(Dates[Date])), \"d\", CALCULATE(MIN(Dates[Date]), FIRSTDATE(Dates[Date])), \
         \"e\", CALCULATE([Sales], PARALLELPERIOD(Dates[Date], -1, YEAR)), \"f\", OPENINGBALANCEYEAR([Sales], Dates[Date]))",
    ),
    (
        "probe-hidden-names",
        "EVALUATE ROW(\"x\", SUM(Orders[Cost]))",
    ),
    (
        "probe-hidden-margin",
        "EVALUATE SUMMARIZECOLUMNS(Categories[Category], \"x\", SUM(Orders[Margin]))",
    ),
    ("probe-hidden-table", "EVALUATE Balances"),
    (
        "probe-define-hidden",
        "DEFINE MEASURE Orders[Total Cost] = 1 MEASURE Orders[Closing Balance] = 2 EVALUATE ROW(\"a\", [Total Cost], \"b\", [Closing Balance])",
    ),
];

/// Shapes of queries over Adventure Works.
const ADVENTURE_WORKS: &[(&str, &str)] = &[
    (
        "total",
        "EVALUATE ROW(\"Sales\", [Total Sales], \"Units\", [Units], \"Orders\", [Orders], \"Customers\", [Customers])",
    ),
    (
        "by-year",
        "EVALUATE SUMMARIZECOLUMNS('Date'[Fiscal Year], \"Sales\", [Total Sales], \"Units\", [Units]) ORDER BY 'Date'[Fiscal Year]",
    ),
    (
        "by-due-year",
        "EVALUATE SUMMARIZECOLUMNS('Date'[Fiscal Year], \"Sales\", [Sales by Due Date])",
    ),
    (
        "by-quarter-and-group",
        "EVALUATE SUMMARIZECOLUMNS('Date'[Fiscal Quarter], 'Sales Territory'[Group], \"Sales\", [Total Sales])",
    ),
    (
        "by-category",
        "EVALUATE SUMMARIZECOLUMNS('Product'[Category], \"Sales\", [Total Sales], \"Share\", [Share of All Products], \"Rank\", [Product Rank])",
    ),
    (
        "by-product",
        "EVALUATE SUMMARIZECOLUMNS('Product'[Product], \"Sales\", [Total Sales], \"Rank\", [Product Rank])",
    ),
    (
        "by-region",
        "EVALUATE SUMMARIZECOLUMNS('Sales Territory'[Country], 'Sales Territory'[Region], \"Sales\", [Total Sales], \"Average\", [Average Order Value])",
    ),
    (
        "by-month",
        "EVALUATE SUMMARIZECOLUMNS('Date'[Month], 'Date'[MonthKey], \"Sales\", [Total Sales], \"YTD\", [Sales YTD], \"PY\", [Sales PY], \"YoY\", [Sales YoY %]) ORDER BY 'Date'[MonthKey]",
    ),
    (
        "running",
        "EVALUATE SUMMARIZECOLUMNS('Date'[Month], \"Running\", [Running Sales])",
    ),
    (
        "channel",
        "EVALUATE SUMMARIZECOLUMNS('Sales Order'[Channel], \"Sales\", [Total Sales], \"Orders\", [Orders])",
    ),
    (
        "subtotals",
        "EVALUATE SUMMARIZECOLUMNS(ROLLUPADDISSUBTOTAL('Product'[Category], \"C\", 'Product'[Subcategory], \"S\"), \"Sales\", [Total Sales])",
    ),
    (
        "matrix-page",
        "DEFINE VAR Core = SUMMARIZECOLUMNS(ROLLUPADDISSUBTOTAL('Product'[Subcategory], \"IsTotal\"), TREATAS({\"FY2020\"}, 'Date'[Fiscal Year]), \"Sales\", [Total Sales]) \
        EVALUATE TOPN(502, Core, [IsTotal], 0, 'Product'[Subcategory], 1) ORDER BY [IsTotal] DESC, 'Product'[Subcategory]",
    ),
    (
        "paging",
        "DEFINE VAR Core = SUMMARIZECOLUMNS('Product'[Product], \"Sales\", [Total Sales]) EVALUATE TOPN(10, FILTER(Core, ISONORAFTER('Product'[Product], \"Mountain\", ASC)), 'Product'[Product], 1)",
    ),
    (
        "all-territories",
        "EVALUATE SUMMARIZECOLUMNS('Sales Territory'[Group], \"Sales\", [Total Sales], \"All\", CALCULATE([Total Sales], ALL('Sales Territory')))",
    ),
    (
        "all-everything",
        "EVALUATE ROW(\"all\", CALCULATE([Total Sales], ALL()), \"sales\", CALCULATE([Total Sales], ALL(Sales)), \"count\", COUNTROWS(ALL('Sales Territory')))",
    ),
    (
        "removefilters",
        "EVALUATE SUMMARIZECOLUMNS('Product'[Color], \"x\", [Total Sales], \"y\", CALCULATE([Total Sales], REMOVEFILTERS('Product'[Color])))",
    ),
    (
        "allselected",
        "EVALUATE SUMMARIZECOLUMNS('Product'[Category], TREATAS({\"Bikes\", \"Clothing\"}, 'Product'[Category]), \"x\", DIVIDE([Total Sales], CALCULATE([Total Sales], ALLSELECTED('Product'[Category]))))",
    ),
    (
        "treatas",
        "EVALUATE ROW(\"x\", CALCULATE([Total Sales], TREATAS({\"Europe\", \"Pacific\"}, 'Sales Territory'[Group])))",
    ),
    (
        "keepfilters",
        "EVALUATE SUMMARIZECOLUMNS('Product'[Category], \"x\", CALCULATE([Total Sales], KEEPFILTERS('Product'[Category] = \"Bikes\")))",
    ),
    (
        "filter-sales",
        "EVALUATE ROW(\"n\", COUNTROWS(FILTER(Sales, Sales[Order Quantity] > 5)), \"x\", SUMX(FILTER(Sales, RELATED('Product'[Color]) = \"Red\"), Sales[Sales Amount]))",
    ),
    (
        "sumx-tax",
        "EVALUATE ROW(\"x\", SUMX(Sales, Sales[Sales Amount] * 1.06))",
    ),
    (
        "topn",
        "EVALUATE TOPN(5, SUMMARIZECOLUMNS('Customer'[Customer], 'Customer'[CustomerKey], \"Sales\", [Total Sales]), [Sales], DESC, 'Customer'[CustomerKey], ASC)",
    ),
    (
        "customers-by-country",
        "EVALUATE SUMMARIZECOLUMNS('Customer'[Country-Region], \"Sales\", [Total Sales], \"Customers\", [Customers], \"People\", COUNTROWS('Customer'))",
    ),
    (
        "resellers",
        "EVALUATE SUMMARIZECOLUMNS('Reseller'[Business Type], \"Sales\", [Total Sales], \"Resellers\", DISTINCTCOUNT(Sales[ResellerKey]))",
    ),
    (
        "crossjoin",
        "EVALUATE ADDCOLUMNS(CROSSJOIN(VALUES('Product'[Category]), VALUES('Sales Territory'[Group])), \"Sales\", [Total Sales])",
    ),
    (
        "summarize",
        "EVALUATE ADDCOLUMNS(SUMMARIZE(Sales, 'Product'[Category], 'Date'[Fiscal Year]), \"Sales\", [Total Sales])",
    ),
    ("values", "EVALUATE VALUES('Sales Territory'[Region])"),
    (
        "tables",
        "EVALUATE 'Sales Territory' EVALUATE 'User Territory' EVALUATE VALUES('Product'[Category]) EVALUATE VALUES('Date'[Fiscal Year])",
    ),
    (
        "counts",
        "EVALUATE ROW(\"s\", COUNTROWS(Sales), \"o\", COUNTROWS('Sales Order'), \"d\", COUNTROWS('Date'), \"p\", COUNTROWS('Product'), \"t\", COUNTROWS('Sales Territory'), \"u\", COUNTROWS('User Territory'))",
    ),
    (
        "generate",
        "EVALUATE GENERATE(VALUES('Sales Territory'[Group]), TOPN(2, CALCULATETABLE(VALUES('Product'[Product])), [Total Sales], DESC, 'Product'[Product], ASC))",
    ),
    (
        "rank-in-selection",
        "EVALUATE ADDCOLUMNS(VALUES('Product'[Subcategory]), \"Rank\", RANKX(ALL('Product'[Subcategory]), [Total Sales]))",
    ),
    (
        "previous-months",
        "EVALUATE SUMMARIZECOLUMNS('Date'[Month], \"x\", CALCULATE([Total Sales], DATEADD('Date'[Date], -1, MONTH)), \"y\", CALCULATE([Total Sales], DATESINPERIOD('Date'[Date], MAX('Date'[Date]), -3, MONTH)))",
    ),
    (
        "first-and-last",
        "EVALUATE ROW(\"first\", MIN('Date'[Date]), \"last\", MAX('Date'[Date]), \"first sale\", MINX(Sales, RELATED('Date'[Date])))",
    ),
    (
        "define-measure",
        "DEFINE MEASURE Sales[Net] = [Total Sales] - [Total Cost] EVALUATE SUMMARIZECOLUMNS('Product'[Category], \"Net\", [Net])",
    ),
    (
        "define-own-name",
        "DEFINE MEASURE Sales[Margin] = 7 EVALUATE ROW(\"x\", [Margin])",
    ),
    (
        "isfiltered",
        "EVALUATE ROW(\"a\", ISFILTERED('Sales Territory'), \"b\", ISCROSSFILTERED(Sales[Sales Amount]), \"c\", HASONEVALUE('Sales Territory'[Group]), \"d\", SELECTEDVALUE('Sales Territory'[Group], \"several\"))",
    ),
    (
        "ship-date",
        "EVALUATE CALCULATETABLE(SUMMARIZECOLUMNS('Date'[Fiscal Year], \"x\", [Total Sales]), USERELATIONSHIP(Sales[ShipDateKey], 'Date'[DateKey]))",
    ),
    (
        "crossfilter-both",
        "EVALUATE ROW(\"x\", CALCULATE(COUNTROWS('Product'), CROSSFILTER(Sales[ProductKey], 'Product'[ProductKey], BOTH)))",
    ),
    (
        "lookup",
        "EVALUATE ROW(\"x\", LOOKUPVALUE('Sales Territory'[Region], 'Sales Territory'[SalesTerritoryKey], 7), \"y\", LOOKUPVALUE('Sales Territory'[Region], 'Sales Territory'[SalesTerritoryKey], 6))",
    ),
    (
        "order-lines-of-sales",
        "EVALUATE TOPN(20, SELECTCOLUMNS(Sales, \"Key\", Sales[SalesOrderLineKey], \"Order\", RELATED('Sales Order'[Sales Order]), \"Amount\", Sales[Sales Amount]), [Key], ASC)",
    ),
    (
        "sales-of-order-lines",
        "EVALUATE TOPN(20, SELECTCOLUMNS('Sales Order', \"Key\", 'Sales Order'[SalesOrderLineKey], \"Amount\", RELATED(Sales[Sales Amount])), [Key], ASC)",
    ),
    (
        "sales-values",
        "EVALUATE ROW(\"n\", COUNTROWS(VALUES(Sales[CustomerKey])) - COUNTROWS(DISTINCT(Sales[CustomerKey])))",
    ),
    (
        "names",
        "EVALUATE SELECTCOLUMNS(INFO.VIEW.COLUMNS(), \"t\", [Table], \"c\", [Name]) ORDER BY [t], [c] EVALUATE SELECTCOLUMNS(INFO.VIEW.MEASURES(), \"m\", [Name]) ORDER BY [m]",
    ),
    ("column-statistics", "EVALUATE COLUMNSTATISTICS()"),
    ("misspelt", "EVALUATE ROW(\"x\", [Totl Sales])"),
];
