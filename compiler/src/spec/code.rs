/// One kind of diagnostic: its stable code and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// `BG0001`.
    pub id: &'static str,
    /// What it says, for lists.
    pub title: &'static str,
    /// Why it is refused and what to do, for the documentation.
    pub explanation: &'static str,
}

macro_rules! codes {
    ($($name:ident $id:literal $title:literal $explanation:literal)*) => {
        /// Codes by name.
        pub mod codes {
            $(#[doc = $title] pub const $name: &str = $id;)*
        }
        /// Every code, in order.
        pub const CODES: &[Code] = &[$(Code { id: $id, title: $title, explanation: $explanation }),*];
    };
}

codes! {
    UNREADABLE "BG0001" "the file can't be read"
        "It is not there, is no file, or may not be read. Paths within a scenario are relative to the scenario's file."
    NOT_UTF8 "BG0002" "the file is not UTF-8" "Save it as UTF-8; a byte order mark is accepted."
    TOO_LARGE "BG0003" "the file is larger than 8 MiB" "A file of this size is data, not a description."
    SYNTAX "BG0004" "the YAML can't be parsed"
        "Nothing behind this place was read. Control characters other than tab and line breaks are refused as well."
    DOCUMENTS "BG0005" "the file holds several documents" "One object a file: split it at `---`."
    DEPTH "BG0006" "the file nests more than 64 levels deep" "No field of ours is that deep."
    ANCHOR "BG0007" "an anchor or alias" "Write the value out, so that every place says what it means. Axes and `{{ }}` serve for repetition."
    MERGE_KEY "BG0008" "a merge key" "`<<` is YAML 1.1 only; write the fields out."
    TAG "BG0009" "a tag" "Types follow from the field; remove the tag and quote what is text."
    DUPLICATE_KEY "BG0010" "a key that is already there" "Readers differ in which one wins."
    KEY_NOT_TEXT "BG0011" "a key that is not text" "Some or all readers take it for a number, a boolean or nothing; in quotes it is text."
    AMBIGUOUS "BG0012" "a value that readers read differently"
        "YAML 1.1 and 1.2 differ, or a number does not survive JSON. In quotes it is text; a number is written in plain decimals."
    EMPTY "BG0013" "the file is empty" "There is no object in it."
    MORE "BG0014" "more mistakes than are said" "Mend the first ones, and look again."
    API_VERSION "BG0101" "a wrong apiVersion" "This release reads `benchgrid.io/v1alpha1`."
    KIND "BG0102" "a wrong kind" "The kinds are `Scenario`, `Lab` and `System`."
    UNKNOWN_FIELD "BG0103" "an unknown field" "Misspelt fields would be ignored in silence otherwise."
    MISSING_FIELD "BG0104" "a missing field" "The field has no default."
    WRONG_TYPE "BG0105" "a value of a wrong type" "The message names what is expected."
    NOT_TEXT "BG0106" "a number or boolean where text is expected" "As in Kubernetes; in quotes it is text."
    UNKNOWN_WORD "BG0107" "a word that is none of those allowed" "The message lists them."
    OUT_OF_RANGE "BG0108" "a number out of range" "The message says the limits."
    TOO_MANY "BG0109" "more entries than are read"
        "32 axes, 32 systems, 32 groups of a system, 1,000 exclusions and 100,000 included combinations are more than anybody looked at the results of."
    BAD_NAME "BG0201" "a name that Kubernetes would refuse, or that is taken"
        "Names are DNS labels: lower-case letters, digits and `-`, starting and ending with a letter or digit. A scenario's has at most 50 characters; `<system>-<group>` has at most 52 and starts with a letter. coordinator, tracker, agent and benchgrid are ours."
    NAME_CLASH "BG0202" "two groups whose nodes would have one name" "Nodes are called `<system>-<group>-<n>`; rename one."
    QUANTITY "BG0203" "a size, rate or duration that can't be read"
        "Sizes: B kB MB GB TB KiB MiB GiB TiB; rates a second: bit kbit Mbit Gbit; durations: ms s m h. No space, exact case."
    WRONG_FAMILY "BG0204" "a quantity of another kind" "A size where a rate or a duration is expected, or the like."
    BRACES "BG0205" "`{{ }}` in a condition" "`when` is an expression already."
    EXPRESSION_SYNTAX "BG0206" "an expression that can't be parsed" "Expressions are MiniJinja's; a literal `{{` is written `{{ \"{{\" }}`."
    UNKNOWN_NAME "BG0207" "an unknown name in an expression" "Known are the axes, the functions, and, in settings of a system, measure, group, data and host."
    COMPARE "BG0208" "a comparison of what is not there" "`axis` names an axis, `baseline` one of its levels."
    METRIC "BG0209" "an unknown metric" "The message lists the metrics."
    MARGIN "BG0210" "a margin that is no ratio above 0" "`1.20` is at most 20 % worse; below 1 means that it must be better."
    SEEDERS "BG0211" "`measure.seeders` is missing" "Groups of role `any` seed or download as drawn, so the number must be said."
    NOTHING_MEASURED "BG0212" "no system is measured" "At least one system has `load: measured`, the default."
    UNSHAPED "BG0213" "a link that is not shaped" "Results depend on the machines then, and efficiency against the bound of the links is not known. A warning."
    AXIS_NAME "BG0301" "an axis name that can't be used"
        "Letters and digits, starting with a small letter, at most 32; words of the expression language and names we define are refused."
    EMPTY_AXIS "BG0302" "an axis without levels" "The product of all axes would be empty."
    LEVEL "BG0303" "a level that can't be one" "Levels are numbers, text, booleans, quantities, or objects with a `name` that is text."
    MIXED_LEVELS "BG0304" "levels of several types in one axis" "Comparisons with them would have no meaning."
    SAME_LEVEL "BG0305" "a level that is already there" "1GB and 1000MB are one level, 1 and 1.0 too."
    INCLUDE "BG0306" "an included combination that does not name every axis" "Every entry names every axis and nothing else."
    INCLUDED_TWICE "BG0307" "an included combination that is already there" "Included combinations are added to those that no exclusion removed."
    EVALUATION "BG0308" "an expression without a value"
        "Nothing undefined passes, and values of different types are not compared. The message names the combination."
    NOT_BOOLEAN "BG0309" "a condition that is neither true nor false" "Write a comparison."
    NEVER_MATCHES "BG0310" "an exclusion that never matches" "It may be misspelt, or not needed any more. A warning."
    NOTHING_LEFT "BG0311" "no combination is left" "Everything is excluded, or there are no axes."
    TOO_MANY_CELLS "BG0312" "too many cells" "A scenario has at most 100,000 cells, of at most 1,000,000 combinations; all of them fit into 1 GiB, and exclusions are asked about them at most 10,000,000 times."
    SAME_SLUG "BG0313" "two cells with one folder name" "Names of levels that differ only in case or in special characters give one slug."
    NO_AXIS "BG0314" "no axes" "`axes`, or `include`, says which combinations there are."
    BASE "BG0401" "a base that lacks a sound system.yaml" "A base is a folder with `kustomization.yaml` and `system.yaml`."
    NOT_READ "BG0500" "a system whose base was not read" "The message about the base says why; this one only follows from it."
    NO_SYSTEM "BG0501" "a cell in which no system is measured"
        "An axis `system` whose levels are the systems' names picks one a cell; `when` does the same by a condition."
    LOAD "BG0502" "a system that is deployed without being measured"
        "The language has `load: background` and `load: idle`; cells of this release measure every system they hold."
    JOIN "BG0503" "base capacity that is joined" "The language has `join`; this release can't yet."
    NO_DRIVER "BG0504" "a driver that the probe does not have"
        "The cells can be planned and looked at; they would end as failed. A warning."
    NO_API_PORT "BG0505" "a system without a port `api`" "The driver would not find the node."
    WRONG_SEEDERS "BG0507" "a number of seeders that a cell can't have"
        "Someone must seed and someone download, and groups of role `seeder` always seed. Exclude the combination, or change the groups."
    NOT_WANTED "BG0510" "an expression that comes to something else than the field wants"
        "The message names the value of the cell, and what is wanted."
    NO_UNIT "BG0511" "a number without a unit" "Write the unit; only 0 needs none."
    BAD_LINK "BG0513" "a network that is no link"
        "Write `{up: 100Mbit, down: 100Mbit, latency: 5ms}`, or `unshaped`. A link says both directions."
    MEASURED_ZERO "BG0514" "a measurement of nothing" "fileSize, trials and repetitions are at least 1 in every cell."
    REPLICAS "BG0515" "a number of nodes that a group can't have" "At least 1; the message names the limit."
    AMOUNT "BG0516" "an amount of processors or memory that can't be read" "Write 2, 0.5 or 500m processors; 2Gi or 500MB of memory."
    MOVING_TAG "BG0517" "an image without a digest"
        "It may be another one tomorrow, and cells of one campaign would differ. The lab's `images.policy` says whether it is an error, a warning or nothing."
    NO_POOL "BG0519" "a pool that the lab does not have" "The message lists those it has."
    NO_TARGET "BG0520" "a patch of an object that the base does not have" "The message names it."
    PATCH "BG0521" "a patch that can't be applied"
        "The message names the operation. Kind and name of an object stay as they are: the cell's parts find each other by them."
    KUBE_OVN "BG0530" "a way of shaping that can't be done yet" "Write `tc`, or `none`."
    SCRAPE "BG0531" "a way of scraping that is not there yet" "Nothing is scraped. A warning."
    TAKEN_NAME "BG0532" "a name of a scenario that the branch has a file for" "conductor, kustomization and project are taken."
    BASE_UNREADABLE "BG0600" "a base that can't be read"
        "The message names the file. Of Kustomize, a base uses `resources` that are files of its folder; what uses more is built with kustomize, and the result listed."
    NOT_ONE_SET "BG0601" "a base without exactly one StatefulSet"
        "A base is one node: a StatefulSet and what it needs. Roles and groups are the scenario's business."
    OTHER_WORKLOAD "BG0602" "a StatefulSet of another name" "`workload` in system.yaml is the name of the base's StatefulSet."
    REFUSED_KIND "BG0603" "an object that a cell may not hold"
        "Nodes are a StatefulSet; no Secret, since the branch can be read by many; nothing outside the cell's namespace; nothing that Argo CD's project of the cells does not allow."
    NO_CONTAINER "BG0604" "a StatefulSet without the node's container"
        "`container` in system.yaml names it; the message lists those there are."
    OUR_CONTAINER "BG0605" "a container that is called as ours are" "`agent` and `shape` are added to every pod."
    HOST_NETWORK "BG0606" "pods in the machine's network" "Links are shaped and counted in the pod's own network."
    HOST_PORT "BG0607" "a port of the machine" "Two nodes could not share a machine."
}

/// What a code means.
pub fn code(id: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.id == id)
}
