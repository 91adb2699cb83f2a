//! One group of nodes.

use std::collections::BTreeMap;

use benchgrid_probe::experiment::Link;
use serde_json::{Value, json};

use super::value::{Size, Spot, Text, Whole, resolve};
use super::{Needs, PlannedGroup, PlannedImage, Subject, Trouble, image, link};
use crate::kustomize::{kind, name};
use crate::matrix::Scope;
use crate::spec::{
    GroupSpec, ImagePolicy, Lab, Resources, Role, RoleSettings, Shaping, System, Template, codes, suggest,
};

/// Most nodes of a group.
const MOST_REPLICAS: u32 = 1000;

/// What a group is planned from.
pub(super) struct GroupInput<'a> {
    /// The scenario's name of the system.
    pub(super) system_name: &'a str,
    pub(super) system: &'a System,
    /// The base's objects.
    pub(super) objects: &'a [Value],
    pub(super) name: &'a str,
    pub(super) spec: &'a GroupSpec,
    pub(super) lab: &'a Lab,
    /// Axes, `measure` and hosts; of a group's own `replicas`, axes alone.
    pub(super) scope: &'a Scope,
}

impl GroupInput<'_> {
    /// A place in the scenario's group.
    fn spot(&self, field: &str) -> Spot {
        let pointer = format!("/spec/systems/{}/groups/{}{field}", self.system_name, self.name);
        Spot::new(&Subject::Scenario, pointer)
    }

    /// A place in `system.yaml`.
    fn system_spot(&self, field: &str) -> Spot {
        Spot::new(&Subject::System(self.system_name.to_owned()), format!("/spec{field}"))
    }

    /// The base's workload.
    pub(super) fn workload(&self) -> Option<&Value> {
        workload(self.objects, &self.system.spec.workload)
    }
}

/// The one StatefulSet of a base.
pub(super) fn workload<'a>(objects: &'a [Value], named: &str) -> Option<&'a Value> {
    objects.iter().find(|object| kind(object) == "StatefulSet" && name(object) == named)
}

/// How many nodes a group has: known before anything else of it, since the seeders depend on it.
pub(super) fn replicas(input: &GroupInput<'_>) -> Result<u32, Trouble> {
    let spot = input.spot("/replicas");
    match resolve::<Whole>(input.scope, &input.spec.replicas, &spot)?.0 {
        0 => Err(spot
            .trouble(codes::REPLICAS, "the group has no nodes")
            .help("leave the group out by a `when` of another system")),
        many if many > MOST_REPLICAS => {
            Err(spot.trouble(codes::REPLICAS, format!("{many} nodes in one group; {MOST_REPLICAS} is the limit")))
        }
        replicas => Ok(replicas),
    }
}

/// Resolves a group; warnings go to the list.
pub(super) fn group(
    input: &GroupInput<'_>,
    replicas: u32,
    warnings: &mut Vec<Trouble>,
) -> Result<PlannedGroup, Trouble> {
    let about = json!({"name": input.name, "replicas": replicas, "role": role_name(input.spec.role)});
    let scope = input.scope.clone().with("group", about);
    let data_bytes = data_bytes(input, &scope)?;
    let scope = scope.with("data", json!({"size": data_bytes}));
    let (cpu, memory) = resources(input, &scope)?;
    let named =
        input.spec.image.as_ref().map(|image| resolve::<Text>(&scope, image, &input.spot("/image"))).transpose()?;
    let images = images(input, named.as_ref().map(|image| image.0.as_str()), warnings)?;
    Ok(PlannedGroup {
        name: input.name.to_owned(),
        replicas,
        role: input.spec.role,
        images,
        cpu,
        memory,
        link: group_link(input, &scope, warnings)?,
        pool: pool(input)?,
        spread: input.spec.spread,
        env: env(input, &scope)?,
        args: args(input, &scope)?,
        process: process(input, &scope)?,
        patches: input.spec.patches.clone(),
        data_bytes,
        pod: Needs::default(),
    })
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Any => "any",
        Role::Seeder => "seeder",
        Role::Leecher => "leecher",
        Role::Bootstrap => "bootstrap",
    }
}

