//! What a whole campaign takes of its lab, and what will be compared.

use std::collections::BTreeSet;
use std::path::PathBuf;

use benchgrid::plan::{Missing, Plan, Ratio};
use benchgrid::render::show;
use benchgrid::spec::{All, Concurrency, Load, Observe, Role, Spread, Template, codes};
use benchgrid_measures::DRIVERS;
use benchgrid_probe::driver::Place;
use serde_json::json;

use super::assert_named;
use super::input::{Change, Input};

/// Codes of a plan's warnings.
fn warned(plan: &Plan) -> Vec<&str> {
    plan.warnings.iter().map(|trouble| trouble.code).collect()
}

#[test]
fn what_just_fits_is_no_trouble() {
    let fits: [Change<Input>; 6] = [
        |input| input.pool(9, json!({"cpu": "450m", "memory": "384Mi"})),
        // the coordinator has its place too
        |input| input.pool(1, json!({"pods": 4})),
        |input| input.pool(2, json!({"cpu": "900m"})),
        |input| {
            input.pool(3, json!({}));
            input.group("fast").spread = Spread::Required;
            input.group("seed").spread = Spread::Required;
        },
        |input| {
            input.pool(2, json!({"pods": 4}));
            input.lab.spec.concurrency = Concurrency::Some(2);
        },
        |input| {
            input.pool(1, json!({"pods": 16}));
            input.lab.spec.concurrency = Concurrency::All(All::All);
        },
    ];
    for (place, change) in fits.into_iter().enumerate() {
        let plan = Input::with(change).unwrap_or_else(|troubles| panic!("change {place}: {troubles:#?}"));
        assert!(!warned(&plan).contains(&codes::WINDOW), "change {place}: {:#?}", plan.warnings);
    }
}

#[test]
fn capacity_says_how_many_fit() {
    let plan = Input::with(|input| {
        input.pool(1, json!({"pods": 11, "cpu": 64}));
        input.lab.spec.concurrency = Concurrency::Some(3);
    })
    .unwrap();
    let capacity = &plan.capacity;
    assert_eq!((capacity.at_once, capacity.fitting, plan.totals.at_once), (3, 2, 2));
    let [pool, whole] = &capacity.pools[..] else { panic!("{capacity:#?}") };
    assert_eq!((pool.pool.as_deref(), pool.has.pods, pool.cell.pods, pool.window.pods), (Some("p"), Some(11), 3, 9));
    assert_eq!((whole.pool.as_deref(), whole.cell.pods, whole.window.pods), (None, 4, 12));
    assert_eq!((whole.cell.cpu_millis, whole.window.cpu_millis), (1600, 4800));
    let message = &plan.warnings.iter().find(|trouble| trouble.code == codes::WINDOW).unwrap().message;
    assert!(
        message.starts_with("3 attempts at once don't fit") && message.ends_with(", only 2 can run at once"),
        "{message}"
    );
    // by sums, 2 fit as well: the third waits for its place
    let help = |plan: &Plan| {
        let warning = plan.warnings.iter().find(|trouble| trouble.code == codes::WINDOW);
        warning.and_then(|warning| warning.help.clone()).unwrap_or_default()
    };
    assert!(help(&plan).starts_with("the others wait"), "{}", help(&plan));
    // machines that take one node each, and leave a little: by sums it is a third cell's
    let uneven = |concurrency| {
        Input::with(|input| {
            input.pool(7, json!({"cpu": "700m"}));
            input.lab.spec.concurrency = concurrency;
        })
        .unwrap()
    };
    let asked = uneven(Concurrency::Some(3));
    assert_eq!((asked.capacity.fitting, &help(&asked)[..22]), (2, "by their sums 3 would:"));
    assert!(help(&uneven(Concurrency::All(All::All))).ends_with("`concurrency: 2` is safe"));
    // a lab that says nothing of its machines refuses nothing
    let plan = Input::with(|input| input.lab.spec.concurrency = Concurrency::All(All::All)).unwrap();
    assert_eq!((plan.capacity.at_once, plan.capacity.fitting), (4, 4));
}

#[test]
fn patches_count_in_needs() {
    let plan = Input::with(|input| {
        let pointer = "/spec/template/spec/containers/0/resources/requests/cpu";
        input.patch("StatefulSet", pointer, "3");
    });
    let plan = plan.unwrap();
    let cell = plan.cells.iter().find(|cell| cell.slug.ends_with("http")).unwrap();
    assert_eq!(cell.needs.cpu_millis, 1600 + 3000 - 200);
}

