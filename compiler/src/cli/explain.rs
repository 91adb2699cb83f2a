use std::fmt::Write as _;

use clap::Args;

use super::{Exit, print, say};
use crate::spec::{CODES, Code, code, example, suggest};

/// Widest line of an explanation.
const WIDTH: usize = 80;

/// Say what a code means, with an example; without a code, list all of them
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  benchgrid explain BG0207\n  benchgrid explain | grep seeder")]
pub(super) struct ExplainArgs {
    /// A code as messages bear it, such as BG0207
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

impl ExplainArgs {
    /// 2 where there is no such code.
    pub(super) fn run(&self) -> Exit {
        let Some(asked) = &self.code else {
            print(&listed());
            return Exit::Yes;
        };
        let id = asked.to_uppercase();
        if let Some(code) = code(&id) {
            print(&explained(code));
            return Exit::Yes;
        }
        let near = suggest(&id, CODES.iter().map(|code| code.id));
        let help = near.map_or("`benchgrid explain` lists them".to_owned(), |near| format!("did you mean `{near}`?"));
        say(&format!("error: there is no code `{asked}`; {help}"));
        Exit::Usage
    }
}

fn listed() -> String {
    CODES.iter().fold(String::new(), |mut list, code| {
        let _ = writeln!(list, "{}  {}", code.id, code.title);
        list
    })
}

fn explained(code: &Code) -> String {
    let mut text = format!("{}: {}\n\n{}\n", code.id, code.title, wrapped(code.explanation));
    if let Some(example) = example(code.id) {
        text += "\nExample:\n\n";
        for line in example.lines() {
            let _ = writeln!(text, "{}", format!("  {line}").trim_end());
        }
    }
    text
}

/// The same words in lines of at most [`WIDTH`] characters, where no word is longer.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.len() - 1;
        if lines[line].is_empty() {
            word.clone_into(&mut lines[line]);
        } else if lines[line].chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(word.to_owned());
        } else {
            lines[line] = format!("{} {word}", lines[line]);
        }
    }
    lines.join("\n")
}
