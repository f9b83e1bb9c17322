//! Encrypting the stored secrets of authenticators under the current `SECRET_KEY`.

use crate::{app::App, fault::Fault, storage::totp};

/// The number of secrets in a batch.
const BATCH: u64 = 100;

/// Re-encrypts, under the current `SECRET_KEY`, every secret that is still encrypted under one of `SECRET_KEY_FALLBACKS`.
/// Returns the number of secrets that are still encrypted under another key.
pub async fn reseal(app: &App) -> Result<u64, Fault> {
    let secrets = &app.tokens.totp_secrets;
    let (current, former) = (secrets.current_name(), secrets.former_names());
    let waiting = totp::count_sealed_under_others(app.db.read(), current).await?;
    // The number of batches is fixed, so that this ends even while two servers disagree about the current key. Such
    // servers undo each other's work, so some secrets are always left.
    for _ in 0..waiting.div_ceil(BATCH) {
        for row in totp::list_sealed_under(app.db.read(), &former, BATCH).await? {
            // skip a secret that was altered in the database, because it cannot be decrypted
            let Some(secret) = secrets.open(row.id, &row.sealed_secret) else { continue };
            let sealed = secrets.seal(row.id, &secret).map_err(Fault::internal)?;
            let (id, before) = (row.id, row.sealed_secret);
            let store = async move |txn| {
                totp::reseal(&txn, id, &before, sealed.sealed_secret.clone(), sealed.secret_name.clone())
                    .await
            };
            app.db.write_one(store).await?;
        }
    }
    Ok(totp::count_sealed_under_others(app.db.read(), current).await?)
}
