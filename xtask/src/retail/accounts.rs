//! Money that is not orders: currencies and their rates, accounts, who shares them, and their balances.

use super::calendar::{Day, END, FIRST_DAY};
use super::draw::draw;
use super::sheet::Sheet;

/// Code, name, and ten-thousandths of a euro for one unit. Nobody ordered in the last.
pub const CURRENCIES: [(&str, &str, u64); 6] = [
    ("EUR", "Euro", 10_000),
    ("USD", "US Dollar", 9200),
    ("GBP", "Pound Sterling", 11_600),
    ("NOK", "Norwegian Krone", 870),
    ("CHF", "Swiss Franc", 10_300),
    ("JPY", "Yen", 62),
];

pub fn currencies() -> Sheet {
    Sheet::default()
        .text(
            "Currency Code",
            CURRENCIES.iter().map(|c| Some(c.0.to_string())),
        )
        .text("Currency", CURRENCIES.iter().map(|c| Some(c.1.to_string())))
}

/// Two rows for each currency and month; a few months are missing.
pub fn rates() -> Sheet {
    let mut rows = Vec::new();
    for (c, (code, _, base)) in CURRENCIES.iter().enumerate() {
        for month in 0..48u64 {
            let row = c as u64 * 48 + month;
            if draw("Rates", "missing", row).chance(30) && c > 0 {
                continue;
            }
            let key = (2021 + month as i32 / 12) * 100 + month as i32 % 12 + 1;
            for kind in ["Average", "Closing"] {
                // Eight places, within five percent of the base; the euro is always one.
                let swing = if c == 0 {
                    1000
                } else {
                    950 + draw("Rates", kind, row).below(101)
                };
                rows.push((*code, key, kind, (base * swing * 10) as i64));
            }
        }
    }
    Sheet::default()
        .text("Currency Code", rows.iter().map(|r| Some(r.0.to_string())))
        .int32("Month Key", rows.iter().map(|r| Some(r.1)))
        .text("Kind", rows.iter().map(|r| Some(r.2.to_string())))
        .decimal("Rate", 18, 8, rows.iter().map(|r| Some(r.3)))
}

const ACCOUNTS: u64 = 120;

pub fn accounts() -> Sheet {
    let keys = || 1..=ACCOUNTS;
    let kind = |key: u64| {
        draw("Accounts", "type", key)
            .one_of(&["Checking", "Savings", "Credit"])
            .to_string()
    };
    Sheet::default()
        .int32("Account Key", keys().map(|k| Some(k as i32)))
        .text("Account", keys().map(|k| Some(format!("AC-{k:04}"))))
        .text("Account Type", keys().map(|k| Some(kind(k))))
}

/// One to three customers for each account, all among the first three hundred.
pub fn account_customers() -> Sheet {
    let mut rows = Vec::new();
    for key in 1..=ACCOUNTS {
        let holders = 1 + draw("Account Customers", "holders", key).tail(3, 2);
        for holder in 0..holders {
            let customer =
                1 + (draw("Account Customers", "customer", key).below(300) + holder * 7) % 300;
            rows.push((key as i32, customer as i32));
        }
    }
    // An account that is not there, a customer who is not there, and a row that names nobody.
    rows.extend([(999, 5), (3, 999_999)]);
    let accounts: Vec<Option<i32>> = rows.iter().map(|r| Some(r.0)).chain([Some(4)]).collect();
    let customers: Vec<Option<i32>> = rows.iter().map(|r| Some(r.1)).chain([None]).collect();
    Sheet::default()
        .int32("Account Key", accounts)
        .int32("Customer Key", customers)
}

/// A balance for each account near the end of each month: mostly on its last day, sometimes days before, sometimes none.
pub fn balances() -> Sheet {
    let mut rows = Vec::new();
    for days in FIRST_DAY..END {
        let month = Day::of(days).month_key();
        if Day::of(days + 1).month_key() == month {
            continue;
        }
        for key in 1..=ACCOUNTS {
            let row = key * 1_000_000 + month as u64;
            if draw("Balances", "missing", row).chance(60) {
                continue;
            }
            let early = if draw("Balances", "early", row).chance(150) {
                1 + draw("Balances", "by", row).below(3)
            } else {
                0
            };
            let amount = draw("Balances", "amount", row).below(1_200_000_000) as i64 - 200_000_000;
            rows.push((key as i32, days - early as i32, amount / 100 * 100));
        }
    }
    Sheet::default()
        .int32("Account Key", rows.iter().map(|r| Some(r.0)))
        .date("Date", rows.iter().map(|r| Some(r.1)))
        .money("Balance", rows.iter().map(|r| Some(r.2)))
}
