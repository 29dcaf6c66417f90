//! Operators hear of many accounts that begin the same thing at once, and nobody else does (threat F2).

use keyward_authority::duties::raise_accounts_at_once;
use keyward_rules::grant::Actor;
use keyward_rules::id::AccountId;
use keyward_rules::signal::{BegunAtOnce, FirstUse};

use crate::operators::two_operators;
use crate::tab::Tab;
use crate::world::World;

#[tokio::test]
async fn operators_see_it_in_their_queue_and_their_alerts_and_get_a_mail_once_a_day() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let user = world.person("a@keyward.example").await;
    let accounts: Vec<AccountId> = (1..=30).map(|number| AccountId::from_u64(number).unwrap()).collect();
    for _ in 0..2 {
        let what = FirstUse::Instrument("VIA-BTC".into());
        let begun = BegunAtOnce { what, accounts: accounts.clone(), at: world.now() };
        let context = world.authority.context(Actor::System("watch"), world.now());
        raise_accounts_at_once(&context, begun).await.unwrap();
    }
    const DETAIL: &str = "30 accounts began to trade VIA-BTC within two minutes, each for the first time";
    for operator in [&ann, &ben] {
        let about = |mail: &&String| mail.contains(DETAIL) && mail.contains("and others");
        assert_eq!(world.mails(&operator.email).await.iter().filter(about).count(), 1);
    }
    assert!(!world.mails(&user.email).await.iter().any(|mail| mail.contains("VIA-BTC")));
    let tab = Tab::of(&world, &ann).await;
    let queue = tab.get("/operations").await.text;
    assert!(
        queue.contains("Many accounts began the same thing at once") && queue.contains(DETAIL),
        "{queue}"
    );
    let alerts = tab.get("/alerts").await.text;
    assert!(alerts.contains(DETAIL) && alerts.contains("href=\"/operations/accounts\""), "{alerts}");
}
