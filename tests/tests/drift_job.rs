//! The README's jobs that look for drift, as they stand there: what they run, and how that ends.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::fs;

use serde_json::{Value, json};
use tests::binaries::binaries;
use tests::emulator::{Effect, Emulator, Which};
use tests::program::{Outcome, Program, tool};
use tests::scene::{ROLES, Scene};
use tests::venv::Venv;
use tests::{SetupError, workspace};

type Test = Result<(), SetupError>;

const SERVICE: &str = "sts-airlock-drift@.service";
const TIMER: &str = "sts-airlock-drift@.timer";

/// The README's block that begins with a comment that names this file.
fn block(file: &str) -> String {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    let (_, from) =
        readme.split_once(&format!("```{file}\n")).or_else(|| readme.split_once(&format!("/{file}\n"))).unwrap();
    from.split_once("```\n").unwrap().0.to_owned()
}

/// A cluster that was applied, with a trust file.
struct Applied {
    scene: Scene,
    emulator: Emulator,
}

impl Applied {
    fn new() -> Result<Self, SetupError> {
        let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
        let bundle = scene.bundle();
        scene.applies(&emulator, "apply", &bundle, &["--yes"]).run().exits(0);
        let applied = Self { scene, emulator };
        applied.trusts("minisign.pub");
        Ok(applied)
    }

    fn trusts(&self, key: &str) {
        let trust = json!({"roles": {"any": [self.scene.public_key(key)]}});
        self.scene.write("trust.json", trust.to_string());
    }

    /// Runs a script of the README with the names of this scene in it.
    fn run(&self, script: &str) -> Outcome {
        let script = script
            .replace("/usr/bin/", "")
            .replace("/etc/sts-airlock/%i.tar.gz", "out/democluster-1.tar.gz")
            .replace("prod-a-2.tar.gz", "out/democluster-1.tar.gz")
            .replace("/etc/sts-airlock/trust.json", "trust.json");
        let path = format!("{}:/usr/bin:/bin", binaries().unwrap().applier.parent().unwrap().display());
        // As GitHub runs a step.
        let shell = Program::new("/bin/bash").args(["-e", "-c", &script]);
        self.scene.runs(&shell.envs(self.emulator.environment()).env("PATH", path))
    }

    /// One exit code after the other, each with what the job prints then.
    fn ends_as_the_readme_says(&self, script: &str, says: impl Fn(i32, &Outcome)) {
        let ends = |code: i32| says(code, &self.run(script).exits(code));
        let apply = |bundle: &str| self.scene.applies(&self.emulator, "apply", bundle, &["--yes"]).run().exits(0);
        ends(0);
        self.emulator.call("iam", "update_role", json!({"RoleName": ROLES[0], "MaxSessionDuration": 43200}));
        ends(10);
        apply("out/democluster-1.tar.gz");
        let (status, code, message) = (403, "AccessDenied", "x");
        self.emulator.spoil(Which::Operation("ListRoles"), 0, 1, Effect::Error { status, code, message });
        ends(6);
        ends(0);
        self.scene.create_bundle(&["--serial", "2"]).run().exits(0);
        apply("out/democluster-2.tar.gz");
        ends(5);
        self.scene.signing_key("other");
        self.trusts("other/minisign.pub");
        ends(3);
    }
}

/// The one change that the test makes.
fn is_shown(plan: &Value) {
    let calls: Vec<&str> =
        plan["actions"].as_array().unwrap().iter().map(|action| action["call"].as_str().unwrap()).collect();
    assert_eq!(calls, ["s3:PutObject", "iam:UpdateRole", "s3:PutObject"]);
}

#[test]
fn the_service() -> Test {
    let applied = Applied::new()?;
    let unit = block(SERVICE);
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    applied.ends_as_the_readme_says(command, |code, outcome| match code {
        0 => assert_eq!(outcome.json()["clean"], true),
        10 => is_shown(&outcome.json()),
        _ => assert!(outcome.stdout.is_empty() && outcome.stderr.starts_with("error: "), "{outcome:?}"),
    });
    Ok(())
}

#[test]
fn the_pipeline() -> Test {
    let applied = Applied::new()?;
    let workflow = Venv::get(|_| {})?.yaml(block("drift.yml").as_bytes());
    let script = workflow[0]["jobs"]["drift"]["steps"][2]["run"].as_str().unwrap();
    applied.ends_as_the_readme_says(script, |code, outcome| match code {
        0 => assert_eq!(outcome.stdout, "no drift\n"),
        10 => is_shown(&serde_json::from_str(outcome.stdout.strip_prefix("drift:\n").unwrap()).unwrap()),
        _ => assert_eq!(outcome.stdout, format!("not compared, exit code {code}\n")),
    });
    Ok(())
}

/// systemd finds nothing wrong with the units; they name a program that is there.
#[test]
fn systemd_takes_the_units() -> Test {
    let Some(analyze) = tool("systemd-analyze") else { return Ok(()) };
    let scene = Scene::empty()?;
    let applier = binaries()?.applier.display().to_string();
    for unit in [SERVICE, TIMER] {
        scene.write(unit, block(unit).replace("/usr/bin/airlock-applier", &applier));
    }
    scene.runs(&analyze.args(["verify", "--man=no", SERVICE, TIMER])).exits(0).says("");
    Ok(())
}
