use std::collections::BTreeMap;

use benchgrid_measures::AttemptName;

use super::Attempt;

/// Why an overlay can't be admitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdmitError {
    /// The overlay is not as the compiler writes it.
    #[error("kustomization.yaml has {found} lines `{line}`, not {expected}")]
    Line {
        /// The line looked for.
        line: String,
        /// How often it should be there.
        expected: usize,
        /// How often it is.
        found: usize,
    },
    /// The overlay has no kustomization.yaml, or it is no text.
    #[error("the overlay has no kustomization.yaml that is text")]
    NoKustomization,
}

/// The overlay's `kustomization.yaml`, for an attempt: namespace, labels and the name of the Job change, nothing else.
pub fn admit(kustomization: &str, attempt: &AttemptName) -> Result<String, AdmitError> {
    let before = attempt_lines(&AttemptName { trial: 0, number: 0, ..attempt.clone() });
    let after = attempt_lines(attempt);
    for (line, expected) in &before {
        let found = kustomization.lines().filter(|l| l.trim_start() == line).count();
        if found != *expected {
            return Err(AdmitError::Line { line: line.clone(), expected: *expected, found });
        }
    }
    let rewritten = |line: &str| -> String {
        let (blanks, text) = line.split_at(line.len() - line.trim_start().len());
        let place = before.iter().position(|(known, _)| known == text);
        format!("{blanks}{}\n", place.map_or(text, |place| after[place].0.as_str()))
    };
    Ok(kustomization.lines().map(rewritten).collect())
}

/// The lines of a cell's `kustomization.yaml` that name the attempt, and how often each stands there.
fn attempt_lines(attempt: &AttemptName) -> Vec<(String, usize)> {
    let AttemptName { trial, number, .. } = attempt;
    vec![
        (format!("namespace: {attempt}"), 1),
        // of every object, and of the pods
        (format!("benchgrid.io/attempt: {attempt}"), 1),
        (format!("benchgrid.io/trial: \"{trial}\""), 1),
        (format!("value: coordinator-t{trial}a{number}"), 1),
    ]
}

/// A cell's tree, for an attempt: `kustomization.yaml` rewritten, `attempt.json` added. Paths are within the cell's folder.
pub fn attempt(
    mut overlay: BTreeMap<String, Vec<u8>>,
    name: &AttemptName,
    file: &Attempt,
) -> Result<BTreeMap<String, Vec<u8>>, AdmitError> {
    let kustomization = overlay.get("kustomization.yaml").ok_or(AdmitError::NoKustomization)?;
    let text = std::str::from_utf8(kustomization).map_err(|_| AdmitError::NoKustomization)?;
    let text = admit(text, name)?;
    overlay.insert("kustomization.yaml".to_owned(), text.into_bytes());
    overlay.insert("attempt.json".to_owned(), super::json(file));
    Ok(overlay)
}
