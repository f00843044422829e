//! One order from its beginning to where its payer and business system leave it.

use super::business::{Begun, Business, Platform};
use super::payer::{Opened, Payer};
use super::plan::{Order, Story, Way};
use anyhow::Result;
use fastrand::Rng;
use serde_json::json;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// An attempt of the load lives this long.
pub(crate) const ATTEMPT_LIFE: Duration = Duration::from_secs(15);
/// A code or form that died is asked for again so often.
const OPENINGS: usize = 5;
/// A business system that has not heard of its payment for so long gives it up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Plays an order's story.
///
/// # Errors
/// When the sandbox or the shop, which nobody kills, does not answer as it must.
pub(crate) fn play(platform: &Platform<'_>, sandbox: &str, order: &Order) -> Result<()> {
    let mut rng = Rng::with_seed(order.seed);
    let told = json!({"requestKey": order.key, "fen": order.fen}).to_string();
    let url = format!("{}/control/order", platform.shop);
    platform.wire.post_json(&url, &told)?;
    // Under which number a partner's order is kept he is told by its answer.
    if !order.is_partners() {
        let ledger = platform.ledger;
        ledger.note(order.domain, &order.key, |asked| asked.fen = order.fen);
    }
    let mut scene = Scene {
        platform,
        payer: Payer {
            wire: platform.wire,
            sandbox,
        },
        order,
        business: Business::new(platform, order, rng.fork()),
        rng,
    };
    scene.play()
}

struct Scene<'a> {
    platform: &'a Platform<'a>,
    payer: Payer<'a>,
    order: &'a Order,
    business: Business<'a>,
    rng: Rng,
}

impl Scene<'_> {
    fn play(&mut self) -> Result<()> {
        let (way, other) = (self.order.way, self.order.other);
        match self.order.story {
            Story::Pay => self.pay_by(way),
            Story::NeverPay => self.begin(way).map(|_| ()),
            Story::LatePay => self.pay_late(way),
            Story::Decline => self.decline(way, other),
            Story::PayBoth => self.pay_both(way, other),
            Story::Refund => self.pay_and_refund(way),
            Story::CloseRace => self.race_close(way),
            Story::Twins => self.twins(way),
        }
    }

    fn pay_by(&mut self, way: Way) -> Result<()> {
        if let Some(opened) = self.begin(way)? {
            self.linger(0..2_000);
            self.hand_over(&opened)?;
        }
        let polls = self.rng.u32(0..8);
        self.business.watch(polls);
        Ok(())
    }

    fn pay_late(&mut self, way: Way) -> Result<()> {
        let Some(opened) = self.begin(way)? else {
            return Ok(());
        };
        sleep(ATTEMPT_LIFE);
        self.linger(0..8_000);
        self.hand_over(&opened).map(|_| ())
    }

    fn decline(&mut self, way: Way, other: Way) -> Result<()> {
        let Some(opened) = self.begin(way)? else {
            return Ok(());
        };
        self.payer.is_declined(&opened)?;
        self.business.watch(2);
        match self.rng.u32(0..3) {
            0 => Ok(()),
            1 => self.hand_over(&opened).map(|_| ()),
            _ => self.pay_by(other),
        }
    }

    fn pay_both(&mut self, way: Way, other: Way) -> Result<()> {
        let first = self.begin(way)?;
        self.linger(0..1_500);
        // A payer who paid early finds nothing to begin any more.
        let early = self.rng.u32(0..4) == 0;
        if early && let Some(first) = &first {
            self.hand_over(first)?;
        }
        let second = self.begin(other)?;
        let mut both: Vec<Opened> = first.into_iter().chain(second).collect();
        if self.rng.bool() {
            both.reverse();
        }
        for opened in &both {
            self.hand_over(opened)?;
            self.linger(0..1_000);
        }
        self.business.watch(3);
        Ok(())
    }

    fn pay_and_refund(&mut self, way: Way) -> Result<()> {
        let paid = match self.begin(way)? {
            Some(opened) => self.hand_over(&opened)?,
            None => false,
        };
        // Who came too late has not paid: there is nothing to give back.
        if !paid {
            return Ok(());
        }
        // Only what the platform calls paid can be given back; the business system
        // waits for that, though not for ever: what PayPal's payer approved too late
        // is never taken.
        let started = Instant::now();
        while !self.business.watch(20) {
            if started.elapsed() > PATIENCE || crate::process::told_to_stop() {
                return Ok(());
            }
        }
        let fen = self.order.fen;
        let parts = match self.rng.u32(0..3) {
            0 => vec![fen],
            1 => vec![fen / 3],
            _ => vec![fen / 3, fen / 2],
        };
        for (index, part) in parts.into_iter().enumerate() {
            let refund_key = format!("{}-R{index}", self.order.key);
            self.business.refund(&refund_key, part);
        }
        Ok(())
    }

    fn race_close(&mut self, way: Way) -> Result<()> {
        let opened = self.begin(way)?;
        let (close_after, pay_after) = (self.rng.u64(0..800), self.rng.u64(0..800));
        let returns = self.rng.bool();
        let (payer, business) = (&self.payer, &mut self.business);
        std::thread::scope(|scope| {
            let paying = scope.spawn(move || {
                sleep(Duration::from_millis(pay_after));
                opened.map_or(Ok(false), |opened| payer.pay(&opened, returns))
            });
            sleep(Duration::from_millis(close_after));
            business.close();
            paying
                .join()
                .unwrap_or_else(|_| anyhow::bail!("a payer panicked"))
        })?;
        Ok(())
    }

    fn twins(&mut self, way: Way) -> Result<()> {
        let mut twin = Business::new(self.platform, self.order, self.rng.fork());
        let business = &mut self.business;
        std::thread::scope(|scope| {
            scope.spawn(move || twin.pay(way));
            business.pay(way);
        });
        self.pay_by(way)
    }

    /// Begins, and goes to the channel; nothing where the request is over.
    fn begin(&mut self, way: Way) -> Result<Option<Opened>> {
        for _ in 0..OPENINGS {
            match self.business.pay(way) {
                Begun::Obj(obj) => {
                    if let Some(opened) = self.payer.open(way, &obj)? {
                        return Ok(Some(opened));
                    }
                }
                Begun::Over | Begun::Gone => return Ok(None),
            }
            self.linger(300..1_500);
        }
        Ok(None)
    }

    /// Pays; whether the channel took it.
    fn hand_over(&mut self, opened: &Opened) -> Result<bool> {
        let returns = self.rng.bool();
        self.payer.pay(opened, returns)
    }

    fn linger(&mut self, ms: std::ops::Range<u64>) {
        sleep(Duration::from_millis(self.rng.u64(ms)));
    }
}
