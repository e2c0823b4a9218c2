use super::expression::{check, environment, evaluate};
use crate::functions::{Body, State, Types, all, find, format};
use crate::value::{DAY, DataType, Value};

#[test]
fn rounding() {
    for (expression, expected) in [
        ("ROUND(2.15, 1)", "2.2"),
        ("ROUND(2.149, 1)", "2.1"),
        ("ROUND(-1.475, 2)", "-1.48"),
        ("ROUND(21.5, -1)", "20"),
        ("ROUND(1.005, 2)", "1.01"),
        ("ROUND(15, -1)", "20"),
        ("ROUND(-15, -1)", "-20"),
        ("ROUND(CURRENCY(1.2355), 3)", "1.236 fixed"),
        ("ROUND(BLANK(), 2)", "BLANK"),
        ("ROUNDUP(PI(), 4)", "3.1416"),
        ("ROUNDUP(1.3, 0.2)", "2"),
        ("ROUNDUP(345.01, -1)", "350"),
        ("ROUNDUP(CURRENCY(-1.2301), 2)", "-1.24 fixed"),
        ("ROUNDDOWN(0.29, 2)", "0.29"),
        ("ROUNDDOWN(-3.99, 0)", "-3"),
        ("TRUNC(-8.9)", "-8"),
        ("TRUNC(8.987, 2)", "8.98"),
        ("INT(-4.3)", "-5"),
        ("INT(CURRENCY(-4.3))", "-5 fixed"),
        ("INT(BLANK())", "BLANK"),
        ("INT(\"2.7\")", "2"),
        ("INT(POWER(10, 30))", "error"),
        ("INT(\"many\")", "error"),
        ("CEILING(4.42, 0.05)", "4.45"),
        ("CEILING(-4.42, -0.05)", "-4.45"),
        ("CEILING(-4.42, 0.05)", "-4.4"),
        ("CEILING(4.42, -0.05)", "error"),
        ("CEILING(7, 5)", "10"),
        ("CEILING(-7, 5)", "-5"),
        ("CEILING(-7, -5)", "-10"),
        ("CEILING(CURRENCY(4.42), 0.05)", "4.45 fixed"),
        ("ISO.CEILING(-7, -5)", "-5"),
        ("ISO.CEILING(10.7, CURRENCY(0.5))", "11 fixed"),
        ("CEILING(10.2, CURRENCY(0.5))", "10.5 fixed"),
        ("CEILING(1E19, 1)", "error"),
        ("ISO.CEILING(4.2)", "5"),
        ("FLOOR(10.8423, 0.1)", "10.8"),
        ("FLOOR(-2.5, -2)", "-2"),
        ("FLOOR(-7, 5)", "-10"),
        ("FLOOR(CURRENCY(2.5), 1)", "2"),
        ("FLOOR(-10, -5)", "-10"),
        ("FLOOR(2.5, -2)", "error"),
        ("MROUND(1.3, 0.2)", "1.4"),
        ("MROUND(-10, -3)", "-9"),
        ("MROUND(5, -2)", "error"),
        ("EVEN(1.5)", "2"),
        ("EVEN(3)", "4"),
        ("EVEN(-1)", "-2"),
        ("ODD(1.5)", "3"),
        ("ODD(-2)", "-3"),
        ("ODD(0)", "1"),
    ] {
        check(expression, expected);
    }
}

