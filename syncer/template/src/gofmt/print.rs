//! Values as texts: one verb with its flags over every kind of value.

use zeroize::Zeroizing;

use super::{float, quote};
use crate::function::{Failure, Meter};
use crate::functions::buffer::Buffer;
use crate::functions::runes::{indexed, runes};
use crate::functions::show::{can_backquote, is_print};
use crate::go::{Kind, List, Map, Object, Str, Type, Value};

/// Deepest nesting of values that is printed.
const MAX_NESTING: usize = 500;

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Default)]
pub(crate) struct Flags {
    pub(super) sharp: bool,
    pub(super) zero: bool,
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) space: bool,
    pub(super) sharp_v: bool,
    pub(super) plus_v: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

/// Prints values one after the other; all that it makes is counted.
pub(crate) struct Printer<'m> {
    pub(super) out: Buffer,
    pub(super) flags: Flags,
    pub(super) meter: &'m mut dyn Meter,
    erroring: bool,
}

/// `fmt.Sprint`: a space between two values that are no strings.
pub(crate) fn sprint(args: &[Value], meter: &mut dyn Meter) -> Result<Str, Failure> {
    let mut printer = Printer::new(meter);
    let mut after_string = false;
    for (index, arg) in args.iter().enumerate() {
        let is_string = arg.kind() == Kind::String;
        if index > 0 && !is_string && !after_string {
            printer.put(b" ")?;
        }
        printer.arg(arg, 'v')?;
        after_string = is_string;
    }
    Ok(printer.out.into_str())
}

/// `fmt.Sprintln`: a space between all values, a line break at the end.
pub(crate) fn sprintln(args: &[Value], meter: &mut dyn Meter) -> Result<Str, Failure> {
    let mut printer = Printer::new(meter);
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            printer.put(b" ")?;
        }
        printer.arg(arg, 'v')?;
    }
    printer.put(b"\n")?;
    Ok(printer.out.into_str())
}

type Done = Result<(), Failure>;

