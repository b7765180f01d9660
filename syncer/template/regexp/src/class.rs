//! Character classes: ranges, Perl's and POSIX's ASCII groups, Unicode's categories and scripts.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

/// Adds the range `lo..=hi` of code points; surrogates, which no text holds, fall out.
pub(crate) fn push(class: &mut ClassUnicode, lo: u32, hi: u32) {
    for (lo, hi) in [(lo, hi.min(0xD7FF)), (lo.max(0xE000), hi)] {
        if let (true, Some(lo), Some(hi)) = (lo <= hi, char::from_u32(lo), char::from_u32(hi)) {
            class.push(ClassUnicodeRange::new(lo, hi));
        }
    }
}

/// The class with everything that differs from its characters only in case.
pub(crate) fn fold(mut class: ClassUnicode) -> ClassUnicode {
    class.case_fold_simple();
    class
}

/// One of Perl's letters `d D s S w W`, ASCII only.
pub(crate) fn perl(letter: u8, folded: bool) -> Option<ClassUnicode> {
    let ranges: &[(u8, u8)] = match letter.to_ascii_lowercase() {
        b'd' => &[(b'0', b'9')],
        b's' => &[(b'\t', b'\n'), (0x0c, b'\r'), (b' ', b' ')],
        b'w' => &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')],
        _ => return None,
    };
    Some(group(ranges, folded, letter.is_ascii_uppercase()))
}

/// A POSIX class by its name between the colons, with `^` in front for its opposite.
pub(crate) fn posix(name: &[u8], folded: bool) -> Option<ClassUnicode> {
    let (name, negated) = match name.strip_prefix(b"^") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let ranges: &[(u8, u8)] = match name {
        b"alnum" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
        b"alpha" => &[(b'A', b'Z'), (b'a', b'z')],
        b"ascii" => &[(0, 0x7f)],
        b"blank" => &[(b'\t', b'\t'), (b' ', b' ')],
        b"cntrl" => &[(0, 0x1f), (0x7f, 0x7f)],
        b"digit" => &[(b'0', b'9')],
        b"graph" => &[(b'!', b'~')],
        b"lower" => &[(b'a', b'z')],
        b"print" => &[(b' ', b'~')],
        b"punct" => &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
        b"space" => &[(b'\t', b'\r'), (b' ', b' ')],
        b"upper" => &[(b'A', b'Z')],
        b"word" => &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')],
        b"xdigit" => &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')],
        _ => return None,
    };
    Some(group(ranges, folded, negated))
}

fn group(ranges: &[(u8, u8)], folded: bool, negated: bool) -> ClassUnicode {
    let ranges = ranges.iter().map(|&(lo, hi)| ClassUnicodeRange::new(char::from(lo), char::from(hi)));
    let mut class = ClassUnicode::new(ranges);
    if folded {
        class.case_fold_simple();
    }
    if negated {
        class.negate();
    }
    class
}

/// A general category or script by its name between the braces; `None` for a name Go does not know.
pub(crate) fn unicode(name: &[u8], folded: bool) -> Option<ClassUnicode> {
    let name = canonical(name)?;
    let mut class = match name.as_str() {
        "Any" => ClassUnicode::new([ClassUnicodeRange::new('\0', char::MAX)]),
        "Ascii" => ClassUnicode::new([ClassUnicodeRange::new('\0', '\x7f')]),
        "Assigned" => table(UNICODE_OF_GO)?,
        "Cn" | "Unassigned" => {
            let mut class = table(UNICODE_OF_GO)?;
            class.negate();
            class
        }
        "C" | "Other" => {
            let mut class = of_go(r"\p{Cc}")?;
            for part in [r"\p{Cf}", r"\p{Co}"] {
                class.union(&of_go(part)?);
            }
            class.union(&unicode(b"Cn", false)?);
            class
        }
        // Surrogates: no text holds one.
        "Cs" | "Surrogate" => ClassUnicode::empty(),
        _ if CATEGORIES.contains(&name.as_str()) => of_go(&format!(r"\p{{gc={name}}}"))?,
        _ if SCRIPTS.contains(&name.as_str()) => of_go(&format!(r"\p{{sc={name}}}"))?,
        _ => return None,
    };
    if folded {
        class.case_fold_simple();
    }
    Some(class)
}

