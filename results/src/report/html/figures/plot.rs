use super::scale::{Scale, Tick};
use crate::report::html::element::{Element, element, text};

/// Space around the field, in units of the drawing: about a pixel on a phone.
pub(super) struct Margins {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// A field with two axes, on which marks are put.
pub(super) struct Plot {
    width: f64,
    height: f64,
    margins: Margins,
    x: Scale,
    y: Scale,
    marks: Vec<Element>,
}

/// Width of a letter, at most nearly, for the size of letters in drawings.
const LETTER: f64 = 7.0;

impl Plot {
    /// An empty field, one of many in a row.
    pub(super) fn small(x: Scale, y: Scale) -> Self {
        Self::sized(230.0, 175.0, Margins { left: 40.0, right: 8.0, top: 22.0, bottom: 40.0 }, x, y)
    }

    /// An empty field that stands nearly alone.
    pub(super) fn broad(x: Scale, y: Scale) -> Self {
        Self::sized(350.0, 230.0, Margins { left: 44.0, right: 10.0, top: 24.0, bottom: 40.0 }, x, y)
    }

    /// An empty field.
    pub(super) fn sized(width: f64, height: f64, margins: Margins, x: Scale, y: Scale) -> Self {
        Self { width, height, margins, x, y, marks: Vec::new() }
    }

    /// Where a value lies across.
    pub(super) fn x(&self, value: f64) -> f64 {
        self.margins.left + self.x.at(value) * (self.width - self.margins.left - self.margins.right)
    }

    /// Where a value lies up.
    pub(super) fn y(&self, value: f64) -> f64 {
        self.height - self.margins.bottom - self.y.at(value) * (self.height - self.margins.top - self.margins.bottom)
    }

    /// Puts something on the field.
    pub(super) fn put(&mut self, mark: Element) {
        self.marks.push(mark);
    }

    /// Axes with titles.
    pub(super) fn axes(&mut self, x_title: &str, y_title: &str) {
        let (left, right) = (self.margins.left, self.width - self.margins.right);
        let mut drawn = Vec::new();
        for (value, word) in self.y.ticks(4) {
            let at = self.y(value);
            drawn.push(line("grid", [left, at, right, at]));
            drawn.push(label(left - 5.0, at + 3.5, "end", &shortened(&word, left - 6.0)));
        }
        self.marks.splice(0..0, drawn);
        self.axes_across(x_title, y_title);
    }

    /// The axis below, and both titles.
    pub(super) fn axes_across(&mut self, x_title: &str, y_title: &str) {
        let (left, right) = (self.margins.left, self.width - self.margins.right);
        let bottom = self.height - self.margins.bottom;
        let mut drawn = Vec::new();
        for (value, word) in self.fitting() {
            let at = self.x(value);
            drawn.push(line("axis", [at, bottom, at, bottom + 4.0]));
            drawn.push(label(at, bottom + 17.0, "middle", &word));
        }
        drawn.push(line("axis", [left, bottom, right, bottom]));
        drawn.push(label(0.0, 10.0, "start", &shortened(y_title, self.width)));
        drawn.push(label(right, self.height - 4.0, "end", &shortened(x_title, right)));
        self.marks.splice(0..0, drawn);
    }

    /// Marks along the x axis whose words have room: each within the drawing and apart from the one before.
    fn fitting(&self) -> Vec<Tick> {
        let words = matches!(self.x, Scale::Words(_));
        let ticks = self.x.ticks(5);
        #[expect(clippy::cast_precision_loss, reason = "some ticks")]
        let room = (self.width - self.margins.left - self.margins.right) / ticks.len().max(1) as f64;
        let mut end = f64::NEG_INFINITY;
        let mut kept = Vec::new();
        for (value, word) in ticks {
            // words share the room, so that each has some; those of a long axis are passed over
            let word = if words { shortened(&word, room.max(4.0 * LETTER) - 4.0) } else { word };
            let half = width(&word) / 2.0;
            let at = self.x(value);
            if at - half >= end + 4.0 && at + half <= self.width + 2.0 {
                end = at + half;
                kept.push((value, word));
            }
        }
        kept
    }

