//! `keyward approvals …`: requests of keys that wait for their master account, at the host.

use anyhow::{Context as _, Result};
use keyward_authority::approvals::{ApprovalSet, ApproveRequests, ChangeThresholds, RefuseRequests};
use keyward_authority::questions::{list_approvals, transfer_thresholds};
use keyward_authority::{Action as _, ActionContext};
use keyward_rules::account::Email;
use keyward_rules::approval::{RequestApproval, Thresholds};
use keyward_rules::grant::Proof;
use keyward_rules::id::{AccountId, ApprovalId};
use keyward_rules::limits::{APPROVALS_PER_ACTION, PAGE_DEFAULT};
use keyward_store::Store;
use serde_json::{Value, json};

use super::{host, open};
use crate::arguments::approvals::{ApprovalNumbers, ApprovalThresholds, Approvals, ApprovalsOf};
use crate::{ambient, output};

/// Runs one of the commands.
pub async fn run(command: Approvals) -> Result<()> {
    match command {
        Approvals::List(options) => list(options).await,
        Approvals::Approve(options) => approve(options).await,
        Approvals::Refuse(options) => refuse(options).await,
        Approvals::Thresholds(options) => thresholds(options).await,
    }
}

async fn master(store: &Store, email: &str) -> Result<AccountId> {
    let found = store.reader().account_by_email(&Email::parse(email)?).await?;
    Ok(found.context("this account does not exist; create it with `keyward account create`")?.id)
}

async fn list(options: ApprovalsOf) -> Result<()> {
    let (store, authority) = open(&options.store).await?;
    let context = authority.context(host(), ambient::now());
    let account = master(&store, &options.account).await?;
    let found = list_approvals(&context, account, None, PAGE_DEFAULT).await?;
    store.close().await;
    let all = found.waiting.iter().chain(&found.settled);
    let shown = if options.output.json {
        Value::Array(all.map(|one| shape(one, &context)).collect()).to_string()
    } else {
        let lines: Vec<String> = all.map(|one| line(one, &context)).collect();
        if lines.is_empty() { "no request waits or was decided".to_owned() } else { lines.join("\n") }
    };
    output::data(shown)
}

fn line(approval: &RequestApproval, context: &ActionContext<'_>) -> String {
    let state = approval.state(context.now).word();
    let key = &approval.asker.key_name;
    format!("{} {state} {} (key “{key}”, {})", approval.id, approval.in_words(), approval.made_at)
}

fn shape(approval: &RequestApproval, context: &ActionContext<'_>) -> Value {
    let transfer = approval.wanted.transfer();
    json!({
        "id": approval.id.to_string(), "state": approval.state(context.now).word(), "words": approval.in_words(),
        "currency": transfer.map(|transfer| transfer.currency.to_string()),
        "amount": transfer.map(|transfer| transfer.amount.to_string()),
        "sub_account": approval.asker.sub_account, "api_key": approval.key.to_string(), "key": approval.asker.key_name,
        "source": approval.asker.source.map(|source| source.to_string()), "environment": approval.environment.word(),
        "asked_at": approval.made_at.to_string(), "expires_at": approval.expires_at.to_string()
    })
}

fn numbers(given: &[String]) -> Result<ApprovalSet> {
    let read = |text: &String| {
        text.parse::<ApprovalId>().with_context(|| format!("{text} is no number of an approval"))
    };
    let ids = given.iter().map(read).collect::<Result<Vec<_>>>()?;
    ApprovalSet::new(ids).with_context(|| format!("name 1 to {APPROVALS_PER_ACTION} approvals"))
}

async fn approve(options: ApprovalNumbers) -> Result<()> {
    let set = numbers(&options.numbers)?;
    let (store, authority) = open(&options.store).await?;
    let context = authority.context(host(), ambient::now());
    let decided = ApproveRequests(set).perform(&context, Proof::None).await?;
    store.close().await;
    told("approved", &decided, &options.output)
}

async fn refuse(options: ApprovalNumbers) -> Result<()> {
    let set = numbers(&options.numbers)?;
    let (store, authority) = open(&options.store).await?;
    let context = authority.context(host(), ambient::now());
    let decided = RefuseRequests(set).perform(&context, Proof::None).await?;
    store.close().await;
    told("refused", &decided, &options.output)
}

fn told(what: &str, decided: &[ApprovalId], shown: &crate::arguments::Output) -> Result<()> {
    let ids: Vec<String> = decided.iter().map(ToString::to_string).collect();
    output::data(if shown.json {
        json!({ what: ids }).to_string()
    } else {
        format!("{what}: {}", ids.join(", "))
    })
}

async fn thresholds(options: ApprovalThresholds) -> Result<()> {
    let to = options.set.as_deref().map(Thresholds::parse).transpose()?;
    let (store, authority) = open(&options.store).await?;
    let context = authority.context(host(), ambient::now());
    let account = master(&store, &options.account).await?;
    if let Some(to) = to {
        ChangeThresholds { account, to }.perform(&context, Proof::None).await?;
    }
    let (thresholds, used) = transfer_thresholds(&context, account).await?;
    store.close().await;
    let shown = if options.output.json {
        let entry = |one: &keyward_authority::questions::UsedThreshold| {
            json!({
                "currency": one.currency, "limit": one.limit.to_string(), "used": one.used.to_string(),
                "used_demo": one.used_demo.to_string()
            })
        };
        Value::Array(used.iter().map(entry).collect()).to_string()
    } else {
        format!("account {account} thresholds: {}", thresholds.in_words())
    };
    output::data(shown)
}
