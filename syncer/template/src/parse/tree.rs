//! The parser: from tokens to trees, with Go's words for what it does not take.

use std::collections::BTreeMap;

use super::lex::{Kind, Lexer, Token};
use super::{Branch, Node};
use crate::gofmt::quote;

/// Deepest nesting of parentheses, and of blocks.
pub(super) const MAX_NESTING: usize = 100;

/// The trees of a template by name: its own and those that it defines.
pub(crate) type Trees = BTreeMap<Vec<u8>, Vec<Node>>;

/// Why a text is no template.
#[derive(Clone, Debug)]
pub(crate) struct ParseError {
    /// The line from 1.
    pub(crate) line: usize,
    /// What is wrong, in Go's words. All of it comes from the template's text.
    pub(crate) text: String,
}

/// Parses a text; `known` tells which functions there are.
pub(crate) fn parse(
    name: &str,
    source: &str,
    delimiters: (&str, &str),
    known: &dyn Fn(&str) -> bool,
) -> Result<Trees, ParseError> {
    let lexer = Lexer::new(source, delimiters.0, delimiters.1);
    let mut parser = Parser { lexer, name, trees: Trees::new(), tree: Tree::default(), known, depth: 0 };
    let root = parser.top_level()?;
    parser.add(name.as_bytes().to_vec(), root)?;
    Ok(parser.trees)
}

/// What a part of the parser gives.
pub(super) type Parsed<T> = Result<T, ParseError>;

/// What belongs to the tree being parsed: tokens put back, variables in scope, loops around.
#[derive(Default)]
pub(super) struct Tree {
    put_back: Vec<Token>,
    line: usize,
    pub(super) vars: Vec<String>,
    ranges: usize,
    action_line: usize,
}

impl Tree {
    fn new() -> Self {
        Self { vars: vec!["$".to_owned()], ..Self::default() }
    }
}

/// The parser: tokens, the trees so far, the tree being parsed.
pub(super) struct Parser<'s, 'k> {
    lexer: Lexer<'s>,
    name: &'s str,
    trees: Trees,
    pub(super) tree: Tree,
    pub(super) known: &'k dyn Fn(&str) -> bool,
    pub(super) depth: usize,
}

/// What ends a list of nodes.
enum Ending {
    End,
    Else,
    /// `else if` or `else with`, whose second word comes next.
    ElseControl,
}

/// One node, or the end of a list.
enum Item {
    Node(Node),
    Ending(Ending),
}

impl Ending {
    fn shown(&self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else | Self::ElseControl => "{{else}}",
        }
    }
}

impl Parser<'_, '_> {
    pub(super) fn fail<T>(&self, text: impl Into<String>) -> Parsed<T> {
        Err(ParseError { line: self.tree.line, text: text.into() })
    }

    pub(super) fn next(&mut self) -> Token {
        if let Some(token) = self.tree.put_back.pop() {
            return token;
        }
        let token = self.lexer.next_token();
        self.tree.line = token.line;
        token
    }

    pub(super) fn back(&mut self, token: Token) {
        self.tree.put_back.push(token);
    }

    pub(super) fn next_non_space(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    pub(super) fn peek(&mut self) -> Token {
        let token = self.next();
        self.back(token.clone());
        token
    }

    pub(super) fn peek_non_space(&mut self) -> Token {
        let token = self.next_non_space();
        self.back(token.clone());
        token
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(&token, context) }
    }

    pub(super) fn unexpected<T>(&self, token: &Token, context: &str) -> Parsed<T> {
        if token.kind == Kind::Error {
            let started = self.tree.action_line;
            let mut extra = String::new();
            if started != 0 && started != token.line {
                let action = if token.text.ends_with(" action") { "" } else { " in action" };
                extra = format!("{action} started at {}:{started}", self.name);
            }
            return self.fail(format!("{}{extra}", token.text));
        }
        self.fail(format!("unexpected {} in {context}", token.shown()))
    }

    /// The whole text, with its definitions.
    fn top_level(&mut self) -> Parsed<Vec<Node>> {
        self.tree = Tree::new();
        let mut nodes = Vec::new();
        loop {
            let token = self.peek();
            if token.kind == Kind::Eof {
                return Ok(nodes);
            }
            if token.kind == Kind::LeftDelim {
                let delim = self.next();
                let word = self.next_non_space();
                if word.kind == Kind::Define {
                    self.definition()?;
                    continue;
                }
                self.back(word);
                self.back(delim);
            }
            match self.text_or_action()? {
                Item::Node(node) => nodes.push(node),
                Item::Ending(ending) => return self.fail(format!("unexpected {}", ending.shown())),
            }
        }
    }

    /// The word `define` has been read.
    fn definition(&mut self) -> Parsed<()> {
        let outer = std::mem::replace(&mut self.tree, Tree::new());
        let context = "define clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, context)?;
        self.expect(Kind::RightDelim, context)?;
        self.body(name, context)?;
        self.tree = outer;
        Ok(())
    }

