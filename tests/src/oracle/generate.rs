//! Random templates: for a function in the places where functions stand, and for the language around them.

use super::arguments::{Want, expression, one_of};
use super::catalogue::arguments;
use super::random::Random;
use super::words::{FIELDS, TEXTS};

/// A function of the oracle.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The types of its parameters; the last may be `...T`.
    pub parameters: Vec<String>,
    /// What it returns first.
    pub returns: String,
}

impl Function {
    /// Reads `name func(a, ...b) c`; `None` if it is of another form.
    pub fn parse(name: &str, signature: &str) -> Option<Self> {
        let rest = signature.strip_prefix("func(")?;
        let mut depth = 0;
        let end = rest.char_indices().find(|(_, c)| {
            depth += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            depth < 0
        })?;
        let (parameters, returns) = rest.split_at(end.0);
        let parameters = parameters.split(", ").filter(|it| !it.is_empty()).map(str::to_owned).collect();
        let returns = returns.get(2..).unwrap_or_default().trim_start_matches('(');
        let returns = returns.split(", ").next().unwrap_or_default().trim_end_matches(')').to_owned();
        Some(Self { name: name.to_owned(), parameters, returns })
    }
}

fn of_type(random: &mut Random, name: &str) -> String {
    let want = match name {
        "string" => Want::Text,
        "int" | "uint32" => Want::Int,
        "float64" => Want::Number,
        "bool" => Want::Bool,
        "map[string]interface {}" => Want::Dict,
        "[]interface {}" => Want::List,
        "time.Time" => Want::Time,
        _ => Want::Any,
    };
    expression(random, want, 0)
}

/// Arguments that make sense most of the time, of the right type now and then, and wrong ones sometimes.
fn call(random: &mut Random, function: &Function) -> Vec<String> {
    let numeric = [
        "add",
        "add1",
        "sub",
        "div",
        "mod",
        "mul",
        "addf",
        "add1f",
        "subf",
        "divf",
        "mulf",
        "max",
        "min",
        "maxf",
        "minf",
        "biggest",
        "ceil",
        "floor",
        "toDecimal",
        "int",
        "int64",
        "float64",
    ];
    let chance = random.below(100);
    let strict = [
        "date",
        "dateInZone",
        "date_in_zone",
        "htmlDate",
        "htmlDateInZone",
        "durationRound",
        "derivePassword",
    ];
    if chance < 85 || strict.contains(&function.name.as_str()) {
        if let Some(all) = arguments(random, &function.name) {
            return all;
        }
        if numeric.contains(&function.name.as_str()) {
            let count = if function.parameters.len() > 1 || function.parameters[0].starts_with("...") {
                random.below(2) + 2
            } else {
                1
            };
            return (0..count).map(|_| expression(random, Want::Number, 1)).collect();
        }
    }
    let large = ["repeat", "indent", "nindent", "until", "untilStep", "seq", "wrap", "wrapWith"]
        .contains(&function.name.as_str());
    let mut out = Vec::new();
    for parameter in &function.parameters {
        match parameter.strip_prefix("...") {
            Some(rest) => out.extend((0..random.below(4)).map(|_| of_type(random, rest))),
            None if chance >= 97 && !large => out.push(expression(random, Want::Any, 1)),
            None => out.push(of_type(random, parameter)),
        }
    }
    if chance == 99 {
        out.pop();
    } else if chance == 98 && !large {
        out.push(expression(random, Want::Text, 1));
    }
    out
}

/// A template around one function.
pub fn around(random: &mut Random, function: &Function) -> String {
    let mut all = call(random, function);
    let plain = format!("{} {}", function.name, all.join(" "));
    let plain = plain.trim_end();
    // The order of these is not fixed.
    if function.name == "keys" {
        return format!("{{{{ {plain} | sortAlpha }}}}");
    }
    if function.name == "values" {
        return format!(
            "{{{{ {plain} | len }}}}{{{{ values (dict \"k\" {}) }}}}",
            expression(random, Want::Any, 1)
        );
    }
    let ranged = ["map", "[]"].iter().any(|it| function.returns.starts_with(it)) || function.returns == "int";
    match random.below(if ranged { 14 } else { 11 }) {
        0..=3 => format!("{{{{ {plain} }}}}"),
        4 | 5 => match all.pop() {
            Some(last) => format!("{{{{ {last} | {} {} }}}}", function.name, all.join(" ")),
            None => format!("{{{{ {plain} }}}}"),
        },
        6 => format!(
            "{{{{ {plain} | {} }}}}",
            random.pick(&["toJson", "quote", "toString", "typeOf", "kindOf", "toYaml", "print", "empty"])
        ),
        7 => format!(
            "{{{{ printf {} ({plain}) }}}}",
            one_of(random, &["%v", "%+v", "%#v", "%T", "%q", "%d", "%s|", "%x", "%10v|", "%t", "%.1f"])
        ),
        8 => format!("{{{{ $x := {plain} }}}}[{{{{ $x }}}}] {{{{ typeOf $x }}}}"),
        9 => format!("a {{{{- if {plain} }}}} yes {{{{ else -}}}} no {{{{ end }}}} z"),
        10 => format!("{{{{ with {plain} }}}}<{{{{ . }}}}>{{{{ else }}}}-{{{{ end }}}}"),
        11 | 12 => format!(
            "{{{{ range $k, $v := {plain} }}}}{{{{ $k }}}}={{{{ $v }}}};{{{{ else }}}}none{{{{ end }}}}"
        ),
        _ => format!("{{{{ range {plain} -}}}} {{{{ . | toJson }}}}, {{{{ end }}}}"),
    }
}

