//! Part of a scalar's text, in the scalar's own style.

use super::splice::{Done, Site, Splice, Spot};
use super::tree::{only, text as changed};
use super::{Reason, render};
use crate::pipeline::graph::Seg;
use crate::pipeline::yaml::{Id, Plain, Style};

impl Splice<'_> {
    /// Replaces `find`, which stands exactly once in a scalar.
    pub(super) fn text(
        &mut self,
        id: Id,
        spot: Spot,
        find: &str,
        replace: &str,
        path: &[Seg],
    ) -> Done {
        let Some(value) = self.tree.text(id) else { return Err(Reason::Kind.at(path)) };
        let style = self.tree.style(id);
        let plain = match style {
            Style::Plain => self.tree.plain(id),
            _ => Plain::Text(value.to_owned()),
        };
        let after = changed(&plain, find, replace).map_err(|reason| reason.at(path))?;
        let after = match (&plain, after) {
            (Plain::Text(_), Plain::Text(after)) => after,
            // A number or a word with a meaning: as it would be written anew.
            (_, after) => return self.replace(id, spot, &after, path),
        };
        let span = self.tree.span(id);
        let source = &self.lines.text[span.clone()];
        let in_flow = matches!(spot.behind, Site::Flow { .. });
        match style {
            Style::Literal => self.literal(id, find, replace, path),
            Style::Folded => self.folded(id, find, replace, path),
            style => {
                let (find, replace) = match style {
                    Style::Single => (find.replace('\'', "''"), replace.replace('\'', "''")),
                    Style::Double => (render::escape(find), render::escape(replace)),
                    _ => (find.to_owned(), replace.to_owned()),
                };
                let fits = match style {
                    Style::Single => !replace.contains(['\n', '\r']),
                    Style::Double => true,
                    _ => render::is_plain(&after, in_flow),
                };
                // A line's end within the scalar reads as a blank: such a find is
                // not in the source.
                match only(source, &find) {
                    Some(at) if fits => {
                        let at = span.start + at;
                        self.cut(at..at + find.len(), replace);
                        Ok(())
                    }
                    None if style != Style::Plain || source.contains('\n') => {
                        Err(Reason::Ambiguous.at(path))
                    }
                    _ => self.replace(id, spot, &Plain::Text(after), path),
                }
            }
        }
    }

    /// Puts a comment behind a scalar of one line that is the last thing on it.
    pub(super) fn remark(&mut self, id: Id, remark: &str) {
        let span = self.tree.span(id);
        let one_line = !matches!(self.tree.style(id), Style::Literal | Style::Folded)
            && self.lines.of(span.start) == self.lines.of(span.end);
        let end = self.lines.end(self.lines.of(span.end));
        let last = self.lines.text.get(span.end..end).is_some_and(|rest| rest.trim().is_empty());
        if one_line && last && !remark.contains(['\n', '\r']) {
            self.cut(span.end..span.end, format!(" # {remark}"));
        }
    }

    fn literal(&mut self, id: Id, find: &str, replace: &str, path: &[Seg]) -> Done {
        let span = self.tree.span(id);
        let text = self.tree.text(id).unwrap_or_default();
        let at = only(text, find).ok_or_else(|| Reason::Ambiguous.at(path))?;
        // Lines of the value are lines of the source, less their indentation.
        let first = self.lines.of(span.start);
        let leading = text.len() - text.trim_start_matches('\n').len();
        if leading > 0 || text.starts_with(' ') {
            return Err(Reason::Form("the block scalar starts with blanks").at(path));
        }
        let indent = self.lines.indent(first);
        let place = |at: usize| {
            let line = text[..at].matches('\n').count();
            let column = at - text[..at].rfind('\n').map_or(0, |end| end + 1);
            let line = first + line;
            let start = self.lines.start(line) + indent + column;
            (start <= self.lines.end(line)).then_some(start)
        };
        let (Some(start), Some(end)) = (place(at), place(at + find.len())) else {
            return Err(Reason::Form("the text runs to the end of the block scalar").at(path));
        };
        let ending = self.lines.ending(first);
        let source: String = self.lines.text.get(start..end).unwrap_or_default().to_owned();
        let pad = " ".repeat(indent);
        let same = source.replace("\r\n", "\n").replace(&format!("\n{pad}"), "\n");
        if same != find {
            return Err(Reason::Ambiguous.at(path));
        }
        let starts_text = at == 0 && replace.starts_with([' ', '\t', '\n']);
        let leaves_nothing = at == 0 && replace.is_empty();
        if starts_text || leaves_nothing || replace.contains('\r') {
            return Err(Reason::Form("the block scalar would start with blanks").at(path));
        }
        let mut new = String::new();
        for (nth, line) in replace.split('\n').enumerate() {
            if nth > 0 {
                new.push_str(ending);
                let last = nth == replace.matches('\n').count();
                if !line.is_empty() || last {
                    new.push_str(&pad);
                }
            }
            new.push_str(line);
        }
        self.cut(start..end, new);
        Ok(())
    }

    fn folded(&mut self, id: Id, find: &str, replace: &str, path: &[Seg]) -> Done {
        let span = self.tree.span(id);
        let source = &self.lines.text[span.clone()];
        let at = only(source, find).ok_or_else(|| Reason::Ambiguous.at(path))?;
        let first = self.lines.of(span.start + at);
        let column = self.lines.column(span.start + at);
        let line = self.lines.line(first);
        let one_line = !find.contains('\n') && !replace.contains(['\n', '\r']);
        let indent = self.lines.indent(first);
        let starts = column <= indent && replace.starts_with([' ', '\t']);
        let rest = line.get(column + find.len()..).unwrap_or_default();
        let blanks = column <= indent && replace.is_empty() && rest.starts_with([' ', '\t']);
        let empties =
            format!("{}{replace}{rest}", line.get(..column).unwrap_or_default()).trim().is_empty();
        if !one_line || starts || blanks || empties || column < indent {
            return Err(Reason::Form("lines of a folded scalar would fold otherwise").at(path));
        }
        let at = span.start + at;
        self.cut(at..at + find.len(), replace);
        Ok(())
    }
}
