//! Columns that could not be computed: a statement that reads one is refused, and all others are answered.

use crate::plain;
use crate::world::{World, ask, deep, integers, texts};

fn world() -> World {
    World::default()
        .table(
            "Facts",
            vec![
                ("Id", integers([1i64, 2, 3])),
                ("Part", integers([1i64, 2, 2])),
            ],
        )
        .table(
            "Parts",
            vec![("Key", integers([1i64, 2])), ("Name", texts(["a", "b"]))],
        )
        .table("Others", vec![("Key", integers([1i64, 2]))])
        .calculated("Facts", "Bad", "Facts[Nowhere] + 1")
        .relate("Facts.Part > Parts.Key")
        .relate("Facts.Bad > Others.Key")
        .measure("Facts", "Total", "SUM ( Facts[Id] )")
        .measure("Facts", "Worse", "SUM ( Facts[Bad] )")
}

#[test]
fn what_does_not_read_a_column_in_error_is_answered() {
    deep(|| {
        let view = world().view(&[]);
        for (text, expected) in [
            ("SELECT count(*) FROM Facts", "3"),
            ("SELECT sum(Id) FROM Facts", "6"),
            (
                "SELECT sum(Id) FROM Facts JOIN Parts ON Facts.Part = Parts.\"Key\" WHERE Name = 'b'",
                "5",
            ),
            ("SELECT MEASURE(\"Total\") FROM Facts", "6"),
            (
                "SELECT count(*) FROM information_schema.columns WHERE table_name = 'Facts'",
                "3",
            ),
        ] {
            let answer = ask(&view, text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(plain::rows(&answer.batches), [[expected]], "{text}");
        }
        for text in [
            "SELECT Bad FROM Facts",
            "SELECT * FROM Facts",
            "SELECT count(*) FROM Facts WHERE Bad = 1",
            "SELECT sum(Bad) FROM Facts",
            "SELECT Id FROM Facts ORDER BY Bad",
            "SELECT count(*) FROM Facts JOIN Others ON Facts.Bad = Others.\"Key\"",
            "SELECT MEASURE(\"Worse\") FROM Facts",
        ] {
            let error = ask(&view, text).err();
            let error = error.unwrap_or_else(|| panic!("{text} is answered"));
            assert_eq!(error.kind, engine::ErrorKind::InError, "{text}: {error}");
            assert!(
                error.message.contains("'Facts'[Bad] is in error"),
                "{text}: {error}"
            );
        }
    });
}
