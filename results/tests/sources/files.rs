//! Record files, folders and archives.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use benchgrid_measures::stored_part;
use benchgrid_results::{
    Campaign, LeftOut, Mistake, Oddity, Selection, SourceError, archive_files, from_archive, from_records,
};
use sha2::{Digest, Sha256};

use super::campaign::{Made, identity, made, now_ms};
use super::store::same;

/// An instant long after the campaigns of these tests.
const NOW: i64 = 1_790_000_000_000;
const START: i64 = 1_780_000_000_000;

/// The campaign of a file with these lines.
pub(crate) fn read(lines: &[String], selection: &Selection) -> Result<Campaign, SourceError> {
    let folder = tempfile::tempdir().unwrap();
    from_records(&[file(folder.path(), "log", &(lines.join("\n") + "\n"))], selection, now_ms())
}

fn file(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn whole(paths: &[PathBuf]) -> Result<Campaign, SourceError> {
    from_records(paths, &Selection::default(), NOW)
}

/// What is wrong, with the folder's name left out.
fn said(folder: &Path, paths: &[PathBuf]) -> String {
    whole(paths).unwrap_err().to_string().replace(&format!("{}/", folder.display()), "")
}

/// Writes an archive.
fn archive(root: &Path, made: &Made) {
    for outcome in &made.outcomes {
        let identity = &outcome.identity;
        let (lab, scenario, cell) = (identity.lab.replace('"', ""), &identity.scenario, &identity.cell);
        let text = made.of(&identity.attempt).lines().join("\n") + "\n";
        let name = format!("{}.jsonl", identity.attempt);
        let path = file(root, &format!("{lab}/{scenario}/{cell}/{name}"), &text);
        let sum = Sha256::digest(&text).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        fs::write(format!("{}.sha256", path.display()), format!("{sum}  {name}\n")).unwrap();
    }
}

#[test]
fn logs_archives_and_samples_give_the_same_campaign() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = made(START);
    // An archive has only what ended.
    let ended: Vec<_> = all.outcomes.iter().map(|outcome| outcome.identity.attempt.clone()).collect();
    all.records.retain(|record| ended.contains(&record.identity.attempt));
    let lines = all.lines();
    let log =
        "starting\n{not ours}\n{\"pod\":\"x\",\"environment\":{}}\n\u{feff}".to_owned() + &lines.join("\r\nnote\n");
    let printed = whole(&[file(folder.path(), "log", log)]).unwrap();
    assert_eq!(printed.transfers.len(), 72);

    let root = folder.path().join("archive");
    archive(&root, &all);
    file(&root, "README.md", "{\"records\"");
    let archived = from_archive("here", archive_files(&root), &Selection::default(), NOW).unwrap();
    same(&archived, &printed);
    same(&whole(&[root]).unwrap(), &printed);

    let samples = printed.samples().fold(String::new(), |text, line| text + &line + "\n");
    let report = folder.path().join("report");
    file(&report, "samples.jsonl", &samples);
    let again = whole(&[report]).unwrap();
    same(&again, &printed);
    assert!(again.samples().eq(printed.samples()));
}

#[test]
fn samples_tell_what_was_odd_about_reading_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = made(START);
    all.records[0].ended_ms = 0;
    let log = all.lines().join("\n") + "\n{\"schema\":1,";
    let printed = whole(&[file(folder.path(), "log", log)]).unwrap();
    assert_eq!(printed.oddities.len(), 2, "{:?}", printed.oddities);
    let samples = printed.samples().fold(String::new(), |text, line| text + &line + "\n");
    same(&whole(&[file(folder.path(), "samples.jsonl", samples)]).unwrap(), &printed);
}

