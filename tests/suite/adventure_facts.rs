//! The measures of the Adventure Works model, computed by plain loops over the Parquet rows. Nothing here knows the engine.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int64Type};

use crate::sheets::read_file;

/// One line of an order. Dates, products and territories are positions in the lists of [`Facts`].
pub struct Sale {
    pub order: String,
    pub customer: i64,
    pub ordered: usize,
    pub due: usize,
    pub shipped: Option<usize>,
    pub product: usize,
    pub territory: usize,
    pub units: i64,
    /// Ten-thousandths, as all amounts here.
    pub amount: i64,
    pub cost: i64,
}

pub struct Day {
    /// Days since 1970.
    pub date: i32,
    /// Year times 100 plus month plus day of month, as the key in the file.
    pub key: i64,
    pub fiscal_year: String,
    pub month: String,
}

pub struct Product {
    pub name: String,
    pub category: String,
}

pub struct Territory {
    pub key: i64,
    pub region: String,
    pub group: String,
}

pub struct Facts {
    pub sales: Vec<Sale>,
    /// In the order of the calendar, no day missing.
    pub days: Vec<Day>,
    pub products: Vec<Product>,
    pub territories: Vec<Territory>,
    /// User and territory key.
    pub users: Vec<(String, i64)>,
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = batch
        .column_by_name(name)
        .expect("a column")
        .as_string::<i32>();
    column
        .iter()
        .map(|text| text.expect("a text").to_owned())
        .collect()
}

fn numbers(batch: &RecordBatch, name: &str) -> Vec<Option<i64>> {
    let column: &ArrayRef = batch.column_by_name(name).expect("a column");
    let wide = cast(column, &DataType::Int64).expect("whole numbers");
    wide.as_primitive::<Int64Type>().iter().collect()
}

fn amounts(batch: &RecordBatch, name: &str) -> Vec<i64> {
    let column = batch.column_by_name(name).expect("a column");
    assert_eq!(*column.data_type(), DataType::Decimal128(19, 4));
    let column = column.as_primitive::<Decimal128Type>();
    column
        .values()
        .iter()
        .map(|amount| *amount as i64)
        .collect()
}

fn all(values: Vec<Option<i64>>) -> Vec<i64> {
    values
        .into_iter()
        .map(|value| value.expect("a key"))
        .collect()
}

fn positions(keys: &[i64]) -> BTreeMap<i64, usize> {
    keys.iter()
        .enumerate()
        .map(|(at, key)| (*key, at))
        .collect()
}

impl Facts {
    pub fn read(folder: &Path) -> Facts {
        let file = |table: &str| read_file(&folder.join(format!("{table}.parquet")));
        let (days, products, territories) = (
            read_days(&file("Date")),
            file("Product"),
            file("Sales Territory"),
        );
        let day_keys: Vec<i64> = days.iter().map(|day| day.key).collect();
        let territory_keys = all(numbers(&territories, "SalesTerritoryKey"));
        let sales = read_sales(
            &file("Sales"),
            &file("Sales Order"),
            &positions(&day_keys),
            &positions(&all(numbers(&products, "ProductKey"))),
            &positions(&territory_keys),
        );
        let users = file("User Territory");
        Facts {
            sales,
            days,
            products: texts(&products, "Product")
                .into_iter()
                .zip(texts(&products, "Category"))
                .map(|(name, category)| Product { name, category })
                .collect(),
            territories: territory_keys
                .into_iter()
                .zip(texts(&territories, "Region"))
                .zip(texts(&territories, "Group"))
                .map(|((key, region), group)| Territory { key, region, group })
                .collect(),
            users: texts(&users, "User")
                .into_iter()
                .zip(all(numbers(&users, "SalesTerritoryKey")))
                .collect(),
        }
    }
}

fn read_days(batch: &RecordBatch) -> Vec<Day> {
    let dates = batch.column_by_name("Date").expect("a column");
    let dates = dates.as_primitive::<Date32Type>().values().to_vec();
    let mut days: Vec<Day> = dates
        .into_iter()
        .zip(all(numbers(batch, "DateKey")))
        .zip(texts(batch, "Fiscal Year"))
        .zip(texts(batch, "Month"))
        .map(|(((date, key), fiscal_year), month)| Day {
            date,
            key,
            fiscal_year,
            month,
        })
        .collect();
    days.sort_by_key(|day| day.date);
    assert!(days.windows(2).all(|pair| pair[1].date == pair[0].date + 1));
    days
}

