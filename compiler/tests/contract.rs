//! The cell contract: cells that keep it, every rule broken once, and where the user is told.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use benchgrid::kustomize::{apply, check_cell, check_cells, kind, name, read_documents};
use benchgrid::spec::{CODES, codes};
use serde_json::{Value, json};

/// `benchgrid` in the project's folder: exit code, stdout, stderr.
fn benchgrid(arguments: &[&str]) -> (i32, String, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let run = Command::new(env!("CARGO_BIN_EXE_benchgrid")).args(arguments).current_dir(root).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (run.status.code().unwrap(), text(run.stdout), text(run.stderr))
}

fn shown(cell: &str, scenario: &str, lab: &str) -> Vec<Value> {
    let (exit, objects, errors) = benchgrid(&["show", cell, "--scenario", scenario, "--lab", lab]);
    assert_eq!(exit, 0, "{errors}");
    read_documents(&objects).unwrap()
}

/// With claims, a projected volume, variables from elsewhere.
fn rich() -> Vec<Value> {
    shown("link-thin.nodes-3.seeders-1", "compiler/tests/render/rich.yaml", "compiler/tests/render/rich-lab.yaml")
}

/// With shaped links and a probe.
fn smoke() -> Vec<Value> {
    shown("filesize-5mb.system-http", "matrices/smoke.yaml", "labs/test.yaml")
}

const SET: &str = "StatefulSet main-boot";
const NODE: &str = "/spec/template/spec/containers/0";
const POD: &str = "/spec/template/spec";

fn find<'a>(objects: &'a mut [Value], what: &str) -> &'a mut Value {
    objects.iter_mut().find(|object| format!("{} {}", kind(object), name(object)) == what).unwrap()
}

/// Applies operations to an object; exactly the violations of the codes at the places must come of it.
fn breaks(objects: &[Value], what: &str, ops: &Value, wanted: &[(&str, &str)]) {
    let mut objects = objects.to_vec();
    apply(find(&mut objects, what), ops.as_array().unwrap()).unwrap();
    let found = check_cell(&objects);
    let places: Vec<(&str, &str)> = found.iter().map(|it| (it.code, it.pointer.as_str())).collect();
    assert_eq!(places, wanted, "{what} {ops}\n{found:#?}");
    assert!(found.iter().all(|it| !it.message.is_empty() && !it.kind.is_empty()), "{found:#?}");
}

fn add(path: &str, value: impl Into<Value>) -> Value {
    json!([{"op": "add", "path": path, "value": value.into()}])
}

#[test]
fn built_cells_keep_it() {
    assert_eq!(check_cell(&rich()), []);
    assert_eq!(check_cell(&smoke()), []);
    let both: Vec<Value> = rich().into_iter().chain(smoke()).collect();
    assert_eq!(check_cells(both.clone()), []);
    assert!(!check_cell(&both).is_empty());
    let (first, rest) = both.split_first().unwrap();
    assert_eq!(kind(first), "Namespace");
    assert!(check_cells(rest.to_vec()).iter().any(|it| it.code == codes::CELL_MARK));
}

