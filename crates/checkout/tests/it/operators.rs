//! What operators do, and what their role may (docs/console.md).

use crate::scene::{AGAIN, Scene, paid};
use crate::sign_in::{PASSWORD, operator};
use checkout::{Confirmed, Errand, Failure, NotDone, NotSignedIn, Operators, Outcome, given};
use payment::by_two::{AloneMost, Meant};
use payment::channel::Channel;
use payment::domain::Domain;
use payment::lang::Lang;
use payment::money::{Currency, Money};
use payment::operators::{Deed, Role};
use payment::order::Attempt;
use payment::ports::{
    AttemptRow, ChannelError, Doubt, Gateway, NewRefund, OrderState, RefundState, RiskKind,
};
use payment::refund::{Cause, Refund, Way};
use payment::status::PayStatus;
use payment::story::{Act, Source};
use std::sync::Arc;

/// An operator of a scene, who has just proved himself.
async fn confirmed(scene: &Scene, name: &str, role: Role) -> Confirmed {
    let store = &scene.store;
    let who = operator(name, role);
    let proof = given(name, PASSWORD, false).unwrap().proof;
    store.add_operator(&who, &proof).await.unwrap().unwrap();
    let now_ms = scene.now_ms();
    let door = Operators::new(Arc::clone(store), Arc::new(move || now_ms), false);
    let wrong = door
        .confirm(name, "not his password", ("do", "it"), "here")
        .await;
    assert_eq!(wrong, Err(NotSignedIn::Wrong));
    let confirmed = door
        .confirm(name, PASSWORD, ("do", "it"), "here")
        .await
        .unwrap();
    let known = store.known_operator(name).await.unwrap().unwrap();
    assert_eq!(known.failed, 0, "what failed before puts nothing off");
    confirmed
}