    /// The drawing, with what it shows in words.
    pub(super) fn drawn(self, id: &str, title: &str, words: &str) -> Element {
        let (title_id, words_id) = (format!("{id}-title"), format!("{id}-words"));
        element("svg")
            .with("viewBox", format!("0 0 {} {}", short(self.width), short(self.height)))
            .with("role", "img")
            .with("aria-labelledby", format!("{title_id} {words_id}"))
            .child(text("title", title).with("id", title_id))
            .child(text("desc", words).with("id", words_id))
            .children(self.marks)
    }
}

/// A coordinate, as short as it can be seen.
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A straight line: from x, y to x, y.
pub(super) fn line(class: &str, [x1, y1, x2, y2]: [f64; 4]) -> Element {
    path(class, &format!("M{} {}L{} {}", short(x1), short(y1), short(x2), short(y2)))
}

/// A line by its commands.
pub(super) fn path(class: &str, commands: &str) -> Element {
    element("path").class(class).with("d", commands)
}

/// A line through points.
pub(super) fn through(class: &str, points: &[(f64, f64)]) -> Element {
    path(class, &commands(points))
}

/// An area between two lines of the same direction.
pub(super) fn between(class: &str, one: &[(f64, f64)], other: &[(f64, f64)]) -> Element {
    let around: Vec<(f64, f64)> = one.iter().chain(other.iter().rev()).copied().collect();
    path(class, &(commands(&around) + "Z"))
}

/// Points that lie on each other are drawn once.
fn commands(points: &[(f64, f64)]) -> String {
    let mut written: Vec<String> = points.iter().map(|(x, y)| format!("{} {}", short(*x), short(*y))).collect();
    written.dedup();
    format!("M{}", written.join("L"))
}

/// A word in a drawing.
pub(super) fn label(x: f64, y: f64, anchor: &str, word: &str) -> Element {
    let label = text("text", word).with("x", short(x)).with("y", short(y));
    if anchor == "start" { label } else { label.with("text-anchor", anchor) }
}

/// The sign of a series, so that it is told apart without colour.
pub(super) fn sign(series: usize, x: f64, y: f64, class: &str) -> Element {
    let at = |dx: f64, dy: f64| format!("{} {}", short(x + dx), short(y + dy));
    match series % 4 {
        0 => element("circle").class(class).with("cx", short(x)).with("cy", short(y)).with("r", 3.6),
        1 => path(class, &format!("M{}h6.4v6.4h-6.4z", at(-3.2, -3.2))),
        2 => path(class, &format!("M{}l4.2 7h-8.4z", at(0.0, -4.4))),
        _ => path(class, &format!("M{}l4.4 4.4l-4.4 4.4l-4.4 -4.4z", at(0.0, -4.4))),
    }
}

/// The sign of a value beyond the upper end: an arrow up.
pub(super) fn beyond(x: f64, y: f64) -> Element {
    path("mark", &format!("M{} {}l5 9h-10z", short(x), short(y - 9.0)))
}

/// The class of a series.
pub(super) fn class(series: usize) -> &'static str {
    const CLASSES: [&str; 6] = ["s0", "s1", "s2", "s3", "s4", "s5"];
    CLASSES[series % CLASSES.len()]
}

/// How wide a word is at most, nearly.
#[expect(clippy::cast_precision_loss, reason = "some letters")]
pub(super) fn width(word: &str) -> f64 {
    let wide = word.chars().filter(|letter| !letter.is_ascii()).count();
    (word.chars().count() + wide) as f64 * LETTER
}

/// A word, cut to a width.
pub(super) fn shortened(word: &str, room: f64) -> String {
    if width(word) <= room {
        return word.to_owned();
    }
    let mut cut = String::new();
    for letter in word.chars() {
        if width(&cut) + width(letter.encode_utf8(&mut [0; 4])) + LETTER > room {
            break;
        }
        cut.push(letter);
    }
    cut + "…"
}