fn data_bytes(input: &GroupInput<'_>, scope: &Scope) -> Result<u64, Trouble> {
    match &input.spec.data {
        Some(data) => resolve::<Size>(scope, &data.size, &input.spot("/data/size")),
        None => resolve::<Size>(scope, &input.system.spec.data.size, &input.system_spot("/data/size")),
    }
    .map(|size| size.0)
}

/// Requests of the node's container: the group's, else the lab's.
fn resources(input: &GroupInput<'_>, scope: &Scope) -> Result<(Option<String>, Option<String>), Trouble> {
    let lab = Spot::new(&Subject::Lab, "/spec/defaults/resources");
    let group = input.spot("/resources");
    let find = |of: fn(&Resources) -> Option<&Template>, field: &str| {
        let own = input.spec.resources.as_ref().and_then(of).map(|template| (template.clone(), &group));
        let found = own.or_else(|| input.lab.spec.defaults.resources.as_ref().and_then(of).map(|t| (t.clone(), &lab)));
        found.map(|(template, spot)| {
            let spot = Spot::new(&spot.subject, format!("{}/{field}", spot.pointer));
            resolve::<Text>(scope, &template, &spot).map(|text| (text.0, spot))
        })
    };
    let cpu = find(|resources| resources.cpu.as_ref(), "cpu").transpose()?;
    let memory = find(|resources| resources.memory.as_ref(), "memory").transpose()?;
    let cpu = cpu.map(|(text, spot)| match super::needs::cpu_millis(&text) {
        Some(_) => Ok(text),
        None => Err(spot
            .trouble(codes::AMOUNT, format!("`{text}` is no number of processors"))
            .help("write 2, 0.5 or 500m")),
    });
    let memory = memory.map(|(text, spot)| match super::needs::memory_bytes(&text) {
        // what Kubernetes does not read is written out in bytes
        Some(bytes) if text.ends_with('B') => Ok(bytes.to_string()),
        Some(_) => Ok(text),
        None => Err(spot.trouble(codes::AMOUNT, format!("`{text}` is no amount of memory")).help("write 2Gi or 500MB")),
    });
    Ok((cpu.transpose()?, memory.transpose()?))
}

/// Images of the workload's containers, where the lab or the group changes them.
fn images(
    input: &GroupInput<'_>,
    named: Option<&str>,
    warnings: &mut Vec<Trouble>,
) -> Result<BTreeMap<String, PlannedImage>, Trouble> {
    let mut images = BTreeMap::new();
    let pod = input.workload().map(|workload| &workload["spec"]["template"]["spec"]);
    for container in ["initContainers", "containers"].iter().filter_map(|list| pod?[list].as_array()).flatten() {
        let own = container["image"].as_str().unwrap_or_default();
        let container = container["name"].as_str().unwrap_or_default();
        let named = named.filter(|_| container == input.system.spec.container);
        let wanted = named.unwrap_or(own);
        let lab = &input.lab.spec.images;
        let image = PlannedImage { experiment: image::replaced(lab, wanted), deployed: image::mirrored(lab, wanted) };
        check_moving(input, &image.deployed, named.is_some(), warnings)?;
        if image.deployed != own || image.experiment != own {
            images.insert(container.to_owned(), image);
        }
    }
    Ok(images)
}

fn check_moving(input: &GroupInput<'_>, image: &str, named: bool, warnings: &mut Vec<Trouble>) -> Result<(), Trouble> {
    if !image::moves(image) {
        return Ok(());
    }
    let spot = if named { input.spot("/image") } else { Spot::new(&Subject::Base(input.system_name.to_owned()), "") };
    let trouble = spot
        .trouble(codes::MOVING_TAG, format!("the image `{image}` has no digest; it may be another one tomorrow"))
        .help("write image@sha256:…, or set the lab's images.policy to allow");
    match input.lab.spec.images.policy {
        ImagePolicy::Allow => Ok(()),
        ImagePolicy::Warn => {
            warnings.push(trouble.warning());
            Ok(())
        }
        ImagePolicy::Error => Err(trouble),
    }
}

