//! Tokens to the tree of the first document: libyaml's grammar, with a stack of states in place of recursion.

mod flow;

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::scan::{Kind, Mark, Problem, Scanned, Scanner};
use super::{ErrorText, MAX_DEPTH, failure};

/// The nodes of a document; the root is the last closed.
pub(super) struct Tree {
    nodes: Vec<Node>,
    root: usize,
}

/// One node.
pub(super) enum Node {
    Scalar(Scalar),
    Sequence(Vec<usize>),
    /// Keys and values by turns.
    Mapping(Vec<usize>),
    Alias {
        name: Zeroizing<String>,
        target: usize,
    },
}

/// A scalar as written.
pub(super) struct Scalar {
    /// The whole tag, empty without one.
    pub(super) tag: Zeroizing<Vec<u8>>,
    pub(super) value: Zeroizing<Vec<u8>>,
    /// Plain without a tag, or with the tag `!`.
    pub(super) implicit: bool,
}

impl Tree {
    pub(super) fn root(&self) -> usize {
        self.root
    }

    pub(super) fn node(&self, place: usize) -> Option<&Node> {
        self.nodes.get(place)
    }
}

/// Reads the first document; an empty text is an empty scalar, which is null.
pub(super) fn document(text: &[u8]) -> Result<Tree, ErrorText> {
    let mut composer = Composer::default();
    let mut parser = Parser::new(text);
    loop {
        let event = parser.event().map_err(|problem| problem.text())?;
        if !composer.add(event)? {
            break;
        }
    }
    if composer.tree.is_empty() {
        let empty = Scalar { tag: Zeroizing::default(), value: Zeroizing::default(), implicit: true };
        composer.tree.push(Node::Scalar(empty));
    }
    Ok(Tree { nodes: composer.tree, root: 0 })
}

enum Event {
    StreamStart,
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias(Zeroizing<String>),
    Scalar { anchor: Option<Zeroizing<String>>, scalar: Scalar },
    SequenceStart { anchor: Option<Zeroizing<String>> },
    MappingStart { anchor: Option<Zeroizing<String>> },
    End,
}

#[derive(Default)]
struct Composer {
    tree: Vec<Node>,
    open: Vec<usize>,
    anchors: HashMap<String, usize>,
}

impl Composer {
    /// False once the document is complete.
    fn add(&mut self, event: Event) -> Result<bool, ErrorText> {
        match event {
            Event::StreamStart | Event::DocumentStart => {}
            Event::StreamEnd | Event::DocumentEnd => return Ok(false),
            Event::Alias(name) => match self.anchors.get(name.as_str()).copied() {
                Some(target) => {
                    self.child(Node::Alias { name, target }, None);
                }
                None => {
                    return Err(failure(&format!("unknown anchor '{}' referenced", *name)));
                }
            },
            Event::Scalar { anchor, scalar } => {
                self.child(Node::Scalar(scalar), anchor);
            }
            Event::SequenceStart { anchor } => self.open(Node::Sequence(Vec::new()), anchor)?,
            Event::MappingStart { anchor } => self.open(Node::Mapping(Vec::new()), anchor)?,
            Event::End => {
                self.open.pop();
            }
        }
        Ok(true)
    }

    fn open(&mut self, node: Node, anchor: Option<Zeroizing<String>>) -> Result<(), ErrorText> {
        if self.open.len() >= MAX_DEPTH {
            return Err(failure(&format!("exceeded max depth of {MAX_DEPTH}")));
        }
        let place = self.child(node, anchor);
        self.open.push(place);
        Ok(())
    }

    fn child(&mut self, node: Node, anchor: Option<Zeroizing<String>>) -> usize {
        let place = self.tree.len();
        if let Some(Node::Sequence(children) | Node::Mapping(children)) =
            self.open.last().and_then(|&parent| self.tree.get_mut(parent))
        {
            children.push(place);
        }
        self.tree.push(node);
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor.to_string(), place);
        }
        place
    }
}

#[derive(Clone, Copy)]
enum State {
    StreamStart,
    DocumentStart { implicit: bool },
    DocumentContent,
    DocumentEnd,
    BlockNode,
    SequenceEntry { first: bool },
    IndentlessEntry,
    MappingKey { first: bool },
    MappingValue,
    FlowSequenceEntry { first: bool },
    PairKey,
    PairValue,
    PairEnd,
    FlowMappingKey { first: bool },
    FlowMappingValue { empty: bool },
    End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Block { indentless: bool },
    Flow,
}

/// The anchor and the tag of a node.
type Properties = (Option<Zeroizing<String>>, Zeroizing<Vec<u8>>);

struct Parser {
    scanner: Scanner,
    state: State,
    states: Vec<State>,
    marks: Vec<Mark>,
    tags: HashMap<String, String>,
}

impl Parser {
    fn new(text: &[u8]) -> Self {
        Self {
            scanner: Scanner::new(text),
            state: State::StreamStart,
            states: Vec::new(),
            marks: Vec::new(),
            tags: HashMap::new(),
        }
    }

