//! Contexts where expressions are evaluated, and what may stand there, on the small model of `functions`.

use crate::functions::check;

#[test]
fn switch_meets_blank_with_blank_alone() {
    check("SWITCH ( 0, BLANK (), 10, 99 )", "99");
    check("SWITCH ( BLANK (), 0, 10, 99 )", "99");
    check("SWITCH ( \"\", BLANK (), 10, 99 )", "99");
    check("SWITCH ( BLANK (), FALSE (), 10, 99 )", "99");
    check("SWITCH ( BLANK (), BLANK (), 10, 99 )", "10");
    check("SWITCH ( 1.0, 1, 10, 99 )", "10");
    check("SWITCH ( TRUE (), BLANK (), 10, 99 )", "99");
    check(
        "SUMX ( Lines, SWITCH ( Lines[Amount], BLANK (), 1, 0, 2, 20, 3 ) )",
        "7",
    );
}