fn read_sales(
    sales: &RecordBatch,
    orders: &RecordBatch,
    days: &BTreeMap<i64, usize>,
    products: &BTreeMap<i64, usize>,
    territories: &BTreeMap<i64, usize>,
) -> Vec<Sale> {
    let lines = all(numbers(orders, "SalesOrderLineKey"));
    let orders: BTreeMap<i64, String> = lines
        .into_iter()
        .zip(texts(orders, "Sales Order"))
        .collect();
    let column = |name: &str| numbers(sales, name);
    let order_lines = all(column("SalesOrderLineKey"));
    let (ordered, due, shipped) = (
        column("OrderDateKey"),
        column("DueDateKey"),
        column("ShipDateKey"),
    );
    let (product, territory) = (column("ProductKey"), column("SalesTerritoryKey"));
    let (customer, units) = (all(column("CustomerKey")), all(column("Order Quantity")));
    let (amount, cost) = (
        amounts(sales, "Sales Amount"),
        amounts(sales, "Total Product Cost"),
    );
    let place = |places: &BTreeMap<i64, usize>, key: Option<i64>| places[&key.expect("a key")];
    (0..sales.num_rows())
        .map(|row| Sale {
            order: orders[&order_lines[row]].clone(),
            customer: customer[row],
            ordered: place(days, ordered[row]),
            due: place(days, due[row]),
            shipped: shipped[row].map(|key| days[&key]),
            product: place(products, product[row]),
            territory: place(territories, territory[row]),
            units: units[row],
            amount: amount[row],
            cost: cost[row],
        })
        .collect()
}

/// A value of a measure; None is BLANK.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    Blank,
    Fixed(i64),
    Integer(i64),
    Double(f64),
}

fn fixed(value: Option<i64>) -> Figure {
    value.map_or(Figure::Blank, Figure::Fixed)
}

fn integer(value: Option<i64>) -> Figure {
    value.map_or(Figure::Blank, Figure::Integer)
}

/// DIVIDE of two fixed decimals: BLANK where there is nothing to divide by.
fn divide(a: Option<i64>, b: Option<i64>) -> Figure {
    match (a, b) {
        (Some(a), Some(b)) if b != 0 => Figure::Double(a as f64 / b as f64),
        _ => Figure::Blank,
    }
}

fn subtract(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    (a.is_some() || b.is_some()).then(|| a.unwrap_or(0) - b.unwrap_or(0))
}

/// What one identity sees: sales, and the rows of the dimensions that carry row filters.
pub struct Seen<'a> {
    pub facts: &'a Facts,
    pub sales: Vec<&'a Sale>,
    pub days: Vec<bool>,
    pub products: Vec<bool>,
}

/// A filter context: None is no filter.
#[derive(Clone, Default)]
pub struct Filters {
    pub days: Option<BTreeSet<usize>>,
    pub products: Option<BTreeSet<usize>>,
    pub territories: Option<BTreeSet<usize>>,
    /// The filter on products is one on their name, which a rank over all names replaces.
    pub by_name: bool,
}

pub const MEASURES: [&str; 15] = [
    "Total Sales",
    "Total Cost",
    "Margin",
    "Margin %",
    "Units",
    "Orders",
    "Customers",
    "Average Order Value",
    "Share of All Products",
    "Sales YTD",
    "Sales PY",
    "Sales YoY %",
    "Running Sales",
    "Sales by Due Date",
    "Product Rank",
];

/// The sums of sales by day of order and of due day, for some products and territories.
struct ByDay {
    ordered: Vec<Option<i64>>,
    due: Vec<Option<i64>>,
}

