//! The 13 queries, in DAX and in SQL.

/// One query of the benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    pub name: &'static str,
    pub dax: &'static str,
    pub sql: &'static str,
    /// The columns of the answer that the query orders by.
    pub order: &'static [usize],
}

impl Query {
    /// The DAX with one more filter argument, written as a person would: beside the others.
    pub fn dax_where(&self, filter: &str) -> String {
        let place = ["    \"revenue\",", "    \"profit\","]
            .iter()
            .find_map(|name| self.dax.find(name));
        let (before, after) = self
            .dax
            .split_at(place.expect("every query names its measure"));
        format!("{before}    {filter},\n{after}")
    }

    /// The SQL with one more condition.
    pub fn sql_where(&self, condition: &str) -> String {
        self.sql
            .replacen("\nWHERE ", &format!("\nWHERE ({condition}) AND "), 1)
    }
}

macro_rules! query {
    ($name:literal, $file:literal, $order:expr) => {
        Query {
            name: $name,
            dax: include_str!(concat!("../../models/ssb/", $file, ".dax")),
            sql: include_str!(concat!("../../models/ssb/", $file, ".sql")),
            order: $order,
        }
    };
}

pub const QUERIES: [Query; 13] = [
    query!("Q1.1", "q1_1", &[]),
    query!("Q1.2", "q1_2", &[]),
    query!("Q1.3", "q1_3", &[]),
    query!("Q2.1", "q2_1", &[0, 1]),
    query!("Q2.2", "q2_2", &[0, 1]),
    query!("Q2.3", "q2_3", &[0, 1]),
    query!("Q3.1", "q3_1", &[2, 3]),
    query!("Q3.2", "q3_2", &[2, 3]),
    query!("Q3.3", "q3_3", &[2, 3]),
    query!("Q3.4", "q3_4", &[2, 3]),
    query!("Q4.1", "q4_1", &[0, 1]),
    query!("Q4.2", "q4_2", &[0, 1, 2]),
    query!("Q4.3", "q4_3", &[0, 1, 2]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicates_are_added_to_every_query() {
        for query in QUERIES {
            let dax = query.dax_where("TREATAS({1}, part[p_size])");
            assert!(
                dax.contains("    TREATAS({1}, part[p_size]),\n    \""),
                "{dax}"
            );
            let sql = query.sql_where("p_size = 1 OR p_size = 2");
            assert!(
                sql.contains("\nWHERE (p_size = 1 OR p_size = 2) AND "),
                "{sql}"
            );
        }
    }
}