/// Of two orders of one yuan, where one operator may give back half of an order and sixty
/// fen a day.
#[tokio::test]
async fn what_one_may_not_give_back_alone_two_do() {
    let most = AloneMost {
        an_order: 50,
        a_day: 60,
    };
    let scene = Scene::with(Some(most)).await;
    let mut orders = Vec::new();
    for key in ["k1", "k2"] {
        let attempt = scene.pay(key).await.unwrap();
        scene.answers(Ok(paid(&attempt, 100)));
        scene.after_s(5).await;
        orders.push(attempt.order_sn);
    }
    let li = confirmed(&scene, "li", Role::Cashier).await;
    let an = confirmed(&scene, "an", Role::Cashier).await;
    let refund = |order: usize, minor, key: &str| Errand::Refund {
        order_sn: orders[order].clone(),
        minor,
        key: key.to_owned(),
        meant: Meant {
            again: false,
            left: None,
        },
    };
    let run = async |who: &Confirmed, errand: &Errand| {
        let done = scene.checkout.run_errand(who.operator(), errand, "broken");
        done.await
    };
    // In parts, of one order by several, and by one of several orders.
    assert_eq!(run(&li, &refund(0, 30, "a")).await, Ok(Outcome::Done));
    assert_eq!(run(&an, &refund(0, 20, "b")).await, Ok(Outcome::Done));
    assert_eq!(run(&an, &refund(0, 1, "c")).await, Ok(Outcome::Asked));
    assert_eq!(run(&li, &refund(1, 31, "d")).await, Ok(Outcome::Asked));
    assert_eq!(
        run(&li, &refund(1, 31, "d")).await,
        Ok(Outcome::Asked),
        "once more"
    );
    let other = run(&li, &refund(1, 32, "d")).await;
    assert!(matches!(other, Err(NotDone::Unfit(..))), "{other:?}");
    let alone = scene
        .checkout
        .refund_order("li", &orders[1], 31, None, ("", AGAIN))
        .await;
    assert_eq!(alone, Err(Failure::NeedsTwo));
    let waiting = scene.store.waiting_refund_requests(scene.now_ms()).await;
    let waiting = waiting.unwrap();
    assert_eq!(waiting.len(), 2);
    let risks = scene.store.at_risk(scene.now_ms()).await.unwrap();
    let lines = risks.iter().filter(|risk| risk.kind == RiskKind::Asked);
    let sums: Vec<_> = lines.map(|risk| risk.money.unwrap().minor()).collect();
    assert!(
        sums.len() == 2 && sums.contains(&31),
        "what is asked for: {sums:?}"
    );

    let grant = |who: &Confirmed, number: &str| Errand::Grant {
        request_no: number.to_owned(),
        confirmed: who.clone(),
    };
    let asked = waiting.iter().find(|one| one.asked_by == "li").unwrap();
    let own = run(&li, &grant(&li, &asked.request_no)).await;
    assert_eq!(own, Err(NotDone::OwnRequest));
    let lent = run(&an, &grant(&li, &asked.request_no)).await;
    assert_eq!(
        lent,
        Err(NotDone::OwnRequest),
        "who proved himself is another one"
    );
    let before = scene.store.refunds(&orders[1]).await.unwrap();
    assert!(before.is_empty());
    let granted = run(&an, &grant(&an, &asked.request_no)).await;
    assert_eq!(granted, Ok(Outcome::Done));
    let twice = run(&an, &grant(&an, &asked.request_no)).await;
    assert_eq!(twice, Err(NotDone::Failed(Failure::NotAsked)));
    let refunds = scene.store.refunds(&orders[1]).await.unwrap();
    assert_eq!(refunds.len(), 1);
    let story = scene.store.story(&orders[1]).await.unwrap().unwrap();
    let told: Vec<_> = story
        .entries
        .iter()
        .map(|one| one.detail.as_str())
        .collect();
    let told = told.join("\n");
    assert!(told.contains("by li granted by an: broken"), "{told}");
    // What two gave back counts for neither.
    assert_eq!(run(&li, &refund(1, 30, "e")).await, Ok(Outcome::Done));

    let asked = waiting.iter().find(|one| one.asked_by == "an").unwrap();
    let refuse = Errand::Refuse {
        request_no: asked.request_no.clone(),
    };
    assert_eq!(run(&li, &refuse).await, Ok(Outcome::Done));
    let refused = run(&li, &grant(&li, &asked.request_no)).await;
    assert_eq!(refused, Err(NotDone::Failed(Failure::NotAsked)));
    let again = run(&an, &refund(0, 1, "c")).await;
    assert_eq!(
        again,
        Err(NotDone::Failed(Failure::NotAsked)),
        "it was refused"
    );
    // One that has gone back meanwhile, under the same key, is none that he granted.
    assert_eq!(run(&an, &refund(0, 2, "g1")).await, Ok(Outcome::Asked));
    let asked = scene.store.waiting_refund_requests(scene.now_ms()).await;
    let asked = asked.unwrap().remove(0);
    let begun = NewRefund {
        refund_no: "R-elsewhere".to_owned(),
        order_sn: asked.order_sn.clone(),
        refund_key: Some(asked.refund_key.clone()),
        money: asked.money,
        cause: Cause::Operator,
        day_max: None,
        hands: None,
        reason: String::new(),
        created_ms: scene.now_ms(),
    };
    scene.store.begin_refund(&begun).await.unwrap();
    let same = run(&li, &grant(&li, &asked.request_no)).await;
    assert_eq!(same, Err(NotDone::Failed(Failure::NotAsked)));
    let refuse = Errand::Refuse {
        request_no: asked.request_no,
    };
    assert_eq!(run(&li, &refuse).await, Ok(Outcome::Done));
    // Too old.
    assert_eq!(run(&an, &refund(0, 1, "f")).await, Ok(Outcome::Asked));
    let asked = scene.store.waiting_refund_requests(scene.now_ms()).await;
    let number = asked.unwrap().remove(0).request_no;
    scene.after_s(86_401).await;
    let old = run(&li, &grant(&li, &number)).await;
    assert_eq!(old, Err(NotDone::Failed(Failure::NotAsked)));
    let day = run(&li, &refund(1, 20, "g")).await;
    assert_eq!(day, Ok(Outcome::Done), "another day");
}