    fn event(&mut self) -> Scanned<Event> {
        match self.state {
            State::StreamStart => {
                self.take()?;
                self.state = State::DocumentStart { implicit: true };
                Ok(Event::StreamStart)
            }
            State::DocumentStart { implicit } => self.document_start(implicit),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(Place::Block { indentless: false }),
            State::SequenceEntry { first } => self.sequence_entry(first),
            State::IndentlessEntry => self.indentless_entry(),
            State::MappingKey { first } => self.mapping_key(first),
            State::MappingValue => self.mapping_value(),
            State::FlowSequenceEntry { first } => self.flow_sequence_entry(first),
            State::PairKey => self.pair_key(),
            State::PairValue => self.pair_value(),
            State::PairEnd => {
                self.peek()?;
                self.state = State::FlowSequenceEntry { first: false };
                Ok(Event::End)
            }
            State::FlowMappingKey { first } => self.flow_mapping_key(first),
            State::FlowMappingValue { empty } => self.flow_mapping_value(empty),
            State::End => Ok(Event::StreamEnd),
        }
    }

    fn peek(&mut self) -> Scanned<&Kind> {
        self.scanner.peek().map(|token| &token.kind)
    }

    fn start(&mut self) -> Scanned<Mark> {
        self.scanner.peek().map(|token| token.start)
    }

    /// Takes the next token; gives its place.
    fn take(&mut self) -> Scanned<Mark> {
        let mark = self.start()?;
        self.scanner.skip_token();
        Ok(mark)
    }

    fn problem<T>(&mut self, context: Option<Mark>, text: &str) -> Scanned<T> {
        let mark = self.start()?;
        Err(Problem { context: context.unwrap_or_default(), text: text.to_owned(), mark, scanner: false })
    }

