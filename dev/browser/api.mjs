// The same life of a key as in flow.mjs, through the management API alone.
import { Authenticator, Mailbox, ask, balance, openScene, sleepless, step, tradeByCcxt, within } from './sandbox.mjs';
import { PASSWORD } from './person.mjs';

const scene = await openScene();
const { credentials } = scene;
const gateway = credentials.gateway_url;
const email = 'program@keyward.example';
const mails = new Mailbox(credentials.mail_url, email);
let token = '';
let authenticator;
let recovery = [];

async function call(method, path, body, expect) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await ask(`${credentials.console_url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (expect && answer.status !== expect) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return { ...(text && JSON.parse(text)), status: answer.status };
}

// Sends a request, answers its step-up, sends it again.
async function approved(method, path, body, expect, factor) {
  const asked = await call(method, path, body, 403);
  if (asked.code !== 'step_up_required') throw new Error(`${method} ${path}: ${JSON.stringify(asked)}`);
  const given = factor ?? (recovery.length ? recovery.pop() : await authenticator.code());
  return call(method, path, { ...body, step_up: { challenge: asked.challenge, mail_code: await mails.code(), factor: given } }, expect);
}

try {
  const asked = await call('POST', '/registrations', { email, password: PASSWORD }, 202);
  const registered = await call('POST', `/registrations/${asked.id}/confirm`, { code: await mails.code() }, 201);
  token = registered.token;
  step('registered');
  const { secret } = await call('POST', '/account/authenticator/propose', undefined, 200);
  authenticator = new Authenticator(secret);
  const code = await authenticator.code();
  const enrolled = await approved('PUT', '/account/authenticator', { secret, code }, 200, PASSWORD);
  recovery = enrolled.recovery_codes.slice(0, 4);
  step('ten recovery codes', enrolled.recovery_codes.length === 10);

  const from = (...addresses) => ({ reach: 'addresses', addresses });
  const wish = { name: 'TradingBot', permissions: ['read', 'trade'], from: from('127.0.0.1', '::1'), passphrase: 'Program-Pass1!' };
  const key = await approved('POST', '/keys', wish, 201);
  step(`the key works after ${await within(gateway, key, '0')} ms`);
  await tradeByCcxt(gateway, key);
  step('ccxt trades with it');
  const shown = await call('GET', `/keys/${key.api_key}`, undefined, 200);
  step('the secret is not shown again', shown.name === 'TradingBot' && !JSON.stringify(shown).includes(key.secret));

  await approved('PUT', `/keys/${key.api_key}/addresses`, { name: 'TradingBot', from: from('203.0.113.5') }, 200);
  step(`50110 after ${await within(gateway, key, '50110')} ms`);
  await approved('PUT', `/keys/${key.api_key}/addresses`, { name: 'TradingBot', from: from('127.0.0.1') }, 200);
  await within(gateway, key, '0');
  const next = await approved('POST', `/keys/${key.api_key}/rotate`, { name: 'TradingBot 2', passphrase: 'Program-Pass2!' }, 201);
  await within(gateway, next, '0');
  step('both keys of a rotation work', (await balance(gateway, key)) === '0');
  await call('DELETE', `/keys/${key.api_key}`, { name: 'TradingBot', factor: PASSWORD }, 200);
  step(`50119 after ${await within(gateway, key, '50119')} ms`);

  const due = ['key_created', 'key_changed', 'key_rotated', 'key_deleted', 'wrong_address'];
  await sleepless(`alerts of ${due}`, async () => {
    const kinds = (await call('GET', '/alerts', undefined, 200)).alerts.map((alert) => alert.kind);
    return due.every((kind) => kinds.includes(kind));
  });
  step('the alerts say so');
  await call('DELETE', '/session', undefined, 204);
  step('signed out', (await call('GET', '/account')).status === 401);
  token = '';
  const first = await call('POST', '/session', { email, password: PASSWORD, device: registered.device }, 200);
  token = first.token;
  step('the half session opens nothing', (await call('GET', '/account')).status === 401);
  const second = await call('POST', '/session/second-factor', { code: await authenticator.code() }, 200);
  token = second.token;
  step('signed in again', (await call('GET', '/account', undefined, 200)).email === email);
} catch (problem) {
  scene.fail(problem);
} finally {
  await scene.end();
}
