//! Common DAX patterns over the retail data: each in DAX, as the plain SUM by the same columns, and in SQL.

/// A pattern. The columns of the two answers are the same, in the same order.
pub struct Question {
    pub name: &'static str,
    /// The pattern.
    pub dax: &'static str,
    /// The plain SUM by the same columns.
    pub plain: &'static str,
    /// The same question.
    pub sql: &'static str,
}

const BY_MONTH_AND_CATEGORY: &str = r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], Categories[Category], "m", SUM(Orders[Net Amount]))"#;
const BY_MONTH: &str =
    r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], "m", SUM(Orders[Net Amount]))"#;
const BY_YEAR: &str = r#"EVALUATE SUMMARIZECOLUMNS(Dates[Year], "m", SUM(Orders[Net Amount]))"#;

/// All of them, the plain ones first.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "a measure by 2 columns",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], Categories[Category], "m", [Gross Profit])"#,
        plain: BY_MONTH_AND_CATEGORY,
        sql: r#"SELECT d."Month Key", c.Category, sum(o.net_amount) - sum(o.cost) AS m_1
            FROM Orders o JOIN Dates d ON d.Date = o.order_date
            LEFT JOIN Products p ON p."Product Key" = o.product_key
            LEFT JOIN Subcategories s ON s."Subcategory Key" = p."Subcategory Key"
            LEFT JOIN Categories c ON c."Category Key" = s."Category Key" GROUP BY ALL"#,
    },
    Question {
        name: "SUMX with RELATED by 2 columns",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], Categories[Category], "m", [List Value])"#,
        plain: BY_MONTH_AND_CATEGORY,
        sql: r#"SELECT * FROM (SELECT d."Month Key", c.Category, sum(o.quantity * p."List Price") AS m_1
            FROM Orders o JOIN Dates d ON d.Date = o.order_date
            LEFT JOIN Products p ON p."Product Key" = o.product_key
            LEFT JOIN Subcategories s ON s."Subcategory Key" = p."Subcategory Key"
            LEFT JOIN Categories c ON c."Category Key" = s."Category Key" GROUP BY ALL) WHERE m_1 IS NOT NULL"#,
    },
    Question {
        name: "share of all via ALL",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], Categories[Category], "m", [Share of All Products])"#,
        plain: BY_MONTH_AND_CATEGORY,
        sql: r#"SELECT month, category, sales / sum(sales) OVER (PARTITION BY month) AS m_1 FROM (
            SELECT d."Month Key" AS month, c.Category AS category, sum(o.net_amount)::DOUBLE AS sales
            FROM Orders o JOIN Dates d ON d.Date = o.order_date
            LEFT JOIN Products p ON p."Product Key" = o.product_key
            LEFT JOIN Subcategories s ON s."Subcategory Key" = p."Subcategory Key"
            LEFT JOIN Categories c ON c."Category Key" = s."Category Key" GROUP BY ALL)"#,
    },
    Question {
        name: "SUMX over VALUES of 10,000 products calling a measure",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Year], "m", SUMX(VALUES(Products[Product]), [Sales]))"#,
        plain: BY_YEAR,
        sql: r#"SELECT year, sum(sales) AS m_1 FROM (
            SELECT d.Year AS year, p.Product AS product, sum(o.net_amount) AS sales
            FROM Orders o JOIN Dates d ON d.Date = o.order_date
            LEFT JOIN Products p ON p."Product Key" = o.product_key GROUP BY ALL) GROUP BY ALL"#,
    },
    Question {
        name: "SUMX over VALUES of 10,000 products, a product of two measures",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Year], "m", SUMX(VALUES(Products[Product]), [Sales] * [Quantity Sold]))"#,
        plain: BY_YEAR,
        sql: r#"SELECT year, sum(sales * sold) AS m_1 FROM (
            SELECT d.Year AS year, p.Product AS product, sum(o.net_amount)::DOUBLE AS sales, sum(o.quantity) AS sold
            FROM Orders o JOIN Dates d ON d.Date = o.order_date
            LEFT JOIN Products p ON p."Product Key" = o.product_key GROUP BY ALL) GROUP BY ALL"#,
    },
    Question {
        name: "DISTINCTCOUNT by 2 columns",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], Categories[Category], "m", DISTINCTCOUNTNOBLANK(Orders[Customer Key]))"#,
        plain: BY_MONTH_AND_CATEGORY,
        sql: r#"SELECT d."Month Key", c.Category, count(DISTINCT o.customer_key) AS m_1
            FROM Orders o JOIN Dates d ON d.Date = o.order_date
            LEFT JOIN Products p ON p."Product Key" = o.product_key
            LEFT JOIN Subcategories s ON s."Subcategory Key" = p."Subcategory Key"
            LEFT JOIN Categories c ON c."Category Key" = s."Category Key" GROUP BY ALL"#,
    },
    Question {
        name: "running total by day",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Date], "m", [Running Total])"#,
        plain: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Date], "m", SUM(Orders[Net Amount]))"#,
        sql: r#"SELECT * FROM (SELECT epoch_us(d.Date), sum(sum(o.net_amount)) OVER (ORDER BY d.Date) AS m_1
            FROM Dates d LEFT JOIN Orders o ON d.Date = o.order_date GROUP BY d.Date) WHERE m_1 IS NOT NULL"#,
    },
    Question {
        name: "running distinct customers by day",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Date], "m",
            VAR LastDay = MAX(Dates[Date])
            RETURN CALCULATE(DISTINCTCOUNTNOBLANK(Orders[Customer Key]), FILTER(ALL(Dates), Dates[Date] <= LastDay)))"#,
        plain: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Date], "m", SUM(Orders[Net Amount]))"#,
        sql: r#"SELECT * FROM (SELECT epoch_us(d.Date), sum(count(f.customer_key)) OVER (ORDER BY d.Date) AS m_1
            FROM Dates d LEFT JOIN (SELECT customer_key, min(order_date) AS first FROM Orders GROUP BY ALL) f ON d.Date = f.first
            GROUP BY d.Date) WHERE m_1 > 0"#,
    },
    Question {
        name: "year to date and previous year by month",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], "a", [Sales YTD], "b", [Sales PY])"#,
        plain: BY_MONTH,
        sql: r#"SELECT month, sum(sales) OVER (PARTITION BY month // 100 ORDER BY month) AS m_1,
            lag(sales, 12) OVER (ORDER BY month) AS m_2 FROM (
            SELECT d."Month Key" AS month, sum(o.net_amount) AS sales
            FROM Orders o JOIN Dates d ON d.Date = o.order_date GROUP BY ALL)"#,
    },
    Question {
        name: "year to date and previous year by month and category",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], Categories[Category], "a", [Sales YTD], "b", [Sales PY])"#,
        plain: BY_MONTH_AND_CATEGORY,
        sql: r#"SELECT month, category, sum(sales) OVER (PARTITION BY month // 100, category ORDER BY month) AS m_1,
            lag(sales, 12) OVER (PARTITION BY category ORDER BY month) AS m_2 FROM (
            SELECT d."Month Key" AS month, c.Category AS category, sum(o.net_amount) AS sales
            FROM Orders o JOIN Dates d ON d.Date = o.order_date
            LEFT JOIN Products p ON p."Product Key" = o.product_key
            LEFT JOIN Subcategories s ON s."Subcategory Key" = p."Subcategory Key"
            LEFT JOIN Categories c ON c."Category Key" = s."Category Key" GROUP BY ALL)"#,
    },
    Question {
        name: "TOPN of 10 products by year",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Year], "m", [Top 10 Product Sales])"#,
        plain: BY_YEAR,
        sql: r#"SELECT year, sum(sales) AS m_1 FROM (SELECT *, rank() OVER (PARTITION BY year ORDER BY sales DESC) AS place FROM (
            SELECT d.Year AS year, p.Product AS product, sum(o.net_amount) AS sales
            FROM Orders o JOIN Dates d ON d.Date = o.order_date
            LEFT JOIN Products p ON p."Product Key" = o.product_key GROUP BY ALL)) WHERE place <= 10 GROUP BY ALL"#,
    },
    Question {
        name: "TOPN of 10 products by year, listed",
        dax: r#"EVALUATE GENERATE(DISTINCT(Dates[Year]), CALCULATETABLE(TOPN(10, ADDCOLUMNS(VALUES(Products[Product]), "m", [Sales]), [m])))"#,
        plain: BY_YEAR,
        sql: r#"SELECT year, product, m_1 FROM (SELECT *, rank() OVER (PARTITION BY year ORDER BY m_1 DESC) AS place FROM (
            SELECT d.Year AS year, p.Product AS product, sum(o.net_amount) AS m_1
            FROM Orders o JOIN Dates d ON d.Date = o.order_date
            LEFT JOIN Products p ON p."Product Key" = o.product_key GROUP BY ALL)) WHERE place <= 10"#,
    },
    Question {
        name: "RANKX over all products",
        dax: r#"EVALUATE FILTER(ADDCOLUMNS(SUMMARIZECOLUMNS(Products[Product], "s", [Sales]), "m", RANKX(ALL(Products[Product]), [Sales])), TRUE)"#,
        plain: r#"EVALUATE SUMMARIZECOLUMNS(Products[Product], "m", SUM(Orders[Net Amount]))"#,
        sql: r#"SELECT product, m_0, rank() OVER (ORDER BY m_0 DESC) AS m_1 FROM (
            SELECT p.Product AS product, sum(o.net_amount) AS m_0
            FROM Orders o LEFT JOIN Products p ON p."Product Key" = o.product_key GROUP BY ALL)"#,
    },
    Question {
        name: "RANKX over all products by month",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], Products[Product], "s", [Sales],
            "m", IF(NOT ISBLANK([Sales]), RANKX(ALL(Products[Product]), [Sales])))"#,
        plain: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], Products[Product], "m", SUM(Orders[Net Amount]))"#,
        // Products without sales, and the blank row of unmatched keys, count as 0: they come before sums below 0.
        sql: r#"SELECT month, product, m_0, rank() OVER (PARTITION BY month ORDER BY m_0 DESC) + CASE WHEN m_0 < 0
            THEN (SELECT count(*) + 1 FROM Products) - count(*) OVER (PARTITION BY month) ELSE 0 END AS m_1 FROM (
            SELECT d."Month Key" AS month, p.Product AS product, sum(o.net_amount) AS m_0
            FROM Orders o JOIN Dates d ON d.Date = o.order_date
            LEFT JOIN Products p ON p."Product Key" = o.product_key GROUP BY ALL)"#,
    },
    Question {
        name: "closing balance by month",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], "m", [Last Balance])"#,
        plain: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], "m", SUM(Balances[Balance]))"#,
        sql: r#"SELECT d."Month Key" AS month, sum(b.Balance) AS m_1 FROM Balances b JOIN Dates d ON d.Date = b.Date
            JOIN (SELECT e."Month Key" AS month, max(c.Date) AS last FROM Balances c JOIN Dates e ON e.Date = c.Date GROUP BY ALL) l
            ON l.last = b.Date GROUP BY ALL"#,
    },
    Question {
        name: "sales of the last day of each month and category",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], Categories[Category], "m",
            CALCULATE([Sales], LASTNONBLANK(Dates[Date], [Sales])))"#,
        plain: BY_MONTH_AND_CATEGORY,
        sql: r#"SELECT month, category, m_1 FROM (
            SELECT *, row_number() OVER (PARTITION BY month, category ORDER BY day DESC) AS place FROM (
            SELECT d."Month Key" AS month, c.Category AS category, o.order_date AS day, sum(o.net_amount) AS m_1
            FROM Orders o JOIN Dates d ON d.Date = o.order_date
            LEFT JOIN Products p ON p."Product Key" = o.product_key
            LEFT JOIN Subcategories s ON s."Subcategory Key" = p."Subcategory Key"
            LEFT JOIN Categories c ON c."Category Key" = s."Category Key" GROUP BY ALL)) WHERE place = 1"#,
    },
    Question {
        name: "5 calculation items over 3 measures by month",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Periods[Period], Dates[Month Key], "a", [Sales], "b", [Quantity Sold], "c", [Total Cost])"#,
        plain: BY_MONTH,
        sql: r#"WITH s AS (SELECT d."Month Key" AS month, sum(o.net_amount) AS a, sum(o.quantity) AS b, sum(o.cost) AS c
            FROM Orders o JOIN Dates d ON d.Date = o.order_date GROUP BY ALL),
            t AS (SELECT month, a, b, c, lag(a, 12) OVER w AS pa, lag(b, 12) OVER w AS pb, lag(c, 12) OVER w AS pc,
            sum(a) OVER y AS ya, sum(b) OVER y AS yb, sum(c) OVER y AS yc
            FROM s WINDOW w AS (ORDER BY month), y AS (PARTITION BY month // 100 ORDER BY month))
            SELECT 'Current', month, a AS m_1, b AS m_2, c AS m_3 FROM t
            UNION ALL SELECT 'YTD', month, ya, yb, yc FROM t
            UNION ALL SELECT 'PY', month, pa, pb, pc FROM t WHERE pa IS NOT NULL
            UNION ALL SELECT 'YoY', month, a - coalesce(pa, 0), b - coalesce(pb, 0), c - coalesce(pc, 0) FROM t
            UNION ALL SELECT 'YoY %', month, (a - pa)::DOUBLE / pa, (b - pb)::DOUBLE / pb, (c - pc)::DOUBLE / pc FROM t WHERE pa IS NOT NULL"#,
    },
    Question {
        name: "the last three months by month",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], "m",
            CALCULATE([Sales], DATESINPERIOD(Dates[Date], MAX(Dates[Date]), -3, MONTH)))"#,
        plain: BY_MONTH,
        sql: r#"SELECT month, sum(sales) OVER (ORDER BY month ROWS 2 PRECEDING) AS m_1 FROM (
            SELECT d."Month Key" AS month, sum(o.net_amount) AS sales
            FROM Orders o JOIN Dates d ON d.Date = o.order_date GROUP BY ALL)"#,
    },
    Question {
        name: "a condition on the fact by month",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], "m", CALCULATE([Sales], Orders[Quantity] > 2))"#,
        plain: BY_MONTH,
        sql: r#"SELECT d."Month Key", sum(o.net_amount) AS m_1 FROM Orders o JOIN Dates d ON d.Date = o.order_date
            WHERE o.quantity > 2 GROUP BY ALL"#,
    },
    Question {
        name: "SUMX over FILTER of the fact by month",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], "m", SUMX(FILTER(Orders, Orders[Quantity] > 2), Orders[Net Amount]))"#,
        plain: BY_MONTH,
        sql: r#"SELECT d."Month Key", sum(o.net_amount) AS m_1 FROM Orders o JOIN Dates d ON d.Date = o.order_date
            WHERE o.quantity > 2 GROUP BY ALL"#,
    },
    Question {
        name: "CALCULATE with FILTER of the fact by month",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], "m", CALCULATE([Sales], FILTER(Orders, Orders[Quantity] > 2)))"#,
        plain: BY_MONTH,
        sql: r#"SELECT d."Month Key", sum(o.net_amount) AS m_1 FROM Orders o JOIN Dates d ON d.Date = o.order_date
            WHERE o.quantity > 2 GROUP BY ALL"#,
    },
    Question {
        name: "ADDCOLUMNS over SUMMARIZE of the fact",
        dax: r#"EVALUATE ADDCOLUMNS(SUMMARIZE(Orders, Dates[Month Key], Categories[Category]), "m", [Sales])"#,
        plain: BY_MONTH_AND_CATEGORY,
        sql: r#"SELECT d."Month Key", c.Category, sum(o.net_amount) AS m_1
            FROM Orders o JOIN Dates d ON d.Date = o.order_date
            LEFT JOIN Products p ON p."Product Key" = o.product_key
            LEFT JOIN Subcategories s ON s."Subcategory Key" = p."Subcategory Key"
            LEFT JOIN Categories c ON c."Category Key" = s."Category Key" GROUP BY ALL"#,
    },
    Question {
        name: "customers who bought for more than 1,000 by year",
        dax: r#"EVALUATE SUMMARIZECOLUMNS(Dates[Year], "m", COUNTROWS(FILTER(VALUES(Orders[Customer Key]), [Sales] > 1000)))"#,
        plain: BY_YEAR,
        sql: r#"SELECT year, count(*) AS m_1 FROM (SELECT d.Year AS year, o.customer_key, sum(o.net_amount) AS sales
            FROM Orders o JOIN Dates d ON d.Date = o.order_date GROUP BY ALL) WHERE sales > 1000 GROUP BY ALL"#,
    },
];