#[test]
fn arithmetic() {
    for (expression, expected) in [
        ("ABS(-5)", "5"),
        ("ABS(CURRENCY(-5.5))", "5.5 fixed"),
        ("ABS(BLANK())", "BLANK"),
        ("SIGN(-0.1)", "-1"),
        ("SQRT(25)", "5"),
        ("SQRT(-1)", "error"),
        ("SQRT(BLANK())", "BLANK"),
        ("COS(BLANK())", "1"),
        ("EXP(1)", "2.71828182845905"),
        ("EXP(1000)", "error"),
        ("LN(0)", "error"),
        ("LOG(100)", "2"),
        ("LOG(8, 2)", "3"),
        ("LOG(0)", "error"),
        ("LOG(5, 1)", "error"),
        ("LOG10(1000)", "3"),
        ("POWER(5, 2)", "25"),
        ("POWER(0, 0)", "error"),
        ("POWER(-8, 0.5)", "error"),
        ("POWER(0, -1)", "error"),
        ("POWER(10, 400)", "error"),
        ("POWER(BLANK(), BLANK())", "BLANK"),
        ("MOD(3, 2)", "1"),
        ("MOD(-3, -2)", "-1"),
        ("MOD(-3, 2)", "1"),
        ("MOD(3, -2)", "-1"),
        ("MOD(5.5, 2)", "1.5"),
        ("MOD(1, 0.1)", "0"),
        ("MOD(1.1, 0.1)", "0"),
        ("MOD(-7.5, 2)", "0.5"),
        ("MOD(CURRENCY(5.5), 2)", "1.5 fixed"),
        ("MOD(5, 0)", "error"),
        ("QUOTIENT(5, 2)", "2"),
        ("QUOTIENT(-5, 2)", "-2"),
        ("QUOTIENT(5, 0)", "error"),
        ("DIVIDE(5, 2)", "2.5"),
        ("DIVIDE(5, 0)", "BLANK"),
        ("DIVIDE(5, 0, 1)", "1"),
        ("DIVIDE(5, BLANK(), 1)", "1"),
        ("DIVIDE(BLANK(), 5)", "BLANK"),
        ("DIVIDE(CURRENCY(1), 3)", "0.3333 fixed"),
        ("DIVIDE(CURRENCY(2), 3.0)", "0.6667 fixed"),
        ("DIVIDE(CURRENCY(1), CURRENCY(3))", "0.333333333333333"),
        ("FACT(170)", "7.257415615308E+306"),
        ("FACT(0)", "1"),
        ("FACT(171)", "error"),
        ("FACT(-1)", "error"),
        ("GCD(24, 36)", "12"),
        ("GCD(7, 1)", "1"),
        ("GCD(-1, 2)", "error"),
        ("LCM(24, 36)", "72"),
        ("LCM(5, 2)", "10"),
        ("BITAND(13, 11)", "9"),
        ("BITAND(13.9, 11.9)", "9"),
        ("BITOR(1.5, 2)", "3"),
        ("BITXOR(-1.5, 0)", "-1"),
        ("BITOR(9, 10)", "11"),
        ("BITXOR(13, 25)", "20"),
        ("BITLSHIFT(2, 3)", "16"),
        ("BITLSHIFT(128, -1)", "64"),
        ("BITLSHIFT(1, 100)", "0"),
        ("BITRSHIFT(16, 3)", "2"),
        ("BITRSHIFT(1024, -3)", "8192"),
        ("CURRENCY(3.66666666)", "3.6667 fixed"),
        ("CURRENCY(\"x\")", "error"),
        ("CONVERT(DATE(1900, 1, 1), INTEGER)", "2"),
        ("CONVERT(2.5, INTEGER)", "3"),
        ("CONVERT(1, STRING)", "\"1\""),
        ("CONVERT(\"abc\", DOUBLE)", "error"),
        ("CONVERT(0, BOOLEAN)", "FALSE"),
        ("CONVERT(43831, DATETIME)", "1/1/2020"),
        ("DEGREES(PI())", "180"),
        ("RADIANS(180)", "3.14159265358979"),
        ("RANDBETWEEN(3, 3)", "3"),
        ("RANDBETWEEN(4, 3)", "error"),
        ("ACOS(0.5)", "1.0471975511966"),
        ("ACOS(2)", "error"),
        ("ACOT(-2)", "2.67794504458899"),
        ("ACOTH(-3)", "-0.346573590279973"),
        ("ACOTH(0.5)", "error"),
        ("ATANH(1)", "error"),
        ("ASINH(-2.5)", "-1.6472311463711"),
        ("COT(1)", "0.642092615934331"),
        ("COT(0)", "error"),
        ("COT(134217728)", "error"),
        ("COTH(0)", "error"),
        ("COTH(-134217728)", "error"),
        ("COTH(1)", "1.31303528549933"),
        ("SQRTPI(4)", "3.54490770181103"),
        ("TAN(PI()/4)", "1"),
    ] {
        check(expression, expected);
    }
}

