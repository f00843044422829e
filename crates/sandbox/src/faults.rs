//! The faults that are asked for: each is used up by the next calls that it fits. Beside
//! these, chaos draws faults at random.

use crate::chaos::Chaos;
use crate::fault::{Fault, On};
use std::sync::{Mutex, PoisonError};

/// The faults that are still to come.
#[derive(Default)]
pub(crate) struct Faults {
    ordered: Mutex<Vec<Fault>>,
    chaos: Mutex<Option<Chaos>>,
}

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        self.ordered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(fault);
    }

    /// Begins to draw faults at random, or ends it.
    pub(crate) fn set_chaos(&self, chaos: Option<Chaos>) {
        *self.chaos.lock().unwrap_or_else(PoisonError::into_inner) = chaos;
    }

    /// All is well from now on.
    pub(crate) fn clear(&self) {
        self.ordered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.set_chaos(None);
    }

    /// The next fault for this kind of call, once; else one that is drawn.
    pub(crate) fn take(&self, on: On) -> Option<Fault> {
        self.take_ordered(on).or_else(|| {
            let mut chaos = self.chaos.lock().unwrap_or_else(PoisonError::into_inner);
            chaos.as_mut().and_then(|chaos| chaos.draw(on))
        })
    }

    fn take_ordered(&self, on: On) -> Option<Fault> {
        let mut faults = self.ordered.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |fault: &Fault| {
            fault.on == on || (fault.on == On::Any && !matches!(on, On::Notify | On::Oauth))
        };
        let index = faults.iter().position(fits)?;
        let fault = faults[index];
        faults[index].times = fault.times.saturating_sub(1);
        if faults[index].times == 0 {
            faults.remove(index);
        }
        Some(fault)
    }
}
