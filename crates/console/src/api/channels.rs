//! Alert channels beside mail.

use axum::Json;
use axum::http::StatusCode;
use keyward_authority::ActionError;
use keyward_authority::channels::{SendAgain, TestChannel};
use keyward_authority::questions::{list_channels, list_deliveries, show_channel};
use keyward_rules::channel::{ChannelId, MessageId};
use keyward_rules::limits::PAGE_MAX;

use super::body::{Asked, Body, Id, limit};
use super::caller::{Caller, Given};
use super::channel_forms::{
    AddedChannel, Again, Channel, ChannelChange, Delivery, DeliveryPage, DeliveryQuery, NewChannel,
    SentMessage,
};
use super::problem::{Problem, Problems};
use crate::requests::{ChannelRequest, FieldErrors, NewChannelRequest};

/// List the alert channels
#[utoipa::path(get, path = "/api/v1/channels", tag = "channels", security(("bearer" = [])),
    responses((status = 200, description = "Oldest first", body = [Channel]), Problems))]
pub async fn list(caller: Caller) -> Result<Json<Vec<Channel>>, Problem> {
    let views = list_channels(&caller.context(), caller.id()).await?;
    Ok(Json(views.into_iter().map(Channel::from).collect()))
}

/// Add an alert channel
#[utoipa::path(post, path = "/api/v1/channels", tag = "channels", request_body = NewChannel, security(("bearer" = [])),
    responses((status = 201, description = "Added; a webhook's secret is shown this once", body = AddedChannel), Problems))]
pub async fn add(
    caller: Caller,
    Body(body): Body<NewChannel>,
) -> Result<(StatusCode, Json<AddedChannel>), Problem> {
    let context = caller.context();
    let request = NewChannelRequest::from(&body);
    let channel = request.read(caller.id(), &context.authority.settings.channels);
    let channel = channel.map_err(FieldErrors::first_problem)?;
    let added = caller.act(channel, Given::step_up(body.step_up)).await?;
    let secret = added.secret.map(|secret| secret.expose().clone());
    Ok((StatusCode::CREATED, Json(AddedChannel { id: added.id.to_string(), secret })))
}

/// Show an alert channel
#[utoipa::path(get, path = "/api/v1/channels/{id}", tag = "channels", security(("bearer" = [])),
    params(("id" = String, Path, description = "The channel's id")),
    responses((status = 200, description = "The channel", body = Channel), Problems))]
pub async fn show(caller: Caller, Id(id): Id<ChannelId>) -> Result<Json<Channel>, Problem> {
    Ok(Json(show_channel(&caller.context(), id).await?.into()))
}

/// Rename an alert channel, or choose what it gets
#[utoipa::path(put, path = "/api/v1/channels/{id}", tag = "channels", request_body = ChannelChange, security(("bearer" = [])),
    params(("id" = String, Path, description = "The channel's id")),
    responses((status = 200, description = "The channel", body = Channel), Problems))]
pub async fn change(
    caller: Caller,
    Id(id): Id<ChannelId>,
    Body(body): Body<ChannelChange>,
) -> Result<Json<Channel>, Problem> {
    let request = ChannelRequest::of_body(&body.name, &body.choices);
    let change = request.read(id).map_err(FieldErrors::first_problem)?;
    caller.act(change, Given::factor(body.factor, body.passkey)).await?;
    Ok(Json(show_channel(&caller.context(), id).await?.into()))
}

/// Send a test to an alert channel
#[utoipa::path(post, path = "/api/v1/channels/{id}/test", tag = "channels", security(("bearer" = [])),
    params(("id" = String, Path, description = "The channel's id")),
    responses((status = 202, description = "It is on its way", body = SentMessage), Problems))]
pub async fn test(caller: Caller, Id(id): Id<ChannelId>) -> Result<(StatusCode, Json<SentMessage>), Problem> {
    let message = caller.act(TestChannel(id), Given::nothing()).await?.to_string();
    Ok((StatusCode::ACCEPTED, Json(SentMessage { message })))
}

/// Send a failed message again
#[utoipa::path(post, path = "/api/v1/channels/{id}/send-again", tag = "channels", request_body = Again, security(("bearer" = [])),
    params(("id" = String, Path, description = "The channel's id")),
    responses((status = 202, description = "It is on its way, under its id", body = SentMessage), Problems))]
pub async fn send_again(
    caller: Caller,
    Id(id): Id<ChannelId>,
    Body(body): Body<Again>,
) -> Result<(StatusCode, Json<SentMessage>), Problem> {
    let message: MessageId = body.message.parse().map_err(|_| ActionError::NoMessage)?;
    caller.act(SendAgain { channel: id, message }, Given::nothing()).await?;
    Ok((StatusCode::ACCEPTED, Json(SentMessage { message: message.to_string() })))
}

/// List the messages of an alert channel
#[utoipa::path(get, path = "/api/v1/channels/{id}/deliveries", tag = "channels", security(("bearer" = [])),
    params(("id" = String, Path, description = "The channel's id"), DeliveryQuery),
    responses((status = 200, description = "Newest first, of the last 30 days", body = DeliveryPage), Problems))]
pub async fn deliveries(
    caller: Caller,
    Id(id): Id<ChannelId>,
    Asked(query): Asked<DeliveryQuery>,
) -> Result<Json<DeliveryPage>, Problem> {
    let limit = limit(query.limit, PAGE_MAX)?;
    let views = list_deliveries(&caller.context(), id, query.cursor, limit).await?;
    let next = views.last().map(|view| view.n).filter(|_| views.len() == limit);
    Ok(Json(DeliveryPage { deliveries: views.into_iter().map(Delivery::from).collect(), next }))
}
