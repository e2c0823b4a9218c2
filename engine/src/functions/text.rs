//! Text functions. Positions and lengths count UTF-16 units, as the vendor's engine does.

use super::arguments::*;
use super::registry::{Environment, Function, Types};
use super::{format, wildcard};
use crate::convert;
use crate::error::Failure;
use crate::value::{DataType, Value};

const TEXT: Types = Types::Always(DataType::Text);
const WHOLE: Types = Types::Always(DataType::Integer);

super::scalars! { TABLE, "Text":
    "COMBINEVALUES" "(delimiter, value, value, ...)" 3 usize::MAX TEXT => combine_values;
    "CONCATENATE" "(text, text)" 2 2 TEXT => concatenate;
    "EXACT" "(text, text)" 2 2 Types::Always(DataType::Boolean) => |a, _| Ok(Value::Boolean(text(a, 0) == text(a, 1)));
    "FIND" "(find text, within text, [start], [value if not found])" 2 4 Types::From(type_of_position) => |a, e| position("FIND", a, exact_position, e);
    "FIXED" "(number, [decimals], [no commas])" 1 3 TEXT => fixed_text;
    "FORMAT" "(value, format string, [locale])" 2 3 TEXT => format::format;
    "LEFT" "(text, [count])" 1 2 TEXT => |a, _| end_of("LEFT", a, |units, count| &units[..count]);
    "LEN" "(text)" 1 1 WHOLE => |a, _| Ok(Value::Integer(length(&text(a, 0)) as i64));
    "LOWER" "(text)" 1 1 TEXT => |a, _| Ok(map(a, lower));
    "MID" "(text, start, count)" 3 3 TEXT => mid;
    "REPLACE" "(text, start, count, new text)" 4 4 TEXT => replace;
    "REPT" "(text, count)" 2 2 TEXT => repeat;
    "RIGHT" "(text, [count])" 1 2 TEXT => |a, _| end_of("RIGHT", a, |units, count| &units[units.len() - count..]);
    "SEARCH" "(find text, within text, [start], [value if not found])" 2 4 Types::From(type_of_position) => |a, e| position("SEARCH", a, wildcard::find, e);
    "SUBSTITUTE" "(text, old text, new text, [instance])" 3 4 TEXT => substitute;
    "TRIM" "(text)" 1 1 TEXT => |a, _| Ok(map(a, trim));
    "UNICHAR" "(number)" 1 1 TEXT => unichar;
    "UNICODE" "(text)" 1 1 WHOLE => unicode;
    "UPPER" "(text)" 1 1 TEXT => |a, _| Ok(map(a, upper));
    "VALUE" "(text)" 1 1 Types::Always(DataType::Double) => value;
}

/// The longest text that REPT makes, in UTF-16 units.
const LONGEST: usize = 32_767;

/// What is given when nothing is found decides with.
fn type_of_position(types: &[DataType]) -> DataType {
    match types.get(3) {
        None | Some(DataType::Integer | DataType::Unknown) => DataType::Integer,
        Some(_) => DataType::Variant,
    }
}

fn length(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.encode_utf16().count()
    }
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn from_units(units: &[u16]) -> Value {
    Value::text(String::from_utf16_lossy(units))
}

/// BLANK stays BLANK.
fn map(arguments: &[Value], f: fn(&str) -> String) -> Value {
    if given(arguments, 0) {
        Value::text(f(&text(arguments, 0)))
    } else {
        Value::Blank
    }
}

pub(super) fn upper(text: &str) -> String {
    text.chars()
        .map(|c| one_for_one(c, c.to_uppercase()))
        .collect()
}

pub(super) fn lower(text: &str) -> String {
    text.chars()
        .map(|c| one_for_one(c, c.to_lowercase()))
        .collect()
}

/// A character whose other case is more than one character stays: the length of text does not depend on its case.
fn one_for_one(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(other), None) => other,
        _ => c,
    }
}

