//! How the platform of the vendor's engine writes money and dates in the locales that are asked for most. The C library, from which
//! everything else comes, has no dates in words, and other forms and abbreviations for many languages.

/// What differs from the C library's locale of the same name.
pub(super) struct Usual {
    culture: &'static str,
    /// Between thousands.
    pub thousands: &'static str,
    /// Amounts of money, positive and negative; the zeros stand for the amount.
    pub money: [&'static str; 2],
    /// The format strings of a short date, a date in words and a time.
    pub forms: [&'static str; 3],
    /// The months, their abbreviations, the days of the week, their abbreviations, with bars between them. None: those of the C library.
    pub names: [Option<&'static str>; 4],
}

impl Usual {
    pub fn of(culture: &str) -> Option<&'static Usual> {
        USUAL
            .iter()
            .find(|usual| usual.culture.eq_ignore_ascii_case(culture))
    }

    /// The format string of an amount of money.
    pub fn currency(&self) -> String {
        self.money.map(amount).join(";")
    }

    /// The marks of the halves of the day, where those of the C library are others.
    pub fn halves(&self) -> Option<[&'static str; 2]> {
        match self.culture {
            "en-AU" | "en-CA" | "en-GB" | "en-IN" => Some(["AM", "PM"]),
            "en-IE" | "en-NZ" | "en-SG" | "en-ZA" => Some(["am", "pm"]),
            "es-AR" | "es-CL" | "es-CO" | "es-MX" => Some(["a. m.", "p. m."]),
            "vi-VN" => Some(["SA", "CH"]),
            _ => None,
        }
    }

    /// Whether dates in words have the months in another case, which is the one that the C library knows.
    pub fn declines(&self) -> bool {
        matches!(
            self.culture,
            "cs-CZ" | "el-GR" | "hr-HR" | "lt-LT" | "pl-PL" | "ru-RU" | "uk-UA"
        )
    }

    /// What `:` becomes in a time.
    pub fn time_separator(&self) -> char {
        match self.culture {
            "fi-FI" | "id-ID" => '.',
            _ => ':',
        }
    }
}

/// The zeros with separators of thousands, all around them in quotes.
fn amount(form: &str) -> String {
    let (before, after) = form.split_once('0').unwrap_or((form, ""));
    match after.strip_prefix(".00") {
        Some(after) => format!("\"{before}\"#,0.00\"{after}\""),
        None => format!("\"{before}\"#,0\"{after}\""),
    }
}

const fn usual(
    culture: &'static str,
    thousands: &'static str,
    money: [&'static str; 2],
    forms: [&'static str; 3],
    names: [Option<&'static str>; 4],
) -> Usual {
    Usual {
        culture,
        thousands,
        money,
        forms,
        names,
    }
}

/// Does not let a line end.
const NBSP: &str = "\u{a0}";

const OWN: [Option<&str>; 4] = [None; 4];

const GERMAN_DAYS: Option<&str> = Some("So.|Mo.|Di.|Mi.|Do.|Fr.|Sa.");
const FRENCH: [Option<&str>; 4] = [
    None,
    Some("janv.|févr.|mars|avr.|mai|juin|juil.|août|sept.|oct.|nov.|déc."),
    None,
    Some("dim.|lun.|mar.|mer.|jeu.|ven.|sam."),
];
const SPANISH: [Option<&str>; 4] = [None, SPANISH_MONTHS, None, SPANISH_DAYS];
const SPANISH_MONTHS: Option<&str> =
    Some("ene.|feb.|mar.|abr.|may.|jun.|jul.|ago.|sep.|oct.|nov.|dic.");
const SPANISH_DAYS: Option<&str> = Some("dom.|lun.|mar.|mié.|jue.|vie.|sáb.");
const SPANISH_SEPT: Option<&str> =
    Some("ene.|feb.|mar.|abr.|may.|jun.|jul.|ago.|sept.|oct.|nov.|dic.");
const PORTUGUESE: [Option<&str>; 4] = [
    None,
    None,
    Some("domingo|segunda-feira|terça-feira|quarta-feira|quinta-feira|sexta-feira|sábado"),
    None,
];
const NUMBERED_MONTHS: Option<&str> = Some("1|2|3|4|5|6|7|8|9|10|11|12");
const CHINESE_MONTHS: Option<&str> =
    Some("一月|二月|三月|四月|五月|六月|七月|八月|九月|十月|十一月|十二月");

const DAY_CLOCK: &str = "hh:nn:ss";
const SHORT_CLOCK: &str = "h:nn:ss";
const HALF_CLOCK: &str = "h:nn:ss AMPM";
const IBERIAN_DATE: &str = "dddd, d \"de\" mmmm \"de\" yyyy";
const CHINESE_DATE: &str = "yyyy\"年\"m\"月\"d\"日\"";

static USUAL: [Usual; 51] = [
    usual(
        "bg-BG",
        NBSP,
        ["0.00 лв.", "-0.00 лв."],
        ["d.m.yyyy \"г.\"", "dd mmmm yyyy \"г.\"", SHORT_CLOCK],
        [None, None, None, Some("нед|пон|вт|ср|четв|пет|съб")],
    ),
    usual(
        "cs-CZ",
        NBSP,
        ["0.00 Kč", "-0.00 Kč"],
        ["dd.mm.yyyy", "dddd d. mmmm yyyy", SHORT_CLOCK],
        [
            Some(
                "leden|únor|březen|duben|květen|červen|červenec|srpen|září|říjen|listopad|prosinec",
            ),
            Some("led|úno|bře|dub|kvě|čvn|čvc|srp|zář|říj|lis|pro"),
            Some("neděle|pondělí|úterý|středa|čtvrtek|pátek|sobota"),
            Some("ne|po|út|st|čt|pá|so"),
        ],
    ),
    usual(
        "da-DK",
        ".",
        ["0.00 kr.", "-0.00 kr."],
        ["dd-mm-yyyy", "d. mmmm yyyy", DAY_CLOCK],
        [None, None, None, Some("sø|ma|ti|on|to|fr|lø")],
    ),
    usual(
        "de-AT",
        NBSP,
        ["€ 0.00", "-€ 0.00"],
        ["dd.mm.yyyy", "dddd, d. mmmm yyyy", DAY_CLOCK],
        [None, None, None, GERMAN_DAYS],
    ),
    usual(
        "de-CH",
        "’",
        ["CHF 0.00", "CHF-0.00"],
        ["dd.mm.yyyy", "dddd, d. mmmm yyyy", DAY_CLOCK],
        [None, None, None, GERMAN_DAYS],
    ),
    usual(
        "de-DE",
        ".",
        ["0.00 €", "-0.00 €"],
        ["dd.mm.yyyy", "dddd, d. mmmm yyyy", DAY_CLOCK],
        [
            None,
            Some("Jan|Feb|Mrz|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez"),
            None,
            None,
        ],
    ),
    usual(
        "el-GR",
        ".",
        ["0.00 €", "-0.00 €"],
        ["d/m/yyyy", "dddd, d mmmm yyyy", HALF_CLOCK],
        [
            Some(
                "Ιανουάριος|Φεβρουάριος|Μάρτιος|Απρίλιος|Μάιος|Ιούνιος|Ιούλιος|Αύγουστος|Σεπτέμβριος|Οκτώβριος|Νοέμβριος|Δεκέμβριος",
            ),
            None,
            None,
            None,
        ],
    ),
    usual(
        "en-AU",
        ",",
        ["$0.00", "-$0.00"],
        ["d/mm/yyyy", "dddd, d mmmm yyyy", HALF_CLOCK],
        OWN,
    ),
    usual(
        "en-CA",
        ",",
        ["$0.00", "-$0.00"],
        ["yyyy-mm-dd", "mmmm d, yyyy", HALF_CLOCK],
        OWN,
    ),
    usual(
        "en-GB",
        ",",
        ["£0.00", "-£0.00"],
        ["dd/mm/yyyy", "dd mmmm yyyy", DAY_CLOCK],
        OWN,
    ),
    usual(
        "en-IE",
        ",",
        ["€0.00", "-€0.00"],
        ["dd/mm/yyyy", "dddd d mmmm yyyy", DAY_CLOCK],
        OWN,
    ),
    usual(
        "en-IN",
        ",",
        ["₹ 0.00", "₹ -0.00"],
        ["dd-mm-yyyy", "dd mmmm yyyy", DAY_CLOCK],
        OWN,
    ),
    usual(
        "en-NZ",
        ",",
        ["$0.00", "-$0.00"],
        ["d/mm/yyyy", "dddd, d mmmm yyyy", HALF_CLOCK],
        OWN,
    ),
    usual(
        "en-SG",
        ",",
        ["$0.00", "-$0.00"],
        ["d/m/yyyy", "dddd, d mmmm yyyy", HALF_CLOCK],
        OWN,
    ),
    usual(
        "en-ZA",
        NBSP,
        ["R0.00", "-R0.00"],
        ["yyyy/mm/dd", "dddd, dd mmmm yyyy", DAY_CLOCK],
        OWN,
    ),
    usual(
        "es-AR",
        ".",
        ["$ 0.00", "-$ 0.00"],
        ["d/m/yyyy", IBERIAN_DATE, DAY_CLOCK],
        SPANISH,
    ),
    usual(
        "es-CL",
        ".",
        ["$0", "$-0"],
        ["dd-mm-yyyy", IBERIAN_DATE, SHORT_CLOCK],
        [None, SPANISH_SEPT, None, SPANISH_DAYS],
    ),
    usual(
        "es-CO",
        ".",
        ["$ 0.00", "-$ 0.00"],
        ["d/mm/yyyy", IBERIAN_DATE, HALF_CLOCK],
        [None, SPANISH_SEPT, None, SPANISH_DAYS],
    ),
    usual(
        "es-ES",
        ".",
        ["0.00 €", "-0.00 €"],
        ["dd/mm/yyyy", IBERIAN_DATE, SHORT_CLOCK],
        [
            None,
            SPANISH_MONTHS,
            None,
            Some("do.|lu.|ma.|mi.|ju.|vi.|sá."),
        ],
    ),
    usual(
        "es-MX",
        ",",
        ["$0.00", "-$0.00"],
        ["dd/mm/yyyy", IBERIAN_DATE, "hh:nn:ss AMPM"],
        SPANISH,
    ),
    usual(
        "et-EE",
        NBSP,
        ["0.00 €", "-0.00 €"],
        ["dd.mm.yyyy", "dddd, d. mmmm yyyy", DAY_CLOCK],
        OWN,
    ),
    usual(
        "fi-FI",
        NBSP,
        ["0.00 €", "-0.00 €"],
        ["d.m.yyyy", "dddd d. mmmm yyyy", SHORT_CLOCK],
        OWN,
    ),
    usual(
        "fr-BE",
        ".",
        ["0.00 €", "-0.00 €"],
        ["dd-mm-yy", "dddd d mmmm yyyy", DAY_CLOCK],
        FRENCH,
    ),
    usual(
        "fr-CA",
        NBSP,
        ["0.00 $", "(0.00 $)"],
        ["yyyy-mm-dd", "d mmmm yyyy", DAY_CLOCK],
        FRENCH,
    ),
    usual(
        "fr-FR",
        "\u{202f}",
        ["0.00 €", "-0.00 €"],
        ["dd/mm/yyyy", "dddd d mmmm yyyy", DAY_CLOCK],
        FRENCH,
    ),
    usual(
        "he-IL",
        ",",
        ["₪ 0.00", "₪-0.00"],
        ["dd/mm/yyyy", "dddd dd mmmm yyyy", DAY_CLOCK],
        [
            None,
            None,
            Some(
                "יום\u{a0}ראשון|יום\u{a0}שני|יום\u{a0}שלישי|יום\u{a0}רביעי|יום\u{a0}חמישי|יום\u{a0}שישי|שבת",
            ),
            Some("יום\u{a0}א|יום\u{a0}ב|יום\u{a0}ג|יום\u{a0}ד|יום\u{a0}ה|יום\u{a0}ו|שבת"),
        ],
    ),
    usual(
        "hr-HR",
        ".",
        ["0.00 €", "-0.00 €"],
        ["d.m.yyyy.", "d. mmmm yyyy.", SHORT_CLOCK],
        [
            Some(
                "siječanj|veljača|ožujak|travanj|svibanj|lipanj|srpanj|kolovoz|rujan|listopad|studeni|prosinac",
            ),
            Some("sij|vlj|ožu|tra|svi|lip|srp|kol|ruj|lis|stu|pro"),
            None,
            None,
        ],
    ),
    usual(
        "hu-HU",
        NBSP,
        ["0.00 Ft", "-0.00 Ft"],
        ["yyyy. mm. dd.", "yyyy. mmmm d., dddd", SHORT_CLOCK],
        [
            None,
            Some("jan.|febr.|márc.|ápr.|máj.|jún.|júl.|aug.|szept.|okt.|nov.|dec."),
            None,
            Some("V|H|K|Sze|Cs|P|Szo"),
        ],
    ),
    usual(
        "id-ID",
        ".",
        ["Rp0.00", "-Rp0.00"],
        ["dd/mm/yyyy", "dddd, dd mmmm yyyy", DAY_CLOCK],
        OWN,
    ),
    usual(
        "it-CH",
        "’",
        ["CHF 0.00", "CHF-0.00"],
        ["dd.mm.yyyy", "dddd, d mmmm yyyy", DAY_CLOCK],
        OWN,
    ),
    usual(
        "it-IT",
        ".",
        ["0.00 €", "-0.00 €"],
        ["dd/mm/yyyy", "dddd d mmmm yyyy", DAY_CLOCK],
        OWN,
    ),
    usual(
        "ja-JP",
        ",",
        ["¥0", "-¥0"],
        ["yyyy/mm/dd", CHINESE_DATE, SHORT_CLOCK],
        [None, NUMBERED_MONTHS, None, None],
    ),
    usual(
        "ko-KR",
        ",",
        ["₩0", "-₩0"],
        [
            "yyyy-mm-dd",
            "yyyy\"년\" m\"월\" d\"일\" dddd",
            "AMPM h:nn:ss",
        ],
        [None, NUMBERED_MONTHS, None, None],
    ),
    usual(
        "lt-LT",
        NBSP,
        ["0.00 €", "-0.00 €"],
        ["yyyy-mm-dd", "yyyy \"m\". mmmm d \"d\"., dddd", DAY_CLOCK],
        [
            Some(
                "sausis|vasaris|kovas|balandis|gegužė|birželis|liepa|rugpjūtis|rugsėjis|spalis|lapkritis|gruodis",
            ),
            None,
            Some(
                "sekmadienis|pirmadienis|antradienis|trečiadienis|ketvirtadienis|penktadienis|šeštadienis",
            ),
            Some("sk|pr|an|tr|kt|pn|št"),
        ],
    ),
    usual(
        "nb-NO",
        NBSP,
        ["kr 0.00", "-kr 0.00"],
        ["dd.mm.yyyy", "dddd d. mmmm yyyy", DAY_CLOCK],
        [
            None,
            Some("jan|feb|mar|apr|mai|jun|jul|aug|sep|okt|nov|des"),
            None,
            Some("søn.|man.|tir.|ons.|tor.|fre.|lør."),
        ],
    ),
    usual(
        "nl-BE",
        ".",
        ["€ 0.00", "-€ 0.00"],
        ["d/mm/yyyy", "dddd d mmmm yyyy", SHORT_CLOCK],
        OWN,
    ),
    usual(
        "nl-NL",
        ".",
        ["€ 0.00", "€ -0.00"],
        ["d-m-yyyy", "dddd d mmmm yyyy", DAY_CLOCK],
        OWN,
    ),
    usual(
        "pl-PL",
        NBSP,
        ["0.00 zł", "-0.00 zł"],
        ["dd.mm.yyyy", "dddd, d mmmm yyyy", DAY_CLOCK],
        [
            Some(
                "styczeń|luty|marzec|kwiecień|maj|czerwiec|lipiec|sierpień|wrzesień|październik|listopad|grudzień",
            ),
            None,
            None,
            Some("niedz.|pon.|wt.|śr.|czw.|pt.|sob."),
        ],
    ),
    usual(
        "pt-BR",
        ".",
        ["R$ 0.00", "-R$ 0.00"],
        ["dd/mm/yyyy", IBERIAN_DATE, DAY_CLOCK],
        PORTUGUESE,
    ),
    usual(
        "pt-PT",
        NBSP,
        ["0.00 €", "-0.00 €"],
        ["dd/mm/yyyy", "d \"de\" mmmm \"de\" yyyy", DAY_CLOCK],
        PORTUGUESE,
    ),
    usual(
        "ro-RO",
        ".",
        ["0.00 lei", "-0.00 lei"],
        ["dd.mm.yyyy", "dddd, d mmmm yyyy", DAY_CLOCK],
        [
            None,
            Some("ian.|feb.|mar.|apr.|mai|iun.|iul.|aug.|sept.|oct.|nov.|dec."),
            None,
            Some("dum.|lun.|mar.|mie.|joi|vin.|sâm."),
        ],
    ),
    usual(
        "ru-RU",
        NBSP,
        ["0.00 ₽", "-0.00 ₽"],
        ["dd.mm.yyyy", "d mmmm yyyy \"г.\"", SHORT_CLOCK],
        [
            Some("Январь|Февраль|Март|Апрель|Май|Июнь|Июль|Август|Сентябрь|Октябрь|Ноябрь|Декабрь"),
            Some("янв|фев|мар|апр|май|июн|июл|авг|сен|окт|ноя|дек"),
            Some("воскресенье|понедельник|вторник|среда|четверг|пятница|суббота"),
            None,
        ],
    ),
    usual(
        "sk-SK",
        NBSP,
        ["0.00 €", "-0.00 €"],
        ["d. m. yyyy", "dddd d. mmmm yyyy", SHORT_CLOCK],
        [
            None,
            None,
            Some("nedeľa|pondelok|utorok|streda|štvrtok|piatok|sobota"),
            Some("ne|po|ut|st|št|pi|so"),
        ],
    ),
    usual(
        "sl-SI",
        ".",
        ["0.00 €", "-0.00 €"],
        ["d. mm. yyyy", "dddd, dd. mmmm yyyy", DAY_CLOCK],
        [
            None,
            Some("jan.|feb.|mar.|apr.|maj|jun.|jul.|avg.|sep.|okt.|nov.|dec."),
            None,
            Some("ned.|pon.|tor.|sre.|čet.|pet.|sob."),
        ],
    ),
    usual(
        "sv-SE",
        NBSP,
        ["0.00 kr", "-0.00 kr"],
        ["yyyy-mm-dd", "\"den\" d mmmm yyyy", DAY_CLOCK],
        OWN,
    ),
    usual(
        "tr-TR",
        ".",
        ["₺0.00", "-₺0.00"],
        ["d.mm.yyyy", "d mmmm yyyy dddd", DAY_CLOCK],
        [None, None, None, Some("Paz|Pzt|Sal|Çar|Per|Cum|Cmt")],
    ),
    usual(
        "uk-UA",
        NBSP,
        ["0.00 ₴", "-0.00 ₴"],
        ["dd.mm.yyyy", "d mmmm yyyy \"р.\"", SHORT_CLOCK],
        [
            Some(
                "січень|лютий|березень|квітень|травень|червень|липень|серпень|вересень|жовтень|листопад|грудень",
            ),
            Some("Січ|Лют|Бер|Кві|Тра|Чер|Лип|Сер|Вер|Жов|Лис|Гру"),
            None,
            Some("Нд|Пн|Вт|Ср|Чт|Пт|Сб"),
        ],
    ),
    usual(
        "vi-VN",
        ".",
        ["0.00 ₫", "-0.00 ₫"],
        ["dd/mm/yyyy", "dd mmmm yyyy", HALF_CLOCK],
        [
            Some(
                "Tháng Giêng|Tháng Hai|Tháng Ba|Tháng Tư|Tháng Năm|Tháng Sáu|Tháng Bảy|Tháng Tám|Tháng Chín|Tháng Mười|Tháng Mười Một|Tháng Mười Hai",
            ),
            Some("Thg1|Thg2|Thg3|Thg4|Thg5|Thg6|Thg7|Thg8|Thg9|Thg10|Thg11|Thg12"),
            Some("Chủ Nhật|Thứ Hai|Thứ Ba|Thứ Tư|Thứ Năm|Thứ Sáu|Thứ Bảy"),
            None,
        ],
    ),
    usual(
        "zh-CN",
        ",",
        ["¥0.00", "¥-0.00"],
        ["yyyy/m/d", CHINESE_DATE, SHORT_CLOCK],
        [None, None, None, Some("周日|周一|周二|周三|周四|周五|周六")],
    ),
    usual(
        "zh-HK",
        ",",
        ["HK$0.00", "(HK$0.00)"],
        ["d/m/yyyy", CHINESE_DATE, SHORT_CLOCK],
        [
            None,
            CHINESE_MONTHS,
            None,
            Some("週日|週一|週二|週三|週四|週五|週六"),
        ],
    ),
    usual(
        "zh-TW",
        ",",
        ["NT$0.00", "-NT$0.00"],
        ["yyyy/m/d", CHINESE_DATE, "AMPM hh:nn:ss"],
        [
            None,
            CHINESE_MONTHS,
            Some("星期日|星期一|星期二|星期三|星期四|星期五|星期六"),
            Some("週日|週一|週二|週三|週四|週五|週六"),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_whole() {
        for usual in &USUAL {
            let names = usual.names.iter().zip([12, 12, 7, 7]);
            for (list, count) in names {
                let given = list.map_or(count, |list| list.split('|').count());
                assert_eq!(given, count, "{}: {list:?}", usual.culture);
            }
            assert!(usual.money.iter().all(|form| form.contains('0')));
            assert!(usual.forms[0].contains("yy") && usual.forms[1].contains('m'));
        }
        assert_eq!(amount("-0.00 kr."), "\"-\"#,0.00\" kr.\"");
        assert_eq!(amount("¥0"), "\"¥\"#,0\"\"");
    }
}
