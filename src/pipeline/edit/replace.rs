//! Another value where one stands.

use super::Reason;
use super::render::{self, Behind};
use super::splice::{Done, Site, Splice, Spot};
use crate::pipeline::graph::Seg;
use crate::pipeline::yaml::{Id, Plain, Style, Value};

impl Splice<'_> {
    /// Puts a value where `id` stands.
    pub(super) fn replace(&mut self, id: Id, spot: Spot, value: &Plain, path: &[Seg]) -> Done {
        if let Site::Flow { colon } = spot.behind {
            return self.replace_in_flow(id, spot, value, colon, path);
        }
        let Some(behind) = Option::<Behind>::from(spot.behind) else {
            return Err(Reason::Form("the whole document is not replaced").at(path));
        };
        let tree = self.tree;
        let style = if tree.is_alias(id) { Style::Plain } else { tree.style(id) };
        let span = tree.span(id);
        let rendered = self.styled(id, style, behind, value);
        match style {
            Style::Literal | Style::Folded => self.replace_block_scalar(id, spot, &rendered, path),
            Style::Block => self.replace_block(id, spot, &rendered, path),
            _ if span.is_empty() => {
                if tree.is_anchored(id) || tree.tag(id).is_some() {
                    return Err(Reason::Form("an anchor or a tag stands there alone").at(path));
                }
                if !rendered.head.is_empty() {
                    self.cut(spot.after..spot.after, format!(" {}", rendered.head));
                }
                self.below(self.lines.of(spot.after), behind, &rendered, path)
            }
            _ => {
                let between = self.lines.text.get(spot.after..span.start).unwrap_or_default();
                let near = !between.contains('\n');
                if rendered.tail.is_empty() && !rendered.head.is_empty() {
                    let space = if between.is_empty() { " " } else { "" };
                    self.cut(span, format!("{space}{}", rendered.head));
                } else if !near {
                    return Err(Reason::Form("the value stands below its key").at(path));
                } else {
                    let last = self.lines.of(span.end.saturating_sub(1));
                    if rendered.head.is_empty() {
                        self.cut(spot.after..span.end, "");
                    } else {
                        self.cut(span, rendered.head.clone());
                    }
                    self.below(last, behind, &rendered, path)?;
                }
                Ok(())
            }
        }
    }

    /// Puts a value's lines below its first one, and below the comments that belong to it.
    fn below(
        &mut self,
        line: usize,
        behind: Behind,
        rendered: &render::Rendered,
        path: &[Seg],
    ) -> Done {
        if rendered.tail.is_empty() {
            return Ok(());
        }
        let (Behind::Key(column) | Behind::Dash(column)) = behind;
        let last = self.lines.inside(line, column);
        if last > line && rendered.head.starts_with('|') {
            return Err(Reason::Form("comments below would become part of the text").at(path));
        }
        self.swap_lines(last + 1, last, &rendered.tail);
        Ok(())
    }

    /// A value in the style of what stands there, where that can be.
    fn styled(&self, id: Id, style: Style, behind: Behind, value: &Plain) -> render::Rendered {
        let inline = |head: String| render::Rendered { head, tail: Vec::new() };
        match (style, value) {
            (Style::Single, Plain::Text(text)) if !text.contains('\n') => {
                match render::single(text) {
                    Some(quoted) => inline(quoted),
                    None => inline(render::double(text)),
                }
            }
            (Style::Double, Plain::Text(text)) if !text.contains('\n') => {
                inline(render::double(text))
            }
            (Style::Flow, Plain::Seq(items))
                if !items.is_empty() && !self.tree.items(id).is_empty() =>
            {
                inline(render::flow(value))
            }
            (Style::Flow, Plain::Map(entries))
                if !entries.is_empty() && !self.tree.entries(id).is_empty() =>
            {
                inline(render::flow(value))
            }
            _ => {
                let mut layout = self.layout;
                let spread = style == Style::Block && matches!(self.tree.value(id), Value::Seq(_));
                if style == Style::Block
                    && !self.tree.is_alias(id)
                    && let Behind::Key(column) = behind
                {
                    let below = self.lines.column(self.tree.span(id).start);
                    match (self.tree.value(id), below.checked_sub(column)) {
                        (Value::Seq(_), Some(dash)) => layout.dash = dash,
                        (Value::Map(_), Some(step)) if step > 0 => layout.step = step,
                        _ => {}
                    }
                }
                render::block(value, behind, layout, spread)
            }
        }
    }

    fn replace_in_flow(
        &mut self,
        id: Id,
        spot: Spot,
        value: &Plain,
        colon: bool,
        path: &[Seg],
    ) -> Done {
        let tree = self.tree;
        let span = tree.span(id);
        let new = render::flow(value);
        let style = if tree.is_alias(id) { Style::Plain } else { tree.style(id) };
        let empty = style == Style::Plain && span.is_empty();
        if !empty {
            let new = match (style, value) {
                (Style::Single, Plain::Text(text)) => render::single(text).unwrap_or(new),
                (Style::Double, Plain::Text(text)) => render::double(text),
                _ => new,
            };
            let space = if self.lines.text[..span.start].ends_with(':') && span.start == spot.after
            {
                " "
            } else {
                ""
            };
            self.cut(span, format!("{space}{new}"));
        } else if tree.is_anchored(id) || tree.tag(id).is_some() {
            return Err(Reason::Form("an anchor or a tag stands there alone").at(path));
        } else {
            let mark = if colon { "" } else { ":" };
            self.cut(spot.after..spot.after, format!("{mark} {new}"));
        }
        Ok(())
    }

    fn replace_block_scalar(
        &mut self,
        id: Id,
        spot: Spot,
        rendered: &render::Rendered,
        path: &[Seg],
    ) -> Done {
        let span = self.tree.span(id);
        let header = self.lines.header(spot.after, &span);
        let Some(header) = header.filter(|header| header.start >= spot.after) else {
            return Err(Reason::Form("the block scalar's header was not found").at(path));
        };
        let between = self.lines.text.get(spot.after..header.start).unwrap_or_default();
        if between.contains('\n') {
            return Err(Reason::Form("the value stands below its key").at(path));
        }
        let line = self.lines.of(header.start);
        let last = self.lines.of(self.lines.value_end(self.tree, id, spot.after));
        let column = match spot.behind {
            Site::Key(column) | Site::Dash(column) => column,
            _ => 0,
        };
        if self.lines.inside(last, column) > last && !rendered.tail.is_empty() {
            return Err(Reason::Form("comments below would become part of the text").at(path));
        }
        // A tag or an anchor before the header goes with the value.
        let lead = between.len() - between.trim_start().len();
        let start = if rendered.head.is_empty() { spot.after } else { spot.after + lead };
        self.cut(start..header.end, rendered.head.clone());
        self.swap_lines(line + 1, last, &rendered.tail);
        Ok(())
    }

    /// Puts lines in the place of others.
    fn swap_lines(&mut self, first: usize, last: usize, new: &[String]) {
        if new.is_empty() {
            return self.drop_lines(first, last);
        }
        // Below a block scalar, a line of blanks alone would become part of it.
        let last = self.lines.ragged(last);
        let ending = self.lines.ending(first.saturating_sub(1));
        let text: String = new.iter().flat_map(|line| [line.as_str(), ending]).collect();
        self.cut(self.lines.start(first)..self.lines.start(last + 1), text);
    }

    fn replace_block(
        &mut self,
        id: Id,
        spot: Spot,
        rendered: &render::Rendered,
        path: &[Seg],
    ) -> Done {
        let span = self.tree.span(id);
        let line = self.lines.of(spot.after.saturating_sub(1));
        let first = self.lines.of(span.start);
        let column = self.lines.column(span.start);
        let end = self.lines.value_end(self.tree, id, spot.after);
        let mut last = self.lines.of(end);
        let floor = match spot.behind {
            Site::Key(own) | Site::Dash(own) => own.max(column.saturating_sub(1)),
            _ => column,
        };
        last = self.lines.inside(last, floor);
        if first == line {
            // `- a: 1`, `- - a`: from here to the end of its last line.
            let stop = if first == last { end } else { self.lines.end(last) };
            let lead = self.lines.text.get(spot.after..span.start).unwrap_or_default();
            let start = if rendered.head.is_empty() { spot.after } else { span.start };
            if lead.contains('#') {
                return Err(Reason::Form("a comment stands before the value").at(path));
            }
            self.cut(start..stop, rendered.head.clone());
            self.swap_lines(last + 1, last, &rendered.tail);
            return Ok(());
        }
        // A tag or an anchor on the key's line goes with the value; a comment stays.
        let rest = &self.lines.text[spot.after..self.lines.end(line)];
        let code = match rest.find(" #") {
            Some(comment) => &rest[..comment],
            None if rest.trim_start().starts_with('#') => "",
            None => rest,
        };
        let code = code.trim_end().len();
        let head =
            if rendered.head.is_empty() { String::new() } else { format!(" {}", rendered.head) };
        self.cut(spot.after..spot.after + code, head);
        self.swap_lines(line + 1, last, &rendered.tail);
        Ok(())
    }
}
