// okx-api over sockets: prices, balances, orders, refusals, an ending. Environment: BASE_URL, CREDENTIALS, CLIENT_DIR (the
// folder whose node_modules holds the package), KEYWARD_BIN and SANDBOX_DATA; a private CA in NODE_EXTRA_CA_CERTS.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Steps } from './report.mjs';

const require = createRequire(path.join(process.env.CLIENT_DIR, 'stream.js'));
const { RestClient, WebsocketClient, WS_KEY_MAP } = require('okx-api');
const BASE = process.env.BASE_URL;
const CREDENTIALS = JSON.parse(readFileSync(process.env.CREDENTIALS, 'utf8'));
const KEYS = CREDENTIALS.keys;
const PRIVATE = BASE.startsWith('https') ? CREDENTIALS.wss_url : CREDENTIALS.ws_url;
const SCHEME = PRIVATE.split(':')[0];
const BTC = 'BTC-USDT';
// How long a change may take to reach open sockets.
const BOUND_MS = 1_000;
// New sockets of one source in a second (OKX's figure), and what is added so that clocks do not decide.
const SOCKETS = 3;
const WINDOW_MS = 1_050;
const QUIET = { trace() {}, info() {}, error() {} };
const steps = new Steps({ client: 'okx-api', base: SCHEME });

const address = (endpoint) => PRIVATE.replace(/private$/, endpoint);
const credentials = (key) => ({ apiKey: key.api_key, apiSecret: key.secret, apiPass: key.passphrase });
const trade = new RestClient({ ...credentials(KEYS.trade), baseUrl: BASE });
const limit = (px, sz = '0.001') => ({ instId: BTC, tdMode: 'cash', side: 'buy', ordType: 'limit', px, sz });

/** Waits until `condition` gives something, and gives that. */
async function until(condition, what, ms = 10_000) {
  const end = performance.now() + ms;
  for (;;) {
    const found = condition();
    if (found) return found;
    assert.ok(performance.now() < end, `${what}: not within ${ms} ms`);
    await pause(5);
  }
}

const opened = [];

/** Waits until the gateway takes one more socket of this source. Call it before each. */
async function room() {
  if (opened.length === SOCKETS) await pause(Math.max(0, opened.shift() + WINDOW_MS - performance.now()));
  opened.push(performance.now());
}

/** A client with one socket: what it was told, and how the socket ended. */
class Stream {
  told = [];
  ended = [];

  constructor(endpoint, { key, demo = false, ...more } = {}) {
    const wsUrl = address(endpoint) + (demo ? '?brokerId=9999' : '');
    const accounts = key ? [credentials(key)] : undefined;
    this.client = new WebsocketClient({ accounts, wsUrl, demoTrading: demo, ...more }, QUIET);
    for (const kind of ['update', 'response', 'exception']) this.client.on(kind, (said) => this.told.push(said));
    // The client calls an ending that it did not ask for `reconnect`.
    this.client.on('reconnect', ({ event }) => this.ended.push({ code: event.code, at: performance.now() }));
  }

  first(what, condition) {
    return until(() => this.told.find(condition), what);
  }

  event(event, channel) {
    const fits = (said) => said.event === event && (!channel || said.arg?.channel === channel);
    return this.first(`the event ${event} ${channel ?? ''}`, fits);
  }

  /** The first row of a channel that fits. */
  async data(channel, condition = () => true) {
    const rows = (said) => (said.arg?.channel === channel && said.data) || [];
    const said = await this.first(`data of ${channel}`, (one) => rows(one).some(condition));
    return rows(said).find(condition);
  }

  async subscribe(...channels) {
    this.client.subscribe(channels);
    for (const { channel } of channels) await this.event('subscribe', channel);
  }

  /** An operation; gives its rows, or the refusal with its code. */
  async operate(op, args, flags, wsKey = WS_KEY_MAP.prodPrivate) {
    return (await this.client.sendWSAPIRequest(wsKey, op, args, flags)).data;
  }

  async single(op, args, flags) {
    const [row] = await this.operate(op, args, flags);
    assert.equal(row.sCode, '0', row.sMsg);
    return row.ordId;
  }

  close() {
    // Also ends its tries to connect again.
    this.client.closeAll(true);
  }
}