#[test]
fn names_labels_and_annotations() {
    let rich = rich();
    let code = codes::CELL_NAME;
    let long = "a".repeat(64);
    let map = "ConfigMap cell";
    for (what, path, value) in [
        ("Role node-main-boot", "/metadata/labels/x", "a b".into()),
        ("Role node-main-boot", "/metadata/labels/a~1b~1c", Value::from("d")),
        ("Role node-main-boot", "/metadata/labels/x", json!(1)),
        (map, "/metadata/annotations", json!({"-x": "y"})),
        (map, "/data/a b", "x".into()),
        (SET, "/spec/template/metadata/labels/x", Value::from(long.clone())),
        (SET, "/spec/template/spec/nodeSelector", json!({"pool": "-"})),
        (SET, "/spec/volumeClaimTemplates/0/metadata/labels", json!({"x": "_"})),
        (SET, "/spec/template/spec/initContainers/0/name", "pre_pare".into()),
        (SET, "/spec/template/spec/volumes/0/name", "Settings".into()),
    ] {
        let object = if value.is_object() { value.as_object().unwrap().keys().next().cloned() } else { None };
        let place = object.map_or(path.to_owned(), |key| format!("{path}/{key}"));
        breaks(&rich, what, &add(path, value), &[(code, &place)]);
    }
    let annotations = json!({"x": "y".repeat(300_000)});
    breaks(&rich, map, &add("/metadata/annotations", annotations), &[(code, "/metadata/annotations")]);
    breaks(&rich, map, &add("/metadata/annotations", json!({"x": 1})), &[(code, "/metadata/annotations/x")]);
    breaks(
        &rich,
        SET,
        &add(&format!("{NODE}/env/0/name"), "A B"),
        &[(code, "/spec/template/spec/containers/0/env/0/name")],
    );
    for (path, value) in [("mountPath", "/a:b"), ("subPath", "../x")] {
        let place = format!("{NODE}/volumeMounts/0/{path}");
        breaks(&rich, SET, &add(&place, value), &[(code, &place)]);
    }
    let place = "/metadata/name";
    for (what, named) in [
        ("NetworkPolicy coordinator", "a_b"),
        ("Role coordinator", "a/b"),
        ("Job coordinator-t0a0", &*"j".repeat(64)),
        ("Service coordinator", "1st"),
        ("Service coordinator", "a.b"),
    ] {
        let mut found = changed(&rich, what, &add(place, named));
        found.retain(|(code, _)| *code == codes::CELL_NAME);
        assert_eq!(found, [(code, place.to_owned())], "{what} {named}");
    }
    let found = changed(&rich, SET, &add(place, "s".repeat(53)));
    assert_eq!(found, [(code, place.to_owned())]);
}

/// Codes and places after a change, where several rules are broken at once.
fn changed(objects: &[Value], what: &str, ops: &Value) -> Vec<(&'static str, String)> {
    let mut objects = objects.to_vec();
    apply(find(&mut objects, what), ops.as_array().unwrap()).unwrap();
    check_cell(&objects).into_iter().map(|it| (it.code, it.pointer)).collect()
}

#[test]
fn amounts() {
    let rich = rich();
    let code = codes::CELL_AMOUNT;
    for (path, value) in [
        (format!("{NODE}/resources/limits/ephemeral-storage"), "1 Gi"),
        (format!("{NODE}/resources/limits/ephemeral-storage"), "-1"),
        // a request that the limit does not allow; one below it; one without
        (format!("{NODE}/resources/requests/cpu"), "1001m"),
        (format!("{NODE}/resources/requests/cpu"), "0.5"),
        (format!("{NODE}/resources/requests/memory"), "1Gi"),
        ("/spec/volumeClaimTemplates/0/spec/resources/requests/storage".to_owned(), "1GB"),
    ] {
        breaks(&rich, SET, &add(&path, value), &[(code, &path)]);
    }
    breaks(&rich, SET, &add(&format!("{NODE}/resources/requests/cpu"), "1000m"), &[]);
    let place = "/spec/resources/requests/storage";
    breaks(&rich, "PersistentVolumeClaim shared-main-boot", &add(place, "x"), &[(code, place)]);
    let place = format!("{POD}/volumes/1/emptyDir/sizeLimit");
    let volume = json!({"name": "shared", "emptyDir": {"sizeLimit": "5GB"}});
    let ops = json!([{"op": "replace", "path": format!("{POD}/volumes/1"), "value": volume}]);
    breaks(&rich, SET, &ops, &[(code, &place)]);
    breaks(&rich, "ConfigMap cell", &add("/data/big", "x".repeat(1 << 20)), &[(code, "/data")]);
    // the coordinator is no node: its requests may be below its limits
    let path = format!("{NODE}/resources/requests/cpu");
    breaks(&rich, "Job coordinator-t0a0", &add(&path, "1m"), &[]);
    breaks(&rich, "Job coordinator-t0a0", &add(&path, "9"), &[(code, &path)]);
}

