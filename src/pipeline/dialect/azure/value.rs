//! A file's tree with its template expressions worked in: what `${{ if }}`,
//! `${{ each }}` and `${{ insert }}` put in stands in place, parameters that are
//! known are their values, and each node still knows where it was written.

use std::cell::Cell;
use std::rc::Rc;

use super::condition;
use super::expression::{self, Directive};
use crate::pipeline::graph::{At, Path, Seg, Span};
use crate::pipeline::yaml::{Id, Tree, Value};

/// Most nodes below one value; larger ones are taken for empty.
const MAX_SIZE: u32 = 400_000;

/// A node.
#[derive(Clone)]
pub(super) struct Val {
    kind: Kind,
    /// Where it is written.
    pub span: Span,
    trail: Trail,
    /// The conditions it was inserted under.
    pub when: Option<Rc<str>>,
    /// Whether it is an alias, has an anchor, or came in through a merge key.
    pub shared: bool,
    size: u32,
}

#[derive(Clone)]
enum Kind {
    Text { text: Rc<str>, null: bool },
    Seq(Rc<Vec<Val>>),
    Map(Rc<Vec<Member>>),
}

/// An entry of a mapping.
#[derive(Clone)]
pub(super) struct Member {
    /// Its key, as written but for parameters.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// Its value.
    pub value: Val,
}

impl Member {
    /// From the key to the end of the value, where both stand in one file.
    pub fn span(&self) -> Span {
        let value = self.value.span;
        let end = if value.file == self.key_span.file { value.end } else { self.key_span.end };
        Span { end: end.max(self.key_span.end), ..self.key_span }
    }
}

/// A path that shares its beginning with others.
#[derive(Clone, Default)]
pub(super) struct Trail(Option<Rc<(Trail, Seg)>>);

impl Trail {
    fn then(&self, seg: Seg) -> Trail {
        Trail(Some(Rc::new((self.clone(), seg))))
    }

    fn path(&self) -> Path {
        let mut path = Path::new();
        let mut at = self;
        while let Some(link) = &at.0 {
            path.push(link.1.clone());
            at = &link.0;
        }
        path.reverse();
        path
    }
}

impl Val {
    fn made(kind: Kind, span: Span, trail: Trail) -> Self {
        let size = match &kind {
            Kind::Text { .. } => 1,
            Kind::Seq(items) => items.iter().fold(1, |sum: u32, one| sum.saturating_add(one.size)),
            Kind::Map(members) => {
                members.iter().fold(1, |sum: u32, one| sum.saturating_add(one.value.size))
            }
        };
        if size > MAX_SIZE {
            return Val::empty(span, trail);
        }
        Val { kind, span, trail, when: None, shared: false, size }
    }

    fn empty(span: Span, trail: Trail) -> Self {
        Val::word("", true, span, trail)
    }

    fn word(text: &str, null: bool, span: Span, trail: Trail) -> Self {
        Val::made(Kind::Text { text: text.into(), null }, span, trail)
    }

    /// A mapping of these members, written where `at` is.
    pub fn map(members: Vec<Member>, at: &Val) -> Self {
        Val::made(Kind::Map(Rc::new(members)), at.span, at.trail.clone())
    }

    /// From its file's root to it.
    pub fn path(&self) -> Path {
        self.trail.path()
    }

    /// A mapping's member; keys are compared without case.
    pub fn member(&self, key: &str) -> Option<&Member> {
        self.members().iter().find(|member| member.key.eq_ignore_ascii_case(key))
    }

    /// The value of [`Val::member`].
    pub fn get(&self, key: &str) -> Option<&Val> {
        self.member(key).map(|member| &member.value)
    }

    /// A mapping's members; none of anything else.
    pub fn members(&self) -> &[Member] {
        match &self.kind {
            Kind::Map(members) => members,
            _ => &[],
        }
    }

    /// A sequence's items; none of anything else.
    pub fn items(&self) -> &[Val] {
        match &self.kind {
            Kind::Seq(items) => items,
            _ => &[],
        }
    }