impl<'m> Printer<'m> {
    /// An empty text.
    pub(crate) fn new(meter: &'m mut dyn Meter) -> Self {
        Self { out: Buffer::default(), flags: Flags::default(), meter, erroring: false }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Done {
        self.meter.grow(bytes.len())?;
        self.out.push(bytes);
        Ok(())
    }

    fn padding(&mut self, count: usize) -> Done {
        let byte = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        self.meter.grow(count)?;
        self.out.push(&vec![byte; count]);
        Ok(())
    }

    /// Puts a text, filled up to the width.
    fn pad(&mut self, text: &[u8]) -> Done {
        let missing = self.flags.width.unwrap_or(0).saturating_sub(indexed(text).count());
        if self.flags.minus {
            self.put(text)?;
            return self.padding(missing);
        }
        self.padding(missing)?;
        self.put(text)
    }

    fn pad_without_zeros(&mut self, text: &[u8]) -> Done {
        let zero = std::mem::take(&mut self.flags.zero);
        let done = self.pad(text);
        self.flags.zero = zero;
        done
    }

    /// Prints an argument.
    pub(crate) fn arg(&mut self, value: &Value, verb: char) -> Done {
        match (value, verb) {
            (Value::Nil, 'v' | 'T') => return self.pad(b"<nil>"),
            (Value::Nil, _) => return self.bad_verb(value, verb),
            (_, 'T') => return self.text(value.type_name().as_bytes()),
            // An address would be another one each time.
            (_, 'p') => return self.bad_verb(value, verb),
            (Value::List(list), _) if list.element() == Type::UINT8 => {
                return self.bytes(list, verb, true, 0);
            }
            _ => {}
        }
        self.value(value, verb, 0)
    }

    /// A verb that the value's kind does not have.
    pub(super) fn bad_verb(&mut self, value: &Value, verb: char) -> Done {
        self.put(format!("%!{verb}(").as_bytes())?;
        if matches!(value, Value::Nil) {
            self.put(b"<nil>")?;
        } else {
            self.put(format!("{}=", value.type_name()).as_bytes())?;
            self.erroring = true;
            self.value(value, 'v', 0)?;
            self.erroring = false;
        }
        self.put(b")")
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) -> Done {
        self.meter.step(1)?;
        if depth > MAX_NESTING {
            return Err(Failure::limit(format!("a value is nested deeper than {MAX_NESTING} levels")));
        }
        match value {
            Value::Nil if verb == 'v' => self.put(b"<nil>"),
            Value::Nil => self.bad_verb(value, verb),
            Value::Bool(b) if matches!(verb, 't' | 'v') => self.pad(b.to_string().as_bytes()),
            Value::Bool(_) => self.bad_verb(value, verb),
            Value::Int(n) | Value::Int64(n) => self.integer(value, n.unsigned_abs(), Some(*n < 0), verb),
            Value::Uint8(n) => self.integer(value, u64::from(*n), None, verb),
            Value::Uint32(n) => self.integer(value, u64::from(*n), None, verb),
            Value::Uint64(n) => self.integer(value, *n, None, verb),
            Value::Float64(n) => match float_verb(verb) {
                Some((form, precision)) => self.float(*n, form, precision),
                None => self.bad_verb(value, verb),
            },
            Value::Complex(real, imaginary) => self.complex(value, *real, *imaginary, verb),
            Value::Str(text) => self.string(value, text.bytes(), verb),
            Value::List(list) => self.list(list, verb, depth),
            Value::Map(map) => self.map(map, verb, depth),
            Value::Object(object) => self.object(value, &**object, verb, depth),
        }
    }

    /// An element of a container: where its static type is an interface, nil shows as that.
    fn element(&mut self, element: Type, value: &Value, verb: char, depth: usize) -> Done {
        if element.kind() == Kind::Interface && matches!(value, Value::Nil) {
            let text = if self.flags.sharp_v { format!("{element}(nil)") } else { "<nil>".to_owned() };
            return self.put(text.as_bytes());
        }
        self.value(value, verb, depth + 1)
    }

    fn list(&mut self, list: &List, verb: char, depth: usize) -> Done {
        if list.element() == Type::UINT8 && matches!(verb, 's' | 'q' | 'x' | 'X') {
            return self.bytes(list, verb, false, depth);
        }
        let go = self.flags.sharp_v;
        if go {
            self.put(format!("{}", list.go_type()).as_bytes())?;
            if list.is_nil() {
                return self.put(b"(nil)");
            }
        }
        self.put(if go { b"{" } else { b"[" })?;
        for (index, item) in list.items().iter().enumerate() {
            if index > 0 {
                self.put(if go { b", " } else { b" " })?;
            }
            self.element(list.element(), item, verb, depth)?;
        }
        self.put(if go { b"}" } else { b"]" })
    }

    /// A byte slice; as an argument itself it is `[]byte` to Go's syntax.
    fn bytes(&mut self, list: &List, verb: char, is_arg: bool, depth: usize) -> Done {
        let items = list.items();
        let bytes: Zeroizing<Vec<u8>> =
            Zeroizing::new(items.iter().map(|v| if let Value::Uint8(b) = v { *b } else { 0 }).collect());
        match verb {
            's' => self.text(&bytes),
            'x' | 'X' => self.hex(&bytes, verb == 'X'),
            'q' => self.quoted(&bytes),
            'v' | 'd' if self.flags.sharp_v => {
                self.put(if is_arg { b"[]byte" } else { b"[]uint8" })?;
                if list.is_nil() {
                    return self.put(b"(nil)");
                }
                let shown: Vec<_> = bytes.iter().map(|b| format!("{b:#x}")).collect();
                self.put(format!("{{{}}}", shown.join(", ")).as_bytes())
            }
            _ => {
                self.put(b"[")?;
                for (index, item) in items.iter().enumerate() {
                    self.put(if index > 0 { b" " } else { b"" })?;
                    self.value(item, verb, depth + 1)?;
                }
                self.put(b"]")
            }
        }
    }

    fn map(&mut self, map: &Map, verb: char, depth: usize) -> Done {
        let go = self.flags.sharp_v;
        if go {
            self.put(map.go_type().to_string().as_bytes())?;
            if map.is_nil() {
                return self.put(b"(nil)");
            }
        }
        self.put(if go { b"{" } else { b"map[" })?;
        for (index, (key, value)) in map.entries().iter().enumerate() {
            if index > 0 {
                self.put(if go { b", " } else { b" " })?;
            }
            self.value(&Value::Str(key.clone()), verb, depth + 1)?;
            self.put(b":")?;
            self.element(map.element(), value, verb, depth)?;
        }
        self.put(if go { b"}" } else { b"]" })
    }

    fn object(&mut self, value: &Value, object: &dyn Object, verb: char, depth: usize) -> Done {
        if object.is_nil() {
            let shown =
                if self.flags.sharp_v { format!("({})(nil)", object.go_type()) } else { "<nil>".to_owned() };
            return match verb {
                'v' => self.pad(shown.as_bytes()),
                'd' => self.integer(value, 0, None, verb),
                _ => self.bad_verb(value, verb),
            };
        }
        if !self.erroring {
            if self.flags.sharp_v {
                if let Some(text) = object.go_string() {
                    return self.text(&text);
                }
            } else if matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
                && let Some(text) = object.string()
            {
                return self.string(value, &text, verb);
            }
        }
        if let Some(basic) = object.underlying() {
            return self.value(&basic, verb, depth);
        }
        let go = self.flags.sharp_v;
        let pointer = object.go_type().kind() == Kind::Ptr;
        // Within something, a pointer is an address. Ours have none to show.
        if pointer && depth > 0 && verb != 'v' {
            return match verb {
                'p' | 'b' | 'o' | 'd' | 'x' | 'X' => self.integer(value, 0, None, 'd'),
                _ => self.bad_verb(value, verb),
            };
        }
        self.put(if pointer { b"&" } else { b"" })?;
        if go {
            self.put(object.go_type().to_string().trim_start_matches('*').as_bytes())?;
        }
        self.put(b"{")?;
        for (index, (name, _, field)) in object.fields().iter().enumerate() {
            if index > 0 {
                self.put(if go { b", " } else { b" " })?;
            }
            if go || self.flags.plus_v {
                self.put(format!("{name}:").as_bytes())?;
            }
            self.value(field, verb, depth + 1)?;
        }
        self.put(b"}")
    }

    fn complex(&mut self, value: &Value, real: f64, imaginary: f64, verb: char) -> Done {
        let Some((form, precision)) = float_verb(verb) else { return self.bad_verb(value, verb) };
        self.put(b"(")?;
        self.float(real, form, precision)?;
        let plus = std::mem::replace(&mut self.flags.plus, true);
        self.float(imaginary, form, precision)?;
        self.flags.plus = plus;
        self.put(b"i)")
    }

    fn string(&mut self, value: &Value, text: &[u8], verb: char) -> Done {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'v' | 's' => self.text(text),
            'x' | 'X' => self.hex(text, verb == 'X'),
            'q' => self.quoted(text),
            _ => self.bad_verb(value, verb),
        }
    }

