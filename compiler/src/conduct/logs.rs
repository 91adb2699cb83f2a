use std::{
    collections::BTreeMap,
    fmt::Write,
    time::{Duration, Instant},
};

use benchgrid_probe::kubernetes::{Api, ContainerState, KubernetesError, states};

/// Longest time for the logs of all attempts of a tick.
const LONGEST: Duration = Duration::from_secs(20);
/// Most bytes of one log that are kept: its last.
const ONE: usize = 16 << 10;
/// Most bytes of all logs of an attempt.
const ALL: usize = 128 << 10;
/// Least bytes for which a log is asked for.
const LEAST: usize = 256;

/// What the containers of attempts say, each attempt's as one text for `done/`.
///
/// It is asked for before the commit that removes them. Nothing that goes wrong here is an error: the text says what
/// could not be had, and why.
pub(super) fn logs(api: &Api, attempts: &[&str]) -> BTreeMap<String, String> {
    let end = Instant::now() + LONGEST;
    attempts.iter().map(|attempt| ((*attempt).to_owned(), of_attempt(api, attempt, end))).collect()
}

fn of_attempt(api: &Api, attempt: &str, end: Instant) -> String {
    let mut text = format!("# {attempt}: its containers as they were when it had failed\n");
    let containers = match in_time(end, |limit| api.within(limit).pods(attempt)) {
        Ok(pods) if pods.is_empty() => {
            text += "\nno pod in its namespace\n";
            return text;
        }
        Ok(pods) => in_order(states(&pods)),
        Err(why) => {
            line(&mut text, &format!("\nits pods can't be listed: {}", harmless(&why)));
            return text;
        }
    };
    table(&mut text, &containers);
    let mut room = ALL;
    for container in &containers {
        for previous in [true, false] {
            if previous && container.restarts == 0 {
                continue;
            }
            let when = if previous { ", before its last restart" } else { "" };
            line(&mut text, &format!("\n# {}/{}{when}", container.pod, container.name));
            if room < LEAST {
                line(&mut text, "left out: the logs above have all the room that there is");
                continue;
            }
            let log = in_time(end, |limit| api.within(limit).log(attempt, &container.pod, &container.name, previous));
            let kept = said(log.as_deref(), ONE.min(room));
            room = room.saturating_sub(kept.len());
            text += &kept;
        }
    }
    text
}

/// Asks while there is time.
fn in_time<T>(end: Instant, ask: impl FnOnce(Duration) -> Result<T, KubernetesError>) -> Result<T, String> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(format!("no time is left of the {} s for logs", LONGEST.as_secs()));
    }
    ask(left).map_err(|error| match error {
        // Between the list and this question its pod went.
        KubernetesError::Refused { status: 404, .. } => "gone".to_owned(),
        // The server's own words for a container that has no log (yet).
        KubernetesError::Refused { status: 400, text, .. } => text,
        error => error.to_string(),
    })
}

/// The coordinator, then what is in trouble, then the others; what has prepared its pod comes last.
fn in_order(mut containers: Vec<ContainerState>) -> Vec<ContainerState> {
    containers.sort_by_key(|c| (c.name != "coordinator", !c.trouble, c.prepares));
    containers
}

fn table(text: &mut String, containers: &[ContainerState]) {
    let name = |c: &ContainerState| format!("{}/{}", c.pod, c.name);
    let width = containers.iter().map(|c| name(c).len()).max().unwrap_or_default();
    text.push('\n');
    for c in containers {
        let state = harmless(&c.state);
        line(text, &format!("{:width$}  {state}; {} restarts; {}", name(c), c.restarts, c.image));
    }
}

/// A log as it is kept: its end, of whole lines where it has such.
fn said(log: Result<&str, &String>, most: usize) -> String {
    let text = match log {
        Ok("") => return "nothing was said\n".to_owned(),
        Ok(log) => harmless(log),
        Err(why) => return format!("no log: {}\n", harmless(why)),
    };
    let text = text.trim_end_matches('\n');
    // The line feed at the end counts, and so does the mark of what is missing.
    let mark = "[...]\n";
    if text.len() < most {
        return format!("{text}\n");
    }
    let cut = (text.len() + mark.len() + 1 - most..=text.len()).find(|at| text.is_char_boundary(*at));
    let end = &text[cut.unwrap_or(text.len())..];
    let whole = end.split_once('\n').map_or(end, |(_, rest)| rest);
    format!("{mark}{whole}\n")
}

/// Text that does nothing to a terminal or an editor: lines end with a line feed; colours are left out; what else
/// steers, or turns the direction of writing, is shown as a replacement character.
fn harmless(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        if char == '\u{1b}' && rest.peek() == Some(&'[') {
            // ESC [, parameters, one final byte.
            rest.find(|char| *char != '[' && ('@'..='~').contains(char));
            continue;
        }
        let steers = char.is_control() && !matches!(char, '\n' | '\t');
        let turns = matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        clean.push(if steers || turns { '\u{fffd}' } else { char });
    }
    clean
}

fn line(text: &mut String, words: &str) {
    // Writing to a string can't fail.
    let _ = writeln!(text, "{words}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_log_says_can_do_no_harm() {
        let log = "a\r\nb\rc\u{1b}[31;1mred\u{1b}[0m\u{7}\t\u{202e}x\u{85}\u{0}\u{1b}]0;title";
        assert_eq!(harmless(log), "a\nb\ncred\u{fffd}\t\u{fffd}x\u{fffd}\u{fffd}\u{fffd}]0;title");
        // A sequence that never ends takes nothing but itself along.
        assert_eq!(harmless("a\u{1b}["), "a");
    }

    #[test]
    fn the_end_of_a_log_is_kept_by_whole_lines() {
        let lines: Vec<_> = (0..5000).map(|n| format!("line {n}: äöü\n")).collect();
        let log = lines.concat();
        for most in [LEAST, 1000, ONE] {
            let kept = said(Ok(&log), most);
            assert!(kept.len() <= most && kept.len() > most - 40, "{} of {most}", kept.len());
            assert!(kept.starts_with("[...]\nline ") && kept.ends_with("\nline 4999: äöü\n"), "{kept}");
        }
        assert_eq!(said(Ok("whole\n\n"), ONE), "whole\n");
        let one_line = "ä".repeat(ONE);
        assert_eq!(
            said(Ok(&one_line), ONE).len(),
            ONE - 1,
            "a line that is too long is cut within, between characters"
        );
        assert_eq!(said(Ok(""), ONE), "nothing was said\n");
        assert_eq!(said(Err(&"gone".to_owned()), ONE), "no log: gone\n");
    }
}