#[test]
fn selectors() {
    let rich = rich();
    let code = codes::CELL_SELECTOR;
    breaks(&rich, SET, &add("/spec/selector/matchLabels/x", "y"), &[(code, "/spec/selector")]);
    breaks(&rich, SET, &add("/spec/selector", json!({})), &[(code, "/spec/selector")]);
    breaks(&rich, "Service main-boot", &add("/spec/selector/x", "y"), &[(code, "/spec/selector")]);
    let place = "/spec/podSelector/matchLabels";
    breaks(&rich, "NetworkPolicy coordinator", &add(&format!("{place}/x"), "y"), &[(code, place)]);
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": {"selector": {"matchLabels": {"a": "b"}}}});
    let found = with(&rich, budget);
    assert_eq!(found, [(code, "/spec/selector/matchLabels".to_owned())]);
}

/// Codes and places with another object, which has the cell's namespace and labels.
fn with(objects: &[Value], mut object: Value) -> Vec<(&'static str, String)> {
    let mut objects = objects.to_vec();
    object["metadata"]["labels"] = objects[1]["metadata"]["labels"].clone();
    object["metadata"]["namespace"] = objects[1]["metadata"]["namespace"].clone();
    objects.push(object);
    check_cell(&objects).into_iter().map(|it| (it.code, it.pointer)).collect()
}

#[test]
fn ports() {
    let smoke = smoke();
    let code = codes::CELL_PORT;
    let set = "StatefulSet http-fast";
    let at = |rest: &str| format!("{NODE}/{rest}");
    for (path, value) in [
        ("ports/0/containerPort", json!(0)),
        ("ports/0/containerPort", json!(65_536)),
        ("readinessProbe/tcpSocket/port", json!("apo")),
        ("readinessProbe/tcpSocket/port", json!(70_000)),
    ] {
        breaks(&smoke, set, &add(&at(path), value), &[(code, &at(path))]);
    }
    let second = json!({"name": "api", "containerPort": 8081});
    breaks(&smoke, set, &add(&at("ports/1"), second), &[(code, &at("ports/1/name"))]);
    let bad = json!({"name": "a_port", "containerPort": 8081});
    breaks(&smoke, set, &add(&at("ports/1"), bad), &[(code, &at("ports/1/name"))]);
    let service = "Service coordinator";
    for (path, value) in [
        ("/spec/ports/0/port", json!(0)),
        ("/spec/ports/1/name", json!("agents")),
        ("/spec/ports/1/name", json!("a_b")),
        ("/spec/ports/1/targetPort", json!("traker")),
        ("/spec/ports/1/targetPort", json!(0)),
        ("/spec/ports/1/port", json!(7070)),
    ] {
        breaks(&smoke, service, &add(path, value), &[(code, path)]);
    }
    breaks(&smoke, service, &add("/spec/ports/1/targetPort", "tracker"), &[]);
    breaks(&smoke, service, &json!([{"op": "remove", "path": "/spec/ports/1/name"}]), &[(code, "/spec/ports/1")]);
}

