//! What arguments are made of: texts, layouts, patterns, documents, as people write them and as they go wrong.

/// Plain texts.
pub const TEXTS: &[&str] = &[
    "",
    "a",
    "hello",
    "Hello World",
    "foo bar baz",
    "  padded  ",
    "UPPER",
    "snake_case_word",
    "kebab-case-word",
    "camelCaseWord",
    "PascalCase",
    "HTTPServer",
    "a1b2c3",
    "42",
    "-7",
    "3.14",
    "1e3",
    "0x1F",
    "010",
    "1_000",
    "true",
    "false",
    "yes",
    "null",
    "no",
    "héllo wörld",
    "日本語",
    "😀 smile",
    "tab\there",
    "line1\nline2\n",
    "quote\"inside",
    "back\\slash",
    "it's",
    "<a href=\"x?y=1&z=2\">",
    "a,b,c",
    "a, b , c",
    "key=value",
    "x=1&y=2",
    "one/two/three",
    "/abs/path.tar.gz",
    "../up",
    "a.b.c",
    "$$dollar$1",
    "{{ not }}",
    "the quick brown fox jumps over the lazy dog",
    "trailing ",
    "-dash",
    "#hash",
    "%percent",
    "a:b",
    "|pipe",
    "* star",
    "&amp",
    "aaa",
    "abcabc",
    "-ab-axxb-",
    "1.2.3",
    "v2.0.0-rc.1+build",
    "2024-02-29",
    "12:30:45",
    "5m",
    "1h30m",
    "user@example.com",
];

/// Separators and short pieces.
pub const PIECES: &[&str] =
    &["", ",", ", ", "/", ".", "-", "_", " ", "a", "b", "l", "o", "\n", "ab", "é", "::", "$", "="];

/// Regular expressions in Go's syntax; the last ones are wrong.
pub const PATTERNS: &[&str] = &[
    "a",
    "a*",
    "a+",
    "[a-z]+",
    "[^a-z]",
    "\\d+",
    "\\w+",
    "\\s+",
    "^h",
    "o$",
    "(a)(b)",
    "a(x*)b",
    "(?i)HELLO",
    "h.llo",
    "l{2}",
    "b|c",
    "(?P<first>\\w)(?P<rest>\\w*)",
    "\\bfoo\\b",
    "[[:alpha:]]+",
    "\\p{L}+",
    "x*",
    "(foo|bar) ",
    "\\.",
    "[0-9]{1,3}",
    "(?m)^line",
    "(?s).+",
    ".*?",
    "a??",
    "\\Qa.b\\E",
    "[\\d-]+",
    "",
    "(",
    "[",
    "a**",
    "\\",
    "(?<n>a)",
    "a{2,1}",
    "x{1001}",
    "*a",
];

/// Replacements of regular expressions.
pub const REPLACEMENTS: &[&str] =
    &["", "X", "$1", "${1}", "${1}W", "$1W", "$0$0", "${first}", "$$", "$", "${", "<$1>"];

/// Go's time layouts.
pub const LAYOUTS: &[&str] = &[
    "2006-01-02",
    "2006-01-02T15:04:05Z07:00",
    "Jan _2 15:04:05",
    "Mon Jan 2 15:04:05 2006",
    "02 Jan 06 15:04 MST",
    "3:04PM",
    "2006-01-02 15:04:05.000",
    "Monday, 02-Jan-06",
    "20060102",
    "15:04",
    "January 2, 2006",
    "2006-002",
    "06/1/2 03:04:05.999999 pm -0700",
    "",
    "plain",
    "2006-01-02 15:04:05 -0700 MST",
];

/// Dates of the first layout, and some that are none.
pub const DATES: &[&str] = &[
    "2024-02-29",
    "2023-12-31",
    "1970-01-01",
    "2000-06-15",
    "1999-01-01",
    "2024-13-01",
    "2023-02-29",
    "nonsense",
    "",
];

/// Durations.
pub const DURATIONS: &[&str] = &[
    "1h",
    "-1h",
    "90m",
    "1h30m15s",
    "24h",
    "2400h10m5s",
    "1.5h",
    "100ms",
    "0",
    "1",
    "x",
    "",
    "8760h",
    "30d",
    "1us",
];

/// Time zones.
pub const ZONES: &[&str] =
    &["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Local", "", "Nowhere/City"];