#[test]
fn troubles_of_many_cells_are_said_once() {
    let plan = Input::with(|input| input.group("fast").network = None).unwrap();
    let messages: Vec<&String> = plan
        .warnings
        .iter()
        .filter(|trouble| trouble.code == codes::UNSHAPED)
        .map(|trouble| &trouble.message)
        .collect();
    let [message] = messages[..] else { panic!("{messages:#?}") };
    assert!(message.ends_with("(cell filesize-5mb.system-http and 1 more)"), "{message}");
}

/// Puts the other system beside the first, everywhere.
fn beside(input: &mut Input, load: Load) {
    let other = input.scenario.spec.systems.get_mut("bittorrent").unwrap();
    other.load = load;
    other.when = Some("system == 'http'".to_owned());
    input.matrix.cells.retain(|cell| cell.slug.ends_with("http"));
    input.scenario.spec.compare = None;
}

#[test]
fn systems_may_be_there_without_being_measured() {
    let alone = Input::with(|input| input.matrix.cells.retain(|cell| cell.slug.ends_with("http"))).unwrap();
    let plans =
        [Load::Measured, Load::Background, Load::Idle].map(|load| Input::with(|input| beside(input, load)).unwrap());
    let mut seen = BTreeSet::from([alone.cells[0].digest.clone()]);
    for plan in &plans {
        let cell = &plan.cells[0];
        assert_eq!(cell.systems.len(), 2);
        assert_eq!((cell.needs.pods, cell.needs.cpu_millis), (7, 2950), "every node is there");
        assert!(seen.insert(cell.digest.clone()), "what a system does is part of the experiment");
    }
    let [measured, background, idle] = plans.map(|plan| plan.totals);
    assert_eq!(measured.download_bytes, 2 * alone.totals.download_bytes);
    assert_eq!((idle.download_bytes, idle.background_bytes), (alone.totals.download_bytes, 0));
    assert_eq!(idle.upload_bytes, alone.totals.upload_bytes);
    // links are alike, so the background goes round once a transfer of the measured one
    assert_eq!(background.download_bytes, alone.totals.download_bytes);
    assert_eq!(background.background_bytes, alone.totals.download_bytes);
}

#[test]
fn seeders_are_asked_of_measured_systems_only() {
    use Role::{Any, Bootstrap, Leecher, Seeder};

    let seeders = |load: Load, roles: [Role; 3], asked: Option<u32>| {
        Input::with(|input| {
            beside(input, load);
            let groups = &mut input.scenario.spec.systems.get_mut("bittorrent").unwrap().groups;
            for (name, role) in ["seed", "fast", "slow"].into_iter().zip(roles) {
                groups.get_mut(name).unwrap().role = role;
            }
            if asked.is_some() {
                // the measured system can have as many
                input.group("fast").role = Role::Any;
                input.measure().seeders = asked.map(|asked| Template(json!(asked)));
            }
        })
        .map(|plan| plan.cells[0].systems.iter().find(|system| system.name == "bittorrent").unwrap().seeders)
    };
    assert_eq!(seeders(Load::Background, [Seeder, Leecher, Leecher], None), Ok(1));
    assert_eq!(seeders(Load::Background, [Any, Any, Any], None), Ok(1));
    assert_eq!(seeders(Load::Background, [Any, Any, Any], Some(2)), Ok(2));
    assert_eq!(seeders(Load::Background, [Any, Leecher, Leecher], Some(2)), Ok(1));
    assert_eq!(seeders(Load::Idle, [Leecher, Leecher, Bootstrap], None), Ok(0));
    for roles in [[Seeder, Seeder, Seeder], [Leecher, Leecher, Leecher], [Any, Bootstrap, Bootstrap]] {
        let troubles = seeders(Load::Background, roles, None).unwrap_err();
        assert_named(&troubles, codes::WRONG_SEEDERS, "/spec/systems/bittorrent/groups");
    }
}

#[test]
fn cells_push_to_the_relay() {
    let mut input = Input::new();
    input.lab.spec.metrics.secret = Some("store".to_owned());
    input.lab.spec.metrics.relay = Some("http://relay:8429".to_owned());
    let plan = input.plan().unwrap();
    let yaml = show(&plan, &plan.cells[0], &input.lab).unwrap();
    assert!(yaml.contains("\"write\": \"http://relay:8429\"") && yaml.contains("port: 8429"), "{yaml}");
}

#[test]
fn cells_say_what_their_systems_do() {
    let mut input = Input::new();
    beside(&mut input, Load::Background);
    let plan = input.plan().unwrap();
    let yaml = show(&plan, &plan.cells[0], &input.lab).unwrap();
    assert_eq!(yaml.matches("\"load\": \"background\"").count(), 1, "{yaml}");
}