#[test]
fn references() {
    let rich = rich();
    let code = codes::CELL_REFERENCE;
    let at = |rest: &str| format!("{NODE}/{rest}");
    let pod = |rest: &str| format!("{POD}/{rest}");
    for (path, value, place) in [
        ("/spec/serviceName".to_owned(), json!("other"), "/spec/serviceName".to_owned()),
        (pod("serviceAccountName"), json!("other"), pod("serviceAccountName")),
        (pod("imagePullSecrets"), json!([{"name": "x"}]), pod("imagePullSecrets/0")),
        (
            pod("volumes/0/projected/sources/0/configMap/name"),
            json!("x"),
            pod("volumes/0/projected/sources/0/configMap"),
        ),
        (
            pod("volumes/0/projected/sources/0/configMap/items"),
            json!([{"key": "x", "path": "x"}]),
            pod("volumes/0/projected/sources/0/configMap/items/0"),
        ),
        (
            pod("volumes/1/persistentVolumeClaim/claimName"),
            json!("x"),
            pod("volumes/1/persistentVolumeClaim/claimName"),
        ),
        (at("volumeMounts/0/name"), json!("x"), at("volumeMounts/0/name")),
        (at("envFrom/0/configMapRef/name"), json!("x"), at("envFrom/0/configMapRef")),
        (at("envFrom/0"), json!({"secretRef": {"name": "x"}}), at("envFrom/0/secretRef")),
        (at("env/2/valueFrom/configMapKeyRef/name"), json!("x"), at("env/2/valueFrom/configMapKeyRef")),
        (at("env/2/valueFrom/configMapKeyRef/key"), json!("x"), at("env/2/valueFrom/configMapKeyRef")),
        (at("env/2/valueFrom"), json!({"secretKeyRef": {"name": "x", "key": "y"}}), at("env/2/valueFrom/secretKeyRef")),
        (at("env/0/valueFrom/fieldRef/fieldPath"), json!("status.podIp"), at("env/0/valueFrom/fieldRef/fieldPath")),
        (
            at("env/0/valueFrom"),
            json!({"resourceFieldRef": {"resource": "limits.disk"}}),
            at("env/0/valueFrom/resourceFieldRef/resource"),
        ),
        (
            at("env/0/valueFrom"),
            json!({"resourceFieldRef": {"resource": "limits.cpu", "containerName": "x"}}),
            at("env/0/valueFrom/resourceFieldRef/containerName"),
        ),
    ] {
        breaks(&rich, SET, &add(&path, value), &[(code, &place)]);
    }
    let binding = "RoleBinding node-main-boot";
    for path in ["/roleRef/name", "/subjects/0/name"] {
        breaks(&rich, binding, &add(path, "other"), &[(code, path)]);
    }
    breaks(&rich, binding, &json!([{"op": "remove", "path": "/subjects/0/namespace"}]), &[(code, "/subjects/0")]);
    // what may be missing, and what is elsewhere
    breaks(&rich, SET, &add(&at("envFrom/0/configMapRef"), json!({"name": "x", "optional": true})), &[]);
    let elsewhere = json!({"kind": "ServiceAccount", "name": "x", "namespace": "elsewhere"});
    breaks(&rich, binding, &add("/subjects/0", elsewhere), &[]);
}

#[test]
fn security() {
    let smoke = smoke();
    let code = codes::CELL_SECURITY;
    let set = "StatefulSet http-fast";
    let at = |rest: &str| format!("{NODE}/securityContext/{rest}");
    let pod = |rest: &str| format!("{POD}/{rest}");
    for (path, value) in [
        (pod("hostNetwork"), json!(true)),
        (pod("hostPID"), json!(true)),
        (pod("securityContext/sysctls"), json!([{"name": "kernel.shm_rmid_forced", "value": "1"}])),
        (at("privileged"), json!(true)),
        (at("allowPrivilegeEscalation"), json!(true)),
        (at("capabilities/drop"), json!(["NET_RAW"])),
        (at("capabilities/add"), json!(["NET_ADMIN"])),
        (at("seccompProfile"), json!({"type": "Unconfined"})),
        (at("procMount"), json!("Unmasked")),
        (at("runAsNonRoot"), json!(false)),
        (at("runAsUser"), json!(0)),
        (format!("{POD}/containers/0/ports/0/hostPort"), json!(80)),
        // the shaping container may have NET_ADMIN, and nothing more
        (pod("initContainers/0/securityContext/capabilities/add"), json!(["NET_ADMIN", "SYS_ADMIN"])),
        (pod("initContainers/0/securityContext/privileged"), json!(true)),
    ] {
        breaks(&smoke, set, &add(&path, value), &[(code, &path)]);
    }
    let volumes = json!([{"name": "data", "hostPath": {"path": "/"}}]);
    breaks(&smoke, set, &add(&pod("volumes"), volumes), &[(code, &pod("volumes/0/hostPath"))]);
    // another container of that name, or another init container, may not
    breaks(
        &smoke,
        set,
        &add(&pod("initContainers/0/name"), "prepare"),
        &[
            (code, &pod("initContainers/0/securityContext/capabilities/add")),
            (code, &pod("initContainers/0/securityContext/runAsNonRoot")),
            (code, &pod("initContainers/0/securityContext/runAsUser")),
        ],
    );
    breaks(&smoke, "Service http-fast", &add("/spec/type", "NodePort"), &[(code, "/spec/type")]);
}

