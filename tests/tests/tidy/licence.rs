//! Whether a licence expression (SPDX) can be met with a list of accepted licences.

/// True when some choice among the OR branches uses accepted licences only. `/` is the old spelling of OR.
pub fn accepted(expression: &str, allow: &[String]) -> Result<bool, String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, allow };
    let met = reader.any()?;
    if reader.words.is_empty() { Ok(met) } else { Err(format!("{expression}: what is {}?", reader.words[0])) }
}

struct Reader<'a> {
    words: &'a [&'a str],
    allow: &'a [String],
}

impl<'a> Reader<'a> {
    fn take(&mut self, word: &str) -> bool {
        let found = self.words.first() == Some(&word);
        if found {
            self.words = &self.words[1..];
        }
        found
    }

    fn next(&mut self) -> Result<&'a str, String> {
        let (first, rest) = self.words.split_first().ok_or("the licence expression ends early")?;
        self.words = rest;
        Ok(first)
    }

    // AND binds more tightly than OR.
    fn any(&mut self) -> Result<bool, String> {
        let mut met = self.all()?;
        while self.take("OR") {
            met |= self.all()?;
        }
        Ok(met)
    }

    fn all(&mut self) -> Result<bool, String> {
        let mut met = self.one()?;
        while self.take("AND") {
            met &= self.one()?;
        }
        Ok(met)
    }

    fn one(&mut self) -> Result<bool, String> {
        if self.take("(") {
            let met = self.any()?;
            return if self.take(")") { Ok(met) } else { Err("the licence expression lacks a )".to_owned()) };
        }
        let mut licence = self.next()?.to_owned();
        if ["OR", "AND", "WITH", ")"].contains(&licence.as_str()) {
            return Err(format!("a licence is missing before {licence}"));
        }
        if self.take("WITH") {
            licence = format!("{licence} WITH {}", self.next()?);
        }
        Ok(self.allow.contains(&licence))
    }
}

#[test]
fn expressions_are_evaluated_not_searched() {
    let allow = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
    for (expression, expected) in [
        ("MIT", Ok(true)),
        ("GPL-3.0", Ok(false)),
        ("MIT OR GPL-3.0", Ok(true)),
        ("MIT AND GPL-3.0", Ok(false)),
        ("GPL-3.0 OR MIT AND ISC", Ok(true)),
        ("(GPL-3.0 OR MIT) AND ISC", Ok(true)),
        ("(MIT OR ISC) AND GPL-3.0", Ok(false)),
        ("MIT/GPL-3.0", Ok(true)),
        ("Apache-2.0", Ok(false)),
        ("Apache-2.0 WITH LLVM-exception", Ok(true)),
        ("MIT WITH LLVM-exception", Ok(false)),
        ("MIT AND", Err(())),
        ("(MIT", Err(())),
        ("MIT ISC", Err(())),
        ("OR MIT", Err(())),
        ("", Err(())),
    ] {
        assert_eq!(accepted(expression, &allow).map_err(|_| ()), expected, "{expression}");
    }
}