    /// A text cut to the precision, in characters.
    fn cut<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let end = self.flags.precision.and_then(|p| indexed(text).nth(p)).map(|(at, ..)| at);
        end.and_then(|end| text.get(..end)).unwrap_or(text)
    }

    fn text(&mut self, text: &[u8]) -> Done {
        let text = self.cut(text);
        self.pad(text)
    }

    fn quoted(&mut self, text: &[u8]) -> Done {
        let text = self.cut(text);
        self.meter.grow(text.len())?;
        if self.flags.sharp && can_backquote(text) {
            return self.pad(&Zeroizing::new([b"`", text, b"`"].concat()));
        }
        self.pad(quote::quoted(text, '"', self.flags.plus).bytes())
    }

    /// Bytes in hexadecimal.
    fn hex(&mut self, bytes: &[u8], upper: bool) -> Done {
        let bytes = bytes.get(..self.flags.precision.unwrap_or(bytes.len())).unwrap_or(bytes);
        self.meter.grow(bytes.len().saturating_mul(5))?;
        let prefix = if upper { "0X" } else { "0x" };
        let mut text = Buffer::with_capacity(bytes.len().saturating_mul(5));
        for (index, byte) in bytes.iter().enumerate() {
            if index > 0 && self.flags.space {
                text.push(b" ");
            }
            if self.flags.sharp && (index == 0 || self.flags.space) {
                text.push(prefix.as_bytes());
            }
            let digits = if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
            text.push(digits.as_bytes());
        }
        self.pad(text.into_str().bytes())
    }

    /// An integer by its absolute value; `negative` is there for signed kinds.
    fn integer(&mut self, value: &Value, abs: u64, negative: Option<bool>, verb: char) -> Done {
        let minus = negative == Some(true);
        let bits = if minus { abs.wrapping_neg() } else { abs };
        let digits = match verb {
            'v' if self.flags.sharp_v && negative.is_none() => {
                let sharp = std::mem::replace(&mut self.flags.sharp, true);
                let done = self.number(&format!("{abs:x}"), "0x", minus);
                self.flags.sharp = sharp;
                return done;
            }
            'v' | 'd' => return self.number(&abs.to_string(), "", minus),
            'b' => return self.number(&format!("{abs:b}"), "0b", minus),
            'o' => return self.number(&format!("{abs:o}"), "0", minus),
            'O' => format!("{abs:o}"),
            'x' => return self.number(&format!("{abs:x}"), "0x", minus),
            'X' => return self.number(&format!("{abs:X}"), "0X", minus),
            'c' => return self.pad(character(bits).encode_utf8(&mut [0; 4]).as_bytes()),
            'q' => return self.pad(quote::quoted_char(character(bits), self.flags.plus).bytes()),
            'U' => return self.code_point(bits),
            _ => return self.bad_verb(value, verb),
        };
        self.octal(&digits, minus)
    }

    /// `%O`: the prefix is always there, before what `#` may add.
    fn octal(&mut self, digits: &str, minus: bool) -> Done {
        let text = self.digits(digits, "0", minus).map(|text| {
            let at = text.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
            let (sign, number) = text.split_at_checked(at).unwrap_or(("", &text));
            format!("{sign}0o{number}")
        });
        self.finished(text)
    }

    fn number(&mut self, digits: &str, prefix: &str, minus: bool) -> Done {
        let text = self.digits(digits, prefix, minus);
        self.finished(text)
    }

    fn finished(&mut self, text: Option<String>) -> Done {
        match text {
            Some(text) => self.pad_without_zeros(text.as_bytes()),
            None => self.pad_without_zeros(b""),
        }
    }

    /// Sign, prefix and digits; none where a precision of 0 makes a zero vanish.
    fn digits(&self, digits: &str, prefix: &str, minus: bool) -> Option<String> {
        let flags = &self.flags;
        let signed = minus || flags.plus || flags.space;
        let least = match (flags.precision, flags.width) {
            (Some(0), _) if digits == "0" => return None,
            (Some(precision), _) => precision,
            (None, Some(width)) if flags.zero && !flags.minus => width - usize::from(signed).min(width),
            _ => 0,
        };
        let digits = format!("{}{digits}", "0".repeat(least.saturating_sub(digits.len())));
        let needs_prefix = flags.sharp && !(prefix == "0" && digits.starts_with('0'));
        let sign = match (minus, flags.plus, flags.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        Some(format!("{sign}{}{digits}", if needs_prefix { prefix } else { "" }))
    }

    /// `%U`
    fn code_point(&mut self, bits: u64) -> Done {
        let precision = self.flags.precision.unwrap_or(4).max(4);
        let mut text = format!("U+{bits:0precision$X}");
        let c = u32::try_from(bits).ok().and_then(char::from_u32);
        if let Some(c) = c.filter(|c| self.flags.sharp && is_print(*c)) {
            text.push_str(&format!(" '{c}'"));
        }
        self.pad_without_zeros(text.as_bytes())
    }

    fn float(&mut self, value: f64, verb: char, precision: Option<usize>) -> Done {
        let precision = self.flags.precision.or(precision);
        let text = float::format(value, verb, precision);
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.trim_start_matches('+')),
        };
        let flags = self.flags;
        let sign = match (negative, flags.plus, flags.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        if !value.is_finite() {
            // An infinity keeps its sign only where one is asked for, as other numbers do.
            let sign = if sign.is_empty() && value == f64::INFINITY { "+" } else { sign };
            let sign = if value == f64::INFINITY && !flags.plus && !flags.space { "+" } else { sign };
            return self.pad_without_zeros(format!("{sign}{digits}").as_bytes());
        }
        let digits =
            if flags.sharp && verb != 'b' { with_point(digits, verb, precision) } else { digits.to_owned() };
        if flags.zero && !flags.minus && !sign.is_empty() && flags.width.is_some_and(|w| w > digits.len() + 1)
        {
            self.put(sign.as_bytes())?;
            self.padding(flags.width.unwrap_or(0) - digits.len() - 1)?;
            return self.put(digits.as_bytes());
        }
        self.pad(format!("{sign}{digits}").as_bytes())
    }
}

