//! What partners order.

use payment::domain::{Domain, DomainSettings};
use payment::money::{Currency, Money};
use payment::partner::{Ordered, PartnerOrder};
use payment::ports::Store;
use std::sync::Arc;

const CODE: &str = "apay.p001";

fn order(ours: &str, theirs: &str) -> PartnerOrder {
    PartnerOrder {
        order_id: ours.to_owned(),
        domain_code: CODE.to_owned(),
        order: Ordered {
            out_order_id: theirs.to_owned(),
            money: Money::from_minor(10, Currency::Cny).unwrap(),
            cb_url: "http://p.cn/cb".to_owned(),
            return_url: "http://p.cn".to_owned(),
            user_id: "u".to_owned(),
            pay_type: Some("ALIPAYH5".to_owned()),
            goods: "VIP会员".to_owned(),
            passback: "user=7".to_owned(),
        },
        created_ms: 1,
    }
}

pub(crate) async fn an_order_is_kept_once_under_the_partners_number(store: Arc<dyn Store>) {
    let settings = DomainSettings::default();
    let partner = Domain::partner("apay", "p001", settings, "123456", true);
    store.add_domain(&partner.unwrap()).await.unwrap();
    let begin = async |ours, theirs| {
        let begun = store.begin_partner_order(&order(ours, theirs)).await;
        begun.unwrap()
    };
    let first = order("O1", "P1");
    assert_eq!(begin("O1", "P1").await, Some(first.clone()));
    assert_eq!(begin("O2", "P1").await, Some(first.clone()), "unchanged");
    assert_eq!(begin("O1", "P2").await, None, "our number is taken");
    let ours = async |code| store.partner_order(code, "O1").await.unwrap();
    assert_eq!(ours(CODE).await, Some(first.clone()));
    assert_eq!(ours("apay.p002").await, None);
    let theirs = store.partner_order_of(CODE, "P1").await;
    assert_eq!(theirs.unwrap(), Some(first));
    begin("O3", "P3").await;
    let last = async |limit, offset| {
        let last = store.partner_orders(CODE, limit, offset).await.unwrap();
        last.iter()
            .map(|order| order.order_id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(last(9, 0).await, ["O3", "O1"]);
    assert_eq!(
        (last(1, 1).await, last(0, 0).await),
        (vec!["O1".to_owned()], vec![])
    );
    let since = async |code, order_id, max| {
        let since = store.partner_orders_since(code, order_id, max).await;
        since.unwrap()
    };
    assert_eq!(since(CODE, "O", 9).await, 2);
    assert_eq!(since(CODE, "O2", 9).await, 1);
    assert_eq!(since(CODE, "O", 1).await, 1);
    assert_eq!(since("apay.p002", "", 9).await, 0);
    let none = store.partner_order_of(CODE, "P2").await;
    assert_eq!(none.unwrap(), None);
}
