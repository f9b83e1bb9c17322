//! The order in which emails are sent.
//!
//! Each due email gets a class and a turn. The classes are, in order of preference: emails to people who have proven
//! their address, emails to people who have yet to prove it, and emails to strangers. Within a class, the askers (the
//! users and clients that requested the emails) take turns, as in start-time fair queueing (Goyal, Vin and Cheng, 1996).
//! An asker's first email joins the next turn, and each further email comes one turn later. An asker's first email
//! therefore waits for at most one email of each other asker, no matter how many emails the others have.
//!
//! The class is determined here, and not at the time of the request, because a request must not look up who has
//! the address. A row that turns out to need no email takes its turn like any other.

use std::collections::{HashMap, HashSet};

use sea_orm::Order;
use uuid::Uuid;

use super::mail_kind::MailKind;
use crate::{
    app::App,
    fault::Fault,
    input::EmailAddress,
    storage::{
        Timestamp, challenge, outbox,
        outbox_turns::{self, Turn},
        user,
    },
};

/// Half the number of emails that get their turns in one statement.
const HALF: u64 = 100;

/// The class of an email. Emails of an earlier class are usually sent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// An email to a person who has proven the address, or an email about a change to an account.
    Proven = 1,
    /// An email to a person who is signing up, or whose account has an unproven address.
    Unproven = 2,
    /// An email to an address that has no account.
    Strange = 3,
}

impl Class {
    pub(super) fn number(self) -> i32 {
        self as i32
    }

    pub(super) fn numbers() -> Vec<i32> {
        [Self::Proven, Self::Unproven, Self::Strange].map(Self::number).to_vec()
    }

    /// Returns the class to prefer at this turn, or `None` if no class is preferred. Of every ten turns, two prefer the
    /// second class and one prefers the third, so that a flood of emails to proven addresses does not hold up sign-ups
    /// for long. If no class is preferred, or if the preferred class has no email, the turn goes to the first class that
    /// has one.
    pub(super) fn favoured(turn: u64) -> Option<Self> {
        match turn % 10 {
            3 | 6 => Some(Self::Unproven),
            9 => Some(Self::Strange),
            _ => None,
        }
    }
}

/// The result of sorting.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sorted {
    /// Whether more emails may be left to sort.
    pub(super) is_partial: bool,
    /// Whether some emails have expired.
    pub(super) has_expired: bool,
}

/// Gives turns to some of the due emails. If many are due, as after an outage, takes the oldest and the
/// newest ones, so that new emails do not wait until all older ones are sorted.
pub(super) async fn sort(app: &App) -> Result<Sorted, Fault> {
    let now = Timestamp(app.clock.now());
    let mut rows = outbox_turns::list_unsorted(app.db.read(), now, Order::Asc, HALF).await?;
    let is_partial = rows.len() as u64 == HALF;
    if is_partial {
        let oldest: HashSet<Uuid> = rows.iter().map(|row| row.id).collect();
        let newest = outbox_turns::list_unsorted(app.db.read(), now, Order::Desc, HALF).await?;
        rows.extend(newest.into_iter().rev().filter(|row| !oldest.contains(&row.id)));
    }
    if rows.is_empty() {
        return Ok(Sorted::default());
    }
    let has_expired = rows.iter().any(|row| row.expires_at.0 <= now.0);
    let waiting = classify(app, &rows, now).await?;
    let firsts = outbox_turns::list_first_turns(app.db.read(), &Class::numbers()).await?;
    let askers: HashSet<_> = waiting.iter().map(|mail| (mail.class, mail.asker)).collect();
    let lasts = outbox_turns::list_last_turns(app.db.read(), &Vec::from_iter(askers)).await?;
    let turns = take_turns(&waiting, &firsts, &lasts);
    app.db.write_one(async move |txn| outbox_turns::sort(&txn, &turns, now).await).await?;
    Ok(Sorted { is_partial, has_expired })
}

/// An email without a turn.
struct Waiting {
    id: Uuid,
    class: i32,
    asker: Uuid,
}