    pub fn is_seq(&self) -> bool {
        matches!(self.kind, Kind::Seq(_))
    }

    pub fn is_map(&self) -> bool {
        matches!(self.kind, Kind::Map(_))
    }

    /// A scalar's text; a null's is empty.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text { null: true, .. } => Some(""),
            Kind::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar that is not empty.
    pub fn filled(&self) -> Option<&str> {
        self.text().filter(|text| !text.is_empty())
    }

    /// A scalar that is not empty, with its place.
    pub fn at(&self) -> Option<At<String>> {
        self.filled().map(|text| At { value: text.to_owned(), span: self.span })
    }

    /// `true` or `false`, in any case and quotes.
    pub fn bool(&self) -> Option<bool> {
        let text = self.filled()?;
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        if is("true") {
            Some(true)
        } else if is("false") {
            Some(false)
        } else {
            None
        }
    }

    /// Itself where it is a scalar that is not empty, or a sequence's items.
    pub fn one_or_many(&self) -> Vec<&Val> {
        match &self.kind {
            Kind::Seq(items) => items.iter().collect(),
            _ if self.filled().is_some() => vec![self],
            _ => Vec::new(),
        }
    }

    /// The texts of [`Val::one_or_many`].
    pub fn texts(&self) -> Vec<String> {
        self.one_or_many().into_iter().filter_map(|one| one.filled().map(str::to_owned)).collect()
    }

    /// A scalar's text, or the words of a collection, one a line.
    pub fn written(&self) -> String {
        match &self.kind {
            Kind::Text { .. } => self.text().unwrap_or_default().to_owned(),
            Kind::Seq(items) => items.iter().map(Val::written).collect::<Vec<_>>().join("\n"),
            Kind::Map(members) => {
                let line = |one: &Member| format!("{}: {}", one.key, one.value.written());
                members.iter().map(line).collect::<Vec<_>>().join("\n")
            }
        }
    }

    /// Calls `visit` with each scalar at or below it.
    pub fn each_text(&self, visit: &mut dyn FnMut(&str, Span)) {
        match &self.kind {
            Kind::Text { text, .. } => visit(text, self.span),
            Kind::Seq(items) => items.iter().for_each(|item| item.each_text(visit)),
            Kind::Map(members) => members.iter().for_each(|one| one.value.each_text(visit)),
        }
    }

    /// Whether part of it stands in another file, or is an alias or has an anchor.
    pub fn elsewhere(&self) -> bool {
        self.shared
            || self.span.file != 0
            || match &self.kind {
                Kind::Text { .. } => false,
                Kind::Seq(items) => items.iter().any(Val::elsewhere),
                Kind::Map(members) => members.iter().any(|one| one.value.elsewhere()),
            }
    }

    /// The same, inserted under one more condition.
    pub fn under(mut self, when: Option<&Rc<str>>) -> Self {
        if let Some(outer) = when {
            self.when = Some(match &self.when {
                Some(inner) => format!("and({outer}, {inner})").into(),
                None => Rc::clone(outer),
            });
        }
        self
    }
}

/// Names that expressions may use: `parameters`, and what `each` runs over.
#[derive(Clone, Default)]
pub(super) struct Scope(Option<Rc<(Scope, String, Val)>>);

impl Scope {
    /// With one more name.
    pub fn with(&self, name: &str, value: Val) -> Scope {
        Scope(Some(Rc::new((self.clone(), name.to_owned(), value))))
    }

    /// What a plain reference (`parameters.a.b`, `item['key']`) stands for.
    pub fn lookup(&self, reference: &str) -> Option<Val> {
        let parts = expression::reference(reference)?;
        let (first, rest) = parts.split_first()?;
        let mut at = self;
        let mut value = loop {
            let link = at.0.as_ref()?;
            if link.1.eq_ignore_ascii_case(first) {
                break &link.2;
            }
            at = &link.0;
        };
        for part in rest {
            value = value.get(part)?;
        }
        Some(value.clone())
    }

    /// Whether a condition holds, where all that it needs is known.
    fn holds(&self, condition: &str) -> Option<bool> {
        condition::holds(condition, &|reference| {
            let value = self.lookup(reference)?;
            Some(value.text().map(str::to_owned))
        })
    }