#[test]
fn texts() {
    for (expression, expected) in [
        ("LEFT(\"Hello\", 2)", "\"He\""),
        ("LEFT(\"Hello\")", "\"H\""),
        ("LEFT(\"Hello\", BLANK())", "\"\""),
        ("LEFT(\"Hello\", -1)", "error"),
        ("LEFT(12345, 2)", "\"12\""),
        ("LEFT(BLANK(), 2)", "BLANK"),
        ("RIGHT(\"Hello\", 9)", "\"Hello\""),
        ("RIGHT(\"Hello\", 3)", "\"llo\""),
        ("MID(\"Hello\", 2, 3)", "\"ell\""),
        ("MID(\"Hello\", 9, 3)", "\"\""),
        ("MID(\"Hello\", 0, 3)", "error"),
        ("LEN(\"Grüße\")", "5"),
        ("LEN(UNICHAR(128077))", "2"),
        ("LEN(BLANK())", "0"),
        ("LEN(TRUE())", "4"),
        ("UPPER(\"straße\")", "\"STRAßE\""),
        ("LOWER(\"ÄBC\")", "\"äbc\""),
        ("LOWER(\"ΟΔΟΣ\")", "\"οδοσ\""),
        ("TRIM(\"  a   b \")", "\"a b\""),
        ("SUBSTITUTE(\"a-b-c\", \"-\", \"+\")", "\"a+b+c\""),
        ("SUBSTITUTE(\"a-b-c\", \"-\", \"+\", 2)", "\"a-b+c\""),
        ("SUBSTITUTE(\"abc\", \"B\", \"x\")", "\"abc\""),
        ("SUBSTITUTE(\"abc\", \"\", \"x\")", "\"abc\""),
        ("REPLACE(\"abcdef\", 2, 3, \"X\")", "\"aXef\""),
        ("REPLACE(\"abc\", 2, BLANK(), \"X\")", "\"aXbc\""),
        ("REPT(\"85\", 3)", "\"858585\""),
        ("REPT(\"x\", 0)", "BLANK"),
        ("REPT(\"x\", 40000)", "error"),
        ("SEARCH(\"CYCLE\", \"Twin Cycles\")", "6"),
        ("SEARCH(\"c?c\", \"Twin Cycles\")", "6"),
        ("SEARCH(\"z\", \"abc\")", "error"),
        ("SEARCH(\"z\", \"abc\", 1, BLANK())", "BLANK"),
        ("SEARCH(\"z\", \"abc\", , -1)", "-1"),
        ("SEARCH(\"a\", \"abca\", 2)", "4"),
        ("SEARCH(\"b\", \"👍b\")", "3"),
        ("SEARCH(\"か\", \"ｶ\")", "1"),
        ("FIND(\"か\", \"カ\", 1, 0)", "0"),
        ("FIND(\"C\", \"cC\")", "2"),
        ("FIND(\"?\", \"ab\", 1, 0)", "0"),
        ("FIND(\"a\", \"abc\", 9, 0)", "0"),
        ("EXACT(\"a\", \"A\")", "FALSE"),
        ("EXACT(\"a\", \"a\")", "TRUE"),
        ("CONCATENATE(\"a\", 1)", "\"a1\""),
        ("CONCATENATE(BLANK(), BLANK())", "BLANK"),
        ("COMBINEVALUES(\", \", \"March\", 2020)", "\"March, 2020\""),
        ("VALUE(\"1,234.5\")", "1234.5"),
        ("VALUE(\"\")", "error"),
        ("VALUE(\"1/1/2020\")", "43831"),
        ("UNICHAR(65)", "\"A\""),
        ("UNICHAR(0)", "error"),
        ("UNICHAR(1)", "error"),
        ("LEN(UNICHAR(10))", "1"),
        ("UNICHAR(55296)", "error"),
        ("UNICODE(\"A\")", "65"),
        ("UNICODE(\"\")", "error"),
        ("FIXED(1234.567, 1)", "\"1,234.6\""),
        ("FIXED(1234.567, -2, TRUE)", "\"1200\""),
        ("FIXED(-1234567.891)", "\"-1,234,567.89\""),
        ("FIXED(0.4, 0)", "\"0\""),
        ("CONTAINSSTRING(\"abcd\", \"a*d\")", "TRUE"),
        ("CONTAINSSTRING(\"abcd\", \"ef\")", "FALSE"),
        ("CONTAINSSTRINGEXACT(\"abcd\", \"BC\")", "FALSE"),
        ("PATHITEM(\"1|2|4\", 2)", "\"2\""),
        ("PATHITEM(\"1|2|4\", 2, INTEGER)", "2"),
        ("PATHITEM(\"1|2|4\", 2, 1)", "2"),
        ("PATHITEM(\"1|2|4\", 0)", "BLANK"),
        ("PATHITEM(\"1|2|4\", 4)", "BLANK"),
        ("PATHITEM(\"a|b\", 1, 1)", "error"),
        ("PATHITEM(\"a|b\", 1, 2)", "error"),
        ("PATHITEMREVERSE(\"1|2|4\", 1)", "\"4\""),
        ("PATHITEMREVERSE(\"1|2|4\", 0)", "BLANK"),
        ("PATHCONTAINS(\"1|2|4\", 2)", "TRUE"),
        ("PATHCONTAINS(\"1|2|4\", 3)", "FALSE"),
        ("PATHLENGTH(\"1|2|4\")", "3"),
        ("PATHLENGTH(BLANK())", "BLANK"),
    ] {
        check(expression, expected);
    }
}

