//! `keyward identity-key`: what the exchange needs to verify identities.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use keyward_authority::Action as _;
use keyward_authority::operators::RecordIdentityKeyExport;
use keyward_rules::grant::Proof;
use keyward_rules::secret::Secret;

use super::{host, opened};
use crate::arguments::master_key::IdentityKey;
use crate::files::write_private;
use crate::{ambient, output};

/// Writes the key as 64 hexadecimal digits; never over a file, never to a terminal.
pub async fn run(options: IdentityKey) -> Result<()> {
    if options.to.exists() {
        bail!("{} is there already; name a new file", options.to.display());
    }
    let opened = opened(&options.store).await?;
    let mut text = String::with_capacity(65);
    for byte in opened.store.root().identity_key() {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    let text = Secret::new(text);
    // It is written down before it is written out.
    let context = opened.authority.context(host(), ambient::now());
    let recorded = RecordIdentityKeyExport.perform(&context, Proof::None).await;
    opened.store.close().await;
    recorded?;
    write_private(&options.to, text.expose())?;
    let shown = output::data(options.to.display());
    output::note(
        "Anybody with this file can make identities that the exchange believes. It is key number 1.",
    );
    shown.with_context(|| format!("{} was written, but not shown", options.to.display()))
}
