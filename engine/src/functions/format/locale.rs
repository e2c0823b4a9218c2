//! The separators, names and usual forms of a locale.

use std::borrow::Cow;

use pure_rust_locales::{Locale, locale_match};

use crate::convert::DateOrder;
use crate::functions::calendar::{MONTHS, WEEKDAYS};

use super::usual::Usual;

/// How a locale writes numbers and dates.
#[derive(Clone, Debug)]
pub(super) struct Words {
    pub decimal: &'static str,
    pub thousands: &'static str,
    /// The format strings of the named forms.
    pub currency: Cow<'static, str>,
    pub short_date: Cow<'static, str>,
    /// What `ddddd` shows.
    pub complete_date: Cow<'static, str>,
    /// None: it is not known how the locale writes a date in words.
    pub long_date: Option<&'static str>,
    pub long_time: &'static str,
    pub medium_time: &'static str,
    /// What `/` becomes in a date.
    pub date_separator: char,
    /// What `:` becomes in a time.
    pub time_separator: char,
    pub months: [&'static str; 12],
    /// As a date in words writes them, which may be another case of the name.
    pub months_of_dates: [&'static str; 12],
    pub short_months: [&'static str; 12],
    pub weekdays: [&'static str; 7],
    pub short_weekdays: [&'static str; 7],
    /// The halves of the day; empty where a locale has no marks of its own.
    pub halves: [&'static str; 2],
}

impl Words {
    /// English of the United States: what the format strings themselves are written in.
    pub fn english() -> Words {
        let short = |name: &'static str| &name[..3];
        Words {
            decimal: ".",
            thousands: ",",
            currency: Cow::Borrowed("$#,0.00;($#,0.00)"),
            short_date: Cow::Borrowed("m/d/yyyy"),
            complete_date: Cow::Borrowed("mm/dd/yyyy"),
            long_date: Some("dddd, mmmm d, yyyy"),
            long_time: "h:nn:ss AMPM",
            medium_time: "h:nn AMPM",
            date_separator: '/',
            time_separator: ':',
            months: MONTHS,
            months_of_dates: MONTHS,
            short_months: MONTHS.map(short),
            weekdays: WEEKDAYS,
            short_weekdays: WEEKDAYS.map(short),
            halves: ["AM", "PM"],
        }
    }

    /// None: no locale of that name is known. A language alone stands for the country where most speak it, as `de` for `de-DE`.
    pub fn of(culture: &str) -> Option<Words> {
        let (language, script, country) = parts(culture)?;
        let country = match country {
            Some(country) => country,
            None => home(&language, script.as_deref()),
        };
        if language == "en" && country == "US" {
            return Some(Words::english());
        }
        let name = match (language.as_str(), script.as_deref()) {
            ("sr", Some("latn")) => format!("{language}_{country}@latin"),
            (_, None) | ("zh" | "az" | "bs", _) | ("sr", Some("cyrl")) => {
                format!("{language}_{country}")
            }
            _ => return None,
        };
        let words = Words::of_locale(Locale::try_from(name.as_str()).ok()?)?;
        Some(match Usual::of(&format!("{language}-{country}")) {
            Some(usual) => words.written_as(usual),
            None => words,
        })
    }

    /// Whether the day or the month stands first. Where the year does, the month follows it.
    pub fn date_order(&self) -> DateOrder {
        match (self.short_date.find('d'), self.short_date.find('m')) {
            (Some(day), Some(month)) if day < month => DateOrder::DayFirst,
            _ => DateOrder::MonthFirst,
        }
    }

    fn of_locale(locale: Locale) -> Option<Words> {
        let date = locale_match!(locale => LC_TIME::D_FMT);
        let time = locale_match!(locale => LC_TIME::T_FMT);
        // Only where the usual time itself has halves: some locales that count to 24 have marks for them all the same.
        let twelve_hours = ["%r", "%I", "%l"].iter().any(|part| time.contains(part));
        let thousands = locale_match!(locale => LC_NUMERIC::THOUSANDS_SEP);
        let short_date = short_date(date);
        Some(Words {
            decimal: locale_match!(locale => LC_NUMERIC::DECIMAL_POINT),
            thousands,
            currency: currency(
                locale_match!(locale => LC_MONETARY::CURRENCY_SYMBOL),
                locale_match!(locale => LC_MONETARY::P_CS_PRECEDES) == 1,
                locale_match!(locale => LC_MONETARY::P_SEP_BY_SPACE) != 0,
            ),
            date_separator: separator(&short_date),
            time_separator: ':',
            complete_date: Cow::Owned(short_date.clone()),
            short_date: Cow::Owned(short_date),
            long_date: None,
            long_time: if twelve_hours {
                "h:nn:ss AMPM"
            } else {
                "hh:nn:ss"
            },
            medium_time: medium_time(twelve_hours),
            months: names(locale_match!(locale => LC_TIME::MON))?,
            months_of_dates: names(locale_match!(locale => LC_TIME::MON))?,
            short_months: names(locale_match!(locale => LC_TIME::ABMON))?,
            weekdays: names(locale_match!(locale => LC_TIME::DAY))?,
            short_weekdays: names(locale_match!(locale => LC_TIME::ABDAY))?,
            halves: names(locale_match!(locale => LC_TIME::AM_PM)).unwrap_or_default(),
        })
    }

    fn written_as(self, usual: &'static Usual) -> Words {
        let [short_date, long_date, long_time] = usual.forms;
        let [months, short_months, weekdays, short_weekdays] = usual.names;
        let months = listed(months).unwrap_or(self.months);
        Words {
            thousands: usual.thousands,
            currency: Cow::Owned(usual.currency()),
            short_date: Cow::Borrowed(short_date),
            complete_date: Cow::Borrowed(short_date),
            long_date: Some(long_date),
            long_time,
            medium_time: medium_time(long_time.contains("AMPM")),
            date_separator: separator(short_date),
            time_separator: usual.time_separator(),
            months,
            months_of_dates: if usual.declines() {
                self.months_of_dates
            } else {
                months
            },
            short_months: listed(short_months).unwrap_or(self.short_months),
            weekdays: listed(weekdays).unwrap_or(self.weekdays),
            short_weekdays: listed(short_weekdays).unwrap_or(self.short_weekdays),
            halves: usual.halves().unwrap_or(self.halves),
            ..self
        }
    }
}

fn names<const N: usize>(list: &[&'static str]) -> Option<[&'static str; N]> {
    let list: [&'static str; N] = list.try_into().ok()?;
    // Some lists are aligned with spaces.
    Some(list.map(str::trim))
}

/// Names with bars between them.
fn listed<const N: usize>(names: Option<&'static str>) -> Option<[&'static str; N]> {
    names?.split('|').collect::<Vec<_>>().try_into().ok()
}

fn medium_time(twelve_hours: bool) -> &'static str {
    if twelve_hours { "h:nn AMPM" } else { "hh:nn" }
}

/// What stands between the parts of a date.
fn separator(short_date: &str) -> char {
    short_date
        .chars()
        .find(|c| !c.is_alphanumeric())
        .unwrap_or('/')
}

/// Language, script and country of the name of a culture, such as `de-DE`, `zh-Hant` or `sr-Latn-RS`.
fn parts(culture: &str) -> Option<(String, Option<String>, Option<String>)> {
    let mut parts = culture.split(['-', '_']).peekable();
    let language = parts.next()?.to_ascii_lowercase();
    let script = parts
        .next_if(|part| part.len() == 4)
        .map(str::to_ascii_lowercase);
    let country = parts.next().map(str::to_ascii_uppercase);
    parts
        .next()
        .is_none()
        .then_some((language, script, country))
}

/// The country that a language without one stands for: mostly that of its name.
fn home(language: &str, script: Option<&str>) -> String {
    match (language, script) {
        ("zh", Some("hant")) => "TW",
        ("af" | "xh" | "zu", _) => "ZA",
        ("ar", _) => "SA",
        ("be", _) => "BY",
        ("bn", _) => "BD",
        ("bs", _) => "BA",
        ("ca" | "eu" | "gl", _) => "ES",
        ("cs", _) => "CZ",
        ("cy" | "gd", _) => "GB",
        ("da", _) => "DK",
        ("el", _) => "GR",
        ("en", _) => "US",
        ("et", _) => "EE",
        ("fa", _) => "IR",
        ("ga", _) => "IE",
        ("gu" | "hi" | "kn" | "ml" | "mr" | "pa" | "ta" | "te", _) => "IN",
        ("he", _) => "IL",
        ("hy", _) => "AM",
        ("ja", _) => "JP",
        ("ka", _) => "GE",
        ("kk", _) => "KZ",
        ("ko", _) => "KR",
        ("ms", _) => "MY",
        ("nb" | "nn", _) => "NO",
        ("pt", _) => "BR",
        ("sl", _) => "SI",
        ("sq", _) => "AL",
        ("sr", _) => "RS",
        ("sv", _) => "SE",
        ("sw", _) => "KE",
        ("uk", _) => "UA",
        ("ur", _) => "PK",
        ("vi", _) => "VN",
        ("zh", _) => "CN",
        (language, _) => return language.to_ascii_uppercase(),
    }
    .to_owned()
}

/// The format string of an amount of money.
fn currency(symbol: &str, before: bool, apart: bool) -> Cow<'static, str> {
    let quoted = format!("\"{}\"", symbol.trim());
    let space = if apart { " " } else { "" };
    Cow::Owned(match before {
        true => format!("{quoted}{space}#,0.00"),
        false => format!("#,0.00{space}{quoted}"),
    })
}

/// The C library's form of a date as a format string, with four digits for the year. A form that names its parts in words becomes
/// one with strokes, in the same order.
fn short_date(form: &str) -> String {
    let mut pattern = String::new();
    let mut chars = form.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            pattern.push(c);
            continue;
        }
        let mut part = chars.next();
        let bare = part == Some('-');
        if matches!(part, Some('-' | 'O' | 'E')) {
            part = chars.next();
        }
        pattern.push_str(match part {
            Some('d') if !bare => "dd",
            Some('d' | 'e') => "d",
            Some('m') if !bare => "mm",
            Some('m') => "m",
            Some('b' | 'h') => "mmm",
            Some('B') => "mmmm",
            Some('y' | 'Y') => "yyyy",
            Some('D') => "mm/dd/yyyy",
            Some('F') => "yyyy-mm-dd",
            _ => "",
        });
    }
    let parts: Vec<&str> = pattern
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(|part| !part.is_empty())
        .collect();
    match pattern.is_ascii() {
        true => pattern.trim().to_owned(),
        false => parts.join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_are_found_by_name() {
        let known = |culture: &str| Words::of(culture).is_some();
        for culture in [
            "de-DE",
            "de",
            "fr-CA",
            "pt_BR",
            "JA-jp",
            "en-GB",
            "en",
            "en-US",
            "ja",
            "zh-Hans",
            "zh-Hant-HK",
            "sr-Latn-RS",
            "sr-Cyrl",
        ] {
            assert!(known(culture), "{culture}");
        }
        for culture in [
            "",
            "xx-YY",
            "de-XX",
            "english",
            "é",
            "de-Latn-DE-x",
            "de-Cyrl-DE",
        ] {
            assert!(!known(culture), "{culture}");
        }
    }

    #[test]
    fn short_dates_are_format_strings() {
        let check = |form: &str, expected: &str| assert_eq!(short_date(form), expected, "{form}");
        check("%d.%m.%Y", "dd.mm.yyyy");
        check("%d/%m/%y", "dd/mm/yyyy");
        check("%-d.%-m.%Y", "d.m.yyyy");
        check("%Y年%m月%d日", "yyyy/mm/dd");
        check("%F", "yyyy-mm-dd");
    }

    #[test]
    fn days_stand_before_months_in_most_locales() {
        let order = |culture: &str| Words::of(culture).map(|words| words.date_order());
        for culture in ["de-DE", "en-GB", "es-ES", "fr-FR", "it-IT", "pt-BR"] {
            assert_eq!(order(culture), Some(DateOrder::DayFirst), "{culture}");
        }
        for culture in ["en-US", "ja-JP", "sv-SE"] {
            assert_eq!(order(culture), Some(DateOrder::MonthFirst), "{culture}");
        }
    }

    /// Every locale of the library has what a format needs.
    #[test]
    fn the_library_is_complete() {
        let mut known = 0;
        for culture in [
            "af-ZA", "ar-SA", "bg-BG", "bn-BD", "ca-ES", "cs-CZ", "da-DK", "de-AT", "de-CH",
            "el-GR", "en-AU", "en-CA", "en-IN", "en-NZ", "es-ES", "es-MX", "et-EE", "fi-FI",
            "fr-BE", "fr-CH", "fr-FR", "he-IL", "hi-IN", "hr-HR", "hu-HU", "id-ID", "it-IT",
            "ja-JP", "ko-KR", "lt-LT", "lv-LV", "nb-NO", "nl-NL", "pl-PL", "pt-PT", "ro-RO",
            "ru-RU", "sk-SK", "sl-SI", "sv-SE", "th-TH", "tr-TR", "uk-UA", "vi-VN", "zh-CN",
            "zh-TW",
        ] {
            let words = Words::of(culture).unwrap_or_else(|| panic!("{culture}"));
            assert!(
                words
                    .months
                    .iter()
                    .chain(&words.weekdays)
                    .all(|name| !name.is_empty()),
                "{culture}"
            );
            assert!(
                words.short_date.contains("yy"),
                "{culture}: {}",
                words.short_date
            );
            assert!(!words.decimal.is_empty(), "{culture}");
            known += 1;
        }
        assert_eq!(known, 46);
    }
}
