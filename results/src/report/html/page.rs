use super::element::{Element, element, text};

const STYLE: &str = include_str!("style.css");

/// A page: its head, its landmarks, its sections with the list of them.
pub(super) struct Page {
    /// For the window and for bookmarks.
    pub(super) title: String,
    /// Small line above the heading: what it belongs to, or the way back.
    pub(super) above: Element,
    /// The heading.
    pub(super) heading: String,
    /// What follows the heading on the first screen.
    pub(super) lead: Vec<Element>,
    /// The rest.
    pub(super) sections: Vec<Section>,
    /// The last line.
    pub(super) footer: String,
}

/// A part of a page.
pub(super) struct Section {
    /// Anchor, unique on the page.
    pub(super) id: &'static str,
    /// Heading.
    pub(super) title: &'static str,
    /// Content.
    pub(super) content: Vec<Element>,
}

impl Section {
    /// A section, or nothing where it has no content.
    pub(super) fn some(id: &'static str, title: &'static str, content: Vec<Element>) -> Option<Self> {
        (!content.is_empty()).then_some(Self { id, title, content })
    }

    fn written(self) -> Element {
        let heading = text("h2", self.title).with("id", format!("{}-title", self.id));
        let labelled = element("section").with("id", self.id).with("aria-labelledby", format!("{}-title", self.id));
        labelled.child(heading).children(self.content)
    }
}

impl Page {
    /// The page as HTML.
    pub(super) fn written(self) -> String {
        let head = element("head")
            .child(element("meta").with("charset", "utf-8"))
            .child(element("meta").with("name", "viewport").with("content", "width=device-width, initial-scale=1"))
            .child(element("meta").with("name", "color-scheme").with("content", "light dark"))
            // a browser asks for an icon unless it is told there is none
            .child(element("link").with("rel", "icon").with("href", "data:,"))
            .child(text("title", self.title))
            .child(element("style").style(STYLE));
        let entries = self
            .sections
            .iter()
            .map(|section| element("li").child(text("a", section.title).with("href", format!("#{}", section.id))));
        let contents =
            element("nav").class("contents").with("aria-label", "On this page").child(element("ul").children(entries));
        let header = element("header").child(self.above).child(text("h1", self.heading)).children(self.lead);
        let main = element("main").with("id", "content").with("tabindex", "-1").child(header).child(contents);
        let main = main.children(self.sections.into_iter().map(Section::written));
        let skip = text("a", "Skip to the content").class("skip").with("href", "#content");
        let body = element("body").child(skip).child(main).child(element("footer").child(text("p", self.footer)));
        format!("<!doctype html>\n{}\n", element("html").with("lang", "en").child(head).child(body))
    }
}

/// A wide table in a box of its own, which scrolls by pointer and by keyboard.
pub(super) fn table(id: &str, caption: &str, heads: Vec<Element>, rows: Vec<Element>) -> Element {
    let caption_id = format!("{id}-caption");
    let head = element("thead").children(heads);
    let table = element("table")
        .class("lists")
        .child(text("caption", caption).with("id", &caption_id))
        .child(head)
        .child(element("tbody").children(rows));
    scrolling(&caption_id).child(table)
}

/// A box that scrolls sideways, labelled by what has this id.
pub(super) fn scrolling(label: &str) -> Element {
    let focus = element("div").class("scroll").with("role", "region").with("tabindex", "0");
    focus.with("aria-labelledby", label)
}

/// Heads of columns.
pub(super) fn heads(titles: &[&str]) -> Element {
    element("tr").children(titles.iter().map(|title| text("th", *title).with("scope", "col")))
}

/// Names with their values.
pub(super) fn facts(rows: Vec<(String, Element)>) -> Element {
    let pairs = rows.into_iter().map(|(name, value)| element("div").child(text("dt", name)).child(value));
    element("dl").class("facts").children(pairs)
}

/// The value of a fact.
pub(super) fn fact(name: &str, value: impl Into<String>) -> (String, Element) {
    (name.to_owned(), text("dd", value))
}

/// What stands in a table for a number that is not there.
pub(super) fn absent(reason: &str) -> Element {
    element("td").class("absent").child(text("span", super::number::NONE)).text(format!(": {reason}"))
}