/// A number of characters; fewer than none is an error.
fn count(function: &str, arguments: &[Value], i: usize) -> Result<usize, Failure> {
    usize::try_from(integer(function, arguments, i)?)
        .map_err(|_| undefined(function, "a number of characters is negative"))
}

/// A position, counted from 1.
fn start(function: &str, arguments: &[Value], i: usize) -> Result<usize, Failure> {
    let from = integer(function, arguments, i)?;
    usize::try_from(from.saturating_sub(1))
        .map_err(|_| undefined(function, "positions count from 1"))
}

fn end_of(
    function: &'static str,
    arguments: &[Value],
    cut: fn(&[u16], usize) -> &[u16],
) -> Outcome {
    let wanted = if arguments.len() > 1 {
        count(function, arguments, 1)?
    } else {
        1
    };
    if !given(arguments, 0) {
        return Ok(Value::Blank);
    }
    let units = units(&text(arguments, 0));
    Ok(from_units(cut(&units, wanted.min(units.len()))))
}

fn mid(arguments: &[Value], _: &Environment) -> Outcome {
    let (from, wanted) = (start("MID", arguments, 1)?, count("MID", arguments, 2)?);
    if !given(arguments, 0) {
        return Ok(Value::Blank);
    }
    let units = units(&text(arguments, 0));
    let from = from.min(units.len());
    Ok(from_units(
        &units[from..from + wanted.min(units.len() - from)],
    ))
}

fn replace(arguments: &[Value], _: &Environment) -> Outcome {
    let (from, removed) = (
        start("REPLACE", arguments, 1)?,
        count("REPLACE", arguments, 2)?,
    );
    crate::text::admit(text(arguments, 0).len() + text(arguments, 3).len())?;
    let old = units(&text(arguments, 0));
    let from = from.min(old.len());
    let after = from + removed.min(old.len() - from);
    let mut new = old[..from].to_vec();
    new.extend(text(arguments, 3).encode_utf16());
    new.extend_from_slice(&old[after..]);
    Ok(from_units(&new))
}

fn repeat(arguments: &[Value], _: &Environment) -> Outcome {
    let times = usize::try_from(truncated("REPT", arguments, 1)?)
        .map_err(|_| undefined("REPT", "the number of times is negative"))?;
    let part = text(arguments, 0);
    // No times gives BLANK, and not empty text.
    if times == 0 || !given(arguments, 0) {
        return Ok(Value::Blank);
    }
    if length(&part).saturating_mul(times) > LONGEST {
        return Err(undefined(
            "REPT",
            "the result is longer than 32,767 characters",
        ));
    }
    Ok(Value::text(part.repeat(if part.is_empty() {
        0
    } else {
        times
    })))
}

fn concatenate(arguments: &[Value], _: &Environment) -> Outcome {
    if arguments.iter().all(Value::is_blank) {
        return Ok(Value::Blank);
    }
    crate::text::joined([&*text(arguments, 0), &*text(arguments, 1)], "")
}

fn combine_values(arguments: &[Value], _: &Environment) -> Outcome {
    let parts: Vec<_> = arguments.iter().skip(1).map(Value::to_text).collect();
    crate::text::joined(parts.iter().map(|part| &**part), &text(arguments, 0))
}

fn substitute(arguments: &[Value], _: &Environment) -> Outcome {
    if !given(arguments, 0) {
        return Ok(Value::Blank);
    }
    let (whole, old, new) = (text(arguments, 0), text(arguments, 1), text(arguments, 2));
    if old.is_empty() {
        return Ok(Value::Text(whole));
    }
    let each = new.len().saturating_sub(old.len());
    let found = whole.matches(&*old).count();
    crate::text::admit(each.saturating_mul(found).saturating_add(whole.len()))?;
    if !given(arguments, 3) {
        return Ok(Value::text(whole.replace(&*old, &new)));
    }
    let instance = start("SUBSTITUTE", arguments, 3)?;
    let found = whole.match_indices(&*old).nth(instance);
    Ok(match found {
        None => Value::Text(whole),
        Some((at, _)) => Value::text(format!("{}{new}{}", &whole[..at], &whole[at + old.len()..])),
    })
}

