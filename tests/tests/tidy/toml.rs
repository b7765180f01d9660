//! A reader of the part of TOML that the lists of tidy and deny.toml use; everything else is refused by line.

use serde_json::{Map, Value};

/// Reads tables, arrays of tables, strings, integers, booleans, arrays and inline tables. Strings know no escapes.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut root = Map::new();
    let mut table: Vec<String> = Vec::new();
    let mut reader = Reader { rest: text, text };
    loop {
        reader.skip_blank();
        if reader.rest.is_empty() {
            return Ok(Value::Object(root));
        }
        if reader.take("[[") {
            table = vec![reader.key()?];
            reader.expect("]]")?;
            let list = root.entry(table[0].clone()).or_insert_with(|| Value::Array(Vec::new()));
            list.as_array_mut()
                .ok_or_else(|| reader.error("not a list of tables"))?
                .push(Value::Object(Map::new()));
        } else if reader.take("[") {
            table = vec![reader.key()?];
            while reader.take(".") {
                table.push(reader.key()?);
            }
            reader.expect("]")?;
            open(&mut root, &table).ok_or_else(|| reader.error("not a table"))?;
        } else {
            let (key, value) = reader.pair()?;
            let here = open(&mut root, &table).ok_or_else(|| reader.error("not a table"))?;
            if here.insert(key.clone(), value).is_some() {
                return Err(reader.error(&format!("{key} is there twice")));
            }
        }
    }
}

/// The table that a header names, made when it is missing; of a list of tables the last one.
fn open<'a>(root: &'a mut Map<String, Value>, names: &[String]) -> Option<&'a mut Map<String, Value>> {
    names.iter().try_fold(root, |table, name| {
        match table.entry(name.clone()).or_insert_with(|| Value::Object(Map::new())) {
            Value::Array(list) => list.last_mut()?.as_object_mut(),
            other => other.as_object_mut(),
        }
    })
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn error(&self, what: &str) -> String {
        let line = self.text[..self.text.len() - self.rest.len()].matches('\n').count() + 1;
        format!("line {line}: {what}")
    }

    fn skip_blank(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('#') {
                return;
            }
            self.rest = self.rest.find('\n').map_or("", |end| &self.rest[end..]);
        }
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip_blank();
        let found = self.rest.starts_with(token);
        if found {
            self.rest = &self.rest[token.len()..];
        }
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(self.error(&format!("expected {token}"))) }
    }

    fn word(&mut self) -> Result<String, String> {
        self.skip_blank();
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        if word.is_empty() {
            return Err(self.error("expected a name, a string, a number, a list or a table"));
        }
        self.rest = rest;
        Ok(word.to_owned())
    }

    fn key(&mut self) -> Result<String, String> {
        if self.take("\"") { self.string() } else { self.word() }
    }

    fn string(&mut self) -> Result<String, String> {
        let end = self.rest.find('"').ok_or_else(|| self.error("the string has no end"))?;
        let string = self.rest[..end].to_owned();
        if string.contains(['\n', '\\']) {
            return Err(self.error("a string stays on one line and has no escapes"));
        }
        self.rest = &self.rest[end + 1..];
        Ok(string)
    }

    fn pair(&mut self) -> Result<(String, Value), String> {
        let key = self.key()?;
        self.expect("=")?;
        Ok((key, self.value()?))
    }

    fn value(&mut self) -> Result<Value, String> {
        if self.take("\"") {
            return self.string().map(Value::String);
        }
        if self.take("[") {
            let mut list = Vec::new();
            while !self.take("]") {
                list.push(self.value()?);
                if !self.take(",") {
                    self.expect("]")?;
                    break;
                }
            }
            return Ok(Value::Array(list));
        }
        if self.take("{") {
            let mut table = Map::new();
            while !self.take("}") {
                let (key, value) = self.pair()?;
                table.insert(key, value);
                if !self.take(",") {
                    self.expect("}")?;
                    break;
                }
            }
            return Ok(Value::Object(table));
        }
        match self.word()?.as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            number => {
                number.parse::<i64>().map(Value::from).map_err(|_| self.error(&format!("what is {number}?")))
            }
        }
    }
}

/// The strings of a list; empty when the list is missing. Anything but strings fails.
pub fn strings(table: &Value, key: &str) -> Vec<String> {
    let list = match table.get(key) {
        None => return Vec::new(),
        Some(list) => list.as_array().unwrap_or_else(|| panic!("{key} is no list in {table}")),
    };
    list.iter()
        .map(|item| item.as_str().unwrap_or_else(|| panic!("no string in {key}: {item}")).to_owned())
        .collect()
}

/// A string that has to be there.
pub fn string(table: &Value, key: &str) -> String {
    table[key].as_str().unwrap_or_else(|| panic!("{key} is missing or no string in {table}")).to_owned()
}

/// The entries of a list of tables; empty when the list is missing.
pub fn tables<'a>(table: &'a Value, key: &str) -> &'a [Value] {
    match table.get(key) {
        None => &[],
        Some(list) => list.as_array().unwrap_or_else(|| panic!("{key} is no list of tables")),
    }
}

#[test]
fn reads_the_subset_and_names_the_line_of_anything_else() {
    let text = "# note\na = \"x\" # why\n[t.u]\nb = [\n  1, # one\n  { c = true, d = [] },\n]\n[[l]]\nk = 1\n[[l]]\nk = 2\n";
    let expected = serde_json::json!({
        "a": "x", "t": {"u": {"b": [1, {"c": true, "d": []}]}}, "l": [{"k": 1}, {"k": 2}]
    });
    assert_eq!(parse(text), Ok(expected));
    for (bad, message) in [
        ("a = 1\nb = 1.5\n", "line 2: expected"),
        ("a = \"x\n", "line 1: the string has no end"),
        ("a = \"\\n\"\n", "line 1: a string stays"),
        ("a = 1\na = 2\n", "line 2: a is there twice"),
        ("\n[a\nb = 1", "line 3: expected ]"),
        ("a = maybe", "line 1: what is maybe?"),
    ] {
        let error = parse(bad).unwrap_err();
        assert!(error.starts_with(message), "{bad:?} gave {error:?}");
    }
}