/// Every role and every deed, at the use case.
#[tokio::test]
async fn a_role_does_what_it_may_and_each_act_is_recorded() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k1").await.unwrap();
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(5).await;
    let order_sn = || attempt.order_sn.clone();
    let li = confirmed(&scene, "li", Role::Viewer).await;
    let asked = async |key: &str| {
        let asked = scene
            .checkout
            .ask_refund("an", &attempt.order_sn, 1, key, ("why", AGAIN));
        asked.await.unwrap().request_no
    };
    let mut set = Domain::test();
    set.settings.hmac_required = true;
    let mut rotated = set.clone();
    rotated.rotate("next", i64::MAX);
    let mut ended = rotated.clone();
    ended.end_older(0);
    for role in Role::ALL {
        let who = operator("li", role);
        for errand in [
            Errand::Requery {
                order_sn: order_sn(),
            },
            Errand::Resend {
                order_sn: order_sn(),
            },
            Errand::Refund {
                order_sn: order_sn(),
                minor: 1,
                key: format!("by-{}", role.word()),
                meant: Meant {
                    again: true,
                    left: None,
                },
            },
            Errand::Grant {
                request_no: asked(&format!("grant-{}", role.word())).await,
                confirmed: li.clone(),
            },
            Errand::Refuse {
                request_no: asked(&format!("refuse-{}", role.word())).await,
            },
            Errand::Add {
                domain: Box::new(Domain::demo()),
                what: "key-length: \"32\"".to_owned(),
            },
            Errand::Set {
                was: Box::new(Domain::test()),
                domain: Box::new(set.clone()),
                what: "hmac-required: false -> true".to_owned(),
            },
            Errand::Rotate {
                was: Box::new(set.clone()),
                domain: Box::new(rotated.clone()),
                what: "the old one holds until then".to_owned(),
            },
            Errand::EndOlder {
                was: Box::new(rotated.clone()),
                domain: Box::new(ended.clone()),
            },
        ] {
            let before = scene
                .store
                .last_act()
                .await
                .unwrap()
                .map_or(0, |act| act.seq);
            let done = scene.checkout.run_errand(&who, &errand, "he asked").await;
            let last = scene.store.last_act().await.unwrap();
            if role.may(errand.deed()) {
                assert_eq!(done, Ok(Outcome::Done), "{role:?} {errand:?}");
                let last = last.unwrap();
                assert_eq!((last.seq, last.by.as_str()), (before + 1, "li"));
                // Of an order its story tells why.
                let why = match errand.deed() {
                    Deed::Manage => "\"he asked\"",
                    _ => "…",
                };
                assert_eq!(last.what, format!("{errand} --reason {why}"));
            } else {
                assert_eq!(done, Err(NotDone::NotAllowed(who.clone())));
                assert_eq!(last.map_or(0, |act| act.seq), before, "nothing was done");
            }
        }
    }
    assert_eq!(scene.store.domain("test").await, Ok(Some(ended)));
    let refunds = scene.store.refunds(&attempt.order_sn).await.unwrap();
    let may = Role::ALL.into_iter().filter(|role| role.may(Deed::Refund));
    assert_eq!(
        refunds.len(),
        may.count() * 2,
        "refunds, and those that were granted"
    );
    // Without a reason, twice, or for what is not there.
    let admin = operator("an", Role::Admin);
    let refund = |minor, key: &str| Errand::Refund {
        order_sn: attempt.order_sn.clone(),
        minor,
        key: key.to_owned(),
        meant: Meant {
            again: true,
            left: None,
        },
    };
    for (reason, why) in [
        ("", NotDone::NoReason),
        (" ", NotDone::NoReason),
        ("a\nb", NotDone::LinesOfReason),
        (&"x".repeat(201), NotDone::LongReason(201)),
        (&"退".repeat(201), NotDone::LongReason(201)),
    ] {
        let done = scene
            .checkout
            .run_errand(&admin, &refund(1, "again"), reason)
            .await;
        assert_eq!(done, Err(why));
    }
    // What its field takes is taken, in any language.
    let longest = "退".repeat(200);
    for _ in 0..2 {
        let done = scene
            .checkout
            .run_errand(&admin, &refund(1, "again"), &longest)
            .await;
        assert_eq!(done, Ok(Outcome::Done));
    }
    let all = scene.store.refunds(&attempt.order_sn).await.unwrap();
    assert_eq!(all.len(), refunds.len() + 1);
    let much = refund(1_000, "much");
    let much = scene.checkout.run_errand(&admin, &much, "why").await;
    assert!(matches!(much, Err(NotDone::MoreThanLeft(_))), "{much:?}");
    let much = much.unwrap_err();
    assert!(much.text(Lang::En).contains("CNY "), "{much}");
    assert!(much.text(Lang::Zh).contains("还可退 CNY "), "{much}");
    let last = scene.store.last_act().await.unwrap().unwrap();
    assert!(last.what.ends_with(" failed"), "{last:?}");
    let before = scene.store.last_act().await.unwrap().unwrap().seq;
    for junk in ["", "1 --money 9", "a\nb", &"1".repeat(65)] {
        let order_sn = junk.to_owned();
        let nothing = Errand::Requery { order_sn };
        let nothing = scene.checkout.run_errand(&admin, &nothing, "why").await;
        assert_eq!(nothing, Err(NotDone::Nothing));
    }
    let last = scene.store.last_act().await.unwrap().unwrap();
    assert_eq!(last.seq, before, "no junk is kept for ever");
    let order_sn = "none".to_owned();
    let nothing = Errand::Requery { order_sn };
    let nothing = scene.checkout.run_errand(&admin, &nothing, "why").await;
    assert_eq!(nothing, Err(NotDone::Nothing));
}