/// Cuts spaces at both ends and leaves one between words. Other white space stays.
fn trim(text: &str) -> String {
    text.split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The character position of a search, counted from 0; None when there is none.
type Finder = fn(
    find: &str,
    within: &str,
    from: usize,
    environment: &Environment,
) -> Result<Option<usize>, Failure>;

fn exact_position(
    find: &str,
    within: &str,
    from: usize,
    _: &Environment,
) -> Result<Option<usize>, Failure> {
    let begins = within.char_indices().map(|(byte, _)| byte);
    let found = || {
        let byte = begins.chain([within.len()]).nth(from)?;
        let found = byte + within.get(byte..)?.find(find)?;
        Some(within.get(..found)?.chars().count())
    };
    Ok(found())
}

fn position(
    function: &'static str,
    arguments: &[Value],
    finder: Finder,
    environment: &Environment,
) -> Outcome {
    let from = if given(arguments, 2) {
        start(function, arguments, 2)?
    } else {
        0
    };
    let (find, within) = (text(arguments, 0), text(arguments, 1));
    // Searching counts characters; positions go in and out as UTF-16 units.
    let found = match character_at(&within, from) {
        Some(from) => finder(&find, &within, from, environment)?,
        None => None,
    };
    match found {
        Some(at) => Ok(Value::Integer(
            within.chars().take(at).map(char::len_utf16).sum::<usize>() as i64 + 1,
        )),
        None if arguments.len() > 3 => Ok(argument(arguments, 3).clone()),
        None => Err(undefined(
            function,
            "the text was not found, and no value is given for that case",
        )),
    }
}

/// Which character begins at, or covers, a UTF-16 unit; None beyond the end.
fn character_at(text: &str, unit: usize) -> Option<usize> {
    let mut passed = 0;
    let mut at = 0;
    for c in text.chars() {
        if passed >= unit {
            return Some(at);
        }
        passed += c.len_utf16();
        at += 1;
    }
    (passed >= unit).then_some(at)
}

fn unichar(arguments: &[Value], _: &Environment) -> Outcome {
    let code = integer("UNICHAR", arguments, 0)?;
    // What XML cannot carry is refused: surrogates, and control characters other than tab and the ends of lines.
    let carried = |c: &char| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    match u32::try_from(code)
        .ok()
        .and_then(char::from_u32)
        .filter(carried)
    {
        Some(c) => Ok(Value::text(c.to_string())),
        None => Err(undefined(
            "UNICHAR",
            "the number is not that of a character",
        )),
    }
}

fn unicode(arguments: &[Value], _: &Environment) -> Outcome {
    match text(arguments, 0).chars().next() {
        Some(c) => Ok(Value::Integer(i64::from(u32::from(c)))),
        None => Err(undefined("UNICODE", "the text is empty")),
    }
}

fn value(arguments: &[Value], _: &Environment) -> Outcome {
    if !given(arguments, 0) {
        return Ok(Value::Blank);
    }
    Ok(Value::Double(number("VALUE", arguments, 0)?))
}

fn fixed_text(arguments: &[Value], _: &Environment) -> Outcome {
    let decimals = integer_or("FIXED", arguments, 1, 2)?.clamp(-400, 127) as i32;
    let number = convert::round_half_away(number("FIXED", arguments, 0)?, decimals);
    let commas = !given(arguments, 2) || !boolean("FIXED", arguments, 2)?;
    if !number.is_finite() {
        return Err(undefined("FIXED", "the number is not finite"));
    }
    Ok(Value::text(format::decimal_text(
        number,
        decimals.max(0) as usize,
        commas,
    )))
}