#[test]
fn what_an_archive_has_from_the_store_is_the_same_record() {
    let folder = tempfile::tempdir().unwrap();
    let made = made(START);
    let printed = whole(&[file(folder.path(), "log", made.lines().join("\n"))]).unwrap();
    let stored = made.records.iter().map(|record| stored_part(record).to_string());
    let outcomes = made.outcomes.iter().map(|outcome| {
        let mut outcome = serde_json::to_value(outcome).unwrap();
        outcome["archive"] = serde_json::json!({"whole": 0, "stored": 1, "why": "the log is gone"});
        outcome.to_string()
    });
    let lines: Vec<String> = stored.chain(outcomes).collect();
    same(&whole(&[file(folder.path(), "stored", lines.join("\n"))]).unwrap(), &printed);
    same(&whole(&[folder.path().join("log"), folder.path().join("stored")]).unwrap(), &printed);
}

#[test]
fn a_rehearsal_s_folder_is_read_once_and_several_below_one_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let made = made(START);
    let text = made.lines().join("\n") + "\n";
    file(folder.path(), "one/records.jsonl", &text);
    file(folder.path(), "one/slug/trial-1/records.jsonl", &text);
    file(folder.path(), "two/.hidden/records.jsonl", "{\"broken");
    let one = whole(&[folder.path().join("one")]).unwrap();
    same(&whole(&[folder.path().to_owned()]).unwrap(), &one);
    same(&whole(&[folder.path().join("one"), folder.path().join("one/slug")]).unwrap(), &one);
}

#[test]
fn every_mistake_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = made(START).lines();
    let other = made(START + 1_000_000_000).lines();
    let differs = lines[1].replace("\"content_bytes\":", "\"content_bytes\":1");
    lines.insert(2, lines[0].clone());
    lines.insert(3, differs);
    lines.insert(4, other[0].replace("\"schema\":1", "\"schema\":2"));
    lines.insert(5, other[1].replace("\"role\":\"leecher\"", "\"role\":\"boss\""));
    lines.insert(6, "{\"schema\":1,".to_owned());
    let one = file(folder.path(), "one", lines.join("\n"));
    let bytes = [b"{\"schema\":1,\"attempt\":\"\xff\"}\n", &b"\xff\xfe{\0\"\0"[..]];
    let two = file(folder.path(), "two", bytes[0]);
    let three = file(folder.path(), "three", bytes[1]);
    fs::create_dir(folder.path().join("none")).unwrap();
    file(folder.path(), "empty/some.jsonl", "nothing\n");
    let rest = ["none", "empty", "gone"].map(|name| folder.path().join(name));
    let paths: Vec<PathBuf> = [one, two, three].into_iter().chain(rest).collect();
    let said = said(folder.path(), &paths);
    let id = "bg-smoke-0000000001-abcdee-t1a1/warmup1/counter/download/bt-fast-1";
    for (wanted, line) in [
        format!("one:4: {id} is there twice and differs: see one:2"),
        "one:5: a record of version 2; this release reads version 1: use the release that measured it".to_owned(),
        "one:6: no record: unknown variant `boss`, expected `seeder` or `leecher`".to_owned(),
        "one:7: neither a record nor an outcome: EOF while parsing".to_owned(),
        "two:1: it is not UTF-8".to_owned(),
        "three:1: it is UTF-16; records are UTF-8".to_owned(),
        "none: no record is in this folder".to_owned(),
        "empty: no record is in this folder".to_owned(),
        "gone: No such file or directory".to_owned(),
    ]
    .iter()
    .zip(said.lines())
    {
        assert!(line.starts_with(wanted.as_str()), "{line}\nwanted: {wanted}");
    }
    assert_eq!(said.lines().count(), 9, "{said}");
}

#[test]
fn a_line_cut_short_by_a_kill_is_told_and_the_rest_counts() {
    let folder = tempfile::tempdir().unwrap();
    let all = made(START);
    let lines = all.of(&identity(1, 1, 1).attempt).lines();
    let log = lines[..3].join("\n");
    for end in (2..lines[2].len()).step_by(23) {
        let path = file(folder.path(), "log", &log.as_bytes()[..log.len() - lines[2].len() + end]);
        let campaign = whole(std::slice::from_ref(&path)).unwrap();
        assert_eq!(campaign.transfers.len(), 2, "{end}");
        assert_eq!(campaign.oddities, [Oddity::CutShort { place: format!("{}:3", path.display()) }], "{end}");
        assert_eq!(
            campaign.standings(&BTreeMap::new()).into_values().collect::<Vec<_>>(),
            [Some(LeftOut::Unfinished { there: 2 })]
        );
    }
    assert_eq!(whole(&[file(folder.path(), "log", log)]).unwrap().transfers.len(), 3, "a whole line without an end");
}

