//! `fmt.Sprintf`: a format with its verbs, and what Go prints where format and arguments do not fit.

use super::Printer;
use super::print::Flags;
use crate::function::{Failure, Meter};
use crate::functions::runes::first;
use crate::go::{Kind, Str, Value};

/// Largest width and precision, as in Go.
const MOST: i64 = 1_000_000;

/// Formats arguments.
pub(crate) fn sprintf(format: &[u8], args: &[Value], meter: &mut dyn Meter) -> Result<Str, Failure> {
    let mut state = Format { format, at: 0, args, next: 0, reordered: false, good: true, after_index: false };
    let mut printer = Printer::new(meter);
    while state.at < format.len() {
        state.good = true;
        let rest = format.get(state.at..).unwrap_or_default();
        let plain = rest.iter().position(|b| *b == b'%').unwrap_or(rest.len());
        printer.put(rest.get(..plain).unwrap_or_default())?;
        state.at += plain;
        if state.at < format.len() {
            state.at += 1;
            state.verb(&mut printer)?;
        }
    }
    if !state.reordered && state.next < args.len() {
        state.extra(&mut printer)?;
    }
    Ok(printer.out.into_str())
}

struct Format<'f> {
    format: &'f [u8],
    at: usize,
    args: &'f [Value],
    next: usize,
    reordered: bool,
    good: bool,
    after_index: bool,
}

impl Format<'_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    /// What stands behind a `%`.
    fn verb(&mut self, printer: &mut Printer<'_>) -> Result<(), Failure> {
        printer.flags = Flags::default();
        self.after_index = false;
        self.flags(&mut printer.flags);
        self.index();
        self.width(printer)?;
        self.precision(printer)?;
        if !self.after_index {
            self.index();
        }
        let Some((verb, size)) = self.format.get(self.at..).and_then(first) else {
            return printer.put(b"%!(NOVERB)");
        };
        self.at += size;
        if verb == '%' {
            return printer.put(b"%");
        }
        if !self.good {
            return printer.put(format!("%!{verb}(BADINDEX)").as_bytes());
        }
        let Some(arg) = self.args.get(self.next) else {
            return printer.put(format!("%!{verb}(MISSING)").as_bytes());
        };
        self.next += 1;
        if verb == 'v' || verb == 'w' {
            printer.flags.sharp_v = std::mem::take(&mut printer.flags.sharp);
            printer.flags.plus_v = std::mem::take(&mut printer.flags.plus);
        }
        if verb == 'w' { printer.bad_verb(arg, verb) } else { printer.arg(arg, verb) }
    }

    fn flags(&mut self, flags: &mut Flags) {
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => return,
            }
            self.at += 1;
        }
    }

    /// `[3]`: the argument to take next.
    fn index(&mut self) {
        if self.peek() != Some(b'[') {
            self.after_index = false;
            return;
        }
        self.reordered = true;
        let rest = self.format.get(self.at..).unwrap_or_default();
        let Some(close) = rest.iter().position(|b| *b == b']').filter(|_| rest.len() >= 3) else {
            self.at += 1;
            self.good = false;
            self.after_index = false;
            return;
        };
        let digits = rest.get(1..close).unwrap_or_default();
        self.at += close + 1;
        let number = number(digits);
        let index = number.and_then(|n| usize::try_from(n - 1).ok()).filter(|n| *n < self.args.len());
        match index {
            Some(index) => self.next = index,
            None => self.good = false,
        }
        self.after_index = number.is_some();
    }

    /// Digits of a width or precision.
    fn digits(&mut self) -> Option<i64> {
        let rest = self.format.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let digits = rest.get(..length).unwrap_or_default();
        if length == 0 {
            return None;
        }
        let number = number(digits);
        // A number that is too large ends the format.
        self.at = if number.is_some() { self.at + length } else { self.format.len() };
        number
    }

    /// An integer argument as width or precision.
    fn star(&mut self) -> Option<i64> {
        let arg = self.args.get(self.next)?.underlying();
        self.next += 1;
        let number = match arg {
            Value::Int(n) | Value::Int64(n) => Some(n),
            Value::Uint8(n) => Some(i64::from(n)),
            Value::Uint32(n) => Some(i64::from(n)),
            Value::Uint64(n) => i64::try_from(n).ok(),
            _ => None,
        };
        number.filter(|n| (-MOST..=MOST).contains(n))
    }

    fn width(&mut self, printer: &mut Printer<'_>) -> Result<(), Failure> {
        if self.peek() == Some(b'*') {
            self.at += 1;
            let width = self.star();
            if width.is_none() {
                printer.put(b"%!(BADWIDTH)")?;
            }
            if width.is_some_and(|w| w < 0) {
                printer.flags.minus = true;
                printer.flags.zero = false;
            }
            printer.flags.width = width.and_then(|w| usize::try_from(w.unsigned_abs()).ok());
            self.after_index = false;
            return Ok(());
        }
        let width = self.digits();
        if self.after_index && width.is_some() {
            self.good = false;
        }
        printer.flags.width = width.and_then(|w| usize::try_from(w).ok());
        Ok(())
    }

    fn precision(&mut self, printer: &mut Printer<'_>) -> Result<(), Failure> {
        if self.peek() != Some(b'.') || self.at + 1 >= self.format.len() {
            return Ok(());
        }
        self.at += 1;
        if self.after_index {
            self.good = false;
        }
        self.index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            let precision = self.star().and_then(|p| usize::try_from(p).ok());
            if precision.is_none() {
                printer.put(b"%!(BADPREC)")?;
            }
            printer.flags.precision = precision;
            self.after_index = false;
            return Ok(());
        }
        let precision = self.digits().and_then(|p| usize::try_from(p).ok());
        printer.flags.precision = Some(precision.unwrap_or(0));
        Ok(())
    }

    /// The arguments that no verb asked for.
    fn extra(&self, printer: &mut Printer<'_>) -> Result<(), Failure> {
        printer.flags = Flags::default();
        printer.put(b"%!(EXTRA ")?;
        for (index, arg) in self.args.iter().skip(self.next).enumerate() {
            if index > 0 {
                printer.put(b", ")?;
            }
            if arg.kind() == Kind::Invalid {
                printer.put(b"<nil>")?;
            } else {
                printer.put(format!("{}=", arg.type_name()).as_bytes())?;
                printer.arg(arg, 'v')?;
            }
        }
        printer.put(b")")
    }
}

/// A number of digits; none if there are none, other bytes, or it is too large.
fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0i64, |n, b| {
        let digit = i64::from(b.checked_sub(b'0').filter(|d| *d < 10)?);
        (n <= MOST).then_some(n * 10 + digit)
    })
}