#[test]
fn dates() {
    for (expression, expected) in [
        ("DATE(2009, 7, 8)", "7/8/2009"),
        ("DATE(8, 1, 2)", "1/2/2008"),
        ("DATE(50, 1, 2)", "1/2/1950"),
        ("DATE(2008, 14, 2)", "2/2/2009"),
        ("DATE(2008, 1, 35)", "2/4/2008"),
        ("DATE(2008, 0, 1)", "12/1/2007"),
        ("YEAR(DATE(-1, 1, 1))", "1899"),
        ("DATE(-50, 1, 2)", "1/2/1850"),
        ("DATE(-1801, 1, 1)", "error"),
        ("DATE(10000, 1, 1)", "error"),
        ("DATE(9999, 13, 1)", "error"),
        ("TIME(27, 0, 0)", "3:00:00 AM"),
        ("TIME(0, 2190, 0)", "12:30:00 PM"),
        ("TIME(0, 0, 2000)", "12:33:20 AM"),
        ("TIME(-1, 0, 0)", "error"),
        ("YEAR(\"March 2007\")", "2007"),
        ("YEAR(BLANK())", "1899"),
        ("MONTH(DATE(2020, 6, 25))", "6"),
        ("DAY(DATE(2020, 6, 25))", "25"),
        ("QUARTER(DATE(2018, 12, 31))", "4"),
        ("QUARTER(BLANK())", "BLANK"),
        ("HOUR(\"March 3, 2008 3:00 PM\")", "15"),
        ("MINUTE(TIME(1, 2, 3))", "2"),
        ("SECOND(TIME(1, 2, 3))", "3"),
        ("WEEKDAY(DATE(2020, 6, 25))", "5"),
        ("WEEKDAY(DATE(2020, 6, 25), 2)", "4"),
        ("WEEKDAY(DATE(2020, 6, 25), 3)", "3"),
        ("WEEKDAY(DATE(2020, 6, 25), 4)", "error"),
        ("WEEKDAY(DATE(2005, 1, 1), 11)", "6"),
        ("WEEKDAY(DATE(2005, 1, 2), 11)", "7"),
        ("WEEKDAY(DATE(2005, 1, 3), 11)", "1"),
        ("WEEKDAY(DATE(2005, 1, 3), 12)", "7"),
        ("WEEKDAY(DATE(2005, 1, 7), 14)", "2"),
        ("WEEKDAY(DATE(2005, 1, 1), 16)", "1"),
        ("WEEKDAY(DATE(2005, 1, 1), 17)", "7"),
        ("WEEKDAY(DATE(2005, 1, 1), 18)", "error"),
        ("WEEKNUM(\"Feb 14, 2010\", 2)", "7"),
        ("WEEKNUM(DATE(2020, 1, 1))", "1"),
        ("WEEKNUM(DATE(2012, 3, 9), 1)", "10"),
        ("WEEKNUM(DATE(2012, 3, 9), 2)", "11"),
        ("WEEKNUM(DATE(2021, 1, 3), 21)", "53"),
        ("WEEKNUM(DATE(2024, 12, 30), 21)", "1"),
        ("WEEKNUM(DATE(2020, 1, 1), 9)", "error"),
        ("EDATE(\"2009-01-31\", 1)", "2/28/2009"),
        ("EDATE(DATE(2009, 1, 15), 1.9)", "2/15/2009"),
        ("EOMONTH(\"March 3, 2008\", 1.5)", "5/31/2008"),
        ("EOMONTH(DATE(2008, 3, 31), -1)", "2/29/2008"),
        ("EOMONTH(DATE(9999, 12, 1), 1)", "error"),
        ("DATEDIFF(DATE(2019, 7, 1), DATE(2021, 12, 31), YEAR)", "2"),
        (
            "DATEDIFF(DATE(2019, 7, 1), DATE(2021, 12, 31), QUARTER)",
            "9",
        ),
        (
            "DATEDIFF(DATE(2019, 7, 1), DATE(2021, 12, 31), MONTH)",
            "29",
        ),
        (
            "DATEDIFF(DATE(2019, 7, 1), DATE(2021, 12, 31), WEEK)",
            "130",
        ),
        ("DATEDIFF(DATE(2019, 7, 1), DATE(2021, 12, 31), DAY)", "914"),
        (
            "DATEDIFF(DATE(2021, 12, 31), DATE(2021, 12, 30), HOUR)",
            "-24",
        ),
        (
            "DATEDIFF(\"2020-01-01 10:59:59\", \"2020-01-01 11:00:00\", HOUR)",
            "1",
        ),
        ("DATEDIFF(BLANK(), BLANK(), DAY)", "BLANK"),
        (
            "DATEDIFF(DATE(2021, 12, 31), DATE(2021, 12, 30), FORTNIGHT)",
            "error",
        ),
        ("DATEVALUE(\"8/1/2009 10:00\")", "8/1/2009"),
        ("DATEVALUE(\"8/1\")", "8/1/2020"),
        ("DATEVALUE(\"20/4/2018\")", "4/20/2018"),
        ("DATEVALUE(\"soon\")", "error"),
        ("TIMEVALUE(\"20:45:30\")", "8:45:30 PM"),
        ("NOW()", "6/25/2020 1:23:45 PM"),
        ("TODAY()", "6/25/2020"),
        ("UTCNOW()", "6/25/2020 11:23:45 AM"),
        ("UTCTODAY()", "6/25/2020"),
        (
            "YEARFRAC(\"Jan 1 2007\", \"Mar 1 2007\")",
            "0.166666666666667",
        ),
        (
            "YEARFRAC(DATE(2012,1,1), DATE(2012,7,30), 1)",
            "0.576502732240437",
        ),
        (
            "YEARFRAC(DATE(2012,7,30), DATE(2012,1,1), 3)",
            "0.578082191780822",
        ),
        ("YEARFRAC(DATE(2012,1,1), DATE(2012,7,30), 5)", "error"),
        (
            "YEARFRAC(DATE(1993,2,28), DATE(1996,3,31), 0)",
            "3.08611111111111",
        ),
        ("NETWORKDAYS(DATE(2022, 5, 28), DATE(2022, 5, 30))", "1"),
        ("NETWORKDAYS(DATE(2022, 5, 1), DATE(2022, 5, 31))", "22"),
        ("NETWORKDAYS(DATE(2022, 5, 31), DATE(2022, 5, 1))", "-22"),
        ("NETWORKDAYS(DATE(2022, 5, 1), DATE(2022, 5, 31), 11)", "26"),
        (
            "NETWORKDAYS(DATE(2022, 5, 1), DATE(2022, 5, 31), 8)",
            "error",
        ),
    ] {
        check(expression, expected);
    }
    let weekend = crate::functions::date::weekend_days(1).unwrap();
    let day = |d| crate::functions::calendar::days(2022, 5, d);
    assert_eq!(
        crate::functions::date::work_days(day(28), day(30), &weekend, &[day(30), day(30), day(29)]),
        0
    );
}