#[test]
fn forecast() {
    let usual = Input::new().plan().unwrap().totals;
    // one seeder and two leechers, three transfers, two systems, 5 and 20 MB
    assert_eq!((usual.download_bytes, usual.upload_bytes), (300_000_000, 150_000_000));
    // three nodes, both ways, 5 MB
    assert_eq!(usual.baseline_bytes, 4 * 3 * 2 * 5_000_000);
    assert_eq!(usual.bytes, 300_000_000 + 150_000_000 + 120_000_000);
    // a cell of 20 MB: 8 s around it, 4 s for the links, 3 x (0.6 + 1 + 2 + 2 + 12 + 1), 6 s until it is gone: 73.8 s;
    // of 5 MB: 8 + 4 + 3 x (0.15 + 1 + 2 + 2 + 3 + 1) + 6 = 45.45 s
    let many = |concurrency| {
        let change = |input: &mut Input| {
            input.measure().trials = Some(Template(json!(100)));
            input.lab.spec.concurrency = concurrency;
        };
        Input::with(change).unwrap().totals
    };
    let (hundred, halved) = (many(Concurrency::Some(1)), many(Concurrency::Some(2)));
    assert!((hundred.hours - 6.63).abs() < 1e-9, "{}", hundred.hours);
    assert!((halved.hours - 3.31).abs() < 1e-9 && halved.most_hours < hundred.most_hours, "{}", halved.hours);
    let untold = Input::with(|input| input.lab.spec.argocd.webhook = None).unwrap().totals;
    assert!((untold.hours - usual.hours - 4.0 * 292.4 / 3600.0).abs() < 0.011, "{}", untold.hours);
    let retried = Input::with(|input| input.lab.spec.retries = 3).unwrap().totals;
    assert!((retried.most_hours / usual.most_hours - 2.0).abs() < 0.01, "4 tries instead of 2");
    assert!(usual.most_hours > 10.0 * usual.hours);
    let at_once = Input::with(|input| input.lab.spec.concurrency = Concurrency::All(All::All)).unwrap().totals;
    assert!((at_once.hours - 0.02).abs() < 1e-9, "not less than the longest: {}", at_once.hours);
    assert_eq!(at_once.disk_at_once_bytes, 2 * 3 * (178_000_000 + 119_500_000));
}

#[test]
fn each_kind_of_observation_has_transfers_of_its_own() {
    let usual = Input::new().plan().unwrap();
    let both = |input: &mut Input| input.measure().observe = vec![Observe::Stream, Observe::Counter];
    let plan = Input::with(both).unwrap();
    let of = |plan: &Plan, system: &str| {
        let cell = plan.cells.iter().find(|cell| cell.slug == format!("filesize-20mb.system-{system}")).unwrap();
        (cell.measure.rounds, cell.systems[0].groups[0].data_bytes, cell.coordinator_seconds)
    };
    let (before, after) = (of(&usual, "http"), of(&plan, "http"));
    assert_eq!((before.0, after.0), (3, 6));
    assert_eq!((before.1, after.1), (178_000_000, 256_000_000), "1.3 x 20 MB x transfers, and 100 MB");
    assert!(after.2 > before.2 + 3 * 120, "each may take its deadline: {} {}", before.2, after.2);
    // qBittorrent gives no stream, so its cells stay as they were
    assert_eq!(of(&usual, "bittorrent"), of(&plan, "bittorrent"));
    assert_eq!(plan.totals.download_bytes, usual.totals.download_bytes / 2 * 3);
    assert_named(&plan.warnings, codes::UNOBSERVED, "/spec/measure/observe");
    assert!(usual.warnings.iter().all(|warning| warning.code != codes::UNOBSERVED));
    let none = Input::with(|input| input.measure().observe = vec![Observe::Stream]).unwrap_err();
    assert_named(&none, codes::UNOBSERVED, "/spec/measure/observe");
    // the order in which they are written is no part of the experiment
    let turned = Input::with(|input| input.measure().observe = vec![Observe::Counter, Observe::Stream]).unwrap();
    assert_eq!(turned.cells[0].digest, plan.cells[0].digest);
    assert_ne!(turned.cells[0].digest, usual.cells[0].digest);
    let yaml = show(&plan, &plan.cells[0], &Input::new().lab).unwrap();
    let told: String = yaml.split_whitespace().collect();
    assert!(told.contains(r#""observe":["counter","stream"]"#), "{yaml}");
}

/// The ratio of a number in the first pair.
fn ratio<'p>(plan: &'p Plan, observation: Option<Observe>, metric: &str) -> &'p Ratio {
    let of = |ratio: &&Ratio| ratio.observation == observation && ratio.metric == metric;
    plan.pairs[0].ratios.iter().find(of).unwrap()
}