    /// A text with the references replaced that stand for words.
    fn fill(&self, text: &str) -> String {
        expression::replace(text, &mut |inner| {
            self.lookup(inner).and_then(|value| value.text().map(str::to_owned))
        })
    }
}

/// Makes values of one file's tree.
pub(super) struct Builder<'t> {
    pub tree: &'t Tree,
    /// Its place among the files, as in [`Span::file`].
    pub file: u16,
    /// Nodes that may still be made.
    pub fuel: &'t Cell<u32>,
}

impl Builder<'_> {
    /// The file's top node.
    pub fn root(&self, scope: &Scope) -> Option<Val> {
        Some(self.build(self.tree.root()?, &Trail::default(), scope))
    }

    fn span(&self, range: std::ops::Range<usize>) -> Span {
        Span { file: self.file, ..Span::new(range) }
    }

    fn build(&self, id: Id, trail: &Trail, scope: &Scope) -> Val {
        let span = self.span(self.tree.span(id));
        let left = self.fuel.get();
        if left == 0 {
            return Val::empty(span, trail.clone());
        }
        self.fuel.set(left - 1);
        let mut value = match self.tree.value(id) {
            Value::Scalar { text, .. } => {
                self.scalar(text, self.tree.is_null(id), span, trail, scope)
            }
            Value::Seq(items) => {
                let items = self.sequence(items, trail, scope);
                Val::made(Kind::Seq(Rc::new(items)), span, trail.clone())
            }
            Value::Map(_) => {
                let members = self.mapping(id, trail, scope);
                Val::made(Kind::Map(Rc::new(members)), span, trail.clone())
            }
        };
        value.shared |= self.tree.is_alias(id) || self.tree.is_anchored(id);
        value
    }

    fn scalar(&self, text: &str, null: bool, span: Span, trail: &Trail, scope: &Scope) -> Val {
        if !text.contains("${{") {
            return Val::word(text, null, span, trail.clone());
        }
        let whole = expression::whole(text).and_then(|inner| scope.lookup(inner));
        match whole {
            Some(value) if value.text().is_none() => value,
            Some(value) => Val::word(value.text().unwrap_or_default(), false, span, trail.clone()),
            None => Val::word(&scope.fill(text), false, span, trail.clone()),
        }
    }

    /// The items, with those that expressions insert in place.
    fn sequence(&self, items: &[Id], trail: &Trail, scope: &Scope) -> Vec<Val> {
        let mut made = Vec::with_capacity(items.len());
        let mut chain = Chain::default();
        for (index, id) in items.iter().enumerate() {
            let trail = trail.then(Seg::Index(index));
            let entry = match self.tree.entries(*id) {
                [entry] => Some(entry),
                _ => None,
            };
            let directive = entry.and_then(|entry| {
                let directive = expression::directive(&entry.key)?;
                // Entries that `each` puts together are one item.
                let merges = matches!(directive, Directive::Each { .. })
                    && matches!(self.tree.value(entry.value), Value::Map(_));
                (!merges).then_some((entry, directive))
            });
            let Some((entry, directive)) = directive else {
                chain = Chain::default();
                let value = self.build(*id, &trail, scope);
                let listed = value.is_seq() && self.tree.text(*id).is_some();
                if listed {
                    made.extend(value.items().iter().cloned());
                } else {
                    made.push(value);
                }
                continue;
            };
            let trail = trail.then(Seg::Key(entry.key.clone()));
            let Some(when) = chain.take(&directive, scope) else { continue };
            for value in self.inserted(&directive, entry.value, &trail, scope) {
                if value.is_seq() {
                    made.extend(value.items().iter().map(|one| one.clone().under(when.as_ref())));
                } else if value.text() != Some("") {
                    made.push(value.under(when.as_ref()));
                }
            }
        }
        made
    }

    /// The members, with those that expressions insert in place; the first of a key
    /// stays, and of `if` and `else` the first.
    fn mapping(&self, id: Id, trail: &Trail, scope: &Scope) -> Vec<Member> {
        let mut made: Vec<Member> = Vec::new();
        let add = |made: &mut Vec<Member>, member: Member| {
            if !made.iter().any(|known| known.key.eq_ignore_ascii_case(&member.key)) {
                made.push(member);
            }
        };
        let mut chain = Chain::default();
        for entry in self.tree.entries(id) {
            let here = trail.then(Seg::Key(entry.key.clone()));
            match expression::directive(&entry.key) {
                Some(directive) => {
                    let Some(when) = chain.take(&directive, scope) else { continue };
                    chain.done |= when.is_some();
                    for value in self.inserted(&directive, entry.value, &here, scope) {
                        for member in value.members() {
                            add(&mut made, member.clone());
                        }
                    }
                }
                None => {
                    let mut value = self.build(entry.value, &here, scope);
                    value.shared |= entry.merged;
                    let key = if entry.key.contains("${{") {
                        scope.fill(&entry.key)
                    } else {
                        entry.key.clone()
                    };
                    let key_span = self.span(entry.key_span.clone());
                    let member = Member { key, key_span, value };
                    if entry.key.contains("${{") {
                        add(&mut made, member)
                    } else {
                        made.push(member)
                    }
                }
            }
        }
        made
    }

    /// What a directive puts in: once, or once for each mapping that `each` runs over.
    fn inserted(&self, directive: &Directive, body: Id, trail: &Trail, scope: &Scope) -> Vec<Val> {
        let Directive::Each { name, over } = directive else {
            return vec![self.build(body, trail, scope)];
        };
        let over = scope.lookup(over);
        let bound: Vec<Val> = match &over {
            Some(value) if value.is_map() => value.members().iter().map(pair).collect(),
            Some(value) if value.items().iter().any(Val::is_map) => value.items().to_vec(),
            // Nothing was handed over.
            Some(value) if value.items().is_empty() && value.filled().is_none() => Vec::new(),
            // A list of words gives copies: it is read once, as it is written.
            _ => return vec![self.build(body, trail, scope)],
        };
        let each = bound.into_iter();
        each.map(|value| self.build(body, trail, &scope.with(name, value))).collect()
    }
}