/// What was read and is another by now is not written over, and what breaks a rule, can't be
/// recorded or is there already is not done.
#[tokio::test]
async fn a_business_system_is_managed_as_it_was_read() {
    let scene = Scene::new().await;
    let admin = operator("an", Role::Admin);
    let run = async |errand: &Errand| scene.checkout.run_errand(&admin, errand, "why").await;
    let set = |change: &dyn Fn(&mut Domain), what: &str| {
        let mut domain = Domain::test();
        change(&mut domain);
        Errand::Set {
            was: Box::new(Domain::test()),
            domain: Box::new(domain),
            what: what.to_owned(),
        }
    };
    let broken = run(&set(&|domain| domain.settings.largest_sum = 0, "x")).await;
    assert!(matches!(broken, Err(NotDone::Breaks(_))), "{broken:?}");
    let long = run(&set(&|domain| domain.code = "s".repeat(65), "x")).await;
    assert!(matches!(long, Err(NotDone::Breaks(_))), "{long:?}");
    for what in ["a\nb", &"x".repeat(4_000)] {
        assert_eq!(run(&set(&|_| (), what)).await, Err(NotDone::TooMuch));
    }
    let taken = Errand::Add {
        domain: Box::new(Domain::test()),
        what: "key-length: \"32\"".to_owned(),
    };
    assert_eq!(run(&taken).await, Err(NotDone::Taken("test".to_owned())));
    let none = Errand::Enable {
        channel: Channel::Wechat,
        name: "main".to_owned(),
        was: true,
        enabled: false,
    };
    assert_eq!(run(&none).await, Err(NotDone::Nothing));
    let cashier = operator("an", Role::Cashier);
    let refused = scene.checkout.run_errand(&cashier, &none, "why").await;
    assert_eq!(refused, Err(NotDone::NotAllowed(cashier)));

    // A rule that came later keeps no stolen secret alive: no settings are judged here.
    let mut breaking = Domain::test();
    breaking.settings.attempts_an_hour = 0;
    assert!(breaking.check().is_err());
    let changed = Err(NotDone::Changed("test".to_owned()));
    let (was, domain) = (Box::new(breaking.clone()), Box::new(breaking));
    let what = "x".to_owned();
    let rotate = Errand::Rotate { was, domain, what };
    assert_eq!(run(&rotate).await, changed, "the database's is another");

    let mut domain = Domain::test();
    domain.rotate("next", i64::MAX);
    let rotate = Errand::Rotate {
        was: Box::new(Domain::test()),
        domain: Box::new(domain.clone()),
        what: "until then".to_owned(),
    };
    assert_eq!(run(&rotate).await, Ok(Outcome::Done));
    assert_eq!(run(&rotate).await, Ok(Outcome::Done), "it is done once");
    let changed = Err(NotDone::Changed("test".to_owned()));
    let late = set(&|domain| domain.settings.hmac_required = true, "x");
    assert_eq!(run(&late).await, changed);
    assert_eq!(scene.store.domain("test").await, Ok(Some(domain)));
    let acts = scene.store.acts(0, 99).await.unwrap();
    let told: Vec<_> = acts.iter().map(|act| act.what.as_str()).collect();
    assert_eq!(
        told,
        [
            "business add test key-length: \"32\" --reason \"why\"",
            "1 failed",
            "business rotate test x --reason \"why\"",
            "3 failed",
            "business rotate test until then --reason \"why\"",
            "business rotate test until then --reason \"why\"",
            "business set test x --reason \"why\"",
            "7 failed",
        ]
    );
}

