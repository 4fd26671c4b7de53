//! A review for viewers of findings, such as GitHub's code scanning: SARIF 2.1.0.
//!
//! Input: a review, whose values are not trusted, and the rules that findings are of. Output: a SARIF log with a result for each
//! difference of the rebuild and each finding; what was accepted is suppressed. The schema is OASIS's, and a test holds to it.

mod log;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use bundle_schema::escape::EscapedWhole;
use bundle_schema::names::Sha256;

use self::log::{
    ArtifactLocation, AutomationDetails, Configuration, Driver, Invocation, Location, Log, LogicalLocation, Message,
    PhysicalLocation, Region, ReportingDescriptor, ResultProperties, Run, RunProperties, SarifResult, Suppression,
    Tool,
};
use super::findings::rules::REBUILD_DIFFERENCE;
use super::findings::{RULES, Rule};
use super::report::{Difference, Finding, Review};
use super::words;
use crate::output::report::json;

/// The entry that a result is about where it is about the whole bundle.
const WHOLE_BUNDLE: &str = "bundle.json";

/// The whole review.
#[must_use]
pub fn sarif(review: &Review) -> String {
    let mut results = Results { rules: RULES, seen: HashMap::new() };
    let differences = review.rebuild.differences.iter().map(|difference| results.difference(difference));
    let mut found: Vec<SarifResult> = differences.collect();
    found.extend(review.findings.iter().map(|finding| results.finding(finding)));
    let run = Run {
        tool: Tool {
            driver: Driver {
                name: "airlock-generator",
                version: env!("CARGO_PKG_VERSION"),
                rules: RULES.iter().map(descriptor).collect(),
            },
        },
        invocations: [Invocation { execution_successful: true }],
        automation_details: AutomationDetails {
            id: shown(&format!("{}/{}", review.bundle.name, review.bundle.serial)),
        },
        results: found,
        properties: RunProperties {
            bundle_sha256: review.bundle.sha256.clone(),
            verdict: shown(&words::verdict(review)),
        },
    };
    json(&Log {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: [run],
    })
}

fn descriptor(rule: &Rule) -> ReportingDescriptor {
    ReportingDescriptor {
        id: rule.id,
        short_description: message(rule.name),
        full_description: message(rule.help),
        help: message(rule.help),
        default_configuration: Configuration { level: rule.level },
    }
}

/// Results, each with its rule's place and its fingerprint.
struct Results<'a> {
    rules: &'a [Rule],
    /// How often a rule had something to say of a statement.
    seen: HashMap<String, usize>,
}

impl Results<'_> {
    fn difference(&mut self, difference: &Difference) -> SarifResult {
        let Difference { entry, role, statement, message: text, expected, found } = difference;
        let about = role.as_ref().unwrap_or(entry);
        SarifResult {
            rule_id: REBUILD_DIFFERENCE.id,
            rule_index: self.rule_index(REBUILD_DIFFERENCE.id),
            level: REBUILD_DIFFERENCE.level,
            message: message(text),
            locations: [location(entry, None, role.as_deref(), *statement)],
            partial_fingerprints: self.fingerprint(REBUILD_DIFFERENCE.id, about, *statement),
            suppressions: Vec::new(),
            properties: ResultProperties {
                advice: None,
                expected: expected.as_deref().map(shown),
                found: found.as_deref().map(shown),
                accepted_until: None,
            },
        }
    }

    fn finding(&mut self, finding: &Finding) -> SarifResult {
        let Finding { id, level, role, statement, source, line, message: text, advice, accepted } = finding;
        let entry = source.as_ref().map_or(WHOLE_BUNDLE, |source| source.as_str());
        let suppression = accepted.iter().map(|acceptance| Suppression {
            kind: "external",
            status: "accepted",
            justification: shown(&words::accepted(acceptance)),
        });
        SarifResult {
            rule_id: id,
            rule_index: self.rule_index(id),
            level: *level,
            message: message(&format!("{text}. What to do: {advice}")),
            locations: [location(entry, *line, role.as_deref(), *statement)],
            partial_fingerprints: self.fingerprint(id, role.as_deref().unwrap_or_default(), *statement),
            suppressions: suppression.collect(),
            properties: ResultProperties {
                advice: Some(shown(advice)),
                expected: None,
                found: None,
                accepted_until: accepted.as_ref().map(|acceptance| acceptance.until.to_string()),
            },
        }
    }

    fn rule_index(&self, id: &str) -> Option<usize> {
        self.rules.iter().position(|rule| rule.id == id)
    }

    /// The same as long as the rule, the role and the statement are: lines and words may change.
    fn fingerprint(&mut self, id: &str, role: &str, statement: Option<usize>) -> BTreeMap<&'static str, Sha256> {
        let identity = format!("{id}\0{role}\0{}", statement.unwrap_or_default());
        let count = self.seen.entry(identity.clone()).or_default();
        *count += 1;
        [("airlock/v1", Sha256::of(format!("{identity}\0{count}").as_bytes()))].into()
    }
}

