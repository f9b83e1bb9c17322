//! What an owner and a thief can do with one session in `thief_machine`.

use std::time::Duration;

use proptest::{collection::vec, prelude::*, sample::select};

pub(crate) const GRACE: Duration = Duration::from_mins(1);
pub(crate) const THIEF: (&str, &str) = ("192.0.2.66", "a script");

pub(crate) const BROWSER: &str = "a browser";
pub(crate) const NETWORKS: [&str; 3] = ["198.51.100.7", "203.0.113.7", "2001:db8:1::7"];

const WAITS: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(2), Duration::from_mins(11), Duration::from_mins(44)];

#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// The owner's app refreshes; the response may be lost.
    Refresh {
        is_lost: bool,
    },
    /// A tab refreshes, and freezes before it receives the response.
    Freeze,
    /// The frozen tab receives the response.
    Thaw,
    /// The owner sends a request to this server.
    Use,
    Move(&'static str),
    Wait(Duration),
    /// The thief copies the owner's tokens.
    Steal,
    /// The thief refreshes with the newest token that they have.
    ThiefRefresh,
    /// The thief sends a request to this server, which does not see what they do elsewhere.
    ThiefUse,
}

pub(crate) fn owners() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => proptest::bool::ANY.prop_map(|is_lost| Act::Refresh { is_lost }),
        2 => Just(Act::Freeze),
        2 => Just(Act::Thaw),
        3 => Just(Act::Use),
        4 => select(&NETWORKS[..]).prop_map(Act::Move),
        8 => select(&WAITS[..]).prop_map(Act::Wait),
    ]
}

fn thieves() -> impl Strategy<Value = Act> {
    prop_oneof![2 => Just(Act::Steal), 4 => Just(Act::ThiefRefresh), 3 => Just(Act::ThiefUse)]
}

/// A thief refreshes with stolen tokens. In most cases the owner refreshes later, and then the thief continues. All
/// other acts are random.
pub(crate) fn theft() -> impl Strategy<Value = Vec<Act>> {
    let few = || vec(owners(), 0..4);
    let refreshes = proptest::bool::ANY.prop_map(|is_lost| Act::Refresh { is_lost });
    let goes_on = prop_oneof![Just(Act::ThiefRefresh), Just(Act::ThiefUse)];
    let noticed = (few(), refreshes, few(), goes_on).prop_map(|(before, refreshes, after, goes_on)| {
        let late = Act::Wait(Duration::from_mins(11));
        [before, Vec::from([late, refreshes]), after, Vec::from([goes_on])].concat()
    });
    let anything = vec(prop_oneof![6 => owners(), 2 => thieves()], 1..20);
    let rest = prop_oneof![2 => noticed, 1 => anything];
    (vec(owners(), 0..8), few(), rest).prop_map(|(before, between, rest)| {
        [before, Vec::from([Act::Steal]), between, Vec::from([Act::ThiefRefresh]), rest].concat()
    })
}