/// An entry as `each` sees it: `{key, value}`.
fn pair(member: &Member) -> Val {
    let key = Val::word(&member.key, false, member.key_span, member.value.trail.clone());
    let entry =
        |name: &str, value: Val| Member { key: name.to_owned(), key_span: member.key_span, value };
    Val::map(vec![entry("key", key), entry("value", member.value.clone())], &member.value)
}

/// The conditions of an `if` and what follows it so far, that may hold.
#[derive(Default)]
struct Chain {
    open: Vec<String>,
    /// Whether one surely holds, so that what follows does not.
    done: bool,
}

impl Chain {
    /// Whether a directive's body is read; `Some` has the condition it is under.
    fn take(&mut self, directive: &Directive, scope: &Scope) -> Option<Option<Rc<str>>> {
        let condition = match directive {
            Directive::Each { .. } | Directive::Insert => return Some(None),
            Directive::If(condition) => {
                *self = Chain::default();
                Some(condition)
            }
            Directive::ElseIf(condition) => Some(condition),
            Directive::Else => None,
        };
        if self.done {
            return None;
        }
        let known = condition.map_or(Some(true), |text| scope.holds(text));
        let before = self.none();
        match (known, condition) {
            (Some(false), _) => None,
            (Some(true), _) => {
                self.done = true;
                Some(before.map(Into::into))
            }
            (None, condition) => {
                let condition = condition.cloned().unwrap_or_default();
                let found = match before {
                    Some(before) => format!("and({before}, {condition})"),
                    None => condition.clone(),
                };
                self.open.push(condition);
                Some(Some(found.into()))
            }
        }
    }

    /// None of those before holds.
    fn none(&self) -> Option<String> {
        match self.open.as_slice() {
            [] => None,
            [one] => Some(format!("not({one})")),
            many => Some(format!("not(or({}))", many.join(", "))),
        }
    }
}