/// Determines the class of each email.
async fn classify(app: &App, rows: &[outbox::Model], now: Timestamp) -> Result<Vec<Waiting>, Fault> {
    let key = |row: &outbox::Model| {
        let parsed = EmailAddress::parse(&row.address);
        parsed.map_or_else(|_| row.address.clone(), |address| address.key().to_owned())
    };
    let keys: Vec<String> = rows.iter().map(key).collect();
    let accounts: HashMap<String, bool> =
        user::list_proofs(app.db.read(), &keys).await?.into_iter().collect();
    let registrations: HashSet<String> =
        challenge::list_registering(app.db.read(), &keys, now).await?.into_iter().collect();
    let class = |(row, key): (&outbox::Model, &String)| {
        let class = match accounts.get(key) {
            _ if MailKind::parse(&row.kind).is_some_and(is_notice) => Class::Proven,
            Some(true) => Class::Proven,
            Some(false) => Class::Unproven,
            None if registrations.contains(key) || row.user_id.is_some() => Class::Unproven,
            None => Class::Strange,
        };
        // rows written by older versions have no asker, so each of them counts as its own asker
        Waiting { id: row.id, class: class.number(), asker: row.asker.unwrap_or(row.id) }
    };
    Ok(rows.iter().zip(&keys).map(class).collect())
}

/// Returns whether this kind reports a change to an account. Such an email may go to an address that the
/// person no longer has.
fn is_notice(kind: MailKind) -> bool {
    match kind {
        MailKind::PasswordChanged
        | MailKind::PasswordWasReset
        | MailKind::EmailChanged
        | MailKind::IdentityLinked
        | MailKind::IdentityUnlinked
        | MailKind::SecondFactorEnabled
        | MailKind::SecondFactorRemoved
        | MailKind::RecoveryCodesReplaced
        | MailKind::PasskeyAdded
        | MailKind::PasskeyRemoved
        | MailKind::RecoveryCodeUsed
        | MailKind::SecondFactorFailed
        | MailKind::SessionStolen => true,
        MailKind::VerifyEmail
        | MailKind::ResetPassword
        | MailKind::ChangeEmail
        | MailKind::LoginCode
        | MailKind::Reauthentication => false,
    }
}

/// Gives each email a turn: the one after the last turn of its asker. If the asker has no email waiting, the email gets
/// the next turn to be served.
fn take_turns(waiting: &[Waiting], firsts: &[(i32, i64)], lasts: &[((i32, Uuid), i64)]) -> Vec<Turn> {
    let firsts: HashMap<_, _> = firsts.iter().copied().collect();
    let mut lasts: HashMap<_, _> = lasts.iter().copied().collect();
    let mut turn = |mail: &Waiting| {
        let next = firsts.get(&mail.class).copied().unwrap_or_default();
        let last = lasts.entry((mail.class, mail.asker));
        let turn = *last.and_modify(|last| *last += 1).or_insert(next);
        Turn { id: mail.id, class: mail.class, turn }
    };
    waiting.iter().map(&mut turn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_askers_mails_stand_one_behind_the_other_and_a_newcomers_with_the_next() {
        let [many, few, new] = [1, 2, 3].map(Uuid::from_u128);
        let mail = |asker| Waiting { id: Uuid::nil(), class: 2, asker };
        let turns = |waiting: &[Waiting], firsts: &[(i32, i64)], lasts: &[((i32, Uuid), i64)]| {
            take_turns(waiting, firsts, lasts).into_iter().map(|turn| turn.turn).collect::<Vec<_>>()
        };
        let batch = [mail(many), mail(many), mail(many), mail(few), mail(many)];
        assert_eq!(turns(&batch, &[], &[]), [0, 1, 2, 0, 3]);
        let batch = [mail(many), mail(new), mail(few), mail(new)];
        assert_eq!(turns(&batch, &[(2, 7)], &[((2, many), 40), ((2, few), 8)]), [41, 7, 9, 8]);
        assert_eq!(turns(&batch, &[(1, 7)], &[((1, many), 40)]), [0, 0, 0, 1], "classes are apart");
    }

    #[test]
    fn of_ten_turns_two_are_the_second_classs_and_one_the_thirds() {
        let favoured: Vec<_> = (0..20).filter_map(Class::favoured).collect();
        let (two, three) = (Class::Unproven, Class::Strange);
        assert_eq!(favoured, [two, two, three, two, two, three]);
    }
}