#[test]
fn types_and_people() {
    for (expression, expected) in [
        ("ISBLANK(BLANK())", "TRUE"),
        ("ISBLANK(\"\")", "FALSE"),
        ("ISNUMBER(0.31)", "TRUE"),
        ("ISNUMBER(\"42\")", "FALSE"),
        ("ISNUMERIC(BLANK())", "FALSE"),
        ("ISTEXT(\"\")", "TRUE"),
        ("ISTEXT(BLANK())", "FALSE"),
        ("ISNONTEXT(BLANK())", "TRUE"),
        ("ISSTRING(42)", "FALSE"),
        ("ISLOGICAL(TRUE())", "TRUE"),
        ("ISBOOLEAN(1)", "FALSE"),
        ("ISDATETIME(UTCTODAY())", "TRUE"),
        ("ISDATETIME(\"2025-07-01\")", "FALSE"),
        ("ISINTEGER(1)", "TRUE"),
        ("ISINT64(1.5)", "FALSE"),
        ("ISDOUBLE(4.2)", "TRUE"),
        ("ISDOUBLE(42)", "FALSE"),
        ("ISDECIMAL(1.5)", "FALSE"),
        ("ISCURRENCY(CURRENCY(4.2421))", "TRUE"),
        ("ISEVEN(2.9)", "TRUE"),
        ("ISODD(-3)", "TRUE"),
        ("ISEVEN(\"x\")", "error"),
        ("NOT(0)", "TRUE"),
        ("NOT(\"x\")", "error"),
        ("NOT(BLANK())", "TRUE"),
        ("USERNAME()", "\"ann\""),
        ("USERPRINCIPALNAME()", "\"ann@example.com\""),
        ("USEROBJECTID()", "BLANK"),
        ("CUSTOMDATA()", "BLANK"),
        ("USERCULTURE()", "\"en-US\""),
    ] {
        check(expression, expected);
    }
}