#[test]
fn pairs_say_which_ratios_there_will_be() {
    let plan = Input::with(|input| input.measure().observe = vec![Observe::Counter, Observe::Stream]).unwrap();
    let pair = &plan.pairs[0];
    assert_eq!((pair.level.as_str(), pair.baseline.as_str(), pair.cells), ("bittorrent", "http", 2));
    assert!(pair.unmatched.is_empty());
    let time = ratio(&plan, Some(Observe::Counter), "time_to_100");
    assert_eq!((time.cells, time.missing.len()), (2, 0));
    let time = ratio(&plan, Some(Observe::Stream), "time_to_100");
    let reason = "the driver `qbittorrent` of `bittorrent` gives no stream".to_owned();
    assert_eq!((time.cells, &time.missing), (0, &vec![Missing { reason, cells: 2 }]));
    assert_eq!(ratio(&plan, None, "upload_time").cells, 2);

    let plan = Input::with(|input| input.group("slow").network = Some(json!("unshaped"))).unwrap();
    let efficiency = ratio(&plan, Some(Observe::Counter), "efficiency");
    assert_eq!((efficiency.cells, efficiency.missing[0].cells), (0, 2));
    assert_eq!(efficiency.missing[0].reason, "`http-slow` has unshaped links, so no least time is known");
    assert_eq!(ratio(&plan, Some(Observe::Counter), "time_to_100").cells, 2);

    let plan = Input::with(|input| "carrier-pigeon".clone_into(&mut input.system().driver)).unwrap();
    let time = ratio(&plan, Some(Observe::Counter), "time_to_50");
    assert_eq!(time.missing[0].reason, "nothing is known of the driver `carrier-pigeon` of `http`");
}

#[test]
fn cells_without_a_partner_are_named() {
    let plan = Input::with(|input| drop(input.matrix.cells.remove(0))).unwrap();
    let pair = &plan.pairs[0];
    assert_eq!((pair.cells, &pair.unmatched), (1, &vec!["filesize-5mb.system-bittorrent".to_owned()]));
    let plan = Input::with(|input| {
        let both = |slug: &str| slug == "filesize-5mb.system-http" || slug == "filesize-20mb.system-bittorrent";
        input.matrix.cells.retain(|cell| both(&cell.slug));
    });
    let plan = plan.unwrap();
    assert_eq!((plan.pairs[0].cells, plan.pairs[0].unmatched.len()), (0, 2));
    assert_named(&plan.warnings, codes::UNPAIRED, "/spec/compare");
}

#[test]
fn levels_of_any_axis_are_compared() {
    let plan = Input::with(|input| {
        let compare = input.scenario.spec.compare.as_mut().unwrap();
        compare.axis = "fileSize".to_owned();
        compare.baseline = json!("20MB");
    });
    let plan = plan.unwrap();
    let pair = &plan.pairs[0];
    assert_eq!((pair.level.as_str(), pair.baseline.as_str(), pair.cells), ("5MB", "20MB", 2));
    assert!(pair.notes.is_empty() || pair.notes[0].contains("differs"), "{:?}", pair.notes);
}

#[test]
fn the_list_of_drivers_is_the_probes() {
    for driver in &DRIVERS {
        let nowhere = "http://127.0.0.1:1".to_owned();
        let place = Place { api: nowhere.clone(), data: PathBuf::new(), host: String::new(), tracker: nowhere };
        assert!(benchgrid_probe::driver::driver(driver.name, place).is_ok(), "{}", driver.name);
    }
}

#[test]
fn the_reference_scenario_fits_the_example_lab() {
    let plan = Input::read("matrices/codex-vs-bittorrent.yaml", "labs/example.yaml").plan().unwrap();
    let totals = &plan.totals;
    assert_eq!((totals.cells, totals.exclusions, totals.attempts), (78, 42, 390));
    assert_eq!((totals.most_pods, totals.at_once), (34, 2), "32 nodes, a bootstrap node, the coordinator");
    assert!(!warned(&plan).contains(&codes::WINDOW), "{:#?}", plan.warnings);
    let [pair] = &plan.pairs[..] else { panic!("{:#?}", plan.pairs) };
    assert_eq!((pair.cells, pair.unmatched.len()), (39, 0));
    // leechers of the 13 pairs of sizes and seeders: 1; 7, 6, 4; 15, 14, 12, 8; 31, 30, 28, 24, 16
    assert_eq!(totals.download_bytes, 2 * 196 * 6_100_000_000 * 3 * 5);
}
