//! The matrix: the reference scenario, and laws that hold for every matrix.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use benchgrid::cli::validate::check;
use benchgrid::matrix::{Matrix, expand};
use benchgrid::spec::{load_scenario, parse_scenario};
use proptest::prelude::*;

fn matrix(text: &str) -> Matrix {
    let (scenario, found) = parse_scenario(Path::new("scenario.yaml"), text.as_bytes());
    assert!(found.is_empty(), "{text}\n{found:#?}");
    expand(&scenario.unwrap()).unwrap_or_else(|errors| panic!("{text}\n{errors:#?}")).0
}

#[test]
fn the_reference_scenario_has_78_cells_and_42_exclusions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (scenario, found) = load_scenario(&root.join("matrices/codex-vs-bittorrent.yaml"));
    assert_eq!(found, []);
    let (matrix, warnings) = expand(&scenario.unwrap()).unwrap();
    assert_eq!((matrix.cells.len(), matrix.exclusions.len(), warnings.len()), (78, 42, 0));
    assert!(matrix.exclusions.iter().all(|exclusion| exclusion.reason == "no node would be left to download"));
    assert_eq!(matrix.cells[0].slug, "filesize-100mb.networksize-2.seeders-1.system-codex");
    // Canonical JSON: sorted keys, no blanks, base units. Any other tool can compute it.
    let canonical = r#"{"levels":{"fileSize":100000000,"networkSize":2,"seeders":1,"system":"codex"},"scenario":"codex-vs-bittorrent"}"#;
    assert_eq!(matrix.cells[0].id, sha256(canonical)[..10]);
}

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[test]
fn the_reference_scenario_validates_with_its_bases() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../matrices/codex-vs-bittorrent.yaml");
    let checked = check(std::slice::from_ref(&file));
    assert_eq!(checked.diagnostics, []);
    assert_eq!(checked.matrices.get(&file), Some(&(78, 42)));
}

#[test]
fn one_quantity_has_one_identity() {
    let cells = |size: &str| matrix(&scenario(&[("fileSize".to_owned(), vec![size.to_owned()])], &[], "")).cells;
    assert_eq!(cells("1GB"), cells("1000MB"));
    assert_eq!(cells("1000MB")[0].slug, "filesize-1gb");
    let link = |up: &str| cells(&format!("{{name: fast, up: {up}}}"))[0].id.clone();
    assert_eq!(link("1Gbit"), link("1000Mbit"));
    assert_ne!(link("1Gbit"), link("100Mbit"));
}

#[test]
fn include_alone_is_a_matrix() {
    let matrix =
        matrix(&scenario(&[], &["{seeders: 1, nodes: 4}".to_owned(), "{seeders: 3, nodes: 8}".to_owned()], ""));
    let slugs: Vec<_> = matrix.cells.iter().map(|cell| cell.slug.as_str()).collect();
    assert_eq!(slugs, ["nodes-4.seeders-1", "nodes-8.seeders-3"]);
}

fn scenario(axes: &[(String, Vec<String>)], include: &[String], exclude: &str) -> String {
    let mut text = "apiVersion: benchgrid.io/v1alpha1\nkind: Scenario\nmetadata: {name: laws}\nspec:\n".to_owned();
    if !axes.is_empty() {
        text += "  axes:\n";
    }
    for (axis, levels) in axes {
        let _ = writeln!(text, "    {axis}: [{}]", levels.join(", "));
    }
    if !include.is_empty() {
        text += "  include:\n";
    }
    for entry in include {
        let _ = writeln!(text, "    - {entry}");
    }
    text += exclude;
    text + "  systems:\n    node: {base: ../base, groups: {nodes: {replicas: 4}}}\n  measure: {fileSize: 1GB, seeders: 1}\n"
}

/// Axes `a0`, `a1`, ... of distinct levels: the first of whole numbers, the others of any type.
fn axes() -> impl Strategy<Value = Vec<(String, Vec<String>)>> {
    let axis = (prop::collection::btree_set(0_u8..50, 1..5), 0_usize..KINDS.len());
    prop::collection::vec(axis, 1..5).prop_map(|axes| {
        let level = |index: usize, kind: usize| KINDS[if index == 0 { 0 } else { kind }];
        axes.into_iter()
            .enumerate()
            .map(|(index, (numbers, kind))| {
                (format!("a{index}"), numbers.into_iter().map(level(index, kind)).collect())
            })
            .collect()
    })
}

/// A level of every type, by a number.
const KINDS: [fn(u8) -> String; 6] = [
    |number| number.to_string(),
    |number| format!("{number}.5"),
    |number| format!("word{number}"),
    |number| format!("{number}MB"),
    |number| format!("{number}ms"),
    |number| format!("{{name: link{number}, up: {number}Mbit}}"),
];

fn identities(matrix: &Matrix) -> BTreeMap<String, String> {
    matrix.cells.iter().map(|cell| (cell.slug.clone(), cell.id.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn counts_add_up(axes in axes(), limit in 1_u8..50) {
        let product: usize = axes.iter().map(|(_, levels)| levels.len()).product();
        // A combination that the product does not hold: one level of each axis, but of the first one that no axis lists.
        let outside = |first: u8| {
            let others = axes[1..].iter().map(|(axis, levels)| format!(", {axis}: {}", levels[0]));
            format!("{{a0: {first}{}}}", others.collect::<String>())
        };
        let include = [outside(98), outside(99)];
        let kept = axes[0].1.iter().filter(|level| level.parse::<u8>().unwrap() < limit).count();
        let rule = format!("  exclude:\n    - {{when: a0 >= {limit}, reason: law}}\n");
        let rule = if kept == axes[0].1.len() { "" } else { rule.as_str() };
        let matrix = matrix(&scenario(&axes, &include, rule));
        prop_assert_eq!(matrix.cells.len(), product + include.len() - matrix.exclusions.len());
        prop_assert_eq!(matrix.exclusions.len(), product / axes[0].1.len() * (axes[0].1.len() - kept));
        let ids: BTreeSet<_> = matrix.cells.iter().map(|cell| &cell.id).collect();
        let slugs: BTreeSet<_> = matrix.cells.iter().map(|cell| &cell.slug).collect();
        prop_assert_eq!((ids.len(), slugs.len()), (matrix.cells.len(), matrix.cells.len()));
    }

    #[test]
    fn identities_survive_reordering_and_growth(axes in axes()) {
        let before = identities(&matrix(&scenario(&axes, &[], "")));
        let mut shuffled = axes.clone();
        shuffled.reverse();
        for (_, levels) in &mut shuffled {
            levels.reverse();
        }
        prop_assert_eq!(&before, &identities(&matrix(&scenario(&shuffled, &[], ""))));
        // The axis of whole numbers, which is the last one now.
        shuffled.last_mut().unwrap().1.push("77".to_owned());
        let after = identities(&matrix(&scenario(&shuffled, &[], "")));
        prop_assert!(after.len() > before.len());
        prop_assert!(before.iter().all(|(slug, id)| after.get(slug) == Some(id)));
    }
}
