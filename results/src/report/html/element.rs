use std::fmt;

/// An element of HTML or SVG.
///
/// Names are part of the program; whatever comes from results is text or the value of an attribute, and escaped as it is written.
#[derive(Debug, Clone)]
pub(super) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Child>,
}

#[derive(Debug, Clone)]
enum Child {
    Element(Element),
    Text(String),
    /// Part of the program, written as it is: a browser reads no escapes in a style sheet.
    Style(&'static str),
}

/// Elements that have no content in HTML.
const VOID: [&str; 3] = ["meta", "link", "br"];
/// Elements of SVG that have no content here.
const SHAPES: [&str; 5] = ["circle", "line", "path", "rect", "use"];
/// Elements after which a line ends, so that a page can be read and compared as text. Space changes nothing there.
const LINES: [&str; 22] = [
    "body",
    "caption",
    "dd",
    "details",
    "div",
    "dl",
    "figure",
    "figcaption",
    "footer",
    "h1",
    "h2",
    "h3",
    "header",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "section",
    "table",
    "tr",
    "ul",
];

/// An empty element.
pub(super) fn element(name: &'static str) -> Element {
    Element { name, attributes: Vec::new(), children: Vec::new() }
}

/// An element with text alone.
pub(super) fn text(name: &'static str, text: impl Into<String>) -> Element {
    element(name).text(text)
}

impl Element {
    /// With an attribute.
    pub(super) fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    /// Of a class of the style sheet.
    pub(super) fn class(self, names: impl fmt::Display) -> Self {
        self.with("class", names)
    }

    /// With text at its end.
    pub(super) fn text(mut self, text: impl Into<String>) -> Self {
        self.children.push(Child::Text(text.into()));
        self
    }

    /// With another at its end.
    pub(super) fn child(mut self, child: Element) -> Self {
        self.children.push(Child::Element(child));
        self
    }

    /// With others at its end.
    pub(super) fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children.into_iter().map(Child::Element));
        self
    }

    /// With a style sheet of the program.
    pub(super) fn style(mut self, sheet: &'static str) -> Self {
        self.children.push(Child::Style(sheet));
        self
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.name)?;
        for (name, value) in &self.attributes {
            write!(f, " {name}=\"")?;
            escaped(f, value)?;
            f.write_str("\"")?;
        }
        if SHAPES.contains(&self.name) && self.children.is_empty() {
            return f.write_str("/>");
        }
        f.write_str(">")?;
        if VOID.contains(&self.name) {
            return f.write_str("\n");
        }
        for child in &self.children {
            match child {
                Child::Element(element) => element.fmt(f)?,
                Child::Text(text) => escaped(f, text)?,
                Child::Style(sheet) => f.write_str(sheet)?,
            }
        }
        write!(f, "</{}>", self.name)?;
        if LINES.contains(&self.name) { f.write_str("\n") } else { Ok(()) }
    }
}

/// Writes a text so that it is that text wherever it stands: between tags or in quotes.
fn escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(special) {
        let (before, from) = rest.split_at(at);
        f.write_str(before)?;
        let mut letters = from.chars();
        f.write_str(match letters.next() {
            Some('&') => "&amp;",
            Some('<') => "&lt;",
            Some('>') => "&gt;",
            Some('"') => "&quot;",
            Some('\'') => "&#39;",
            // HTML has no way to write other control characters
            _ => "\u{fffd}",
        })?;
        rest = letters.as_str();
    }
    f.write_str(rest)
}

fn special(letter: char) -> bool {
    matches!(letter, '&' | '<' | '>' | '"' | '\'') || (letter.is_control() && !matches!(letter, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_in_unescaped() {
        let hostile = "</td><script>\"'&\u{0}\n";
        let written = element("td").with("title", hostile).text(hostile).to_string();
        let safe = "&lt;/td&gt;&lt;script&gt;&quot;&#39;&amp;\u{fffd}\n";
        assert_eq!(written, format!("<td title=\"{safe}\">{safe}</td>"));
    }

    #[test]
    fn empty_elements_are_closed_as_html_wants_it() {
        let written = element("p").child(element("br")).child(element("path").with("d", "M0 0")).child(element("b"));
        assert_eq!(written.to_string(), "<p><br>\n<path d=\"M0 0\"/><b></b></p>\n");
    }
}
