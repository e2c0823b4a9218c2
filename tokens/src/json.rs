//! JSON as tokens may have it: one flat object, no member twice, nothing deep, nothing after it.
//!
//! Lenient readers are how tokens come to mean two things: the last of two equal members wins in one library and the first in
//! another. Here such a token means nothing.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::error::TokenError;

/// Brackets inside brackets that a token may have: claims are text, numbers and lists of text.
const DEEPEST: usize = 4;

/// Members of one object. The known claims are fewer than twenty.
const MOST_MEMBERS: usize = 64;

/// A value of a claim, as far as claims go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Text(String),
    /// A whole number without a fraction or an exponent.
    Whole(i64),
    List(Vec<Json>),
    /// Everything that no known claim can be: fractions, huge numbers, booleans, null, objects.
    Other,
}

pub(crate) type Object = BTreeMap<String, Json>;

/// Reads an object; `part` is for the message.
pub(crate) fn read_object(text: &[u8], part: &'static str) -> Result<Object, TokenError> {
    if nesting(text) > DEEPEST {
        return Err(TokenError::TooDeep);
    }
    match serde_json::from_slice::<Members>(text) {
        Ok(Members::Read(object)) => Ok(object),
        Ok(Members::Twice) => Err(TokenError::Duplicate { part }),
        Ok(Members::TooMany) | Err(_) => Err(TokenError::Json { part }),
    }
}

/// How deep brackets go, before a parser sees them. Brackets inside text do not count.
fn nesting(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    let (mut in_text, mut escaped) = (false, false);
    for byte in text {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The members of an object, or what is wrong with them.
enum Members {
    Read(Object),
    Twice,
    TooMany,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut object = Object::new();
        let mut wrong = None;
        // Read to the end in any case, so that what follows the object is looked at too.
        while let Some((name, value)) = map.next_entry::<String, Json>()? {
            if object.len() >= MOST_MEMBERS {
                wrong = Some(Members::TooMany);
            } else if object.insert(name, value).is_some() {
                wrong = Some(Members::Twice);
            }
        }
        Ok(wrong.unwrap_or(Members::Read(object)))
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Whole(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(i64::try_from(number).map_or(Json::Other, Json::Whole))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Json::Other)
    }
}
