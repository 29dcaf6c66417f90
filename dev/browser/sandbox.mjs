// A sandbox of one's own, and what a person does around a browser: read mails, type an authenticator's codes.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

// How long anything may take on a slow machine. Nothing waits so long unless it fails.
export const LIMIT_S = 60;

const pause = () => new Promise((go) => setTimeout(go, 25));

// Asks until there is an answer.
export const sleepless = async (what, look) => {
  const until = Date.now() + LIMIT_S * 1000;
  for (;;) {
    const answer = await look();
    if (answer) return answer;
    if (Date.now() > until) throw new Error(`${what}: not within ${LIMIT_S} s`);
    await pause();
  }
};

// Asks until the answer is `wanted`: for a second, as promised; gives the milliseconds it took. A machine that cannot ask 20
// times in a second may ask so often.
export async function promptly(what, wanted, look) {
  const began = Date.now();
  for (let asked = 1; ; asked += 1) {
    const got = await look();
    const took = Date.now() - began;
    if (got === wanted) return took;
    if (took > 1000 && asked >= 20) throw new Error(`${what}: ${got}, not ${wanted}, after ${took} ms and ${asked} requests`);
    await pause();
  }
}

// A request of this script itself, on a connection of its own: the server closes one that is kept and idle, and a script that
// was slow would find that out only by sending the next request there.
export function ask(url, { headers, ...more } = {}) {
  return fetch(url, { ...more, headers: { ...headers, connection: 'close' }, signal: AbortSignal.timeout(LIMIT_S * 1000) });
}

// Runs the script once more in a network namespace of its own whose loopback has these addresses too, so that requests can
// come from them; does not come back from that. Gives whether this is the run inside. Where namespaces are not permitted it says so.
export function withAddresses(addresses) {
  if (process.env.KEYWARD_OWN_ADDRESSES) return true;
  if (spawnSync('unshare', ['--net', 'true']).status !== 0) {
    console.log('NOT with real source addresses: network namespaces are not permitted here');
    return false;
  }
  const add = ['ip link set lo up', ...addresses.map((one) => `ip address add ${one} dev lo`)].join(' && ');
  const again = ['--net', 'sh', '-c', `${add} && exec "$0" "$@"`, process.execPath, process.argv[1]];
  const ran = spawnSync('unshare', again, { stdio: 'inherit', env: { ...process.env, KEYWARD_OWN_ADDRESSES: '1' } });
  process.exit(ran.status ?? 1);
}

// Starts `keyward sandbox` on free ports and waits until it is ready; `stop` ends it and gives its exit code.
export async function startSandbox(extra = [], gateway = '127.0.0.1:0') {
  const program = process.env.KEYWARD_BIN;
  if (!program) throw new Error('KEYWARD_BIN must name the built program');
  const folder = mkdtempSync(join(tmpdir(), 'keyward-browser-'));
  const file = join(folder, 'credentials.json');
  const any = '127.0.0.1:0';
  const child = spawn(program, ['sandbox', '--console', any, '--gateway', gateway, '--gateway-tls', any, '--credentials', file, ...extra],
    { stdio: ['ignore', 'pipe', 'pipe'] });
  let [said, logged, over] = ['', '', false];
  child.stdout.on('data', (bytes) => { said += bytes; });
  child.stderr.on('data', (bytes) => {
    if (process.env.KEYWARD_SHOW_LOG) process.stderr.write(bytes);
    logged = (logged + bytes).slice(-4_000);
  });
  const ended = new Promise((done) => {
    child.on('error', (problem) => { logged += problem; done(null); });
    child.on('exit', (code) => done(code));
  }).then((code) => { over = true; return code; });
  const stop = async () => {
    child.kill('SIGTERM');
    const slow = setTimeout(() => child.kill('SIGKILL'), LIMIT_S * 1000);
    const code = await ended;
    clearTimeout(slow);
    rmSync(folder, { recursive: true, force: true });
    return code;
  };
  try {
    await sleepless('the sandbox is ready', async () => {
      if (over) throw new Error(`the sandbox ended before it was ready: ${logged}`);
      return said.includes('Stop with');
    });
    return { credentials: JSON.parse(readFileSync(file, 'utf8')), stop };
  } catch (problem) {
    await stop();
    throw problem;
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function base32(text) {
  let bits = '';
  for (const letter of text.replaceAll(' ', '')) bits += ALPHABET.indexOf(letter).toString(2).padStart(5, '0');
  return Buffer.from(bits.match(/.{8}/g).map((eight) => Number.parseInt(eight, 2)));
}

// An authenticator (RFC 6238) that never gives a code twice: it takes the next step's, and waits where even that is used.
export class Authenticator {
  constructor(secret) { this.key = base32(secret); this.used = 0; }

  at(step) {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(step));
    const mac = createHmac('sha1', this.key).update(counter).digest();
    const offset = mac[19] & 15;
    return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
  }

  async code() {
    const now = () => Math.floor(Date.now() / 30_000);
    await sleepless('a fresh code', async () => now() + 1 > this.used);
    const step = Math.max(now(), this.used + 1);
    this.used = step;
    return this.at(step);
  }
}

// The newest code that was sent to an address after the one seen last.
export class Mailbox {
  constructor(url, address) { this.url = url; this.address = address; this.seen = new Set(); }

  async all() {
    const answer = await ask(`${this.url}.json`);
    return (await answer.json()).filter((mail) => mail.to === this.address);
  }

  async code() {
    return sleepless(`a code for ${this.address}`, async () => {
      for (const mail of await this.all()) {
        const found = /^ {4}(\d{4}) (\d{4})$/m.exec(mail.text);
        if (found && !this.seen.has(mail.text)) {
          this.seen.add(mail.text);
          return found[1] + found[2];
        }
      }
      return null;
    });
  }
}

const BALANCE = '/api/v5/account/balance';

// The headers of one signed request, by OKX's rules.
function signed(key) {
  const at = new Date().toISOString();
  const sign = createHmac('sha256', key.secret).update(`${at}GET${BALANCE}`).digest('base64');
  return { 'OK-ACCESS-KEY': key.api_key, 'OK-ACCESS-SIGN': sign, 'OK-ACCESS-TIMESTAMP': at, 'OK-ACCESS-PASSPHRASE': key.passphrase };
}

// The login of a socket, by the same rules.
export function loginOf(key) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const sign = createHmac('sha256', key.secret).update(`${timestamp}GET/users/self/verify`).digest('base64');
  return JSON.stringify({ op: 'login', args: [{ apiKey: key.api_key, passphrase: key.passphrase, timestamp, sign }] });
}

