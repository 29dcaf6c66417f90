// okx-api through its whole trading cycle. Environment: BASE_URL, CREDENTIALS, CLIENT_DIR (the folder whose
// node_modules holds the package); a private CA in NODE_EXTRA_CA_CERTS.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Steps } from './report.mjs';

const require = createRequire(path.join(process.env.CLIENT_DIR, 'cycle.js'));
const { RestClient } = require('okx-api');
const BASE = process.env.BASE_URL;
const KEYS = JSON.parse(readFileSync(process.env.CREDENTIALS, 'utf8')).keys;
const BTC = 'BTC-USDT';
const ADDRESS = 'bc1qkeywardsandbox0000000000000000000000';
const steps = new Steps({ client: 'okx-api', base: BASE.split(':')[0] });
const run = (step, call) => steps.run(step, call);

function connect(name, demoTrading = false) {
  const key = KEYS[name];
  return new RestClient({
    apiKey: key.api_key, apiSecret: key.secret, apiPass: key.passphrase, baseUrl: BASE, demoTrading,
  });
}

async function refused(call, code) {
  const reply = await call().then((data) => ({ code: '0', data }), (error) => error);
  assert.equal(reply?.code, code);
}

const limit = (px, sz = '0.001') => ({ instId: BTC, tdMode: 'cash', side: 'buy', ordType: 'limit', px, sz });
const trade = connect('trade');

async function order(ordId) {
  const [row] = await trade.getOrderDetails({ instId: BTC, ordId });
  return row;
}

async function openIds() {
  return (await trade.getOrderList({ instType: 'SPOT', instId: BTC })).map((row) => row.ordId);
}

async function single(reply) {
  const [row] = await reply;
  assert.equal(row.sCode, '0', row.sMsg);
  return row;
}

await run('instruments', async () => {
  const rows = await trade.getInstruments({ instType: 'SPOT' });
  assert.ok(rows.some((row) => row.instId === BTC));
});
await run('ticker', async () => {
  const [row] = await trade.getTicker({ instId: BTC });
  assert.ok(Number(row.last) > 0);
});
await run('balance', async () => {
  // Sent as ccy=BTC,USDT with the comma as it is, and signed like that.
  const [row] = await trade.getBalance({ ccy: 'BTC,USDT' });
  assert.deepEqual(row.details.map((detail) => detail.ccy).sort(), ['BTC', 'USDT']);
});
await run('config', async () => {
  const [row] = await trade.getAccountConfiguration();
  assert.equal(row.perm, 'read_only,trade');
  assert.ok(row.ip.split(',').includes('127.0.0.1'), row.ip);
  assert.ok(row.label);
});
const resting = await run('order_rests', async () => {
  const { ordId } = await single(trade.submitOrder(limit('30000')));
  const row = await order(ordId);
  assert.deepEqual([row.state, row.px, row.sz], ['live', '30000', '0.001']);
  return ordId;
});
await run('order_amended', async () => {
  await single(trade.amendOrder({ instId: BTC, ordId: resting, newSz: '0.002', newPx: '31000' }));
  const row = await order(resting);
  assert.deepEqual([row.px, row.sz], ['31000', '0.002']);
});
await run('order_cancelled', async () => {
  assert.ok((await openIds()).includes(resting));
  await single(trade.cancelOrder({ instId: BTC, ordId: resting }));
  assert.ok(!(await openIds()).includes(resting));
});
const filled = await run('order_fills', async () => {
  const market = { instId: BTC, tdMode: 'cash', side: 'sell', ordType: 'market', sz: '0.001' };
  const { ordId } = await single(trade.submitOrder(market));
  const row = await order(ordId);
  assert.deepEqual([row.state, row.accFillSz], ['filled', '0.001']);
  return ordId;
});
await run('fills', async () => {
  const rows = await trade.getFills({ instType: 'SPOT', ordId: filled });
  assert.ok(rows.length > 0 && rows.every((row) => row.ordId === filled));
});
await run('batch', async () => {
  const made = await trade.submitMultipleOrders([limit('20000'), limit('21000')]);
  assert.deepEqual(made.map((row) => row.sCode), ['0', '0']);
  const ids = made.map((row) => row.ordId);
  const open = await openIds();
  assert.ok(ids.every((id) => open.includes(id)));
  const gone = await trade.cancelMultipleOrders(ids.map((ordId) => ({ instId: BTC, ordId })));
  assert.deepEqual(gone.map((row) => row.sCode), ['0', '0']);
  const left = await openIds();
  assert.ok(!ids.some((id) => left.includes(id)));
});
await run('transfer', async () => {
  const funds = connect('funding');
  const [before] = await funds.getBalances({ ccy: 'USDT' });
  const [moved] = await funds.fundsTransfer({ ccy: 'USDT', amt: '25', from: '6', to: '18' });
  const [state] = await funds.getFundsTransferState({ transId: moved.transId });
  assert.equal(state.state, 'success');
  const [after] = await funds.getBalances({ ccy: 'USDT' });
  assert.equal(Number(before.availBal) - Number(after.availBal), 25);
  await funds.fundsTransfer({ ccy: 'USDT', amt: '25', from: '18', to: '6' });
  const [back] = await funds.getBalances({ ccy: 'USDT' });
  assert.equal(back.availBal, before.availBal);
});
await run('deposit', async () => {
  const [row] = await trade.getDepositAddress({ ccy: 'BTC' });
  assert.ok(row.addr);
  const [deposit, ...others] = await trade.getDepositHistory({ ccy: 'BTC' });
  assert.deepEqual([deposit.ccy, deposit.to, others.length], ['BTC', row.addr, 0]);
});
await run('withdraw', async () => {
  const out = connect('withdraw');
  const [made] = await out.submitWithdraw({ ccy: 'BTC', amt: '0.01', dest: '4', toAddr: ADDRESS });
  const history = await out.getWithdrawalHistory({ ccy: 'BTC' });
  assert.ok(history.some((row) => row.wdId === made.wdId));
});
await run('no_right', () =>
  refused(() => trade.submitWithdraw({ ccy: 'BTC', amt: '0.01', dest: '4', toAddr: ADDRESS }), '50120'));
await run('sub_accounts', async () => {
  // The list is Keyward's own, and names what the sub-account's key reads of itself.
  const [{ uid }] = await connect('sub').getAccountConfiguration();
  const found = await trade.getSubAccountList({ subAcct: 'probeSub01' });
  assert.deepEqual(found.map((row) => [row.subAcct, row.uid]), [['probeSub01', uid]]);
});
await run('demo', async () => {
  assert.equal((await connect('demo', true).getBalance()).length, 1);
  await refused(() => connect('demo').getBalance(), '50101');
  await refused(() => connect('trade', true).getBalance(), '50101');
});
process.exit(steps.failed ? 1 : 0);
