//! A kernel made wrong on purpose, so that tests see whether that is noticed.

use super::kernels::Kernel;

/// A kernel, and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faulty {
    /// The one that is wrong; all others stay as they are.
    pub kernel: Kernel,
    /// In which way it is wrong.
    pub fault: Fault,
}

/// What may be wrong with a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// All that it writes is too large by a thousandth.
    Off,
    /// Its last workgroup does not run.
    Short,
    /// Its invocations do not wait for each other.
    Hasty,
    /// Its text is none that a compiler takes.
    Unreadable,
}

/// How a barrier is written.
const BARRIER: &str = "workgroupBarrier();";

impl Fault {
    /// Whether a kernel's text can be wrong in this way.
    fn is_of(self, wgsl: &str) -> bool {
        self != Self::Hasty || wgsl.contains(BARRIER)
    }
}

impl Faulty {
    /// Every way in which a kernel of such a text can compute wrongly.
    pub(super) fn all(kernel: Kernel, wgsl: &str) -> Vec<Self> {
        let faults = [Fault::Off, Fault::Short, Fault::Hasty];
        let can = faults.into_iter().filter(|f| f.is_of(wgsl));
        can.map(|fault| Self { kernel, fault }).collect()
    }

    /// The kernel's text, with the fault.
    pub(super) fn alter(self, wgsl: &str) -> String {
        match self.fault {
            Fault::Off => off(wgsl),
            Fault::Hasty => wgsl.replace(BARRIER, ""),
            Fault::Short => wgsl.into(),
            Fault::Unreadable => wgsl.replace("fn main(", "fn main main("),
        }
    }

    /// How many workgroups run where `groups` should.
    pub(super) fn groups(self, groups: u64) -> u64 {
        match self.fault {
            Fault::Short => groups.saturating_sub(1),
            Fault::Off | Fault::Hasty | Fault::Unreadable => groups,
        }
    }
}

/// Each `out[i] = value;` becomes `out[i] = 1.001 * (value);`, for whatever is written.
fn off(wgsl: &str) -> String {
    let outputs = wgsl.split("var<storage, read_write> ").skip(1);
    let names = outputs.filter_map(|text| text.split(':').next());
    names.fold(wgsl.to_owned(), |text, name| scaled(&text, name))
}

fn scaled(wgsl: &str, name: &str) -> String {
    let (mut out, mut rest) = (String::new(), wgsl);
    // Only a statement has nothing but spaces before the name.
    let begins = format!("  {name}[");
    while let Some((before, statement)) = rest.split_once(&begins)
        && let Some((place, value)) = statement.split_once(" =")
        && let Some((value, after)) = value.split_once(';')
    {
        for part in [before, &begins, place, " = 1.001 * (", value, ");"] {
            out += part;
        }
        rest = after;
    }
    out + rest
}
