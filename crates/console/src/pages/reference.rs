//! The API's reference, drawn from the document that programs read.

use askama::Template;
use axum::response::Response;
use serde_json::Value;

use super::layout::{Frame, page};
use super::person::SignedIn;
use crate::api;

/// One member of a body or one parameter.
struct Member {
    name: String,
    kind: String,
    about: String,
    required: bool,
}

/// One operation.
struct Operation {
    anchor: String,
    method: String,
    /// The path, cut at its slashes: lines may break there.
    steps: Vec<String>,
    summary: String,
    open: bool,
    parameters: Vec<Member>,
    body: Vec<Member>,
    answers: Vec<(String, String)>,
}

/// The operations of one tag.
struct Group {
    tag: String,
    operations: Vec<Operation>,
}

#[derive(Template)]
#[template(path = "reference.html")]
struct Page {
    frame: Frame,
    groups: Vec<Group>,
}

/// The page.
pub async fn show(person: Result<SignedIn, Response>) -> Response {
    let document = serde_json::to_value(api::document()).unwrap_or_default();
    // Open to everybody; who is signed in keeps the frame.
    let frame = match &person {
        Ok(person) => Frame::of(person, "", "API reference"),
        Err(_) => Frame::bare("API reference"),
    };
    page(&Page { frame, groups: groups(&document) })
}

fn groups(document: &Value) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let tag = operation.pointer("/tags/0").and_then(Value::as_str).unwrap_or("other").to_owned();
            let found = read(document, path, method, operation);
            match groups.iter_mut().find(|group| group.tag == tag) {
                Some(group) => group.operations.push(found),
                None => groups.push(Group { tag, operations: vec![found] }),
            }
        }
    }
    groups
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn read(document: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let answers = operation.get("responses").and_then(Value::as_object).into_iter().flatten();
    let body = operation
        .pointer("/requestBody/content/application~1json/schema")
        .map(|schema| members(document, schema));
    Operation {
        anchor: format!("{method}{}", path.replace(['/', '{', '}'], "-")),
        method: method.to_uppercase(),
        steps: path.split('/').skip(1).map(str::to_owned).collect(),
        summary: text(operation, "summary"),
        open: operation.get("security").is_none(),
        parameters: parameters
            .map(|parameter| Member {
                name: text(parameter, "name"),
                kind: text(parameter, "in"),
                about: text(parameter, "description"),
                required: parameter.get("required") == Some(&Value::Bool(true)),
            })
            .collect(),
        body: body.unwrap_or_default(),
        answers: answers
            .filter(|(status, _)| status.starts_with('2'))
            .map(|(status, answer)| (status.clone(), text(answer, "description")))
            .collect(),
    }
}

/// The members of a schema, one level deep.
fn members(document: &Value, schema: &Value) -> Vec<Member> {
    let schema = resolve(document, schema);
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties
        .map(|(name, member)| Member {
            name: name.clone(),
            kind: kind(document, member),
            about: about(document, member),
            required: required.contains(&name.as_str()),
        })
        .collect()
}

fn resolve<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|place| place.strip_prefix('#'));
    target.and_then(|place| document.pointer(place)).unwrap_or(schema)
}

fn about(document: &Value, member: &Value) -> String {
    let own = text(member, "description");
    if own.is_empty() { text(resolve(document, member), "description") } else { own }
}

fn kind(document: &Value, member: &Value) -> String {
    match resolve(document, member).get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(Value::as_str)
            .filter(|kind| *kind != "null")
            .collect::<Vec<_>>()
            .join(" or "),
        Some(_) | None => "object".to_owned(),
    }
}
