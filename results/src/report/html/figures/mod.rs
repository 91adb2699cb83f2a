//! Figures: each a row of small drawings, which are read at the same size on a phone and at a desk.

mod plot;
mod scale;

pub(super) mod curves;
pub(super) mod efficiency;
pub(super) mod leechers;
pub(super) mod repetitions;
pub(super) mod times;

use super::element::{Element, element, text};

/// One drawing with its caption.
fn panel(caption: &str, drawing: Element) -> Element {
    element("figure").class("panel").child(text("figcaption", caption)).child(drawing)
}

/// Drawings beside each other; a row that scrolls where there is no room. `label` says what they are.
fn panels(label: &str, class: &str, panels: Vec<Element>) -> Element {
    let names = if class.is_empty() { "panels".to_owned() } else { format!("panels {class}") };
    element("div").class(names).with("role", "group").with("tabindex", "0").with("aria-label", label).children(panels)
}

/// Which sign is which series.
fn legend(series: &[(usize, &str)]) -> Element {
    let entries = series.iter().map(|(place, name)| {
        let line = plot::line("line", [0.0, 7.0, 36.0, 7.0]);
        let sample = element("svg").class(plot::class(*place)).with("viewBox", "0 0 36 14").with("aria-hidden", "true");
        let sample = sample.child(line).child(plot::sign(*place, 18.0, 7.0, "mark"));
        element("li").child(sample).child(text("span", *name))
    });
    element("ul").class("legend").children(entries)
}