impl<'a> Seen<'a> {
    fn some<'b>(
        &'b self,
        products: Option<&'b BTreeSet<usize>>,
        territories: Option<&'b BTreeSet<usize>>,
    ) -> impl Iterator<Item = &'a Sale> + 'b {
        self.sales.iter().copied().filter(move |sale| {
            products.is_none_or(|products| products.contains(&sale.product))
                && territories.is_none_or(|territories| territories.contains(&sale.territory))
        })
    }

    fn by_day<'b>(&self, sales: impl Iterator<Item = &'b Sale>) -> ByDay {
        let mut by_day = ByDay {
            ordered: vec![None; self.facts.days.len()],
            due: vec![None; self.facts.days.len()],
        };
        for sale in sales {
            *by_day.ordered[sale.ordered].get_or_insert(0) += sale.amount;
            *by_day.due[sale.due].get_or_insert(0) += sale.amount;
        }
        by_day
    }

    /// All fifteen measures in a filter context, in the order of [`MEASURES`].
    pub fn measures(&self, filters: &Filters) -> Vec<Figure> {
        let on_day = |day: usize| filters.days.as_ref().is_none_or(|days| days.contains(&day));
        let slice: Vec<&Sale> = self
            .some(filters.products.as_ref(), filters.territories.as_ref())
            .collect();
        let by_day = self.by_day(slice.iter().copied());
        let here: Vec<&Sale> = slice
            .iter()
            .copied()
            .filter(|sale| on_day(sale.ordered))
            .collect();
        let sum = |value: fn(&Sale) -> i64| {
            (!here.is_empty()).then(|| here.iter().map(|sale| value(sale)).sum::<i64>())
        };
        let (sales, cost) = (sum(|sale| sale.amount), sum(|sale| sale.cost));
        let margin = subtract(sales, cost);
        let mut orders: BTreeSet<&str> = here.iter().map(|sale| sale.order.as_str()).collect();
        if filters.days.as_ref().is_some_and(BTreeSet::is_empty) {
            orders.extend(self.without_sale());
        }
        let customers: BTreeSet<i64> = here.iter().map(|sale| sale.customer).collect();
        let count = |count: usize| (count > 0).then_some(count as i64);
        let all_products = self
            .some(None, filters.territories.as_ref())
            .filter(|sale| on_day(sale.ordered))
            .map(|sale| sale.amount);
        let all_products = all_products.fold(None, |sum, amount| Some(sum.unwrap_or(0) + amount));
        let days = self.days_of(filters);
        let before = self.year_before(&days);
        let py = total(&by_day.ordered, |day| before.contains(&day));
        vec![
            fixed(sales),
            fixed(cost),
            fixed(margin),
            divide(margin, sales),
            integer(sum(|sale| sale.units)),
            integer(count(orders.len())),
            integer(count(customers.len())),
            fixed(sales.map(|sales| rounded_quotient(sales, orders.len() as i64))),
            divide(sales, all_products),
            fixed(self.to_date(&by_day, &days)),
            fixed(py),
            divide(subtract(sales, py), py),
            fixed(self.running(&by_day, &days)),
            fixed(total(&by_day.due, on_day)),
            Figure::Integer(self.rank(filters, sales.unwrap_or(0))),
        ]
    }

    /// Orders have a table of their own, one to one with the sales, which no role filters. Those whose sale is hidden lead to the blank row
    /// of the sales, and that to the blank row of the dates, if these have one.
    fn without_sale(&self) -> impl Iterator<Item = &'a str> {
        let visible: HashSet<*const Sale> =
            self.sales.iter().map(|s| std::ptr::from_ref(*s)).collect();
        let sales = self.facts.sales.iter();
        let hidden = sales.filter(move |sale| !visible.contains(&std::ptr::from_ref(*sale)));
        hidden.map(|sale| sale.order.as_str())
    }

    /// The visible days in the filter context.
    fn days_of(&self, filters: &Filters) -> BTreeSet<usize> {
        (0..self.days.len())
            .filter(|day| {
                self.days[*day] && filters.days.as_ref().is_none_or(|days| days.contains(day))
            })
            .collect()
    }

    /// From the first of July before the last day up to it.
    fn to_date(&self, by_day: &ByDay, days: &BTreeSet<usize>) -> Option<i64> {
        let last = *days.last()?;
        let start = (0..=last)
            .rev()
            .find(|day| self.facts.days[*day].key % 10_000 == 701)?;
        total(&by_day.ordered, |day| {
            (start..=last).contains(&day) && self.days[day]
        })
    }

    fn running(&self, by_day: &ByDay, days: &BTreeSet<usize>) -> Option<i64> {
        let last = *days.last()?;
        total(&by_day.ordered, |day| day <= last && self.days[day])
    }

    /// Each day a year earlier; the last day of a month takes the rest of that month with it, so that the February after
    /// a leap year is compared with all 29 days.
    fn year_before(&self, days: &BTreeSet<usize>) -> BTreeSet<usize> {
        let find = |key: i64| {
            self.facts
                .days
                .binary_search_by_key(&key, |day| day.key)
                .ok()
        };
        let mut before = BTreeSet::new();
        for &day in days {
            let key = self.facts.days[day].key - 10_000;
            let is_last = self
                .facts
                .days
                .get(day + 1)
                .is_none_or(|next| next.key % 100 == 1);
            let (month, date) = (key / 100, key % 100);
            let dates = if is_last {
                date.min(28)..=31
            } else {
                date..=date
            };
            before.extend(
                dates
                    .filter(|found| !is_last || *found >= date || *found == last_of(month))
                    .filter_map(|found| find(month * 100 + found))
                    .filter(|day| self.days[*day]),
            );
        }
        before
    }

    /// One more than the number of visible product names that sold for more, the filters on everything but the name kept.
    fn rank(&self, filters: &Filters, here: i64) -> i64 {
        let on_day = |day: usize| filters.days.as_ref().is_none_or(|days| days.contains(&day));
        let products = filters.products.as_ref().filter(|_| !filters.by_name);
        let mut names: BTreeMap<&str, i64> = BTreeMap::new();
        for sale in self.some(products, filters.territories.as_ref()) {
            if on_day(sale.ordered) {
                *names
                    .entry(self.facts.products[sale.product].name.as_str())
                    .or_default() += sale.amount;
            }
        }
        1 + names.values().filter(|sales| **sales > here).count() as i64
    }
}

/// The last day of a month, given as year times 100 plus month.
fn last_of(month: i64) -> i64 {
    let (year, month) = (month / 100, month % 100);
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn total(by_day: &[Option<i64>], holds: impl Fn(usize) -> bool) -> Option<i64> {
    let sums = by_day.iter().enumerate().filter(|(day, _)| holds(*day));
    sums.filter_map(|(_, sum)| *sum)
        .fold(None, |all, sum| Some(all.unwrap_or(0) + sum))
}

/// Rounded to the nearest, halves away from zero. Both are positive.
fn rounded_quotient(a: i64, b: i64) -> i64 {
    (2 * a + b) / (2 * b)
}
