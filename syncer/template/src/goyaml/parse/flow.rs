//! The grammar within brackets: `[a, b: c]` and `{a: b}`.

use super::super::scan::{Kind, Scanned};
use super::{Event, Parser, Place, State};

impl Parser {
    pub(super) fn flow_sequence_entry(&mut self, first: bool) -> Scanned<Event> {
        if first {
            let mark = self.take()?;
            self.marks.push(mark);
        } else {
            match self.peek()? {
                Kind::FlowSequenceEnd => return Ok(self.collection_end()),
                Kind::FlowEntry => self.scanner.skip_token(),
                _ => {
                    let context = self.pop_mark();
                    return self.problem(context, "did not find expected ',' or ']'");
                }
            }
        }
        match self.peek()? {
            Kind::FlowSequenceEnd => Ok(self.collection_end()),
            Kind::Key => {
                self.scanner.skip_token();
                self.state = State::PairKey;
                Ok(Event::MappingStart { anchor: None })
            }
            _ => self.node_then(State::FlowSequenceEntry { first: false }, Place::Flow),
        }
    }

    pub(super) fn pair_key(&mut self) -> Scanned<Event> {
        match self.peek()? {
            Kind::Value | Kind::FlowEntry | Kind::FlowSequenceEnd => {
                self.scanner.skip_token(); // as Go does
                Ok(self.empty_then(State::PairValue))
            }
            _ => self.node_then(State::PairValue, Place::Flow),
        }
    }

    pub(super) fn pair_value(&mut self) -> Scanned<Event> {
        if matches!(self.peek()?, Kind::Value) {
            self.scanner.skip_token();
            if !matches!(self.peek()?, Kind::FlowEntry | Kind::FlowSequenceEnd) {
                return self.node_then(State::PairEnd, Place::Flow);
            }
        }
        Ok(self.empty_then(State::PairEnd))
    }

    pub(super) fn flow_mapping_key(&mut self, first: bool) -> Scanned<Event> {
        if first {
            let mark = self.take()?;
            self.marks.push(mark);
        } else {
            match self.peek()? {
                Kind::FlowMappingEnd => return Ok(self.collection_end()),
                Kind::FlowEntry => self.scanner.skip_token(),
                _ => {
                    let context = self.pop_mark();
                    return self.problem(context, "did not find expected ',' or '}'");
                }
            }
        }
        match self.peek()? {
            Kind::FlowMappingEnd => Ok(self.collection_end()),
            Kind::Key => {
                self.scanner.skip_token();
                let next = State::FlowMappingValue { empty: false };
                match self.peek()? {
                    Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd => Ok(self.empty_then(next)),
                    _ => self.node_then(next, Place::Flow),
                }
            }
            _ => self.node_then(State::FlowMappingValue { empty: true }, Place::Flow),
        }
    }

    pub(super) fn flow_mapping_value(&mut self, empty: bool) -> Scanned<Event> {
        let next = State::FlowMappingKey { first: false };
        if matches!(self.peek()?, Kind::Value) && !empty {
            self.scanner.skip_token();
            if !matches!(self.peek()?, Kind::FlowEntry | Kind::FlowMappingEnd) {
                return self.node_then(next, Place::Flow);
            }
        }
        Ok(self.empty_then(next))
    }
}