fn group_link(input: &GroupInput<'_>, scope: &Scope, warnings: &mut Vec<Trouble>) -> Result<Option<Link>, Trouble> {
    let lab = Spot::new(&Subject::Lab, "/spec/defaults/network");
    let asked = match (&input.spec.network, &input.lab.spec.defaults.network) {
        (Some(network), _) => link::link(scope, network, &input.spot("/network")),
        (None, Some(network)) => link::link(scope, network, &lab),
        (None, None) => {
            if input.spec.role != Role::Bootstrap {
                let message = "the nodes' links are not shaped, since neither the group nor the lab says how";
                let help = "give the group a `network`, or the lab a default; there is no efficiency without";
                warnings.push(input.spot("").trouble(codes::UNSHAPED, message).help(help).warning());
            }
            Ok(None)
        }
    }?;
    if asked.is_some() && input.lab.spec.shaping == Shaping::None {
        let message = "the lab does not shape links: attempts fail where a node's own link is not the one asked for";
        let trouble = Spot::new(&Subject::Lab, "/spec/shaping").trouble(codes::UNSHAPED, message);
        warnings.push(trouble.help("write `shaping: tc`, unless the machines have these links anyway").warning());
    }
    Ok(asked)
}

fn pool(input: &GroupInput<'_>) -> Result<Option<String>, Trouble> {
    let (pool, spot) = match (&input.spec.pool, &input.lab.spec.defaults.pool) {
        (Some(pool), _) => (pool, input.spot("/pool")),
        (None, Some(pool)) => (pool, Spot::new(&Subject::Lab, "/spec/defaults/pool")),
        (None, None) => return Ok(None),
    };
    if input.lab.spec.pools.contains_key(pool) {
        return Ok(Some(pool.clone()));
    }
    let pools: Vec<&str> = input.lab.spec.pools.keys().map(String::as_str).collect();
    let has = if pools.is_empty() { "none".to_owned() } else { pools.join(", ") };
    let trouble = spot.trouble(codes::NO_POOL, format!("the lab has no pool `{pool}`; it has {has}"));
    Err(match suggest(pool, pools) {
        Some(near) => trouble.help(format!("did you mean `{near}`?")),
        None => trouble,
    })
}

/// What the group's role adds.
fn role<'a>(input: &GroupInput<'a>) -> Option<(&'a str, &'a RoleSettings)> {
    let roles = &input.system.spec.roles;
    let found = roles.get_key_value(role_name(input.spec.role)).or_else(|| roles.get_key_value("others"));
    found.map(|(name, settings)| (name.as_str(), settings))
}

/// Environment of system, role and group; the later wins.
fn env(input: &GroupInput<'_>, scope: &Scope) -> Result<BTreeMap<String, String>, Trouble> {
    let mut env = BTreeMap::new();
    let mut add = |key: &str, template: &Template, spot: Spot| -> Result<(), Trouble> {
        env.insert(key.to_owned(), resolve::<Text>(scope, template, &spot)?.0);
        Ok(())
    };
    for (key, template) in &input.system.spec.env {
        add(key, template, input.system_spot(&format!("/env/{key}")))?;
    }
    if let Some((role, settings)) = role(input) {
        for (key, template) in &settings.env {
            add(key, template, input.system_spot(&format!("/roles/{role}/env/{key}")))?;
        }
    }
    for (key, text) in &input.spec.env {
        add(key, &Template::text(text), input.spot(&format!("/env/{key}")))?;
    }
    Ok(env)
}

/// Arguments of system, role and group, in this order.
fn args(input: &GroupInput<'_>, scope: &Scope) -> Result<Vec<String>, Trouble> {
    let mut args = Vec::new();
    let mut add = |template: &Template, spot: Spot| -> Result<(), Trouble> {
        args.push(resolve::<Text>(scope, template, &spot)?.0);
        Ok(())
    };
    for (n, template) in input.system.spec.args.iter().enumerate() {
        add(template, input.system_spot(&format!("/args/{n}")))?;
    }
    if let Some((role, settings)) = role(input) {
        for (n, template) in settings.args.iter().enumerate() {
            add(template, input.system_spot(&format!("/roles/{role}/args/{n}")))?;
        }
    }
    for (n, text) in input.spec.args.iter().enumerate() {
        add(&Template::text(text), input.spot(&format!("/args/{n}")))?;
    }
    Ok(args)
}

/// How a rehearsal starts a node.
fn process(input: &GroupInput<'_>, scope: &Scope) -> Result<Vec<String>, Trouble> {
    let word = |(n, template)| resolve::<Text>(scope, template, &input.system_spot(&format!("/process/{n}")));
    input.system.spec.process.iter().enumerate().map(word).map(|word| word.map(|text| text.0)).collect()
}
