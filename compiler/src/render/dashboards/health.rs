use super::board::Board;
use super::panel::{Column, Panel};
use super::select::Select;
use benchgrid_measures::NODE_METRIC;

/// Namespaces of attempts, whichever lab's.
const ATTEMPTS: &str = "namespace=~\"bg-.+\"";
/// Containers, without the sums that the kubelet adds.
const CONTAINERS: &str = "namespace=~\"bg-.+\",container!=\"\"";

/// Whether the machines and agents were up to it.
pub(super) fn board(lab: &str) -> Board {
    let select = Health(Select(lab));
    Board {
        word: "health",
        title: "node health",
        description: "Whether the numbers can be trusted: late starts, late looks, lost segments, links, and what the cluster says of the pods. The cluster's series are those of kube-state-metrics and of the kubelet (cAdvisor), where the data source has them.",
        refresh: "",
        variables: vec![select.0.scenarios(), select.0.label("system")],
        rows: vec![
            ("What the records say", own(&select)),
            ("What the nodes ran on", machines(&select)),
            ("What the cluster says of pods (kube-state-metrics)", pods()),
            ("What the kubelet says of containers (cAdvisor)", containers()),
        ],
    }
}

struct Health<'a>(Select<'a>);

impl Health<'_> {
    fn of(&self, metric: &str) -> String {
        self.0.last(metric, "system=~\"$system\"")
    }

    fn by_group(&self, how: &str, metric: &str) -> String {
        format!("{how} by (scenario, cell, system, group) ({})", self.of(metric))
    }
}

fn own(select: &Health<'_>) -> Vec<Panel> {
    let by_group = |how, metric| select.by_group(how, metric);
    let again = format!(
        "{} / {}",
        by_group("sum", "benchgrid_network_segments_retransmitted"),
        by_group("sum", "benchgrid_network_segments_sent")
    );
    let columns: Vec<Column> = vec![
        ("start skew", "s", by_group("max", "benchgrid_start_skew_seconds")),
        ("poll gap", "s", by_group("max", "benchgrid_poll_gap_max_seconds")),
        ("stall", "s", by_group("max", "benchgrid_stall_max_seconds")),
        ("agent throttled", "s", by_group("max", "benchgrid_agent_throttled_seconds")),
        ("sent again", "percentunit", again),
        ("up, least", "Bps", by_group("min", "benchgrid_baseline_up_bytes_per_second")),
        ("up, most", "Bps", by_group("max", "benchgrid_baseline_up_bytes_per_second")),
        ("down, least", "Bps", by_group("min", "benchgrid_baseline_down_bytes_per_second")),
        ("down, most", "Bps", by_group("max", "benchgrid_baseline_down_bytes_per_second")),
        ("idle, received", "Bps", by_group("max", "benchgrid_network_idle_received_bytes_per_second")),
        ("void", "none", format!("count by (scenario, cell, system, group) ({} == 0)", select.of("benchgrid_valid"))),
    ];
    let step = |how: &str, metric: &str| {
        format!("{how} by (scenario, system) ({})", select.0.step(metric, "system=~\"$system\""))
    };
    let late = "The longest of each step. Every mark of a curve is late by at most the poll gap.";
    vec![
        Panel::table(
            "By group of nodes",
            "The worst of each group in the time shown. `up`, `down`: payload rates of the plain transfers of preflight, which must be within a tenth of the link asked; what was asked is in the scenario, and in a record's `baseline`, not in the store.",
            columns,
            &[],
        )
        .sized(24, 10),
        Panel::lines("Poll gap", late, "s", &step("max", "benchgrid_poll_gap_max_seconds"), "{{scenario}}: {{system}}"),
        Panel::lines(
            "Start skew",
            "How late nodes began, the latest of each step.",
            "s",
            &step("max", "benchgrid_start_skew_seconds"),
            "{{scenario}}: {{system}}",
        ),
        Panel::lines(
            "Agent throttled",
            "How long an agent was kept from running by its processor limit, the longest of each step: more than a poll gap, and times are coarse.",
            "s",
            &step("max", "benchgrid_agent_throttled_seconds"),
            "{{scenario}}: {{system}}",
        ),
        Panel::lines(
            "Baseline, sending",
            "Payload rate of the plain transfers, the least of each step.",
            "Bps",
            &step("min", "benchgrid_baseline_up_bytes_per_second"),
            "{{scenario}}: {{system}}",
        ),
    ]
}