fn location(entry: &str, line: Option<usize>, role: Option<&str>, statement: Option<usize>) -> Location {
    let logical = role.map(|role| LogicalLocation {
        name: shown(role),
        fully_qualified_name: match statement {
            Some(statement) => shown(&format!("{role}/statement {statement}")),
            None => shown(role),
        },
        kind: "role",
    });
    Location {
        physical_location: PhysicalLocation {
            artifact_location: ArtifactLocation { uri: uri(entry) },
            region: line.filter(|line| *line > 0).map(|start_line| Region { start_line }),
        },
        logical_locations: logical.into_iter().collect(),
    }
}

/// Text for a viewer that may well be a terminal.
fn shown(text: &str) -> String {
    EscapedWhole(text).to_string()
}

/// Plain text in which no part is a link [SARIF 3.11.6].
fn message(text: &str) -> Message {
    Message { text: shown(text).replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]") }
}

/// An entry as a relative reference [RFC 3986, sections 2 and 4.2].
fn uri(entry: &str) -> String {
    let mut uri = String::with_capacity(entry.len());
    for byte in entry.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/+=,@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::review::{golden, sample};

    fn value(review: &Review) -> Value {
        serde_json::from_str(&sarif(review)).unwrap()
    }

    fn problems(log: &Value) -> Vec<String> {
        let schema = include_str!("../../schemas/sarif-schema-2.1.0.json");
        let mut schema: Value = serde_json::from_str(schema).unwrap();
        // No regular expression where a reader is strict (`]` alone); no language is written.
        for language in ["/definitions/run/properties/language", "/definitions/toolComponent/properties/language"] {
            schema.pointer_mut(language).unwrap().as_object_mut().unwrap().remove("pattern").unwrap();
        }
        let options = jsonschema::options().should_validate_formats(true);
        let validator = options.build(&schema).unwrap();
        validator.iter_errors(log).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    #[test]
    fn the_sample_is_as_it_was() {
        golden::check("sample.sarif", &sarif(&sample::review()));
    }

    #[test]
    fn it_is_valid_by_the_schema() {
        let mut empty = sample::review();
        empty.findings.clear();
        empty.rebuild.differences.clear();
        let hostile = sample::hostile("x\n[a](https://evil.example)\u{202e} {0} %zz :/?# \\");
        for review in [sample::review(), empty, hostile] {
            assert_eq!(problems(&value(&review)), Vec::<String>::new());
        }
    }

    #[test]
    fn the_schema_finds_what_is_wrong() {
        let mut log = value(&sample::review());
        let uri = "/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri";
        *log.pointer_mut(uri).unwrap() = "a b".into();
        *log.pointer_mut("/runs/0/results/0/level").unwrap() = "bad".into();
        log.pointer_mut("/runs/0").unwrap().as_object_mut().unwrap().insert("more".to_owned(), Value::Null);
        assert_eq!(problems(&log).len(), 3, "{:?}", problems(&log));
    }

    #[test]
    fn a_result_has_its_rule_its_place_and_why_it_does_not_count() {
        let log = value(&sample::review());
        let results = log.pointer("/runs/0/results").unwrap().as_array().unwrap();
        let ids: Vec<&str> = results.iter().map(|result| result["ruleId"].as_str().unwrap()).collect();
        let expected =
            ["airlock/rebuild-difference", "airlock/not-action", "airlock/unscoped-write", "airlock/long-validity"];
        assert_eq!(ids, expected);
        for result in results {
            let place = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][place]["id"], result["ruleId"]);
        }
        let scoped = &results[2];
        assert_eq!(
            scoped["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            "credentials-requests/03-disks.yaml"
        );
        assert_eq!(scoped["locations"][0]["physicalLocation"]["region"]["startLine"], 18);
        assert_eq!(
            scoped["suppressions"][0]["justification"],
            "accepted by Ada (security) until 2027-01-01T00:00:00Z: upstream reverted scoping by tag"
        );
        assert_eq!(results[3]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "bundle.json");
        assert!(results[1].get("suppressions").is_none());
    }

    #[test]
    fn a_fingerprint_outlives_lines_and_words_and_is_of_one_result() {
        let fingerprints = |review: &Review| -> Vec<String> {
            let log = value(review);
            let results = log.pointer("/runs/0/results").unwrap().as_array().unwrap().clone();
            results
                .iter()
                .map(|result| result["partialFingerprints"]["airlock/v1"].as_str().unwrap().to_owned())
                .collect()
        };
        let mut review = sample::review();
        let before = fingerprints(&review);
        (review.findings[1].line, review.findings[1].message) = (Some(99), "other words".to_owned());
        assert_eq!(fingerprints(&review), before);
        review.findings[1].statement = Some(2);
        let moved = fingerprints(&review);
        assert_eq!((moved[2] == before[2], &moved[..2], &moved[3..]), (false, &before[..2], &before[3..]));
        let again = review.findings[1].clone();
        review.findings.push(again);
        let mut all = fingerprints(&review);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 5);
    }

    #[test]
    fn text_holds_no_link_and_an_entry_no_scheme() {
        assert_eq!(message("a [b](https://c) \\[d\u{202e}").text, "a \\[b\\](https://c) \\\\\\[d\\\\u{202e}");
        assert_eq!(uri("aws/a:b c%.json"), "aws/a%3Ab%20c%25.json");
    }
}