/** Gives a stream to `use`, and closes it afterwards. */
async function stream(endpoint, options, use) {
  await room();
  const made = new Stream(endpoint, options);
  try {
    return await use(made);
  } finally {
    made.close();
  }
}

async function order(ordId) {
  const [row] = await trade.getOrderDetails({ instId: BTC, ordId });
  return row;
}

/** Waits until the stream says this of the order, and asks by REST for the same. */
async function stated(from, ordId, wanted) {
  const says = (row) => Object.entries(wanted).every(([name, value]) => row[name] === value);
  await from.data('orders', (row) => row.ordId === ordId && says(row));
  const found = await order(ordId);
  assert.deepEqual(Object.fromEntries(Object.keys(wanted).map((name) => [name, found[name]])), wanted);
}

/** What the command line prints when it works on the sandbox's store. */
async function keyward(...words) {
  const line = [...words, '--data', process.env.SANDBOX_DATA, '--json'];
  return JSON.parse((await promisify(execFile)(process.env.KEYWARD_BIN, line)).stdout);
}

/** A key that the command line makes for `use`, and deletes afterwards. */
async function ownKey(name, use) {
  const key = await keyward('key', 'create', '--account', CREDENTIALS.people.trader.email, '--name', name,
    '--permission', 'read', '--permission', 'trade', '--ip', '127.0.0.1,::1');
  const client = new RestClient({ ...credentials(key), baseUrl: BASE });
  try {
    const end = performance.now() + BOUND_MS;
    while (!(await client.getOrderList({ instType: 'SPOT' }).then(() => true, () => false))) {
      assert.ok(performance.now() < end, 'the gateway does not know the new key');
      // Each try before that counts as a wrong one of this source.
      await pause(20);
    }
    return await use(key);
  } finally {
    await keyward('key', 'delete', '--yes', key.api_key);
  }
}

function refusedLogin(key, code, reason = '') {
  return stream('private', { key }, async (one) => {
    one.client.connectPrivate();
    const said = await one.event('error');
    assert.equal(said.code, code);
    assert.ok(said.msg.includes(reason), said.msg);
    const [{ code: closed }] = await until(() => one.ended.length && one.ended, 'the socket stays open');
    assert.equal(closed, 4001);
  });
}

