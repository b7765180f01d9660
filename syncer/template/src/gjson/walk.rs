//! Walks a path through objects and arrays, from the first byte on, as far as it leads.

use zeroize::Zeroizing;

use super::path::{ArrayStep, Query, Rest, array_step, object_step, split_pipe};
use super::scan::{Start, Value, close_quote, next, plain, start, unescape};
use super::{Engine, GjsonError, Kind, MAX_DEPTH, query, wild};

/// One walk: what it found, and what is to be asked of that.
pub(super) struct Walk<'a, 'p> {
    pub(super) json: &'a [u8],
    pub(super) value: Option<Value<'a>>,
    pub(super) pipe: Option<&'p [u8]>,
}

/// Where a part of the walk ended, and whether it found what it looked for.
type Ended = (usize, bool);

/// What an array's step still needs to know of its elements.
struct Elements<'p> {
    step: ArrayStep<'p>,
    index: Option<u64>,
    /// What a query has found, the brackets apart.
    found: Option<Zeroizing<Vec<u8>>>,
    /// Where each element begins.
    starts: Vec<usize>,
    count: u64,
}

impl Engine {
    /// The members of an object from `at` on, behind its bracket.
    pub(super) fn object<'p>(
        &mut self,
        walk: &mut Walk<'_, 'p>,
        mut at: usize,
        path: &'p [u8],
        depth: usize,
    ) -> Result<Ended, GjsonError> {
        let step = object_step(path);
        let more = match step.rest {
            Rest::More(next) => Some(next),
            Rest::Pipe(pipe) => {
                walk.pipe = Some(pipe);
                None
            }
            Rest::End => None,
        };
        let json = walk.json;
        loop {
            let rest = json.get(at..).unwrap_or_default();
            let Some(found) = rest.iter().position(|byte| matches!(byte, b'"' | b'}')) else {
                return Ok((json.len(), false));
            };
            at += found + 1;
            if rest.get(found) == Some(&b'}') {
                return Ok((at, false));
            }
            let Some(end) = close_quote(json, at) else { return Ok((json.len(), false)) };
            let fits = self.fits(json.get(at..end).unwrap_or_default(), &step.part, step.wild)?;
            at = end + 1;
            let (next, hit) = self.member(walk, at, (fits, more), depth)?;
            if hit {
                return Ok((next, true));
            }
            if next >= json.len() {
                return Ok((next, false));
            }
            at = next;
        }
    }

    fn fits(&mut self, key: &[u8], part: &[u8], wild: bool) -> Result<bool, GjsonError> {
        let decoded;
        let key = if key.contains(&b'\\') {
            decoded = unescape(key);
            decoded.as_slice()
        } else {
            key
        };
        if !wild {
            return Ok(key == part);
        }
        self.spend(wild::cost(key, part))?;
        Ok(wild::matches(key, part))
    }

    /// The value behind a key, and whether it, or what is in it, was looked for.
    fn member<'p>(
        &mut self,
        walk: &mut Walk<'_, 'p>,
        mut at: usize,
        (fits, more): (bool, Option<&'p [u8]>),
        depth: usize,
    ) -> Result<Ended, GjsonError> {
        let json = walk.json;
        while at < json.len() {
            let start = start(json, at);
            match (&start, more) {
                (Start::Other, _) => at += 1,
                (Start::Open, Some(next)) if fits => return self.inner(walk, at, next, depth),
                _ => {
                    let Some((kind, end)) = plain(json, at, &start) else { return Ok((json.len(), false)) };
                    let hit = fits && more.is_none();
                    if hit {
                        walk.value = json.get(at..end.min(json.len())).and_then(|raw| Value::new(kind, raw));
                    }
                    return Ok((end, hit));
                }
            }
        }
        Ok((at, false))
    }

    /// The object or array that begins at `at`.
    fn inner<'p>(
        &mut self,
        walk: &mut Walk<'_, 'p>,
        at: usize,
        path: &'p [u8],
        depth: usize,
    ) -> Result<Ended, GjsonError> {
        if depth >= MAX_DEPTH {
            return Err(GjsonError::PathTooDeep);
        }
        match walk.json.get(at) {
            Some(b'{') => self.object(walk, at + 1, path, depth + 1),
            _ => self.array(walk, at + 1, path, depth + 1),
        }
    }

    /// The elements of an array from `at` on, behind its bracket; the end of the document closes it too.
    pub(super) fn array<'p>(
        &mut self,
        walk: &mut Walk<'_, 'p>,
        mut at: usize,
        path: &'p [u8],
        depth: usize,
    ) -> Result<Ended, GjsonError> {
        let step = array_step(path);
        if let Rest::Pipe(pipe) = step.rest {
            walk.pipe = Some(pipe);
        }
        let digits = !step.part.is_empty() && step.part.iter().all(u8::is_ascii_digit) && !step.hash;
        let number = |part: &[u8]| {
            part.iter().fold(0_u64, |n, digit| n.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
        };
        let index = digits.then(|| number(step.part));
        let mut all = Elements { step, index, found: None, starts: Vec::new(), count: 0 };
        let json = walk.json;
        while at <= json.len() {
            all.count += 1;
            if all.step.each.is_some() {
                all.starts.push(at);
            }
            let end = loop {
                if at >= json.len() || json.get(at) == Some(&b']') {
                    return self.end_array(walk, all, at, depth);
                }
                match self.element(walk, &mut all, at, depth)? {
                    None => at += 1,
                    Some(ended) => break ended,
                }
            };
            if end.1 {
                return Ok(end);
            }
            at = end.0;
        }
        Ok((at, false))
    }

    /// What begins at `at`, if it is an element.
    fn element<'p>(
        &mut self,
        walk: &mut Walk<'_, 'p>,
        all: &mut Elements<'p>,
        at: usize,
        depth: usize,
    ) -> Result<Option<Ended>, GjsonError> {
        let json = walk.json;
        let start = start(json, at);
        if matches!(start, Start::Other) {
            return Ok(None);
        }
        let fits = all.index.is_some_and(|index| index == all.count - 1);
        if let (Start::Open, Rest::More(next), true) = (&start, all.step.rest, fits) {
            return self.inner(walk, at, next, depth).map(Some);
        }
        // Nothing comes behind a string that does not end, not even the end of the array.
        let Some((kind, end)) = plain(json, at, &start) else { return Ok(Some((json.len() + 1, false))) };
        let raw = json.get(at..end.min(json.len()));
        let Some(value) = raw.and_then(|raw| Value::new(kind, raw)) else { return Ok(Some((end, false))) };
        if all.step.query.is_some() {
            let hit = self.ask(walk, all, value, depth)?;
            return Ok(Some((end, hit)));
        }
        let hit = fits && !matches!(all.step.rest, Rest::More(_));
        if hit {
            walk.value = Some(value);
        }
        Ok(Some((end, hit)))
    }

    /// Asks a query about an element; true ends the walk.
    fn ask<'a, 'p>(
        &mut self,
        walk: &mut Walk<'a, 'p>,
        all: &mut Elements<'p>,
        element: Value<'a>,
        depth: usize,
    ) -> Result<bool, GjsonError> {
        let Some(condition) = &all.step.query else { return Ok(false) };
        if condition.all {
            all.found.get_or_insert_default();
        }
        if !self.selects(condition, &element, depth)? {
            return Ok(false);
        }
        let (every, value) = (
            condition.all,
            match all.step.rest {
                Rest::More(path) => {
                    let (path, pipe) = split_pipe(path);
                    if pipe.is_some() {
                        (walk.pipe, all.step.rest) = (pipe, Rest::More(path));
                    }
                    self.get(&element.raw, path, depth + 1)?.map(Value::into_owned)
                }
                _ => Some(element),
            },
        );
        if !every {
            walk.value = value;
            return Ok(true);
        }
        if let (Some(found), Some(value)) = (&mut all.found, value) {
            self.spend(value.raw.len())?;
            if !found.is_empty() {
                found.push(b',');
            }
            found.extend_from_slice(&value.raw);
        }
        Ok(false)
    }

    fn selects(
        &mut self,
        condition: &Query<'_>,
        element: &Value<'_>,
        depth: usize,
    ) -> Result<bool, GjsonError> {
        if element.kind != Kind::Json {
            self.spend(query::cost(Some(element), condition))?;
            return Ok(condition.path.is_empty() && query::matches(Some(element), condition));
        }
        let left = self.get(&element.raw, condition.path, depth + 1)?;
        self.spend(query::cost(left.as_ref(), condition))?;
        Ok(query::matches(left.as_ref(), condition))
    }

    fn end_array<'p>(
        &mut self,
        walk: &mut Walk<'_, 'p>,
        all: Elements<'p>,
        at: usize,
        depth: usize,
    ) -> Result<Ended, GjsonError> {
        if all.step.hash && all.step.part == b"#" {
            let (value, pipe) = match all.step.each {
                None => {
                    let count = (all.count - 1).to_string().into_bytes();
                    (Value::made(Kind::Number, Zeroizing::new(count)), None)
                }
                Some(path) => {
                    let (path, pipe) = split_pipe(path);
                    (self.of_each(walk.json, &all.starts, path, depth)?, pipe)
                }
            };
            walk.pipe = pipe.or(walk.pipe);
            walk.value = Some(value);
            return Ok((at + 1, true));
        }
        if walk.value.is_none() && all.step.query.is_some_and(|query| query.all) {
            let mut raw = Zeroizing::new(b"[".to_vec());
            raw.extend_from_slice(all.found.as_deref().map_or(&[], Vec::as_slice));
            raw.push(b']');
            walk.value = Some(Value::made(Kind::Json, raw));
        }
        Ok((at + 1, false))
    }

    /// What a path finds in each of the elements that begin at `starts`, as an array.
    fn of_each(
        &mut self,
        json: &[u8],
        starts: &[usize],
        path: &[u8],
        depth: usize,
    ) -> Result<Value<'static>, GjsonError> {
        let mut raw = Zeroizing::new(b"[".to_vec());
        for from in starts {
            let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
            let from = from + json.iter().skip(*from).take_while(blank).count();
            if from >= json.len() || json.get(from) == Some(&b']') {
                continue;
            }
            let Some((element, _)) = next(json, from) else { continue };
            let Some(found) = self.get(&element.raw, path, depth + 1)? else { continue };
            self.spend(found.raw.len())?;
            if raw.len() > 1 {
                raw.push(b',');
            }
            raw.extend_from_slice(&found.raw);
        }
        raw.push(b']');
        Ok(Value::made(Kind::Json, raw))
    }
}
