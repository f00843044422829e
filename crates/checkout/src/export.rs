//! Tables that operators take away (docs/console.md, CSV).

use crate::{Checkout, NotDone};
use payment::operators::{Deed, Operator};

/// Bytes of what says which rows: two words of 200, each letter of Chinese as nine.
const WHICH_MAX: usize = 2_000;

impl Checkout {
    /// Records that an operator takes a table away, before it is given to him; `which` is
    /// the address that says which rows.
    ///
    /// # Errors
    /// [`NotDone`]: then it is not given.
    pub async fn record_export(&self, operator: &Operator, which: &str) -> Result<(), NotDone> {
        if !operator.role.may(Deed::Look) {
            return Err(NotDone::NotAllowed(operator.clone()));
        }
        // What is recorded is recorded for ever.
        if which.len() > WHICH_MAX || !which.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NotDone::Nothing);
        }
        let what = format!("export {which}");
        let store = &self.parts.store;
        store
            .record_act(&operator.name, &what, self.now_ms())
            .await?;
        Ok(())
    }
}