/// What is recorded is recorded for ever: no more of it than an address.
#[tokio::test]
async fn a_table_that_is_taken_away_is_recorded() {
    let scene = Scene::new().await;
    let viewer = operator("li", Role::Viewer);
    let which = "/orders.csv?state=SUCCESSPAY&paid=1";
    let recorded = scene.checkout.record_export(&viewer, which).await;
    assert_eq!(recorded, Ok(()));
    let last = scene.store.last_act().await.unwrap().unwrap();
    assert_eq!(last.by, "li");
    assert_eq!(last.what, format!("export {which}"));
    for wrong in ["two words", "two\nlines", "订单", &"x".repeat(2_001)] {
        let recorded = scene.checkout.record_export(&viewer, wrong).await;
        assert_eq!(recorded, Err(NotDone::Nothing), "{wrong}");
    }
    let unchanged = scene.store.last_act().await.unwrap().unwrap();
    assert_eq!(unchanged.seq, last.seq);
}

/// What was seen at a channel's console is said under a name, with a reason.
#[tokio::test]
async fn what_a_person_saw_settles_an_order_by_hand() {
    let scene = Scene::new().await;
    let late = scene.pay("late").await.unwrap();
    scene.after_s(900).await;
    let act = Act {
        at_ms: scene.now_ms(),
        by: Source::Business,
    };
    let closed = scene.store.close_request("test", "late", None, act).await;
    closed.unwrap();
    scene.answers(Ok(paid(&late, 100)));
    scene.checkout.requery(&late).await.unwrap();
    scene.answers(Err(ChannelError::unknown(Doubt::TimeOut, "time-out")));
    let open = scene.pay("open").await.unwrap();
    scene.after_s(900 + 601).await;
    let run = async |role: Role, errand: &Errand| {
        let who = operator("li", role);
        scene.checkout.run_errand(&who, errand, "seen there").await
    };
    let honour = |order_sn: &str| Errand::Honour {
        order_sn: order_sn.to_owned(),
    };
    let unpaid = Errand::Unpaid {
        order_sn: open.order_sn.clone(),
    };
    for role in [Role::Viewer, Role::Support] {
        for errand in [&honour(&late.order_sn), &unpaid] {
            let done = run(role, errand).await;
            assert!(matches!(done, Err(NotDone::NotAllowed(_))), "{done:?}");
        }
    }
    let not_late = run(Role::Cashier, &honour(&open.order_sn)).await;
    assert!(matches!(not_late, Err(NotDone::Unfit(..))), "{not_late:?}");
    assert_eq!(
        run(Role::Cashier, &honour(&late.order_sn)).await,
        Ok(Outcome::Done)
    );
    assert_eq!(run(Role::Cashier, &unpaid).await, Ok(Outcome::Done));
    assert_eq!(scene.attempt("open").await.status, Attempt::Closed);
    let paid = scene.attempt("late").await;
    assert_eq!(paid.request_status, PayStatus::SuccessPay);
    // A refund of another order is none of this one.
    let refund = scene
        .checkout
        .refund_order("li", &late.order_sn, 1, None, ("", AGAIN));
    let refund_no = refund.await.unwrap().refund_no;
    let by_hand = |order_sn: &str| Errand::ByHand {
        order_sn: order_sn.to_owned(),
        refund_no: refund_no.clone(),
        way: Way::Another,
        again: false,
    };
    let other = run(Role::Cashier, &by_hand(&open.order_sn)).await;
    assert_eq!(other, Err(NotDone::Nothing));
    let under_way = run(Role::Cashier, &by_hand(&late.order_sn)).await;
    assert!(
        matches!(under_way, Err(NotDone::Unfit(..))),
        "{under_way:?}"
    );
    let refused = Err(ChannelError::Refused {
        code: "X".to_owned(),
        message: "no".to_owned(),
    });
    scene.channel.told.lock().unwrap().refund = Some(refused);
    scene.refunds_after_s(0).await;
    let done = run(Role::Cashier, &by_hand(&late.order_sn)).await;
    assert_eq!(done, Ok(Outcome::Done));
    let story = scene.store.story(&late.order_sn).await.unwrap().unwrap();
    let said: Vec<_> = story
        .entries
        .iter()
        .map(|one| one.detail.as_str())
        .collect();
    let said = said.join("\n");
    assert!(
        said.contains("li: order honour") && said.contains("seen there"),
        "{said}"
    );
}