    /// The list up to the `end` of a definition or block.
    fn body(&mut self, name: Vec<u8>, context: &str) -> Parsed<()> {
        let (nodes, ending) = self.item_list()?;
        if !matches!(ending, Ending::End) {
            return self.fail(format!("unexpected {} in {context}", ending.shown()));
        }
        self.add(name, nodes)
    }

    fn add(&mut self, name: Vec<u8>, nodes: Vec<Node>) -> Parsed<()> {
        let is_empty = |nodes: &[Node]| nodes.iter().all(Node::is_empty);
        if self.trees.get(&name).is_none_or(|old| is_empty(old)) {
            self.trees.insert(name, nodes);
        } else if !is_empty(&nodes) {
            return self.fail(format!("template: multiple definition of template {}", quote::shown(&name)));
        }
        Ok(())
    }

    /// Nodes up to `end` or `else`.
    fn item_list(&mut self) -> Parsed<(Vec<Node>, Ending)> {
        if self.depth >= MAX_NESTING {
            return self.fail(format!("blocks nested deeper than {MAX_NESTING} levels"));
        }
        self.depth += 1;
        let mut nodes = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Item::Node(node) => nodes.push(node),
                Item::Ending(ending) => {
                    self.depth -= 1;
                    return Ok((nodes, ending));
                }
            }
        }
        self.fail("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.pos, token.text))),
            Kind::LeftDelim => {
                self.tree.action_line = token.line;
                let item = self.action()?;
                self.tree.action_line = 0;
                Ok(item)
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    /// What stands behind a left delimiter.
    fn action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        let node = match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => self.loop_word("{{break}}", Node::Break(token.pos))?,
            Kind::Continue => self.loop_word("{{continue}}", Node::Continue(token.pos))?,
            Kind::Else => return self.else_control().map(Item::Ending),
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Item::Ending(Ending::End));
            }
            Kind::If | Kind::Range | Kind::With => self.control(token.kind)?,
            Kind::Template => self.template()?,
            _ => {
                self.back(token);
                let pos = self.peek().pos;
                Node::Action(pos, self.pipeline("command", Kind::RightDelim)?)
            }
        };
        Ok(Item::Node(node))
    }

    fn loop_word(&mut self, word: &str, node: Node) -> Parsed<Node> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return self.unexpected(&token, word);
        }
        if self.tree.ranges == 0 {
            return self.fail(format!("{word} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    fn else_control(&mut self) -> Parsed<Ending> {
        if matches!(self.peek_non_space().kind, Kind::If | Kind::With) {
            return Ok(Ending::ElseControl);
        }
        self.expect(Kind::RightDelim, "else")?;
        Ok(Ending::Else)
    }

    /// `if`, `range` or `with`, whose word has been read.
    fn control(&mut self, kind: Kind) -> Parsed<Node> {
        let vars = self.tree.vars.len();
        let context = match kind {
            Kind::If => "if",
            Kind::Range => "range",
            _ => "with",
        };
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let in_range = usize::from(kind == Kind::Range);
        self.tree.ranges += in_range;
        let (list, ending) = self.item_list()?;
        self.tree.ranges -= in_range;
        let else_list = match ending {
            Ending::End => None,
            _ => Some(self.else_list(kind)?),
        };
        self.tree.vars.truncate(vars);
        let branch = Branch { pos: pipe.pos, pipe, list, else_list };
        Ok(match kind {
            Kind::If => Node::If(branch),
            Kind::Range => Node::Range(branch),
            _ => Node::With(branch),
        })
    }

    /// What follows `else`; `else if` and `else with` share the one `end`.
    fn else_list(&mut self, kind: Kind) -> Parsed<Vec<Node>> {
        if kind != Kind::Range && self.peek().kind == kind {
            if self.depth >= MAX_NESTING {
                return self.fail(format!("blocks nested deeper than {MAX_NESTING} levels"));
            }
            self.depth += 1;
            self.next();
            let node = self.control(kind)?;
            self.depth -= 1;
            return Ok(vec![node]);
        }
        let (list, ending) = self.item_list()?;
        match ending {
            Ending::End => Ok(list),
            other => self.fail(format!("expected end; found {}", other.shown())),
        }
    }

    fn block(&mut self) -> Parsed<Node> {
        let context = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, context)?;
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let outer = std::mem::replace(&mut self.tree, Tree::new());
        self.body(name.clone(), context)?;
        self.tree = outer;
        Ok(Node::Template(token.pos, name, Some(pipe)))
    }

    fn template(&mut self) -> Parsed<Node> {
        let context = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, context)?;
        let next = self.next_non_space();
        let pipe = if next.kind == Kind::RightDelim {
            None
        } else {
            self.back(next);
            Some(self.pipeline(context, Kind::RightDelim)?)
        };
        Ok(Node::Template(token.pos, name, pipe))
    }

    fn template_name(&mut self, token: &Token, context: &str) -> Parsed<Vec<u8>> {
        match token.kind {
            Kind::String | Kind::RawString => self.unquote(&token.text),
            _ => self.unexpected(token, context),
        }
    }

    pub(super) fn unquote(&self, text: &str) -> Parsed<Vec<u8>> {
        quote::unquote(text.as_bytes()).map_or_else(|| self.fail("invalid syntax"), Ok)
    }
}