#[test]
fn kinds() {
    let rich = rich();
    for (version, kind) in [
        ("v1", "Secret"),
        ("v1", "PersistentVolume"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("apps/v1", "Deployment"),
        ("example.com/v1", "ConfigMap"),
    ] {
        let found = with(&rich, json!({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}}));
        assert!(found.contains(&(codes::CELL_KIND, "/kind".to_owned())), "{kind}: {found:?}");
    }
    for key in ["argocd.argoproj.io/hook", "argocd.argoproj.io/sync-wave", "helm.sh/hook"] {
        let place = format!("/metadata/annotations/{}", key.replace('/', "~1"));
        breaks(&rich, SET, &add("/metadata/annotations", json!({key: "1"})), &[(codes::CELL_KIND, &place)]);
    }
    let mut second = rich[0].clone();
    second["metadata"]["name"] = json!("other");
    let found = with(&rich, second);
    assert!(found.contains(&(codes::CELL_KIND, String::new())), "{found:?}");
}

#[test]
fn nothing_is_there_twice() {
    let rich = rich();
    let code = codes::CELL_TWICE;
    assert_eq!(with(&rich, rich[1].clone()), [(code, "/metadata/name".to_owned())]);
    let at = |rest: &str| format!("{POD}/{rest}");
    for (path, value, place) in [
        ("initContainers/0/name", json!("node"), "containers/0/name"),
        ("containers/0/env/1/name", json!("POD_IP"), "containers/0/env/1/name"),
        ("containers/0/env/0/value", json!("x"), "containers/0/env/0"),
        (
            "containers/0/volumeMounts/1",
            json!({"name": "shared", "mountPath": "/var/store"}),
            "containers/0/volumeMounts/1/mountPath",
        ),
        ("volumes/2", json!({"name": "shared", "emptyDir": {}}), "volumes/2/name"),
    ] {
        breaks(&rich, SET, &add(&at(path), value), &[(code, &at(place))]);
    }
    breaks(
        &rich,
        SET,
        &add(&at("volumes/2"), json!({"name": "store", "emptyDir": {}})),
        &[(code, "/spec/volumeClaimTemplates/0/metadata/name")],
    );
    breaks(
        &rich,
        "ConfigMap cell",
        &add("/binaryData", json!({"cell.json": "eA=="})),
        &[(code, "/binaryData/cell.json")],
    );
}

#[test]
fn text_that_kustomize_loses() {
    let rich = rich();
    let code = codes::CELL_TEXT;
    for text in ["\u{7f}", "a\u{85}b", "\u{9f}", "\u{ffff}", "\ta\nb"] {
        let place = format!("{NODE}/args/0");
        breaks(&rich, SET, &add(&place, text), &[(code, &place)]);
    }
    breaks(&rich, SET, &add(&format!("{NODE}/args/0"), "a\n\tb\n\u{a0}\u{2028}\u{feff}\u{1f600}"), &[]);
    let place = "/spec/volumeClaimTemplates/0/spec/<<";
    breaks(&rich, SET, &add(place, 1), &[(code, place)]);
}

