//! What happens to a cluster in its life, each time as a command on an account: it is made, upgraded, tidied up and deleted, and
//! its key is rotated.

use crate::SetupError;
use crate::crash::{Matrix, Operation};
use crate::emulator::Emulator;
use crate::scene::Scene;

const FIRST: &str = "out/democluster-1.tar.gz";
const NEXT: &str = "next/democluster-2.tar.gz";
const KEY_ADDED: &str = "added/democluster-2.tar.gz";
const KEY_DROPPED: &str = "dropped/democluster-3.tar.gz";

/// A command, and the bundles that the account holds before it.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    before: &'static [&'static str],
    /// The command.
    pub operation: Operation<'static>,
}

/// `apply` to an account that holds nothing.
pub const NEW_ACCOUNT: Step = step(&[], "new account", "apply", FIRST, &[]);
/// `apply` of the next bundle: roles are new, changed and no longer in it.
pub const UPGRADE: Step = step(&[FIRST], "upgrade", "apply", NEXT, &[]);
/// `apply --prune` after that.
pub const PRUNE: Step = step(&[FIRST, NEXT], "prune", "apply", NEXT, &["--prune"]);
/// `apply` of a bundle with a further key.
pub const ADD_KEY: Step = step(&[FIRST], "rotation, key added", "apply", KEY_ADDED, &[]);
/// `apply` of a bundle without the old key.
pub const DROP_KEY: Step = step(&[FIRST, KEY_ADDED], "rotation, key dropped", "apply", KEY_DROPPED, &[]);
/// `delete`.
pub const DELETE: Step = step(&[FIRST], "delete", "delete", FIRST, &[]);
/// All of these.
pub const STEPS: [Step; 6] = [NEW_ACCOUNT, UPGRADE, PRUNE, ADD_KEY, DROP_KEY, DELETE];

const fn step(
    before: &'static [&'static str],
    name: &'static str,
    command: &'static str,
    bundle: &'static str,
    more: &'static [&'static str],
) -> Step {
    Step { before, operation: Operation { name, command, bundle, more } }
}

/// The bundles of a cluster, and an account.
pub struct Lifecycle {
    scene: Scene,
    /// The account.
    pub emulator: Emulator,
}

impl Lifecycle {
    /// A cluster with so many roles. Of the next bundle's, a third is changed, a tenth is new, and as many are gone; at least one
    /// each.
    pub fn new(roles: usize) -> Result<Self, SetupError> {
        let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
        let (changed, new) = ((roles / 3).max(1), (roles / 10).max(1));
        scene.write_requests("requests", 0..roles, 3);
        scene.write_requests("next-requests", new..roles + new, 3);
        scene.write_requests("next-requests", new..new + changed, 4);
        scene.create_bundle(&["--credentials-requests-dir", "requests"]).run().exits(0);

        let follows = |bundle, requests, output, more: &[&str]| {
            let arguments = ["create-bundle", "--no-password", "--signing-key", "minisign.key", "--previous", bundle];
            let from =
                ["--trusted-key", "minisign.pub", "--credentials-requests-dir", requests, "--output-dir", output];
            scene.generator(arguments).args(from).args(more).run().exits(0);
        };
        follows(FIRST, "next-requests", "next", &[]);
        scene.generator(["create-key-pair", "--key-type", "p256", "--output-dir", "keys"]).run().exits(0);
        follows(FIRST, "requests", "added", &["--add-public-key", "keys/serviceaccount-signer.public"]);
        let kid = scene.entry(FIRST, "oidc/keys.json")["keys"][0]["kid"].clone();
        follows(KEY_ADDED, "requests", "dropped", &["--drop-key", kid.as_str().expect("a key has an ID")]);
        Ok(Self { scene, emulator })
    }

    /// A run of the step on an account that is as it should be before it, with this change.
    pub fn matrix(&self, step: &Step, change: impl FnOnce(&Emulator)) -> Matrix<'_> {
        self.emulator.reset();
        for bundle in step.before {
            self.scene.applies(&self.emulator, "apply", bundle, &["--yes"]).run().exits(0);
        }
        change(&self.emulator);
        Matrix::new(&self.scene, &self.emulator, step.operation)
    }
}