/// How a verb prints a float, and with which precision if none is given.
fn float_verb(verb: char) -> Option<(char, Option<usize>)> {
    Some(match verb {
        'v' => ('g', None),
        'b' | 'g' | 'G' | 'x' | 'X' => (verb, None),
        'f' | 'F' => ('f', Some(6)),
        'e' | 'E' => (verb, Some(6)),
        _ => return None,
    })
}

fn character(bits: u64) -> char {
    u32::try_from(bits).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// `#`: a point in any case, and the zeros up to the precision for the general forms.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let hex = matches!(verb, 'x' | 'X');
    let tail_at = text.find(|c: char| matches!(c, 'p' | 'P') || (!hex && matches!(c, 'e' | 'E')));
    let (number, tail) = tail_at.and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""));
    let mut wanted = match verb {
        'g' | 'G' | 'x' => i64::try_from(precision.unwrap_or(6)).unwrap_or(0),
        _ => 0,
    };
    let (mut point, mut seen) = (false, false);
    for c in runes(number.as_bytes()) {
        point |= c == '.';
        seen |= c != '.' && c != '0';
        wanted -= i64::from(seen && c != '.');
    }
    let mut out = number.to_owned();
    if !point {
        wanted -= i64::from(number == "0");
        out.push('.');
    }
    out.push_str(&"0".repeat(usize::try_from(wanted.max(0)).unwrap_or(0)));
    out + tail
}