/// The Unicode version of Go's tables; characters that are newer count as unassigned.
const UNICODE_OF_GO: &str = r"\p{age=15.0}";

fn of_go(query: &str) -> Option<ClassUnicode> {
    let mut class = table(query)?;
    class.intersect(&table(UNICODE_OF_GO)?);
    Some(class)
}

fn table(query: &str) -> Option<ClassUnicode> {
    match regex_syntax::parse(query).ok()?.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        // A class of one character comes as a literal.
        HirKind::Literal(literal) => {
            let only = std::str::from_utf8(&literal.0).ok()?.chars().next()?;
            Some(ClassUnicode::new([ClassUnicodeRange::new(only, only)]))
        }
        _ => None,
    }
}

/// The spelling that names are compared in: no spaces, hyphens, underscores, one capital at the front.
fn canonical(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    let mut out = String::new();
    for c in name.chars().filter(|c| !matches!(c, ' ' | '-' | '_')) {
        out.push(if out.is_empty() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() });
    }
    Some(out)
}

/// Whether Go counts `c` as a letter or a decimal digit.
pub(crate) fn is_letter_or_digit(c: char) -> bool {
    static BOTH: LazyLock<Option<Category>> = LazyLock::new(|| {
        let mut class = unicode(b"L", false)?;
        class.union(&unicode(b"Nd", false)?);
        Some(Category(class))
    });
    if c.is_ascii() { c.is_ascii_alphanumeric() } else { BOTH.as_ref().is_some_and(|both| both.contains(c)) }
}

/// The characters of a Unicode category or script, as of Go's Unicode version.
pub struct Category(ClassUnicode);

impl Category {
    /// The category of this name (`Lu`, `Letter`, `Greek`); `None` if Go knows no such name.
    pub fn named(name: &str) -> Option<Self> {
        unicode(name.as_bytes(), false).map(Self)
    }

    /// Whether the character belongs to it.
    pub fn contains(&self, c: char) -> bool {
        let ranges = self.0.ranges();
        let at = ranges.partition_point(|range| range.end() < c);
        ranges.get(at).is_some_and(|range| range.start() <= c)
    }
}

/// The general categories, short and long, but for those that have no table.
const CATEGORIES: [&str; 74] = [
    "Casedletter",
    "Cc",
    "Cf",
    "Closepunctuation",
    "Cntrl",
    "Co",
    "Combiningmark",
    "Connectorpunctuation",
    "Control",
    "Currencysymbol",
    "Dashpunctuation",
    "Decimalnumber",
    "Digit",
    "Enclosingmark",
    "Finalpunctuation",
    "Format",
    "Initialpunctuation",
    "L",
    "Lc",
    "Letter",
    "Letternumber",
    "Lineseparator",
    "Ll",
    "Lm",
    "Lo",
    "Lowercaseletter",
    "Lt",
    "Lu",
    "M",
    "Mark",
    "Mathsymbol",
    "Mc",
    "Me",
    "Mn",
    "Modifierletter",
    "Modifiersymbol",
    "N",
    "Nd",
    "Nl",
    "No",
    "Nonspacingmark",
    "Number",
    "Openpunctuation",
    "Otherletter",
    "Othernumber",
    "Otherpunctuation",
    "Othersymbol",
    "P",
    "Paragraphseparator",
    "Pc",
    "Pd",
    "Pe",
    "Pf",
    "Pi",
    "Po",
    "Privateuse",
    "Ps",
    "Punct",
    "Punctuation",
    "S",
    "Sc",
    "Separator",
    "Sk",
    "Sm",
    "So",
    "Spaceseparator",
    "Spacingmark",
    "Symbol",
    "Titlecaseletter",
    "Uppercaseletter",
    "Z",
    "Zl",
    "Zp",
    "Zs",
];