#[test]
fn numeric_formats() {
    let check = |value: Value, format_string: &str, expected: &str| {
        assert_eq!(
            format::format_value(&value, format_string, "en-US").as_deref(),
            Some(expected),
            "{value:?} as {format_string}"
        );
    };
    let number = Value::Double(12345.67);
    check(number.clone(), "", "12345.67");
    check(number.clone(), "General Number", "12345.67");
    check(number.clone(), "Currency", "$12,345.67");
    check(number.clone(), "fixed", "12345.67");
    check(number.clone(), "Standard", "12,345.67");
    check(number.clone(), "Percent", "1234567.00%");
    check(number.clone(), "Scientific", "1.23E+04");
    check(number.clone(), "Yes/No", "Yes");
    check(Value::Integer(0), "On/Off", "Off");
    check(number.clone(), "0", "12346");
    check(number.clone(), "#,0.0", "12,345.7");
    check(number.clone(), "#,##0,", "12");
    check(number.clone(), "0.0,\"K\"", "12.3K");
    check(number.clone(), "#,0.00M", "12,345.67M");
    check(Value::Integer(100_000_000), "##0,,", "100");
    check(Value::Integer(1_234_567_890), "#,##0.0,,", "1,234.6");
    check(Value::Double(-5.5), "$#,0.00", "-$5.50");
    check(Value::Double(-5.5), "$#,0.00;($#,0.00)", "($5.50)");
    check(Value::Double(-5.5), "0.0;;zero", "-5.5");
    check(Value::Integer(0), "0.0;-0.0;\"Zero\"", "Zero");
    check(Value::Double(-0.001), "0.0", "0.0");
    check(Value::Double(0.5), "#.00", ".50");
    check(Value::Double(0.5), ".0#", ".5");
    check(Value::Double(12.5), ".00", "12.50");
    check(Value::Integer(5), "0.##", "5");
    check(
        Value::Double(1234.5),
        "\\$#,0.###############;(\\$#,0.###############);\\$#,0.###############",
        "$1,234.5",
    );
    super::expression::check("FORMAT(5, \"0.##\")", "\"5.\"");
    check(Value::Integer(5), "000", "005");
    check(Value::Integer(0), "#", "");
    check(Value::Integer(0), "#,#", "");
    check(Value::Integer(123_456_789), "000-00-0000", "123-45-6789");
    check(Value::Integer(1234), "0,000,000", "0,001,234");
    check(Value::Double(0.256), "0.0%", "25.6%");
    check(Value::Double(0.256), "0 %", "26 %");
    check(Value::Double(1.005), "0.00", "1.01");
    check(
        Value::Double(0.1 + 0.2),
        "0.00000000000000000000",
        "0.30000000000000000000",
    );
    check(Value::Integer(i64::MAX), "#,0", "9,223,372,036,854,775,807");
    check(Value::Fixed(12_345_678), "#,0.0000", "1,234.5678");
    check(Value::Double(0.000123), "0.0E-00", "1.2E-04");
    check(Value::Double(999.99), "0.0E+0", "1.0E+3");
    check(Value::Double(12345.0), "##0.0E+0", "123.5E+2");
    check(Value::Double(47.11), ".0000E+0", ".4711E+2");
    check(Value::Double(0.99999), ".00E+0", ".10E+1");
    check(Value::Double(1.7), "0.0000e+0#", "1.7000e+0");
    check(Value::Double(1.7), "0.00E+#", "1.70E+0");
    check(Value::Double(1e12), "0.0E+0#", "1.0E+12");
    check(Value::Integer(7), "\\#0", "#7");
    check(Value::Integer(7), "\"a;b\" 0;x", "a;b 7");
    check(Value::Integer(3), "\"abc\"", "abc");
    check(Value::Double(f64::NEG_INFINITY), "0.00", "-Infinity");
    check(Value::Blank, "0.00", "");
    check(Value::text("1234.5"), "#,0.00", "1,234.50");
    check(Value::text("n/a"), "#,0.00", "n/a");
    check(Value::text("n/a"), ">@@@@", " N/A");
    check(Value::Integer(1), "<&>&", "1");
    check(Value::Double(1234.5), "@@@@@@@@", "  1234.5");
    check(Value::Boolean(true), ">", "TRUE");
    check(Value::Integer(5), "0 @", "5 @");
    check(Value::Integer(5), "\"<\"0", "<5");
    check(Value::Blank, "@@@", "");
    check(Value::Boolean(true), "", "True");
    check(Value::Boolean(true), "0.0", "1.0");
    check(Value::Boolean(false), "True/False", "False");
    assert_eq!(format::format_value(&number, "0", "xx-YY"), None);
}

#[test]
fn date_formats() {
    let moment = Value::DateTime(environment().clock().local);
    let check = |format_string: &str, expected: &str| {
        assert_eq!(
            format::format_value(&moment, format_string, "en-US").as_deref(),
            Some(expected),
            "{format_string}"
        );
    };
    for (format_string, expected) in [
        ("", "6/25/2020 1:23:45 PM"),
        ("General Date", "6/25/2020 1:23:45 PM"),
        ("Long Date", "Thursday, June 25, 2020"),
        ("Medium Date", "Thursday, June 25, 2020"),
        ("Short Date", "6/25/2020"),
        ("Long Time", "1:23:45 PM"),
        ("Medium Time", "1:23 PM"),
        ("Short Time", "13:23"),
        ("c", "06/25/2020 13:23:45"),
        ("d", "25"),
        ("ddd", "Thu"),
        ("dddd", "Thursday"),
        ("ddddd", "06/25/2020"),
        ("dddddd", "Thursday, June 25, 2020"),
        ("w", "5"),
        ("ww", "26"),
        ("m", "6"),
        ("mm", "06"),
        ("mmm", "Jun"),
        ("MMMM", "June"),
        ("q", "2"),
        ("y", "177"),
        ("yy", "20"),
        ("yyyy", "2020"),
        ("yyy", "20177"),
        ("yyyyy", "2020177"),
        ("\"Year\" yyyy", "Year 2020"),
        ("yyyy \\Qq", "2020 Q2"),
        ("\\Qq yyyy", "Q2 2020"),
        ("dd/mm/yyyy", "25/06/2020"),
        ("yyyy-mm-dd", "2020-06-25"),
        ("yyyymm", "202006"),
        ("h:nn:ss", "13:23:45"),
        ("h:mm", "13:23"),
        ("hh:nn:ss AMPM", "01:23:45 PM"),
        ("h:nn am/pm", "1:23 pm"),
        ("h A/P", "1 P"),
        ("ttttt", "13:23:45"),
        ("mmm d, yyyy", "Jun 25, 2020"),
        ("0.00", "44007.56"),
    ] {
        check(format_string, expected);
    }
    let time = Value::DateTime(-25_569 * DAY + 3_600_000_000);
    assert_eq!(
        format::format_value(&time, "", "").as_deref(),
        Some("1:00:00 AM")
    );
    assert_eq!(
        format::format_value(&Value::Integer(84), "mmm", "").as_deref(),
        Some("Mar")
    );
    super::expression::check("FORMAT(\"2020-06-25\", \"yyyy\")", "\"2020\"");
    super::expression::check("FORMAT(BLANK(), \"0\")", "\"\"");
    super::expression::check("FORMAT(0, \"General Date\")", "\"12:00:00 AM\"");
    super::expression::check("FORMAT(0, \"c\")", "\"00:00:00\"");
    super::expression::check("FORMAT(1.5, BLANK(), \"en-US\")", "\"1.5\"");
    super::expression::check("FORMAT(1.5, BLANK(), \"xx-YY\")", "error");
}

