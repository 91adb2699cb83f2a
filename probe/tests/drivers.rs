//! Drivers against real nodes: an order goes in, the same bytes come out elsewhere.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use benchgrid_probe::{
    content::Content,
    driver::{Driver, DriverError, Place, Progress, driver},
    http_node,
};

const LIMIT: Duration = Duration::from_secs(60);

fn content(name: &str, bytes: u64) -> Content {
    Content { name: name.to_owned(), seed: Content::seed(&["drivers", name]), bytes }
}

/// Polls until everything is there.
fn finish(driver: &mut dyn Driver, content: &Content) -> Progress {
    let start = Instant::now();
    let mut last = 0;
    loop {
        let progress = driver.progress().unwrap();
        assert!(progress.verified_bytes >= last, "progress went back");
        last = progress.verified_bytes;
        if last == content.bytes {
            return progress;
        }
        assert!(start.elapsed() < LIMIT, "{last} of {} bytes after {LIMIT:?}", content.bytes);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A node of the control system; all share one port, as in a cell, each on a loopback address of its own.
fn http_node(runtime: &tokio::runtime::Runtime, ip: &str, port: u16, data: &Path) -> (Box<dyn Driver>, u16) {
    let address: SocketAddr = format!("{ip}:{port}").parse().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(http_node::serve(listener, data.to_owned()));
    let place = Place {
        api: format!("http://{ip}:{port}"),
        data: data.to_owned(),
        host: ip.to_owned(),
        tracker: String::new(),
    };
    (driver("http", place).unwrap(), port)
}

#[test]
fn http_carries_content_from_one_and_from_two() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let directories: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let (mut first, port) = http_node(&runtime, "127.0.0.2", 0, directories[0].path());
    let (mut second, _) = http_node(&runtime, "127.0.0.3", port, directories[1].path());
    let (mut third, _) = http_node(&runtime, "127.0.0.4", port, directories[2].path());
    assert_eq!(first.describe().unwrap().unit_bytes, 1);
    for (name, bytes) in [("even.bin", 5_000_000), ("odd.bin", 3_000_001), ("one", 1)] {
        let content = content(name, bytes);
        let handle = first.ingest(&content, LIMIT).unwrap().handle;
        second.start(&handle, &content, &["127.0.0.2".to_owned()]).unwrap();
        finish(second.as_mut(), &content);
        assert_eq!(second.read_back(&content).unwrap(), content.sha256().unwrap());
        let both = ["127.0.0.2".to_owned(), "127.0.0.3".to_owned()];
        // Twice: what an earlier attempt left is no obstacle.
        for _ in 0..2 {
            third.start(&handle, &content, &both).unwrap();
            finish(third.as_mut(), &content);
            assert_eq!(third.read_back(&content).unwrap(), content.sha256().unwrap());
        }
        for node in [&mut first, &mut second, &mut third] {
            node.remove(&content).unwrap();
            node.remove(&content).unwrap();
        }
    }
    for directory in &directories {
        assert_eq!(fs::read_dir(directory).unwrap().count(), 0, "something was left behind");
    }
}

#[test]
fn http_tells_of_a_fetch_that_fails() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (mut node, _) = http_node(&runtime, "127.0.0.5", 0, directory.path());
    let content = content("absent.bin", 1000);
    let handle = benchgrid_probe::driver::Handle(content.name.clone());
    // It asks itself, and has nothing.
    node.start(&handle, &content, &["127.0.0.5".to_owned()]).unwrap();
    let start = Instant::now();
    let error = loop {
        match node.progress() {
            Err(error) => break error,
            Ok(_) => assert!(start.elapsed() < LIMIT),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(matches!(error, DriverError::Node { .. }) && error.to_string().contains("404"), "{error}");
    assert!(node.start(&handle, &content, &[]).unwrap_err().to_string().contains("no node to fetch from"));
    node.remove(&content).unwrap();
}