/// The scripts of Unicode 15.
const SCRIPTS: [&str; 163] = [
    "Adlam",
    "Ahom",
    "Anatolianhieroglyphs",
    "Arabic",
    "Armenian",
    "Avestan",
    "Balinese",
    "Bamum",
    "Bassavah",
    "Batak",
    "Bengali",
    "Bhaiksuki",
    "Bopomofo",
    "Brahmi",
    "Braille",
    "Buginese",
    "Buhid",
    "Canadianaboriginal",
    "Carian",
    "Caucasianalbanian",
    "Chakma",
    "Cham",
    "Cherokee",
    "Chorasmian",
    "Common",
    "Coptic",
    "Cuneiform",
    "Cypriot",
    "Cyprominoan",
    "Cyrillic",
    "Deseret",
    "Devanagari",
    "Divesakuru",
    "Dogra",
    "Duployan",
    "Egyptianhieroglyphs",
    "Elbasan",
    "Elymaic",
    "Ethiopic",
    "Georgian",
    "Glagolitic",
    "Gothic",
    "Grantha",
    "Greek",
    "Gujarati",
    "Gunjalagondi",
    "Gurmukhi",
    "Han",
    "Hangul",
    "Hanifirohingya",
    "Hanunoo",
    "Hatran",
    "Hebrew",
    "Hiragana",
    "Imperialaramaic",
    "Inherited",
    "Inscriptionalpahlavi",
    "Inscriptionalparthian",
    "Javanese",
    "Kaithi",
    "Kannada",
    "Katakana",
    "Kawi",
    "Kayahli",
    "Kharoshthi",
    "Khitansmallscript",
    "Khmer",
    "Khojki",
    "Khudawadi",
    "Lao",
    "Latin",
    "Lepcha",
    "Limbu",
    "Lineara",
    "Linearb",
    "Lisu",
    "Lycian",
    "Lydian",
    "Mahajani",
    "Makasar",
    "Malayalam",
    "Mandaic",
    "Manichaean",
    "Marchen",
    "Masaramgondi",
    "Medefaidrin",
    "Meeteimayek",
    "Mendekikakui",
    "Meroiticcursive",
    "Meroitichieroglyphs",
    "Miao",
    "Modi",
    "Mongolian",
    "Mro",
    "Multani",
    "Myanmar",
    "Nabataean",
    "Nagmundari",
    "Nandinagari",
    "Newa",
    "Newtailue",
    "Nko",
    "Nushu",
    "Nyiakengpuachuehmong",
    "Ogham",
    "Olchiki",
    "Oldhungarian",
    "Olditalic",
    "Oldnortharabian",
    "Oldpermic",
    "Oldpersian",
    "Oldsogdian",
    "Oldsoutharabian",
    "Oldturkic",
    "Olduyghur",
    "Oriya",
    "Osage",
    "Osmanya",
    "Pahawhhmong",
    "Palmyrene",
    "Paucinhau",
    "Phagspa",
    "Phoenician",
    "Psalterpahlavi",
    "Rejang",
    "Runic",
    "Samaritan",
    "Saurashtra",
    "Sharada",
    "Shavian",
    "Siddham",
    "Signwriting",
    "Sinhala",
    "Sogdian",
    "Sorasompeng",
    "Soyombo",
    "Sundanese",
    "Sylotinagri",
    "Syriac",
    "Tagalog",
    "Tagbanwa",
    "Taile",
    "Taitham",
    "Taiviet",
    "Takri",
    "Tamil",
    "Tangsa",
    "Tangut",
    "Telugu",
    "Thaana",
    "Thai",
    "Tibetan",
    "Tifinagh",
    "Tirhuta",
    "Toto",
    "Ugaritic",
    "Vai",
    "Vithkuqi",
    "Wancho",
    "Warangciti",
    "Yezidi",
    "Yi",
    "Zanabazarsquare",
];
