//! A device that holds one passkey: what a phone or a security key does, in the open, so that tests can make it lie.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::world::{ORIGIN, Person, Reply};

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const WITH_KEY: u8 = 0x40;

pub struct Device {
    key: EcdsaKeyPair,
    id: Vec<u8>,
    holder: String,
    pub counter: u32,
    pub flags: u8,
    pub origin: String,
    pub party: String,
    /// Whether it says that the page lies within another origin's.
    pub cross_origin: bool,
    /// The outermost page's origin, as it says.
    pub top_origin: Option<String>,
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Device {
    pub fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let id = digest(&SHA256, key.public_key().as_ref()).as_ref().to_vec();
        Self {
            key,
            id,
            holder: String::new(),
            counter: 1,
            flags: PRESENT | VERIFIED,
            origin: ORIGIN.to_owned(),
            party: "keys.example".to_owned(),
            cross_origin: false,
            top_origin: None,
        }
    }

    /// Nobody is verified any more: a touch is enough.
    pub const fn by_touch(&mut self) {
        self.flags = PRESENT;
    }

    fn client_data(&self, kind: &str, question: &Value) -> Vec<u8> {
        let challenge = &question["options"]["challenge"];
        let mut data = json!({
            "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.cross_origin
        });
        if let Some(top) = &self.top_origin {
            data["topOrigin"] = top.as_str().into();
        }
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, more: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, self.party.as_bytes()).as_ref().to_vec();
        data.push(self.flags | more);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }

    /// `navigator.credentials.create`, without attestation.
    pub fn create(&mut self, question: &Value) -> Value {
        self.holder = question["options"]["user"]["id"].as_str().unwrap().to_owned();
        let point = self.key.public_key().as_ref();
        let mut data = self.authenticator_data(WITH_KEY);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend_from_slice(&self.id);
        // COSE: an elliptic key for ES256 on P-256.
        data.extend_from_slice(&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend_from_slice(&point[1..33]);
        data.extend_from_slice(&[0x22, 0x58, 0x20]);
        data.extend_from_slice(&point[33..65]);
        let mut object = vec![0xa3, 0x63];
        object.extend_from_slice(b"fmt");
        object.push(0x64);
        object.extend_from_slice(b"none");
        object.push(0x67);
        object.extend_from_slice(b"attStmt");
        object.extend_from_slice(&[0xa0, 0x68]);
        object.extend_from_slice(b"authData");
        object.push(0x59);
        object.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        object.extend_from_slice(&data);
        let response = json!({
            "attestationObject": encoded(&object),
            "clientDataJSON": encoded(&self.client_data("webauthn.create", question)),
            "transports": ["internal"],
        });
        self.credential(question, response)
    }

    /// `navigator.credentials.get`; the counter goes on.
    pub fn get(&mut self, question: &Value) -> Value {
        self.counter += 1;
        let (client, data) = (self.client_data("webauthn.get", question), self.authenticator_data(0));
        let mut signed = data.clone();
        signed.extend_from_slice(digest(&SHA256, &client).as_ref());
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        let response = json!({
            "authenticatorData": encoded(&data),
            "clientDataJSON": encoded(&client),
            "signature": encoded(signature.as_ref()),
            "userHandle": self.holder,
        });
        self.credential(question, response)
    }

    fn credential(&self, question: &Value, response: Value) -> Value {
        let id = encoded(&self.id);
        json!({"ceremony": question["ceremony"], "credential": {
            "id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {}
        }})
    }
}

impl Person<'_> {
    /// A question for a new passkey.
    pub async fn asked_to_add(&self) -> Value {
        let asked = self.api("POST", "/account/passkeys/options", Value::Null).await;
        assert_eq!(asked.status, 200, "{}", asked.text);
        asked.json()
    }

    /// Adds what the device makes, approved by mail and `factor`.
    pub async fn add(&self, device: &mut Device, name: &str, factor: &str) -> Reply {
        let body = json!({"name": name, "passkey": device.create(&self.asked_to_add().await)});
        self.add_answer(body, factor).await
    }

    pub async fn add_answer(&self, mut body: Value, factor: &str) -> Reply {
        let asked = self.api("POST", "/account/passkeys", body.clone()).await;
        if asked.code() != "step_up_required" {
            return asked;
        }
        let mail_code = self.world.code(&self.email).await;
        let challenge = asked.field("challenge");
        body["step_up"] = json!({"challenge": challenge, "mail_code": mail_code, "factor": factor});
        self.api("POST", "/account/passkeys", body).await
    }

    /// Sends a request, answers its step-up with the device.
    pub async fn approved_by(&self, device: &mut Device, method: &str, path: &str, mut body: Value) -> Reply {
        let asked = self.api(method, path, body.clone()).await;
        assert_eq!(asked.code(), "step_up_required", "{}", asked.text);
        let (mail_code, answer) = (self.world.code(&self.email).await, device.get(&asked.json()["passkey"]));
        body["step_up"] =
            json!({"challenge": asked.field("challenge"), "mail_code": mail_code, "passkey": answer});
        self.api(method, path, body).await
    }

    /// Sends a request that tightens, and has the device confirm it.
    pub async fn confirmed_by(
        &self,
        device: &mut Device,
        method: &str,
        path: &str,
        mut body: Value,
    ) -> Reply {
        let asked = self.api(method, path, body.clone()).await;
        assert_eq!((asked.status, asked.code().as_str()), (403, "factor_required"), "{path}: {}", asked.text);
        body["passkey"] = device.get(&asked.json()["passkey"]);
        self.api(method, path, body).await
    }

    /// The same person in another session, signed in with the device alone.
    pub async fn sign_in_by(&self, device: &mut Device) -> Self {
        let door = async |path: &str, body: Value| self.world.api(&self.from, "", "POST", path, &body).await;
        let question = door("/session/passkey/options", Value::Null).await.json();
        let done = door("/session/passkey", json!({"passkey": device.get(&question)})).await;
        Self { token: done.field("token"), ..self.clone() }
    }
}