/// Every role; and the channel's word comes before ours.
#[tokio::test]
async fn an_operator_closes_what_its_channel_takes_no_money_for() {
    let scene = Scene::new().await;
    let was = scene.store.domain("test").await.unwrap().unwrap();
    let mut domain = was.clone();
    domain.settings.failurepay = true;
    scene.store.set_domain(&was, &domain).await.unwrap();
    let run = async |role: Role, order: &AttemptRow| {
        let errand = Errand::Close {
            order_sn: order.order_sn.clone(),
        };
        let who = operator("li", role);
        scene
            .checkout
            .run_errand(&who, &errand, "he changed his mind")
            .await
    };
    let status = async |key: &str| scene.attempt(key).await.request_status;
    for role in Role::ALL {
        let key = role.word();
        scene.answers(Ok(OrderState::Pending));
        let order = scene.pay(key).await.unwrap();
        scene.asked();
        let done = run(role, &order).await;
        if !role.may(Deed::Close) {
            assert_eq!(done, Err(NotDone::NotAllowed(operator("li", role))));
            assert!(scene.asked().is_empty(), "{role:?}");
            assert_eq!(status(key).await, PayStatus::NotPay);
            continue;
        }
        assert_eq!(done, Ok(Outcome::Done), "{role:?}");
        assert_eq!(scene.asked(), ["query", "close", "query"]);
        assert_eq!(status(key).await, PayStatus::Closed);
        assert_eq!(run(role, &order).await, Ok(Outcome::Done), "once more");
        let told = scene.store.callbacks(&order.order_sn).await.unwrap();
        assert_eq!(told.len(), 1, "FAILUREPAY, once");
        let story = scene.store.story(&order.order_sn).await.unwrap().unwrap();
        let said = |what: &str| {
            let entries = story.entries.iter();
            let entries = entries.filter(|entry| entry.what == what);
            entries
                .map(|entry| entry.detail.clone())
                .collect::<Vec<_>>()
        };
        let why = format!("li: order close {}: he changed his mind", order.order_sn);
        assert_eq!(said("operator"), [why.clone(), why]);
        assert_eq!(said("request closed").len(), 1);
    }

    // Its channel does not say: nothing is called closed, and no other payment begins.
    scene.answers(Ok(OrderState::Pending));
    let order = scene.pay("silent").await.unwrap();
    let silent = ChannelError::unknown(Doubt::TimeOut, "time-out");
    scene.channel.told.lock().unwrap().close = Some(silent);
    let waits = Err(NotDone::NotClosed(Failure::InProgress));
    assert_eq!(run(Role::Cashier, &order).await, waits);
    assert_eq!(status("silent").await, PayStatus::NotPay);
    assert_eq!(scene.attempt("silent").await.status, Attempt::Open);
    assert_eq!(scene.pay("silent").await.unwrap_err(), Failure::Closed);
    let story = scene.store.story(&order.order_sn).await.unwrap().unwrap();
    assert!(
        story
            .entries
            .iter()
            .all(|entry| entry.what != "request closed")
    );
    let last = scene.store.last_act().await.unwrap().unwrap();
    assert!(last.what.ends_with(" failed"), "{last:?}");
    scene.channel.told.lock().unwrap().close = None;
    assert_eq!(run(Role::Cashier, &order).await, Ok(Outcome::Done));
    assert_eq!(status("silent").await, PayStatus::Closed);

    // It holds the payer's money, or has it.
    let order = scene.pay("money").await.unwrap();
    scene.answers(Ok(OrderState::Held("a review".to_owned())));
    assert_eq!(run(Role::Cashier, &order).await, waits);
    scene.answers(Ok(paid(&order, 100)));
    let paid = NotDone::Failed(Failure::AlreadyPaid);
    assert!(paid.text(Lang::En).contains("nothing was closed"));
    assert_eq!(run(Role::Cashier, &order).await, Err(paid));
    assert_eq!(status("money").await, PayStatus::SuccessPay);
}