// One signed request; gives the envelope's code.
export async function balance(gateway, key) {
  const answer = await ask(gateway + BALANCE, { headers: signed(key) });
  return (await answer.json()).code;
}

// The same from one of this machine's addresses, on a connection of its own.
export async function balanceFrom(source, port, key) {
  const host = source.includes(':') ? '::1' : '127.0.0.1';
  const text = await new Promise((done, fail) => {
    const asked = request({ host, port, path: BALANCE, headers: signed(key), localAddress: source, agent: false,
      signal: AbortSignal.timeout(LIMIT_S * 1000) }, (answer) => {
      let all = '';
      answer.on('data', (bytes) => { all += bytes; });
      answer.on('end', () => done(all));
      answer.on('error', fail);
    });
    asked.on('error', fail).end();
  });
  return JSON.parse(text).code;
}

// Until the gateway answers with `code`, within a second; gives the milliseconds it took.
export function within(gateway, key, code) {
  return promptly('the gateway answers', code, () => balance(gateway, key));
}

// An order by ccxt, as people run it; throws with its output when it fails. The sandbox's output is read meanwhile.
export async function tradeByCcxt(gateway, key) {
  const script = `
import ccxt, os
okx = ccxt.okx({'apiKey': os.environ['K'], 'secret': os.environ['S'], 'password': os.environ['P']})
okx.urls['api']['rest'] = os.environ['G']
order = okx.create_order('BTC/USDT', 'limit', 'buy', 0.001, 20000)
okx.cancel_order(order['id'], 'BTC/USDT')
print('traded', order['id'])`;
  const python = process.env.KEYWARD_PYTHON ?? 'python3';
  const env = { ...process.env, K: key.api_key, S: key.secret, P: key.passphrase, G: gateway };
  const { stdout } = await promisify(execFile)(python, ['-c', script], { env, timeout: 3 * LIMIT_S * 1000 });
  if (!stdout.includes('traded')) throw new Error(`ccxt: ${stdout}`);
}

// What ccxt makes of one call, such as `create_order('BTC/USDT', 'limit', 'buy', 0.02, 20000)`: `ok`, or the name and text of its error.
export async function byCcxt(gateway, key, call) {
  const script = `
import ccxt, os
okx = ccxt.okx({'apiKey': os.environ['K'], 'secret': os.environ['S'], 'password': os.environ['P']})
okx.urls['api']['rest'] = os.environ['G']
try:
    okx.${call}
    print('ok')
except ccxt.BaseError as error:
    print(type(error).__name__, error)`;
  const python = process.env.KEYWARD_PYTHON ?? 'python3';
  const env = { ...process.env, K: key.api_key, S: key.secret, P: key.passphrase, G: gateway };
  const { stdout } = await promisify(execFile)(python, ['-c', script], { env, timeout: 3 * LIMIT_S * 1000 });
  return stdout.trim();
}

let last = 'the start';

export function step(name, ok = true, why = '') {
  console.log(JSON.stringify({ step: name, ok, ...(ok ? {} : { why }) }));
  if (!ok) throw new Error(`${name}: ${why || 'it is not so'}`);
  last = name;
}

// What this machine does not permit to try is no step that passed.
export function skip(name, why) { console.log(JSON.stringify({ skipped: name, why })); }

// A script's sandbox and, if it has one, its browser. `end` closes both and ends the script: with 1 if a problem was told to
// `fail`, was thrown where nobody waits for it, or came in closing. `closing` takes what else is to be closed, last first.
export async function openScene({ extra, gateway, browser: open } = {}) {
  let [failed, browser, ending] = [false, null, null];
  const closing = [];
  const fail = (problem) => {
    // A script that is cut off fails once more, and that says nothing.
    if (ending && failed) return;
    failed = true;
    console.error(`FAILED after the step "${last}":`, problem);
  };
  const close = async () => {
    if (failed && browser) console.error(await browser.where());
    for (const one of closing.reverse()) {
      await one().catch((problem) => {
        failed = true;
        console.error('FAILED in closing:', problem);
      });
    }
    process.exit(failed ? 1 : 0);
  };
  const end = () => ending ??= close();
  process.on('uncaughtException', (problem) => {
    fail(problem);
    end();
  });
  try {
    const sandbox = await startSandbox(extra, gateway);
    closing.push(async () => step('the sandbox ends with 0', (await sandbox.stop()) === 0));
    if (open) browser = await open();
    if (browser) closing.push(() => browser.close());
    return { credentials: sandbox.credentials, browser, fail, end, closing };
  } catch (problem) {
    fail(problem);
    return end();
  }
}