#[test]
fn what_was_archived_is_held_against_its_checksum() {
    let folder = tempfile::tempdir().unwrap();
    archive(folder.path(), &made(START));
    let of = |cell, trial, number| {
        let identity = identity(cell, trial, number);
        folder.path().join(format!("test lab/smoke/{}/{}.jsonl", identity.cell, identity.attempt))
    };
    let sum = |path: &Path| PathBuf::from(format!("{}.sha256", path.display()));
    let (cut, alone, gone, odd) = (of(1, 1, 1), of(1, 2, 1), of(1, 2, 2), of(2, 1, 1));
    let text = fs::read_to_string(&cut).unwrap();
    fs::write(&cut, text.rsplit_once("\n{").unwrap().0).unwrap();
    fs::remove_file(sum(&alone)).unwrap();
    fs::remove_file(&gone).unwrap();
    fs::write(sum(&odd), "").unwrap();
    let Err(SourceError::Mistakes(mistakes)) =
        from_archive("here", archive_files(folder.path()), &Selection::default(), NOW)
    else {
        panic!("it is read")
    };
    let mut found = mistakes.0.iter();
    assert!(matches!(found.next(), Some(Mistake::Checksum { path, .. }) if *path == cut), "{mistakes}");
    assert!(matches!(found.next(), Some(Mistake::NoChecksum { path }) if *path == alone), "{mistakes}");
    assert!(matches!(found.next(), Some(Mistake::Checksum { path, said, .. }) if *path == odd && said == "\"\""));
    assert!(matches!(found.next(), Some(Mistake::Gone { path }) if *path == gone), "{mistakes}");
    assert!(found.next().is_none());
    let none = tempfile::tempdir().unwrap();
    for folder in [none.path().to_owned(), none.path().join("nowhere")] {
        assert!(from_archive("here", archive_files(&folder), &Selection::default(), NOW).is_err());
    }
}

#[test]
fn clocks_that_jump_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let all = made(START);
    let mut one = all.of(&identity(1, 1, 1).attempt);
    let attempt = one.outcomes[0].identity.attempt.clone();
    one.records[0].ended_ms = 0;
    one.records[1].ended_ms = NOW + 1;
    let path = file(folder.path(), "log", one.lines().join("\n"));
    let campaign = whole(&[path]).unwrap();
    let by_ms = NOW + 1 - one.outcomes[0].ended_ms;
    assert_eq!(
        campaign.oddities,
        [
            Oddity::Past { attempt: attempt.clone(), ended_ms: 0 },
            Oddity::Future { attempt: attempt.clone(), ended_ms: NOW + 1 },
            Oddity::AfterOutcome { attempt, records: 1, by_ms },
        ]
    );
    assert_eq!(
        campaign.standings(&BTreeMap::new()).into_values().collect::<Vec<_>>(),
        [None],
        "it counts all the same"
    );
}

#[test]
fn what_is_not_wanted_is_not_there() {
    let selection = Selection { cells: vec!["ff".to_owned()], ..Selection::default() };
    let lines = made(START).lines();
    let folder = tempfile::tempdir().unwrap();
    let error = from_records(&[file(folder.path(), "log", lines.join("\n"))], &selection, NOW).unwrap_err();
    let said = error.to_string();
    assert!(said.ends_with("log holds nothing of cell ff: none of its 103 records and outcomes is"), "{said}");
    let empty = whole(&[file(folder.path(), "log", "")]).unwrap();
    assert!(empty.is_empty());
}