    fn pop_state(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    fn pop_mark(&mut self) -> Option<Mark> {
        self.marks.pop()
    }

    /// Reads a node and goes on with `next`.
    fn node_then(&mut self, next: State, place: Place) -> Scanned<Event> {
        self.states.push(next);
        self.node(place)
    }

    /// An empty scalar in place of a node.
    fn empty_then(&mut self, next: State) -> Event {
        self.state = next;
        empty(None, Zeroizing::default(), true)
    }

    fn document_start(&mut self, implicit: bool) -> Scanned<Event> {
        while !implicit && matches!(self.peek()?, Kind::DocumentEnd) {
            self.scanner.skip_token();
        }
        match self.peek()? {
            Kind::StreamEnd => {
                self.scanner.skip_token();
                self.state = State::End;
                return Ok(Event::StreamEnd);
            }
            Kind::Version { .. } | Kind::TagDirective { .. } | Kind::DocumentStart => {}
            _ if implicit => {
                self.directives()?;
                self.states.push(State::DocumentEnd);
                self.state = State::BlockNode;
                return Ok(Event::DocumentStart);
            }
            _ => {}
        }
        self.directives()?;
        if !matches!(self.peek()?, Kind::DocumentStart) {
            return self.problem(None, "did not find expected <document start>");
        }
        self.scanner.skip_token();
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        Ok(Event::DocumentStart)
    }

    fn directives(&mut self) -> Scanned<()> {
        let mut version = false;
        loop {
            match self.peek()?.clone() {
                Kind::Version { .. } if version => {
                    return self.problem(None, "found duplicate %YAML directive");
                }
                Kind::Version { major: 1, minor: 1 } => version = true,
                Kind::Version { .. } => return self.problem(None, "found incompatible YAML document"),
                Kind::TagDirective { handle, .. } if self.tags.contains_key(&handle) => {
                    return self.problem(None, "found duplicate %TAG directive");
                }
                Kind::TagDirective { handle, prefix } => {
                    self.tags.insert(handle, prefix);
                }
                _ => break,
            }
            self.scanner.skip_token();
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            self.tags.entry(handle.to_owned()).or_insert_with(|| prefix.to_owned());
        }
        Ok(())
    }

    fn document_content(&mut self) -> Scanned<Event> {
        match self.peek()? {
            Kind::Version { .. }
            | Kind::TagDirective { .. }
            | Kind::DocumentStart
            | Kind::DocumentEnd
            | Kind::StreamEnd => {
                self.pop_state();
                Ok(empty(None, Zeroizing::default(), true))
            }
            _ => self.node(Place::Block { indentless: false }),
        }
    }

    fn document_end(&mut self) -> Scanned<Event> {
        if matches!(self.peek()?, Kind::DocumentEnd) {
            self.scanner.skip_token();
        }
        self.tags.clear();
        self.state = State::DocumentStart { implicit: false };
        Ok(Event::DocumentEnd)
    }

    fn node(&mut self, place: Place) -> Scanned<Event> {
        if let Kind::Alias(name) = self.peek()? {
            let name = name.clone();
            self.pop_state();
            self.scanner.skip_token();
            return Ok(Event::Alias(name));
        }
        let start = self.start()?;
        let (anchor, tag) = self.properties(start)?;
        match self.peek()? {
            Kind::BlockEntry if place == (Place::Block { indentless: true }) => {
                self.state = State::IndentlessEntry;
                Ok(Event::SequenceStart { anchor })
            }
            Kind::Scalar { value, plain } => {
                let implicit = (tag.is_empty() && *plain) || *tag == *b"!";
                let scalar = Scalar { value: value.clone(), implicit, tag };
                self.pop_state();
                self.scanner.skip_token();
                Ok(Event::Scalar { anchor, scalar })
            }
            Kind::FlowSequenceStart => {
                self.state = State::FlowSequenceEntry { first: true };
                Ok(Event::SequenceStart { anchor })
            }
            Kind::FlowMappingStart => {
                self.state = State::FlowMappingKey { first: true };
                Ok(Event::MappingStart { anchor })
            }
            Kind::BlockSequenceStart if place != Place::Flow => {
                self.state = State::SequenceEntry { first: true };
                Ok(Event::SequenceStart { anchor })
            }
            Kind::BlockMappingStart if place != Place::Flow => {
                self.state = State::MappingKey { first: true };
                Ok(Event::MappingStart { anchor })
            }
            _ if anchor.is_some() || !tag.is_empty() => {
                self.pop_state();
                let implicit = tag.is_empty();
                Ok(empty(anchor, tag, implicit))
            }
            _ => self.problem(Some(start), "did not find expected node content"),
        }
    }

    /// Anchor and tag before a node, in either order.
    fn properties(&mut self, start: Mark) -> Scanned<Properties> {
        let (mut anchor, mut tag) = (None, None);
        loop {
            let mark = self.start()?;
            match self.peek()?.clone() {
                Kind::Anchor(name) if anchor.is_none() => anchor = Some(name),
                Kind::Tag { handle, suffix } if tag.is_none() => tag = Some((handle, suffix, mark)),
                _ => break,
            }
            self.scanner.skip_token();
        }
        let mut full = Zeroizing::new(Vec::new());
        if let Some((handle, suffix, mark)) = tag {
            if !handle.is_empty() {
                let prefix = self.tags.get(&handle).map(String::as_bytes).unwrap_or_default();
                full.extend_from_slice(prefix);
                if prefix.is_empty() {
                    let text = "found undefined tag handle".to_owned();
                    return Err(Problem { context: start, text, mark, scanner: false });
                }
            }
            full.extend_from_slice(&suffix);
        }
        Ok((anchor, full))
    }

    fn sequence_entry(&mut self, first: bool) -> Scanned<Event> {
        if first {
            let mark = self.take()?;
            self.marks.push(mark);
        }
        match self.peek()? {
            Kind::BlockEntry => {
                self.scanner.skip_token();
                let next = State::SequenceEntry { first: false };
                match self.peek()? {
                    Kind::BlockEntry | Kind::BlockEnd => Ok(self.empty_then(next)),
                    _ => self.node_then(next, Place::Block { indentless: false }),
                }
            }
            Kind::BlockEnd => Ok(self.collection_end()),
            _ => {
                let context = self.pop_mark();
                self.problem(context, "did not find expected '-' indicator")
            }
        }
    }

    fn collection_end(&mut self) -> Event {
        self.pop_state();
        self.pop_mark();
        self.scanner.skip_token();
        Event::End
    }

    fn indentless_entry(&mut self) -> Scanned<Event> {
        if !matches!(self.peek()?, Kind::BlockEntry) {
            self.pop_state();
            return Ok(Event::End);
        }
        self.scanner.skip_token();
        match self.peek()? {
            Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd => {
                Ok(self.empty_then(State::IndentlessEntry))
            }
            _ => self.node_then(State::IndentlessEntry, Place::Block { indentless: false }),
        }
    }

    fn mapping_key(&mut self, first: bool) -> Scanned<Event> {
        if first {
            let mark = self.take()?;
            self.marks.push(mark);
        }
        match self.peek()? {
            Kind::Key => {
                self.scanner.skip_token();
                match self.peek()? {
                    Kind::Key | Kind::Value | Kind::BlockEnd => Ok(self.empty_then(State::MappingValue)),
                    _ => self.node_then(State::MappingValue, Place::Block { indentless: true }),
                }
            }
            Kind::BlockEnd => Ok(self.collection_end()),
            _ => {
                let context = self.pop_mark();
                self.problem(context, "did not find expected key")
            }
        }
    }

    fn mapping_value(&mut self) -> Scanned<Event> {
        let next = State::MappingKey { first: false };
        if matches!(self.peek()?, Kind::Value) {
            self.scanner.skip_token();
            if !matches!(self.peek()?, Kind::Key | Kind::Value | Kind::BlockEnd) {
                return self.node_then(next, Place::Block { indentless: true });
            }
        }
        Ok(self.empty_then(next))
    }
}

fn empty(anchor: Option<Zeroizing<String>>, tag: Zeroizing<Vec<u8>>, implicit: bool) -> Event {
    Event::Scalar { anchor, scalar: Scalar { tag, value: Zeroizing::default(), implicit } }
}
