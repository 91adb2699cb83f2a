//! Memory of reading much: it holds what becomes part of the campaign, and a line of the rest.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![expect(clippy::print_stdout, reason = "numbers for who runs the tests")]

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Instant;

use benchgrid_measures::METRICS;
use benchgrid_results::{Campaign, Selection, from_records, from_store};

const NOW: i64 = 1_790_000_000_000;

/// Most memory that this process had since it was asked last, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    fs::write("/proc/self/clear_refs", "5").unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// What reading takes above what was there, told.
fn taken(what: &str, read: impl FnOnce() -> Campaign) -> (Campaign, usize) {
    peak();
    let (before, start) = (peak(), Instant::now());
    let campaign = read();
    let more = peak().saturating_sub(before);
    println!(
        "{what}: {} transfers, {:.1} s, {:.1} MB",
        campaign.transfers.len(),
        start.elapsed().as_secs_f64(),
        f64::from(u32::try_from(more).unwrap()) / 1e6
    );
    (campaign, more)
}

/// Every series of this many records, and this many points of their curves.
fn series(records: usize, points: usize, mut line: impl FnMut(&str)) {
    for i in 0..records {
        let of = |name: &str| {
            format!(
                "{{\"metric\":{{\"__name__\":\"{name}\",\"lab\":\"l\",\"scenario\":\"s\",\"cell\":\"{cell:010x}\",\"digest\":\"abcdef\",\"trial\":\"1\",\
                 \"attempt\":\"bg-s-{cell:010x}-abcdef-t1a1\",\"system\":\"bt\",\"group\":\"nodes\",\"node\":\"bt-nodes-{node}\",\"role\":\"leecher\",\
                 \"kind\":\"download\",\"phase\":\"measured\",\"repetition\":\"{repetition}\",\"observe\":\"counter\",\"driver\":\"qbittorrent\",\
                 \"version\":\"v5.0.4\",\"axis_fileSize\":\"100MB\",\"axis_seeders\":\"4\",\"axis_networkSize\":\"50\"}}",
                cell = i / 500,
                repetition = i / 50 % 10 + 1,
                node = i % 50,
            )
        };
        for metric in METRICS {
            line(&format!("{},\"values\":[{}.25],\"timestamps\":[1780000000000]}}\n", of(metric.name), i));
        }
        let join = |value: &dyn Fn(usize) -> String| (0..points).map(value).collect::<Vec<_>>().join(",");
        let (values, stamps) =
            (join(&|i| (i * 1000).to_string()), join(&|i| (1_780_000_000_000 - points + 1 + i).to_string()));
        line(&format!("{},\"values\":[{values}],\"timestamps\":[{stamps}]}}\n", of("benchgrid_progress_bytes")));
    }
}

/// A store that gives such an export; its URL.
fn store(body: impl Fn(&mut dyn Write) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 4096];
            let length = stream.read(&mut head).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 x\r\nconnection: close\r\n\r\n");
            if String::from_utf8_lossy(&head[..length]).contains("/api/v1/export") {
                body(&mut BufWriter::new(stream));
            } else {
                let _ = stream.write_all(b"{\"data\":[]}");
            }
        }
    });
    base
}

/// A file that gives these lines as they are read; where it is.
fn pipe(folder: &tempfile::TempDir, lines: usize, line: &'static str) -> PathBuf {
    let path = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let to = path.clone();
    thread::spawn(move || {
        let mut file = BufWriter::new(File::create(to).unwrap());
        (0..lines).for_each(|_| file.write_all(line.as_bytes()).unwrap());
    });
    path
}

/// One record of the command line's tests.
fn record() -> &'static str {
    let text = include_str!("../../compiler/tests/fixtures/records.jsonl");
    text.split_inclusive('\n').find(|line| line.starts_with('{')).unwrap()
}

fn reads(records: usize, lines: usize) -> [usize; 3] {
    let all = Selection::default();
    let again = store(move |out| {
        series(records / 500 + 1, 200, |line| (0..500).for_each(|_| out.write_all(line.as_bytes()).unwrap()));
    });
    let (few, same) = taken("export, each series 500 times", || from_store(&again, &all, NOW).unwrap());
    assert_eq!(few.transfers.len(), records / 500 + 1);
    let many = store(move |out| series(records, 200, |line| out.write_all(line.as_bytes()).unwrap()));
    let (many, distinct) =
        taken(&format!("export of {} series", records * (METRICS.len() + 1)), || from_store(&many, &all, NOW).unwrap());
    assert_eq!((many.transfers.len(), many.transfers[7].curve.len()), (records, 200));
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe(&folder, lines, record());
    let (one, file) = taken(&format!("{lines} lines of one record"), || from_records(&[pipe], &all, NOW).unwrap());
    assert_eq!(one.transfers.len(), 1);
    [same, distinct, file]
}

#[test]
fn memory_is_that_of_what_is_kept() {
    let [same, distinct, file] = reads(500, 5_000);
    // Each time some 16 MB of text of which next to nothing is kept.
    assert!(same < 6_000_000 && file < 6_000_000, "{same} {file}");
    // 200 points are 3200 bytes.
    assert!(distinct < 500 * 8_000, "{distinct}");
}

#[test]
#[ignore = "minutes: numbers for docs/benchmarks.md"]
fn a_million_lines() {
    reads(1_000_000 / (METRICS.len() + 1), 1_000_000);
}