#[test]
fn no_failure_tells_a_value() {
    for expression in [
        "SQRT(-98765)",
        "INT(\"98765x\")",
        "DATEVALUE(\"98765x\")",
        "UNICHAR(-98765)",
        "PATHITEM(\"98765x\", 1, 1)",
        "LOG(-98765)",
    ] {
        let message = evaluate(expression).unwrap_err().message;
        let name = expression.split('(').next().unwrap();
        assert!(
            message.contains(name) && !message.contains("98765"),
            "{message}"
        );
    }
}

/// A scalar function survives every kind of value, and gives the type that its row promises.
#[test]
fn any_arguments_are_survived() {
    let values = [
        Value::Blank,
        Value::Integer(0),
        Value::Integer(3),
        Value::Integer(i64::MIN),
        Value::Integer(i64::MAX),
        Value::Fixed(-12_345),
        Value::Fixed(i64::MIN),
        Value::Double(0.5),
        Value::Double(-1e300),
        Value::Double(f64::NAN),
        Value::Boolean(true),
        Value::DateTime(i64::from(i32::MAX) * 1_000_000),
        Value::text("7"),
        Value::text("YEAR"),
        Value::text("ß👍|x"),
    ];
    let environment = environment();
    for function in all() {
        let Body::Scalar(scalar) = function.body else {
            continue;
        };
        let most = function
            .parameters
            .most
            .min(4)
            .max(function.parameters.least);
        for count in function.parameters.least..=most {
            for round in 0..400 {
                let arguments: Vec<Value> = (0..count)
                    .map(|i| {
                        values[(round * (i + 1) * 7 + round / 15 + i * 3) % values.len()].clone()
                    })
                    .collect();
                let types: Vec<DataType> = arguments
                    .iter()
                    .map(|v| v.data_type().unwrap_or(DataType::Unknown))
                    .collect();
                let Ok(value) = scalar(&arguments, &environment) else {
                    continue;
                };
                let promised = match function.types {
                    Types::Always(promised) => promised,
                    Types::From(of) => of(&types),
                    Types::First | Types::Bound => continue,
                };
                if let Some(given) = value.data_type() {
                    assert!(
                        promised == given || promised == DataType::Variant,
                        "{} of {arguments:?} gives {value:?}, not {promised:?}",
                        function.name
                    );
                }
            }
        }
    }
}

#[test]
fn refusals_say_why() {
    let check = |name: &str, reason: &str| match find(name).unwrap().body {
        Body::Bound(State::Refused(given)) => assert_eq!(given, reason),
        _ => panic!("{name} is not refused"),
    };
    check("RUNNINGSUM", "is for visual calculations only");
    check("FILTERCLUSTER", "is not a documented function");
    check("EXTERNALMEASURE", "needs a remote model");
    assert!(matches!(
        find("sumx").unwrap().body,
        Body::Bound(State::Built)
    ));
}

