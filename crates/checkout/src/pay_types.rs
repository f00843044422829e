//! Which channels a payer is offered [seed 000, PC支付请求支付类型接口].

use crate::{Checkout, Failure};
use payment::channel::Channel;
use payment::domain::Domain;
use payment::pairs::Pairs;
use payment::ports::{Gateway, Kind};
use payment::refusal::Refusal;
use std::sync::Arc;

/// Where the payer is: the seed's `paySceneName`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// A desktop browser.
    Pc,
    /// A mobile browser, or inside WeChat.
    H5,
}

impl Scene {
    /// Reads `paySceneName`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "pc" => Some(Self::Pc),
            "h5" => Some(Self::H5),
            _ => None,
        }
    }

    /// How a channel is paid in this scene.
    #[must_use]
    pub fn kind(self, channel: Channel) -> Kind {
        match (self, channel) {
            (Self::Pc, Channel::Wechat) => Kind::Native,
            (Self::H5, Channel::Wechat) => Kind::Jsapi,
            (Self::Pc, _) => Kind::Page,
            (Self::H5, _) => Kind::Wap,
        }
    }
}

impl Checkout {
    /// The channels that are offered in a scene, in the page's order.
    #[must_use]
    pub fn pay_types(&self, _domain: &Domain, scene: Scene) -> Vec<Channel> {
        let offered = |channel: &Channel| self.account_for(*channel, scene).is_some();
        Channel::ALL.into_iter().filter(offered).collect()
    }

    /// The same, for the names that a caller of pay-types gives.
    ///
    /// # Errors
    /// [`Failure`] when domainCode or paySceneName is missing or unknown.
    pub async fn pay_types_named(&self, pairs: &Pairs) -> Result<Vec<Channel>, Failure> {
        let domain = self.domain(pairs).await?;
        let name = pairs
            .get("paySceneName")
            .ok_or(Refusal::missing("paySceneName"))?;
        let scene = Scene::parse(name).ok_or(Refusal::malformed("paySceneName", "pc | h5"))?;
        Ok(self.pay_types(&domain, scene))
    }

    /// The account that takes a new order.
    pub(crate) fn account_for(&self, channel: Channel, scene: Scene) -> Option<&Arc<dyn Gateway>> {
        let kind = scene.kind(channel);
        self.parts.gateways.iter().find(|gateway| {
            gateway.channel() == channel && gateway.enabled() && gateway.offers(kind)
        })
    }
}