fn machines(select: &Health<'_>) -> Vec<Panel> {
    let by = "machine, kernel, cpu_model, cpus, cpu_governor, clock_source, cgroup, isolation";
    vec![
        Panel::table(
            "Machines",
            "Nodes of attempts by what they ran on. `isolation` that is not `enforced`: nothing keeps cells apart.",
            vec![("nodes", "none", format!("count by ({by}) ({})", select.of(NODE_METRIC)))],
            &[],
        ),
        Panel::bars(
            "Versions",
            "Records by the version that the node's software says.",
            "none",
            &format!("count by (system, driver, version) ({})", select.of("benchgrid_success")),
            "{{system}}: {{driver}} {{version}}",
        ),
        Panel::bars(
            "Images",
            "Nodes by the image that ran, where the cluster says it.",
            "none",
            &format!("count by (system, image) ({})", select.of(NODE_METRIC)),
            "{{system}}: {{image}}",
        ),
    ]
}

fn pods() -> Vec<Panel> {
    let restarts = format!(
        "max by (namespace, pod, container) (max_over_time(kube_pod_container_status_restarts_total{{{ATTEMPTS}}}[$__range])) > 0"
    );
    let phases = format!("sum by (phase) (kube_pod_status_phase{{{ATTEMPTS}}})");
    let ended = format!(
        "count by (reason) (max_over_time(kube_pod_container_status_last_terminated_reason{{{ATTEMPTS}}}[$__range]) == 1)"
    );
    let waiting = format!("sum by (reason) (kube_pod_container_status_waiting_reason{{{ATTEMPTS}}})");
    let needs = |metric: &str, what: &str| format!("{what} Needs `{metric}` of kube-state-metrics.");
    vec![
        Panel::lines("Pods", &needs("kube_pod_status_phase", "By phase."), "none", &phases, "{{phase}}"),
        Panel::lines(
            "Containers that wait",
            &needs(
                "kube_pod_container_status_waiting_reason",
                "Why they don't run: an image that can't be pulled, for instance.",
            ),
            "none",
            &waiting,
            "{{reason}}",
        ),
        Panel::bars(
            "Restarts",
            &needs("kube_pod_container_status_restarts_total", "A restart voids a repetition."),
            "none",
            &restarts,
            "{{namespace}}/{{pod}}/{{container}}",
        ),
        Panel::bars(
            "How containers ended last",
            &needs("kube_pod_container_status_last_terminated_reason", "Before they were started again."),
            "none",
            &ended,
            "{{reason}}",
        ),
    ]
}

fn containers() -> Vec<Panel> {
    let rate = |metric: &str, of: &str| format!("sum by (pod, container) (rate({metric}{{{of}}}[$__rate_interval]))");
    let network = |metric: &str| format!("sum by (pod) (rate({metric}{{{ATTEMPTS}}}[$__rate_interval]))");
    let throttled = format!(
        "{} / {}",
        rate("container_cpu_cfs_throttled_periods_total", CONTAINERS),
        rate("container_cpu_cfs_periods_total", CONTAINERS)
    );
    let memory = format!("max by (pod, container) (container_memory_working_set_bytes{{{CONTAINERS}}})");
    let needs = |metric: &str, what: &str| format!("{what} Needs `{metric}` of the kubelet.");
    let legend = "{{pod}}/{{container}}";
    vec![
        Panel::lines(
            "Processors",
            &needs("container_cpu_usage_seconds_total", "Used by each container, in processors."),
            "none",
            &rate("container_cpu_usage_seconds_total", CONTAINERS),
            legend,
        ),
        Panel::lines(
            "Throttled",
            &needs("container_cpu_cfs_periods_total", "Share of the periods in which a container ran into its limit."),
            "percentunit",
            &throttled,
            legend,
        ),
        Panel::lines(
            "Memory",
            &needs("container_memory_working_set_bytes", "Working set of each container."),
            "bytes",
            &memory,
            legend,
        ),
        Panel::lines(
            "Network, received",
            &needs("container_network_receive_bytes_total", "By pod."),
            "Bps",
            &network("container_network_receive_bytes_total"),
            "{{pod}}",
        ),
        Panel::lines(
            "Network, sent",
            &needs("container_network_transmit_bytes_total", "By pod."),
            "Bps",
            &network("container_network_transmit_bytes_total"),
            "{{pod}}",
        ),
    ]
}