/// Where one attempt can't be asked about, the others are closed at their channels all the
/// same, and what hindered is said.
#[tokio::test]
async fn what_can_be_closed_is_closed_beside_what_can_not() {
    let scene = Scene::new().await;
    let gone = scene.pay_by(Channel::Paypal, &[("requestKey", "k")]);
    let gone = gone.await.unwrap();
    let other = scene.pay("k").await.unwrap();
    let wechat = Arc::clone(&scene.channel) as Arc<dyn Gateway>;
    scene.checkout.replace_gateways(vec![wechat]);
    scene.answers(Ok(OrderState::Pending));
    scene.asked();
    let errand = Errand::Close {
        order_sn: other.order_sn.clone(),
    };
    let admin = operator("an", Role::Admin);
    let done = scene.checkout.run_errand(&admin, &errand, "why").await;
    assert!(
        matches!(&done, Err(NotDone::NotClosed(Failure::Internal(why))) if why.contains(&gone.account)),
        "{done:?}"
    );
    assert_eq!(scene.asked(), ["query", "close", "query"]);
    let other = scene.store.attempt(&other.order_sn).await.unwrap().unwrap();
    assert_eq!(other.status, Attempt::Closed);
    assert_eq!(other.request_status, PayStatus::NotPay);
}

#[tokio::test]
async fn what_differs_is_closed_once_it_was_looked_after() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    scene.answers(Ok(paid(&attempt, 99)));
    scene.after_s(5).await;
    let li = confirmed(&scene, "li", Role::Cashier).await;
    let order_sn = &attempt.order_sn;
    let run = async |errand| {
        let done = scene
            .checkout
            .run_errand(li.operator(), &errand, "given back");
        done.await
    };
    let close = || Errand::Close {
        order_sn: order_sn.clone(),
    };
    let differs = NotDone::NotClosed(Failure::Differs);
    assert_eq!(run(close()).await, Err(differs));
    let looked = Errand::LookedAfter {
        order_sn: order_sn.clone(),
        number: order_sn.clone(),
    };
    assert_eq!(run(looked).await, Ok(Outcome::Done));
    assert_eq!(run(close()).await, Ok(Outcome::Done));
    let closed = scene.attempt("k").await;
    assert_eq!(
        (closed.status, closed.request_status),
        (Attempt::Closed, PayStatus::Closed)
    );
}

#[tokio::test]
async fn the_same_sum_once_more_is_meant_or_it_is_not_given_back() {
    let most = AloneMost {
        an_order: 50,
        a_day: 100,
    };
    let scene = Scene::with(Some(most)).await;
    let attempt = scene.pay("k").await.unwrap();
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(5).await;
    let li = confirmed(&scene, "li", Role::Cashier).await;
    let refund = async |minor, key: &str, again| {
        let errand = Errand::Refund {
            order_sn: attempt.order_sn.clone(),
            minor,
            key: key.to_owned(),
            meant: Meant { again, left: None },
        };
        let done = scene.checkout.run_errand(li.operator(), &errand, "broken");
        done.await
    };
    let same = Err(NotDone::Failed(Failure::SameSum));
    assert_eq!(refund(20, "a", false).await, Ok(Outcome::Done));
    assert_eq!(refund(20, "a", false).await, Ok(Outcome::Done), "one key");
    // Who comes back to the page has another key.
    assert_eq!(refund(20, "b", false).await, same);
    assert_eq!(refund(10, "c", false).await, Ok(Outcome::Done));
    assert_eq!(refund(20, "b", true).await, Ok(Outcome::Done));
    // What waits for another one is spoken for.
    assert_eq!(refund(30, "d", false).await, Ok(Outcome::Asked));
    assert_eq!(refund(30, "e", false).await, same);
    let left = Money::from_minor(20, Currency::Cny).unwrap();
    let spoken_for = Err(NotDone::MoreThanLeft(left));
    assert_eq!(refund(30, "e", true).await, spoken_for);
    assert_eq!(refund(40, "f", false).await, spoken_for);
    let refunds = scene.store.refunds(&attempt.order_sn).await.unwrap();
    let all: Vec<_> = refunds.iter().map(|one| one.money.minor()).collect();
    assert_eq!(all, [20, 10, 20]);
    // The same form again once its channel refused it: nobody is told that money goes out.
    let state = RefundState::Failed("NOTENOUGH".to_owned());
    scene.channel.told.lock().unwrap().refund = Some(Ok(state));
    scene.checkout.run_due_refunds().await.unwrap();
    let ended = refund(20, "a", false).await;
    assert_eq!(ended, Err(NotDone::Ended(Refund::Failed)));
}