/// A program of the language itself.
pub fn program(random: &mut Random) -> String {
    let mut out = String::new();
    if random.chance(25) {
        out.push_str(&format!("{{{{ define \"d\" }}}}({}){{{{ end }}}}", action(random, 2)));
    }
    let statements = random.below(4) + 1;
    for _ in 0..statements {
        out.push_str(&statement(random, 0));
    }
    if random.chance(6) {
        spoil(random, &mut out);
    }
    out
}

fn action(random: &mut Random, depth: usize) -> String {
    let value = expression(random, Want::Any, depth);
    format!("{{{{{}{value} {}}}}}", random.pick(&[" ", "- ", " ", " "]), random.pick(&["", "", "-", ""]))
        .replace("{{- nil }}", "{{ . | len }}")
}

fn statement(random: &mut Random, depth: usize) -> String {
    let r = random;
    if depth > 2 {
        return action(r, 2);
    }
    let inner = |r: &mut Random| statement(r, depth + 1);
    match r.below(14) {
        0 | 1 => format!(" {} \n", r.pick(TEXTS).replace("{{", "{")),
        2 => format!(
            "{{{{ if {} }}}}{}{{{{ else if {} }}}}{}{{{{ else }}}}{}{{{{ end }}}}",
            expression(r, Want::Any, 1),
            inner(r),
            expression(r, Want::Bool, 1),
            inner(r),
            inner(r)
        ),
        3 => format!(
            "{{{{ with {} }}}}{{{{ . }}}}{}{{{{ else with {} }}}}{{{{ . }}}}{{{{ end }}}}",
            expression(r, Want::Any, 1),
            "{{ $.a }}",
            expression(r, Want::Text, 1)
        ),
        4 => format!(
            "{{{{ range $i, $e := {} }}}}{{{{ if eq $i {} }}}}{{{{ {} }}}}{{{{ end }}}}{{{{ $e }}}},{{{{ else }}}}-{{{{ end }}}}",
            expression(r, Want::List, 1),
            r.below(3),
            r.pick(&["break", "continue"])
        ),
        5 => format!(
            "{{{{ range {} }}}}{{{{ . }}}};{{{{ end }}}}",
            r.pick(&["4", "0", "(len .a)", ".", "(dict \"b\" 1 \"a\" 2)", "(list)", "nil", ".a"])
        ),
        6 => format!(
            "{{{{ $v := {} }}}}{{{{ $v = {} }}}}{{{{ $v }}}}",
            expression(r, Want::Any, 1).replace("nil", "0"),
            expression(r, Want::Text, 1)
        ),
        7 => format!(
            "{{{{ $n := 0 }}}}{{{{ range until 4 }}}}{{{{ $n = add $n . }}}}{{{{ end }}}}{{{{ $n }}}}{}",
            inner(r)
        ),
        8 => format!(
            "{{{{ template \"{}\" {} }}}}",
            r.pick(&["d", "d", "d", "nope"]),
            r.pick(&[".", "(dict \"a\" 1)", "5", "\"text\""])
        ),
        9 => format!("{{{{ block \"b{}\" . }}}}{}{{{{ end }}}}", r.below(1000), action(r, 2)),
        10 => format!(
            "{{{{/* {} */}}}}{{{{ .{} | {} | {} }}}}",
            r.pick(TEXTS).replace("*/", ""),
            r.pick(FIELDS),
            r.pick(&["upper", "trim", "len", "quote"]),
            r.pick(&["print", "printf \"%v\"", "toJson", "html"])
        ),
        11 => format!(
            "{{{{ .{} }}}}{{{{ $.{} }}}}{{{{ index . \"{}\" }}}}",
            r.pick(FIELDS),
            r.pick(FIELDS),
            r.pick(FIELDS)
        ),
        12 => format!("{{{{ (dict \"x\" (dict \"y\" {})).x.y }}}}", expression(r, Want::Any, 1)),
        _ => action(r, 0),
    }
}

/// Breaks a template somewhere, as typing errors do.
fn spoil(random: &mut Random, template: &mut String) {
    let places: Vec<usize> = template.char_indices().map(|(at, _)| at).collect();
    let at = places[random.below(places.len())];
    match random.below(3) {
        0 => drop(template.remove(at)),
        1 => template.insert_str(
            at,
            random.pick(&["}}", "{{", "\"", ")", "(", "|", "$", "-", ".", "{{ end }}", "nope"]),
        ),
        _ => template.truncate(at),
    }
}