/// Versions.
pub const VERSIONS: &[&str] = &[
    "1.2.3",
    "v1.2.3",
    "1.2",
    "1",
    "1.2.3-alpha",
    "1.2.3-alpha.1+b.2",
    "0.0.0",
    "10.20.30",
    "1.2.3.4",
    "x",
    "",
    "01.2.3",
    "1.2.3-01",
];

/// Constraints of versions.
pub const CONSTRAINTS: &[&str] = &[
    "1.2.3",
    ">=1.2.0",
    "^1.2",
    "~1.2.3",
    "1.x",
    "*",
    ">1 <2",
    ">=1.0.0, <2.0.0",
    "1.2 - 1.4",
    "=1.2.3 || =2.0.0",
    "!=1.2.3",
    ">=1.2.3-0",
    "~>1.2",
    "foo",
    "",
    ">= 1.2 <",
    "^0.0.3",
    "<=1.2",
];

/// Addresses.
pub const URLS: &[&str] = &[
    "https://user:pass@example.com:8443/a/b?x=1&y=2#frag",
    "http://example.com",
    "/just/path?q",
    "mailto:a@b.c",
    "//host/path",
    "",
    "http://[::1]:80/",
    "postgres://u:p%40ss@db/name?sslmode=disable",
    "a b",
    "https://example.com/%zz",
    "http://host:port/",
    "ftp://x/ü",
    "?only=query",
];

/// JSON documents; the last ones are broken.
pub const JSONS: &[&str] = &[
    "{}",
    "[]",
    "null",
    "true",
    "1",
    "-0.5",
    "1e10",
    "12345678901234567890",
    "\"text\"",
    "{\"a\":1,\"b\":[1,2,{\"c\":null}]}",
    "[1,\"two\",3.5,false]",
    "{\"user\":\"bob\",\"port\":5432,\"tags\":[\"x\",\"y\"],\"nested\":{\"k\":\"v\"}}",
    "{\"esc\":\"\\u00e9\\n\\\"<&>\"}",
    " {\"sp\" : 1 } ",
    "{\"dup\":1,\"dup\":2}",
    "{\"z\":1,\"a\":2,\"m10\":3,\"m9\":4}",
    "{\"n\":21000000,\"f\":2.5e-7,\"big\":1e21}",
    "{",
    "[1,",
    "tru",
    "{\"a\":}",
    "",
    "1 2",
    "{'a':1}",
];

/// YAML documents; the last ones are broken.
pub const YAMLS: &[&str] = &[
    "a: 1",
    "a: b\nc: d\n",
    "a:\n  - x\n  - y\n",
    "a: {b: c, d: [1, 2]}",
    "yes: no\non: off",
    "n: null\nt: ~\ne:\n",
    "d: 2024-01-01\nx: 0x1F\no: 017\nf: 1e3",
    "s: \"q\\n\"\ns2: 'it''s'",
    "b: |\n  line1\n  line2\nf: >\n  fold\n  ed\n",
    "base: &x {k: v}\nuse: *x",
    "m: &m {a: 1}\nn:\n  <<: *m\n  b: 2",
    "# only a comment",
    "",
    "1: one\n2.5: two\ntrue: three",
    "a: 1\na: 2",
    "t: !!str 5",
    "u: \"\\u00e9\"",
    "plain",
    "- list",
    "a: [1",
    "a: b: c",
    "\tt: 1",
    "a: @x",
    "k: 'open",
];

/// Wrong Base64 and right one.
pub const BASES: &[&str] = &[
    "",
    "aGVsbG8=",
    "aGVsbG8",
    "//79AA==",
    "-_8=",
    "YQ==",
    "!!!",
    "aGVs\nbG8=",
    "====",
    "MFRGG===",
    "MFRGGZDF",
    "mfrgg===",
    "68656c6c6f",
    "zz",
];

/// Names of Go's types and kinds.
pub const TYPES: &[&str] = &[
    "string",
    "int",
    "int64",
    "float64",
    "bool",
    "map",
    "slice",
    "map[string]interface {}",
    "[]interface {}",
    "[]string",
    "invalid",
    "ptr",
    "struct",
    "time.Time",
];

/// The keys of the data.
pub const FIELDS: &[&str] = &[
    "a", "b", "c", "num", "neg", "empty", "list", "json", "arr", "yaml", "multi", "utf", "b64", "date", "bin",
];