await steps.run('ticker', () => stream('public', {}, async (one) => {
  await one.subscribe({ channel: 'tickers', instId: BTC });
  const pushed = await one.data('tickers');
  const [rest] = await trade.getTicker({ instId: BTC });
  for (const name of ['instId', 'last', 'bidPx', 'askPx']) assert.equal(pushed[name], rest[name], name);
  await one.data('tickers', (row) => Number(row.ts) > Number(pushed.ts));
}));
await steps.run('books5', () => stream('public', {}, async (one) => {
  await one.subscribe({ channel: 'books5', instId: BTC });
  const { bids, asks } = await one.data('books5');
  const [rest] = await trade.getOrderBook({ instId: BTC, sz: '5' });
  for (const [pushed, known] of [[bids, rest.bids], [asks, rest.asks]]) {
    assert.equal(pushed.length, 5);
    assert.deepEqual(pushed.map(([price]) => price), known.map(([price]) => price));
  }
}));
await steps.run('candles', () => stream('business', {}, async (one) => {
  await one.subscribe({ channel: 'candle1m', instId: BTC });
  const [time] = await one.data('candle1m');
  const rest = await trade.getCandles({ instId: BTC, bar: '1m', limit: '3' });
  assert.ok(rest.some(([at]) => at === time), time);
}));
await stream('private', { key: KEYS.trade }, async (one) => {
  await steps.run('balance', async () => {
    await one.subscribe({ channel: 'account' }, { channel: 'orders', instType: 'ANY' });
    const pushed = await one.data('account');
    const [rest] = await trade.getBalance();
    const balances = (row) => Object.fromEntries(row.details.map(({ ccy, eq, availBal }) => [ccy, [eq, availBal]]));
    assert.deepEqual(balances(pushed), balances(rest));
  });
  const resting = await steps.run('order_rests', async () => {
    const ordId = await one.single('order', limit('30000'));
    await stated(one, ordId, { state: 'live', px: '30000', sz: '0.001' });
    return ordId;
  });
  await steps.run('order_amended', async () => {
    const amended = await one.single('amend-order', { instId: BTC, ordId: resting, newSz: '0.002', newPx: '31000' });
    assert.equal(amended, resting);
    await stated(one, resting, { state: 'live', px: '31000', sz: '0.002' });
  });
  await steps.run('order_cancelled', async () => {
    await one.single('cancel-order', { instId: BTC, ordId: resting });
    await stated(one, resting, { state: 'canceled' });
  });
  await steps.run('order_fills', async () => {
    const market = { instId: BTC, tdMode: 'cash', side: 'sell', ordType: 'market', sz: '0.001' };
    const ordId = await one.single('order', market, { expTime: String(Date.now() + 10_000) });
    await stated(one, ordId, { state: 'filled', accFillSz: '0.001' });
    const [rest] = await trade.getBalance({ ccy: 'BTC' });
    const { availBal } = rest.details[0];
    await one.data('account', (row) => row.details.some((held) => held.ccy === 'BTC' && held.availBal === availBal));
  });
  await steps.run('batch', async () => {
    const made = await one.operate('batch-orders', [limit('20000'), limit('21000')]);
    assert.deepEqual(made.map((row) => row.sCode), ['0', '0']);
    const named = made.map(({ ordId }) => ({ instId: BTC, ordId }));
    for (const { ordId } of named) await stated(one, ordId, { state: 'live' });
    const gone = await one.operate('batch-cancel-orders', named);
    assert.deepEqual(gone.map((row) => row.sCode), ['0', '0']);
    for (const { ordId } of named) await stated(one, ordId, { state: 'canceled' });
  });
  await steps.run('one_socket', () => assert.deepEqual(one.ended, []));
});
await steps.run('demo', () => stream('private', { key: KEYS.demo, demo: true }, async (one) => {
  const ordId = await one.single('order', limit('30000'));
  const demo = new RestClient({ ...credentials(KEYS.demo), baseUrl: BASE, demoTrading: true });
  const [row] = await demo.getOrderDetails({ instId: BTC, ordId });
  assert.equal(row.state, 'live');
  await one.single('cancel-order', { instId: BTC, ordId });
  // The two ledgers know nothing of each other's orders.
  await assert.rejects(order(ordId), { code: '51603' });
}));
await steps.run('wrong_secret', () => refusedLogin({ ...KEYS.trade, secret: 'no' }, '60007'));
await steps.run('wrong_passphrase', () => refusedLogin({ ...KEYS.trade, passphrase: 'Wrong-Pass1!' }, '60024'));
await steps.run('unknown_key', () => refusedLogin({ ...KEYS.trade, api_key: randomUUID() }, '60005'));
await steps.run('read_only', () => stream('private', { key: KEYS.read }, async (one) => {
  await one.subscribe({ channel: 'account' });
  const refusal = await one.single('order', limit('30000')).catch((reply) => reply);
  assert.deepEqual([refusal.op, refusal.code, refusal.data], ['order', '50120', []]);
}));
await steps.run('before_login', () => stream('private', { authPrivateConnectionsOnConnect: false }, async (one) => {
  // A private channel that the client does not know as one, so it does not insist on a login.
  one.client.subscribe({ channel: 'fills' }, true);
  assert.equal((await one.event('error')).code, '60011');
}));
await steps.run('unknown_channel', () => stream('public', {}, async (one) => {
  one.client.subscribe({ channel: 'no-such-channel', instId: BTC });
  assert.equal((await one.event('error')).code, '60018');
  await one.subscribe({ channel: 'tickers', instId: BTC });
}));
await steps.run('revoked', () => ownKey(`okx-api over ${SCHEME}`, async (key) => {
  const measured = await stream('private', { key }, async (one) => {
    await one.subscribe({ channel: 'orders', instType: 'ANY' });
    const asked = performance.now();
    await keyward('key', 'disable', key.api_key);
    const done = performance.now();
    const [{ code, at }] = await until(() => one.ended.length && one.ended, 'the socket of a disabled key is open');
    assert.equal(code, 4007);
    assert.ok(at - done <= BOUND_MS, `the socket closed ${at - done} ms after the command had ended`);
    // A socket can close before the command has ended.
    return { command_ms: Math.round(done - asked), closed_after_ms: Math.max(0, Math.round(at - done)) };
  });
  await refusedLogin(key, '60009', '50114');
  return { measured };
}));
process.exit(steps.failed ? 1 : 0);
