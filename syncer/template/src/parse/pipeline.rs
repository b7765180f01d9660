//! The parser's part inside an action: pipelines, commands, operands.

use super::lex::Kind;
use super::tree::{MAX_NESTING, Parsed, Parser};
use super::{Command, Expr, Number, Pipe, Pos, Variable};
use crate::gofmt::quote;

impl Parser<'_, '_> {
    /// The word before it has been read; `context` names it in errors.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let pos = self.peek_non_space().pos;
        let mut pipe = Pipe { pos, is_assign: false, decl: Vec::new(), commands: Vec::new() };
        while self.declaration(&mut pipe, context)? {}
        loop {
            let token = self.next_non_space();
            if token.kind == end {
                self.check_pipeline(&pipe, context)?;
                return Ok(pipe);
            }
            if !starts_operand(token.kind) {
                return self.unexpected(&token, context);
            }
            self.back(token);
            pipe.commands.push(self.command()?);
        }
    }

    /// One variable that is declared or assigned; true if another may follow.
    fn declaration(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<bool> {
        let variable = self.next_non_space();
        if variable.kind != Kind::Variable {
            self.back(variable);
            return Ok(false);
        }
        let after = self.next();
        let next = if after.kind == Kind::Space { self.next_non_space() } else { after.clone() };
        match next.kind {
            Kind::Assign | Kind::Declare => {
                pipe.is_assign = next.kind == Kind::Assign;
                self.declare(pipe, variable.text);
                Ok(false)
            }
            Kind::Char if next.text == "," => {
                self.declare(pipe, variable.text);
                if context != "range" || pipe.decl.len() >= 2 {
                    return self.fail(format!("too many declarations in {context}"));
                }
                match self.peek_non_space().kind {
                    Kind::Variable | Kind::RightDelim | Kind::RightParen => Ok(true),
                    _ => self.fail("range can only initialize variables"),
                }
            }
            _ => {
                self.back(next);
                if after.kind == Kind::Space {
                    self.back(after);
                }
                self.back(variable);
                Ok(false)
            }
        }
    }

    fn declare(&mut self, pipe: &mut Pipe, name: String) {
        self.tree.vars.push(name.clone());
        pipe.decl.push(Variable { name });
    }

    fn check_pipeline(&self, pipe: &Pipe, context: &str) -> Parsed<()> {
        if pipe.commands.is_empty() {
            return self.fail(format!("missing value for {context}"));
        }
        for (index, command) in pipe.commands.iter().enumerate().skip(1) {
            let first = command.args.first();
            if first.is_some_and(|arg| arg.is_literal() || matches!(arg, Expr::Dot(_))) {
                return self.fail(format!("non executable command in pipeline stage {}", index + 1));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Parsed<Command> {
        let pos = self.peek_non_space().pos;
        let mut args = Vec::new();
        loop {
            self.peek_non_space();
            args.extend(self.operand()?);
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.back(token),
                Kind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        if args.is_empty() {
            return self.fail("empty command");
        }
        Ok(Command { pos, args })
    }

    /// A term with the fields behind it; none if there is no term.
    fn operand(&mut self) -> Parsed<Option<Expr>> {
        let Some(term) = self.term()? else { return Ok(None) };
        let next = self.peek();
        if next.kind != Kind::Field {
            return Ok(Some(term));
        }
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Field {
            fields.extend(self.next().text.strip_prefix('.').map(str::to_owned));
        }
        Ok(Some(match term {
            Expr::Field(_, mut names) => {
                names.extend(fields);
                Expr::Field(next.pos, names)
            }
            Expr::Variable(_, mut names) => {
                names.extend(fields);
                Expr::Variable(next.pos, names)
            }
            term if term.is_literal() || matches!(term, Expr::Dot(_)) => {
                let shown = quote::shown(term.to_string().as_bytes());
                return self.fail(format!("unexpected . after term {shown}"));
            }
            term => Expr::Chain(next.pos, Box::new(term), fields),
        }))
    }

    fn term(&mut self) -> Parsed<Option<Expr>> {
        let token = self.next_non_space();
        let pos = token.pos;
        Ok(Some(match token.kind {
            Kind::Identifier => {
                if !(self.known)(&token.text) {
                    return self
                        .fail(format!("function {} not defined", quote::shown(token.text.as_bytes())));
                }
                Expr::Identifier(pos, token.text)
            }
            Kind::Dot => Expr::Dot(pos),
            Kind::Nil => Expr::Nil(pos),
            Kind::Variable => self.variable(pos, token.text)?,
            Kind::Field => Expr::Field(pos, vec![token.text.trim_start_matches('.').to_owned()]),
            Kind::Bool => Expr::Bool(pos, token.text == "true"),
            Kind::CharConstant => self.number(pos, Number::read_char(&token.text))?,
            Kind::Complex => self.number(pos, Number::read_complex(&token.text))?,
            Kind::Number => self.number(pos, Number::read(&token.text))?,
            Kind::LeftParen => self.parenthesized()?,
            Kind::String | Kind::RawString => {
                let value = self.unquote(&token.text)?;
                Expr::Text(pos, token.text, value)
            }
            _ => {
                self.back(token);
                return Ok(None);
            }
        }))
    }

    fn parenthesized(&mut self) -> Parsed<Expr> {
        if self.depth >= MAX_NESTING {
            return self.fail("max expression depth exceeded");
        }
        self.depth += 1;
        let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
        self.depth -= 1;
        Ok(Expr::Pipe(Box::new(pipe)))
    }

    fn number(&self, pos: Pos, number: Result<Number, String>) -> Parsed<Expr> {
        number.map_or_else(|text| self.fail(text), |number| Ok(Expr::Number(pos, number)))
    }

    fn variable(&self, pos: Pos, name: String) -> Parsed<Expr> {
        if !self.tree.vars.contains(&name) {
            return self.fail(format!("undefined variable {}", quote::shown(name.as_bytes())));
        }
        Ok(Expr::Variable(pos, vec![name]))
    }
}

fn starts_operand(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Bool
            | Kind::CharConstant
            | Kind::Complex
            | Kind::Dot
            | Kind::Field
            | Kind::Identifier
            | Kind::Number
            | Kind::Nil
            | Kind::RawString
            | Kind::String
            | Kind::Variable
            | Kind::LeftParen
    )
}
