//! JSON from standard input, as the compiler writes YAML: for tests/cluster/strings.py.

use std::io::{Error, Read, Write};

fn main() -> Result<(), Error> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let value = serde_json::from_str(&text)?;
    std::io::stdout().write_all(benchgrid::kustomize::emit(&value).as_bytes())
}