#[test]
fn marks_and_namespace() {
    let rich = rich();
    let code = codes::CELL_MARK;
    breaks(
        &rich,
        SET,
        &add("/metadata/namespace", "other"),
        &[(code, "/metadata/namespace"), (code, "/metadata/labels"), (code, "/spec/template/metadata/labels")],
    );
    for labels in ["/metadata/labels", "/spec/template/metadata/labels"] {
        let path = format!("{labels}/benchgrid.io~1trial");
        breaks(&rich, SET, &json!([{"op": "remove", "path": path}]), &[(code, labels)]);
        breaks(&rich, SET, &add(&format!("{labels}/benchgrid.io~1attempt"), "x"), &[(code, labels)]);
    }
}

#[test]
fn every_code_of_built_cells_is_caused_here() {
    let smoke = smoke();
    let set = "StatefulSet http-fast";
    let mut caused: BTreeSet<&str> = BTreeSet::new();
    for (what, path, value) in [
        (set, "/metadata/name".to_owned(), json!("a.b")),
        (set, format!("{NODE}/resources/limits/cpu"), json!("x")),
        (set, "/spec/selector".to_owned(), json!({})),
        (set, format!("{NODE}/ports/0/containerPort"), json!(0)),
        (set, "/spec/serviceName".to_owned(), json!("x")),
        (set, format!("{POD}/hostIPC"), json!(true)),
        ("ConfigMap cell", "/kind".to_owned(), json!("Secret")),
        ("Service http-fast", "/metadata/name".to_owned(), json!("http-slow")),
        (set, "/metadata/namespace".to_owned(), json!("x")),
        (set, format!("{NODE}/args"), json!(["\u{80}"])),
    ] {
        caused.extend(changed(&smoke, what, &add(&path, value)).into_iter().map(|(code, _)| code));
    }
    let all: BTreeSet<&str> = CODES.iter().map(|code| code.id).filter(|id| ("BG0630".."BG0640").contains(id)).collect();
    assert_eq!(caused, all);
}

/// A scenario whose patch makes an object that Kubernetes would refuse is refused, at the patch.
#[test]
fn the_user_is_told_where() {
    let folder = tempfile::tempdir().unwrap();
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../base/http");
    let scenario = folder.path().join("scenario.yaml");
    let text = format!(
        "apiVersion: benchgrid.io/v1alpha1\nkind: Scenario\nmetadata: {{name: wrong}}\nspec:\n  axes: {{fileSize: [1MB, 2MB]}}\n  systems:\n    http:\n      \
         base: {}\n      groups:\n        seed:\n          replicas: 1\n          role: seeder\n          patches:\n            \
         - {{target: {{kind: StatefulSet}}, ops: [{{op: add, path: /metadata/annotations, value: {{a: b}}}}]}}\n            \
         - {{target: {{kind: StatefulSet}}, ops: [{{op: add, path: /spec/template/spec/hostNetwork, value: true}}]}}\n        \
         down: {{replicas: 2, role: leecher, resources: {{cpu: 1, memory: 1Gi}}}}\n  measure: {{fileSize: \"{{{{ fileSize }}}}\"}}\n",
        base.canonicalize().unwrap().display()
    );
    std::fs::write(&scenario, text).unwrap();
    let file = scenario.to_str().unwrap();
    for verb in [&["plan", file][..], &["compile", file, "--out", folder.path().join("out").to_str().unwrap()]] {
        let (exit, _, errors) = benchgrid(&[verb, &["--lab", "labs/test.yaml"]].concat());
        assert_eq!(exit, 1, "{errors}");
        assert!(errors.contains("error[BG0635]: StatefulSet `http-seed`, /spec/template/spec/hostNetwork"), "{errors}");
        assert!(errors.contains("(cell filesize-1mb and 1 more)"), "{errors}");
        assert!(errors.contains("scenario.yaml:15:15"), "{errors}");
        assert_eq!(errors.matches("error[").count(), 1, "{errors}");
    }
    assert!(!folder.path().join("out").exists());
}
