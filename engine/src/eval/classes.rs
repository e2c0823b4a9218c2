//! Contexts, or rows, that agree in some columns of codes, numbered: what looks the same is evaluated once.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

/// A map by numbers, whose keys no caller chooses: a multiplication is hash enough.
pub type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<Multiply>>;

#[derive(Default)]
pub struct Multiply(u64);

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}

/// The class of each context, and one context of each class: its first.
pub struct Classes {
    pub of: Rc<[u32]>,
    pub representatives: Rc<[u32]>,
}

impl Classes {
    /// Classes of contexts that agree in all columns, numbered in the order of their first contexts. None: no two agree.
    pub fn of_columns(columns: &[&[u32]], contexts: usize) -> Option<Classes> {
        if all_differ(columns, contexts) {
            return None;
        }
        let mut of = vec![0u32; contexts];
        for column in columns {
            let mut known: FastMap<u64, u32> = FastMap::default();
            for (class, code) in of.iter_mut().zip(column.iter()) {
                let next = known.len() as u32;
                *class = *known
                    .entry(u64::from(*class) << 32 | u64::from(*code))
                    .or_insert(next);
            }
        }
        let mut representatives = Vec::new();
        for (context, class) in of.iter().enumerate() {
            // Classes are numbered as they first occur.
            if *class as usize == representatives.len() {
                representatives.push(context as u32);
            }
        }
        (representatives.len() < contexts).then(|| Classes {
            of: of.into(),
            representatives: representatives.into(),
        })
    }
}

/// Whether the rows ascend, begun anywhere and gone on with from the least: then no two are equal. The blank row, whose codes are the least,
/// often is the last.
fn all_differ(columns: &[&[u32]], rows: usize) -> bool {
    let mut turned = false;
    for row in 1..rows {
        match compare(columns, row - 1, row) {
            Ordering::Less => {}
            Ordering::Greater if !turned => turned = true,
            _ => return false,
        }
    }
    !turned || compare(columns, rows - 1, 0).is_lt()
}

/// Whether the rows of the columns ascend; two may be equal.
pub fn is_ascending(columns: &[&[u32]], rows: usize) -> bool {
    (1..rows).all(|row| compare(columns, row - 1, row).is_le())
}

fn compare(columns: &[&[u32]], a: usize, b: usize) -> Ordering {
    let mut columns = columns.iter().map(|column| column[a].cmp(&column[b]));
    columns
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_contexts_are_one_class() {
        let check = |columns: &[&[u32]], contexts: usize, of: &[u32], representatives: &[u32]| {
            let found = Classes::of_columns(columns, contexts).unwrap();
            assert_eq!(&*found.of, of, "{columns:?}");
            assert_eq!(&*found.representatives, representatives, "{columns:?}");
        };
        check(&[&[7, 3, 7, 3]], 4, &[0, 1, 0, 1], &[0, 1]);
        check(
            &[&[1, 1, 2, 1], &[5, 6, 5, 5]],
            4,
            &[0, 1, 2, 0],
            &[0, 1, 2],
        );
        check(&[], 3, &[0, 0, 0], &[0]);
        check(&[&[4, 4, 4]], 3, &[0, 0, 0], &[0]);
    }

    #[test]
    fn contexts_that_all_differ_have_no_classes() {
        assert!(Classes::of_columns(&[&[1, 1, 2], &[3, 4, 0]], 3).is_none());
        assert!(Classes::of_columns(&[&[3, 1, 2]], 3).is_none());
        assert!(Classes::of_columns(&[&[2, 3, 0], &[1, 1, 7]], 3).is_none());
        assert!(Classes::of_columns(&[&[2, 3, 1, 2]], 4).is_some());
        assert!(Classes::of_columns(&[&[2, 1, 0, 2]], 4).is_some());
        assert!(Classes::of_columns(&[], 1).is_none());
    }
}