/// His page is older than what went back since, by whomever: he looks again.
#[tokio::test]
async fn what_went_back_since_the_page_was_drawn_is_seen_first() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(5).await;
    let li = confirmed(&scene, "li", Role::Cashier).await;
    let refund = async |minor, key: &str, meant| {
        let errand = Errand::Refund {
            order_sn: attempt.order_sn.clone(),
            minor,
            key: key.to_owned(),
            meant,
        };
        let done = scene.checkout.run_errand(li.operator(), &errand, "broken");
        done.await
    };
    let shown = |again, left| Meant {
        again,
        left: Some(left),
    };
    let by_shop = scene.checkout.refund_keyed(&attempt, "s".to_owned(), 20);
    by_shop.await.unwrap();
    let same = Err(NotDone::Failed(Failure::SameSum));
    assert_eq!(refund(20, "a", shown(false, 100)).await, same);
    let less = Err(NotDone::Failed(Failure::LessLeft));
    assert_eq!(refund(30, "a", shown(false, 100)).await, less);
    assert_eq!(refund(20, "a", shown(true, 100)).await, less);
    assert_eq!(refund(30, "a", shown(false, 80)).await, Ok(Outcome::Done));
    // The answer was lost, and the form is sent again.
    assert_eq!(refund(30, "a", shown(false, 80)).await, Ok(Outcome::Done));
    let refunds = scene.store.refunds(&attempt.order_sn).await.unwrap();
    assert_eq!(refunds.len(), 2);
}

/// What the business system gave back while a request waited may be what was asked for.
#[tokio::test]
async fn nothing_is_granted_of_an_order_whose_money_went_back_since() {
    let most = AloneMost {
        an_order: 0,
        a_day: 0,
    };
    let scene = Scene::with(Some(most)).await;
    let attempt = scene.pay("k").await.unwrap();
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(5).await;
    let (number, none) = (&attempt.order_sn, Meant::default());
    let ask = async |minor, key: &str| {
        let asked = scene
            .checkout
            .ask_refund("li", number, minor, key, ("broken", none));
        asked.await.unwrap().request_no
    };
    let (first, second) = (ask(40, "a").await, ask(30, "b").await);
    scene.set_clock(scene.now_ms() + 1);
    // That another request was granted meanwhile says nothing of this one.
    scene.checkout.grant_refund("wang", &second).await.unwrap();
    let by_shop = scene.checkout.refund_keyed(&attempt, "s".to_owned(), 20);
    by_shop.await.unwrap();
    let granted = scene.checkout.grant_refund("wang", &first).await;
    assert_eq!(granted, Err(Failure::WentBack));
    assert_eq!(scene.store.refunds(number).await.unwrap().len(), 2);
    let refused = scene
        .store
        .refuse_refund(&first, "wang", "", scene.now_ms());
    assert!(refused.await.unwrap());
    let asked_anew = ask(40, "c").await;
    scene
        .checkout
        .grant_refund("wang", &asked_anew)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_was_asked_for_and_then_begun_alone_waits_no_more() {
    const HOUR_MS: i64 = 3_600_000;
    let most = AloneMost {
        an_order: 100,
        a_day: 40,
    };
    let scene = Scene::with(Some(most)).await;
    let attempt = scene.pay("k").await.unwrap();
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(5).await;
    let li = confirmed(&scene, "li", Role::Cashier).await;
    let refund = async |minor, key: &str| {
        let errand = Errand::Refund {
            order_sn: attempt.order_sn.clone(),
            minor,
            key: key.to_owned(),
            meant: Meant {
                again: false,
                left: None,
            },
        };
        let done = scene.checkout.run_errand(li.operator(), &errand, "broken");
        done.await
    };
    let begun_ms = scene.now_ms();
    assert_eq!(refund(30, "a").await, Ok(Outcome::Done));
    scene.set_clock(begun_ms + 23 * HOUR_MS);
    assert_eq!(refund(20, "b").await, Ok(Outcome::Asked));
    // By now the day has room for it; its request waits for a day all the same.
    scene.set_clock(begun_ms + 25 * HOUR_MS);
    assert_eq!(refund(20, "b").await, Ok(Outcome::Done));
    assert_eq!(refund(50, "c").await, Ok(Outcome::Asked));
}
