//! `build --check`: builds again under other conditions, compares, and finds out which condition matters.
//!
//! The second build varies every condition at once. Only if it differs are they varied one at a time, each time compared
//! with a build that varies nothing, all of these with the clock held: what depends on the time is then told by
//! the one that holds another time. Where a builder sets a variable itself, its condition is held, and the report says so.

mod clock;
mod condition;
mod report;
mod trial;
mod vary;

use std::collections::{BTreeMap, BTreeSet};

pub use condition::Condition;
pub use report::{CheckReport, ConditionReport, Difference, Effect, MemberChange, Verdict};

use super::cache::ActionResult;
use super::error::BuildError;
use super::plan::BuildPlan;
use super::request::Context;
use super::run::One;
use super::supply::{Parts, Supplier};
use clock::Clock;
use jiff::Timestamp;
use trial::Trial;
use vary::{MOVED, Seed, Variation};

/// Builds again, and compares with the first build.
pub(super) fn check(
    one: &One<'_>,
    plan: &BuildPlan,
    first: &ActionResult,
    supplier: &Supplier<'_>,
    context: Context<'_>,
) -> Result<CheckReport, BuildError> {
    let mut checker = Checker {
        one,
        parts: one.parts(supplier)?,
        context,
        held: held(one, context),
        now: Timestamp::now().as_second(),
        builds: 1,
    };
    let first = Trial::of_cache(first);
    context.reporter.stage(&format!("checking {}: building again, with everything varied", plan.target));
    let second = checker.build(&Variation {
        varied: checker.open(),
        clock: Some(Clock::Moved(MOVED)),
        seed: Seed::AsBuilt,
    })?;
    let identical = first == second;
    let mut report = CheckReport {
        target: plan.target.clone(),
        python: plan.python,
        verdict: if identical { Verdict::Identical } else { Verdict::Different },
        builds: 0,
        conditions: Vec::new(),
        differences: first.differences(&second, context)?,
        failure: second.failure(),
        unsteady: Vec::new(),
    };
    let effects = if identical { BTreeMap::new() } else { checker.find(&mut report.unsteady)? };
    report.builds = checker.builds;
    report.conditions = Condition::ALL.map(|condition| checker.told(condition, &effects)).to_vec();
    Ok(report)
}

/// Conditions that cannot be varied, and why.
fn held(one: &One<'_>, context: Context<'_>) -> BTreeMap<Condition, String> {
    let mut held = BTreeMap::new();
    for condition in Condition::ALL {
        let set = condition.variables().iter().find(|name| one.builder.sets(name));
        if let Some(name) = set {
            held.insert(condition, format!("the builder sets {name}"));
        }
    }
    if std::thread::available_parallelism().is_ok_and(|count| count.get() == 1) {
        held.insert(Condition::Cores, "this process may use one".to_owned());
    }
    if crate::sandbox::native::is_in_memory(context.store.path()) {
        held.insert(Condition::FileSystem, "the store's is tmpfs already".to_owned());
    }
    held
}

/// Builds of one target under conditions.
struct Checker<'a> {
    one: &'a One<'a>,
    parts: Parts,
    context: Context<'a>,
    held: BTreeMap<Condition, String>,
    /// Seconds since 1970, the time of builds with the clock held.
    now: i64,
    builds: usize,
}

impl Checker<'_> {
    /// Conditions that are varied.
    fn open(&self) -> BTreeSet<Condition> {
        Condition::ALL.into_iter().filter(|condition| !self.held.contains_key(condition)).collect()
    }

    fn build(&mut self, variation: &Variation) -> Result<Trial, BuildError> {
        let mut plan = self.one.plan(variation.root())?;
        variation.environment(&mut plan);
        let setting = variation.setting(&plan, &self.parts.image.root);
        self.builds += 1;
        Trial::of_build(self.one.make(&plan, setting, &self.parts, self.context), self.context)
    }

    /// With the clock held, and the seed where it is open.
    fn varying(&mut self, varied: &[Condition], time: i64) -> Result<Trial, BuildError> {
        let seed = if self.held.contains_key(&Condition::HashSeed) { Seed::AsBuilt } else { Seed::Fixed };
        let varied = varied.iter().copied().collect();
        self.build(&Variation { varied, clock: Some(Clock::Held(time)), seed })
    }

    /// Varies one condition at a time.
    fn find(&mut self, unsteady: &mut Vec<String>) -> Result<BTreeMap<Condition, Effect>, BuildError> {
        let stage = |checker: &Self, what: &str| {
            let target = &checker.one.target.name;
            checker.context.reporter.stage(&format!("checking {target}: {what}"));
        };
        stage(self, "it differs; building with nothing varied");
        let plain = self.varying(&[], self.now)?;
        let again = self.varying(&[], self.now)?;
        let noise = plain.changes(&again, self.context)?;
        let mut on_memory = None;
        let mut effects = BTreeMap::new();
        for condition in self.open() {
            stage(self, &format!("varying {} alone", condition.as_str()));
            let time = if condition == Condition::WallClock { self.now + MOVED } else { self.now };
            let trial = self.varying(&[condition], time)?;
            // The order can only be chosen in memory: what that alone changes is the file system's doing.
            let base = match (condition, &on_memory) {
                (Condition::DirectoryOrder, Some(base)) => base,
                _ => &plain,
            };
            effects.insert(condition, effect(base, &trial, &noise, self.context)?);
            if condition == Condition::FileSystem {
                on_memory = Some(trial);
            }
        }
        unsteady.extend(noise);
        Ok(effects)
    }

    fn told(&self, condition: Condition, effects: &BTreeMap<Condition, Effect>) -> ConditionReport {
        let (first, second) = vary::values(condition);
        let effect = match self.held.get(&condition) {
            Some(why) => Effect::Held { why: why.clone() },
            None => effects.get(&condition).cloned().unwrap_or(Effect::None),
        };
        ConditionReport { condition, first, second, effect }
    }
}

/// What one condition does, beyond what differs by itself.
fn effect(
    base: &Trial,
    trial: &Trial,
    noise: &BTreeSet<String>,
    context: Context<'_>,
) -> Result<Effect, BuildError> {
    if let Some(message) = trial.failure() {
        return Ok(match base.failure() {
            Some(_) => Effect::None,
            None => Effect::Fails { message },
        });
    }
    let changes: Vec<String> = base.changes(trial, context)?.difference(noise).cloned().collect();
    Ok(if changes.is_empty() { Effect::None } else { Effect::Matters { changes } })
}