#[test]
fn formats_speak_the_language_of_a_locale() {
    for (expression, expected) in [
        ("FORMAT(1234.567, \"#,0.0\", \"de-DE\")", "\"1.234,6\""),
        ("FORMAT(1234.567, \"#,0.0\", \"de-CH\")", "\"1’234.6\""),
        (
            "FORMAT(1234.5, \"General Number\", \"fr-FR\")",
            "\"1234,5\"",
        ),
        ("FORMAT(1234.5, \"\", \"fr-FR\")", "\"1234,5\""),
        (
            "FORMAT(-1234.5, \"Currency\", \"de-DE\")",
            "\"-1.234,50 €\"",
        ),
        ("FORMAT(1234.5, \"Currency\", \"en-GB\")", "\"£1,234.50\""),
        ("FORMAT(0.5, \"Percent\", \"de-DE\")", "\"50,00%\""),
        (
            "FORMAT(DATE(2024,3,5), \"dddd, d. mmmm yyyy\", \"de-DE\")",
            "\"Dienstag, 5. März 2024\"",
        ),
        (
            "FORMAT(DATE(2024,3,5), \"ddd mmm\", \"fr-FR\")",
            "\"mar. mars\"",
        ),
        (
            "FORMAT(DATE(2024,3,5), \"Short Date\", \"de-DE\")",
            "\"05.03.2024\"",
        ),
        (
            "FORMAT(DATE(2024,3,5), \"Short Date\", \"pt-BR\")",
            "\"05/03/2024\"",
        ),
        (
            "FORMAT(DATE(2024,3,5), \"dd/mm/yyyy\", \"de-DE\")",
            "\"05.03.2024\"",
        ),
        (
            "FORMAT(DATE(2024,3,5), \"dd\\/mm\", \"de-DE\")",
            "\"05/03\"",
        ),
        (
            "FORMAT(DATE(2024,3,5)+TIME(14,5,6), \"General Date\", \"de-DE\")",
            "\"05.03.2024 14:05:06\"",
        ),
        (
            "FORMAT(TIME(14,5,6), \"Long Time\", \"de-DE\")",
            "\"14:05:06\"",
        ),
        (
            "FORMAT(DATE(2024,3,5), \"Long Date\", \"de-DE\")",
            "\"Dienstag, 5. März 2024\"",
        ),
        (
            "FORMAT(DATE(2024,3,5), \"dddddd\", \"es-ES\")",
            "\"martes, 5 de marzo de 2024\"",
        ),
        (
            "FORMAT(DATE(2024,3,5), \"ddddd\", \"de-DE\")",
            "\"05.03.2024\"",
        ),
        (
            "FORMAT(TIME(14,5,6), \"h:nn:ss AMPM\", \"de-DE\")",
            "\"2:05:06 \"",
        ),
        (
            "FORMAT(TIME(14,5,6), \"h:nn:ss AMPM\", \"en-US\")",
            "\"2:05:06 PM\"",
        ),
        (
            "FORMAT(DATE(2024,3,5), \"Long Date\", \"sv-SE\")",
            "\"den 5 mars 2024\"",
        ),
        (
            "FORMAT(DATE(2024,3,5), \"Long Date\", \"pl-PL\")",
            "\"wtorek, 5 marca 2024\"",
        ),
        (
            "FORMAT(DATE(2024,3,5), \"mmmm yyyy\", \"pl-PL\")",
            "\"marzec 2024\"",
        ),
        (
            "FORMAT(DATE(2024,3,5), \"dddddd\", \"ja-JP\")",
            "\"2024年3月5日\"",
        ),
        ("FORMAT(DATE(2024,3,5), \"mmm\", \"de-DE\")", "\"Mrz\""),
        (
            "FORMAT(DATE(2024,3,5), \"Short Date\", \"de-AT\")",
            "\"05.03.2024\"",
        ),
        (
            "FORMAT(DATE(2024,3,5), \"Short Date\", \"ja\")",
            "\"2024/03/05\"",
        ),
        (
            "FORMAT(DATE(2024,3,5), \"General Date\", \"en-GB\")",
            "\"05/03/2024\"",
        ),
        (
            "FORMAT(DATE(2020,12,15)+TIME(12,30,59), \"General Date\", \"en-GB\")",
            "\"15/12/2020 12:30:59\"",
        ),
        (
            "FORMAT(TIME(14,5,6), \"Long Time\", \"en-AU\")",
            "\"2:05:06 PM\"",
        ),
        (
            "FORMAT(TIME(14,5,6), \"Long Time\", \"fi-FI\")",
            "\"14.05.06\"",
        ),
        (
            "FORMAT(TIME(14,5,6), \"h:nn AM/PM\", \"ja-JP\")",
            "\"2:05 PM\"",
        ),
        (
            "FORMAT(TIME(14,5,6), \"h:nn AMPM\", \"ja-JP\")",
            "\"2:05 午後\"",
        ),
        (
            "FORMAT(-1234.5, \"Currency\", \"fr-CA\")",
            "\"(1\u{a0}234,50 $)\"",
        ),
        ("FORMAT(1234.5, \"Currency\", \"ja-JP\")", "\"¥1,235\""),
        (
            "FORMAT(-1234.5, \"Currency\", \"nl-NL\")",
            "\"€ -1.234,50\"",
        ),
        ("FORMAT(-1234.5, \"Currency\", \"en-GB\")", "\"-£1,234.50\""),
        ("FORMAT(DATE(2024,3,5), \"Long Date\", \"is-IS\")", "error"),
        (
            "FORMAT(DATE(2024,3,5), \"Long Date\", \"en-us\")",
            "\"Tuesday, March 5, 2024\"",
        ),
        ("FORMAT(1, \"0\", \"xx-YY\")", "error"),
        ("FORMAT(BLANK(), \"0\", \"de-DE\")", "\"\""),
    ] {
        check(expression, expected);
    }
}
