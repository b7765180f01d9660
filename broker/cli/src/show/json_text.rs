//! JSON laid out for people without being read: strings and numbers stay byte for byte what the server sent.

use zeroize::Zeroizing;

/// The text with a member or item a line, two spaces a level, and a line end.
pub fn indent(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len() * 2));
    let mut chars = text.chars().peekable();
    let mut depth = 0_usize;
    while let Some(c) = chars.next() {
        match c {
            '"' => string(&mut chars, &mut out),
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                match chars.next_if(|next| matches!(next, '}' | ']')) {
                    Some(close) => out.push(close),
                    None => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out.push('\n');
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Copies a string to its closing quote.
fn string(chars: &mut impl Iterator<Item = char>, out: &mut String) {
    out.push('"');
    let mut escaped = false;
    for c in chars.by_ref() {
        out.push(c);
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return,
            _ => escaped = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_changes_and_nothing_else() {
        let check = |text: &str, expected: &str| assert_eq!(indent(text).as_str(), expected);
        check("{}", "{}\n");
        check(" [ ] \n", "[]\n");
        check("1.50E+3", "1.50E+3\n");
        check(
            r#"{"a":1.0,"b":[1,12345678901234567890123,-0.0e-7]}"#,
            "{\n  \"a\": 1.0,\n  \"b\": [\n    1,\n    12345678901234567890123,\n    -0.0e-7\n  ]\n}\n",
        );
        check(
            r#"{"a" : { } , "b":[ { "c":null } ] }"#,
            "{\n  \"a\": {},\n  \"b\": [\n    {\n      \"c\": null\n    }\n  ]\n}\n",
        );
        check(
            r#"{"a{,:\"}]":"x \\","b":"<\u00fc\/>"}"#,
            "{\n  \"a{,:\\\"}]\": \"x \\\\\",\n  \"b\": \"<\\u00fc\\/>\"\n}\n",
        );
    }

    #[test]
    fn text_that_is_no_json_does_no_harm() {
        for text in ["", "}]", "\"abc", "{\"a\\", "[[[", ",:"] {
            assert!(indent(text).ends_with('\n'));
        }
    }
}
